//! Bytes forwarded and not yet acknowledged: what a retransmission has to repeat.

use std::collections::VecDeque;

use crate::pool::Pool;

/// A buffer up to this size stays with its flow while empty; a larger one goes back to the pool.
const RESIDENT_BYTES: usize = 128;

/// The bytes from the receiver's acknowledgement to the next byte to inspect.
#[derive(Debug, Default)]
pub(super) struct Unacked {
    bytes: VecDeque<u8>,
}

impl Unacked {
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Remembers bytes that follow those remembered so far.
    pub(super) fn push(&mut self, bytes: &[u8], pool: &Pool) {
        let needed = self.bytes.len() + bytes.len();
        if needed > self.bytes.capacity() {
            self.grow(needed, pool);
        }
        self.bytes.extend(bytes);
    }

    fn grow(&mut self, needed: usize, pool: &Pool) {
        if needed <= RESIDENT_BYTES {
            self.bytes.reserve_exact(RESIDENT_BYTES - self.bytes.len());
            return;
        }
        let mut larger = VecDeque::from(pool.take(needed));
        larger.extend(self.bytes.iter());
        let old = std::mem::replace(&mut self.bytes, larger);
        pool.give(Vec::from(old));
    }

    /// Forgets the first `len` bytes, acknowledged by the receiver.
    pub(super) fn acknowledge(&mut self, len: usize, pool: &Pool) {
        if len < self.bytes.len() {
            self.bytes.drain(..len);
            return;
        }
        self.bytes.clear();
        if self.bytes.capacity() > RESIDENT_BYTES {
            pool.give(Vec::from(std::mem::take(&mut self.bytes)));
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
        let (front, back) = self.bytes.as_slices();
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
        let pool = Pool::default();
        let mut unacked = Unacked::default();
        let mut stream = Vec::new();
        let mut start = 0;
        for round in 0..200_usize {
            let piece: Vec<u8> = (0..round % 97).map(|n| (n * round) as u8).collect();
            unacked.push(&piece, &pool);
            stream.extend(&piece);
            let acked = (round * 7) % (unacked.len() + 1);
            unacked.acknowledge(acked, &pool);
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
        let pool = Pool::default();
        let mut unacked = Unacked::default();
        unacked.push(b"abc", &pool);
        assert!(unacked.matches(1, b"bc"));
        assert!(!unacked.matches(1, b"bcd"));
        assert!(unacked.matches(9, b""));
    }

    #[test]
    fn an_idle_flow_keeps_a_small_buffer_only() {
        let pool = Pool::default();
        let mut unacked = Unacked::default();
        unacked.push(&[1; 100], &pool);
        unacked.acknowledge(100, &pool);
        assert!((1..=RESIDENT_BYTES).contains(&unacked.bytes.capacity()));
        unacked.push(&[1; 1000], &pool);
        unacked.acknowledge(1000, &pool);
        assert_eq!(unacked.bytes.capacity(), 0);
    }
}
