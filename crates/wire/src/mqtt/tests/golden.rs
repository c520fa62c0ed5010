//! Whole packets of all types and versions, and what they say.

use hex_literal::hex;

use super::{C2S, S2C, Sample, complete};
use crate::Decoded;
use crate::mqtt::Version::{V5, V31, V311};
use crate::mqtt::{
    Anomaly, ControlPacket, PacketType, Property, Publish, QoS, ReasonCode, Version,
};

/// Well-formed packets: the seeds of the hostile tests and of the fuzzers.
#[rustfmt::skip]
pub(crate) const SAMPLES: &[Sample] = &[
    (V311, C2S, &hex!("10 0d 0004 4d515454 04 02 003c 0001 61")),
    (V31, C2S, &hex!("10 0f 0006 4d5149736470 03 02 003c 0001 61")),
    (V311, C2S, &hex!("10 1f 0004 4d515454 04 ee 000a 0002 6331 0003 772f74 0004 676f6e65 0001 75 0001 70")),
    (V5, C2S, &hex!("10 2c 0004 4d515454 05 2e 003c 08 11 00000064 21 000a 0001 61
                     0c 18 00000032 26 0001 6b 0001 76 0001 77 0004 00ff00ff")),
    (V311, S2C, &hex!("20 02 01 00")),
    (V5, S2C, &hex!("20 0b 00 00 08 12 0002 6162 22 000a")),
    (V311, C2S, &hex!("30 0b 0004 742f6c31 68656c6c6f")),
    (V311, S2C, &hex!("3d 07 0003 742f6c 000a")),
    (V5, C2S, &hex!("32 14 0003 742f6c 000a 0a 01 01 23 0001 08 0002 7231 6869")),
    (V5, S2C, &hex!("30 08 0001 74 04 0b 01 0b 02")),
    (V5, C2S, &hex!("30 06 0000 03 23 0005")),
    (V311, C2S, &hex!("40 02 0007")),
    (V5, S2C, &hex!("50 03 0007 10")),
    (V5, C2S, &hex!("62 09 0007 92 05 1f 0002 6e6f")),
    (V311, S2C, &hex!("70 02 0007")),
    (V311, C2S, &hex!("82 0d 0001 0003 612f23 01 0002 2b2f 00")),
    (V5, C2S, &hex!("82 12 0002 02 0b 05 000a 2473686172652f672f74 29")),
    (V311, S2C, &hex!("90 05 0001 01 00 80")),
    (V5, S2C, &hex!("90 05 0002 00 02 87")),
    (V311, C2S, &hex!("a2 07 0003 0003 612f23")),
    (V5, C2S, &hex!("a2 06 0003 00 0001 61")),
    (V311, S2C, &hex!("b0 02 0003")),
    (V5, S2C, &hex!("b0 05 0003 00 00 11")),
    (V311, C2S, &hex!("c0 00")),
    (V311, S2C, &hex!("d0 00")),
    (V311, C2S, &hex!("e0 00")),
    (V5, C2S, &hex!("e0 07 04 05 11 0000000a")),
    (V5, S2C, &hex!("e0 09 9d 07 1c 0004 68327331")),
    (V5, C2S, &hex!("f0 0b 18 09 15 0001 41 16 0002 0102")),
    (V5, S2C, &hex!("f0 00")),
];

fn sample(index: usize) -> ControlPacket<'static> {
    let (version, direction, input) = SAMPLES[index];
    complete(version, direction, input)
}

#[test]
fn every_prefix_of_every_sample_is_incomplete() {
    let mut types = std::collections::BTreeSet::new();
    for (version, direction, input) in SAMPLES {
        types.insert(complete(*version, *direction, input).packet_type());
    }
    assert_eq!(types.len(), PacketType::ALL.len());
}

#[test]
fn connect_says_who_and_what_to_leave_behind() {
    let ControlPacket::Connect(connect) = sample(2) else {
        panic!("a CONNECT")
    };
    assert_eq!((connect.version, connect.client_id), (V311, "c1"));
    assert_eq!((connect.clean_start, connect.keep_alive_s), (true, 10));
    assert_eq!(
        (connect.username, connect.password),
        (Some("u"), Some(&b"p"[..]))
    );
    let will = connect.will.unwrap();
    assert_eq!((will.topic, will.payload), ("w/t", &b"gone"[..]));
    assert_eq!((will.qos, will.retain), (QoS::AtLeastOnce, true));
    assert!(connect.anomalies.is_empty() && connect.properties.is_empty());

    let ControlPacket::Connect(connect) = sample(3) else {
        panic!("a CONNECT")
    };
    assert_eq!(connect.properties.session_expiry_s(), Some(100));
    let properties: Vec<_> = connect.properties.iter().collect();
    let expected = [
        Property::SessionExpiryInterval(100),
        Property::ReceiveMaximum(10),
    ];
    assert_eq!(properties, expected);
    let will = connect.will.unwrap();
    assert_eq!(will.delay_s(), Some(50));
    assert!(
        will.properties
            .iter()
            .any(|p| p == Property::UserProperty(("k", "v")))
    );
    assert_eq!(will.payload, hex!("00ff00ff"));
}

#[test]
fn a_connect_is_read_by_its_own_version() {
    for session in [V31, V311, V5] {
        let ControlPacket::Connect(connect) = complete(session, C2S, SAMPLES[1].2) else {
            panic!("a CONNECT");
        };
        assert_eq!(connect.version, V31);
    }
}

#[test]
fn connack_and_acknowledgements() {
    let ControlPacket::ConnAck(connack) = sample(5) else {
        panic!("a CONNACK")
    };
    assert!(connack.is_accepted() && !connack.session_present);
    let mut properties = connack.properties.iter();
    assert_eq!(
        properties.next(),
        Some(Property::AssignedClientIdentifier("ab"))
    );
    assert_eq!(properties.next(), Some(Property::TopicAliasMaximum(10)));

    let ControlPacket::PubRec(pubrec) = sample(12) else {
        panic!("a PUBREC")
    };
    assert_eq!(
        (pubrec.packet_id, pubrec.reason_code),
        (7, ReasonCode(0x10))
    );
    let ControlPacket::PubRel(pubrel) = sample(13) else {
        panic!("a PUBREL")
    };
    assert!(pubrel.reason_code.is_error());
    assert_eq!(
        pubrel.properties.iter().next(),
        Some(Property::ReasonString("no"))
    );
}

#[test]
fn subscriptions_with_options_and_shares() {
    let ControlPacket::Subscribe(subscribe) = sample(15) else {
        panic!("a SUBSCRIBE")
    };
    let filters: Vec<_> = subscribe
        .subscriptions()
        .map(|s| (s.filter, s.qos))
        .collect();
    assert_eq!(
        filters,
        [("a/#", QoS::AtLeastOnce), ("+/", QoS::AtMostOnce)]
    );

    let ControlPacket::Subscribe(subscribe) = sample(16) else {
        panic!("a SUBSCRIBE")
    };
    let subscription = subscribe.subscriptions().next().unwrap();
    assert_eq!(
        (subscription.filter, subscription.topic_filter()),
        ("$share/g/t", "t")
    );
    assert!(subscription.retain_as_published && !subscription.no_local);
    assert_eq!(subscription.retain_handling, 2);
    assert_eq!(
        subscribe.properties.iter().next(),
        Some(Property::SubscriptionIdentifier(5))
    );

    let ControlPacket::SubAck(suback) = sample(17) else {
        panic!("a SUBACK")
    };
    let codes: Vec<_> = suback.reason_codes().map(|code| code.0).collect();
    assert_eq!((suback.packet_id, codes), (1, vec![1, 0, 0x80]));
    let ControlPacket::Unsubscribe(unsubscribe) = sample(19) else {
        panic!("an UNSUBSCRIBE")
    };
    assert_eq!(unsubscribe.filters().collect::<Vec<_>>(), ["a/#"]);
}

#[test]
fn packet_identifiers_are_where_they_belong() {
    for (version, direction, input) in SAMPLES {
        let packet = complete(*version, *direction, input);
        let expected = match packet.packet_type() {
            PacketType::Publish => input[0] & 0b0110 != 0,
            PacketType::Connect | PacketType::ConnAck | PacketType::PingReq => false,
            PacketType::PingResp | PacketType::Disconnect | PacketType::Auth => false,
            _ => true,
        };
        assert_eq!(packet.packet_id().is_some(), expected, "{packet:?}");
    }
}

#[test]
fn a_publish_is_judged_before_its_payload_is_there() {
    // 268,435,455 bytes of which only the variable header and three of the payload are there.
    let input = hex!("32 ffffff7f 0003 742f6c 000a 03 23 0001 616263");
    let decoded = Publish::decode_prefix(&input, V5, C2S).unwrap();
    let Decoded::Complete { message, len } = decoded else {
        panic!("{decoded:?}")
    };
    assert_eq!(
        (message.topic.as_str(), message.packet_id),
        ("t/l", Some(10))
    );
    assert_eq!(message.topic_alias(), Some(1));
    assert_eq!((message.payload, len), (&b"abc"[..], 16));
    assert_eq!(message.payload_len, 268_435_455 - 11);
    for end in 0..len {
        let decoded = Publish::decode_prefix(&input[..end], V5, C2S).unwrap();
        let Decoded::Incomplete { need } = decoded else {
            panic!("{end}: {decoded:?}")
        };
        assert!(need > end && need <= len, "{end}: {need}");
    }
}

#[test]
fn a_prefix_says_what_the_whole_packet_says() {
    for (version, direction, input) in SAMPLES {
        if let ControlPacket::Publish(whole) = complete(*version, *direction, input) {
            let decoded = Publish::decode_prefix(input, *version, *direction);
            let len = input.len() - whole.payload.len();
            assert_eq!(
                decoded,
                Ok(Decoded::Complete {
                    message: whole,
                    len
                })
            );
        }
    }
}

#[test]
fn oddities_are_kept_and_flagged() {
    #[rustfmt::skip]
    let table: &[(Anomaly, Sample)] = &[
        (Anomaly::LengthNotMinimal, (V311, C2S, &hex!("c0 8000"))),
        (Anomaly::LengthNotMinimal, (V311, C2S, &hex!("10 8d00 0004 4d515454 04 02 003c 0001 61"))),
        (Anomaly::DupQos0, (V31, C2S, &hex!("38 04 0001 74 78"))),
        (Anomaly::PacketIdZero, (V31, C2S, &hex!("32 06 0001 74 0000 78"))),
        (Anomaly::ClientIdLength, (V31, C2S, &hex!("10 26 0006 4d5149736470 03 02 003c 0018
            616263646566616263646566616263646566616263646566"))),
        (Anomaly::IdentityWildcard, (V311, C2S, &hex!("10 0d 0004 4d515454 04 02 003c 0001 23"))),
        (Anomaly::IdentityWildcard, (V311, C2S, &hex!("10 10 0004 4d515454 04 82 003c 0001 61 0001 2b"))),
        (Anomaly::BridgeLevel, (V311, C2S, &hex!("10 0d 0004 4d515454 84 02 003c 0001 61"))),
        (Anomaly::WillFlagsAlone, (V31, C2S, &hex!("10 0f 0006 4d5149736470 03 2a 003c 0001 61"))),
        (Anomaly::WillFlagsAlone, (V31, C2S, &hex!("10 0f 0006 4d5149736470 03 3a 003c 0001 61"))),
        (Anomaly::CredentialsMissing, (V31, C2S, &hex!("10 0f 0006 4d5149736470 03 c2 003c 0001 61"))),
        (Anomaly::WillDelay, (V5, C2S, &hex!("10 1f 0004 4d515454 05 06 003c 05 11 00000001 0001 61
            05 18 00000064 0001 77 0001 70"))),
        (Anomaly::NotIn31, (V31, S2C, &hex!("20 02 01 00"))),
        (Anomaly::NotIn31, (V31, S2C, &hex!("20 02 ff 00"))),
        (Anomaly::NotIn31, (V31, S2C, &hex!("20 02 01 05"))),
        (Anomaly::NotIn31, (V31, S2C, &hex!("90 03 0001 80"))),
        (Anomaly::ConnectReserved, (V31, C2S, &hex!("10 0f 0006 4d5149736470 03 03 003c 0001 61"))),
        (Anomaly::PayloadFormat, (V5, C2S, &hex!("30 07 0001 74 02 0101 ff"))),
        (Anomaly::PayloadFormat, (V5, C2S, &hex!("10 17 0004 4d515454 05 06 003c 00 0001 61
            02 0101 0001 77 0001 ff"))),
        (Anomaly::UserProperties, (V5, C2S, many_user_properties())),
        (Anomaly::ServerReference, (V5, S2C, &hex!("e0 06 9c 04 1c 0001 61"))),
        (Anomaly::ServerReference, (V5, S2C, &hex!("20 07 00 9d 04 1c 0001 61"))),
        (Anomaly::OlderServer, (V5, S2C, &hex!("20 02 00 01"))),
        (Anomaly::NewerServer, (V311, S2C, &hex!("20 03 00 84 00"))),
        (Anomaly::NewerServer, (V31, S2C, &hex!("20 03 00 84 00"))),
        (Anomaly::TopicDepth, (V311, C2S, deep_publish())),
        (Anomaly::TopicDepth, (V311, C2S, deep_subscribe())),
        (Anomaly::ControlCharacter, (V311, C2S, &hex!("30 07 0004 746f0170 78"))),
        (Anomaly::NonCharacter, (V311, C2S, &hex!("30 06 0003 efbfbf 78"))),
        (Anomaly::ZeroWidth, (V311, C2S, &hex!("30 0b 0008 efbbbf61646d696e 78"))),
    ];
    for (expected, (version, direction, input)) in table {
        let anomalies = complete(*version, *direction, input).anomalies();
        assert_eq!(
            anomalies.iter().collect::<Vec<_>>(),
            [*expected],
            "{input:02x?}"
        );
    }
    let shown: Vec<_> = table.iter().map(|(anomaly, _)| anomaly).collect();
    assert!(Anomaly::ALL.iter().all(|anomaly| shown.contains(&anomaly)));
}

/// 65 user properties on a PUBLISH.
fn many_user_properties() -> &'static [u8] {
    let pairs = hex!("26 0001 61 0001 62").repeat(65);
    [&hex!("30 cc03 0001 74 c703")[..], &pairs].concat().leak()
}

/// 200 levels, all empty.
fn deep_publish() -> &'static [u8] {
    [&hex!("30 c901 00c7")[..], &[b'/'; 199]].concat().leak()
}

fn deep_subscribe() -> &'static [u8] {
    [&hex!("82 cc01 0001 00c7")[..], &[b'/'; 199], &[0]]
        .concat()
        .leak()
}

#[test]
fn old_forms_that_are_legal_are_not_flagged() {
    // DUP on a repeated SUBSCRIBE and PUBREL of 3.1; an empty client identifier where it may be.
    #[rustfmt::skip]
    let table: &[Sample] = &[
        (V31, C2S, &hex!("8a 06 0001 0001 61 00")),
        (V31, C2S, &hex!("6a 02 0001")),
        (V311, C2S, &hex!("10 0c 0004 4d515454 04 02 003c 0000")),
        (V5, C2S, &hex!("10 0d 0004 4d515454 05 00 003c 00 0000")),
        (V5, C2S, &hex!("10 11 0004 4d515454 05 42 003c 00 0001 61 0001 70")),
        // Text announced and sent; bytes announced as what they are.
        (V5, C2S, &hex!("30 08 0001 74 02 0101 c3bc")),
        (V5, C2S, &hex!("30 07 0001 74 02 0100 ff")),
    ];
    for (version, direction, input) in table {
        assert!(
            complete(*version, *direction, input).anomalies().is_empty(),
            "{input:02x?}"
        );
    }
}

#[test]
fn versions_are_ordered_and_named() {
    assert!(V31 < V311 && V311 < V5);
    assert_eq!([V31, V311, V5].map(Version::level), [3, 4, 5]);
    assert_eq!([V31, V311, V5].map(Version::name), ["3.1", "3.1.1", "5.0"]);
}
