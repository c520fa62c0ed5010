//! Every violation has its datagram.

use std::collections::BTreeSet;

use hex_literal::hex;

use crate::coap::Malformed as M;
use crate::coap::{Anomaly, Message, Opt, Type, encode, number};

#[rustfmt::skip]
const TABLE: &[(M, &[u8])] = &[
    (M::TooShort, &hex!("")),
    (M::TooShort, &hex!("400100")),
    (M::Version, &hex!("00010001")),
    (M::Version, &hex!("80010001")),
    (M::Version, &hex!("16fefd0000")),                      // a DTLS record
    (M::TokenLength, &hex!("4f010001 414141414141414141414141414141")),
    (M::TokenTruncated, &hex!("48010001 41")),
    (M::TokenTruncated, &hex!("4c010001 4141414141414141")),
    (M::TokenTruncated, &hex!("4d010001")),
    (M::TokenTruncated, &hex!("4d010001 00 41414141")),
    (M::TokenTruncated, &hex!("4e010001 00")),
    (M::CodeClass, &hex!("40200001")),
    (M::CodeClass, &hex!("40c00001")),
    (M::CodeClass, &hex!("40e10001")),
    (M::EmptyMessage, &hex!("44000001 41424344")),
    (M::EmptyMessage, &hex!("44000001")),
    (M::EmptyMessage, &hex!("60000001 ff41")),
    (M::EmptyMessage, &hex!("70000001 00")),
    (M::EmptyNonConfirmable, &hex!("50000001")),
    (M::AckRequest, &hex!("60010001")),
    (M::ResetNotEmpty, &hex!("70450001")),
    (M::OptionDelta, &hex!("40010001 f0")),
    (M::OptionLength, &hex!("40010001 bf")),
    (M::OptionHeaderTruncated, &hex!("40010001 d0")),
    (M::OptionHeaderTruncated, &hex!("40010001 e000")),
    (M::OptionHeaderTruncated, &hex!("40010001 0d")),
    (M::OptionHeaderTruncated, &hex!("40010001 be01")),
    (M::OptionNumber, &hex!("40010001 e0ffff e0ffff")),
    (M::OptionNumber, &hex!("40010001 e0fef2 10 10")),
    (M::OptionTruncated, &hex!("40010001 bdff61")),
    (M::OptionTruncated, &hex!("40010001 b261")),
    (M::PayloadMarker, &hex!("40010001 ff")),
    (M::PayloadMarker, &hex!("40010001 b161 ff")),
    (M::OptionValueLength, &hex!("40010001 49 313233343536373839")),   // ETag
    (M::OptionValueLength, &hex!("40010001 64 00000000")),             // Observe
    (M::OptionValueLength, &hex!("40010001 30")),                      // Uri-Host
    (M::OptionValueLength, &hex!("40010001 51 00")),                   // If-None-Match
    (M::OptionValueLength, &hex!("40010001 d0ef")),                    // Echo
    (M::OptionRepeated, &hex!("40010001 3161 0162")),                  // Uri-Host
    (M::OptionRepeated, &hex!("40010001 c100 0100")),                  // Content-Format
    (M::OptionRepeated, &hex!("60450001 4161 0162")),                  // ETag of a response
    (M::OptionRepeated, &hex!("60450001 d11200 0110 ff41")),            // Q-Block2 of a response
    (M::OptionUtf8, &hex!("40010001 b2c3c3")),
    (M::PathDots, &hex!("40010001 b22e2e 03657463")),
    (M::PathDots, &hex!("40010001 b12e")),
    (M::PathDots, &hex!("60410001 822e2e")),                            // Location-Path
    (M::ProxyUriConflict, &hex!("40010001 b161 da0b636f61703a2f2f682f62")),
    (M::HopLimitZero, &hex!("40010001 d10300")),
    (M::BlockSize, &hex!("40030001 b175 d1030f ff41")),
    (M::BlockSize, &hex!("60450001 d10a0f ff41")),
    (M::BlockSize, &hex!("40030001 b175 8107 ff41")),                    // Q-Block1
    (M::BlockPayload, &hex!("40030001 b175 d1030a ff41414141")),
    (M::BlockPayload, &hex!("40030001 b175 8108 ff41414141")),          // Q-Block1
    (M::BlockPayload, &hex!("60450001 d11208 ff41414141")),             // Q-Block2
    (M::BlockPayload, &hex!("60450001 d10a08")),
    (M::ValidPayload, &hex!("60430001 4161 ff41")),
    (M::OscoreOption, &hex!("40020001 92ff01 ff00")),
    (M::OscoreOption, &hex!("40020001 9106 ff00")),                     // partial IV of 6 bytes
    (M::OscoreOption, &hex!("40020001 9102 ff00")),                     // partial IV cut short
    (M::OscoreOption, &hex!("40020001 921005 ff00")),                   // key context cut short
    (M::OscoreOption, &hex!("40020001 93010000 ff00")),                 // bytes nobody announced
    (M::OscoreOption, &hex!("40020001 9100 ff00")),                     // flags that must be left out
    (M::OscorePayload, &hex!("40020001 93090142")),
    (M::OscorePayload, &hex!("40020001 93090142 d101 02")),
];

/// Proxy-Uri whose host takes 256 bytes.
fn long_proxy_host() -> Vec<u8> {
    let uri = format!("coap://{}/path", "a".repeat(256));
    let mut datagram = Vec::new();
    let code = crate::coap::Code::GET;
    encode::Builder::new(&mut datagram, Type::Confirmable, code, 1, &[])
        .option(number::PROXY_URI, uri.as_bytes());
    datagram
}

#[test]
fn every_violation_is_seen_as_itself() {
    for (expected, datagram) in TABLE {
        assert_eq!(Message::decode(datagram), Err(*expected), "{datagram:02x?}");
    }
    assert_eq!(Message::decode(&long_proxy_host()), Err(M::ProxyUriHost));
}

#[test]
fn no_violation_is_without_a_datagram() {
    let mut shown: BTreeSet<_> = TABLE
        .iter()
        .map(|(malformed, _)| malformed.code())
        .collect();
    shown.insert(M::ProxyUriHost.code());
    let known: BTreeSet<_> = M::ALL.iter().map(|malformed| malformed.code()).collect();
    assert_eq!(shown, known);
}

#[test]
fn oddities_are_kept_and_flagged() {
    #[rustfmt::skip]
    let table: &[(Anomaly, &[u8])] = &[
        (Anomaly::UnknownMethod, &hex!("401f0001")),
        (Anomaly::UnknownResponse, &hex!("60470001")),
        (Anomaly::UnknownResponse, &hex!("60610001")),
        (Anomaly::ExtendedToken, &hex!("49010001 414141414141414141")),
        (Anomaly::ExtendedToken, &hex!("4d010001 00 41414141414141414141414141")),
        (Anomaly::UnknownCriticalOption, &hex!("40010001 d10031")),
        (Anomaly::ReservedOption, &hex!("40010001 00")),
        (Anomaly::ReservedOption, &hex!("40010001 d073")),
        (Anomaly::PathEmptySegment, &hex!("40010001 b0")),
        (Anomaly::PathSlash, &hex!("40010001 b3612f62")),
        (Anomaly::ControlCharacter, &hex!("40010001 b361 0a62")),
        (Anomaly::OptionMisplaced, &hex!("60450001 b161")),              // Uri-Path
        (Anomaly::OptionMisplaced, &hex!("40020001 8161")),              // Location-Path
        (Anomaly::OptionMisplaced, &hex!("40030001 60")),                // Observe of a PUT
        (Anomaly::OptionMisplaced, &hex!("60840001 6101")),              // Observe of a 4.04
        (Anomaly::UriHostCharacter, &hex!("40010001 33 612f62")),
        (Anomaly::UriHostCharacter, &hex!("40010001 33 612062")),
        (Anomaly::UriPortZero, &hex!("40010001 70")),
        (Anomaly::ProxyScheme, &hex!("40010001 d31a 31 61 62")),
        (Anomaly::ProxyConflict, &hex!("40010001 d616 636f61703a2f 44 636f6170")),
        (Anomaly::ProxyUriDots, &hex!("40010001 dd1600 636f61703a2f2f682f2e2e2f78")),
        (Anomaly::BlockMixed, &hex!("40030001 b175 8100 8100 ff41")),
        (Anomaly::BlockMixed, &hex!("60450001 d10a00 8100 ff41")),
        (Anomaly::BlockOversize, &hex!("60450001 d10a00 ff4141414141414141414141414141414141")),
        (Anomaly::ValidWithoutEtag, &hex!("60430001")),
        (Anomaly::ValidWithoutEtag, &hex!("60430001 d10100")),
        (Anomaly::UndefinedPayload, &hex!("40010001 ff41")),
        (Anomaly::UndefinedPayload, &hex!("40040001 ff41")),
        (Anomaly::DiagnosticUtf8, &hex!("60840001 ff c3c3")),
        (Anomaly::EdhocWithoutOscore, &hex!("40020001 d008 ff41")),
    ];
    for (expected, datagram) in table {
        let anomalies = super::message(datagram).anomalies();
        assert_eq!(
            anomalies.iter().collect::<Vec<_>>(),
            [*expected],
            "{datagram:02x?}"
        );
    }
    let shown: Vec<_> = table.iter().map(|(anomaly, _)| anomaly).collect();
    // A datagram has no signals.
    let known = Anomaly::ALL
        .iter()
        .filter(|anomaly| **anomaly != Anomaly::UnknownSignal);
    assert!(known.into_iter().all(|anomaly| shown.contains(&anomaly)));
}

#[test]
fn what_is_legal_is_not_odd() {
    #[rustfmt::skip]
    let table: &[&[u8]] = &[
        &hex!("40050001 60 b161"),                                      // Observe of a FETCH
        &hex!("60450001 6101 ff41"),                                    // a notification
        &hex!("40010001 4161 0162"),                                    // ETags of a request
        &hex!("40010001 36 5b3a3a315d2e"),                              // Uri-Host of an address
        &hex!("60430001 4161"),                                         // 2.03 with its ETag
        &hex!("60840001 ff 6e6f6e65"),                                  // a text of an error
        &hex!("60840001 c11a ff c3c3"),                                 // what says it is no text
        &hex!("40010001 d31a 63 2b 64"),                    // Proxy-Scheme
        &hex!("40010001 d11200 0110"),                                  // several Q-Block2 of a request
        &hex!("60450001 d10a00 ff41414141414141414141414141414141"),    // a last block, full
        &hex!("40020001 93090142 c0 ff41"),                             // OSCORE and EDHOC
        &hex!("40020001 93090142 d101 12"),                             // for an outer block of OSCORE
    ];
    for datagram in table {
        assert!(
            super::message(datagram).anomalies().is_empty(),
            "{datagram:02x?}"
        );
    }
}

#[test]
fn an_unknown_elective_option_is_nothing_special() {
    let message = super::message(&hex!("40010001 d1 ef 00"));
    assert!(message.anomalies().is_empty());
    let unknown = super::message(&hex!("40010001 e1 0001 00"));
    assert_eq!(
        unknown.options().next(),
        Some(Opt {
            number: 270,
            value: &[0]
        })
    );
    assert!(unknown.anomalies().is_empty());
}
