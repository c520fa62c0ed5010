//! What messages of a kind never have: a QoS 0 no packet identifier, a plaintext service no encryption.

use wire::mqtt::{PacketType, Property, Version};

use crate::matching::{
    Condition, Flag, Matching, Measure, Numbers, PropertyCondition, Scope, Set, Test,
};
use crate::{Protocol, Reason, Service};

/// The least bytes that a CONNECT has: that of 3.1.1 with no client identifier (MQTT 3.1.1 §3.1).
const CONNECT_BYTES: u64 = 14;
/// The same of any control packet, and of a CoAP message over TCP.
const MESSAGE_BYTES: u64 = 2;

/// Why no message has all that is asked, if that is plain.
pub(super) fn why(matching: &Matching) -> Option<&'static str> {
    let (scope, conditions) = (matching.scope, &matching.conditions);
    let services = conditions.iter().find_map(|condition| match condition {
        Condition::Service(services) => Some(services),
        _ => None,
    });
    let excludes_v5 = conditions.iter().any(
        |condition| matches!(condition, Condition::Version(set) if !set.contains(Version::V5)),
    );
    if excludes_v5 && matching.reasons.is_some_and(|set| set.iter().all(is_of_5)) {
        return Some("what it asks for is raised on MQTT 5.0, which its `version` leaves out");
    }
    conditions.iter().find_map(|condition| match condition {
        Condition::Tls(wanted) => of_encryption(scope, services?, *wanted),
        Condition::AddressValidated(false) if !services?.has(Service::ALL, Service::is_udp) => {
            Some("over TCP the handshake has shown the address to be right")
        }
        Condition::Number(Measure::PacketId, numbers) if matching.is_of_qos_0() => {
            (!numbers.holds_for(None)).then_some("a PUBLISH of QoS 0 has no packet identifier")
        }
        Condition::Flag(Flag::Dup, true) if matching.is_of_qos_0() => {
            Some("a PUBLISH of QoS 0 is no repetition ([MQTT-3.3.1-2])")
        }
        Condition::Number(Measure::Size, numbers) => of_size(scope, numbers),
        Condition::ReasonCode(codes) if excludes_v5 && !codes.contains(0) => {
            is_plain_ack(scope).then_some("before MQTT 5.0 such packets say no reason code")
        }
        Condition::Property(property) => of_property(scope, property),
        Condition::Topic(list) => of_list(list.leaves_nothing()),
        Condition::TopicText(list) => of_list(list.leaves_nothing()),
        Condition::Identity(_, list) => of_list(list.leaves_nothing()),
        Condition::Address(_, list) => of_list(list.leaves_nothing()),
        Condition::Path(list) if list.any_of.iter().all(|path| path.has_dots()) => {
            (!list.any_of.is_empty())
                .then_some("a path with a segment `.` or `..` is malformed (RFC 7252 §5.10.1)")
        }
        Condition::Path(list) => of_list(list.leaves_nothing()),
        _ => None,
    })
}

/// Whether it is about what came with 5.0: terms that the ends agree on, and aliases of topics.
fn is_of_5(reason: Reason) -> bool {
    let begins = |family| reason.code().starts_with(family);
    begins("mqtt.negotiated.") || begins("mqtt.alias.")
}

fn of_encryption(scope: Scope, services: &Set<Service>, wanted: bool) -> Option<&'static str> {
    if !wanted && !services.has(Service::ALL, |service| !service.is_encrypted()) {
        return Some("all that its `service` says is encrypted");
    }
    // A client may say the hello of TLS to any service.
    let is_plain =
        !services.has(Service::ALL, Service::is_encrypted) && !scope.meets(Scope::hellos());
    (wanted && is_plain).then_some("nothing that its `service` says is encrypted")
}

fn of_size(scope: Scope, numbers: &Numbers) -> Option<&'static str> {
    let least = match scope {
        _ if scope.is_subset(Scope::packet(PacketType::Connect)) => CONNECT_BYTES,
        _ if scope.is_subset(Scope::decoded()) => MESSAGE_BYTES,
        _ => return None,
    };
    (numbers.largest() < least).then_some("no such message is as small as its `size` asks")
}

/// Whether it is about packets that have a reason code in 5.0 only; what isn't said counts as 0.
fn is_plain_ack(scope: Scope) -> bool {
    let packets = [
        PacketType::PubAck,
        PacketType::PubRec,
        PacketType::PubRel,
        PacketType::PubComp,
        PacketType::UnsubAck,
        PacketType::Disconnect,
        PacketType::Auth,
    ];
    scope.is_subset(Scope::union(packets.map(Scope::packet)))
}

fn of_property(scope: Scope, property: &PropertyCondition) -> Option<&'static str> {
    let may_have = |packet: &PacketType| {
        scope.meets(Scope::packet(*packet)) && Property::belongs_in(property.id, *packet)
    };
    let is_about_packets = scope.is_subset(Scope::protocol(Protocol::Mqtt));
    let none_has = is_about_packets && !PacketType::ALL.iter().any(may_have);
    (none_has && property.test != Test::Is(false))
        .then_some("a packet of that type doesn't have this `property`")
}

fn of_list(leaves_nothing: bool) -> Option<&'static str> {
    leaves_nothing.then_some("a list of it excludes all that it names")
}
