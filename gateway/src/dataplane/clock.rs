//! The data plane's clock: nanoseconds of `CLOCK_MONOTONIC`, which the XDP program reads too.

use inspect::Instant;
use rustix::time::{ClockId, clock_gettime};

/// Now.
#[must_use]
pub fn now() -> Instant {
    let time = clock_gettime(ClockId::Monotonic);
    let secs = u64::try_from(time.tv_sec).expect("a monotonic clock starts at zero");
    let nanos = u64::try_from(time.tv_nsec).expect("nanoseconds are not negative");
    Instant(secs * 1_000_000_000 + nanos)
}

#[cfg(test)]
mod tests {
    #[test]
    fn time_goes_on() {
        let before = super::now();
        assert!(super::now() >= before && before.0 > 0);
    }
}
