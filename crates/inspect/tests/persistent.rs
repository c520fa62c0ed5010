//! Sessions that outlast their connections: what may be acknowledged that this connection never saw begin, and what
//! is said more than once.

use testkit::mqtt::{self, Connect};
use testkit::network::{Ends, Gateway, Stream};
use wire::Direction::{self, ToClient, ToServer};
use wire::mqtt::encode::{self, Publish};
use wire::mqtt::{PacketType, QoS, ReasonCode, Version};

const BASELINE: &str = include_str!("../../../rules/baseline.toml");
const UNKNOWN: Option<&str> = Some("mqtt.ack.unknown-packet-id");

fn connect(version: Version) -> Vec<u8> {
    mqtt::connect_with(&Connect {
        version,
        client_id: "plc",
        clean_start: false,
        ..Connect::default()
    })
}

fn connack(version: Version, is_present: bool) -> Vec<u8> {
    mqtt::written(|out| encode::connack(out, version, is_present, ReasonCode::SUCCESS, &[]))
}

/// A client that comes back, and whether its server has its session.
fn back(version: Version, is_present: bool) -> (Gateway, Stream) {
    let mut gateway = Gateway::of("", BASELINE);
    let greetings = [connect(version), connack(version, is_present)];
    let stream = Stream::greeted(&mut gateway, Ends::v4(7, 1883), greetings);
    (gateway, stream)
}

/// What becomes of a packet that such a client, or its server, says first.
fn said_first(
    version: Version,
    is_present: bool,
    direction: Direction,
    packet: &[u8],
) -> Option<&'static str> {
    let (mut gateway, mut stream) = back(version, is_present);
    stream.data(&mut gateway, direction, packet).reason()
}

fn publish(version: Version, qos: QoS, id: u16, dup: bool) -> Vec<u8> {
    let spec = Publish {
        qos,
        dup,
        packet_id: id,
        topic: "t",
        payload: b"x",
        ..Publish::default()
    };
    mqtt::publish_with(version, &spec)
}

fn ack(version: Version, packet_type: PacketType, id: u16) -> Vec<u8> {
    mqtt::ack(version, packet_type, id)
}

#[test]
fn what_is_acknowledged_was_begun_unless_a_session_goes_on() {
    use PacketType::{PubAck, PubComp, PubRec};
    for version in [Version::V31, Version::V311, Version::V5] {
        for is_present in [false, true] {
            // A server of 3.1 doesn't say.
            let goes_on = is_present || version == Version::V31;
            let expected = if goes_on { None } else { UNKNOWN };
            for packet_type in [PubAck, PubRec, PubComp] {
                for direction in [ToServer, ToClient] {
                    let packet = ack(version, packet_type, 77);
                    let reason = said_first(version, is_present, direction, &packet);
                    assert_eq!(reason, expected, "{version:?} {is_present} {packet_type:?}");
                }
            }
            // Requests are no part of a session.
            for packet in [
                mqtt::suback(version, 77, &[0]),
                mqtt::unsuback(version, 77, 1),
            ] {
                let reason = said_first(version, is_present, ToClient, &packet);
                assert_eq!(reason, UNKNOWN, "{version:?} {is_present}");
            }
        }
    }
}

#[test]
fn what_is_begun_anew_is_acknowledged_whether_it_was_said_before_the_connack_or_after() {
    use PacketType::{PubAck, PubComp, PubRec, PubRel};
    for version in [Version::V31, Version::V311, Version::V5] {
        let again = [
            publish(version, QoS::AtLeastOnce, 5, true),
            publish(version, QoS::ExactlyOnce, 6, true),
        ];
        for (is_present, is_early) in [(false, false), (false, true), (true, false), (true, true)] {
            let mut gateway = Gateway::of("", BASELINE);
            let mut stream = Stream::new(Ends::v4(7, 1883));
            stream.open(&mut gateway);
            stream.passes(&mut gateway, ToServer, &connect(version));
            let mut greeting = [
                (ToServer, again.concat()),
                (ToClient, connack(version, is_present)),
            ];
            if !is_early {
                greeting.reverse();
            }
            for (direction, packets) in &greeting {
                stream.passes(&mut gateway, *direction, packets);
            }
            for (direction, packet_type, id) in [
                (ToClient, PubAck, 5),
                (ToClient, PubRec, 6),
                (ToServer, PubRel, 6),
                (ToClient, PubComp, 6),
            ] {
                stream.passes(&mut gateway, direction, &ack(version, packet_type, id));
            }
            // Their identifiers are free for others then.
            for id in [5, 6] {
                let next = publish(version, QoS::AtLeastOnce, id, false);
                stream.passes(&mut gateway, ToServer, &next);
                stream.passes(&mut gateway, ToClient, &ack(version, PubAck, id));
            }
            let mut reasons = gateway.record.reasons();
            // A server of 3.1 has no word for that.
            reasons.retain(|reason| *reason != "mqtt.anomaly.not-in-31");
            assert_eq!(
                reasons,
                [] as [&str; 0],
                "{version:?} {is_present} {is_early}"
            );
        }
    }
}

/// A clean session of 3.1.1.
fn clean() -> (Gateway, Stream) {
    let mut gateway = Gateway::of("", BASELINE);
    let stream = Stream::session(&mut gateway, Ends::v4(7, 1883), Version::V311, "plc");
    (gateway, stream)
}

#[test]
fn what_was_said_twice_is_answered_twice_and_no_more() {
    let version = Version::V311;
    let (mut gateway, mut stream) = clean();
    for id in 1..=1100 {
        for dup in [false, true] {
            let publish = publish(version, QoS::AtLeastOnce, id, dup);
            stream.passes(&mut gateway, ToServer, &publish);
        }
        for _ in 0..2 {
            let puback = ack(version, PacketType::PubAck, id);
            stream.passes(&mut gateway, ToClient, &puback);
        }
    }
    assert_eq!(gateway.record.reasons(), [] as [&str; 0]);
    let forged = ack(version, PacketType::PubAck, 1);
    let passage = stream.data(&mut gateway, ToClient, &forged);
    assert_eq!(passage.reason(), UNKNOWN);
}

#[test]
fn what_was_said_twice_and_answered_once_takes_no_room_from_others() {
    let version = Version::V311;
    let said = |id, dup| (ToServer, publish(version, QoS::AtLeastOnce, id, dup));
    let puback = |id| (ToClient, ack(version, PacketType::PubAck, id));
    for answered in [1, 2, 3001] {
        let (mut gateway, mut stream) = clean();
        let halves = (1..=3000).flat_map(|id| [said(id, false), said(id, true), puback(id)]);
        // The other answer comes late, or when the identifier is used again.
        let late = [puback(1), said(2, false), puback(2), puback(2)];
        let next = [said(3001, false), puback(3001)];
        for (direction, packet) in halves.chain(late).chain(next) {
            stream.passes(&mut gateway, direction, &packet);
        }
        assert_eq!(gateway.record.reasons(), [] as [&str; 0]);
        let (direction, forged) = puback(answered);
        let passage = stream.data(&mut gateway, direction, &forged);
        assert_eq!(passage.reason(), UNKNOWN, "{answered}");
    }
}

#[test]
fn a_message_of_qos_2_said_twice_ends_in_any_order() {
    use PacketType::{PubComp, PubRec, PubRel};
    let version = Version::V311;
    let (rec, rel, comp) = ((ToClient, PubRec), (ToServer, PubRel), (ToClient, PubComp));
    for steps in [
        &[rec, rec, rel, rel, comp, comp][..],
        &[rec, rel, comp, rec, rel, comp],
        &[rec, rel, rec, comp, rel, comp],
        &[rec, rel, rec, rel, comp, comp],
    ] {
        let (mut gateway, mut stream) = clean();
        for dup in [false, true] {
            let publish = publish(version, QoS::ExactlyOnce, 3, dup);
            stream.passes(&mut gateway, ToServer, &publish);
        }
        for (direction, packet_type) in steps {
            stream.passes(&mut gateway, *direction, &ack(version, *packet_type, 3));
        }
        let forged = ack(version, PubComp, 3);
        let passage = stream.data(&mut gateway, ToClient, &forged);
        assert_eq!(passage.reason(), UNKNOWN, "{steps:?}");
    }
}
