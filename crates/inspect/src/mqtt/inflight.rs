//! Packet identifiers in flight: who opened an exchange with which, and what comes next (MQTT 5.0
//! §2.2.1, §4.3). Each direction has identifiers of its own.

use wire::Direction;
use wire::mqtt::QoS;

/// A count of filters that isn't known.
pub(super) const ANY_COUNT: u16 = u16::MAX;

/// What the exchange with an identifier waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
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
pub(super) struct Entry {
    pub(super) packet_id: u16,
    /// How many filters were sent with it, or [`ANY_COUNT`].
    pub(super) filters: u16,
    pub(super) step: Step,
}

/// The identifiers one end has in flight, in order.
#[derive(Debug, Default)]
pub(super) struct Window {
    entries: Vec<Entry>,
    /// How many of them are messages.
    messages: u32,
}

impl Window {
    pub(super) fn entry(&self, packet_id: u16) -> Option<&Entry> {
        self.place(packet_id).ok().map(|at| &self.entries[at])
    }

    /// Whether `most` messages or more are in flight.
    pub(super) fn holds(&self, most: u16) -> bool {
        self.messages >= u32::from(most)
    }

    /// How many messages are in flight.
    pub(super) fn messages(&self) -> u32 {
        self.messages
    }

    /// Puts an entry in, or in the place of the one with its identifier. False if there is no room
    /// for one more than `most`.
    pub(super) fn put(&mut self, entry: Entry, most: usize) -> bool {
        match self.place(entry.packet_id) {
            Ok(at) => {
                let old = std::mem::replace(&mut self.entries[at], entry);
                self.messages -= u32::from(old.step.is_message());
            }
            Err(_) if self.entries.len() >= most => return false,
            Err(at) => self.entries.insert(at, entry),
        }
        self.messages += u32::from(entry.step.is_message());
        true
    }

    pub(super) fn remove(&mut self, packet_id: u16) {
        if let Ok(at) = self.place(packet_id) {
            let old = self.entries.remove(at);
            self.messages -= u32::from(old.step.is_message());
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
    /// Nothing was opened since the last sign of an idle client.
    is_quiet: bool,
}

impl InFlight {
    pub(super) fn window(&self, direction: Direction) -> &Window {
        &self.windows[direction as usize]
    }

    pub(super) fn window_mut(&mut self, direction: Direction) -> &mut Window {
        self.is_quiet = false;
        &mut self.windows[direction as usize]
    }

    /// Whether it may be given up: nothing is in flight, and nothing was since this was last asked.
    pub(super) fn rests(&mut self) -> bool {
        let is_empty = self.windows.iter().all(|window| window.entries.is_empty());
        is_empty && std::mem::replace(&mut self.is_quiet, true)
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
    fn an_entry_takes_six_bytes() {
        assert_eq!(size_of::<Entry>(), 6);
    }

    #[test]
    fn identifiers_are_found_whatever_the_order_they_came_in() {
        let mut window = Window::default();
        for id in [7, 65_535, 1, 300, 2] {
            assert!(window.put(entry(id, Step::PubAck), 5));
        }
        assert!(!window.put(entry(9, Step::PubAck), 5));
        assert!(window.put(entry(300, Step::PubRec), 5));
        assert_eq!(window.entry(300).map(|e| e.step), Some(Step::PubRec));
        assert_eq!(window.entry(9), None);
        window.remove(300);
        assert_eq!(window.entry(300), None);
        assert_eq!(window.entry(65_535).map(|e| e.packet_id), Some(65_535));
    }

    #[test]
    fn only_messages_take_room_in_the_receiver_s_window() {
        let mut window = Window::default();
        for (id, step) in [
            (1, Step::PubAck),
            (2, Step::SubAck),
            (3, Step::PubComp),
            (4, Step::Anything),
        ] {
            window.put(entry(id, step), 10);
        }
        assert!(window.holds(2) && !window.holds(3));
        window.put(entry(3, Step::Anything), 10);
        window.remove(1);
        assert_eq!(window.messages(), 0);
    }

    #[test]
    fn memory_is_given_up_after_a_while_without_use() {
        let mut in_flight = InFlight::default();
        let window = in_flight.window_mut(Direction::ToServer);
        window.put(entry(1, Step::PubAck), 10);
        assert!(!in_flight.rests() && !in_flight.rests());
        in_flight.window_mut(Direction::ToServer).remove(1);
        assert!(!in_flight.rests());
        assert!(in_flight.rests());
    }
}
