//! Flows in the order in which they time out.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::FlowKey;
use crate::Instant;

/// Flows of one class by the time to look at them again.
///
/// That time is set when a flow enters, not with every frame: a flow heard of since is found alive
/// when its time comes and enters again. An entry's time is therefore never later than the flow's
/// true one, and the first entry whose time is true belongs to the flow idle for longest.
#[derive(Debug)]
pub(super) struct Queue {
    order: Mutex<BTreeSet<(Instant, FlowKey)>>,
    /// Time of the first entry, readable without the lock.
    first: AtomicU64,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            order: Mutex::default(),
            first: AtomicU64::new(Instant::FAR.0),
        }
    }

    pub(super) fn insert(&self, due: Instant, key: FlowKey) {
        let mut order = self.lock();
        order.insert((due, key));
        self.note_first(&order);
    }

    pub(super) fn remove(&self, due: Instant, key: FlowKey) {
        let mut order = self.lock();
        order.remove(&(due, key));
        self.note_first(&order);
    }

    /// Takes the first entry, if its time is at or before `until`.
    pub(super) fn pop(&self, until: Instant) -> Option<(Instant, FlowKey)> {
        let mut order = self.lock();
        let first = *order.first()?;
        if first.0 > until {
            return None;
        }
        order.pop_first();
        self.note_first(&order);
        Some(first)
    }

    /// The time of the first entry.
    pub(super) fn first_due(&self) -> Option<Instant> {
        let first = Instant(self.first.load(Ordering::Relaxed));
        (first != Instant::FAR).then_some(first)
    }

    fn note_first(&self, order: &BTreeSet<(Instant, FlowKey)>) {
        let first = order.first().map_or(Instant::FAR, |(due, _)| *due);
        self.first.store(first.0, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<(Instant, FlowKey)>> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(port: u16) -> FlowKey {
        let address = "10.0.0.1".parse().expect("an address");
        FlowKey::new((address, port), (address, 1883), 0, None, 6).0
    }

    #[test]
    fn entries_come_out_by_time_and_not_before_it() {
        let queue = Queue::new();
        assert_eq!(queue.first_due(), None);
        queue.insert(Instant(20), key(2));
        queue.insert(Instant(10), key(1));
        queue.insert(Instant(30), key(3));
        queue.remove(Instant(20), key(2));
        assert_eq!(queue.first_due(), Some(Instant(10)));
        assert_eq!(queue.pop(Instant(9)), None);
        assert_eq!(queue.pop(Instant(10)), Some((Instant(10), key(1))));
        assert_eq!(queue.pop(Instant(29)), None);
        assert_eq!(queue.pop(Instant::FAR), Some((Instant(30), key(3))));
        assert_eq!(queue.first_due(), None);
    }
}
