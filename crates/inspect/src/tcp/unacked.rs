//! Bytes forwarded and not yet acknowledged: what a retransmission has to repeat.

use std::collections::VecDeque;

use crate::pool::Pool;

/// Bytes kept within the flow itself: a sensor's message is no larger, and costs no trip to the pool.
const INLINE_BYTES: usize = 64;

/// The bytes from the receiver's acknowledgement to the next byte to inspect.
///
/// They stand in `inline` while they fit, else in `ring`, which has room only while it is in use.
#[derive(Debug)]
pub(super) struct Unacked {
    inline: [u8; INLINE_BYTES],
    inline_len: u8,
    ring: VecDeque<u8>,
}

impl Default for Unacked {
    fn default() -> Self {
        Self {
            inline: [0; INLINE_BYTES],
            inline_len: 0,
            ring: VecDeque::new(),
        }
    }
}

impl Unacked {
    pub(super) fn len(&self) -> usize {
        usize::from(self.inline_len) + self.ring.len()
    }

    /// Remembers bytes that follow those remembered so far.
    pub(super) fn push(&mut self, bytes: &[u8], pool: &Pool) {
        let known = self.len();
        let len = known + bytes.len();
        if self.ring.capacity() == 0 && len <= INLINE_BYTES {
            self.inline[known..len].copy_from_slice(bytes);
            self.inline_len = len as u8;
            return;
        }
        if len > self.ring.capacity() {
            self.grow(len, pool);
        }
        self.ring.extend(bytes);
    }

    /// Moves to a ring with room for `len` bytes.
    fn grow(&mut self, len: usize, pool: &Pool) {
        let mut larger = VecDeque::from(pool.take(len));
        let (front, back) = self.as_slices();
        larger.extend(front);
        larger.extend(back);
        self.inline_len = 0;
        pool.give(Vec::from(std::mem::replace(&mut self.ring, larger)));
    }

    /// Forgets the first `len` bytes, acknowledged by the receiver.
    pub(super) fn acknowledge(&mut self, len: usize, pool: &Pool) {
        let known = self.len();
        let kept = known.saturating_sub(len);
        if self.ring.capacity() == 0 {
            self.inline.copy_within(known - kept..known, 0);
            self.inline_len = kept as u8;
        } else if kept > 0 {
            self.ring.drain(..len);
        } else {
            self.ring.clear();
            pool.give(Vec::from(std::mem::take(&mut self.ring)));
        }
    }

    fn as_slices(&self) -> (&[u8], &[u8]) {
        match self.ring.capacity() {
            0 => (&self.inline[..self.len()], &[]),
            _ => self.ring.as_slices(),
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
    fn an_idle_flow_keeps_no_buffer() {
        let pool = Pool::default();
        let mut unacked = Unacked::default();
        unacked.push(&[1; INLINE_BYTES], &pool);
        assert_eq!(unacked.ring.capacity(), 0);
        unacked.push(&[2; 1000], &pool);
        assert_eq!(unacked.len(), INLINE_BYTES + 1000);
        assert!(unacked.matches(INLINE_BYTES - 1, &[1, 2, 2]));
        unacked.acknowledge(INLINE_BYTES + 1000, &pool);
        assert_eq!((unacked.len(), unacked.ring.capacity()), (0, 0));
    }
}
