//! One direction of a TCP connection, cut, shuffled, repeated and forged on its way through the
//! gateway, with two receivers behind it that keep other bytes of an overlap.

use std::time::Duration;

use inspect::{Count, Injected, MessageKind, Verdict};
use wire::Direction::{self, ToClient, ToServer};
use wire::mqtt::Version;
use wire::net::TcpFlags;
use wire::net::build::TcpSegment;

use super::script::Script;
use super::{baseline, small_limits};
use crate::mqtt;
use crate::network::{Ends, Gateway, Passage, Stream, tcp_of};
use crate::reference::{Overlap, Receiver};

/// Bytes of a stream at most.
const STREAM_BYTES: usize = 3000;
/// Steps of one input at most.
const STEPS: usize = 120;
/// Bytes of a segment, where the script doesn't say.
const SEGMENT_BYTES: usize = 1000;

/// Sends a stream through the gateway: a byte that says who sends it and after which session set-up,
/// the stream with its length before it, then steps of four bytes.
///
/// # Panics
/// When the books don't balance, a denied packet arrives whole, an honest stream is judged otherwise
/// than in one go, or something is left over in the end.
pub fn fuzz_stream(data: &[u8]) {
    let mut script = Script::new(data);
    let choice = script.byte();
    let bytes = script.bytes(STREAM_BYTES);
    let mut scene = Scene::new(choice, bytes);
    for _ in 0..STEPS {
        if script.is_over() {
            break;
        }
        scene.step(script.byte(), script.number(), usize::from(script.byte()));
    }
    scene.finish();
    scene.check_arrivals(choice);
    if scene.is_honest {
        assert_eq!(scene.verdicts(), in_one_go(choice, bytes).verdicts());
    }
    scene.close();
}

/// The gateway's books.
#[derive(Debug, Default)]
struct Books {
    frames_in: usize,
    accepted: usize,
    dropped: usize,
    held: usize,
    released: usize,
}

/// A connection under test.
struct Scene<'a> {
    gateway: Gateway,
    stream: Stream,
    direction: Direction,
    bytes: &'a [u8],
    receivers: [Receiver; 2],
    books: Books,
    is_honest: bool,
}

impl<'a> Scene<'a> {
    fn new(choice: u8, bytes: &'a [u8]) -> Self {
        let direction = [ToServer, ToClient][usize::from(choice & 1)];
        let mut gateway = Gateway::with_limits(baseline(), small_limits());
        let mut stream = Stream::new(Ends::v4(7, [1883, 8883][usize::from(choice >> 3 & 1)]));
        stream.open(&mut gateway);
        let versions = [Version::V31, Version::V311, Version::V5];
        if let Some(version) = versions.get(usize::from(choice >> 1 & 3)) {
            stream.data(&mut gateway, ToServer, &mqtt::connect(*version, "d"));
            stream.data(&mut gateway, ToClient, &mqtt::connack(*version, 0));
        }
        gateway.record.counts.clear();
        let start = stream.next(direction);
        Self {
            gateway,
            stream,
            direction,
            bytes,
            receivers: [Overlap::First, Overlap::Last].map(|overlap| Receiver::new(start, overlap)),
            books: Books::default(),
            is_honest: true,
        }
    }

    fn step(&mut self, kind: u8, at: usize, len: usize) {
        let from = at.min(self.bytes.len());
        let to = (from + len).min(self.bytes.len());
        let piece = &self.bytes[from..to];
        match kind & 7 {
            0..=3 => self.send(from, piece, TcpFlags::ACK, true),
            4 => {
                self.is_honest = false;
                let forged: Vec<u8> = piece.iter().map(|byte| byte ^ (kind >> 3 | 1)).collect();
                let flags = [TcpFlags::ACK, TcpFlags::ACK | TcpFlags::FIN][at & 1];
                self.send(from, &forged, flags, true);
            }
            5 => self.send(from, piece, TcpFlags::ACK, false),
            6 => self.acknowledge(),
            _ => self.gateway.wait(Duration::from_micros(len as u64)),
        }
    }

    /// Sends bytes from a place of the stream; `arrives` unless they get lost behind the gateway.
    fn send(&mut self, at: usize, payload: &[u8], flags: TcpFlags, arrives: bool) {
        let segment = TcpSegment {
            seq: self.stream.next(self.direction).wrapping_add(at as u32),
            ack: self.stream.next(self.direction.reverse()),
            flags,
            window: 0xffff,
            payload,
            ..TcpSegment::default()
        };
        let frame = self.stream.raw(self.direction, &segment);
        let passage = self.carry(self.direction, &frame);
        if arrives {
            self.deliver(&passage);
        }
    }

    /// The receiver acknowledges what both kinds of it have.
    fn acknowledge(&mut self) {
        let have = self.received().len() as u32;
        let back = self.direction.reverse();
        let segment = TcpSegment {
            seq: self.stream.next(back),
            ack: self.stream.next(self.direction).wrapping_add(have),
            flags: TcpFlags::ACK,
            window: 0xffff,
            ..TcpSegment::default()
        };
        let frame = self.stream.raw(back, &segment);
        let passage = self.carry(back, &frame);
        self.deliver(&passage);
    }

    fn carry(&mut self, direction: Direction, frame: &[u8]) -> Passage {
        let told = self.gateway.record.counts.len();
        let side = self.stream.ends.side_of_sender(direction);
        let passage = self.gateway.carry(side, frame);
        let books = &mut self.books;
        books.frames_in += 1;
        match (passage.outcome.forward, passage.outcome.verdict) {
            (true, _) => books.accepted += 1,
            (false, Verdict::Hold) => books.held += 1,
            (false, _) => books.dropped += 1,
        }
        let counts = &self.gateway.record.counts[told..];
        let released = Count::Injected(Injected::Released);
        books.released += counts.iter().filter(|count| **count == released).count();
        let (limits, gauges) = (small_limits(), self.gateway.inspector.gauges());
        assert_eq!(
            books.frames_in,
            books.accepted + books.dropped + books.held,
            "{books:?}"
        );
        assert!(
            books.released + gauges.held_segments <= books.held,
            "{books:?}"
        );
        assert!(gauges.held_bytes <= limits.held_bytes && gauges.flows <= limits.flows);
        passage
    }

    fn deliver(&mut self, passage: &Passage) {
        let side = self.stream.ends.side_of_sender(self.direction).opposite();
        for frame in passage.toward(side) {
            for receiver in &mut self.receivers {
                receiver.handle_segment(&tcp_of(frame));
            }
        }
    }

    /// What both kinds of receiver have: nobody can tell one from the other by it.
    fn received(&self) -> &[u8] {
        let [first, last] = &self.receivers;
        let len = first.received().len().min(last.received().len());
        assert_eq!(first.received()[..len], last.received()[..len]);
        &first.received()[..len]
    }

    /// The sender repeats what isn't acknowledged until all has arrived or the connection is gone.
    fn finish(&mut self) {
        for _ in 0..self.bytes.len() + 2 {
            let have = self.received().len();
            if have >= self.bytes.len() || self.receivers.iter().all(Receiver::is_over) {
                return;
            }
            let to = (have + SEGMENT_BYTES).min(self.bytes.len());
            self.send(have, &self.bytes[have..to], TcpFlags::ACK, true);
            self.acknowledge();
        }
        // What got lost behind the gateway before a denial isn't repeated.
        let was_denied = self
            .verdicts()
            .iter()
            .any(|(_, verdict)| *verdict != Verdict::Accept);
        assert!(!self.is_honest || was_denied, "the stream got stuck");
    }

    /// Sends what arrived through another gateway: the packet that one stops had not arrived whole.
    fn check_arrivals(&self, choice: u8) {
        let received = self.received();
        let again = in_one_go(choice, received);
        if !again.receivers[0].is_over() {
            return;
        }
        let mut denied = received;
        let verdicts = again.verdicts().into_iter();
        for _ in verdicts.filter(|(_, verdict)| *verdict == Verdict::Accept) {
            let Some(rest) = packet_len(denied).and_then(|len| denied.get(len..)) else {
                return;
            };
            denied = rest;
        }
        assert!(
            packet_len(denied).is_none_or(|len| len > denied.len()),
            "a denied packet arrived whole: {denied:02x?} of {received:02x?}"
        );
    }

    /// Kind and verdict of every message judged on the stream's way.
    fn verdicts(&self) -> Vec<(MessageKind, Verdict)> {
        let judged = |count: &Count| match count {
            Count::Message {
                kind,
                direction,
                verdict,
            } if *direction == self.direction => Some((*kind, *verdict)),
            _ => None,
        };
        let counts = self.gateway.record.counts.iter();
        counts.filter_map(judged).collect()
    }

    /// A quiet week later nothing is left.
    fn close(mut self) {
        self.gateway.wait(Duration::from_secs(7 * 24 * 3600));
        let gauges = self.gateway.inspector.gauges();
        assert_eq!((gauges.flows, gauges.half_open, gauges.sessions), (0, 0, 0));
        assert_eq!((gauges.held_bytes, gauges.held_segments), (0, 0));
    }
}

/// The same stream in order, segment by segment.
fn in_one_go(choice: u8, bytes: &[u8]) -> Scene<'_> {
    let mut scene = Scene::new(choice, bytes);
    scene.finish();
    scene
}

/// How long a control packet is by its remaining length, whatever it means; nothing where that isn't
/// there yet.
fn packet_len(bytes: &[u8]) -> Option<usize> {
    let mut remaining_len = 0;
    for (at, byte) in bytes.iter().skip(1).take(4).enumerate() {
        remaining_len |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some(at + 2 + remaining_len);
        }
    }
    (bytes.len() > 4).then_some(5)
}
