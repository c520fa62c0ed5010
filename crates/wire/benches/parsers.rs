//! What a control packet costs to read, beside two other parsers on the same bytes: mqttbytes, which the
//! rumqtt family uses, and mqtt-protocol-core.
//!
//! Each is fed as it is made to be fed: Weir a slice of the segment, mqttbytes a `BytesMut` with many packets,
//! mqtt-protocol-core a packet whose length it reads, and whose body stands ready in an `Arc` for PUBLISH.
//! None of the two checks what Weir checks; see docs/benchmarks.md.
//!
//! `cargo bench -p weir-wire --bench parsers` prints nanoseconds. With `count PARSER PACKET ROUNDS` as
//! arguments the binary reads that packet so often and does nothing else, for scripts/instructions.

use std::hint::black_box;
use std::sync::Arc;

use bytes::BytesMut;
use criterion::{Criterion, Throughput};
use hex_literal::hex;
use mqtt_protocol_core::mqtt::packet::{DecodeResult, VariableByteInteger, v3_1_1, v5_0};
use weir_wire as wire;
use wire::mqtt::{ControlPacket, Publish, PublishHead, Version};
use wire::{Decoded, Direction};

/// Packets read in one round: what a segment holds of small ones.
const BATCH: usize = 64;
const PARSERS: [&str; 5] = [
    "weir",
    "weir-prefix",
    "weir-head",
    "mqttbytes",
    "mqtt-protocol-core",
];

struct Case {
    name: &'static str,
    version: Version,
    packet: &'static [u8],
}

#[rustfmt::skip]
const CASES: [Case; 10] = [
    Case { name: "connect", version: Version::V311, packet: &hex!("
        10 26 0004 4d515454 04 c2 003c 000b 73656e736f722d30303037 0005 706c616e74 0006 736563726574") },
    Case { name: "publish-qos0", version: Version::V311, packet: &hex!("
        30 22 0013 706c616e742f372f74656d7065726174757265 7b2274223a32312e35317d20 20") },
    Case { name: "publish-qos1", version: Version::V311, packet: &hex!("
        32 24 0013 706c616e742f372f74656d7065726174757265 0007 7b2274223a32312e35317d20 20") },
    Case { name: "subscribe", version: Version::V311, packet: &hex!("
        82 1e 0001 0009 706c616e742f372f23 00 000d 706c616e742f2b2f7374617465 01") },
    Case { name: "puback", version: Version::V311, packet: &hex!("40 02 0007") },
    Case { name: "connect-5.0", version: Version::V5, packet: &hex!("
        10 33 0004 4d515454 05 c2 003c 0d 11 00000e10 21 0014 27 00010000 000a 73656e736f722d303037
        0005 706c616e74 0006 736563726574") },
    Case { name: "publish-qos0-5.0", version: Version::V5, packet: &hex!("
        30 31 0013 706c616e742f372f74656d7065726174757265 0e 01 01 02 00000e10 03 0004 6a736f6e
        7b2274223a32312e35317d20 20") },
    Case { name: "publish-qos1-5.0", version: Version::V5, packet: &hex!("
        32 33 0013 706c616e742f372f74656d7065726174757265 0007 0e 01 01 02 00000e10 03 0004 6a736f6e
        7b2274223a32312e35317d20 20") },
    Case { name: "subscribe-5.0", version: Version::V5, packet: &hex!("
        82 21 0001 02 0b 07 0009 706c616e742f372f23 00 000d 706c616e742f2b2f7374617465 01") },
    Case { name: "puback-5.0", version: Version::V5, packet: &hex!("40 03 0007 10") },
];

impl Case {
    fn is_publish(&self) -> bool {
        self.name.starts_with("publish")
    }

    /// Which way the packet travels.
    fn direction(&self) -> Direction {
        match self.name {
            // "No matching subscribers" is a server's word.
            "puback-5.0" => Direction::ToClient,
            _ => Direction::ToServer,
        }
    }
}

/// A round of reading [`BATCH`] packets; nothing where the parser has no such way of reading.
fn round(parser: &str, case: &'static Case) -> Option<Box<dyn FnMut()>> {
    let stream = case.packet.repeat(BATCH);
    Some(match parser {
        "weir" => Box::new(move || weir(&stream, case)),
        "weir-prefix" if case.is_publish() => Box::new(move || weir_prefix(&stream, case)),
        "weir-head" if case.is_publish() => Box::new(move || weir_head(&stream, case)),
        "mqttbytes" => {
            let stream = BytesMut::from(&stream[..]);
            Box::new(move || mqttbytes(stream.clone(), case.version))
        }
        "mqtt-protocol-core" => mqtt_protocol_core(case),
        _ => return None,
    })
}

fn weir(mut stream: &[u8], case: &Case) {
    let direction = case.direction();
    while !stream.is_empty() {
        match &ControlPacket::decode(black_box(stream), case.version, direction) {
            Ok(Decoded::Complete { message, len }) => {
                black_box(message);
                stream = &stream[*len..];
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Header, topic, identifier and properties, without the payload.
fn weir_prefix(mut stream: &[u8], case: &Case) {
    let direction = case.direction();
    while !stream.is_empty() {
        match &Publish::decode_prefix(black_box(stream), case.version, direction) {
            Ok(Decoded::Complete { message, len }) => {
                black_box(message);
                stream = &stream[len + message.payload_len..];
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Header, topic and identifier, with the properties stepped over.
fn weir_head(mut stream: &[u8], case: &Case) {
    while !stream.is_empty() {
        match &PublishHead::decode(black_box(stream), case.version) {
            Ok(Decoded::Complete { message, .. }) => {
                black_box(message);
                stream = &stream[message.packet_len..];
            }
            other => panic!("{other:?}"),
        }
    }
}

fn mqttbytes(mut stream: BytesMut, version: Version) {
    while !stream.is_empty() {
        let stream = black_box(&mut stream);
        match version {
            Version::V5 => _ = black_box(mqttbytes::v5::read(stream, 1 << 20).expect("a packet")),
            _ => _ = black_box(mqttbytes::v4::read(stream, 1 << 20).expect("a packet")),
        }
    }
}

/// The body of a packet, found with what mqtt-protocol-core has for that. The choice by packet type that
/// its user has to make isn't in its figures.
fn body(packet: &[u8]) -> &[u8] {
    match VariableByteInteger::decode_stream(&packet[1..]) {
        DecodeResult::Ok(len, taken) => &packet[1 + taken..1 + taken + len.to_u32() as usize],
        _ => panic!("no fixed header: {packet:02x?}"),
    }
}

fn mqtt_protocol_core(case: &'static Case) -> Box<dyn FnMut()> {
    let (packet, flags) = (case.packet, case.packet[0] & 0x0f);
    let shared: Arc<[u8]> = Arc::from(body(packet));
    macro_rules! parse {
        ($packet:ty) => {
            Box::new(move || {
                for _ in 0..BATCH {
                    _ = black_box(<$packet>::parse(body(black_box(packet))).expect("a packet"));
                }
            })
        };
    }
    macro_rules! parse_publish {
        ($packet:ty) => {
            Box::new(move || {
                for _ in 0..BATCH {
                    black_box(body(black_box(packet)));
                    let body = Arc::clone(black_box(&shared));
                    _ = black_box(<$packet>::parse(flags, body).expect("a packet"));
                }
            })
        };
    }
    match (case.name.split('-').next(), case.version) {
        (Some("connect"), Version::V5) => parse!(v5_0::Connect),
        (Some("connect"), _) => parse!(v3_1_1::Connect),
        (Some("publish"), Version::V5) => parse_publish!(v5_0::Publish),
        (Some("publish"), _) => parse_publish!(v3_1_1::Publish),
        (Some("subscribe"), Version::V5) => parse!(v5_0::Subscribe),
        (Some("subscribe"), _) => parse!(v3_1_1::Subscribe),
        (_, Version::V5) => parse!(v5_0::Puback),
        _ => parse!(v3_1_1::Puback),
    }
}

fn bench(c: &mut Criterion) {
    for case in &CASES {
        let mut group = c.benchmark_group(case.name);
        group.throughput(Throughput::Elements(BATCH as u64));
        for parser in PARSERS {
            if let Some(mut round) = round(parser, case) {
                group.bench_function(parser, |b| b.iter(&mut round));
            }
        }
        group.finish();
    }
}

/// Reads one packet again and again, to have instructions counted.
fn count(parser: &str, packet: &str, rounds: &str) {
    let case = CASES.iter().find(|case| case.name == packet);
    let round = case.and_then(|case| round(parser, case));
    let mut round = round.unwrap_or_else(|| panic!("{parser} has no way to read {packet}"));
    let rounds: usize = rounds.parse().expect("a number of rounds");
    for _ in 0..rounds {
        round();
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["count", parser, packet, rounds, ..] = words[..] {
        return count(parser, packet, rounds);
    }
    let mut criterion = Criterion::default()
        .warm_up_time(std::time::Duration::from_millis(200))
        .measurement_time(std::time::Duration::from_millis(500))
        .sample_size(20)
        .configure_from_args();
    bench(&mut criterion);
    criterion.final_summary();
}
