//! What messages of a kind never have: a QoS 0 no packet identifier, a plaintext service no encryption.

use wire::Direction;
use wire::mqtt::{PacketType, Property, Version};

use super::sizes;
use crate::matching::{
    CodeClass, Condition, FilterCondition, Flag, Glob, Matching, Measure, Pattern,
    PropertyCondition, Relation, Scope, Set, Test,
};
use crate::{Protocol, Reason, Service, Side};

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
    if !leaves_ends(matching) {
        return Some(
            "one end is inside and one outside, and what it asks of both exclude each other",
        );
    }
    let requests = Scope::code_class(CodeClass::Request);
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
        Condition::Number(Measure::Size, numbers) => sizes::why(matching, numbers),
        Condition::Type(types) if types.is_of_answers() && scope.is_subset(requests) => {
            Some("an acknowledgement carries no request (RFC 7252 §4.2), and a RST nothing at all")
        }
        Condition::Filter(filter) => of_filter_text(filter),
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

/// Whether there is a direction, and a side to come from, that all its addresses leave room for.
fn leaves_ends(matching: &Matching) -> bool {
    let holds = |direction: Direction, from: Side| {
        matching.conditions.iter().all(|condition| match condition {
            Condition::Address(party, list) => list.may_hold_on(match party.sends(direction) {
                true => from,
                false => from.opposite(),
            }),
            _ => true,
        })
    };
    let mut directions = [Direction::ToServer, Direction::ToClient].into_iter();
    directions.any(|direction| {
        let mut sides = Side::ALL.iter();
        matching.scope.meets(Scope::direction(direction))
            && sides.any(|from| holds(direction, *from))
    })
}

/// What the filters written out have in common with the trees that they are to be in.
fn of_filter_text(filter: &FilterCondition) -> Option<&'static str> {
    let texts = filter.text.any_of.iter().map(Glob::filter_around);
    let texts: Vec<String> = texts.collect::<Option<_>>()?;
    let misses = |patterns: &[Pattern]| {
        let overlaps = |pattern: &Pattern| {
            let mut texts = texts.iter();
            texts.any(|text| Relation::Overlaps.holds(pattern.widened(), text))
        };
        !texts.is_empty() && !patterns.is_empty() && !patterns.iter().any(overlaps)
    };
    let mut asked = [&filter.overlaps, &filter.within, &filter.covers].into_iter();
    asked
        .any(|list| misses(&list.any_of))
        .then_some("no filter of its `text` is where it asks for it")
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
