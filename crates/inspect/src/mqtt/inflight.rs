//! Packet identifiers in flight: who opened an exchange with which, and what comes next (MQTT 5.0
//! §2.2.1, §4.3). Each direction has identifiers of its own.

use smallvec::SmallVec;
use wire::Direction;
use wire::mqtt::QoS;

use crate::pool::Pool;

/// Entries kept within the session itself: most have no more in flight, and cost no trip to the pool.
const INLINE_ENTRIES: usize = 2;

/// A count of filters that isn't known.
pub(super) const ANY_COUNT: u16 = u16::MAX;

/// What the exchange with an identifier waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    PubAck,
    PubRec,
    PubRel,
    PubComp,
    SubAck,
    UnsubAck,
    /// Something was repeated, or the identifier used for two things at once: which of them is
    /// acknowledged, and when it is free again, can't be told any more. Anything may come.
    Anything,
}

impl Step {
    /// Whether the exchange takes room in the receiver's window (§4.9).
    pub(super) fn is_message(self) -> bool {
        matches!(
            self,
            Self::PubAck | Self::PubRec | Self::PubRel | Self::PubComp
        )
    }

    /// The first step of a message's exchange.
    pub(super) fn of_publish(qos: QoS) -> Option<Self> {
        match qos {
            QoS::AtMostOnce => None,
            QoS::AtLeastOnce => Some(Self::PubAck),
            QoS::ExactlyOnce => Some(Self::PubRec),
        }
    }
}

/// One identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(super) packet_id: u16,
    /// How many filters were sent with it, or [`ANY_COUNT`].
    pub(super) filters: u16,
    pub(super) step: Step,
}

/// The identifiers one end has in flight, in order. Beyond the first few they stand in a pooled buffer, until
/// none is left.
#[derive(Debug, Default)]
struct Window {
    entries: SmallVec<[Entry; INLINE_ENTRIES]>,
}

impl Window {
    fn entry(&self, packet_id: u16) -> Option<&Entry> {
        self.place(packet_id).ok().map(|at| &self.entries[at])
    }

    /// Puts an entry in, or in the place of the one with its identifier. False if there is no room
    /// for one more than `most`.
    fn put(&mut self, entry: Entry, most: usize, pool: &Pool<Entry>) -> bool {
        match self.place(entry.packet_id) {
            Ok(at) => self.entries[at] = entry,
            Err(_) if self.entries.len() >= most => return false,
            Err(at) => {
                if self.entries.len() == self.entries.capacity() {
                    self.grow(pool);
                }
                self.entries.insert(at, entry);
            }
        }
        true
    }

    fn remove(&mut self, packet_id: u16, pool: &Pool<Entry>) {
        if let Ok(at) = self.place(packet_id) {
            self.entries.remove(at);
        }
        if self.entries.is_empty() && self.entries.spilled() {
            pool.give(std::mem::take(&mut self.entries).into_vec());
        }
    }

    /// Moves to a buffer with room for one more.
    fn grow(&mut self, pool: &Pool<Entry>) {
        let mut larger = pool.take(self.entries.len() + 1);
        larger.extend_from_slice(&self.entries);
        let former = std::mem::replace(&mut self.entries, SmallVec::from_vec(larger));
        if former.spilled() {
            pool.give(former.into_vec());
        }
    }

    fn place(&self, packet_id: u16) -> Result<usize, usize> {
        // Most clients count upwards: the newest is the last.
        match self.entries.last() {
            Some(last) if last.packet_id < packet_id => Err(self.entries.len()),
            _ => self
                .entries
                .binary_search_by_key(&packet_id, |entry| entry.packet_id),
        }
    }
}

/// Both windows, by the direction their messages travel.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    windows: [Window; 2],
    /// How many of the entries are messages: there are no more identifiers than this counts.
    messages: [u16; 2],
}

impl InFlight {
    pub(super) fn entry(&self, direction: Direction, packet_id: u16) -> Option<&Entry> {
        self.windows[direction as usize].entry(packet_id)
    }

    /// How many identifiers are in flight.
    pub(super) fn count(&self, direction: Direction) -> usize {
        self.windows[direction as usize].entries.len()
    }

    /// How many messages are in flight.
    pub(super) fn messages(&self, direction: Direction) -> u16 {
        self.messages[direction as usize]
    }

    /// Puts an entry in, or in the place of the one with its identifier. False if there is no room
    /// for one more than `most`.
    pub(super) fn put(
        &mut self,
        direction: Direction,
        entry: Entry,
        most: usize,
        pool: &Pool<Entry>,
    ) -> bool {
        let was_message = self.is_message(direction, entry.packet_id);
        let fits = self.windows[direction as usize].put(entry, most, pool);
        if fits {
            let messages = &mut self.messages[direction as usize];
            *messages -= u16::from(was_message);
            *messages += u16::from(entry.step.is_message());
        }
        fits
    }

    pub(super) fn remove(&mut self, direction: Direction, packet_id: u16, pool: &Pool<Entry>) {
        let was_message = self.is_message(direction, packet_id);
        self.messages[direction as usize] -= u16::from(was_message);
        self.windows[direction as usize].remove(packet_id, pool);
    }

    fn is_message(&self, direction: Direction, packet_id: u16) -> bool {
        let entry = self.entry(direction, packet_id);
        entry.is_some_and(|entry| entry.step.is_message())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(packet_id: u16, step: Step) -> Entry {
        Entry {
            packet_id,
            filters: 0,
            step,
        }
    }

    #[test]
    fn an_entry_takes_six_bytes_and_a_window_no_more_than_a_vec() {
        assert_eq!(size_of::<Entry>(), 6);
        assert_eq!(size_of::<Window>(), size_of::<Vec<Entry>>());
    }

    #[test]
    fn identifiers_are_found_whatever_the_order_they_came_in() {
        let (mut window, pool) = (Window::default(), Pool::default());
        for id in [7, 65_535, 1, 300, 2] {
            assert!(window.put(entry(id, Step::PubAck), 5, &pool));
        }
        assert!(!window.put(entry(9, Step::PubAck), 5, &pool));
        assert!(window.put(entry(300, Step::PubRec), 5, &pool));
        assert_eq!(window.entry(300).map(|e| e.step), Some(Step::PubRec));
        assert_eq!(window.entry(9), None);
        window.remove(300, &pool);
        assert_eq!(window.entry(300), None);
        assert_eq!(window.entry(65_535).map(|e| e.packet_id), Some(65_535));
    }

    #[test]
    fn only_messages_take_room_in_the_receiver_s_window() {
        let (mut books, pool) = (InFlight::default(), Pool::default());
        let direction = Direction::ToServer;
        for (id, step) in [
            (1, Step::PubAck),
            (2, Step::SubAck),
            (3, Step::PubComp),
            (4, Step::Anything),
        ] {
            assert!(books.put(direction, entry(id, step), 4, &pool));
        }
        assert_eq!(books.messages(direction), 2);
        assert!(!books.put(direction, entry(5, Step::PubAck), 4, &pool));
        assert_eq!(books.messages(direction), 2);
        books.put(direction, entry(3, Step::Anything), 4, &pool);
        books.remove(direction, 1, &pool);
        books.remove(direction, 1, &pool);
        assert_eq!(books.messages(direction), 0);
        assert_eq!(books.messages(direction.reverse()), 0);
    }

    #[test]
    fn a_window_with_nothing_in_flight_keeps_no_buffer() {
        const MANY: u16 = 2000;
        let (mut window, pool) = (Window::default(), Pool::default());
        for id in 1..=MANY {
            assert!(window.put(entry(id, Step::PubAck), MANY.into(), &pool));
        }
        for id in 1..=MANY {
            assert_eq!(window.entry(id).map(|e| e.packet_id), Some(id));
        }
        for id in (1..=MANY).rev() {
            assert!(window.entries.spilled());
            window.remove(id, &pool);
        }
        assert!(window.entries.is_empty() && !window.entries.spilled());
    }
}
