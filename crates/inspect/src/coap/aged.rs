//! What is remembered for so many seconds, and pushed out by whatever is newer.

use std::time::Duration;

use crate::Instant;
use crate::table::Aging;

/// A value, and when it was last used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aged<T, const SECONDS: u64> {
    used: Instant,
    pub(super) value: T,
}

impl<T, const SECONDS: u64> Aged<T, SECONDS> {
    pub(super) fn new(now: Instant, value: T) -> Self {
        Self { used: now, value }
    }

    /// Uses it: its time begins anew.
    pub(super) fn touch(&mut self, now: Instant) -> &mut T {
        self.used = self.used.max(now);
        &mut self.value
    }
}

impl<T, const SECONDS: u64> Aging for Aged<T, SECONDS> {
    fn used(&self) -> Instant {
        self.used
    }

    fn lifetime(&self) -> Duration {
        Duration::from_secs(SECONDS)
    }

    fn is_established(&self, _: Instant) -> bool {
        false
    }
}
