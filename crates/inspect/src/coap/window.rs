//! A sliding window over the bytes that came from a client and went towards it.
//!
//! It leans to the safe side. A window is a ring of granules: what came from the client counts only
//! as long as its whole granule is inside the window, what went towards it until its whole granule is
//! outside. So at any time, what went out in the true window is no more than the books say, and what
//! came in no less.

use std::time::Duration;

use super::budget::{Balance, Entry};
use crate::Instant;

/// Granules of a window; one more is kept, the one that is only partly inside.
pub(super) const GRANULES: u64 = 16;
const SLOTS: usize = GRANULES as usize + 1;

/// Whether what came from a client `at` a time counts no more in a window of that length.
pub(super) fn has_left(length: Duration, at: Instant, now: Instant) -> bool {
    let granule_ns = granule_ns(length);
    (now.0 / granule_ns).saturating_sub(at.0 / granule_ns) >= GRANULES
}

fn granule_ns(length: Duration) -> u64 {
    (length.as_nanos() as u64 / GRANULES).max(1)
}

/// A sliding window over what came and went.
#[derive(Debug, Clone)]
pub(super) struct Window {
    pub(super) length: Duration,
    granule_ns: u64,
    /// The latest granule in the rings, counted from the epoch of [`Instant`].
    head: u64,
    /// Its slot, and that of the oldest: the granule that is only partly inside.
    slots: [u8; 2],
    /// When the next one begins.
    head_until: Instant,
    received: Ring,
    sent: Ring,
}

impl Window {
    pub(super) fn new(length: Duration) -> Self {
        let granule_ns = granule_ns(length);
        Self {
            length,
            granule_ns,
            head: 0,
            slots: [0, 1],
            head_until: Instant(granule_ns),
            received: Ring::default(),
            sent: Ring::default(),
        }
    }

    pub(super) fn enter(&mut self, now: Instant, entry: Entry, bytes: u32) -> Balance {
        if now >= self.head_until {
            self.advance(now.0 / self.granule_ns);
        }
        let [slot, oldest] = self.slots.map(usize::from);
        match entry {
            Entry::Credit | Entry::Overdue(_) => self.received.add(slot, bytes),
            Entry::Charge => self.sent.add(slot, bytes),
            Entry::Refund => self.sent.subtract(slot, bytes),
        }
        let partly_inside = self.received.slots[oldest];
        Balance {
            received: self.received.total - u64::from(partly_inside),
            sent: self.sent.total,
        }
    }

    /// Empties the slots between the latest granule and this one. A clock that is behind another
    /// worker's never comes here: its bytes go to the latest granule.
    fn advance(&mut self, granule: u64) {
        let passed = granule - self.head;
        for step in 1..=passed.min(SLOTS as u64) {
            let slot = slot(self.head + step).into();
            self.received.clear(slot);
            self.sent.clear(slot);
        }
        self.head = granule;
        self.slots = [slot(granule), slot(granule + 1)];
        self.head_until = Instant(granule.saturating_add(1).saturating_mul(self.granule_ns));
    }
}

/// Bytes by granule, and their sum. A slot is full at 4 GiB: 9 Gbit/s to one client, if a window
/// lasts a minute.
#[derive(Debug, Clone, Default)]
struct Ring {
    slots: [u32; SLOTS],
    total: u64,
}

impl Ring {
    fn add(&mut self, slot: usize, bytes: u32) {
        let sum = self.slots[slot].saturating_add(bytes);
        self.set(slot, sum);
    }

    fn subtract(&mut self, slot: usize, bytes: u32) {
        let difference = self.slots[slot].saturating_sub(bytes);
        self.set(slot, difference);
    }

    fn clear(&mut self, slot: usize) {
        self.set(slot, 0);
    }

    fn set(&mut self, slot: usize, bytes: u32) {
        self.total = self.total - u64::from(self.slots[slot]) + u64::from(bytes);
        self.slots[slot] = bytes;
    }
}

fn slot(granule: u64) -> u8 {
    (granule % SLOTS as u64) as u8
}
