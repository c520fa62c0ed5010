//! A session's messages in flight by the topics they are on, which others publish to as well.
//!
//! Kept only while a rule counts by topic, and no more of them over all sessions than there may be counters: what
//! there is no room for isn't counted.

use std::sync::atomic::{AtomicUsize, Ordering};

use wire::Direction;

use super::{Held, Holdings, Slot};
use crate::pool::Pool;

/// What all sessions share.
#[derive(Debug)]
pub(super) struct MessageRoom {
    entered: AtomicUsize,
    most: usize,
    buffers: Pool<Message>,
}

impl MessageRoom {
    pub(super) fn new(most: usize) -> Self {
        Self {
            entered: AtomicUsize::new(0),
            most,
            buffers: Pool::default(),
        }
    }

    #[cfg(test)]
    pub(super) fn entered(&self) -> usize {
        self.entered.load(Ordering::Relaxed)
    }

    /// Takes room for one more, if there is any.
    fn take_one(&self) -> bool {
        let has_room = self.entered.fetch_add(1, Ordering::Relaxed) < self.most;
        if !has_room {
            self.give(1);
        }
        has_room
    }

    fn give(&self, number: usize) {
        self.entered.fetch_sub(number, Ordering::Relaxed);
    }
}

/// In order. The buffer is a pooled one, as long as there is any message.
#[derive(Debug, Default)]
pub(super) struct Messages(Vec<Message>);

#[derive(Debug, Clone, Copy)]
struct Message {
    place: Place,
    /// The key of its topic.
    topic: u128,
}

/// What a message is known by: the way it travels, and its packet identifier.
pub(crate) type Place = (Direction, u16);

impl Messages {
    /// This one is in flight on that topic. False if there is no room to count it.
    pub(super) fn enter(&mut self, holdings: &Holdings, place: Place, topic: u128) -> bool {
        let message = Message { place, topic };
        match self.at(place) {
            Ok(at) if self.0[at].topic == topic => return true,
            Ok(at) => {
                holdings.take(self.0[at].topic, &one(place));
                self.0[at] = message;
            }
            Err(_) if !holdings.messages.take_one() => return false,
            Err(at) => {
                self.make_room(holdings);
                self.0.insert(at, message);
            }
        }
        holdings.add(topic, &one(place));
        true
    }

    /// This one isn't in flight any more.
    pub(super) fn leave(&mut self, holdings: &Holdings, place: Place) {
        let Ok(at) = self.at(place) else {
            return;
        };
        let message = self.0.remove(at);
        holdings.take(message.topic, &one(place));
        holdings.messages.give(1);
        if self.0.is_empty() {
            holdings.messages.buffers.give(std::mem::take(&mut self.0));
        }
    }

    /// None is.
    pub(super) fn clear(&mut self, holdings: &Holdings) {
        if self.0.is_empty() {
            return;
        }
        for message in &self.0 {
            holdings.take(message.topic, &one(message.place));
        }
        holdings.messages.give(self.0.len());
        holdings.messages.buffers.give(std::mem::take(&mut self.0));
    }

    /// How many are in flight on that topic.
    pub(super) fn on(&self, topic: u128) -> Held {
        let mut held = Held::default();
        for message in self.0.iter().filter(|message| message.topic == topic) {
            held.add(&one(message.place));
        }
        held
    }

    #[cfg(test)]
    pub(super) fn has_buffer(&self) -> bool {
        self.0.capacity() > 0
    }

    fn make_room(&mut self, holdings: &Holdings) {
        if self.0.len() == self.0.capacity() {
            let buffers = &holdings.messages.buffers;
            let mut larger = buffers.take(self.0.len() + 1);
            larger.append(&mut self.0);
            buffers.give(std::mem::replace(&mut self.0, larger));
        }
    }

    fn at(&self, place: Place) -> Result<usize, usize> {
        let order = |(direction, packet_id): Place| (direction as u8, packet_id);
        self.0
            .binary_search_by_key(&order(place), |message| order(message.place))
    }
}

fn one((direction, _): Place) -> Held {
    Held::default().with(Slot::in_flight(direction), 1)
}
