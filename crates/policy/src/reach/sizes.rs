//! How large messages of a kind are: a `size` that none of them has.

use wire::mqtt::{PacketType, Version};

use crate::matching::{Condition, Matching, Numbers, Pattern, Scope};

/// The least bytes that any control packet has, and a CoAP message over TCP.
const MESSAGE_BYTES: u64 = 2;
/// The bytes of a PUBLISH of QoS 0 beside its topic and payload (MQTT 3.1.1 §3.3).
const PUBLISH_BYTES: u64 = 4;
/// The bytes of one whose topic an alias stands for (MQTT 5.0 §3.3.2.3.4).
const ALIASED_BYTES: u64 = 8;

/// Why none has one of these sizes, if that is plain.
pub(super) fn why(matching: &Matching, sizes: &Numbers) -> Option<&'static str> {
    let scope = matching.scope;
    if !scope.is_subset(Scope::decoded()) || scope.is_empty() {
        return None;
    }
    let packets = PacketType::ALL.iter().copied();
    let asked = packets.filter(|packet| scope.meets(Scope::packet(*packet)));
    let least = match scope.is_subset(Scope::decoded_packets()) {
        true => asked.clone().map(least).min().unwrap_or(MESSAGE_BYTES),
        false => MESSAGE_BYTES,
    };
    let pings = Scope::packet(PacketType::PingReq).or(Scope::packet(PacketType::PingResp));
    if sizes.largest() < least {
        Some("no such message is as small as its `size` asks")
    } else if scope.is_subset(pings) && !sizes.contains(MESSAGE_BYTES) {
        Some("a ping has two bytes (MQTT 5.0 §3.12)")
    } else if topic_bytes(matching).is_some_and(|least| sizes.largest() < least) {
        Some("the topics that its `topic` names are longer than its `size` lets a message be")
    } else {
        None
    }
}

/// The least bytes of a control packet, its fixed header among them (MQTT 3.1.1 §2.2).
const fn least(packet: PacketType) -> u64 {
    match packet {
        // That of 3.1.1 with no client identifier (MQTT 3.1.1 §3.1).
        PacketType::Connect => 14,
        // A packet identifier, and one filter of one character with its options (MQTT 3.1.1 §3.8).
        PacketType::Subscribe => 8,
        PacketType::Unsubscribe => 7,
        PacketType::SubAck => 5,
        PacketType::Publish
        | PacketType::ConnAck
        | PacketType::PubAck
        | PacketType::PubRec
        | PacketType::PubRel
        | PacketType::PubComp
        | PacketType::UnsubAck => 4,
        _ => MESSAGE_BYTES,
    }
}

/// The least bytes of a PUBLISH of one of the topics named; from 5.0 on an alias may stand for it.
fn topic_bytes(matching: &Matching) -> Option<u64> {
    if !matching.scope.is_subset(Scope::packet(PacketType::Publish)) {
        return None;
    }
    let of_topics = |patterns: &[Pattern]| {
        let lengths = patterns.iter().map(|pattern| pattern.prefix().len());
        u64::try_from(lengths.min()?).ok()
    };
    let shortest = matching
        .conditions
        .iter()
        .find_map(|condition| match condition {
            Condition::Topic(list) => of_topics(&list.any_of),
            _ => None,
        })?;
    let excludes_v5 = matching.conditions.iter().any(
        |condition| matches!(condition, Condition::Version(set) if !set.contains(Version::V5)),
    );
    let plain = PUBLISH_BYTES + shortest;
    Some(if excludes_v5 {
        plain
    } else {
        plain.min(ALIASED_BYTES)
    })
}
