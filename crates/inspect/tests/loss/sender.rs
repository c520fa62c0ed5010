//! A sender by RFC 6675 (or RFC 6582, without selective acknowledgements) whose segments are lost before the gateway,
//! and a receiver that acknowledges every second one.

use std::collections::VecDeque;

use policy::Side;
use testkit::mqtt;
use testkit::network::{Ends, Gateway, Random, Stream, tcp_of};
use testkit::reference::{Overlap, Receiver};
use weir_inspect::{Count, Injected};
use wire::Direction::{ToClient, ToServer};
use wire::mqtt::Version;
use wire::net::build::TcpSegment;
use wire::net::{Tcp, TcpFlags, TcpOption, sack_ranges};

const MSS: usize = 500;
const SEGMENTS: usize = 80;
/// Segments at the end of which none is lost: nothing that comes later would show it.
const TAIL: usize = 4;
const WINDOW: usize = 24;
const THRESHOLD: usize = 3;
/// SACK permitted, and a shift of 7.
const TAKES_SACK: [u8; 8] = [4, 2, 1, 1, 1, 3, 3, 7];
const TAKES_NONE: [u8; 4] = [1, 3, 3, 7];

/// What has become of a segment, as its sender sees it.
#[derive(Debug, Clone, Copy, Default)]
struct Sent {
    is_sacked: bool,
    times: u32,
}

/// The sender's book.
struct Sender {
    has_sack: bool,
    start: u32,
    /// The first segment that isn't acknowledged.
    una: usize,
    next: usize,
    segments: [Sent; SEGMENTS],
    duplicates: usize,
    /// Where a recovery without selective acknowledgements ends.
    recover: Option<usize>,
    to_repeat: VecDeque<usize>,
}

impl Sender {
    fn handle_ack(&mut self, tcp: &Tcp<'_>) {
        let acked = tcp.ack.wrapping_sub(self.start) as usize / MSS;
        let is_duplicate = acked == self.una && tcp.payload.is_empty();
        let advances = acked > self.una;
        self.una = self.una.max(acked);
        match self.has_sack {
            true => self.note_sacked(tcp),
            false if is_duplicate => self.note_duplicate(),
            false if advances => self.note_advance(),
            false => {}
        }
    }

    fn note_sacked(&mut self, tcp: &Tcp<'_>) {
        let ranges = tcp.options.iter().find_map(|option| match option {
            TcpOption::Sack(ranges) => Some(ranges),
            _ => None,
        });
        for (from, to) in sack_ranges(ranges.unwrap_or_default()) {
            let [from, to] = [from, to].map(|seq| seq.wrapping_sub(self.start) as usize / MSS);
            assert!(
                self.una < from && from < to && to <= self.next,
                "it was sent"
            );
            self.segments[from..to]
                .iter_mut()
                .for_each(|sent| sent.is_sacked = true);
        }
        let mut above = self.segments[..self.next]
            .iter()
            .filter(|sent| sent.is_sacked)
            .count();
        for n in 0..self.next {
            let sent = self.segments[n];
            above -= usize::from(sent.is_sacked);
            let is_lost = n >= self.una && !sent.is_sacked && above >= THRESHOLD;
            if is_lost && sent.times == 1 && !self.to_repeat.contains(&n) {
                self.to_repeat.push_back(n);
            }
        }
    }

    fn note_duplicate(&mut self) {
        self.duplicates += 1;
        if self.duplicates == THRESHOLD && self.recover.is_none() {
            self.recover = Some(self.next);
            self.to_repeat.push_back(self.una);
        }
    }

    /// A partial acknowledgement shows the next loss (RFC 6582 §3.2).
    fn note_advance(&mut self) {
        self.duplicates = 0;
        match self.recover {
            Some(recover) if self.una < recover => self.to_repeat.push_back(self.una),
            _ => self.recover = None,
        }
    }

    /// What it says next.
    fn poll(&mut self) -> Option<usize> {
        let n = self.to_repeat.pop_front().or_else(|| {
            let may = self.next < SEGMENTS.min(self.una + WINDOW);
            may.then(|| {
                self.next += 1;
                self.next - 1
            })
        })?;
        self.segments[n].times += 1;
        Some(n)
    }
}

/// Everything on the way.
struct Scene {
    gateway: Gateway,
    stream: Stream,
    bytes: Vec<u8>,
    sender: Sender,
    receiver: Receiver,
    /// Segments that the receiver hasn't acknowledged yet.
    delayed: usize,
    acks: VecDeque<Vec<u8>>,
    held: usize,
}

impl Scene {
    fn new(has_sack: bool) -> Self {
        let mut gateway = Gateway::of("", "");
        let mut stream = Stream::new(Ends::v4(7, 1883));
        let options: &[u8] = if has_sack { &TAKES_SACK } else { &TAKES_NONE };
        let (syn, ack) = (TcpFlags::SYN, TcpFlags::ACK);
        for (direction, flags) in [(ToServer, syn), (ToClient, syn | ack), (ToServer, ack)] {
            let is_syn = flags.contains(syn);
            let acked = stream.next(direction.reverse());
            let segment = TcpSegment {
                seq: stream.next(direction),
                ack: if flags.contains(ack) { acked } else { 0 },
                flags,
                window: 3500,
                options: if is_syn { options } else { &[] },
                payload: &[],
            };
            let frame = stream.raw(direction, &segment);
            stream.advance(direction, usize::from(is_syn));
            let side = stream.ends.side_of_sender(direction);
            assert!(gateway.carry(side, &frame).outcome.forward);
        }
        let mut bytes = mqtt::connect(Version::V311, "device");
        let room = SEGMENTS * MSS - bytes.len();
        bytes.extend(mqtt::publish(Version::V311, "t", &vec![b'x'; room - 7]));
        assert_eq!(bytes.len(), SEGMENTS * MSS);
        let start = stream.next(ToServer);
        Self {
            gateway,
            bytes,
            sender: Sender {
                has_sack,
                start,
                una: 0,
                next: 0,
                segments: [Sent::default(); SEGMENTS],
                duplicates: 0,
                recover: None,
                to_repeat: VecDeque::new(),
            },
            receiver: Receiver::new(start, Overlap::First),
            delayed: 0,
            acks: VecDeque::new(),
            held: 0,
            stream,
        }
    }

    /// A segment reaches the gateway.
    fn send(&mut self, n: usize) {
        let segment = TcpSegment {
            seq: self.sender.start.wrapping_add((n * MSS) as u32),
            ack: self.stream.next(ToClient),
            flags: TcpFlags::ACK,
            window: 3500,
            options: &[],
            payload: &self.bytes[n * MSS..(n + 1) * MSS],
        };
        let passage = self
            .gateway
            .carry(Side::Inside, &self.stream.raw(ToServer, &segment));
        self.held += usize::from(!passage.outcome.forward);
        for frame in passage.toward(Side::Outside) {
            let tcp = tcp_of(frame);
            let is_old = tcp.seq != self.receiver.expected();
            self.receiver.handle_segment(&tcp);
            self.delayed += 1;
            if is_old || self.delayed == 2 {
                self.acknowledge();
            }
        }
        for frame in passage.toward(Side::Inside) {
            self.sender.handle_ack(&tcp_of(frame));
        }
    }

    fn acknowledge(&mut self) {
        self.delayed = 0;
        let segment = TcpSegment {
            seq: self.stream.next(ToClient),
            ack: self.receiver.expected(),
            flags: TcpFlags::ACK,
            window: 3500,
            ..TcpSegment::default()
        };
        self.acks.push_back(self.stream.raw(ToClient, &segment));
    }

    /// The receiver's next acknowledgement reaches the gateway.
    fn deliver_ack(&mut self) -> bool {
        let Some(frame) = self.acks.pop_front() else {
            return false;
        };
        let passage = self.gateway.carry(Side::Outside, &frame);
        for frame in passage.toward(Side::Inside) {
            self.sender.handle_ack(&tcp_of(frame));
        }
        true
    }
}

/// Plays a transfer; how many segments were repeated that weren't lost.
fn play(seed: u64, has_sack: bool) -> usize {
    let mut random = Random::new(seed);
    let once_in = 2 + random.below(30);
    let haste = 1 + random.below(6);
    let mut scene = Scene::new(has_sack);
    let (mut lost, mut sent) = (0, 0);
    while scene.sender.una < SEGMENTS {
        let is_turn = random.once_in(haste);
        if is_turn && scene.deliver_ack() {
            continue;
        }
        if let Some(n) = scene.sender.poll() {
            sent += 1;
            let is_first = scene.sender.segments[n].times == 1;
            match is_first && n + TAIL < SEGMENTS && random.once_in(once_in) {
                true => lost += 1,
                false => scene.send(n),
            }
        } else if !scene.deliver_ack() {
            // The receiver waits no longer than a fraction of the sender's timer (RFC 5681 §4.2).
            assert!(
                scene.delayed > 0,
                "seed {seed}, {has_sack}: only a timer helps"
            );
            scene.acknowledge();
        }
    }
    assert_eq!(scene.receiver.received(), scene.bytes, "seed {seed}");
    let counted = Count::Injected(Injected::DuplicateAck);
    let told = scene.gateway.record.counted(counted);
    assert!(told <= scene.held, "seed {seed}: {told} of {}", scene.held);
    sent - SEGMENTS - lost
}

#[test]
fn any_loss_is_made_good_without_a_timer() {
    for seed in 0..2000 {
        play(seed, true);
    }
}

#[test]
fn without_selective_acknowledgements_as_well() {
    for seed in 0..2000 {
        play(seed, false);
    }
}

#[test]
fn little_is_repeated_that_was_not_lost() {
    let repeated: usize = (0..500).map(|seed| play(seed, true)).sum();
    // Of 40,000 segments, and several thousand losses.
    assert!(repeated < 800, "{repeated}");
}
