//! What of a stream is held beyond a gap, as a receiver would say it (RFC 2018 §4).

use smallvec::SmallVec;

use super::seq::Seq;

/// No header has room for more (RFC 2018 §3).
const BLOCKS_MAX: usize = 4;
/// Kind and length of the option, padded to a word.
const HEAD_BYTES: usize = 4;
/// A block: where it begins, and where it ends.
const BLOCK_BYTES: usize = 8;

/// Stretches of sequence numbers, the one that was last added to first. A few of the latest are enough:
/// whoever hears them remembers the others.
#[derive(Debug, Default)]
pub(super) struct Blocks(SmallVec<[Block; BLOCKS_MAX]>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Block {
    start: Seq,
    end: Seq,
}

impl Block {
    fn touches(self, other: Self) -> bool {
        !self.start.is_after(other.end) && !other.start.is_after(self.end)
    }

    fn join(self, other: Self) -> Self {
        let is_first = self.start.is_before(other.start);
        Self {
            start: if is_first { self.start } else { other.start },
            end: self.end.max(other.end),
        }
    }
}

impl Blocks {
    /// Adds `start..end`, and forgets what doesn't lie beyond `next`.
    pub(super) fn add(&mut self, start: Seq, end: Seq, next: Seq) {
        let mut added = Block { start, end };
        self.0.retain(|block| {
            let is_apart = !block.touches(added);
            if !is_apart && block.start.is_after(next) {
                added = added.join(*block);
            }
            is_apart && block.start.is_after(next)
        });
        self.0.truncate(BLOCKS_MAX - 1);
        self.0.insert(0, added);
    }

    /// Writes as many of those beyond `next` as there is room for, as an option, and returns its length.
    pub(super) fn write(&self, next: Seq, options: &mut [u8]) -> usize {
        let room = options.len().saturating_sub(HEAD_BYTES) / BLOCK_BYTES;
        let blocks = self.0.iter().filter(|block| block.start.is_after(next));
        let mut len = 0;
        for (block, slot) in blocks
            .take(room)
            .zip(options[HEAD_BYTES..].chunks_exact_mut(BLOCK_BYTES))
        {
            slot[..4].copy_from_slice(&block.start.0.to_be_bytes());
            slot[4..].copy_from_slice(&block.end.0.to_be_bytes());
            len += BLOCK_BYTES;
        }
        if len == 0 {
            return 0;
        }
        options[..HEAD_BYTES].copy_from_slice(&[1, 1, 5, (2 + len) as u8]);
        HEAD_BYTES + len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEXT: Seq = Seq(u32::MAX - 9);

    /// Adds stretches, given as offsets from the gap's beginning, and tells what is said of them.
    fn said(added: &[(u32, u32)], next: u32, room: usize) -> Vec<(u32, u32)> {
        let mut blocks = Blocks::default();
        for (start, end) in added {
            blocks.add(NEXT + *start as usize, NEXT + *end as usize, NEXT);
        }
        let mut options = [0; 40];
        let len = blocks.write(NEXT + next as usize, &mut options[..room]);
        assert!(len.is_multiple_of(4));
        if len > 0 {
            assert_eq!(options[..4], [1, 1, 5, len as u8 - 2]);
        }
        let ranges = wire::net::sack_ranges(&options[len.min(4)..len]);
        let offset = |seq: u32| seq.wrapping_sub(NEXT.0);
        ranges
            .map(|(start, end)| (offset(start), offset(end)))
            .collect()
    }

    #[test]
    fn the_latest_comes_first_and_neighbours_are_one() {
        assert_eq!(said(&[(5, 10)], 0, 40), [(5, 10)]);
        assert_eq!(said(&[(5, 10), (10, 15)], 0, 40), [(5, 15)]);
        assert_eq!(said(&[(5, 10), (20, 25)], 0, 40), [(20, 25), (5, 10)]);
        let both = [(5, 10), (20, 25), (5, 8)];
        assert_eq!(said(&both, 0, 40), [(5, 10), (20, 25)]);
        let joined = [(5, 10), (20, 25), (40, 45), (10, 20)];
        assert_eq!(said(&joined, 0, 40), [(5, 25), (40, 45)]);
    }

    #[test]
    fn no_more_are_said_than_there_is_room_for() {
        let many: Vec<_> = (1..9).map(|n| (n * 10, n * 10 + 5)).collect();
        assert_eq!(said(&many, 0, 40), [(80, 85), (70, 75), (60, 65), (50, 55)]);
        assert_eq!(said(&many, 0, 28), [(80, 85), (70, 75), (60, 65)]);
        assert_eq!(said(&many, 0, 4), []);
    }

    #[test]
    fn what_has_had_its_turn_is_not_said() {
        let added = [(5, 10), (20, 25)];
        assert_eq!(said(&added, 5, 40), [(20, 25)]);
        assert_eq!(said(&added, 25, 40), []);
    }
}
