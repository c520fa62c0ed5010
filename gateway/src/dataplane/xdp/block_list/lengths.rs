//! Which lengths the prefixes have that could cover an address: a set for each slot.

use abi::ban;

/// The bits of a slot's number.
const SLOT_BITS: u32 = ban::SLOTS.ilog2();

/// The lengths in each slot, and how many prefixes have them there.
pub(super) struct Lengths<const N: usize> {
    /// How many bits of an address choose its slot.
    slot_bits: u32,
    /// By slot.
    sets: Vec<[u64; N]>,
    /// By length, then by slot; empty for a length that there never was.
    counts: Vec<Vec<u32>>,
}

impl<const N: usize> Lengths<N> {
    pub(super) fn new(slot_bits: u32) -> Self {
        Self {
            slot_bits,
            sets: vec![[0; N]; ban::SLOTS as usize],
            counts: vec![Vec::new(); N * u64::BITS as usize],
        }
    }

    /// The lengths in a slot, as the program reads them.
    pub(super) fn set(&self, slot: u32) -> [u64; N] {
        self.sets[slot as usize]
    }

    /// Adds a prefix that is new, and says in which slots its length is new.
    pub(super) fn add(&mut self, prefix: &[u64; N]) -> Vec<u32> {
        let (length, slots) = self.covered(prefix);
        let counts = &mut self.counts[length as usize];
        counts.resize(self.sets.len(), 0);
        let (at, end) = ban::end(length);
        let mut changed = Vec::new();
        for slot in slots {
            let count = &mut counts[slot as usize];
            *count += 1;
            if *count == 1 {
                self.sets[slot as usize][at] |= end;
                changed.push(slot);
            }
        }
        changed
    }

    /// Removes a prefix that was added, and says in which slots it was the last of its length.
    pub(super) fn remove(&mut self, prefix: &[u64; N]) -> Vec<u32> {
        let (length, slots) = self.covered(prefix);
        let counts = &mut self.counts[length as usize];
        let (at, end) = ban::end(length);
        let mut changed = Vec::new();
        for slot in slots {
            let count = &mut counts[slot as usize];
            *count -= 1;
            if *count == 0 {
                self.sets[slot as usize][at] &= !end;
                changed.push(slot);
            }
        }
        changed
    }

    /// The length of a prefix, and the slots of the addresses in it: bits of the slot that it leaves
    /// open may be anything.
    fn covered(&self, prefix: &[u64; N]) -> (u32, impl Iterator<Item = u32> + use<N>) {
        let (address, length) = ban::parts(prefix);
        let open = self.slot_bits.saturating_sub(length).min(SLOT_BITS);
        let first = ban::slot(&address, self.slot_bits);
        (length, (0..1 << open).map(move |bits| first ^ bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(address: [u8; 4], length: u32) -> ban::V4 {
        let (at, end) = ban::end(length);
        ban::prefix(&ban::v4(address), at, end)
    }

    fn v6(address: u128, length: u32) -> ban::V6 {
        let (at, end) = ban::end(length);
        ban::prefix(&ban::v6(address.to_be_bytes()), at, end)
    }

    #[test]
    fn a_length_is_there_from_the_first_of_its_prefixes_to_the_last() {
        let mut lengths = Lengths::new(ban::SLOT_BITS_V4);
        let (slot, [bit]) = (0x0a14, [ban::end(24).1]);
        assert_eq!(lengths.add(&v4([10, 20, 1, 0], 24)), [slot]);
        assert!(lengths.add(&v4([10, 20, 2, 0], 24)).is_empty());
        assert_eq!(lengths.add(&v4([10, 20, 2, 0], 25)), [slot]);
        assert_eq!(lengths.set(slot), [bit | bit >> 1]);
        assert!(lengths.remove(&v4([10, 20, 1, 0], 24)).is_empty());
        assert_eq!(lengths.remove(&v4([10, 20, 2, 0], 24)), [slot]);
        assert_eq!(lengths.set(slot), [bit >> 1]);
    }

    #[test]
    fn a_short_prefix_is_in_the_slot_of_every_address_in_it() {
        let mut lengths = Lengths::new(ban::SLOT_BITS_V4);
        let slots: Vec<u32> = (0x0a00..0x0b00).collect();
        assert_eq!(lengths.add(&v4([10, 0, 0, 0], 8)), slots);
        assert_eq!(lengths.add(&v4([0; 4], 0)).len(), 65_536);
        assert_eq!(lengths.remove(&v4([10, 0, 0, 0], 8)), slots);
        for length in [0, 1, 15, 16, 17, 29, 31, 32, 64, 128] {
            let mut lengths = Lengths::new(ban::SLOT_BITS_V6);
            let base = 0x2a02_0db8_0000_0001_0000_0000_0000_0001;
            let mut slots = lengths.add(&v6(base, length));
            slots.sort_unstable();
            let (at, end) = ban::end(length);
            // Addresses with the same first bits, and any others behind them.
            for noise in [0, u128::MAX, 0x5a5a_1234_9876 << 70, 0x0123_4567 << 96] {
                let open = u128::MAX.checked_shr(length).unwrap_or(0);
                let other = ban::v6((base ^ noise & open).to_be_bytes());
                let slot = ban::slot(&other, ban::SLOT_BITS_V6);
                assert!(slots.binary_search(&slot).is_ok(), "/{length}");
                assert_eq!(lengths.set(slot)[at], end);
            }
        }
    }
}
