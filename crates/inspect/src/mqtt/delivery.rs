//! Deliveries and requests against what is in flight: an acknowledgement belongs to an exchange that
//! waits for it, and an identifier to one exchange at a time (MQTT 5.0 §2.2.1, §4.3, §4.9).
//!
//! Silent where legal peers can't be told from others: for messages that an earlier connection of
//! the same session left open, while some wait for which there was no room, and once any packet of the connection
//! went by unread.

use policy::Reason;
use wire::Direction;
use wire::mqtt::{ControlPacket, PacketType, Version};

use super::Session;
use super::inflight::{ANY_COUNT, AskedQos, Entry, Step};
use super::untracked::Unseen;
use crate::holdings::Place;
use crate::pool::Pool;

/// What a control packet does to an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// Opens one, or repeats its opening.
    Open {
        step: Step,
        filters: u16,
        asked: AskedQos,
        is_repeat: bool,
    },
    /// Takes it a step further. `codes` is a count of filters' codes.
    Go {
        packet_type: PacketType,
        codes: u16,
        is_error: bool,
    },
}

/// An act, the identifier it is about, and the direction its exchange was opened in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Move {
    act: Act,
    packet_id: u16,
    opened: Direction,
}

impl Move {
    #[inline]
    fn of(packet: &ControlPacket<'_>, direction: Direction) -> Option<Self> {
        // Who numbers packets 0 numbers them all alike: there is nothing to be told by it.
        let packet_id = packet.packet_id().filter(|id| *id != 0)?;
        Self::of_numbered(packet, packet_id, direction)
    }

    fn of_numbered(
        packet: &ControlPacket<'_>,
        packet_id: u16,
        direction: Direction,
    ) -> Option<Self> {
        let open = |step, filters: usize, is_repeat| Act::Open {
            step,
            filters: counted(filters),
            asked: AskedQos::default(),
            is_repeat,
        };
        let go = |codes: usize, is_error| Act::Go {
            packet_type: packet.packet_type(),
            codes: counted(codes),
            is_error,
        };
        let act = match packet {
            ControlPacket::Publish(publish) => open(Step::of_publish(publish.qos)?, 0, publish.dup),
            ControlPacket::Subscribe(subscribe) => Act::Open {
                step: Step::SubAck,
                filters: counted(subscribe.subscriptions().count()),
                asked: AskedQos::of(subscribe.subscriptions().map(|asked| asked.qos)),
                is_repeat: false,
            },
            ControlPacket::Unsubscribe(unsubscribe) => {
                open(Step::UnsubAck, unsubscribe.filters().count(), false)
            }
            ControlPacket::PubAck(ack)
            | ControlPacket::PubRec(ack)
            | ControlPacket::PubRel(ack)
            | ControlPacket::PubComp(ack) => go(0, ack.reason_code.is_error()),
            ControlPacket::SubAck(ack) | ControlPacket::UnsubAck(ack) => {
                go(ack.reason_codes().len(), false)
            }
            _ => return None,
        };
        let by_opener =
            matches!(act, Act::Open { .. }) || packet.packet_type() == PacketType::PubRel;
        Some(Self {
            act,
            packet_id,
            opened: match by_opener {
                true => direction,
                false => direction.reverse(),
            },
        })
    }
}

/// The direction and the identifier of the exchange that a packet is a part of.
pub(super) fn exchange_of(packet: &ControlPacket<'_>, direction: Direction) -> Option<Place> {
    Move::of(packet, direction).map(|step| (step.opened, step.packet_id))
}

/// A count of filters or of their codes, as an entry keeps it.
fn counted(filters: usize) -> u16 {
    u16::try_from(filters).unwrap_or(ANY_COUNT)
}

impl Session {
    /// What a packet's identifier has against it.
    #[inline]
    pub(super) fn check_delivery(
        &self,
        packet: &ControlPacket<'_>,
        direction: Direction,
    ) -> Option<Reason> {
        let step = Move::of(packet, direction)?;
        self.check_move(step)
            .or_else(|| self.check_granted(packet, &step))
    }

    /// Whether a SUBACK grants more than its SUBSCRIBE asked for.
    fn check_granted(&self, packet: &ControlPacket<'_>, step: &Move) -> Option<Reason> {
        let ControlPacket::SubAck(suback) = packet else {
            return None;
        };
        let entry = self.entry(step).filter(|_| self.framers.are_read())?;
        let is_raised =
            entry.step == Step::SubAck && entry.asked.are_exceeded(suback.reason_codes());
        is_raised.then_some(Reason::MQTT_SESSION_GRANTED_ABOVE_ASKED)
    }

    fn check_move(&self, step: Move) -> Option<Reason> {
        if !self.framers.are_read() {
            return None;
        }
        let entry = self.entry(&step);
        match step.act {
            Act::Open {
                step: first,
                is_repeat,
                ..
            } => match entry {
                Some(_) if self.may_be_believed_over(step.packet_id, step.opened) => None,
                Some(entry) => check_reuse(&entry, first, is_repeat, self.version),
                None if is_repeat && self.repeats_nothing(step.opened) => {
                    Some(Reason::MQTT_PACKET_ID_RESENT)
                }
                None => self.check_window(first, step.opened),
            },
            Act::Go {
                packet_type, codes, ..
            } => {
                let fault = check_step(entry.as_ref(), packet_type, codes, self.version)?;
                let is_sure = !self.is_unsure(packet_type, step.opened);
                (is_sure || fault == Reason::MQTT_ACK_CODE_COUNT).then_some(fault)
            }
        }
    }

    /// Whether nothing may be repeated that isn't in flight: 5.0 repeats what another connection left alone, and the
    /// session has no past. A client may learn that from the CONNACK, which can have crossed what it repeats.
    fn repeats_nothing(&self, opened: Direction) -> bool {
        self.version == Version::V5
            && self.unseen[opened as usize] == Unseen::Nothing
            && (opened == Direction::ToClient || self.terms.starts_clean())
    }

    /// Whether the receiver takes one more message at once. Said once of a connection: who doesn't keep to it
    /// breaks it with every message.
    fn check_window(&self, first: Step, opened: Direction) -> Option<Reason> {
        let is_news = self.is_full(first, opened) && !self.terms.has_hurried(opened);
        is_news.then_some(Reason::MQTT_FLOW_CONTROL_RECEIVE_MAXIMUM)
    }

    fn is_full(&self, first: Step, opened: Direction) -> bool {
        let is_message = matches!(first, Step::PubAck | Step::PubRec);
        is_message && self.in_flight.messages(opened) >= self.terms.receive_maximum(opened)
    }

    /// Whether there is no room for what a packet begins among `most`, so that from it on acknowledgements
    /// aren't checked. Said once of a connection's direction.
    #[inline]
    pub(super) fn check_room(
        &self,
        packet: &ControlPacket<'_>,
        direction: Direction,
        most: usize,
    ) -> Option<Reason> {
        // Whoever begins something has it in flight in its own direction.
        if self.in_flight.count(direction) < most || !self.framers.are_read() {
            return None;
        }
        let step = Move::of(packet, direction)?;
        let is_short = step.opened == direction
            && self.entry(&step).is_none()
            && !self.in_flight.has_leftover(direction)
            && self.is_first_untracked(direction);
        is_short.then_some(Reason::LIMITS_IN_FLIGHT)
    }

    /// Whether an acknowledgement of what was opened this way may belong to something that wasn't seen to begin. Of
    /// an earlier connection, that is a message: requests end with theirs.
    fn is_unsure(&self, packet_type: PacketType, opened: Direction) -> bool {
        let is_of_request = matches!(packet_type, PacketType::SubAck | PacketType::UnsubAck);
        match self.unseen[opened as usize] {
            Unseen::Nothing => false,
            Unseen::Messages => !is_of_request,
            Unseen::Anything => true,
        }
    }

    fn entry(&self, step: &Move) -> Option<Entry> {
        let known = self.in_flight.entry(step.opened, step.packet_id);
        known
            .copied()
            .or_else(|| self.leftover(step.packet_id, step.opened))
    }

    /// Takes note of a packet's identifier. False if there is no room for one more than `most`.
    #[inline]
    pub(super) fn note_delivery(
        &mut self,
        packet: &ControlPacket<'_>,
        direction: Direction,
        most: usize,
        pool: &Pool<Entry>,
    ) -> bool {
        match Move::of(packet, direction) {
            Some(step) => self.note_move(step, most, pool),
            None => true,
        }
    }

    fn note_move(&mut self, step: Move, most: usize, pool: &Pool<Entry>) -> bool {
        if !self.framers.are_read() {
            return true;
        }
        let old = self.entry(&step);
        self.forget_leftover(step.packet_id, step.opened);
        let unseen = self.unseen[step.opened as usize];
        let new = match step.act {
            // It may belong to an earlier connection, whose steps weren't all seen.
            Act::Open {
                is_repeat: true,
                step: first,
                ..
            } if unseen == Unseen::Anything && old.is_none() => {
                self.note_untracked(first, step.opened);
                return true;
            }
            Act::Open {
                step: first,
                filters,
                asked,
                is_repeat,
            } => {
                let opening = Entry {
                    packet_id: step.packet_id,
                    count: filters,
                    step: first,
                    asked,
                };
                let is_late =
                    is_repeat && (self.version != Version::V5 || unseen == Unseen::Messages);
                if old.is_none() && self.is_full(first, step.opened) {
                    self.terms.note_hurry(step.opened);
                }
                Some(match old {
                    Some(old) => old.reused(opening),
                    // Before 5.0 it may be the repetition of one whose end its sender hasn't heard of yet.
                    None if is_late => opening.late(),
                    None => opening,
                })
            }
            Act::Go {
                packet_type,
                is_error,
                ..
            } => match old {
                Some(entry) => entry.advanced(packet_type, is_error),
                // It is answered whatever its receiver knows of it (§4.3.3).
                None if packet_type == PacketType::PubRel && !self.counts_release(step.opened) => {
                    Some(Entry {
                        packet_id: step.packet_id,
                        count: 1,
                        step: Step::Anything { is_message: false },
                        asked: AskedQos::default(),
                    })
                }
                None => {
                    let takes_up =
                        packet_type == PacketType::PubRec && self.counts_receipt(step.opened);
                    self.note_answered(packet_type, is_error, step.opened);
                    if !takes_up {
                        return true;
                    }
                    Some(Entry {
                        packet_id: step.packet_id,
                        count: 0,
                        step: Step::PubRel,
                        asked: AskedQos::default(),
                    })
                }
            },
        };
        let Some(entry) = new else {
            if old.is_some_and(|old| matches!(old.step, Step::Anything { .. })) {
                self.note_answered_often(step.packet_id, step.opened);
            }
            self.in_flight.remove(step.opened, step.packet_id, pool);
            return true;
        };
        let mut fits = self.in_flight.put(step.opened, entry, most, pool);
        if !fits {
            self.make_room(step.opened);
            fits = self.in_flight.put(step.opened, entry, most, pool);
        }
        if !fits {
            self.note_untracked(entry.step, step.opened);
        }
        fits
    }
}

/// What is wrong with opening an exchange whose identifier is in flight.
fn check_reuse(entry: &Entry, first: Step, is_repeat: bool, version: Version) -> Option<Reason> {
    let is_same = match entry.step {
        Step::Anything { .. } => return None,
        Step::PubRel => first == Step::PubRec,
        step => step == first,
    };
    // 3.1 sends any packet again that asks for an answer, and only PUBLISH says so in every version.
    let is_request = matches!(first, Step::SubAck | Step::UnsubAck);
    match (
        is_same,
        is_repeat || (is_request && version == Version::V31),
    ) {
        (true, true) if version == Version::V5 => Some(Reason::MQTT_PACKET_ID_RESENT),
        (true, true) => None,
        _ => Some(Reason::MQTT_PACKET_ID_IN_USE),
    }
}

/// What is wrong with an acknowledgement of `entry`.
fn check_step(
    entry: Option<&Entry>,
    packet_type: PacketType,
    codes: u16,
    version: Version,
) -> Option<Reason> {
    use PacketType::{PubAck, PubComp, PubRec, PubRel, SubAck, UnsubAck};
    let Some(entry) = entry else {
        return match packet_type {
            // Before 5.0 it may be repeated until its answer is heard.
            PubRel => (version == Version::V5).then_some(Reason::MQTT_ACK_UNKNOWN_RELEASE),
            _ => Some(Reason::MQTT_ACK_UNKNOWN_PACKET_ID),
        };
    };
    let fits = match (entry.step, packet_type) {
        (Step::Anything { .. }, _)
        | (Step::PubAck, PubAck)
        | (Step::PubRec, PubRec)
        | (Step::PubRel, PubRel)
        | (Step::PubComp, PubComp)
        | (Step::SubAck, SubAck)
        | (Step::UnsubAck, UnsubAck) => true,
        // Before 5.0 either end may repeat these when it has waited for too long.
        (Step::PubRel, PubRec) | (Step::PubComp, PubRec | PubRel) => version != Version::V5,
        _ => false,
    };
    if !fits {
        return Some(Reason::MQTT_ACK_WRONG_STEP);
    }
    let counts = packet_type == SubAck || (packet_type == UnsubAck && version == Version::V5);
    let differs = counts && entry.count != ANY_COUNT && entry.count != codes;
    let is_known = !matches!(entry.step, Step::Anything { .. });
    (differs && is_known).then_some(Reason::MQTT_ACK_CODE_COUNT)
}
