//! Exchanges for which there was no room: what waits for an answer that ends it is counted, and once none waits any
//! more, acknowledgements are checked again. A message of QoS 2 has several, each of which may be repeated before
//! 5.0: there it finds room with its PUBREC, or nobody knows.

use wire::Direction;
use wire::mqtt::{PacketType, Version};

use super::Session;
use super::inflight::Step;

/// So many identifiers are remembered that were answered more than once.
const ANSWERED_OFTEN: usize = 4;

/// The last identifiers of one direction whose openings were repeated and all answered: of these answers, the opener
/// may have heard one, and take the next for that of what it began with the identifier since.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct AnsweredOften([u16; ANSWERED_OFTEN]);

impl AnsweredOften {
    fn add(&mut self, packet_id: u16) {
        if !self.0.contains(&packet_id) {
            self.0.rotate_right(1);
            self.0[0] = packet_id;
        }
    }
}

/// What may be acknowledged that wasn't seen to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unseen {
    Nothing,
    /// What an earlier connection of the session left in flight.
    Messages,
    Anything,
}

/// Those of one direction.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Untracked {
    /// How many wait; none also if they can't be counted.
    waiting: u16,
    /// That there are some was told.
    is_told: bool,
}

impl Session {
    /// Whether checks of acknowledgements are about to end for the first time.
    pub(super) fn is_first_untracked(&self, opened: Direction) -> bool {
        let is_told = self.untracked(opened).is_some_and(|some| some.is_told);
        !is_told && self.unseen[opened as usize] != Unseen::Anything
    }

    /// An exchange was opened, or its opening repeated, without an entry.
    #[cold]
    pub(super) fn note_untracked(&mut self, first: Step, opened: Direction) {
        let is_first = matches!(
            first,
            Step::PubAck | Step::PubRec | Step::SubAck | Step::UnsubAck
        );
        let unseen = &mut self.unseen[opened as usize];
        let untracked = &mut self.rare.get_or_insert_default().untracked[opened as usize];
        // Of an earlier connection, who knows how many wait.
        let is_counted = *unseen == Unseen::Nothing || untracked.waiting > 0;
        untracked.waiting = match is_first && is_counted {
            // More than there are identifiers are counted no further.
            true => untracked.waiting.checked_add(1).unwrap_or(0),
            false => 0,
        };
        untracked.is_told |= *unseen != Unseen::Anything;
        *unseen = Unseen::Anything;
    }

    /// Whether a PUBREL for which there is no entry goes on with a message that is counted.
    pub(super) fn counts_release(&self, opened: Direction) -> bool {
        self.counts(opened) && self.version == Version::V5
    }

    /// Whether a PUBREC for which there is no entry needs one, to go on with a message that is counted.
    pub(super) fn counts_receipt(&self, opened: Direction) -> bool {
        self.counts(opened) && self.version != Version::V5
    }

    fn counts(&self, opened: Direction) -> bool {
        self.untracked(opened).is_some_and(|some| some.waiting > 0)
    }

    /// An acknowledgement came for which there is no entry.
    pub(super) fn note_answered(
        &mut self,
        packet_type: PacketType,
        is_error: bool,
        opened: Direction,
    ) {
        let is_last = match packet_type {
            PacketType::PubAck | PacketType::SubAck | PacketType::UnsubAck => true,
            PacketType::PubRec => is_error || self.version != Version::V5,
            PacketType::PubComp => self.version == Version::V5,
            _ => false,
        };
        let Some(rare) = self.rare.as_mut().filter(|_| is_last) else {
            return;
        };
        let waiting = &mut rare.untracked[opened as usize].waiting;
        if *waiting > 0 {
            *waiting -= 1;
            if *waiting == 0 {
                self.unseen[opened as usize] = Unseen::Nothing;
            }
        }
    }

    /// The exchange with an identifier has ended, after answers to repetitions.
    #[cold]
    pub(super) fn note_answered_often(&mut self, packet_id: u16, opened: Direction) {
        let rare = self.rare.get_or_insert_default();
        rare.answered_often[opened as usize].add(packet_id);
    }

    /// Whether its opener may believe that an exchange is over which hasn't been answered.
    pub(super) fn may_be_believed_over(&self, packet_id: u16, opened: Direction) -> bool {
        let rare = self.rare.as_ref();
        rare.is_some_and(|rare| rare.answered_often[opened as usize].0.contains(&packet_id))
    }

    /// Whether the session has a past, with messages in flight.
    pub(super) fn note_past(&mut self, has_past: bool) {
        for unseen in &mut self.unseen {
            *unseen = match (*unseen, has_past) {
                (Unseen::Anything, _) => Unseen::Anything,
                (_, true) => Unseen::Messages,
                (_, false) => Unseen::Nothing,
            };
        }
    }

    /// Anything may be in flight now.
    pub(super) fn lose_count(&mut self) {
        self.unseen = [Unseen::Anything; 2];
        if let Some(rare) = &mut self.rare {
            for untracked in &mut rare.untracked {
                untracked.waiting = 0;
            }
            rare.leftovers = Default::default();
        }
    }

    fn untracked(&self, opened: Direction) -> Option<&Untracked> {
        Some(&self.rare.as_ref()?.untracked[opened as usize])
    }
}
