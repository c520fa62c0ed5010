//! What clients hold at once, for the rules with a `max`: sessions, subscriptions, messages in flight,
//! observations, exchanges.
//!
//! Everything held is some [`Share`]'s, which belongs to the session or exchange itself: it goes where that
//! goes, whether it was closed, timed out or evicted, and takes back what it has entered. The totals by key
//! are what the shares say together, so they are as many as there are flows and exchanges, which are
//! bounded; a total that has come to nothing is forgotten.
//!
//! No rule's id is in a key: what is held doesn't depend on who asks, and survives a reload. A share that
//! was entered under another policy is entered anew when its holder is heard next.
//!
//! Two messages that are judged at the very same time by two workers may both find room.

mod room;
mod session;
mod share;

use std::sync::{Arc, Mutex, PoisonError};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use policy::{Apart, Per, Policy, Subject};
use smallvec::SmallVec;
use wire::Direction;

use crate::Seed;
use crate::flow::FlowKey;
use crate::hashing::{Hashing, hashing};
use crate::metering::Keys;

pub(crate) use room::Room;
pub(crate) use session::Holder;
pub(crate) use share::{Held, Share, Slot};

/// The keys of one holder: one for each that rules count by.
pub(crate) type HolderKeys = SmallVec<[u128; 2]>;

/// Shards of the maps. Fixed, so that nothing depends on the machine.
const SHARDS: usize = 64;

/// The share of a session, which another session of its name may end.
pub(crate) type SessionShare = Arc<Mutex<Share>>;

/// All that is held. Shared by the workers.
#[derive(Debug)]
pub(crate) struct Holdings {
    totals: DashMap<u128, Held, Hashing>,
    /// The live session of a client identifier at a server.
    named: DashMap<u128, SessionShare, Hashing>,
    keys: Keys,
}

impl Holdings {
    /// Draws its keys from `seed`, by purposes of its own.
    pub(crate) fn new(seed: &Seed) -> Self {
        let map_seed = |purpose| hashing(seed.hash_seed(purpose));
        Self {
            totals: DashMap::with_hasher_and_shard_amount(map_seed("holdings"), SHARDS),
            named: DashMap::with_hasher_and_shard_amount(map_seed("holders"), SHARDS),
            keys: Keys::new(seed, "holdings keys"),
        }
    }

    /// How many totals there are.
    pub(crate) fn len(&self) -> usize {
        self.totals.len()
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

    /// All keys of a holder.
    pub(crate) fn keys(
        &self,
        policy: &Policy,
        subject: &Subject<'_>,
        flow: &FlowKey,
    ) -> HolderKeys {
        let all = policy.held_per().iter();
        all.filter_map(|apart| self.key(policy, *apart, subject, flow))
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
    pub(crate) fn hash(&self, filter: &str) -> u64 {
        self.keys.hash(filter)
    }

    /// The live session of a name.
    pub(crate) fn named(&self, name: u128) -> Option<SessionShare> {
        self.named.get(&name).map(|share| Arc::clone(&share))
    }

    /// A session takes a name: whoever held it is ended by its server ([MQTT-3.1.4-2], 5.0
    /// [MQTT-3.1.4-3]), and holds nothing from here on.
    fn take_name(&self, name: u128, share: &SessionShare) {
        let earlier = self.named.insert(name, Arc::clone(share));
        if let Some(earlier) = earlier.filter(|earlier| !Arc::ptr_eq(earlier, share)) {
            lock(&earlier).end();
        }
    }

    /// The session is over.
    fn leave_name(&self, name: u128, share: &SessionShare) {
        self.named
            .remove_if(&name, |_, holder| Arc::ptr_eq(holder, share));
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

/// A share is consistent after every call, so a panic elsewhere does it no harm.
pub(crate) fn lock(share: &SessionShare) -> std::sync::MutexGuard<'_, Share> {
    share.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
