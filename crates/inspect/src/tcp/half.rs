//! One direction of a connection: what its sender has said and its receiver has acknowledged.

use wire::net::TcpFlags;

use super::clock::Clock;
use super::held::Held;
use super::segment::Segment;
use super::seq::Seq;
use super::unacked::Unacked;
use crate::Instant;
use crate::shared::Shared;

/// The largest window shift (RFC 7323 §2.3): assumed of flows whose handshake wasn't seen.
const SCALE_MAX: u8 = 14;
/// A segment may repeat what was acknowledged at least this far back, however small the window.
const STALE_BYTES: i32 = 65_535;

/// The bytes of one direction: `una <= next`, and `next` never lies beyond what was forwarded.
#[derive(Debug, Default)]
pub(super) struct Half {
    /// Its sender was heard, so that the numbers below are its own.
    pub(super) heard: bool,
    /// The sequence number of the SYN.
    pub(super) isn: Seq,
    /// The receiver has acknowledged the SYN. Not to be told from the numbers: they wrap.
    syn_acknowledged: bool,
    /// Nothing before the first number is forwarded: see [`Half::start_afresh`].
    is_floored: bool,
    /// The next sequence number to inspect.
    pub(super) next: Seq,
    /// Everything before it was acknowledged by the receiver.
    pub(super) una: Seq,
    /// The right edge of the window the receiver offers.
    edge: Seq,
    /// The largest window the receiver has offered.
    window_max: u32,
    /// What the sender of this direction offered last, not scaled.
    pub(super) last_window: u16,
    /// The shift the sender of this direction announced for windows it offers to the other.
    scale: Option<u8>,
    /// The shift was assumed, as the largest there is.
    scale_assumed: bool,
    /// Its sender takes selective acknowledgements: they are said if both do (RFC 2018 §2).
    pub(super) takes_sack: bool,
    /// The sequence number of the forwarded FIN.
    fin: Option<Seq>,
    /// The sender's timestamps, if its SYN bore one.
    pub(super) clock: Option<Clock>,
    pub(super) unacked: Unacked,
    held: Option<Box<Held>>,
}

/// Where a segment lies in its direction's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Where its receiver can't take it.
    Outside,
    /// It repeats what was forwarded, and nothing else.
    Repeated,
    /// It brings the next byte, or takes no room at all.
    InOrder,
    /// Bytes before it are missing.
    Early,
}

impl Half {
    /// Notes a SYN: the sender's first number, and the shift of its windows.
    pub(super) fn note_syn(&mut self, segment: &Segment, now: Instant) {
        self.heard = true;
        self.isn = segment.seq;
        self.next = segment.seq + 1;
        self.una = segment.seq;
        self.edge = self.next + self.window_max as usize;
        self.scale = segment.scale.map(|shift| shift.min(SCALE_MAX));
        self.scale_assumed = false;
        self.takes_sack = segment.says_sack;
        self.last_window = segment.window;
        self.syn_acknowledged = false;
        self.clock = Clock::started(segment, now);
    }

    /// Takes the other end's SYN+ACK for proof of a SYN of this sender's.
    pub(super) fn infer_syn(&mut self, answer: &Segment) {
        self.resume_at(answer.ack);
        self.heard = true;
        self.scale = answer.scale.map(|_| SCALE_MAX);
        self.scale_assumed = true;
        self.takes_sack = answer.says_sack;
    }

    /// Starts in the middle of a stream, at the first segment seen.
    pub(super) fn start_midstream(&mut self, segment: &Segment, now: Instant) {
        self.heard = true;
        self.resume_at(segment.seq);
        self.scale = Some(SCALE_MAX);
        self.scale_assumed = true;
        self.clock = Clock::started(segment, now);
    }

    /// Starts where a connection was forgotten, at its handshake or later: what stands before the first
    /// number would be the beginning of a message, withheld until it passes for a repetition.
    pub(super) fn start_afresh(&mut self) {
        self.is_floored = true;
    }

    /// Forgets all numbers. What its sender said in its SYN holds for as long as the connection does.
    pub(super) fn begin_anew(&mut self) {
        *self = Self {
            takes_sack: self.takes_sack,
            ..Self::default()
        };
    }

    /// Places the stream of a sender not heard yet by what its receiver acknowledges.
    pub(super) fn resume_at(&mut self, seq: Seq) {
        self.isn = Seq(seq.0.wrapping_sub(1));
        self.next = seq;
        self.una = seq;
        self.syn_acknowledged = true;
        self.window_max = u32::from(u16::MAX) << SCALE_MAX;
        self.edge = seq + self.window_max as usize;
    }

    /// Whether the receiver has acknowledged the SYN.
    pub(super) fn syn_acknowledged(&self) -> bool {
        self.syn_acknowledged
    }

    /// Whether the receiver can have acknowledged up to `ack` (RFC 5961 §5.2; during the handshake,
    /// RFC 9293 §3.10.7.4 takes nothing that doesn't acknowledge the SYN).
    pub(super) fn accepts_ack(&self, ack: Seq) -> bool {
        let behind = self.una.since(ack);
        let is_of_stream = if self.syn_acknowledged {
            behind <= self.stale_bytes()
        } else {
            behind < 0
        };
        is_of_stream && !ack.is_after(self.next)
    }

    /// Notes what the receiver acknowledges and how much more it can take.
    pub(super) fn note_ack(&mut self, ack: Seq, window: u32, shared: &Shared) {
        let acked = ack.bytes_since(self.una);
        if acked > 0 {
            // The SYN and the FIN take a number, but no byte.
            let of_syn = usize::from(!self.syn_acknowledged);
            let len = (acked - of_syn).min(self.unacked.len());
            self.unacked.acknowledge(len, &shared.pool, &shared.unacked);
            self.una = ack;
            self.syn_acknowledged = true;
            self.is_floored = false;
        }
        self.edge = self.edge.max(ack + window as usize);
        self.window_max = self.window_max.max(window);
    }

    /// Notes the window of a SYN: never shifted, and without an acknowledgement to count from.
    pub(super) fn note_first_window(&mut self, window: u16) {
        self.window_max = self.window_max.max(u32::from(window));
        if self.heard {
            self.edge = self.edge.max(self.una + 1 + usize::from(window));
        }
    }

    /// Keeps the window of a SYN that answers one as any other segment would say it: of SYNs alone it is never
    /// shifted (RFC 7323 §2.2).
    pub(super) fn shift_first_window(&mut self, other: &Self) {
        let shift = self.known_shift(other).unwrap_or(0);
        self.last_window = (self.last_window >> shift).max(self.last_window.min(1));
    }

    /// What `window` means when the sender of this direction offers it.
    pub(super) fn window_offered(&self, window: u16, other: &Self) -> u32 {
        // Shifts hold if both ends announced one (RFC 7323 §2.2).
        match (self.scale, other.scale) {
            (Some(shift), Some(_)) => u32::from(window) << shift,
            _ => u32::from(window),
        }
    }

    /// The shift of the windows that the sender of this direction offers, unless it is only assumed.
    pub(super) fn known_shift(&self, other: &Self) -> Option<u8> {
        match (self.scale, other.scale) {
            (Some(_), Some(_)) if self.scale_assumed => None,
            (Some(shift), Some(_)) => Some(shift),
            _ => Some(0),
        }
    }

    /// Where `segment` lies. A segment that starts right at the window's edge is a probe.
    pub(super) fn place(&self, segment: &Segment) -> Place {
        let (seq, end) = (segment.seq, segment.end());
        if seq.is_after(self.edge) || self.una.since(end) > self.stale_bytes() {
            Place::Outside
        } else if segment.len() == 0 {
            Place::InOrder
        } else if self.contradicts_fin(segment) || (self.is_floored && seq.is_before(self.una)) {
            Place::Outside
        } else if !end.is_after(self.next) {
            Place::Repeated
        } else if seq.is_after(self.next) {
            Place::Early
        } else {
            Place::InOrder
        }
    }

    /// Whether it carries bytes where the FIN stands or after it (RFC 9293 §3.10.7.4, seventh step), or
    /// a FIN where bytes stand that its receiver may not have yet.
    fn contradicts_fin(&self, segment: &Segment) -> bool {
        let payload_end = segment.seq + segment.payload().len();
        let has_fin = segment.has(TcpFlags::FIN);
        match self.fin {
            Some(fin) => {
                payload_end.is_after(fin)
                    || (has_fin && payload_end.is_before(fin) && !payload_end.is_before(self.una))
            }
            None => has_fin && payload_end.is_before(self.next) && !payload_end.is_before(self.una),
        }
    }

    /// Whether the receiver is past all that a segment carries, so that it can't but ignore it.
    pub(super) fn is_past(&self, seq: Seq) -> bool {
        seq.is_before(self.una) && self.una.since(seq) <= self.stale_bytes()
    }

    /// Whether a segment with new bytes is older than what the receiver last took.
    pub(super) fn is_outdated(&self, segment: &Segment, other: &Self, now: Instant) -> bool {
        match (self.clock, other.clock, segment.timestamp) {
            (Some(clock), Some(_), Some(value)) => clock.is_outdated(value, now),
            _ => false,
        }
    }

    /// Notes the timestamp of a segment that was taken in.
    pub(super) fn note_clock(&mut self, segment: &Segment, now: Instant) {
        let is_next = !segment.seq.is_after(self.una) && !segment.end().is_before(self.una);
        if let (Some(clock), Some(value)) = (&mut self.clock, segment.timestamp) {
            clock.note(value, is_next, now);
        }
    }

    /// Moves past bytes that were let through unrecorded.
    pub(super) fn pass_to(&mut self, end: Seq) {
        self.next = self.next.max(end);
    }

    /// Notes a FIN at `seq`, which was let through.
    pub(super) fn pass_fin(&mut self, seq: Seq) {
        self.fin = Some(seq);
        self.pass_to(seq + 1);
    }

    /// Whether a FIN was let through.
    pub(super) fn has_closed(&self) -> bool {
        self.fin.is_some()
    }

    /// Whether the receiver has acknowledged the FIN.
    pub(super) fn fin_acknowledged(&self) -> bool {
        self.fin.is_some_and(|fin| self.una.is_after(fin))
    }

    /// The sequence number of the first recorded byte.
    pub(super) fn recorded_from(&self) -> Seq {
        self.una + usize::from(!self.syn_acknowledged)
    }

    pub(super) fn held_mut(&mut self) -> &mut Held {
        self.held.get_or_insert_default()
    }

    /// The held segments, if any are.
    pub(super) fn held(&mut self) -> Option<&mut Held> {
        self.held.as_deref_mut().filter(|held| !held.is_empty())
    }

    /// Whether segments of this direction are held.
    pub(super) fn is_holding(&self) -> bool {
        self.held.as_deref().is_some_and(|held| !held.is_empty())
    }

    /// The bytes let through that the receiver hasn't acknowledged.
    pub(super) fn outstanding(&self) -> usize {
        self.next.bytes_since(self.una)
    }

    /// Gives up the room for held segments once there are none.
    pub(super) fn shed(&mut self) {
        self.held.take_if(|held| held.is_empty());
    }

    /// Gives up all memory beyond its own.
    pub(super) fn clear(&mut self, shared: &Shared) {
        let len = self.unacked.len();
        self.unacked.acknowledge(len, &shared.pool, &shared.unacked);
        if let Some(mut held) = self.held.take() {
            held.clear(&shared.held);
        }
    }

    fn stale_bytes(&self) -> i32 {
        i32::try_from(self.window_max)
            .unwrap_or(i32::MAX)
            .max(STALE_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use crate::{Limits, Seed};

    const PIECE: usize = 1 << 20;

    #[test]
    fn a_long_stream_is_compared_by_its_own_numbers() {
        let shared = Shared::new(&Limits::default(), &Seed::fixed(1));
        let (syn, _) = fixture::segment(u32::MAX - 7, TcpFlags::SYN, &[]);
        let mut half = Half::default();
        half.note_syn(&syn, Instant::ZERO);
        half.note_ack(half.next, 0xffff, &shared);
        // Past the first number by more than half the space of numbers, and then once around.
        for _ in 0..5000 {
            half.pass_to(half.next + PIECE);
            half.note_ack(half.next, 0xffff, &shared);
            assert!(half.syn_acknowledged());
        }
        half.unacked.push(b"abc", &shared.pool, &shared.unacked);
        half.pass_to(half.next + 3);
        assert_eq!(half.recorded_from(), half.una);
        half.note_ack(half.una + 1, 0xffff, &shared);
        assert!(half.unacked.matches(0, b"bc"));
    }

    #[test]
    fn nothing_may_take_the_place_of_a_fin() {
        let (syn, _) = fixture::segment(99, TcpFlags::SYN, &[]);
        let mut half = Half::default();
        half.note_syn(&syn, Instant::ZERO);
        half.note_ack(
            Seq(100),
            0xffff,
            &Shared::new(&Limits::default(), &Seed::fixed(1)),
        );
        half.pass_to(Seq(103));
        half.pass_fin(Seq(103));
        let place = |seq, flags, bytes| half.place(&fixture::segment(seq, flags, bytes).0);
        let fin = TcpFlags::ACK | TcpFlags::FIN;
        assert_eq!(place(103, TcpFlags::ACK, b"x"), Place::Outside);
        assert_eq!(place(104, TcpFlags::ACK, b"x"), Place::Outside);
        assert_eq!(place(101, fin, b"x"), Place::Outside);
        assert_eq!(place(101, fin, b"xy"), Place::Repeated);
        assert_eq!(place(103, fin, b""), Place::Repeated);
        assert_eq!(place(104, TcpFlags::ACK, b""), Place::InOrder);
    }
}
