//! A table full of sessions, and a flood that wants their room.

use std::time::Duration;

use policy::{Ban, RuleIndex, Side};
use testkit::mqtt::{self, Connect};
use testkit::network::{Ends, Stream, policy_of};
use weir_inspect::{
    Count, Event, FlowEnd, Frame, Injected, Inspector, Instant, LimitKind, Limits, Outcome, Port,
    Seed, Sink, Verdict,
};
use wire::Direction::{self, ToClient, ToServer};
use wire::mqtt::{PacketType, QoS, Version};
use wire::net::{Layout, Packet, TcpFlags, edit};

const BASELINE: &str = include_str!("../../../rules/baseline.toml");
const SESSIONS: u32 = 1_000_000;
const FLOOD: u32 = 10_000_000;
/// What in a client's name is its own.
const NAME_DIGITS: &[u8] = b"00000000";
/// Bytes that an idle session may cost, all included.
const SESSION_BYTES: i64 = 1024;

/// Counts who had to go.
#[derive(Default)]
struct Departures {
    evicted: usize,
    for_half_open: usize,
    for_flows: usize,
    answers: usize,
    events: usize,
}

impl Sink for Departures {
    fn event(&mut self, _: &Event<'_>) {
        self.events += 1;
    }

    fn inject(&mut self, _: Port, _: &[u8]) {}

    fn ban(&mut self, _: Ban, _: RuleIndex, _: u64) {}

    fn count(&mut self, count: Count) {
        match count {
            Count::FlowClosed(_, FlowEnd::Evicted) => self.evicted += 1,
            Count::Limit(LimitKind::HalfOpen) => self.for_half_open += 1,
            Count::Limit(LimitKind::Flows) => self.for_flows += 1,
            Count::Injected(purpose) if purpose != Injected::Released => self.answers += 1,
            _ => {}
        }
    }
}

/// A frame to be sent in the name of many clients.
struct Template {
    side: Side,
    frame: Vec<u8>,
    layout: Layout,
    /// Where the client's address stands.
    client_at: usize,
    /// Where the digits of its name stand, if it says its name.
    name_at: Option<usize>,
}

impl Template {
    fn new(stream: &mut Stream, direction: Direction, flags: TcpFlags, payload: &[u8]) -> Self {
        let frame = stream.segment(direction, 0, flags, payload);
        let syn = usize::from(flags.contains(TcpFlags::SYN));
        stream.advance(direction, payload.len() + syn);
        let layout = Packet::decode(&frame).expect("a frame of our own").layout;
        let client_at = layout.l3 + if direction == ToServer { 12 } else { 16 };
        let mut places = frame.windows(NAME_DIGITS.len());
        let name_at = places.position(|place| place == NAME_DIGITS);
        Self {
            side: stream.ends.side_of_sender(direction),
            frame,
            layout,
            client_at,
            name_at,
        }
    }

    /// Carries the frame of client `number` in a network of ten or eleven.
    fn carry(
        &mut self,
        inspector: &Inspector,
        now: Instant,
        (network, number): (u8, u32),
        sink: &mut Departures,
    ) -> Outcome {
        let [_, host @ ..] = number.to_be_bytes();
        let address = [&[network][..], &host].concat();
        self.frame[self.client_at..][..4].copy_from_slice(&address);
        if let Some(at) = self.name_at {
            let digits = format!("{number:08}");
            self.frame[at..][..digits.len()].copy_from_slice(digits.as_bytes());
        }
        edit::refresh_checksums(&mut self.frame, &self.layout);
        let side = self.side;
        let port = Port { link: 0, side };
        inspector.handle_frame(now, port, &mut Frame::whole(&mut self.frame), sink)
    }
}

/// A session that opens, says something that arrives out of order, asks for messages, exchanges one each way
/// that is acknowledged, and falls silent.
fn session() -> Vec<Template> {
    let mut stream = Stream::new(Ends::v4(1, 1883));
    let (syn, ack) = (TcpFlags::SYN, TcpFlags::ACK);
    let connect = mqtt::connect_with(&Connect {
        version: Version::V311,
        client_id: "device-of-site-00000000",
        username: Some("sensor"),
        password: Some(b"secret"),
        ..Connect::default()
    });
    let publish = mqtt::publish(Version::V311, "t", &[0; 300]);
    let (head, tail) = publish.split_at(100);
    let topic = "sites/7/00000000/set";
    let message =
        |topic, payload| mqtt::publish_qos(Version::V311, QoS::AtLeastOnce, 1, topic, payload);
    let puback = mqtt::ack(Version::V311, PacketType::PubAck, 1);
    let script: [(Direction, TcpFlags, &[u8]); 15] = [
        (ToServer, syn, &[]),
        (ToClient, syn | ack, &[]),
        (ToServer, ack, &connect),
        (ToClient, ack, &mqtt::connack(Version::V311, 0)),
        (ToServer, ack, head),
        (ToServer, ack, tail),
        (ToClient, ack, &[]),
        (ToServer, ack, &mqtt::subscribe(Version::V311, 2, &[topic])),
        (ToClient, ack, &mqtt::suback(Version::V311, 2, &[1])),
        (ToServer, ack, &message("sites/7/alarms", &[0; 200])),
        (ToClient, ack, &puback),
        (ToClient, ack, &message(topic, b"on")),
        (ToServer, ack, &puback),
        (ToClient, ack, &[]),
        (ToServer, ack, &mqtt::pingreq()),
    ];
    let mut templates = script
        .map(|(direction, flags, payload)| Template::new(&mut stream, direction, flags, payload));
    templates.swap(4, 5);
    templates.into()
}

#[test]
fn a_million_sessions_are_held_in_their_bound_and_ten_million_syns_evict_none() {
    let limits = Limits {
        flows: SESSIONS as usize,
        ..Limits::default()
    };
    let inspector = Inspector::new(limits, policy_of("", BASELINE), Seed::fixed(1));
    let mut script = session();
    let mut sink = Departures::default();
    let now = Instant::from_secs(100);
    let (ping, opening) = script.split_last_mut().expect("a script");

    let info = allocation_counter::measure(|| {
        for client in 0..SESSIONS {
            for template in &mut *opening {
                let outcome = template.carry(&inspector, now, (10, client), &mut sink);
                let is_fine = outcome.forward || outcome.verdict == Verdict::Hold;
                assert!(is_fine, "client {client}: {outcome:?}");
            }
        }
    });
    let each = info.bytes_current / i64::from(SESSIONS);
    assert!(each <= SESSION_BYTES, "{each} bytes for an idle session");
    assert_eq!(inspector.gauges().sessions, SESSIONS as usize);

    // There is room for no other: all of them have been heard of within the last minute.
    let outcomes: Vec<_> = opening[..3]
        .iter_mut()
        .map(|template| template.carry(&inspector, now, (10, SESSIONS), &mut sink))
        .collect();
    let reason = outcomes[2].reason.map(|reason| reason.code());
    assert_eq!(
        (outcomes[2].forward, reason),
        (false, Some("limits.flow-table"))
    );
    assert_eq!((sink.for_flows, sink.events), (1, 1));

    let syn = &mut opening[0];
    for source in 0..FLOOD {
        let at = now + Duration::from_micros(u64::from(source));
        assert!(syn.carry(&inspector, at, (11, source), &mut sink).forward);
    }
    let gauges = inspector.gauges();
    assert_eq!(gauges.half_open, limits.half_open);
    assert_eq!(
        (gauges.flows, gauges.sessions),
        (SESSIONS as usize, SESSIONS as usize)
    );
    assert_eq!(
        (sink.evicted, sink.for_half_open),
        (sink.for_half_open, FLOOD as usize + 1 - limits.half_open)
    );

    // Every one of them is still read where it was.
    let later = now + Duration::from_secs(20);
    for client in (0..SESSIONS).step_by(97) {
        assert!(
            ping.carry(&inspector, later, (10, client), &mut sink)
                .forward
        );
    }
    assert_eq!(inspector.gauges().sessions, SESSIONS as usize);
    assert_eq!(
        (sink.events, sink.answers),
        (1, SESSIONS as usize),
        "nothing was worth telling, but for what came out of order"
    );
}
