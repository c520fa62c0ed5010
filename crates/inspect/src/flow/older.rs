//! Which flows that aren't known may be taken up in the middle.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Instant, Limits};

/// How many flows that made room for others are remembered: the last that had each place.
const PLACES: usize = 1 << 16;

/// A flow that isn't known is older than the gateway, was forgotten by it, or is none. The first is for a
/// time after frames may have gone by unseen, the second for those that made room for others.
#[derive(Debug)]
pub(crate) struct Older {
    /// As nanoseconds of [`Instant`]; for ever, as long as nobody knows when what is seen began.
    until: AtomicU64,
    /// Hashes of those that made room; 0 is none. Made when the first of them does.
    evicted: OnceLock<Box<[AtomicU64]>>,
}

impl Older {
    pub(super) fn new() -> Self {
        Self {
            until: AtomicU64::new(Instant::FAR.0),
            evicted: OnceLock::new(),
        }
    }

    /// Until when a flow may have begun unseen.
    pub(crate) fn until(&self) -> Instant {
        Instant(self.until.load(Ordering::Relaxed))
    }

    /// Frames may have gone by unseen until `now`.
    pub(crate) fn lose_sight(&self, now: Instant, limits: &Limits) {
        let until = now + limits.tcp_midstream_grace;
        self.until.store(until.0, Ordering::Relaxed);
    }

    /// Frames may have gone by unseen until the next flow begins.
    pub(crate) fn begin_anew(&self) {
        self.until.store(Instant::FAR.0, Ordering::Relaxed);
    }

    /// A flow that isn't known is met.
    pub(crate) fn note_newcomer(&self, now: Instant, limits: &Limits) {
        if self.until() == Instant::FAR {
            self.lose_sight(now, limits);
        }
    }

    /// A flow that may live on is forgotten.
    pub(super) fn note_evicted(&self, hash: u64) {
        let places = || std::iter::repeat_with(AtomicU64::default).take(PLACES);
        let evicted = self.evicted.get_or_init(|| places().collect());
        evicted[place(hash)].store(hash | 1, Ordering::Relaxed);
    }

    /// Whether a flow was evicted, which is forgotten by this.
    pub(super) fn take_evicted(&self, hash: u64) -> bool {
        self.evicted.get().is_some_and(|evicted| {
            evicted[place(hash)]
                .compare_exchange(hash | 1, 0, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        })
    }
}

fn place(hash: u64) -> usize {
    (hash >> 32) as usize % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_evicted_flow_is_taken_up_once() {
        let older = Older::new();
        let (one, other) = (7 << 32, 8 << 32);
        assert!(!older.take_evicted(one));
        older.note_evicted(one);
        assert!(!older.take_evicted(other));
        assert!(older.take_evicted(one));
        assert!(!older.take_evicted(one));
        // The last one in a place counts.
        older.note_evicted(one);
        older.note_evicted(one | 2);
        assert!(!older.take_evicted(one));
        assert!(older.take_evicted(one | 2));
    }

    #[test]
    fn what_begins_with_the_first_flow_ends_in_time() {
        let limits = Limits::default();
        let older = Older::new();
        assert_eq!(older.until(), Instant::FAR);
        older.note_newcomer(Instant::from_secs(5), &limits);
        let until = Instant::from_secs(5) + limits.tcp_midstream_grace;
        assert_eq!(older.until(), until);
        older.note_newcomer(Instant::from_secs(9), &limits);
        assert_eq!(older.until(), until);
        older.begin_anew();
        assert_eq!(older.until(), Instant::FAR);
    }
}
