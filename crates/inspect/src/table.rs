//! A bounded map shared by the workers: when it is full, an entry that is long idle makes room.
//!
//! A `DashMap` holds the entries. Beside it, each entry has exactly one *record* in a queue, in the
//! order in which entries came or were found busy: making room is popping the front, and an entry used
//! since its record was written goes to the back instead. What somebody vouched for (a validated
//! address, an observation its server granted) stands in a queue of its own, so that a flood of
//! newcomers turns over newcomers only.
//!
//! The queues lie in *lanes*, by a hash of the key, or of whose the entry is: then nobody turns the table over by
//! himself. Room is made in the lane of the newcomer if that holds more than its share, else in one that is
//! crowded.
//!
//! Locks are taken in the order lane, then shard of the map; never the other way round.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dashmap::{DashMap, SharedValue};

use crate::Instant;
use crate::hashing::{Hashing, hashing};

/// How often what is over is looked for, and how many entries of a table at a time.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
pub(crate) const SWEEP_ENTRIES: usize = 8192;

/// When to look again for what is over, as nanoseconds of [`Instant`]; the far future before there was
/// anything to be over.
#[derive(Debug)]
pub(crate) struct Sweeps(AtomicU64);

impl Sweeps {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(Instant::FAR.0))
    }

    /// There is something now.
    #[inline]
    pub(crate) fn start(&self, now: Instant) {
        if self.0.load(Ordering::Relaxed) == Instant::FAR.0 {
            self.0.store((now + SWEEP_INTERVAL).0, Ordering::Relaxed);
        }
    }

    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.0.load(Ordering::Relaxed) <= now.0
    }

    /// One is done; there may be `more` for another at once.
    pub(crate) fn done(&self, now: Instant, more: bool) {
        let pause = if more { Duration::ZERO } else { SWEEP_INTERVAL };
        self.0.store((now + pause).0, Ordering::Relaxed);
    }

    /// When the next is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        let next = Instant(self.0.load(Ordering::Relaxed));
        (next != Instant::FAR).then_some(next)
    }
}

/// What the table asks of its values.
pub(crate) trait Aging {
    /// When it was last used.
    fn used(&self) -> Instant;

    /// How long after its last use it still means something. Among established entries, and among
    /// the others, lifetimes should not differ: those behind a long-lived one are swept after it.
    fn lifetime(&self) -> Duration;

    /// Whether a flood of newcomers must not push it out.
    fn is_established(&self, now: Instant) -> bool;

    /// Whether it is past its lifetime: the same as not being there.
    fn is_over(&self, now: Instant) -> bool {
        self.used() + self.lifetime() <= now
    }
}

/// A bounded map. No lookup finds an entry past its lifetime.
pub(crate) struct Table<K, V> {
    entries: DashMap<K, V, Hashing>,
    lanes: Box<[Mutex<Lane<K>>]>,
    /// A lane that was found crowded.
    crowded: AtomicUsize,
    /// Records in all lanes, by class.
    records: [AtomicUsize; 2],
    len: AtomicUsize,
    capacity: usize,
}

/// The records of a share of the entries.
#[derive(Debug)]
struct Lane<K> {
    newcomers: VecDeque<Record<K>>,
    established: VecDeque<Record<K>>,
}

/// Where an entry stands in the order of eviction.
#[derive(Debug, Clone, Copy)]
struct Record<K> {
    key: K,
    /// When the entry had last been used, as the record was written.
    used: Instant,
}

/// Which entries have to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Demand {
    /// Those that are over.
    Over,
    /// These, and those not used since their record was written.
    Idle,
    /// All.
    Any,
}

/// What is to become of the entry behind a record.
enum Fate<K, V> {
    /// It was over, or had to go although it was alive: then here it is. Its record goes with it.
    Removed(Option<(K, V)>),
    /// It has been used since, or changed its class: this record is the true one.
    Busy(Record<K>, Class),
    /// The record tells the truth.
    Idle,
}

/// The queue an entry's record stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
enum Class {
    Newcomers,
    Established,
}

/// Shards of the map. Fixed, so that nothing depends on the machine.
const SHARDS: usize = 64;
/// Entries a lane should hold before there is another: small tables keep an exact order.
const ENTRIES_PER_LANE: usize = 4096;
const LANES_MAX: usize = 16;
/// The same where lanes are by whose the entries are, so that few share one.
const ENTRIES_PER_OWNERS_LANE: usize = 16;
const OWNERS_LANES_MAX: usize = 256;
/// A lane that holds more than this part of the records makes room for its own newcomers.
const SHARE: usize = 16;
/// For how many entries there is room from the start: what a site of usual size never outgrows. A table that holds
/// fewer at most grows as it fills.
const ENTRIES_PREPARED: usize = 4096;
/// How many busy entries may get a new record before one of them has to go.
const SECOND_CHANCES: usize = 16;

impl<K: Eq + Hash + Copy, V: Aging> Table<K, V> {
    /// A table of at most `capacity` entries (at least one).
    pub(crate) fn new(capacity: usize, hash_seed: u64) -> Self {
        let lanes = (capacity / ENTRIES_PER_LANE).clamp(1, LANES_MAX);
        Self::with_lanes(capacity, lanes, hash_seed)
    }

    /// A table whose entries belong to somebody, who are to have their share of it each.
    pub(crate) fn of_owners(capacity: usize, hash_seed: u64) -> Self {
        let lanes = (capacity / ENTRIES_PER_OWNERS_LANE).clamp(1, OWNERS_LANES_MAX);
        Self::with_lanes(capacity, lanes, hash_seed)
    }

    fn with_lanes(capacity: usize, lanes: usize, hash_seed: u64) -> Self {
        let capacity = capacity.max(1);
        let hasher = hashing(hash_seed);
        let prepared = if capacity < ENTRIES_PREPARED {
            0
        } else {
            ENTRIES_PREPARED
        };
        let lane = || Mutex::new(Lane::new(prepared / lanes));
        Self {
            entries: DashMap::with_capacity_and_hasher_and_shard_amount(prepared, hasher, SHARDS),
            lanes: std::iter::repeat_with(lane).take(lanes).collect(),
            crowded: AtomicUsize::new(0),
            records: Default::default(),
            len: AtomicUsize::new(0),
            capacity,
        }
    }

    /// Entries held, those past their lifetime and not yet swept included.
    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Lends the entry of `key`, if there is one that is not over.
    pub(crate) fn with<R>(
        &self,
        now: Instant,
        key: &K,
        visit: impl FnOnce(&mut V) -> R,
    ) -> Option<R> {
        let hash = self.hash(key);
        let mut shard = self.entries.shards()[self.entries.determine_shard(hash as usize)].write();
        let (_, value) = shard.get_mut(hash, |(known, _)| known == key)?;
        let value = value.get_mut();
        // A result may be large: it is made where it goes.
        if value.is_over(now) {
            return None;
        }
        Some(visit(value))
    }

    /// Lends the entry of `key`, making it with `make` first when there is none that is not over.
    /// The flag tells whether another entry that was not over had to go for it.
    pub(crate) fn with_or_insert<R>(
        &self,
        now: Instant,
        key: K,
        make: impl FnOnce() -> V,
        visit: impl FnOnce(&mut V) -> R,
    ) -> (R, bool) {
        let (result, evicted) = self.with_or_replace(now, key, make, visit);
        (result, evicted.is_some())
    }

    /// As [`Table::with_or_insert`]; what had to go is returned.
    pub(crate) fn with_or_replace<R>(
        &self,
        now: Instant,
        key: K,
        make: impl FnOnce() -> V,
        visit: impl FnOnce(&mut V) -> R,
    ) -> (R, Option<(K, V)>) {
        self.with_or_replace_of(now, key, |hash| hash, make, visit)
    }

    /// As [`Table::with_or_replace`], of somebody's: `owner` tells a keyed hash of whose it is, where the key's own
    /// doesn't stand for that.
    pub(crate) fn with_or_replace_of<R>(
        &self,
        now: Instant,
        key: K,
        owner: impl FnOnce(u64) -> u64,
        make: impl FnOnce() -> V,
        visit: impl FnOnce(&mut V) -> R,
    ) -> (R, Option<(K, V)>) {
        let hash = self.hash(&key);
        let mut shard = self.entries.shards()[self.entries.determine_shard(hash as usize)].write();
        if let Some((_, value)) = shard.get_mut(hash, |(known, _)| *known == key) {
            let value = value.get_mut();
            if value.is_over(now) {
                *value = make();
            }
            return (visit(value), None);
        }
        let mut entry = (key, SharedValue::new(make()));
        let value = entry.1.get_mut();
        let result = visit(value);
        let (used, class) = (value.used(), Class::of(value, now));
        shard.insert(hash, entry, |(known, _)| self.hash(known));
        drop(shard);
        let lane = (owner(hash) >> 32) as usize % self.lanes.len();
        let len = self.len.fetch_add(1, Ordering::Relaxed) + 1;
        let evicted = (len > self.capacity).then(|| self.make_room(now, lane));
        self.push_back(&mut self.lane(lane), class, Record { key, used });
        (result, evicted.flatten())
    }

    /// Forgets entries that are over, looking at about `at_most` of them. Returns whether there may
    /// be more.
    pub(crate) fn sweep(&self, now: Instant, at_most: usize) -> bool {
        let share = (at_most / self.lanes.len()).max(1);
        let mut more = false;
        for lane in &self.lanes {
            let mut lane = lane.lock().unwrap_or_else(PoisonError::into_inner);
            more |= self.sweep_queue(now, &mut lane, Class::Newcomers, share);
            more |= self.sweep_queue(now, &mut lane, Class::Established, share);
        }
        more
    }

    fn sweep_queue(&self, now: Instant, lane: &mut Lane<K>, class: Class, at_most: usize) -> bool {
        for _ in 0..at_most {
            let Some(record) = self.pop_front(lane, class) else {
                return false;
            };
            match self.fate(now, &record, class, Demand::Over) {
                Fate::Removed(_) => {}
                Fate::Busy(record, class) => self.push_back(lane, class, record),
                Fate::Idle => {
                    self.records[class as usize].fetch_add(1, Ordering::Relaxed);
                    lane.queue(class).push_front(record);
                    return false;
                }
            }
        }
        true
    }

    /// Removes one entry for a newcomer to the lane `newcomer`. Returns it if it was still alive.
    fn make_room(&self, now: Instant, newcomer: usize) -> Option<(K, V)> {
        let mut chances = SECOND_CHANCES;
        // A lane whose records have all changed their class is looked through in vain.
        for _ in 0..=self.lanes.len() {
            let class = self.class_to_evict_from();
            let mut lane = self.crowded_lane(class, newcomer)?;
            while let Some(record) = self.pop_front(&mut lane, class) {
                let demand = if chances == 0 {
                    Demand::Any
                } else {
                    Demand::Idle
                };
                match self.fate(now, &record, class, demand) {
                    Fate::Removed(alive) => return alive,
                    Fate::Busy(record, in_class) => {
                        // An entry changes its class rarely; it may be busy as often as it likes.
                        chances -= usize::from(in_class == class);
                        self.push_back(&mut lane, in_class, record);
                    }
                    Fate::Idle => unreachable!("an idle entry has to go"),
                }
            }
        }
        None
    }

    /// Newcomers go first, unless the established hold more than three quarters: whoever manages to
    /// be vouched for must not keep everybody else out for ever.
    fn class_to_evict_from(&self) -> Class {
        let [newcomers, established] =
            [Class::Newcomers, Class::Established].map(|c| self.records(c));
        let quarter = (newcomers + established) / 4;
        if newcomers < quarter.max(1) {
            Class::Established
        } else {
            Class::Newcomers
        }
    }

    /// The lane `newcomer` if it holds more than its share, else one that holds as many as they do on average.
    fn crowded_lane(&self, class: Class, newcomer: usize) -> Option<MutexGuard<'_, Lane<K>>> {
        let records = self.records(class);
        let holds = |lane: usize, least: usize| {
            let mut lane = self.lane(lane);
            (lane.queue(class).len() >= least.max(1)).then_some(lane)
        };
        let share = records / SHARE + 1;
        let average = records.div_ceil(self.lanes.len());
        let begin = self.crowded.load(Ordering::Relaxed);
        let mut others = (begin..begin + self.lanes.len()).map(|lane| lane % self.lanes.len());
        holds(newcomer, share).or_else(|| {
            others.find_map(|lane| {
                let crowded = holds(lane, average)?;
                self.crowded.store(lane, Ordering::Relaxed);
                Some(crowded)
            })
        })
    }

    /// Decides what becomes of the entry behind a record of `class`, and removes it if it has to go.
    fn fate(&self, now: Instant, record: &Record<K>, class: Class, demand: Demand) -> Fate<K, V> {
        let mut is_alive = false;
        let mut fate = Fate::Removed(None);
        let removed = self.entries.remove_if(&record.key, |_, value| {
            if value.is_over(now) {
                return true;
            }
            let (used, in_class) = (value.used(), Class::of(value, now));
            let is_idle = used <= record.used;
            fate = match demand {
                _ if in_class != class => Fate::Busy(Record { used, ..*record }, in_class),
                Demand::Any => Fate::Removed(None),
                Demand::Idle if is_idle => Fate::Removed(None),
                Demand::Over if is_idle => Fate::Idle,
                _ => Fate::Busy(Record { used, ..*record }, in_class),
            };
            is_alive = true;
            matches!(fate, Fate::Removed(_))
        });
        if let Some(removed) = removed {
            self.len.fetch_sub(1, Ordering::Relaxed);
            fate = Fate::Removed(is_alive.then_some(removed));
        }
        fate
    }

    #[inline]
    fn hash(&self, key: &K) -> u64 {
        self.entries.hasher().hash_one(key)
    }

    fn lane(&self, index: usize) -> MutexGuard<'_, Lane<K>> {
        // A lane is consistent after every push and pop, so a panic elsewhere does it no harm.
        self.lanes[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn push_back(&self, lane: &mut Lane<K>, class: Class, record: Record<K>) {
        self.records[class as usize].fetch_add(1, Ordering::Relaxed);
        lane.queue(class).push_back(record);
    }

    fn pop_front(&self, lane: &mut Lane<K>, class: Class) -> Option<Record<K>> {
        let record = lane.queue(class).pop_front()?;
        self.records[class as usize].fetch_sub(1, Ordering::Relaxed);
        Some(record)
    }

    fn records(&self, class: Class) -> usize {
        self.records[class as usize].load(Ordering::Relaxed)
    }
}

impl<K, V> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.len.load(Ordering::Relaxed);
        write!(f, "Table({len} of {} entries)", self.capacity)
    }
}

impl<K> Lane<K> {
    fn new(prepared: usize) -> Self {
        Self {
            newcomers: VecDeque::with_capacity(prepared),
            established: VecDeque::new(),
        }
    }

    fn queue(&mut self, class: Class) -> &mut VecDeque<Record<K>> {
        match class {
            Class::Newcomers => &mut self.newcomers,
            Class::Established => &mut self.established,
        }
    }
}

impl Class {
    fn of(value: &impl Aging, now: Instant) -> Self {
        if value.is_established(now) {
            Self::Established
        } else {
            Self::Newcomers
        }
    }
}

#[cfg(test)]
mod tests;
