//! What a flow costs: nothing allocated for a frame in the steady state, and little kept while idle.

use allocation_counter::AllocationInfo;
use policy::Side;
use testkit::network::{Ends, Gateway, Stream};
use testkit::{coap, mqtt};
use weir_inspect::{Count, Event, Frame, Inspector, Instant, Limits, Outcome, Port, Seed, Sink};
use wire::Direction::{self, ToClient, ToServer};
use wire::coap::Code;
use wire::mqtt::encode::{self, Connect, Publish};
use wire::mqtt::{Property, QoS, ReasonCode, Version};
use wire::net::TcpFlags;

const BASELINE: &str = include_str!("../../../rules/baseline.toml");

/// Takes everything and keeps nothing.
struct Void;

impl Sink for Void {
    fn event(&mut self, _: &Event<'_>) {}
    fn inject(&mut self, _: Port, _: &[u8]) {}
    fn ban(&mut self, _: policy::Ban, _: policy::RuleIndex, _: u64) {}
    fn count(&mut self, _: Count) {}
}

fn carry(inspector: &Inspector, at: u64, side: Side, frame: &mut [u8]) -> Outcome {
    let port = Port { link: 0, side };
    inspector.handle_frame(
        Instant::from_millis(at),
        port,
        &mut Frame::whole(frame),
        &mut Void,
    )
}

/// Counts every message, twice.
const COUNTING: &str = r#"
    [[rule]]
    id = "count"
    match = { protocol = "mqtt" }
    limit = { count = 100_000, window = "1d", per = "client_id" }
    action = "reset"
    [[rule]]
    id = "rate"
    match = { packet = ["PUBLISH", "PINGREQ"] }
    limit = { rate = 1000, burst = 100_000, per = "flow" }
    action = "reset"
"#;

/// Asks what is held at once, by all that belongs to somebody else, too.
const HOLDING: &str = r#"
    [[rule]]
    id = "sessions"
    match = { packet = "CONNECT" }
    limit = { max = 100_000, of = "sessions", per = "destination" }
    action = "reset"
    [[rule]]
    id = "subscriptions"
    match = { packet = "SUBSCRIBE" }
    limit = { max = 100, of = "subscriptions", per = "client_id" }
    action = "reset"
    [[rule]]
    id = "in-flight"
    match = { packet = "PUBLISH" }
    limit = { max = 100, of = "in_flight", per = "topic" }
    action = "reset"
"#;

/// A gateway with an open session, and that session's script.
fn session() -> (Gateway, Stream) {
    let mut gateway = Gateway::of("", &[BASELINE, COUNTING].concat());
    let ends = Ends::v4(7, 1883);
    let mut stream = Stream::session(&mut gateway, ends, Version::V311, "device");
    assert!(stream.ack(&mut gateway, ToServer).outcome.forward);
    (gateway, stream)
}

#[test]
fn an_mqtt_frame_allocates_nothing_in_the_steady_state() {
    let (gateway, mut stream) = session();
    let sizes = [20, 300, 1400];
    // Messages whole, two in a segment, and one over two segments; each is acknowledged.
    let mut frames = Vec::new();
    for round in 0..60 {
        let publish = mqtt::publish(Version::V311, "sensors/7/t", &vec![1; sizes[round % 3]]);
        let pieces: Vec<Vec<u8>> = match round % 4 {
            0 => vec![[&publish[..], &mqtt::pingreq()].concat()],
            1 => publish
                .chunks(publish.len() / 2 + 1)
                .map(<[u8]>::to_vec)
                .collect(),
            _ => vec![publish],
        };
        for piece in pieces {
            frames.push((
                Side::Inside,
                stream.segment(ToServer, 0, TcpFlags::ACK, &piece),
            ));
            stream.advance(ToServer, piece.len());
        }
        frames.push((
            Side::Outside,
            stream.segment(ToClient, 0, TcpFlags::ACK, &[]),
        ));
    }
    let half = frames.len() / 2;
    let (warm_up, steady) = frames.split_at_mut(half);
    for (side, frame) in warm_up {
        assert!(carry(&gateway.inspector, 2000, *side, frame).forward);
    }
    let info = allocation_counter::measure(|| {
        for (side, frame) in steady {
            assert!(carry(&gateway.inspector, 2001, *side, frame).forward);
        }
    });
    assert_eq!(info.count_total, 0, "{info:?}");
    assert_eq!(gateway.inspector.gauges().meters, 2);
}

/// Ten thousand rules as plants have them, of every kind that is looked up, and every tenth with a limit. Each is about
/// a machine of its own, but for ten limits of the topic at hand.
fn ten_thousand_rules() -> String {
    let mut pack = String::new();
    for n in 0..10_000 {
        let (conditions, limit) = match n % 10 {
            0 => (
                match n < 100 {
                    true => "packet = \"PUBLISH\", topic = \"sensors/#\"".to_owned(),
                    false => format!("packet = \"PUBLISH\", topic = \"plant/{n}/#\""),
                },
                format!(
                    "limit = {{ count = {}, window = \"1d\", per = \"client_id\" }}\n",
                    200_000 - n
                ),
            ),
            1 => (
                format!("packet = \"PUBLISH\", payload = {{ contains = \"reboot-{n:05};\" }}"),
                String::new(),
            ),
            2 => (
                format!("packet = \"PUBLISH\", payload = {{ regex = 'set-{n:05}=\\d+' }}"),
                String::new(),
            ),
            3 => (
                format!(
                    "packet = \"PUBLISH\", client_id = \"plc-{n}\", topic = \"!plant/{{client_id}}/#\""
                ),
                String::new(),
            ),
            4 => (
                format!(
                    "packet = \"PUBLISH\", payload = {{ json = {{ \"/unit\" = \"u{n}\" }} }}, topic = \"plant/{n}/#\""
                ),
                String::new(),
            ),
            _ => (
                format!("packet = \"PUBLISH\", topic = \"plant/{n}/+/state\""),
                String::new(),
            ),
        };
        pack += &format!(
            "[[rule]]\nid = \"r{n}\"\nmatch = {{ {conditions} }}\n{limit}action = \"drop\"\n"
        );
    }
    pack
}

#[test]
fn ten_thousand_rules_allocate_nothing_in_the_steady_state() {
    let mut gateway = Gateway::of("", &ten_thousand_rules());
    let ends = Ends::v4(7, 1883);
    let mut stream = Stream::session(&mut gateway, ends, Version::V311, "device");
    assert!(stream.ack(&mut gateway, ToServer).outcome.forward);
    // Payloads that meet no rule, that have what an expression needs, and nothing but a literal of another rule.
    let payloads = [
        "{\"unit\":\"C\",\"t\":21.5}",
        "the set-00002= of an expression without its digits",
        "reboot-00001 without what ends it",
    ];
    let mut frames = Vec::new();
    for round in 0..40 {
        let publish = mqtt::publish(Version::V311, "sensors/7/t", payloads[round % 3].as_bytes());
        let segment = stream.segment(ToServer, 0, TcpFlags::ACK, &publish);
        stream.advance(ToServer, publish.len());
        frames.push((Side::Inside, segment));
        let ack = stream.segment(ToClient, 0, TcpFlags::ACK, &[]);
        frames.push((Side::Outside, ack));
    }
    let half = frames.len() / 2;
    let (warm_up, steady) = frames.split_at_mut(half);
    for (side, frame) in warm_up {
        assert!(carry(&gateway.inspector, 2000, *side, frame).forward);
    }
    let info = allocation_counter::measure(|| {
        for (side, frame) in steady {
            assert!(carry(&gateway.inspector, 2001, *side, frame).forward);
        }
    });
    assert_eq!(info.count_total, 0, "{info:?}");
    assert_eq!(gateway.inspector.gauges().meters, 10);
}

/// All that may be in flight, both ways, with topic aliases given anew: one round.
fn round_of_deliveries(round: u16) -> Vec<(Direction, Vec<u8>)> {
    use wire::mqtt::PacketType::{PubAck, PubComp, PubRec, PubRel};
    let topics = ["sensors/7/temperature", "sensors/7/humidity"];
    let alias = [Property::TopicAlias(1 + round % 2)];
    let publish = |qos, packet_id| {
        mqtt::publish_with(
            Version::V5,
            &Publish {
                topic: topics[usize::from(round / 2 % 2)],
                properties: &alias,
                qos,
                packet_id,
                payload: b"21.5",
                ..Publish::default()
            },
        )
    };
    let ack = |packet_type, id| mqtt::ack(Version::V5, packet_type, id);
    let id = 1 + round * 10;
    let (first, second) = (id, id + 1);
    let one_way = |there: Direction| {
        let back = there.reverse();
        [
            (there, publish(QoS::AtLeastOnce, first)),
            (there, publish(QoS::ExactlyOnce, second)),
            (back, ack(PubRec, second)),
            (there, ack(PubRel, second)),
            (back, ack(PubAck, first)),
            (back, ack(PubComp, second)),
        ]
    };
    let mut all = vec![
        (ToServer, mqtt::subscribe(Version::V5, id + 2, &topics)),
        (ToClient, mqtt::suback(Version::V5, id + 2, &[2, 2])),
    ];
    all.extend([one_way(ToServer), one_way(ToClient)].concat());
    all.extend([(ToServer, mqtt::pingreq()), (ToClient, mqtt::pingresp())]);
    all
}

#[test]
fn deliveries_of_every_kind_allocate_nothing_in_the_steady_state() {
    deliver_under(BASELINE);
}

#[test]
fn nor_where_rules_ask_what_is_held() {
    deliver_under(&[BASELINE, HOLDING].concat());
}

fn deliver_under(pack: &str) {
    let mut gateway = Gateway::of("", pack);
    let mut stream = Stream::new(Ends::v4(7, 1883));
    stream.open(&mut gateway);
    let properties = [Property::TopicAliasMaximum(2)];
    let connect = mqtt::connect_with(&Connect {
        version: Version::V5,
        client_id: "device",
        properties: &properties,
        ..Connect::default()
    });
    let connack = mqtt::written(|out| {
        encode::connack(out, Version::V5, false, ReasonCode::SUCCESS, &properties);
    });
    for (direction, packet) in [(ToServer, connect), (ToClient, connack)] {
        stream.passes(&mut gateway, direction, &packet);
    }
    let mut frames = Vec::new();
    for (direction, packet) in (0..60).flat_map(round_of_deliveries) {
        let side = stream.ends.side_of_sender(direction);
        frames.push((side, stream.segment(direction, 0, TcpFlags::ACK, &packet)));
        stream.advance(direction, packet.len());
    }
    let half = frames.len() / 2;
    let (warm_up, steady) = frames.split_at_mut(half);
    for (side, frame) in warm_up {
        let outcome = carry(&gateway.inspector, 2000, *side, frame);
        assert!(outcome.forward && outcome.reason.is_none(), "{outcome:?}");
    }
    let info = allocation_counter::measure(|| {
        for (side, frame) in steady {
            assert!(carry(&gateway.inspector, 2001, *side, frame).forward);
        }
    });
    assert_eq!(info.count_total, 0, "{info:?}");
}

#[test]
fn a_coap_exchange_allocates_nothing_once_old_ones_fall_due() {
    const EXCHANGES: u16 = 1000;
    let gateway = Gateway::of("", BASELINE);
    let ends = Ends::v4(7, 5683);
    let mut frames: Vec<_> = (0..EXCHANGES)
        .map(|id| {
            let token = id.to_be_bytes();
            let get = coap::get(id, &token, "sensors/temperature");
            let content = coap::response(Code::CONTENT, id, &token, b"21.5");
            [
                (Side::Inside, ends.datagram(ToServer, &get)),
                (Side::Outside, ends.datagram(ToClient, &content)),
            ]
        })
        .collect();
    let exchange = |at: u64, frames: &mut [(Side, Vec<u8>); 2]| {
        for (side, frame) in frames {
            assert!(carry(&gateway.inspector, at, *side, frame).forward);
        }
        let now = Instant::from_millis(at);
        while gateway
            .inspector
            .poll_timeout()
            .is_some_and(|(due, _)| due <= now)
        {
            gateway.inspector.handle_timeout(now, &mut Void);
        }
    };
    // One a second, which is far longer than any of them is remembered.
    let (warm_up, steady) = frames.split_at_mut(usize::from(EXCHANGES) - 100);
    for (n, frames) in (1..).zip(warm_up) {
        exchange(1000 * n, frames);
    }
    let info = allocation_counter::measure(|| {
        for (n, frames) in (u64::from(EXCHANGES)..).zip(steady) {
            exchange(1000 * n, frames);
        }
    });
    assert_eq!(info.count_total, 0, "{info:?}");
}

/// As large as MQTT allows: not a byte of it is kept longer than TCP needs it.
#[test]
fn a_publish_of_256_mb_passes_in_the_memory_of_a_small_one() {
    const PAYLOAD: usize = 268_435_455 - 3;
    const KEPT_BYTES: u64 = 16_384;
    let (gateway, mut stream) = session();
    let head = [&[0x30, 0xff, 0xff, 0xff, 0x7f][..], b"\0\x01t"].concat();
    let body = vec![7; 1400];
    let mut carry_all = |direction, bytes: &[u8]| {
        let side = stream.ends.side_of_sender(direction);
        let mut frame = stream.segment(direction, 0, TcpFlags::ACK, bytes);
        stream.advance(direction, bytes.len());
        assert!(carry(&gateway.inspector, 2000, side, &mut frame).forward);
    };
    let info = allocation_counter::measure(|| {
        carry_all(ToServer, &head);
        let mut remaining = PAYLOAD;
        while remaining > 0 {
            let piece = &body[..remaining.min(body.len())];
            carry_all(ToServer, piece);
            carry_all(ToClient, &[]);
            remaining -= piece.len();
        }
    });
    assert!(info.bytes_max <= KEPT_BYTES, "{info:?}");
    // It ended where it said it would: what follows is read.
    carry_all(ToServer, &mqtt::pingreq());
    let side = stream.ends.side_of_sender(ToServer);
    let mut spoofed = stream.segment(ToServer, 0, TcpFlags::ACK, &mqtt::pingresp());
    assert!(!carry(&gateway.inspector, 2000, side, &mut spoofed).forward);
}

/// Opens `count` sessions and lets them fall silent.
fn idle_sessions(inspector: &Inspector, count: u16) -> AllocationInfo {
    let connect = mqtt::connect(Version::V311, "device-with-a-usual-name");
    let connack = mqtt::connack(Version::V311, 0);
    let mut scripts = Vec::new();
    for n in 0..count {
        let mut stream = Stream::new(Ends::v4(n, 1883));
        let mut frames = Vec::new();
        let mut send = |direction, flags: TcpFlags, payload: &[u8]| {
            frames.push((
                stream.ends.side_of_sender(direction),
                stream.segment(direction, 0, flags, payload),
            ));
            let syn = usize::from(flags.contains(TcpFlags::SYN));
            stream.advance(direction, payload.len() + syn);
        };
        send(ToServer, TcpFlags::SYN, &[]);
        send(ToClient, TcpFlags::SYN | TcpFlags::ACK, &[]);
        send(ToServer, TcpFlags::ACK, &[]);
        send(ToServer, TcpFlags::ACK, &connect);
        send(ToClient, TcpFlags::ACK, &connack);
        send(
            ToServer,
            TcpFlags::ACK,
            &mqtt::publish(Version::V311, "t", &[0; 1000]),
        );
        send(ToClient, TcpFlags::ACK, &[]);
        send(ToServer, TcpFlags::ACK, &[]);
        scripts.push(frames);
    }
    allocation_counter::measure(|| {
        for (side, frame) in scripts.iter_mut().flatten() {
            assert!(carry(inspector, 1000, *side, frame).forward);
        }
    })
}

#[test]
fn an_idle_session_costs_a_kibibyte_at_most() {
    const SESSIONS: u16 = 20_000;
    // What rules ask about, somebody has to remember.
    let holding = [BASELINE, HOLDING].concat();
    for (pack, most) in [(BASELINE, 1024), (holding.as_str(), 1536)] {
        let gateway = Gateway::of("", pack);
        let info = idle_sessions(&gateway.inspector, SESSIONS);
        assert_eq!(gateway.inspector.gauges().sessions, usize::from(SESSIONS));
        let each = info.bytes_current / i64::from(SESSIONS);
        assert!(each <= most, "{each} bytes for an idle session");
    }
}

#[test]
fn the_same_frames_seed_and_times_give_the_same_output() {
    let run = |seed| {
        let policy = testkit::network::policy_of("", BASELINE);
        let mut gateway = Gateway::new(policy.clone());
        gateway.inspector = Inspector::new(Limits::default(), policy, Seed::fixed(seed));
        for n in 0..300 {
            let mut stream = Stream::new(Ends::v4(n, 1883));
            stream.open(&mut gateway);
            stream.data(
                &mut gateway,
                ToServer,
                &mqtt::connect(Version::V311, "device"),
            );
            stream.data_at(&mut gateway, ToServer, 4, &mqtt::pingreq());
            stream.data(&mut gateway, ToServer, &mqtt::pingresp());
            gateway.wait(std::time::Duration::from_millis(200));
        }
        gateway.wait(std::time::Duration::from_secs(100));
        let record = gateway.record;
        let ids: Vec<_> = record.events.iter().map(|event| event.flow_id).collect();
        (record.events, record.injected, record.counts, ids)
    };
    let (first, again, other) = (run(1), run(1), run(2));
    assert!(first == again);
    assert_eq!(first.1, other.1, "frames don't depend on the seed");
    assert_ne!(first.3, other.3, "flow ids do");
}
