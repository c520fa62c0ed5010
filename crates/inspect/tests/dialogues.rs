//! No false blocks: whatever a client and a broker say by the book raises nothing, and one illegal step
//! in the middle of it raises the reason it should.

use std::sync::{Arc, LazyLock};

use policy::Policy;
use testkit::dialogue::{Dialogue, Out};
use testkit::mqtt;
use testkit::network::{Ends, Gateway, Random, Stream, policy_of};
use weir_inspect::EventKind;
use wire::Direction::{self, ToClient, ToServer};
use wire::mqtt::encode::{self, Publish};
use wire::mqtt::{PacketType, Property, QoS, ReasonCode, Version};

const BASELINE: &str = include_str!("../../../rules/baseline.toml");
static POLICY: LazyLock<Arc<Policy>> = LazyLock::new(|| policy_of("", BASELINE));
const VERSIONS: [Version; 3] = [Version::V31, Version::V311, Version::V5];
const SEEDS: u64 = 1500;

/// A gateway with a dialogue that goes through it, its TCP as untidy as a network makes it.
struct Scene {
    gateway: Gateway,
    stream: Stream,
    connections: u16,
    dialogue: Dialogue,
    random: Random,
    /// What was said, to be shown when something goes wrong.
    said: Vec<String>,
}

impl Scene {
    fn new(version: Version, seed: u64) -> Self {
        let mut scene = Self {
            gateway: Gateway::new(POLICY.clone()),
            stream: Stream::new(Ends::v4(1, 1883)),
            connections: 0,
            dialogue: Dialogue::new(version, seed),
            random: Random::new(seed ^ 0x5eed),
            said: Vec::new(),
        };
        scene.open();
        scene
    }

    fn open(&mut self) {
        self.connections += 1;
        let mut ends = Ends::v4(7, 1883);
        ends.path.source_port += self.connections;
        self.stream = Stream::new(ends);
        self.stream.open(&mut self.gateway);
    }

    /// Carries a packet, in pieces at times, some of them twice, some of them out of order.
    fn carry(&mut self, direction: Direction, packet: &[u8]) {
        self.said.push(format!("{direction:?} {packet:02x?}"));
        let cut = match self.random.once_in(3) {
            true => self.random.below(packet.len()),
            false => 0,
        };
        let (head, tail) = packet.split_at(cut);
        if !head.is_empty() && self.random.once_in(2) {
            self.stream
                .data_at(&mut self.gateway, direction, head.len() as i64, tail);
            self.stream.data(&mut self.gateway, direction, head);
            self.stream.advance(direction, tail.len());
        } else {
            for piece in [head, tail] {
                self.stream.data(&mut self.gateway, direction, piece);
            }
        }
        if self.random.once_in(4) {
            let back = -(packet.len() as i64);
            self.stream
                .data_at(&mut self.gateway, direction, back, packet);
        }
        if self.random.once_in(2) {
            self.stream.ack(&mut self.gateway, direction.reverse());
        }
    }

    /// Has the dialogue go on for so many packets.
    fn go_on(&mut self, packets: usize) {
        for _ in 0..packets {
            let Some((direction, packet)) = self.dialogue.next_packet() else {
                return;
            };
            self.carry(direction, &packet);
        }
    }

    fn assert_silent(&self, what: &str) {
        let told: Vec<_> = self.gateway.record.reasons();
        let said = self.said[self.said.len().saturating_sub(60)..].join("\n");
        assert!(told.is_empty(), "{what}: {told:?}\n{said}");
    }
}

#[test]
fn legal_dialogues_raise_nothing() {
    for version in VERSIONS {
        let mut resumed = 0;
        for seed in 0..SEEDS {
            let mut scene = Scene::new(version, seed);
            for _ in 0..3 {
                let len = 5 + scene.random.below(60);
                scene.go_on(len);
                scene.assert_silent(&format!("{version:?} {seed}"));
                resumed += usize::from(scene.dialogue.reconnect());
                scene.open();
            }
        }
        assert!(resumed > 100, "{version:?}: sessions that go on: {resumed}");
    }
}

/// A step that no peer may take, and what it raises.
struct Misstep {
    reason: &'static str,
    /// What has to be said before it, legally.
    before: Vec<(Direction, Vec<u8>)>,
    packet: (Direction, Vec<u8>),
}

fn misstep(
    reason: &'static str,
    before: impl IntoIterator<Item = (Direction, Vec<u8>)>,
    direction: Direction,
    packet: Vec<u8>,
) -> Misstep {
    Misstep {
        reason,
        before: before.into_iter().collect(),
        packet: (direction, packet),
    }
}

/// Identifiers that the dialogue, which uses low ones, has nothing to do with.
const FREE: u16 = 40_000;

/// Every misstep that is one for a dialogue at rest.
fn missteps(dialogue: &Dialogue) -> Vec<Misstep> {
    let version = dialogue.version;
    let ack = |packet_type, id| mqtt::ack(version, packet_type, id);
    let publish = |qos, id| mqtt::publish_qos(version, qos, id, "a", b"");
    let one = |direction, packet| Some((direction, packet));
    let mut missteps = vec![
        misstep(
            "mqtt.session.second-connect",
            None,
            ToServer,
            mqtt::connect(version, "x"),
        ),
        misstep(
            "mqtt.session.connack-unexpected",
            None,
            ToClient,
            mqtt::connack(version, 0),
        ),
        misstep(
            "mqtt.spoofed.server-packet",
            None,
            ToServer,
            mqtt::pingresp(),
        ),
        misstep(
            "mqtt.spoofed.client-packet",
            None,
            ToClient,
            mqtt::pingreq(),
        ),
        misstep(
            "mqtt.session.after-disconnect",
            one(ToServer, mqtt::disconnect(version)),
            ToServer,
            mqtt::pingreq(),
        ),
        misstep(
            "mqtt.ack.code-count",
            one(ToServer, mqtt::subscribe(version, FREE, &["a", "b"])),
            ToClient,
            mqtt::suback(version, FREE, &[0]),
        ),
        misstep(
            "mqtt.session.granted-above-asked",
            one(
                ToServer,
                mqtt::subscribe_with(version, FREE, &[("a", 1), ("b", 0)]),
            ),
            ToClient,
            mqtt::suback(version, FREE, &[1, 1]),
        ),
    ];
    let is_clean = dialogue.is_fresh();
    for (direction, others) in [
        (ToServer, dialogue.peers[0].others()),
        (ToClient, dialogue.peers[1].others()),
    ] {
        let back = direction.reverse();
        let most_qos = dialogue.peers[direction as usize].limit_of_qos();
        let in_flight = dialogue.peers[direction as usize].outgoing.len();
        let has_room = in_flight < usize::from(others.receive_maximum);
        if is_clean {
            for packet_type in [PacketType::PubAck, PacketType::PubRec, PacketType::PubComp] {
                let packet = ack(packet_type, FREE);
                missteps.push(misstep("mqtt.ack.unknown-packet-id", None, back, packet));
            }
        }
        if is_clean && version == Version::V5 {
            let release = ack(PacketType::PubRel, FREE);
            missteps.push(misstep(
                "mqtt.ack.unknown-release",
                None,
                direction,
                release,
            ));
        }
        if is_clean && most_qos == 2 && has_room {
            let opening = || one(direction, publish(QoS::ExactlyOnce, FREE));
            let wrong = ack(PacketType::PubAck, FREE);
            missteps.push(misstep("mqtt.ack.wrong-step", opening(), back, wrong));
            let early = ack(PacketType::PubRel, FREE);
            missteps.push(misstep("mqtt.ack.wrong-step", opening(), direction, early));
        }
        if most_qos >= 1 && has_room {
            let opening = one(direction, publish(QoS::AtLeastOnce, FREE));
            let again = publish(QoS::AtLeastOnce, FREE);
            missteps.push(misstep("mqtt.packet-id.in-use", opening, direction, again));
        }
        if version == Version::V5 {
            missteps.extend(beyond_terms(dialogue, direction, in_flight));
        }
    }
    missteps
}

/// What goes beyond what the receiver of a direction takes.
fn beyond_terms(dialogue: &Dialogue, direction: Direction, in_flight: usize) -> Vec<Misstep> {
    let others = dialogue.peers[direction as usize].others();
    let mut missteps = Vec::new();
    let mut add = |reason, packet| missteps.push(misstep(reason, None, direction, packet));
    let aliased = |topic, alias| {
        mqtt::publish_with(
            Version::V5,
            &Publish {
                topic,
                properties: &[Property::TopicAlias(alias)],
                ..Publish::default()
            },
        )
    };
    add(
        "mqtt.negotiated.topic-alias",
        aliased("a", others.topic_alias_maximum + 1),
    );
    if others.packet_bytes < 2000 {
        let large = mqtt::publish(Version::V5, "a", &[b'x'; 2000]);
        add("mqtt.negotiated.packet-size", large);
    }
    if others.receive_maximum < 10 && (direction == ToClient || others.maximum_qos > 0) {
        // All that fit, and one more.
        let room = usize::from(others.receive_maximum) - in_flight;
        let mut all = (0..=room as u16).map(|n| {
            let packet = mqtt::publish_qos(Version::V5, QoS::AtLeastOnce, FREE + n, "a", b"");
            (direction, packet)
        });
        let before: Vec<_> = all.by_ref().take(room).collect();
        let (_, packet) = all.next().expect("one more than fit");
        let reason = "mqtt.flow-control.receive-maximum";
        if dialogue.is_fresh() {
            missteps.push(misstep(reason, before, direction, packet));
        }
    }
    if direction == ToServer {
        missteps.extend(beyond_server(dialogue));
    }
    missteps
}

/// What a client asks for that its server doesn't have.
fn beyond_server(dialogue: &Dialogue) -> Vec<Misstep> {
    let others = dialogue.peers[0].others();
    let mut missteps = Vec::new();
    let mut add = |reason, packet| missteps.push(misstep(reason, None, ToServer, packet));
    if others.maximum_qos < 2 {
        let packet = mqtt::publish_qos(Version::V5, QoS::ExactlyOnce, FREE, "a", b"");
        add("mqtt.negotiated.qos", packet);
    }
    if !others.retain {
        let publish = Publish {
            topic: "a",
            retain: true,
            ..Publish::default()
        };
        add(
            "mqtt.negotiated.retain",
            mqtt::publish_with(Version::V5, &publish),
        );
    }
    if !others.wildcards {
        add(
            "mqtt.negotiated.wildcard",
            mqtt::subscribe(Version::V5, FREE, &["a/+"]),
        );
    }
    if !others.shared {
        let packet = mqtt::subscribe(Version::V5, FREE, &["$share/g/a"]);
        add("mqtt.negotiated.shared", packet);
    }
    if !others.subscription_ids {
        let properties = [Property::SubscriptionIdentifier(1)];
        let packet = mqtt::written(|out| {
            encode::subscribe(out, Version::V5, FREE, &properties, &[("a", 0)]);
        });
        add("mqtt.negotiated.subscription-id", packet);
    }
    if dialogue.is_fresh() {
        let properties = [Property::SessionExpiryInterval(9)];
        let packet = mqtt::written(|out| {
            encode::disconnect(out, Version::V5, ReasonCode::SUCCESS, &properties);
        });
        add("mqtt.negotiated.session-expiry", packet);
    }
    add("mqtt.auth.unexpected", mqtt::auth("SCRAM"));
    missteps.retain(|misstep| misstep.reason != "mqtt.auth.unexpected" || !dialogue.has_method());
    missteps
}

#[test]
fn one_illegal_step_raises_its_reason() {
    let mut taken = std::collections::BTreeMap::new();
    for version in VERSIONS {
        for seed in 0..SEEDS {
            let mut scene = Scene::new(version, seed);
            let len = 5 + scene.random.below(40);
            scene.go_on(len);
            for (direction, packet) in scene.dialogue.wind_up() {
                scene.carry(direction, &packet);
            }
            if !scene.dialogue.is_open() || !scene.dialogue.has_asked() {
                continue;
            }
            scene.assert_silent(&format!("{version:?} {seed}"));
            let mut missteps = missteps(&scene.dialogue);
            let at = scene.random.below(missteps.len());
            let Misstep {
                reason,
                before,
                packet,
            } = missteps.swap_remove(at);
            for (direction, packet) in before {
                scene.carry(direction, &packet);
            }
            scene.assert_silent(&format!("{version:?} {seed}, before {reason}"));
            let (direction, packet) = packet;
            let passage = scene.stream.data(&mut scene.gateway, direction, &packet);
            assert_eq!(passage.reason(), Some(reason), "{version:?} {seed}");
            // What peers in the field do is told of and let through (rules/baseline.toml).
            let is_alert = [
                "mqtt.ack.unknown-release",
                "mqtt.flow-control.receive-maximum",
                "mqtt.session.granted-above-asked",
            ]
            .contains(&reason);
            assert_eq!(
                passage.outcome.forward, is_alert,
                "{version:?} {seed}: {reason}"
            );
            let kinds = scene.gateway.record.events.iter().map(|event| event.kind);
            assert_eq!(kinds.clone().next(), Some(EventKind::Alert));
            *taken.entry(reason).or_insert(0) += 1;
        }
    }
    assert!(taken.len() >= 20, "{taken:?}");
}

#[test]
fn the_model_uses_what_it_is_there_to_try() {
    let mut steps = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let mut scene = Scene::new(Version::V5, seed);
        scene.go_on(60);
        let outgoing = scene
            .dialogue
            .peers
            .iter()
            .flat_map(|peer| peer.outgoing.values());
        steps.extend(outgoing.map(|out| match out {
            Out::Message1 => "QoS 1",
            Out::Message2 => "QoS 2",
            Out::Release => "released",
            Out::Request => "request",
        }));
    }
    assert_eq!(steps.len(), 4, "{steps:?}");
}
