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

    /// Begins anew at what is missing.
    fn handle_timeout(&mut self) {
        for sent in &mut self.segments[self.una..self.next] {
            sent.times = sent.times.min(1);
        }
        (self.duplicates, self.recover) = (0, None);
        self.to_repeat = VecDeque::from([self.una]);
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
                window: 60_000,
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

    /// Time passes. The receiver waits no longer than a fraction of the sender's timer (RFC 5681 §4.2): true
    /// if that was enough.
    fn wait(&mut self) -> bool {
        let is_due = self.delayed > 0;
        match is_due {
            true => self.acknowledge(),
            false => self.sender.handle_timeout(),
        }
        is_due
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

/// What the way to the gateway loses.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// One in so many, at least, and none that is repeated.
    Lossy { once_in: usize },
    /// One in a window.
    Mild,
    /// One in two, of those repeated as well.
    Hopeless,
}

impl Way {
    fn loses(self, random: &mut Random, n: usize, times: u32, last_lost: Option<usize>) -> bool {
        let is_eligible = times == 1 && n + TAIL < SEGMENTS;
        match self {
            Self::Lossy { once_in } => is_eligible && random.once_in(once_in),
            Self::Mild => {
                let is_far = last_lost.is_none_or(|lost| n > lost + 2 * WINDOW);
                is_eligible && is_far && random.once_in(8)
            }
            Self::Hopeless => random.once_in(2),
        }
    }
}

/// What a transfer took.
#[derive(Debug, Default)]
struct Toll {
    lost: usize,
    sent: usize,
    timeouts: usize,
}

fn play(seed: u64, has_sack: bool, way: Way) -> Toll {
    let mut random = Random::new(seed);
    let haste = 1 + random.below(6);
    let mut scene = Scene::new(has_sack);
    let (mut toll, mut last_lost) = (Toll::default(), None);
    while scene.sender.una < SEGMENTS {
        if random.once_in(haste) && scene.deliver_ack() {
            continue;
        }
        if let Some(n) = scene.sender.poll() {
            toll.sent += 1;
            if way.loses(&mut random, n, scene.sender.segments[n].times, last_lost) {
                toll.lost += 1;
                last_lost = Some(n);
            } else {
                scene.send(n);
            }
        } else if !scene.deliver_ack() {
            toll.timeouts += usize::from(!scene.wait());
        }
    }
    assert_eq!(scene.receiver.received(), scene.bytes, "seed {seed}");
    let counted = Count::Injected(Injected::DuplicateAck);
    let told = scene.gateway.record.counted(counted);
    assert!(told <= scene.held, "seed {seed}: {told} of {}", scene.held);
    toll
}

#[test]
fn any_loss_is_made_good_without_a_timer() {
    for seed in 0..2000 {
        let once_in = 4 + (seed as usize % 30);
        let toll = play(seed, true, Way::Lossy { once_in });
        assert_eq!(toll.timeouts, 0, "seed {seed}");
    }
}

#[test]
fn without_selective_acknowledgements_one_in_a_window() {
    let mut lost = 0;
    for seed in 0..2000 {
        let toll = play(seed, false, Way::Mild);
        assert_eq!(toll.timeouts, 0, "seed {seed}");
        lost += toll.lost;
    }
    assert!(lost > 2000, "{lost}");
}

#[test]
fn whatever_is_lost_the_stream_comes_whole() {
    for seed in 0..500 {
        for has_sack in [false, true] {
            play(seed, has_sack, Way::Hopeless);
        }
    }
}

#[test]
fn little_is_repeated_that_was_not_lost() {
    let (mut repeated, mut lost) = (0, 0);
    for seed in 0..500 {
        let toll = play(seed, true, Way::Lossy { once_in: 30 });
        repeated += toll.sent - SEGMENTS - toll.lost;
        lost += toll.lost;
    }
    // At most the segment before a gap that its receiver hasn't acknowledged yet.
    assert!(lost > 500 && repeated < lost * 2, "{repeated} for {lost}");
}
