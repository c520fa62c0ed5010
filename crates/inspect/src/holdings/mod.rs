//! What clients hold at once, for the rules with a `max`: sessions, subscriptions, messages in flight,
//! observations, exchanges. What a session has subscribed to is followed also where a rule asks for
//! [`Reason::MQTT_SESSION_STILL_SHARED`](policy::Reason::MQTT_SESSION_STILL_SHARED).
//!
//! Everything held is some [`Share`]'s, which belongs to the session or exchange itself: it goes where that
//! goes, whether it was closed, timed out or evicted, and takes back what it has entered. The totals by key
//! are what the shares say together, so they are as many as there are flows and exchanges, which are
//! bounded; a total that has come to nothing is forgotten.
//!
//! No rule's id is in a key: what is held doesn't depend on who asks, and survives a reload. A share that
//! was entered under another policy is entered anew when its holder is heard next.
//!
//! Two things belong to more than their holder: a message in flight to all who use its topic
//! ([`messages`]), and what a session has subscribed to, to the session's next connection ([`asleep`]).
//!
//! Two messages that are judged at the very same time by two workers may both find room.

mod asleep;
mod filters;
mod messages;
mod room;
mod session;
mod share;

use std::sync::Arc;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use policy::{Apart, Per, Policy, Subject};
use smallvec::SmallVec;
use wire::Direction;

use crate::flow::FlowKey;
use crate::hashing::{Hashing, hashing};
use crate::metering::Keys;
use crate::{Instant, Limits, Seed};

use asleep::{Asleep, Left};
pub(crate) use filters::FilterKey;
use messages::MessageRoom;
pub(crate) use messages::Place;
pub(crate) use room::Room;
use session::lock;
pub(crate) use session::{Accepted, Holder, SessionPart};
pub(crate) use share::{Held, Share, Slot};

/// The keys of one holder: one for each that rules count by.
pub(crate) type HolderKeys = SmallVec<[u128; 2]>;

/// Shards of the maps. Fixed, so that nothing depends on the machine.
const SHARDS: usize = 64;

/// All that is held. Shared by the workers.
#[derive(Debug)]
pub(crate) struct Holdings {
    totals: DashMap<u128, Held, Hashing>,
    /// The live session of a client identifier at a server.
    named: DashMap<u128, SessionPart, Hashing>,
    messages: MessageRoom,
    asleep: Asleep,
    keys: Keys,
}

impl Holdings {
    /// Draws its keys from `seed`, by purposes of its own.
    pub(crate) fn new(limits: &Limits, seed: &Seed) -> Self {
        let map_seed = |purpose| hashing(seed.hash_seed(purpose));
        Self {
            totals: DashMap::with_hasher_and_shard_amount(map_seed("holdings"), SHARDS),
            named: DashMap::with_hasher_and_shard_amount(map_seed("holders"), SHARDS),
            messages: MessageRoom::new(limits.meters),
            asleep: Asleep::new(limits, seed),
            keys: Keys::new(seed, "holdings keys"),
        }
    }

    /// How many totals there are.
    pub(crate) fn len(&self) -> usize {
        self.totals.len()
    }

    /// How many sessions without a connection are remembered.
    pub(crate) fn asleep(&self) -> usize {
        self.asleep.len()
    }

    /// What is held under a key.
    pub(crate) fn total(&self, key: u128) -> Held {
        self.totals.get(&key).map(|held| *held).unwrap_or_default()
    }

    /// The key of who holds what `subject` opens, counted `apart`: the source is the client, whoever speaks.
    pub(crate) fn key(
        &self,
        policy: &Policy,
        apart: Apart,
        subject: &Subject<'_>,
        flow: &FlowKey,
    ) -> Option<u128> {
        let per = match (apart.per, subject.direction) {
            (Per::Source, Direction::ToClient) => Per::Destination,
            (Per::Destination, Direction::ToClient) => Per::Source,
            (per, _) => per,
        };
        let purpose = u64::from(apart.ipv6_prefix.bits()) << 8 | apart.per as u64;
        let counted = Apart { per, ..apart };
        self.keys.key(policy, purpose, counted, subject, flow)
    }

    /// All keys of a holder. A topic is none: it is its messages'.
    pub(crate) fn keys(
        &self,
        policy: &Policy,
        subject: &Subject<'_>,
        flow: &FlowKey,
    ) -> HolderKeys {
        let all = policy.held_per().iter();
        all.filter(|apart| apart.per != Per::Topic)
            .filter_map(|apart| self.key(policy, *apart, subject, flow))
            .collect()
    }

    /// The key of a session's name, if it has one.
    pub(crate) fn name(
        &self,
        policy: &Policy,
        subject: &Subject<'_>,
        flow: &FlowKey,
    ) -> Option<u128> {
        self.keys
            .key(policy, u64::MAX, Per::ClientId.into(), subject, flow)
    }

    /// What stands for a filter.
    pub(crate) fn filter_key(&self, filter: &str) -> FilterKey {
        FilterKey::of(self, filter)
    }

    fn hash(&self, text: &str) -> u64 {
        self.keys.hash(text)
    }

    /// The live session of a name.
    pub(crate) fn named(&self, name: u128) -> Option<SessionPart> {
        self.named.get(&name).map(|part| Arc::clone(&part))
    }

    /// Until `now` frames may have gone by unseen.
    pub(crate) fn lose_sight(&self, now: Instant) {
        self.asleep.lose_sight(now);
    }

    /// A policy takes the place of another: what happens while nobody asks isn't known to who asks later.
    pub(crate) fn install(&self, old: &Policy, new: &Policy, generation: u64) {
        if !old.follows_filters() || !new.follows_filters() {
            self.asleep.ask_since(generation);
        }
    }

    /// Forgets what is over, a bounded amount of it.
    pub(crate) fn handle_timeout(&self, now: Instant) {
        self.asleep.handle_timeout(now);
    }

    /// When [`Holdings::handle_timeout`] has something to do, and what.
    pub(crate) fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let next = self.asleep.poll_timeout();
        next.map(|next| (next, "sessions without a connection"))
    }

    /// A session takes a name: whoever held it is ended by its server ([MQTT-3.1.4-2], 5.0
    /// [MQTT-3.1.4-3]), and holds nothing from here on. What was held under the name last, if anything was.
    fn take_name(&self, now: Instant, name: u128, part: &SessionPart) -> Option<Left> {
        let asleep = self.asleep.wake(now, name);
        let earlier = self.named.insert(name, Arc::clone(part));
        let ended = earlier.filter(|earlier| !Arc::ptr_eq(earlier, part));
        ended.and_then(|ended| lock(&ended).end()).or(asleep)
    }

    /// Whether what a session has left is still what it has, if its server knows it.
    fn is_sure(&self, left: &Left) -> bool {
        self.asleep.is_sure(left)
    }

    /// The session is over.
    fn leave_name(&self, name: u128, part: &SessionPart) {
        self.named
            .remove_if(&name, |_, holder| Arc::ptr_eq(holder, part));
    }

    fn add(&self, key: u128, more: &Held) {
        match self.totals.entry(key) {
            Entry::Occupied(mut total) => total.get_mut().add(more),
            Entry::Vacant(room) => {
                room.insert(*more);
            }
        }
    }

    fn take(&self, key: u128, less: &Held) {
        if let Entry::Occupied(mut total) = self.totals.entry(key) {
            total.get_mut().take(less);
            if total.get().is_nothing() {
                total.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests;
