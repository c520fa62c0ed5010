//! What the benchmarks carry: frames of live flows under the shipped baseline, in rounds.
//!
//! The frames of a round are built before it is carried, so that what is measured is the inspector
//! and not the builder.

use std::hint::black_box;
use std::time::Duration;

use policy::{Ban, RuleIndex, Side};
use testkit::network::{Ends, Gateway, Stream};
use testkit::{coap, mqtt};
use weir_inspect::{Count, Event, Frame, Inspector, Instant, Port, Sink};
use wire::Direction::{ToClient, ToServer};
use wire::coap::Code;
use wire::mqtt::Version;
use wire::net::TcpFlags;

const BASELINE: &str = include_str!("../../../../rules/baseline.toml");
/// Frames of one round.
pub(crate) const ROUND: usize = 64;
/// Bytes a segment carries on an Ethernet link, time stamps in its header.
const SEGMENT: usize = 1448;

/// Frames, and where they come in.
pub(crate) type Round = Vec<(Side, Vec<u8>)>;

/// Frames that belong together, as many as one likes.
pub(crate) struct Load {
    pub(crate) name: &'static str,
    /// Messages of a round, to the nearest whole one.
    pub(crate) messages: usize,
    inspector: Inspector,
    now: Instant,
    next: Box<dyn FnMut() -> Round>,
}

/// Takes everything and keeps nothing.
struct Void;

impl Sink for Void {
    fn event(&mut self, _: &Event<'_>) {}
    fn inject(&mut self, _: Port, _: &[u8]) {}
    fn ban(&mut self, _: Ban, _: RuleIndex, _: u64) {}
    fn count(&mut self, count: Count) {
        black_box(count);
    }
}

impl Load {
    /// All of them.
    pub(crate) fn all() -> [Self; 5] {
        [
            Self::coap_exchanges(),
            Self::coap_repetition(),
            Self::publish(),
            Self::small_publishes(),
            Self::acknowledgement(),
        ]
    }

    fn new(
        name: &'static str,
        messages: usize,
        gateway: Gateway,
        next: impl FnMut() -> Round + 'static,
    ) -> Self {
        Self {
            name,
            messages,
            inspector: gateway.inspector,
            now: Instant::from_secs(2),
            next: Box::new(next),
        }
    }

    /// The frames of the next round.
    pub(crate) fn next(&mut self) -> Round {
        (self.next)()
    }

    /// Has the inspector judge a round; all of it has to pass.
    pub(crate) fn carry(&mut self, round: &mut Round) {
        self.now = self.now + Duration::from_millis(1);
        let sitting = self.inspector.sit();
        for (side, frame) in round {
            let port = Port {
                link: 0,
                side: *side,
            };
            let frame = &mut Frame::whole(frame);
            let outcome = sitting.handle_frame(self.now, port, frame, &mut Void);
            assert!(black_box(outcome).forward);
        }
    }

    fn coap_exchanges() -> Self {
        let ends = Ends::v4(7, 5683);
        let mut id: u16 = 0;
        let gateway = Gateway::of("", BASELINE);
        Self::new("CoAP GET and 2.05", ROUND, gateway, move || {
            let mut round = Round::with_capacity(ROUND);
            for _ in 0..ROUND / 2 {
                id = id.wrapping_add(1);
                let token = id.to_be_bytes();
                let get = coap::get(id, &token, "sensors/temperature");
                let content = coap::response(Code::CONTENT, id, &token, b"21.5");
                round.push((Side::Inside, ends.datagram(ToServer, &get)));
                round.push((Side::Outside, ends.datagram(ToClient, &content)));
            }
            round
        })
    }

    fn coap_repetition() -> Self {
        let get = coap::get(1, b"abcd", "n");
        let frame = Ends::v4(7, 5683).datagram(ToServer, &get);
        let gateway = Gateway::of("", BASELINE);
        Self::new("CoAP GET, repeated", ROUND, gateway, move || {
            vec![(Side::Inside, frame.clone()); ROUND]
        })
    }

    fn publish() -> Self {
        let (gateway, mut stream) = session();
        let publish = measurement();
        // All but the last frame carry a message; the last acknowledges them, so that rounds are alike.
        Self::new("PUBLISH", ROUND - 1, gateway, move || {
            let mut round = Round::with_capacity(ROUND);
            for _ in 1..ROUND {
                let frame = stream.segment(ToServer, 0, TcpFlags::ACK, &publish);
                stream.advance(ToServer, publish.len());
                round.push((Side::Inside, frame));
            }
            round.push((
                Side::Outside,
                stream.segment(ToClient, 0, TcpFlags::ACK, &[]),
            ));
            round
        })
    }

    /// Segments as full as they get, of messages that go on from one to the next; every other frame
    /// acknowledges two of them.
    fn small_publishes() -> Self {
        let (gateway, mut stream) = session();
        let publish = measurement();
        let bytes: Vec<u8> = publish.repeat(SEGMENT);
        let mut at = 0;
        let segments = ROUND * 2 / 3;
        let messages = segments * SEGMENT / publish.len();
        Self::new("segment of PUBLISHes", messages, gateway, move || {
            let mut round = Round::with_capacity(ROUND);
            for number in 1..=segments {
                let payload = &bytes[at..at + SEGMENT];
                at = (at + SEGMENT) % publish.len();
                let frame = stream.segment(ToServer, 0, TcpFlags::ACK, payload);
                stream.advance(ToServer, SEGMENT);
                round.push((Side::Inside, frame));
                if number % 2 == 0 {
                    let ack = stream.segment(ToClient, 0, TcpFlags::ACK, &[]);
                    round.push((Side::Outside, ack));
                }
            }
            round
        })
    }

    fn acknowledgement() -> Self {
        let (gateway, stream) = session();
        let ack = stream.segment(ToClient, 0, TcpFlags::ACK, &[]);
        Self::new("ACK", ROUND, gateway, move || {
            vec![(Side::Outside, ack.clone()); ROUND]
        })
    }
}

/// A session its server has accepted.
fn session() -> (Gateway, Stream) {
    let mut gateway = Gateway::of("", BASELINE);
    let stream = Stream::session(&mut gateway, Ends::v4(7, 1883), Version::V311, "device");
    (gateway, stream)
}

/// What a sensor says: 29 bytes.
fn measurement() -> Vec<u8> {
    mqtt::publish(Version::V311, "sensors/7/temperature", b"21.5")
}
