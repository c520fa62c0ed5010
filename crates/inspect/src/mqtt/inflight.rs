//! Packet identifiers in flight: who opened an exchange with which, and what comes next (MQTT 5.0
//! §2.2.1, §4.3). Each direction has identifiers of its own.

use smallvec::SmallVec;
use wire::Direction;
use wire::mqtt::{PacketType, QoS, ReasonCode};

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
    /// acknowledged can't be told any more. Anything may come, until all of them may have ended.
    Anything {
        is_message: bool,
    },
}

impl Step {
    /// Whether the exchange takes room in the receiver's window (§4.9).
    pub(super) fn is_message(self) -> bool {
        match self {
            Self::PubAck | Self::PubRec | Self::PubRel | Self::PubComp => true,
            Self::SubAck | Self::UnsubAck => false,
            Self::Anything { is_message } => is_message,
        }
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

/// What a SUBSCRIBE asks for with each of its first filters, two bits each; beyond them, it may be anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct AskedQos(u16);

impl AskedQos {
    /// The QoS of each filter, in the order of the filters.
    pub(super) fn of(asked: impl Iterator<Item = QoS>) -> Self {
        let places = (0..u16::BITS).step_by(2);
        Self(asked.zip(places).fold(u16::MAX, |bits, (qos, place)| {
            bits & !(0b11 << place) | (qos as u16) << place
        }))
    }

    /// Whether one of the codes that answer the filters grants more than was asked for.
    pub(super) fn are_exceeded(self, mut codes: impl Iterator<Item = ReasonCode>) -> bool {
        (0..u16::BITS).step_by(2).any(|place| {
            let asked = self.0 >> place & 0b11;
            let code = codes.next();
            code.is_some_and(|code| !code.is_error() && u16::from(code.0) > asked)
        })
    }
}

/// One identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(super) packet_id: u16,
    /// How many filters were sent with it, or [`ANY_COUNT`]; where anything may come, how many answers that end
    /// something.
    pub(super) count: u16,
    pub(super) step: Step,
    /// What a SUBSCRIBE waits for.
    pub(super) asked: AskedQos,
}

impl Entry {
    /// How many answers are to come that end something, as far as what leads to them was said.
    fn last_answers(&self) -> u16 {
        match self.step {
            Step::Anything { .. } => self.count,
            Step::PubRel => 0,
            _ => 1,
        }
    }

    /// Whether nothing is known to wait: one answer may come, or none.
    fn may_be_over(&self) -> bool {
        self.step == Step::Anything { is_message: false } && self.count <= 1
    }

    /// What becomes of it when its identifier is used once more, for `opening`.
    pub(super) fn reused(&self, opening: Self) -> Self {
        let is_message = self.step.is_message() || opening.step.is_message();
        Self {
            count: self.last_answers().saturating_add(1),
            step: Step::Anything { is_message },
            ..opening
        }
    }

    /// The same when its opening is the repetition of one that may have ended.
    pub(super) fn late(self) -> Self {
        Self {
            count: 1,
            step: Step::Anything {
                is_message: self.step.is_message(),
            },
            ..self
        }
    }

    /// What is left of it after an acknowledgement.
    pub(super) fn advanced(self, packet_type: PacketType, is_error: bool) -> Option<Self> {
        let goes_on = packet_type == PacketType::PubRec && !is_error;
        let again = |count, is_message| {
            let step = Step::Anything { is_message };
            Some(Self {
                count,
                step,
                ..self
            })
        };
        match (self.step, packet_type) {
            (Step::Anything { is_message }, PacketType::PubRel) => {
                again(self.count.saturating_add(1), is_message)
            }
            (Step::Anything { is_message }, _) if goes_on => {
                again(self.count.saturating_sub(1), is_message)
            }
            // Its sender may use the identifier for something else now.
            (Step::Anything { .. }, _) if self.count > 1 => again(self.count - 1, false),
            // Said once more.
            (Step::PubRel | Step::PubComp, _) if goes_on => again(self.last_answers(), true),
            (Step::PubComp, PacketType::PubRel) => again(2, true),
            (_, PacketType::PubRel) => Some(self.at(Step::PubComp)),
            _ if goes_on => Some(self.at(Step::PubRel)),
            _ => None,
        }
    }

    fn at(self, step: Step) -> Self {
        Self { step, ..self }
    }
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
    /// The identifier of the last SUBSCRIBE, if it brought nothing but filters that are new, and so stand at the end of
    /// the [`Subscriptions`](super::subscriptions::Subscriptions); 0 once it is answered.
    pub(super) latest_news: u16,
}

impl InFlight {
    pub(super) fn entry(&self, direction: Direction, packet_id: u16) -> Option<&Entry> {
        self.windows[direction as usize].entry(packet_id)
    }

    /// How many identifiers are in flight.
    pub(super) fn count(&self, direction: Direction) -> usize {
        self.windows[direction as usize].entries.len()
    }

    /// Whether something other than messages may be in flight.
    pub(super) fn has_request(&self, direction: Direction) -> bool {
        self.count(direction) > usize::from(self.messages(direction))
    }

    /// Whether something may be over.
    pub(super) fn has_leftover(&self, direction: Direction) -> bool {
        let entries = &self.windows[direction as usize].entries;
        entries.iter().any(Entry::may_be_over)
    }

    /// Lets go of what may be over.
    pub(super) fn release_leftovers(&mut self, direction: Direction, mut note: impl FnMut(u16)) {
        let entries = &mut self.windows[direction as usize].entries;
        entries.retain(|entry| {
            let is_over = entry.may_be_over();
            if is_over {
                note(entry.packet_id);
            }
            !is_over
        });
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
            count: 0,
            step,
            asked: AskedQos::default(),
        }
    }

    #[test]
    fn a_grant_is_compared_with_what_its_filter_was_asked_for_with() {
        use QoS::{AtLeastOnce, AtMostOnce, ExactlyOnce};
        let asked = AskedQos::of([AtMostOnce, ExactlyOnce, AtLeastOnce].into_iter());
        let are_exceeded = |codes: &[u8]| asked.are_exceeded(codes.iter().copied().map(ReasonCode));
        for codes in [
            &[0, 2, 1][..],
            &[0, 0, 0],
            &[0x80, 0x87, 0x80],
            &[0, 2, 1, 2],
            &[],
        ] {
            assert!(!are_exceeded(codes), "{codes:?}");
        }
        for codes in [&[1, 2, 1][..], &[2], &[0, 2, 2], &[0x80, 0, 2]] {
            assert!(are_exceeded(codes), "{codes:?}");
        }
        let many = AskedQos::of([AtMostOnce; 9].into_iter());
        let mut codes = [0; 9];
        codes[8] = 2;
        assert!(!many.are_exceeded(codes.into_iter().map(ReasonCode)));
        codes[7] = 1;
        assert!(many.are_exceeded(codes.into_iter().map(ReasonCode)));
    }

    #[test]
    fn an_entry_takes_eight_bytes_and_a_window_no_more_than_a_vec() {
        assert_eq!(size_of::<Entry>(), 8);
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
            (4, Step::Anything { is_message: false }),
        ] {
            assert!(books.put(direction, entry(id, step), 4, &pool));
        }
        assert_eq!(books.messages(direction), 2);
        assert!(!books.put(direction, entry(5, Step::PubAck), 4, &pool));
        assert_eq!(books.messages(direction), 2);
        let repeated = Step::Anything { is_message: true };
        books.put(direction, entry(4, repeated), 4, &pool);
        assert_eq!(books.messages(direction), 3);
        books.remove(direction, 4, &pool);
        books.remove(direction, 3, &pool);
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
