//! What one holder has, entered under each of its keys.

use std::sync::Arc;

use wire::Direction;

use super::{HolderKeys, Holdings};

/// What is counted. Messages in flight are counted by the direction they travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    Sessions,
    Subscriptions,
    ToServer,
    ToClient,
    Observers,
    Exchanges,
}

impl Slot {
    /// Of messages that travel this way.
    pub(crate) fn in_flight(direction: Direction) -> Self {
        match direction {
            Direction::ToServer => Self::ToServer,
            Direction::ToClient => Self::ToClient,
        }
    }
}

const SLOTS: usize = 6;

/// How much of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Held([u32; SLOTS]);

impl Held {
    pub(crate) fn of(self, slot: Slot) -> u32 {
        self.0[slot as usize]
    }

    pub(crate) fn with(mut self, slot: Slot, number: u32) -> Self {
        self.0[slot as usize] = number;
        self
    }

    pub(super) fn add(&mut self, more: &Self) {
        for (own, more) in self.0.iter_mut().zip(more.0) {
            *own = own.saturating_add(more);
        }
    }

    pub(super) fn take(&mut self, less: &Self) {
        for (own, less) in self.0.iter_mut().zip(less.0) {
            *own = own.saturating_sub(less);
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// What one holder has. Dropped, it gives all of it back.
#[derive(Debug)]
pub(crate) struct Share {
    holdings: Arc<Holdings>,
    /// Of the policy that said what to count by.
    generation: u64,
    keys: HolderKeys,
    held: Held,
    /// Another has taken its place.
    is_over: bool,
}

impl Share {
    /// The share of one who holds nothing yet.
    pub(crate) fn new(holdings: &Arc<Holdings>, generation: u64, keys: HolderKeys) -> Self {
        Self {
            holdings: Arc::clone(holdings),
            generation,
            keys,
            held: Held::default(),
            is_over: false,
        }
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) fn held(&self) -> Held {
        self.held
    }

    pub(super) fn holdings(&self) -> &Arc<Holdings> {
        &self.holdings
    }

    /// Whether another has taken its place.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether its holder is counted under that key.
    pub(crate) fn is_under(&self, key: u128) -> bool {
        !self.is_over && self.keys.contains(&key)
    }

    /// From here on it is counted by these keys.
    pub(crate) fn move_to(&mut self, generation: u64, keys: HolderKeys) {
        let held = self.held;
        self.become_holder_of(Held::default());
        self.keys = keys;
        self.generation = generation;
        self.become_holder_of(held);
    }

    /// So many of one kind are held now.
    pub(crate) fn set(&mut self, slot: Slot, number: u32) {
        if self.held.of(slot) != number {
            self.become_holder_of(self.held.with(slot, number));
        }
    }

    /// Nothing is held any more, whatever its holder may do.
    pub(super) fn end(&mut self) {
        self.become_holder_of(Held::default());
        self.is_over = true;
    }

    fn become_holder_of(&mut self, held: Held) {
        if self.is_over || held == self.held {
            return;
        }
        for key in &self.keys {
            // More first: a total that is in use isn't forgotten on the way.
            self.holdings.add(*key, &held);
            self.holdings.take(*key, &self.held);
        }
        self.held = held;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.end();
    }
}
