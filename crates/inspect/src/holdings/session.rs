//! An MQTT session as a holder: itself, the filters it has subscribed to, and what it has in flight.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wire::Direction;
use wire::mqtt::{ControlPacket, Unsubscribe};

use super::asleep::Left;
use super::filters::{FilterKey, Filters};
use super::messages::{Messages, Place};
use super::{Held, HolderKeys, Holdings, Share, Slot};
use crate::Instant;

/// What a session holds. Dropped, it gives all of it back.
#[derive(Debug)]
pub(crate) struct Holder {
    holdings: Arc<Holdings>,
    part: SessionPart,
    /// Its own, once its server has accepted it.
    name: Option<u128>,
}

/// A session's part in what is held, which another session of its name may end.
pub(crate) type SessionPart = Arc<Mutex<Part>>;

#[derive(Debug)]
pub(crate) struct Part {
    share: Share,
    filters: Filters,
    messages: Messages,
    /// For how long the session outlasts its connection.
    lasts_s: u32,
    heard: Instant,
}

/// What is to be told of a session that its server has accepted.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) name: Option<u128>,
    /// Whether it is one that was there before.
    pub(crate) is_resumed: bool,
    /// For how long it outlasts its connection, where that is known.
    pub(crate) lasts_s: u32,
}

impl Holder {
    pub(crate) fn new(holdings: &Arc<Holdings>, generation: u64, keys: HolderKeys) -> Self {
        let part = Part::new(Share::new(holdings, generation, keys));
        Self {
            holdings: Arc::clone(holdings),
            part: Arc::new(Mutex::new(part)),
            name: None,
        }
    }

    /// The generation of the policy that said what to count it by.
    pub(crate) fn generation(&self) -> u64 {
        lock(&self.part).share.generation()
    }

    /// From here on it is counted by these keys, and by topics or not.
    pub(crate) fn move_to(&self, generation: u64, keys: HolderKeys, by_topic: bool) {
        let part = &mut *lock(&self.part);
        part.share.move_to(generation, keys);
        if !by_topic {
            part.messages.clear(part.share.holdings());
        }
    }

    /// Its server has accepted it. It takes up what it held before.
    pub(crate) fn take_name(&mut self, now: Instant, accepted: &Accepted) {
        let Some(name) = accepted.name.filter(|_| self.name.is_none()) else {
            return;
        };
        self.name = Some(name);
        let left = self.holdings.take_name(now, name, &self.part);
        let mut part = lock(&self.part);
        part.lasts_s = accepted.lasts_s;
        if let Some(left) = left.filter(|left| accepted.is_resumed && self.holdings.is_sure(left)) {
            part.lasts_s = part.lasts_s.max(left.lasts_s);
            part.filters.take_up(&left.filters, left.beyond);
            part.count_filters();
        }
    }

    /// So many messages that travel this way are in flight.
    pub(crate) fn set_in_flight(&self, direction: Direction, number: u32) {
        lock(&self.part)
            .share
            .set(Slot::in_flight(direction), number);
    }

    /// A message is in flight on that topic. False if there is no room to count it.
    pub(crate) fn enter_topic(&self, place: Place, topic: u128) -> bool {
        lock(&self.part).enter_topic(place, topic)
    }

    /// It isn't any more.
    pub(crate) fn leave_topic(&self, place: Place) {
        lock(&self.part).leave_topic(place);
    }

    /// What was asked for, and what is in flight, isn't known any more.
    pub(crate) fn lose_track(&mut self) {
        let part = &mut *lock(&self.part);
        part.filters = Filters::default();
        part.messages.clear(part.share.holdings());
        for slot in [Slot::Subscriptions, Slot::ToServer, Slot::ToClient] {
            part.share.set(slot, 0);
        }
    }

    /// Whether it has subscribed to that filter.
    pub(crate) fn has(&self, filter: FilterKey) -> bool {
        lock(&self.part).filters.has(filter)
    }

    /// Whether it unsubscribes from a filter that it goes on with in a shared subscription.
    pub(crate) fn leaves_shared(&self, unsubscribe: &Unsubscribe<'_>) -> bool {
        let filters = &lock(&self.part).filters;
        filters.leaves_shared(&self.holdings, unsubscribe)
    }

    /// Takes note of what subscribes and unsubscribes, of the answer to the former, and of what is said of the end.
    pub(crate) fn note(&mut self, now: Instant, packet: &ControlPacket<'_>) {
        let (holdings, part) = (&self.holdings, &mut *lock(&self.part));
        part.heard = now;
        match packet {
            ControlPacket::Subscribe(subscribe) => part.filters.subscribe(holdings, subscribe),
            ControlPacket::Unsubscribe(unsubscribe) => {
                part.filters.unsubscribe(holdings, unsubscribe);
            }
            ControlPacket::SubAck(ack) => part.filters.settle(ack),
            ControlPacket::Disconnect(disconnect) => {
                // A client may say anew how long its session lasts (5.0 §3.14.2.2.2).
                if let Some(seconds) = disconnect.properties.session_expiry_s() {
                    part.lasts_s = seconds;
                }
                return;
            }
            _ => return,
        }
        part.count_filters();
    }

    /// Its connection is over, which it may outlast. False as [`Asleep::put`](super::asleep::Asleep::put).
    pub(crate) fn fall_asleep(self, now: Instant) -> bool {
        let Some(name) = self.name else {
            return true;
        };
        let left = lock(&self.part).end();
        self.holdings.leave_name(name, &self.part);
        left.is_none_or(|left| self.holdings.asleep.put(now, name, left))
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        if let Some(name) = self.name {
            self.holdings.leave_name(name, &self.part);
        }
        _ = lock(&self.part).end();
    }
}

impl Part {
    /// Of a session that has nothing but itself.
    pub(super) fn new(mut share: Share) -> Self {
        share.set(Slot::Sessions, 1);
        Self {
            share,
            filters: Filters::default(),
            messages: Messages::default(),
            lasts_s: 0,
            heard: Instant::ZERO,
        }
    }

    /// What of it is counted under that key.
    pub(super) fn held_under(&self, key: u128) -> Held {
        match self.share.is_under(key) {
            true => self.share.held(),
            false => self.messages.on(key),
        }
    }

    /// Nothing is held any more, whatever its holder may do. What it leaves behind, unless it did so before.
    pub(super) fn end(&mut self) -> Option<Left> {
        if self.share.is_over() {
            return None;
        }
        self.messages.clear(self.share.holdings());
        self.share.end();
        let filters = std::mem::take(&mut self.filters);
        Some(Left {
            filters: filters.settled(),
            beyond: filters.beyond(),
            lasts_s: self.lasts_s,
            heard: self.heard,
            generation: self.share.generation(),
        })
    }

    pub(super) fn enter_topic(&mut self, place: Place, topic: u128) -> bool {
        let holdings = self.share.holdings();
        self.share.is_over() || self.messages.enter(holdings, place, topic)
    }

    pub(super) fn leave_topic(&mut self, place: Place) {
        self.messages.leave(self.share.holdings(), place);
    }

    #[cfg(test)]
    pub(super) fn share(&mut self) -> &mut Share {
        &mut self.share
    }

    #[cfg(test)]
    pub(super) fn has_message_buffer(&self) -> bool {
        self.messages.has_buffer()
    }

    fn count_filters(&mut self) {
        self.share.set(Slot::Subscriptions, self.filters.len());
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.messages.clear(self.share.holdings());
    }
}

/// A part is consistent after every call, so a panic elsewhere does it no harm.
pub(super) fn lock(part: &SessionPart) -> MutexGuard<'_, Part> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}
