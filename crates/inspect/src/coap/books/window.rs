//! A sliding window over the bytes that came from a client and went towards it, under one ratio.
//!
//! What came pays for what goes, once, the oldest first: bytes towards the client stand in the granule of those
//! that pay for them, and leave the window together with them. So who asks at any intervals and gets no more
//! for each request than the ratio allows never runs short, and of all that was ever sent, no more comes than the
//! ratio allows for all that came: in any stretch of time, than it allows for what came in it and a window before.
//! Only what nothing pays for stands in the latest granule; that is more than the ratio allows, until it leaves.
//!
//! A window is a ring of granules, and counts the oldest as a whole, though it is only partly inside.

use std::time::Duration;

use policy::Ratio;

use super::budget::{Balance, Entry};
use crate::Instant;

/// Granules of a window; one more is kept, the one that is only partly inside.
pub(crate) const GRANULES: u64 = 16;
const SLOTS: usize = GRANULES as usize + 1;

/// Whether what came from a client `at` a time counts no more in a window of that length.
pub(crate) fn has_left(length: Duration, at: Instant, now: Instant) -> bool {
    let granule_ns = granule_ns(length);
    (now.0 / granule_ns).saturating_sub(at.0 / granule_ns) > GRANULES
}

fn granule_ns(length: Duration) -> u64 {
    (length.as_nanos() as u64 / GRANULES).max(1)
}

/// A sliding window over what came and went.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    pub(crate) ratio: Ratio,
    granule_ns: u64,
    /// The latest granule in the rings, counted from the epoch of [`Instant`].
    head: u64,
    /// When the next one begins.
    head_until: Instant,
    /// Of those before it, none has anything left to pay with.
    paying: u64,
    received: Ring,
    sent: Ring,
    /// Bytes that came and have left the window, having paid for nothing.
    lapsed: u64,
}

impl Window {
    pub(crate) fn new(ratio: Ratio) -> Self {
        let granule_ns = granule_ns(ratio.window);
        Self {
            ratio,
            granule_ns,
            head: 0,
            head_until: Instant(granule_ns),
            paying: 0,
            received: Ring::default(),
            sent: Ring::default(),
            lapsed: 0,
        }
    }

    pub(crate) fn enter(&mut self, now: Instant, entry: Entry, bytes: u32) -> Balance {
        if now >= self.head_until {
            self.advance(now.0 / self.granule_ns);
        }
        match entry {
            Entry::Credit => self.received.add(slot(self.head), bytes),
            Entry::Overdue => self.renew(bytes),
            Entry::Charge => self.charge(bytes),
            Entry::Refund => self.refund(bytes),
        }
        Balance {
            received: self.received.total,
            sent: self.sent.total,
        }
    }

    /// So much of what has lapsed counts once more.
    fn renew(&mut self, bytes: u32) {
        let lapsed = u32::try_from(self.lapsed).unwrap_or(u32::MAX).min(bytes);
        self.lapsed -= u64::from(lapsed);
        self.received.add(slot(self.head), lapsed);
    }

    fn charge(&mut self, mut bytes: u32) {
        let mut granule = self.paying.max(self.oldest());
        while granule < self.head {
            let slot = slot(granule);
            let paid = bytes.min(self.left(slot));
            self.sent.add(slot, paid);
            bytes -= paid;
            if bytes == 0 {
                break;
            }
            granule += 1;
        }
        self.paying = granule;
        self.sent.add(slot(self.head), bytes);
    }

    /// Takes back what was charged last.
    fn refund(&mut self, mut bytes: u32) {
        let mut granule = self.head;
        while bytes > 0 {
            let slot = slot(granule);
            let taken = bytes.min(self.sent.slots[slot]);
            self.sent.subtract(slot, taken);
            bytes -= taken;
            if taken > 0 {
                self.paying = self.paying.min(granule);
            }
            if granule == self.oldest() {
                break;
            }
            granule -= 1;
        }
    }

    /// Bytes that what came in a granule can still pay for.
    fn left(&self, slot: usize) -> u32 {
        let received = u64::from(self.received.slots[slot]);
        let most = received * u64::from(self.ratio.ratio_milli) / 1000;
        u32::try_from(most)
            .unwrap_or(u32::MAX)
            .saturating_sub(self.sent.slots[slot])
    }

    fn oldest(&self) -> u64 {
        self.head.saturating_sub(GRANULES)
    }

    /// Empties the slots between the latest granule and this one. A clock that is behind another
    /// worker's never comes here: its bytes go to the latest granule.
    fn advance(&mut self, granule: u64) {
        let passed = granule - self.head;
        for step in 1..=passed.min(SLOTS as u64) {
            let slot = slot(self.head + step);
            self.lapsed += self.unspent(slot);
            self.received.clear(slot);
            self.sent.clear(slot);
        }
        self.head = granule;
        self.head_until = Instant(granule.saturating_add(1).saturating_mul(self.granule_ns));
    }

    /// Bytes that came in a granule and have paid for nothing.
    fn unspent(&self, slot: usize) -> u64 {
        let sent = u64::from(self.sent.slots[slot]) * 1000;
        let spent = sent.div_ceil(u64::from(self.ratio.ratio_milli).max(1));
        u64::from(self.received.slots[slot]).saturating_sub(spent)
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

fn slot(granule: u64) -> usize {
    (granule % SLOTS as u64) as usize
}
