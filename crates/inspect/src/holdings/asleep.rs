//! What sessions without a connection have subscribed to, until their client comes back and its server says that the
//! session is still there ([MQTT-3.2.2-2], 5.0 §3.2.2.1.1).
//!
//! Nobody is charged with it meanwhile: whether a server has forgotten the session is known only then. What may have
//! changed unseen counts for nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::filters::{Beyond, FilterKey};
use crate::table::{Aging, SWEEP_ENTRIES, Sweeps, Table};
use crate::{Instant, Limits, Seed};

/// A session is remembered for a week at most.
const REMEMBERED_MAX: Duration = Duration::from_secs(7 * 86_400);
/// For how many filters there is room, for each session that there is room for.
const FILTERS_EACH: usize = 16;

/// What a session leaves behind.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub(super) filters: Box<[FilterKey]>,
    pub(super) beyond: Beyond,
    /// For how long it outlasts its connection.
    pub(super) lasts_s: u32,
    /// When it was heard last, and under which policy.
    pub(super) heard: Instant,
    pub(super) generation: u64,
}

/// All of them. Shared by the workers.
#[derive(Debug)]
pub(super) struct Asleep {
    sessions: Table<u128, Sleeper>,
    totals: Arc<Totals>,
    filters_most: usize,
    sweeps: Sweeps,
    /// Before, sessions may have changed unseen, as nanoseconds of [`Instant`].
    unseen_until: AtomicU64,
    /// The same by the generation of a policy: one before it didn't ask what is held.
    asked_since: AtomicU64,
}

#[derive(Debug, Default)]
struct Sleeper {
    left: Left,
    since: Instant,
    lasts: Duration,
    totals: Arc<Totals>,
}

/// What all that are asleep come to. Who has no filters isn't.
#[derive(Debug, Default)]
struct Totals {
    sessions: AtomicUsize,
    filters: AtomicUsize,
}

impl Asleep {
    pub(super) fn new(limits: &Limits, seed: &Seed) -> Self {
        Self {
            sessions: Table::new(limits.clients, seed.hash_seed("holders asleep")),
            totals: Arc::default(),
            filters_most: limits.clients.saturating_mul(FILTERS_EACH),
            sweeps: Sweeps::new(),
            unseen_until: AtomicU64::new(0),
            asked_since: AtomicU64::new(0),
        }
    }

    /// The connection of the session of that name is over. False if there is no room for what it leaves, or another had
    /// to go for it.
    pub(super) fn put(&self, now: Instant, name: u128, left: Left) -> bool {
        let lasts = Duration::from_secs(left.lasts_s.into()).min(REMEMBERED_MAX);
        if lasts.is_zero() || left.filters.is_empty() {
            self.wake(now, name);
            return true;
        }
        let number = left.filters.len();
        if self.totals.add(number) > self.filters_most {
            self.totals.take(number);
            return false;
        }
        let sleeper = Sleeper {
            left,
            since: now,
            lasts,
            totals: Arc::clone(&self.totals),
        };
        self.sweeps.start(now);
        let enter = |entry: &mut Sleeper| *entry = sleeper;
        let (_, evicted) = self
            .sessions
            .with_or_insert(now, name, Sleeper::default, enter);
        !evicted
    }

    /// A server has accepted a client of that name: what it had left isn't asleep any more.
    pub(super) fn wake(&self, now: Instant, name: u128) -> Option<Left> {
        let wake = |sleeper: &mut Sleeper| std::mem::take(sleeper).into_left();
        match self.sessions.len() {
            0 => None,
            _ => self.sessions.with(now, &name, wake),
        }
    }

    /// How many are asleep.
    pub(super) fn len(&self) -> usize {
        self.totals.sessions.load(Ordering::Relaxed)
    }

    /// Whether what a session has left is still what it has, if it is there.
    pub(super) fn is_sure(&self, left: &Left) -> bool {
        left.heard.0 >= self.unseen_until.load(Ordering::Relaxed)
            && left.generation >= self.asked_since.load(Ordering::Relaxed)
    }

    /// Until `now` sessions may have changed unseen.
    pub(super) fn lose_sight(&self, now: Instant) {
        self.unseen_until.fetch_max(now.0, Ordering::Relaxed);
    }

    /// Before the policy of that generation nobody asked.
    pub(super) fn ask_since(&self, generation: u64) {
        self.asked_since.fetch_max(generation, Ordering::Relaxed);
    }

    /// Forgets sessions that are over, a bounded number of them.
    pub(super) fn handle_timeout(&self, now: Instant) {
        if self.sweeps.is_due(now) {
            let more = self.sessions.sweep(now, SWEEP_ENTRIES);
            self.sweeps.done(now, more);
        }
    }

    /// When [`Asleep::handle_timeout`] has something to do.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.sweeps.next()
    }
}

impl Sleeper {
    fn into_left(mut self) -> Left {
        let left = std::mem::take(&mut self.left);
        self.totals.take(left.filters.len());
        left
    }
}

impl Totals {
    /// A session falls asleep with so many filters. Returns how many there are then.
    fn add(&self, filters: usize) -> usize {
        self.sessions.fetch_add(1, Ordering::Relaxed);
        self.filters.fetch_add(filters, Ordering::Relaxed) + filters
    }

    /// One that had so many isn't asleep any more.
    fn take(&self, filters: usize) {
        if filters > 0 {
            self.sessions.fetch_sub(1, Ordering::Relaxed);
            self.filters.fetch_sub(filters, Ordering::Relaxed);
        }
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.totals.take(self.left.filters.len());
    }
}

impl Aging for Sleeper {
    fn used(&self) -> Instant {
        self.since
    }

    fn lifetime(&self) -> Duration {
        self.lasts
    }

    fn is_established(&self, _: Instant) -> bool {
        false
    }
}
