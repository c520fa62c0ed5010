//! Which flows that aren't known may be taken up in the middle.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Instant, Limits};

/// How many flows that made room for others are remembered: the last that had each place.
const PLACES: usize = 1 << 16;
/// The other bits of a place belong to the hash of the last flow it was given.
const HASH: u64 = !3;
/// That flow made room, and wasn't met again.
const EVICTED: u64 = 1;
/// Others of the same place that made room aren't remembered by name, or had been denied.
const OTHERS: u64 = 2;

/// A flow that isn't known is older than the gateway, was forgotten by it, or is none. The first is for a
/// time after frames may have gone by unseen, the second for those that made room for others.
#[derive(Debug)]
pub(crate) struct Older {
    /// As nanoseconds of [`Instant`]; for ever, as long as nobody knows when what is seen began.
    until: AtomicU64,
    /// Those that made room; 0 is none. Made when the first of them does.
    evicted: OnceLock<Box<[AtomicU64]>>,
}

/// What a flow may be that isn't known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// It may have begun unseen.
    Older,
    /// It was seen to begin, or may have been, and made room for others: who could have his own forgotten
    /// and then be taken for older than the gateway would go on unread.
    Evicted,
    /// Neither.
    Nothing,
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
        let old = self.place(hash).load(Ordering::Relaxed);
        let is_taken = old & EVICTED != 0 && (old ^ hash) & HASH != 0;
        let others = if is_taken { OTHERS } else { old & OTHERS };
        self.place(hash)
            .store(hash & HASH | EVICTED | others, Ordering::Relaxed);
    }

    /// A flow is forgotten that was denied, which an end may not know.
    pub(super) fn note_denied(&self, hash: u64) {
        self.place(hash).fetch_or(OTHERS, Ordering::Relaxed);
    }

    /// What a flow is that isn't known.
    pub(super) fn judge(&self, hash: u64, now: Instant) -> Unknown {
        let place = match self.evicted.get() {
            Some(evicted) => evicted[place(hash)].load(Ordering::Relaxed),
            None => 0,
        };
        let is_evicted = place & EVICTED != 0 && (place ^ hash) & HASH == 0;
        match now < self.until() {
            _ if is_evicted => Unknown::Evicted,
            true if place & OTHERS != 0 => Unknown::Evicted,
            true => Unknown::Older,
            false => Unknown::Nothing,
        }
    }

    /// A flow that made room is met again.
    pub(super) fn note_met(&self, hash: u64) {
        if let Some(evicted) = self.evicted.get() {
            let place = &evicted[place(hash)];
            let old = place.load(Ordering::Relaxed);
            if (old ^ hash) & HASH == 0 {
                place.store(old & !EVICTED, Ordering::Relaxed);
            }
        }
    }

    fn place(&self, hash: u64) -> &AtomicU64 {
        let places = || std::iter::repeat_with(AtomicU64::default).take(PLACES);
        let evicted = self.evicted.get_or_init(|| places().collect());
        &evicted[place(hash)]
    }
}

fn place(hash: u64) -> usize {
    (hash >> 32) as usize % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_evicted_flow_is_never_an_older_one() {
        let (older, limits) = (Older::new(), Limits::default());
        let start = Instant::from_secs(5);
        older.lose_sight(start, &limits);
        let (one, same_place, elsewhere) = (7 << 32, 7 << 32 | 4, 8 << 32);
        assert_eq!(older.judge(one, start), Unknown::Older);
        older.note_evicted(one);
        assert_eq!(older.judge(one, start), Unknown::Evicted);
        assert_eq!(older.judge(same_place, start), Unknown::Older);
        // Nor once others have its place.
        older.note_evicted(same_place);
        for hash in [one, same_place] {
            assert_eq!(older.judge(hash, start), Unknown::Evicted);
        }
        assert_eq!(older.judge(elsewhere, start), Unknown::Older);
        older.note_denied(elsewhere);
        assert_eq!(older.judge(elsewhere, start), Unknown::Evicted);

        let later = start + limits.tcp_midstream_grace;
        let judged = [one, same_place, elsewhere].map(|hash| older.judge(hash, later));
        let (evicted, nothing) = (Unknown::Evicted, Unknown::Nothing);
        assert_eq!(judged, [nothing, evicted, nothing], "the last of a place");
        older.note_met(same_place);
        assert_eq!(older.judge(same_place, later), nothing);
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
