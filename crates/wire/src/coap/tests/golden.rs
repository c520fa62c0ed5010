//! Whole messages and what they say.

use hex_literal::hex;

use super::message;
use crate::coap::fuzz::fuzz_message;
use crate::coap::{
    Block, Code, Format, HEADER_LEN, Message, Opt, Type, definition, is_critical, is_reserved,
    number,
};
use crate::noise::Noise;

/// Well-formed messages: the seeds of the hostile tests and of the fuzzers.
#[rustfmt::skip]
pub(crate) const SAMPLES: &[&[u8]] = &[
    &hex!("40010001"),
    &hex!("40000001"),
    &hex!("60000001"),
    &hex!("70000001"),
    &hex!("42010203 abcd bb2e77656c6c2d6b6e6f776e 04636f7265 4372743d"),
    &hex!("62450203 abcd c128 ff3c2f3e"),
    &hex!("48450001 0102030405060708 6301e240 ff32312e35"),
    &hex!("40030001 b175 d103 08 ff 30313233343536373839616263646566"),
    &hex!("40010001 3b6578616d706c652e6f7267 421633 42 6161 02 6262 45 613d6226 63"),
    &hex!("40010001 b161 d8e4 0102030405060708"),
    &hex!("50030001 b178 d1ea 1a ff31"),
    &hex!("40020001 95 190101aa25 ff 00"),
    &hex!("40010001 dd 16 03 636f61703a2f2f31302e302e302e312f"),
    &hex!("40010001 e1 fef2 00"),
];

#[test]
fn a_request_says_what_it_wants() {
    let get = message(SAMPLES[4]);
    assert_eq!(
        (get.message_type(), get.code()),
        (Type::Confirmable, Code::GET)
    );
    assert_eq!((get.message_id(), get.token()), (0x203, &hex!("abcd")[..]));
    assert_eq!(get.uri_path().collect::<Vec<_>>(), [".well-known", "core"]);
    assert_eq!(get.uri_query().collect::<Vec<_>>(), ["rt="]);
    assert_eq!((get.payload(), get.observe()), (&b""[..], None));
    assert!(get.anomalies().is_empty());
    assert_eq!(message(SAMPLES[0]).uri_path().count(), 0);
}

#[test]
fn responses_and_notifications() {
    let content = message(SAMPLES[5]);
    assert_eq!(content.message_type(), Type::Acknowledgement);
    assert_eq!(
        (content.content_format(), content.payload()),
        (Some(40), &b"</>"[..])
    );
    let notification = message(SAMPLES[6]);
    assert_eq!(
        (notification.observe(), notification.token().len()),
        (Some(0x01_e240), 8)
    );
    assert_eq!(notification.code().to_string(), "2.05");
}

#[test]
fn empty_messages_are_their_header() {
    for (index, message_type) in [
        (1, Type::Confirmable),
        (2, Type::Acknowledgement),
        (3, Type::Reset),
    ] {
        let empty = message(SAMPLES[index]);
        assert_eq!(
            (empty.message_type(), empty.code().is_empty()),
            (message_type, true)
        );
        assert_eq!(SAMPLES[index].len(), HEADER_LEN);
    }
}

#[test]
fn blocks() {
    let put = message(SAMPLES[7]);
    let block = Block {
        number: 0,
        more: true,
        szx: 0,
    };
    assert_eq!((put.block1(), put.block2()), (Some(block), None));
    assert_eq!((block.size(), put.payload().len()), (16, 16));
    let ask = message(&hex!("40010001 b16d c2 0fa6"));
    assert_eq!(
        ask.block2(),
        Some(Block {
            number: 250,
            more: false,
            szx: 6
        })
    );
    // In a request Block2 asks, whatever its more bit says (RFC 7959 §2.2).
    assert!(Message::decode(&hex!("40010001 b16d c1 0e")).is_ok());
    let full = [&hex!("64450001 00000001 d1 0a 0e ff")[..], &[0x41; 1024]].concat();
    assert_eq!(message(&full).block2().map(Block::size), Some(1024));
}

#[test]
fn options_of_several_rfcs() {
    let echo = message(SAMPLES[9]);
    assert_eq!(echo.echo(), Some(&hex!("0102030405060708")[..]));
    assert_eq!(message(SAMPLES[10]).no_response(), Some(0x1a));
    assert!(message(SAMPLES[11]).option(number::OSCORE).is_some());
    let proxy = message(SAMPLES[12]).option(number::PROXY_URI).unwrap();
    assert_eq!(proxy.as_str(), Some("coap://10.0.0.1/"));
    let numbers: Vec<_> = message(SAMPLES[8])
        .options()
        .map(|option| option.number)
        .collect();
    assert_eq!(numbers, [3, 7, 11, 11, 15]);
    assert_eq!(message(SAMPLES[8]).uint(number::URI_PORT), Some(0x1633));
    assert_eq!(
        message(SAMPLES[13]).options().next(),
        Some(Opt {
            number: u16::MAX,
            value: &[0]
        })
    );
}

#[test]
fn a_number_is_no_longer_than_four_bytes() {
    let option = |value| Opt { number: 14, value };
    assert_eq!(option(&hex!("")).as_uint(), Some(0));
    assert_eq!(option(&hex!("ffffffff")).as_uint(), Some(u32::MAX));
    assert_eq!(option(&hex!("0100000000")).as_uint(), None);
    assert_eq!(option(&hex!("01000000")).as_block(), None);
}

#[test]
fn the_registry_agrees_with_the_numbers() {
    let known: Vec<_> = (0..=u16::MAX)
        .filter(|option| definition(*option).is_some())
        .collect();
    assert_eq!(known.len(), 29);
    assert!(known.iter().all(|option| !is_reserved(*option)));
    let critical = |option: u16| (is_critical(option), definition(option).unwrap().name);
    assert_eq!(critical(number::URI_PATH), (true, "Uri-Path"));
    assert_eq!(critical(number::OBSERVE), (false, "Observe"));
    let etag = definition(number::ETAG).unwrap();
    assert_eq!(
        (etag.format, etag.len_min, etag.len_max),
        (Format::Opaque, 1, 8)
    );
    assert!(etag.repeatable && !definition(number::ECHO).unwrap().repeatable);
}

/// A datagram has no incomplete form: a prefix is another message, or a violation.
#[test]
fn prefixes_never_panic() {
    for sample in SAMPLES {
        for end in 0..=sample.len() {
            fuzz_message(&sample[..end]);
        }
    }
}

#[test]
fn random_and_mutilated_bytes() {
    let mut noise = Noise::new(0x636f_6170);
    let mut buffer = [0; 48];
    for round in 0..1_500_000 {
        let len = if round % 2 == 0 {
            let len = noise.below(buffer.len());
            noise.fill(&mut buffer[..len]);
            if len > 0 {
                // Past the version, or little is reached.
                buffer[0] = 0x40 | buffer[0] & 0x3f;
            }
            len
        } else {
            let sample = SAMPLES[noise.below(SAMPLES.len())];
            let len = sample.len().min(buffer.len());
            buffer[..len].copy_from_slice(&sample[..len]);
            noise.mutilate(&mut buffer[..len]);
            len
        };
        fuzz_message(&buffer[..len]);
    }
}
