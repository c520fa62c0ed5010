//! Time as an argument: nothing here reads a clock.

use std::fmt;
use std::ops::{Add, Sub};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Nanoseconds since anything, as long as it never runs backwards.
///
/// The caller owns the epoch: the live data plane passes its monotonic clock, a replay the capture's
/// time stamps, a test whatever it likes. Arithmetic saturates, since a time stamp may come from a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(pub u64);

impl Instant {
    /// Before everything.
    pub const ZERO: Self = Self(0);
    /// After everything: a timeout that never comes.
    pub const FAR: Self = Self(u64::MAX);

    /// An instant `ms` milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms.saturating_mul(1_000_000))
    }

    /// An instant `secs` seconds after the epoch.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// How long ago `earlier` was; zero when it lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(nanos))
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (secs, nanos) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        write!(f, "{secs}.{nanos:09}")
    }
}

/// What the clock on the wall shows, as its distance from [`Instant`] in nanoseconds.
#[derive(Debug)]
pub(crate) struct Wall(AtomicI64);

impl Wall {
    const UNKNOWN: i64 = i64::MIN;

    pub(crate) fn unknown() -> Self {
        Self(AtomicI64::new(Self::UNKNOWN))
    }

    /// It is `unix_ns` nanoseconds since 1970 (UTC) at `now`.
    pub(crate) fn set(&self, now: Instant, unix_ns: i64) {
        let now = i64::try_from(now.0).unwrap_or(i64::MAX);
        let ahead = unix_ns.saturating_sub(now).max(Self::UNKNOWN + 1);
        self.0.store(ahead, Ordering::Relaxed);
    }

    /// Seconds since 1970 (UTC) at `now`, if it was ever set.
    pub(crate) fn at(&self, now: Instant) -> Option<i64> {
        let ahead = self.0.load(Ordering::Relaxed);
        let now = i64::try_from(now.0).unwrap_or(i64::MAX);
        (ahead != Self::UNKNOWN).then(|| ahead.saturating_add(now).div_euclid(1_000_000_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_is_known_once_it_was_set_and_goes_on_from_there() {
        let wall = Wall::unknown();
        assert_eq!(wall.at(Instant::from_secs(5)), None);
        wall.set(Instant::from_secs(5), 1_000_999_999_999);
        assert_eq!(wall.at(Instant::from_secs(5)), Some(1000));
        assert_eq!(wall.at(Instant::from_secs(7)), Some(1002));
        assert_eq!(wall.at(Instant::ZERO), Some(995));
        wall.set(Instant::FAR, i64::MIN);
        assert!(wall.at(Instant::FAR).is_some());
    }

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(Instant::FAR + Duration::from_secs(1), Instant::FAR);
        assert_eq!(Instant::ZERO - Duration::from_secs(1), Instant::ZERO);
        assert_eq!(Instant(5) + Duration::MAX, Instant::FAR);
        assert_eq!(Instant(5).since(Instant(9)), Duration::ZERO);
    }

    #[test]
    fn displays_as_seconds() {
        assert_eq!(Instant(1_000_000_007).to_string(), "1.000000007");
    }
}
