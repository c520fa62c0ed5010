//! Messages of a stream: framing, signals, and what only they may say.

use hex_literal::hex;

use crate::Decoded;
use crate::coap::encode;
use crate::coap::fuzz::fuzz_stream;
use crate::coap::signal::Capabilities;
use crate::coap::tcp::{Header, Message};
use crate::coap::{Anomaly, Code, Malformed as M, number};
use crate::noise::Noise;

/// Well-formed messages: the seeds of the hostile tests and of the fuzzer.
#[rustfmt::skip]
pub(crate) const SAMPLES: &[&[u8]] = &[
    &hex!("00 00"),
    &hex!("00 e1"),
    &hex!("30 e1 22 2000"),
    &hex!("50 e1 22 2000 20 20"),
    &hex!("01 e2 aa"),
    &hex!("11 e3 aa 20"),
    &hex!("00 e4"),
    &hex!("80 e5 ff 676f2061 776179"),
    &hex!("01 01 aa"),
    &hex!("d2 04 01 abcd bb2e77656c6c2d6b6e6f776e 04636f7265"),
    &hex!("41 45 aa c0 ff 3139"),
    &hex!("0d 01 01 0102030405060708090a0b0c0d0e"),
];

fn message(bytes: &[u8]) -> Message<'_> {
    match Message::decode(bytes) {
        Ok(Decoded::Complete { message, len }) if len == bytes.len() => message,
        other => panic!("{bytes:02x?}: {other:?}"),
    }
}

#[test]
fn every_proper_prefix_is_incomplete() {
    for sample in SAMPLES {
        message(sample);
        for end in 0..sample.len() {
            let decoded = Message::decode(&sample[..end]);
            let Ok(Decoded::Incomplete { need }) = decoded else {
                panic!("{sample:02x?} to {end}: {decoded:?}");
            };
            assert!((end + 1..=sample.len()).contains(&need), "{need}");
        }
    }
}

#[test]
fn lengths_take_one_two_and_four_more_bytes() {
    for (len, header_len) in [
        (12, 2),
        (13, 3),
        (268, 3),
        (269, 4),
        (65_804, 4),
        (65_805, 6),
    ] {
        let mut out = Vec::new();
        encode::tcp(&mut out, Code::CONTENT, b"t", |builder| {
            builder.payload(&vec![b'x'; len - 1]);
        });
        assert_eq!(out.len(), header_len + 1 + len);
        let decoded = message(&out);
        assert_eq!(
            (decoded.code(), decoded.token()),
            (Code::CONTENT, &b"t"[..])
        );
        assert_eq!(decoded.payload().len(), len - 1);
    }
}

#[test]
fn what_no_memory_holds_is_a_length_all_the_same() {
    let Ok(Decoded::Complete { message, .. }) = Header::decode(&hex!("f0 ffffffff 45")) else {
        panic!("a header");
    };
    assert_eq!(message.message_len(), 6 + 65_805 + 0xffff_ffff);
}

#[test]
fn a_request_of_a_stream_says_what_one_of_a_datagram_does() {
    let get = message(SAMPLES[9]);
    assert_eq!(get.uri_path().collect::<Vec<_>>(), [".well-known", "core"]);
    assert!(get.anomalies().is_empty() && get.code().is_request());
    let content = message(SAMPLES[10]);
    assert_eq!(
        (content.content_format(), content.payload()),
        (Some(0), &b"19"[..])
    );
}

#[test]
fn signals_have_options_of_their_own() {
    let csm = message(SAMPLES[3]);
    let expected = Capabilities {
        max_message_size: Some(0x2000),
        extended_token_len: Some(0),
    };
    assert_eq!(Capabilities::of(&csm), Some(expected));
    assert!(csm.anomalies().is_empty());
    assert_eq!(Capabilities::of(&message(SAMPLES[8])), None);
    // Six is Observe elsewhere.
    assert_eq!((csm.observe(), csm.uri_path().count()), (None, 0));
}

#[test]
fn violations_of_framing_and_signals() {
    #[rustfmt::skip]
    let table: &[(M, &[u8])] = &[
        (M::TokenLength, &hex!("0f 01")),
        (M::CodeClass, &hex!("00 20")),
        (M::CodeClass, &hex!("00 c0")),
        (M::EmptyMessage, &hex!("01 00 aa")),
        (M::EmptyMessage, &hex!("20 00 ff 41")),
        (M::PayloadMarker, &hex!("10 01 ff")),
        (M::OptionTruncated, &hex!("10 01 b2 6161")),
        (M::OptionValueLength, &hex!("60 e1 25 0000000000")),           // Max-Message-Size
        (M::OptionValueLength, &hex!("20 e2 21 00")),                   // Custody
        (M::OptionRepeated, &hex!("20 e1 20 00")),
        (M::OptionUtf8, &hex!("30 e4 22 c3c3")),                        // Alternative-Address
        (M::OptionDelta, &hex!("20 e5 f0 00")),
        (M::BlockPayload, &hex!("60 03 d1 0e 0f ff 41 41")),            // BERT
    ];
    for (expected, bytes) in table {
        assert_eq!(Message::decode(bytes), Err(*expected), "{bytes:02x?}");
    }
}

#[test]
fn oddities_of_signals() {
    for (anomaly, bytes) in [
        (Anomaly::UnknownSignal, &hex!("10 e6 20")[..]),
        (Anomaly::UnknownSignal, &hex!("00 e0")),
        (Anomaly::UnknownCriticalOption, &hex!("10 e1 10")),
    ] {
        let anomalies = message(bytes).anomalies();
        assert_eq!(
            anomalies.iter().collect::<Vec<_>>(),
            [anomaly],
            "{bytes:02x?}"
        );
    }
    // An elective one of another signal is ignored.
    assert!(message(&hex!("10 e2 40")).anomalies().is_empty());
}

/// Several blocks at once, which datagrams have no room for (RFC 8323 §6).
#[test]
fn large_blocks() {
    let put = |len: usize| {
        let mut out = Vec::new();
        encode::tcp(&mut out, Code::PUT, b"t", |builder| {
            builder
                .path(number::URI_PATH, "u")
                .uint(number::BLOCK1, 0x0f)
                .payload(&vec![b'x'; len]);
        });
        out
    };
    let bytes = put(3 * 1024);
    let block = message(&bytes).block1().expect("Block1");
    assert_eq!((block.szx, block.size(), block.more), (7, 1024, true));
    assert_eq!(Message::decode(&put(3 * 1024 + 1)), Err(M::BlockPayload));
}

#[test]
fn a_prefix_says_all_but_the_payload() {
    let mut bytes = Vec::new();
    encode::tcp(&mut bytes, Code::PUT, b"t", |builder| {
        builder.path(number::URI_PATH, "a/b").payload(&[b'x'; 5000]);
    });
    let marker = bytes
        .iter()
        .position(|byte| *byte == 0xff)
        .expect("a payload");
    for end in 0..bytes.len() {
        match Message::decode_prefix(&bytes[..end]) {
            Ok(Decoded::Complete { message, len }) => {
                assert!(end > marker && len == end, "{end}");
                assert_eq!(message.uri_path().collect::<Vec<_>>(), ["a", "b"]);
                assert_eq!(
                    (message.payload_len(), message.payload().len()),
                    (5000, end - marker - 1)
                );
            }
            Ok(Decoded::Incomplete { need }) => assert!(end <= marker && need > end, "{end}"),
            Err(error) => panic!("{end}: {error}"),
        }
    }
}

#[test]
fn random_and_mutilated_bytes() {
    let mut noise = Noise::new(0x7463_7063);
    let mut buffer = [0; 48];
    for round in 0..500_000 {
        let len = if round % 2 == 0 {
            let len = noise.below(buffer.len());
            noise.fill(&mut buffer[..len]);
            len
        } else {
            let sample = SAMPLES[noise.below(SAMPLES.len())];
            buffer[..sample.len()].copy_from_slice(sample);
            noise.mutilate(&mut buffer[..sample.len()]);
            sample.len()
        };
        fuzz_stream(&buffer[..len]);
    }
}
