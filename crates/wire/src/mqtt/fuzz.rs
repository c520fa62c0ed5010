//! Entry points for fuzzers: arbitrary bytes in, invariants asserted.

use super::{ControlPacket, Malformed, PacketType, Publish, PublishHead, Version, topic};
use crate::{Decoded, Direction};

/// Decodes a control packet. The first byte picks version and direction.
///
/// # Panics
/// When the decoder breaks a promise: a length beyond the input, a prefix that decodes differently,
/// an accessor that fails on what was accepted.
pub fn fuzz_control_packet(data: &[u8]) {
    let Some((&choice, input)) = data.split_first() else {
        return;
    };
    let version = [Version::V31, Version::V311, Version::V5][usize::from(choice & 3) % 3];
    let direction = [Direction::ToServer, Direction::ToClient][usize::from(choice >> 2 & 1)];
    match ControlPacket::decode(input, version, direction) {
        Ok(Decoded::Complete { message, len }) => {
            assert!((2..=input.len()).contains(&len));
            let whole = ControlPacket::decode(&input[..len], version, direction);
            assert_eq!(whole, Ok(Decoded::Complete { message, len }));
            let shorter = ControlPacket::decode(&input[..len - 1], version, direction);
            assert!(matches!(shorter, Ok(Decoded::Incomplete { need }) if need <= len));
            visit(&message);
        }
        Ok(Decoded::Incomplete { need }) => assert!(need > input.len()),
        Err(malformed) => assert!(malformed.code().starts_with("mqtt.malformed.")),
    }
    if input
        .first()
        .is_some_and(|first| first >> 4 == PacketType::Publish as u8)
    {
        compare_prefix(input, version, direction);
        compare_head(input, version, direction);
    }
}

/// What the head of a PUBLISH says is what its prefix says, and it is there no later.
fn compare_head(input: &[u8], version: Version, direction: Direction) {
    let prefix = Publish::decode_prefix(input, version, direction);
    match (PublishHead::decode(input, version), prefix) {
        (Ok(Decoded::Complete { message: head, len }), prefix) => {
            assert!(len <= input.len() && len <= head.payload_at);
            match prefix {
                Ok(Decoded::Complete { message, len }) => {
                    assert_eq!(
                        (head.topic, head.qos, head.packet_id, head.payload_at),
                        (
                            message.topic.as_bytes(),
                            message.qos,
                            message.packet_id,
                            len
                        )
                    );
                    assert_eq!(head.packet_len, len + message.payload_len);
                }
                Ok(Decoded::Incomplete { need }) => assert!(need <= head.packet_len),
                // Only what the properties say, or take to judge, may still be wrong.
                Err(malformed) => assert!(
                    version == Version::V5 && malformed != Malformed::TopicWildcard,
                    "{malformed:?}"
                ),
            }
        }
        (Ok(Decoded::Incomplete { need }), prefix) => {
            assert!(need > input.len());
            assert!(
                matches!(prefix, Ok(Decoded::Incomplete { .. })),
                "{prefix:?}"
            );
        }
        // The head may show it first.
        (Err(head), Ok(Decoded::Incomplete { .. })) => assert!(version == Version::V5, "{head:?}"),
        (Err(head), prefix) => assert_eq!(prefix, Err(head)),
    }
}

/// What the beginning of a PUBLISH says is what the whole packet says.
fn compare_prefix(input: &[u8], version: Version, direction: Direction) {
    let whole = ControlPacket::decode(input, version, direction);
    match (Publish::decode_prefix(input, version, direction), whole) {
        (
            Ok(Decoded::Complete {
                message: prefix,
                len,
            }),
            whole,
        ) => {
            assert!(len <= input.len() && prefix.payload.len() <= input.len() - len);
            match whole {
                Ok(Decoded::Complete {
                    message: ControlPacket::Publish(whole),
                    ..
                }) => {
                    assert_eq!(prefix, whole);
                }
                other => assert!(matches!(other, Ok(Decoded::Incomplete { .. })), "{other:?}"),
            }
        }
        (Ok(Decoded::Incomplete { need }), whole) => {
            assert!(need > input.len());
            assert!(matches!(whole, Ok(Decoded::Incomplete { .. })), "{whole:?}");
        }
        (Err(prefix), Err(whole)) => assert_eq!(prefix, whole),
        (Err(_), whole) => assert!(matches!(whole, Ok(Decoded::Incomplete { .. })), "{whole:?}"),
    }
}

/// Calls everything that promises not to fail.
fn visit(packet: &ControlPacket<'_>) {
    let properties = packet.properties();
    assert_eq!(properties.is_empty(), properties.iter().next().is_none());
    assert!(packet.anomalies().iter().count() <= super::Anomaly::ALL.len());
    match packet {
        ControlPacket::Connect(connect) => {
            if let Some(will) = connect.will {
                assert!(topic::check_name(will.topic).is_ok());
                assert!(will.properties.iter().count() <= will.properties.len());
            }
        }
        ControlPacket::Publish(publish) => {
            assert!(publish.topic.is_empty() || topic::check_name(publish.topic.as_str()).is_ok());
            assert_eq!(publish.payload.len(), publish.payload_len);
        }
        ControlPacket::Subscribe(subscribe) => {
            assert!(subscribe.subscriptions().count() > 0);
            assert!(
                subscribe
                    .subscriptions()
                    .all(|s| s.filter.ends_with(s.topic_filter()))
            );
        }
        ControlPacket::Unsubscribe(unsubscribe) => assert!(unsubscribe.filters().count() > 0),
        ControlPacket::SubAck(ack) => assert!(ack.reason_codes().len() > 0),
        _ => {}
    }
}

/// Compares the topic relations with each other on three lines: two filters and a name.
///
/// # Panics
/// When they contradict each other.
pub fn fuzz_topics(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut lines = text.split('\n');
    let (Some(one), Some(other), Some(name)) = (lines.next(), lines.next(), lines.next()) else {
        return;
    };
    let is_filter = |filter| topic::check_filter(filter, Version::V311).is_ok();
    if !is_filter(one) || !is_filter(other) || topic::check_name(name).is_err() {
        return;
    }
    let (in_one, in_other) = (topic::matches(one, name), topic::matches(other, name));
    assert_eq!(topic::overlaps(one, other), topic::overlaps(other, one));
    assert!(topic::overlaps(one, other) || !(in_one && in_other));
    assert!(!topic::within(one, other) || !in_one || in_other);
    assert!(topic::within(one, one) && topic::overlaps(one, one));
    assert!(topic::within(name, one) == in_one && topic::overlaps(name, one) == in_one);
}
