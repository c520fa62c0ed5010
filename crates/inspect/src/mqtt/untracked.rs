//! Exchanges for which there was no room: what waits for an answer that ends it is counted, and once none waits any
//! more, acknowledgements are checked again. A message of QoS 2 has several, of which some may be repeated before
//! 5.0: after one of those without room, nobody knows.

use wire::Direction;
use wire::mqtt::{PacketType, Version};

use super::Session;
use super::inflight::Step;

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
        !is_told && !self.unsure[opened as usize]
    }

    /// An exchange was opened, or its opening repeated, without an entry.
    #[cold]
    pub(super) fn note_untracked(&mut self, first: Step, opened: Direction) {
        let is_counted = self.ends_once(first);
        let is_unsure = &mut self.unsure[opened as usize];
        let untracked = &mut self.rare.get_or_insert_default().untracked[opened as usize];
        let is_counted = is_counted && (!*is_unsure || untracked.waiting > 0);
        untracked.waiting = match is_counted {
            // More than there are identifiers are counted no further.
            true => untracked.waiting.checked_add(1).unwrap_or(0),
            false => 0,
        };
        untracked.is_told |= !*is_unsure;
        *is_unsure = true;
    }

    /// Whether exactly one answer ends what begins with this step, and that can't be one of an earlier connection.
    fn ends_once(&self, first: Step) -> bool {
        !self.has_past
            && match first {
                Step::PubAck | Step::SubAck | Step::UnsubAck => true,
                Step::PubRec => self.version == Version::V5,
                Step::PubRel | Step::PubComp | Step::Anything { .. } => false,
            }
    }

    /// Whether a PUBREL for which there is no entry goes on with a message that is counted.
    pub(super) fn counts_release(&self, opened: Direction) -> bool {
        let waits = self.untracked(opened).is_some_and(|some| some.waiting > 0);
        waits && self.version == Version::V5
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
            PacketType::PubRec => is_error && self.version == Version::V5,
            PacketType::PubComp => self.version == Version::V5,
            _ => false,
        };
        let Some(rare) = self.rare.as_mut().filter(|_| is_last) else {
            return;
        };
        let waiting = &mut rare.untracked[opened as usize].waiting;
        if *waiting > 0 {
            *waiting -= 1;
            self.unsure[opened as usize] = *waiting > 0;
        }
    }

    /// Whether exchanges of this connection may be in flight that weren't seen to begin.
    pub(super) fn set_unsure(&mut self, is_unsure: bool) {
        self.unsure = [is_unsure; 2];
        if let Some(rare) = &mut self.rare {
            for untracked in &mut rare.untracked {
                untracked.waiting = 0;
            }
        }
    }

    fn untracked(&self, opened: Direction) -> Option<&Untracked> {
        Some(&self.rare.as_ref()?.untracked[opened as usize])
    }
}
