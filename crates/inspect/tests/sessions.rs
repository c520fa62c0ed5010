//! Where a session's memory ends: bounds that are hit, packets that went by unread, connections met in
//! their middle. Nothing is blocked for want of memory or sight.

use testkit::mqtt;
use testkit::network::{Ends, Gateway, Stream, policy_of};
use weir_inspect::{Count, Exception, LimitKind, Limits, Verdict};
use wire::Direction::{ToClient, ToServer};
use wire::mqtt::encode::{self, Publish};
use wire::mqtt::{PacketType, Property, QoS, ReasonCode, Version};

const BASELINE: &str = include_str!("../../../rules/baseline.toml");
/// Lets some packets through that can't be read.
const OLD_TOPICS: &str = r#"
[[rule]]
id = "old"
match = { reason = "mqtt.malformed.topic-wildcard" }
action = "accept"
"#;

fn puback(id: u16) -> Vec<u8> {
    mqtt::ack(Version::V311, PacketType::PubAck, id)
}

fn publish(id: u16) -> Vec<u8> {
    mqtt::publish_qos(Version::V311, QoS::AtLeastOnce, id, "t", b"x")
}

/// A session of which three identifiers are remembered in each direction.
fn with_room_for_three(version: Version) -> (Gateway, Stream) {
    let limits = Limits {
        in_flight: 3,
        ..Limits::default()
    };
    let pack = [OLD_TOPICS, BASELINE].concat();
    let mut gateway = Gateway::with_limits(policy_of("", &pack), limits);
    let stream = Stream::session(&mut gateway, Ends::v4(7, 1883), version, "a");
    (gateway, stream)
}

#[test]
fn more_in_flight_than_is_remembered_is_told_once_and_checked_again_when_answered() {
    for (direction, forged) in [(ToServer, 9), (ToClient, 5)] {
        let (mut gateway, mut stream) = with_room_for_three(Version::V311);
        // What found no room is acknowledged first, among the rest, and last.
        for answered in [[4, 5, 1, 2, 3], [1, 4, 2, 5, 3], [1, 2, 3, 4, 5]] {
            for id in 1..=5 {
                stream.passes(&mut gateway, ToServer, &publish(id));
            }
            for id in answered {
                stream.passes(&mut gateway, ToClient, &puback(id));
            }
        }
        assert_eq!(gateway.record.counted(Count::Limit(LimitKind::InFlight)), 6);
        assert_eq!(gateway.record.reasons(), ["limits.in-flight"]);
        let passage = stream.data(&mut gateway, direction, &puback(forged));
        assert_eq!(passage.reason(), Some("mqtt.ack.unknown-packet-id"));
    }
}

#[test]
fn while_something_without_room_waits_anything_may_be_acknowledged() {
    let (mut gateway, mut stream) = with_room_for_three(Version::V311);
    for id in 1..=4 {
        stream.passes(&mut gateway, ToServer, &publish(id));
    }
    let subscribe = mqtt::subscribe(Version::V311, 5, &["t"]);
    stream.passes(&mut gateway, ToServer, &subscribe);
    // Repeated for want of an answer, it may get two.
    let repeated = mqtt::publish_with(
        Version::V311,
        &Publish {
            topic: "t",
            qos: QoS::AtLeastOnce,
            dup: true,
            packet_id: 4,
            ..Publish::default()
        },
    );
    stream.passes(&mut gateway, ToServer, &repeated);
    for id in [1, 2, 3, 4, 4] {
        stream.passes(&mut gateway, ToClient, &puback(id));
    }
    let suback = mqtt::suback(Version::V311, 5, &[0]);
    stream.passes(&mut gateway, ToClient, &suback);
    assert_eq!(gateway.record.reasons(), ["limits.in-flight"]);
    let passage = stream.data(&mut gateway, ToClient, &suback);
    assert_eq!(passage.reason(), Some("mqtt.ack.unknown-packet-id"));
}

#[test]
fn a_message_of_qos_2_without_room_is_counted_where_none_is_repeated() {
    let (mut gateway, mut stream) = with_room_for_three(Version::V5);
    let ack = |packet_type, id| mqtt::ack(Version::V5, packet_type, id);
    for id in 1..=5 {
        let publish = mqtt::publish_qos(Version::V5, QoS::ExactlyOnce, id, "t", b"x");
        stream.passes(&mut gateway, ToServer, &publish);
    }
    for id in [4, 1, 2, 3] {
        stream.passes(&mut gateway, ToClient, &ack(PacketType::PubRec, id));
        stream.passes(&mut gateway, ToServer, &ack(PacketType::PubRel, id));
        stream.passes(&mut gateway, ToClient, &ack(PacketType::PubComp, id));
        // One without room still waits.
        stream.passes(&mut gateway, ToClient, &ack(PacketType::PubRec, 9));
    }
    let refused = mqtt::written(|out| {
        let code = ReasonCode(0x97);
        encode::ack(out, Version::V5, PacketType::PubRec, 5, code, &[]);
    });
    stream.passes(&mut gateway, ToClient, &refused);
    let forged = stream.data(&mut gateway, ToClient, &ack(PacketType::PubRec, 9));
    assert_eq!(forged.reason(), Some("mqtt.ack.unknown-packet-id"));
}

#[test]
fn before_5_0_a_message_of_qos_2_without_room_finds_some_with_its_pubrec() {
    let (mut gateway, mut stream) = with_room_for_three(Version::V311);
    let ack = |packet_type, id| mqtt::ack(Version::V311, packet_type, id);
    for id in 1..=5 {
        let publish = mqtt::publish_qos(Version::V311, QoS::ExactlyOnce, id, "t", b"x");
        stream.passes(&mut gateway, ToServer, &publish);
    }
    for id in 1..=5 {
        // Either end may say it again.
        for _ in 0..2 {
            stream.passes(&mut gateway, ToClient, &ack(PacketType::PubRec, id));
        }
        for _ in 0..2 {
            stream.passes(&mut gateway, ToServer, &ack(PacketType::PubRel, id));
        }
        for _ in 0..2 {
            stream.passes(&mut gateway, ToClient, &ack(PacketType::PubComp, id));
        }
    }
    assert_eq!(gateway.record.reasons(), ["limits.in-flight"]);
    let forged = stream.data(&mut gateway, ToClient, &ack(PacketType::PubRec, 9));
    assert_eq!(forged.reason(), Some("mqtt.ack.unknown-packet-id"));
}

#[test]
fn what_cannot_be_counted_may_be_acknowledged_for_ever() {
    let exactly_once = |id| mqtt::publish_qos(Version::V311, QoS::ExactlyOnce, id, "t", b"x");
    let received = |id| mqtt::ack(Version::V311, PacketType::PubRec, id);
    let publishes = |version| {
        (1..=4).map(move |id| mqtt::publish_qos(version, QoS::AtLeastOnce, id, "t", b"x"))
    };
    let unread = mqtt::raw(0x32, b"\0\x03a/#\0\x09\0payload");
    // Neither of two finds room with its PUBREC: the entries of those before are still there.
    let without_room = (1..=5).map(exactly_once).map(|packet| (ToServer, packet));
    let without_room = without_room.chain((1..=5).map(|id| (ToClient, received(id))));
    let unread = publishes(Version::V5)
        .chain([unread])
        .map(|packet| (ToServer, packet));
    for (version, packets) in [
        (Version::V311, without_room.collect::<Vec<_>>()),
        (Version::V5, unread.collect()),
    ] {
        let (mut gateway, mut stream) = with_room_for_three(version);
        for (direction, packet) in packets {
            stream.passes(&mut gateway, direction, &packet);
        }
        for id in [9, 9, 10] {
            let puback = mqtt::ack(version, PacketType::PubAck, id);
            stream.passes(&mut gateway, ToClient, &puback);
        }
    }
}

#[test]
fn an_alias_without_room_is_treated_as_the_configuration_says() {
    let aliased = |topic: &str, alias| {
        mqtt::publish_with(
            Version::V5,
            &Publish {
                topic,
                properties: &[Property::TopicAlias(alias)],
                ..Publish::default()
            },
        )
    };
    for (exception, verdict) in [
        (Exception::Drop, Verdict::Drop),
        (Exception::Bypass, Verdict::Accept),
    ] {
        let limits = Limits {
            topic_alias_bytes: 100,
            topic_alias_common_bytes: 0,
            exception,
            ..Limits::default()
        };
        let mut gateway = Gateway::with_limits(policy_of("", BASELINE), limits);
        let connack = mqtt::written(|out| {
            let properties = [Property::TopicAliasMaximum(9)];
            encode::connack(out, Version::V5, false, ReasonCode::SUCCESS, &properties);
        });
        let greetings = [mqtt::connect(Version::V5, "a"), connack];
        let mut stream = Stream::greeted(&mut gateway, Ends::v4(7, 1883), greetings);
        let long = "t".repeat(50);
        for (topic, alias) in [(&*long, 1), (&long, 2), ("", 1)] {
            let packet = aliased(topic, alias);
            stream.passes(&mut gateway, ToServer, &packet);
        }
        assert!(gateway.record.events.is_empty());
        let passage = stream.data(&mut gateway, ToServer, &aliased("", 2));
        assert_eq!(passage.reason(), Some("limits.topic-aliases"));
        assert_eq!(passage.verdict(), verdict);
        assert_eq!(
            gateway
                .record
                .counted(Count::Limit(LimitKind::TopicAliases)),
            1
        );
    }
}

#[test]
fn what_a_packet_let_through_unread_began_may_be_acknowledged() {
    let pack = [OLD_TOPICS, BASELINE].concat();
    let mut gateway = Gateway::of("", &pack);
    let mut stream = Stream::session(&mut gateway, Ends::v4(7, 1883), Version::V311, "a");
    let odd = mqtt::raw(0x32, b"\0\x03a/#\0\x09payload");
    stream.passes(&mut gateway, ToServer, &odd);
    stream.passes(&mut gateway, ToClient, &puback(9));
    // What is read from then on is followed again.
    stream.passes(&mut gateway, ToServer, &publish(9));
    let passage = stream.data(&mut gateway, ToServer, &publish(9));
    assert_eq!(passage.reason(), Some("mqtt.packet-id.in-use"));
}

#[test]
fn after_a_loss_of_sight_what_is_in_flight_may_be_acknowledged() {
    let mut gateway = Gateway::of("", BASELINE);
    let mut stream = Stream::session(&mut gateway, Ends::v4(7, 1883), Version::V311, "a");
    stream.passes(&mut gateway, ToServer, &publish(1));
    gateway.now = gateway.now + std::time::Duration::from_secs(1);
    gateway.inspector.lose_sight(gateway.now);
    // The identifier may have been set free unseen, and others taken.
    for (direction, packet) in [
        (ToServer, publish(1)),
        (ToClient, puback(7)),
        (ToClient, publish(4)),
        (ToServer, puback(4)),
        (ToServer, puback(5)),
        (ToClient, puback(1)),
    ] {
        stream.passes(&mut gateway, direction, &packet);
    }
}

#[test]
fn a_connection_met_in_its_middle_owes_no_past() {
    let mut gateway = Gateway::of("", BASELINE);
    let mut stream = Stream::new(Ends::v4(7, 1883));
    let release = mqtt::ack(Version::V311, PacketType::PubRel, 3);
    for (direction, packet) in [
        (ToServer, puback(9)),
        (ToClient, puback(8)),
        (ToClient, release),
        (ToServer, mqtt::ack(Version::V311, PacketType::PubComp, 3)),
        (ToServer, publish(1)),
        (ToClient, puback(1)),
    ] {
        stream.passes(&mut gateway, direction, &packet);
    }
}

/// Mosquitto does it with every message of a backlog.
#[test]
fn whoever_keeps_to_no_receive_maximum_is_told_of_once() {
    let mut gateway = Gateway::of("", BASELINE);
    let connect = mqtt::connect_with(&encode::Connect {
        version: Version::V5,
        client_id: "a",
        properties: &[Property::ReceiveMaximum(2)],
        ..encode::Connect::default()
    });
    let greetings = [connect, mqtt::connack(Version::V5, 0)];
    let mut stream = Stream::greeted(&mut gateway, Ends::v4(7, 1883), greetings);
    let message = |id| mqtt::publish_qos(Version::V5, QoS::AtLeastOnce, id, "t", b"x");
    stream.passes(
        &mut gateway,
        ToServer,
        &mqtt::subscribe(Version::V5, 1, &["t"]),
    );
    for id in 1..=9 {
        stream.passes(&mut gateway, ToClient, &message(id));
        let told = gateway.record.reasons();
        assert_eq!(!told.is_empty(), id > 2, "{id}: {told:?}");
    }
    for id in 1..=9 {
        let ack = mqtt::ack(Version::V5, PacketType::PubAck, id);
        stream.passes(&mut gateway, ToServer, &ack);
        stream.passes(&mut gateway, ToClient, &message(id));
    }
    let alerts = gateway.record.events.iter();
    assert_eq!(alerts.filter(|event| event.rule.is_some()).count(), 1);
}
