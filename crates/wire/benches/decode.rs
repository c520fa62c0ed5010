//! What decoding costs: single control packets and messages, whole frames, checksums.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hex_literal::hex;
use weir_wire as wire;
use wire::Direction;
use wire::coap::Message;
use wire::mqtt::{ControlPacket, Publish, Version, encode, topic};
use wire::net::build::{self, Path, TcpSegment};
use wire::net::{Packet, TcpFlags, Transport, checksum};

mod rivals;

const C2S: Direction = Direction::ToServer;
/// GET /.well-known/core with a token of two bytes.
const COAP_GET: [u8; 23] = hex!("42010203 abcd bb2e77656c6c2d6b6e6f776e 04636f7265");

fn publish(version: Version, payload: &[u8]) -> Vec<u8> {
    let topic = "plant/7/temperature";
    let mut out = Vec::new();
    encode::publish(
        &mut out,
        version,
        &encode::Publish {
            topic,
            payload,
            ..Default::default()
        },
    );
    out
}

fn connect() -> Vec<u8> {
    let mut out = Vec::new();
    let spec = encode::Connect {
        client_id: "sensor-0007",
        username: Some("plant"),
        password: Some(b"secret"),
        ..Default::default()
    };
    encode::connect(&mut out, &spec);
    out
}

fn path() -> Path {
    Path {
        source_mac: [2, 0, 0, 0, 0, 1],
        destination_mac: [2, 0, 0, 0, 0, 2],
        vlan: None,
        source: [10, 20, 0, 7].into(),
        destination: [10, 30, 0, 9].into(),
        source_port: 40_000,
        destination_port: 1883,
        hop_limit: build::HOP_LIMIT,
    }
}

fn over_ipv6(path: Path) -> Path {
    let [source, destination] = ["fd00:20::7", "fd00:30::9"].map(|a| a.parse().expect("IPv6"));
    Path {
        source,
        destination,
        ..path
    }
}

fn datagram(path: &Path, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; 2048];
    let len = build::udp_datagram(&mut frame, path, payload).expect("room");
    frame.truncate(len);
    frame
}

fn segment(path: &Path, payload: &[u8]) -> Vec<u8> {
    let flags = TcpFlags::ACK | TcpFlags::PSH;
    let options = &hex!("01 01 08 0a 00000001 00000002");
    let spec = TcpSegment {
        seq: 1,
        ack: 1,
        flags,
        window: 502,
        options,
        payload,
    };
    let mut frame = vec![0; 2048];
    let len = build::tcp_segment(&mut frame, path, &spec).expect("room");
    frame.truncate(len);
    frame
}

fn mqtt(c: &mut Criterion) {
    let mut group = c.benchmark_group("mqtt");
    let packets = [
        (
            "publish-3.1.1",
            Version::V311,
            publish(Version::V311, b"21.5"),
        ),
        ("publish-5.0", Version::V5, publish(Version::V5, b"21.5")),
        ("connect", Version::V311, connect()),
        ("pingreq", Version::V311, hex!("c000").to_vec()),
    ];
    for (name, version, packet) in &packets {
        group.bench_function(*name, |b| {
            b.iter(|| ControlPacket::decode(black_box(packet), *version, C2S).is_ok());
        });
    }
    let packet = publish(Version::V311, &[0; 1000]);
    group.bench_function("publish-prefix", |b| {
        b.iter(|| Publish::decode_prefix(black_box(&packet), Version::V311, C2S).is_ok());
    });
    group.bench_function("topic-matches", |b| {
        b.iter(|| topic::matches(black_box("plant/+/#"), black_box("plant/7/temperature")));
    });
    group.finish();
}

fn coap(c: &mut Criterion) {
    let mut group = c.benchmark_group("coap");
    for (name, message) in rivals::MESSAGES {
        for (decoder, decode) in rivals::DECODERS {
            group.bench_function(format!("{name}/{decoder}"), |b| b.iter(|| decode(message)));
        }
    }
    group.finish();
}

fn frames(c: &mut Criterion) {
    let mut group = c.benchmark_group("frame");
    for (family, path) in [("ipv4", path()), ("ipv6", over_ipv6(path()))] {
        let frame = datagram(&path, &COAP_GET);
        group.bench_function(format!("{family}-udp-coap-get"), |b| {
            b.iter(
                || match Packet::decode(black_box(&frame)).map(|packet| packet.transport) {
                    Ok(Transport::Udp(udp)) => Message::decode(udp.payload).is_ok(),
                    _ => false,
                },
            );
        });
        let frame = segment(&path, &publish(Version::V311, b"21.5"));
        group.bench_function(format!("{family}-tcp-publish"), |b| {
            b.iter(
                || match Packet::decode(black_box(&frame)).map(|packet| packet.transport) {
                    Ok(Transport::Tcp(tcp)) => {
                        ControlPacket::decode(tcp.payload, Version::V311, C2S).is_ok()
                    }
                    _ => false,
                },
            );
        });
    }
    group.finish();
}

fn checksums(c: &mut Criterion) {
    let mut group = c.benchmark_group("checksum");
    for len in [64, 1400] {
        let frame = segment(&path(), &vec![0x5a; len]);
        let packet = Packet::decode(&frame).expect("well-formed");
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(format!("verify-{len}"), |b| {
            b.iter(|| checksum::verify(black_box(&packet)));
        });
    }
    group.finish();
}

fn quick() -> Criterion {
    use std::time::Duration;
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30)
}

criterion_group!(name = benches; config = quick(); targets = mqtt, coap, frames, checksums);
criterion_main!(benches);
