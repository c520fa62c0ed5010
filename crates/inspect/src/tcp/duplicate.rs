//! Duplicate acknowledgements, so that a lost segment costs what it always does.
//!
//! What comes behind a gap is held, and doesn't reach its receiver. That can't tell the sender, which would
//! learn of the loss from its timer alone. So Weir tells it in the receiver's name what the receiver would
//! have said (RFC 5681 §3.2): the number it last acknowledged, its last window, and what is held
//! (RFC 2018), if both ends take that. A sender keeps what was acknowledged so until the numbers catch up,
//! so that what is held may be dropped yet (RFC 2018 §8). There is at most one for each segment that is held,
//! and it is shorter.
//!
//! Until the receiver has acknowledged what was let through, it would be named as lost along with the gap;
//! so nothing is said before. But a receiver may wait for a second segment with that (RFC 5681 §4.2), in
//! vain: when another is held, what one segment has room for doesn't count, and may be repeated once too
//! often. When the receiver has just acknowledged something it does count, because acknowledgements come in
//! rows: a sender that hears of the loss of a segment and then of its arrival believes in a wire that
//! reorders, and may wait for its timer yet.
//!
//! What is let go at last bears a timestamp no older than what filled the gap (see
//! [`freshen`](super::held::HeldSegment::freshen)).
//!
//! Of a connection whose SYNs weren't seen, selective acknowledgements are known to be taken once one of them
//! passes. Up to there, its sender is told the number alone.

use wire::Direction;
use wire::net::TcpFlags;

use super::Work;
use super::answer::{Answer, OPTIONS_BYTES, TIMESTAMPS_BYTES, Toward, timestamps};
use super::held::Holding;
use crate::{Injected, Sink};

/// What a segment carries on Ethernet, over IPv4 and without options.
const SEGMENT_BYTES: usize = 1460;
/// So many duplicates without selective acknowledgements make a sender repeat what is missing (RFC 5681 §3.2).
const THRESHOLD: u8 = 3;

impl<S: Sink> Work<'_, '_, '_, S> {
    /// Tells the sender of the segment at hand that it is held, or owes it that.
    pub(super) fn tell_held(&mut self, holding: &Holding) {
        let (segment, direction) = (self.segment, self.arrival.direction);
        let (ours, _) = self.connection.split(direction);
        let (next, outstanding) = (ours.next, ours.outstanding());
        let held = ours.held_mut();
        held.blocks.add(segment.seq, segment.end(), next);
        held.untold = held.untold.saturating_add(1);
        // Who repeats what is held has lost his patience.
        if *holding == Holding::Known || outstanding <= SEGMENT_BYTES.max(segment.len()) {
            self.duplicate(direction, 1);
        }
    }

    /// The other end of what is held has acknowledged more of what was let through, perhaps: its sender is
    /// told then what it wasn't before.
    #[inline]
    pub(super) fn tell_what_was_held(&mut self) {
        let direction = self.arrival.direction.reverse();
        let (theirs, ours) = self.connection.split(direction);
        // Without selective acknowledgements it takes three in time.
        let bearable = match theirs.takes_sack && ours.takes_sack {
            true => 0,
            false => SEGMENT_BYTES,
        };
        let outstanding = theirs.outstanding();
        if let Some(held) = theirs.held()
            && held.untold > 0
            && outstanding <= bearable
        {
            let untold = held.untold;
            self.duplicate(direction, untold.min(THRESHOLD));
        }
    }

    /// Acknowledges so many times what was acknowledged before, to the sender of what is held of `direction`. One
    /// that names what is held says it all at once.
    #[cold]
    fn duplicate(&mut self, direction: Direction, times: u8) {
        let (ours, theirs) = self.connection.split(direction);
        if !ours.syn_acknowledged() || !theirs.heard {
            return;
        }
        let answer = Answer {
            toward: match direction == self.arrival.direction {
                true => Toward::Sender,
                false => Toward::Receiver,
            },
            seq: theirs.next,
            ack: ours.una,
            flags: TcpFlags::ACK,
            window: theirs.last_window,
            purpose: Injected::DuplicateAck,
        };
        let mut options = [0; OPTIONS_BYTES];
        let clocks = self.write_clocks(direction, &mut options);
        let len = clocks + self.write_blocks(direction, &mut options[clocks..]);
        let times = if len > clocks { 1 } else { times };
        for _ in 0..times {
            self.inject_with(&answer, &options[..len], &[]);
        }
        self.connection.split(direction).0.held_mut().untold = 0;
    }

    /// Timestamps, where both ends use them. The echo is that of what the receiver last took in order
    /// (RFC 7323 §4.3), and its own is none that its sender hasn't got: what of it is held may come in another order.
    fn write_clocks(&mut self, direction: Direction, options: &mut [u8; OPTIONS_BYTES]) -> usize {
        let (ours, theirs) = self.connection.split(direction);
        let (Some(echoed), Some(clock)) = (ours.clock, theirs.clock) else {
            return 0;
        };
        let value = match theirs.is_holding() {
            true => clock.recent(),
            false => clock.latest(),
        };
        options[..TIMESTAMPS_BYTES].copy_from_slice(&timestamps(value, echoed.recent()));
        TIMESTAMPS_BYTES
    }

    fn write_blocks(&mut self, direction: Direction, options: &mut [u8]) -> usize {
        let (ours, theirs) = self.connection.split(direction);
        let (next, both_take) = (ours.next, ours.takes_sack && theirs.takes_sack);
        match ours.held() {
            Some(held) if both_take => held.blocks.write(next, options),
            _ => 0,
        }
    }
}
