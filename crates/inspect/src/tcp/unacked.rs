//! Bytes forwarded and not yet acknowledged: what a retransmission has to repeat.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::pool::Pool;

/// Bytes kept within the flow itself: a sensor's message is no larger, and costs no trip to the pool. As many as
/// fill words with what tells them apart.
const INLINE_BYTES: usize = 54;

/// What each direction keeps without asking: a few segments, so that it always comes on.
const OWN_BYTES: usize = 8192;

/// Bytes kept beyond what each direction has for itself, over all flows.
#[derive(Debug, Default)]
pub(crate) struct UnackedTotal(AtomicUsize);

impl UnackedTotal {
    /// Whether a direction that keeps `kept` bytes may keep `len`, where all have `common` together. Workers that
    /// ask at once may go beyond that by a segment each.
    pub(super) fn has_room(&self, kept: usize, len: usize, common: usize) -> bool {
        let more = borrowed(len) - borrowed(kept);
        more == 0 || self.0.load(Ordering::Relaxed) + more <= common
    }

    /// A direction that kept `kept` bytes keeps `len` now.
    fn note(&self, kept: usize, len: usize) {
        let (before, after) = (borrowed(kept), borrowed(len));
        match before <= after {
            true if before == after => {}
            true => _ = self.0.fetch_add(after - before, Ordering::Relaxed),
            false => _ = self.0.fetch_sub(before - after, Ordering::Relaxed),
        }
    }
}

fn borrowed(len: usize) -> usize {
    len.saturating_sub(OWN_BYTES)
}

/// The bytes from the receiver's acknowledgement to the next byte to inspect.
#[derive(Debug)]
pub(super) enum Unacked {
    /// They fit.
    Inline { len: u8, bytes: [u8; INLINE_BYTES] },
    /// They don't, or didn't when the first of them came.
    Ring(VecDeque<u8>),
}

impl Default for Unacked {
    fn default() -> Self {
        Self::Inline {
            len: 0,
            bytes: [0; INLINE_BYTES],
        }
    }
}

impl Unacked {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Inline { len, .. } => usize::from(*len),
            Self::Ring(ring) => ring.len(),
        }
    }

    /// How many bytes have room where they stand.
    fn capacity(&self) -> usize {
        match self {
            Self::Inline { bytes, .. } => bytes.len(),
            Self::Ring(ring) => ring.capacity(),
        }
    }

    /// Remembers bytes that follow those remembered so far.
    pub(super) fn push(&mut self, bytes: &[u8], pool: &Pool, total: &UnackedTotal) {
        let known = self.len();
        let sum = known + bytes.len();
        total.note(known, sum);
        if sum > self.capacity() {
            self.grow(sum, pool);
        }
        match self {
            Self::Inline { len, bytes: inline } => {
                inline[known..sum].copy_from_slice(bytes);
                *len = sum as u8;
            }
            Self::Ring(ring) => ring.extend(bytes),
        }
    }

    /// Moves to a ring with room for `len` bytes.
    fn grow(&mut self, len: usize, pool: &Pool) {
        let mut larger = VecDeque::from(pool.take(len));
        let (front, back) = self.as_slices();
        larger.extend(front);
        larger.extend(back);
        if let Self::Ring(ring) = std::mem::replace(self, Self::Ring(larger)) {
            pool.give(Vec::from(ring));
        }
    }

    /// Forgets the first `len` bytes, acknowledged by the receiver.
    pub(super) fn acknowledge(&mut self, len: usize, pool: &Pool, total: &UnackedTotal) {
        let known = self.len();
        let kept = known.saturating_sub(len);
        total.note(known, kept);
        match self {
            Self::Inline { len, bytes } => {
                bytes.copy_within(known - kept..known, 0);
                *len = kept as u8;
            }
            Self::Ring(ring) if kept > 0 => drop(ring.drain(..len)),
            Self::Ring(ring) => {
                ring.clear();
                pool.give(Vec::from(std::mem::take(ring)));
                *self = Self::default();
            }
        }
    }

    fn as_slices(&self) -> (&[u8], &[u8]) {
        match self {
            Self::Inline { len, bytes } => (&bytes[..usize::from(*len)], &[]),
            Self::Ring(ring) => ring.as_slices(),
        }
    }

    /// Whether `bytes` repeat what was forwarded from `offset` on.
    pub(super) fn matches(&self, offset: usize, bytes: &[u8]) -> bool {
        let (front, back) = self.range(offset, bytes.len());
        bytes.len() == front.len() + back.len()
            && bytes[..front.len()] == *front
            && bytes[front.len()..] == *back
    }

    /// Writes what was forwarded from `offset` on over `bytes`: the first bytes win.
    pub(super) fn restore(&self, offset: usize, bytes: &mut [u8]) {
        let (front, back) = self.range(offset, bytes.len());
        let (start, rest) = bytes.split_at_mut(front.len());
        start.copy_from_slice(front);
        rest[..back.len()].copy_from_slice(back);
    }

    /// The remembered bytes `offset..offset + len`, as far as they go.
    fn range(&self, offset: usize, len: usize) -> (&[u8], &[u8]) {
        let (front, back) = self.as_slices();
        let end = offset.saturating_add(len);
        let clip = |slice: &[u8], base: usize| {
            let from = offset.saturating_sub(base).min(slice.len());
            let to = end.saturating_sub(base).min(slice.len());
            from..to
        };
        let (in_front, in_back) = (clip(front, 0), clip(back, front.len()));
        (&front[in_front], &back[in_back])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_and_restores_across_the_ring_s_seam() {
        let (pool, total) = (Pool::default(), UnackedTotal::default());
        let mut unacked = Unacked::default();
        let mut stream = Vec::new();
        let mut start = 0;
        for round in 0..200_usize {
            let piece: Vec<u8> = (0..round % 97).map(|n| (n * round) as u8).collect();
            unacked.push(&piece, &pool, &total);
            stream.extend(&piece);
            let acked = (round * 7) % (unacked.len() + 1);
            unacked.acknowledge(acked, &pool, &total);
            start += acked;
            let held = &stream[start..];
            assert_eq!(unacked.len(), held.len());
            for offset in (0..held.len()).step_by(13) {
                let bytes = &held[offset..];
                assert!(unacked.matches(offset, bytes));
                let mut garbled = bytes.to_vec();
                garbled[bytes.len() / 2] ^= 1;
                assert!(!unacked.matches(offset, &garbled));
                unacked.restore(offset, &mut garbled);
                assert_eq!(garbled, bytes);
            }
        }
    }

    #[test]
    fn bytes_beyond_those_remembered_never_match() {
        let (pool, total) = (Pool::default(), UnackedTotal::default());
        let mut unacked = Unacked::default();
        unacked.push(b"abc", &pool, &total);
        assert!(unacked.matches(1, b"bc"));
        assert!(!unacked.matches(1, b"bcd"));
        assert!(unacked.matches(9, b""));
    }

    #[test]
    fn an_idle_flow_keeps_no_buffer() {
        let (pool, total) = (Pool::default(), UnackedTotal::default());
        let mut unacked = Unacked::default();
        let is_inline = |unacked: &Unacked| matches!(unacked, Unacked::Inline { .. });
        unacked.push(&[1; INLINE_BYTES], &pool, &total);
        assert!(is_inline(&unacked));
        unacked.push(&[2; 1000], &pool, &total);
        assert!(!is_inline(&unacked));
        assert_eq!(unacked.len(), INLINE_BYTES + 1000);
        assert!(unacked.matches(INLINE_BYTES - 1, &[1, 2, 2]));
        unacked.acknowledge(INLINE_BYTES + 1000, &pool, &total);
        assert!(is_inline(&unacked) && unacked.len() == 0);
    }

    #[test]
    fn what_one_direction_borrows_another_lacks_until_it_is_given_back() {
        let (pool, total) = (Pool::default(), UnackedTotal::default());
        let (mut unacked, common) = (Unacked::default(), 10_000);
        for _ in 0..2 {
            unacked.push(&[1; OWN_BYTES], &pool, &total);
        }
        let room = |len| total.has_room(0, OWN_BYTES + len, common);
        assert!(room(common - OWN_BYTES) && !room(common - OWN_BYTES + 1));
        assert!(room(0), "its own is always there");
        unacked.acknowledge(1000, &pool, &total);
        assert!(room(common - OWN_BYTES + 1000) && !room(common - OWN_BYTES + 1001));
        unacked.acknowledge(2 * OWN_BYTES, &pool, &total);
        assert!(room(common));
    }

    #[test]
    fn what_is_kept_inline_leaves_nothing_of_a_word() {
        assert_eq!(size_of::<Unacked>(), INLINE_BYTES + 2);
    }
}
