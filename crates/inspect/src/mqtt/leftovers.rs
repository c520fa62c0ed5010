//! Identifiers whose exchanges may be over. What was repeated before 5.0 has an answer for each time it was said, or one
//! for all of them: of whose answers one is missing, nobody knows whether it is still to come. Once there is no room for
//! what is in flight, these make it, and keep a bit each.

use wire::Direction;

use super::Session;
use super::inflight::{AskedQos, Entry, Step};

const WORDS: usize = (u16::MAX as usize + 1) / u64::BITS as usize;

/// Those of one direction. Absent, as long as there was room.
#[derive(Debug, Default)]
pub(super) struct Leftovers(Option<Box<Bits>>);

#[derive(Debug)]
struct Bits {
    words: [u64; WORDS],
    count: u16,
}

impl Leftovers {
    fn add(&mut self, packet_id: u16) {
        let bits = self.0.get_or_insert_with(|| {
            Box::new(Bits {
                words: [0; WORDS],
                count: 0,
            })
        });
        let (word, bit) = place(packet_id);
        bits.count += u16::from(bits.words[word] & bit == 0);
        bits.words[word] |= bit;
    }

    fn remove(&mut self, packet_id: u16) {
        if !self.contains(packet_id) {
            return;
        }
        let (word, bit) = place(packet_id);
        if let Some(bits) = &mut self.0 {
            bits.words[word] &= !bit;
            bits.count -= 1;
        }
        self.0.take_if(|bits| bits.count == 0);
    }

    fn contains(&self, packet_id: u16) -> bool {
        let (word, bit) = place(packet_id);
        self.0
            .as_ref()
            .is_some_and(|bits| bits.words[word] & bit != 0)
    }
}

/// The word of an identifier, and its bit in it.
fn place(packet_id: u16) -> (usize, u64) {
    let number = usize::from(packet_id);
    let bits = u64::BITS as usize;
    (number / bits, 1 << (number % bits))
}

impl Session {
    /// What is left of an exchange that made room: one answer may come.
    pub(super) fn leftover(&self, packet_id: u16, opened: Direction) -> Option<Entry> {
        let leftovers = &self.rare.as_ref()?.leftovers[opened as usize];
        leftovers.contains(packet_id).then_some(Entry {
            packet_id,
            count: 1,
            step: Step::Anything { is_message: false },
            asked: AskedQos::default(),
        })
    }

    /// Whether there are any.
    pub(super) fn has_leftovers(&self, opened: Direction) -> bool {
        let rare = self.rare.as_ref();
        rare.is_some_and(|rare| rare.leftovers[opened as usize].0.is_some())
    }

    /// What may be over makes room for what isn't.
    #[cold]
    pub(super) fn make_room(&mut self, opened: Direction) {
        if !self.in_flight.has_leftover(opened) {
            return;
        }
        let leftovers = &mut self.rare.get_or_insert_default().leftovers[opened as usize];
        self.in_flight
            .release_leftovers(opened, |packet_id| leftovers.add(packet_id));
    }

    /// An identifier is used again, or its last answer has come.
    pub(super) fn forget_leftover(&mut self, packet_id: u16, opened: Direction) {
        if let Some(rare) = &mut self.rare {
            rare.leftovers[opened as usize].remove(packet_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_left_until_it_is_removed_and_nothing_left_takes_no_memory() {
        let mut leftovers = Leftovers::default();
        for id in [1, 63, 64, 65_535, 64] {
            leftovers.add(id);
        }
        for (id, is_left) in [
            (1, true),
            (2, false),
            (63, true),
            (64, true),
            (65_535, true),
        ] {
            assert_eq!(leftovers.contains(id), is_left, "{id}");
        }
        for id in [2, 64, 64, 1, 65_535] {
            leftovers.remove(id);
            assert!(!leftovers.contains(id) && leftovers.0.is_some(), "{id}");
        }
        leftovers.remove(63);
        assert!(leftovers.0.is_none());
        (1..=u16::MAX).for_each(|id| leftovers.add(id));
        (1..=u16::MAX).for_each(|id| leftovers.remove(id));
        assert!(leftovers.0.is_none());
    }
}
