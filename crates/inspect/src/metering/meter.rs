//! One meter: a sliding window of counts, or a token bucket.

use std::time::Duration;

use policy::{CountLimit, Limit, RateLimit};

use super::distinct::Distinct;
use crate::Instant;
use crate::table::Aging;

/// A window is counted in that many granules.
pub(super) const GRANULES: usize = 16;

/// What one rule has counted for one of those it counts apart.
#[derive(Debug)]
pub(super) struct Meter {
    measure: Measure,
    used: Instant,
    /// By its last message.
    is_exceeded: bool,
}

/// What a message enters in a meter.
#[derive(Debug, Clone, Copy)]
pub(super) enum Entered {
    /// So often what is counted.
    Times(u32),
    /// The value it has.
    Value(u128),
}

#[derive(Debug)]
enum Measure {
    Window(Window),
    Bucket(Bucket),
    Distinct(Distinct),
}

/// Messages by the granule of time in which they came.
///
/// Invariant: the counts are those of the granule `latest` and the 15 before it, each at its number
/// modulo 16. All of them lie within the window, and cover at least 15/16 of it: what is reported as
/// too much truly is, and what is too much within 15/16 of the window is reported.
#[derive(Debug)]
struct Window {
    counts: [u32; GRANULES],
    latest: u64,
    granule_ns: u64,
}

/// A token bucket, kept as the time at which it will be full again.
#[derive(Debug)]
struct Bucket {
    full_at: Instant,
}

impl Meter {
    /// A meter of which nothing was entered; its first message comes now.
    pub(super) fn new(now: Instant, limit: &Limit) -> Self {
        let measure = match limit {
            Limit::Count(limit) => Measure::Window(Window::new(limit)),
            Limit::Distinct(limit) => Measure::Distinct(Distinct::new(limit)),
            Limit::Rate(_) | Limit::Ratio(_) | Limit::Max(_) => {
                Measure::Bucket(Bucket { full_at: now })
            }
        };
        Self {
            measure,
            used: now,
            is_exceeded: false,
        }
    }

    /// Enters a message: whether it exceeds the limit.
    pub(super) fn enter(&mut self, now: Instant, limit: &Limit, entered: Entered) -> bool {
        self.used = self.used.max(now);
        self.is_exceeded = match (&mut self.measure, limit, entered) {
            (Measure::Window(window), Limit::Count(limit), Entered::Times(times)) => {
                window.enter(now, times) > u64::from(limit.count)
            }
            (Measure::Bucket(bucket), Limit::Rate(limit), _) => !bucket.take(now, limit),
            (Measure::Distinct(values), Limit::Distinct(limit), Entered::Value(value)) => {
                values.enter(now, limit, value)
            }
            // The key of a meter names its limit, which says what is entered.
            _ => false,
        };
        self.is_exceeded
    }
}

impl Window {
    fn new(limit: &CountLimit) -> Self {
        let granule = limit.window / GRANULES as u32;
        Self {
            counts: [0; GRANULES],
            latest: 0,
            granule_ns: u64::try_from(granule.as_nanos()).unwrap_or(u64::MAX).max(1),
        }
    }

    /// Counts what a message has of it; how many there are within the window.
    fn enter(&mut self, now: Instant, times: u32) -> u64 {
        let granule = now.0 / self.granule_ns;
        self.advance(granule);
        // Another worker's clock may be ahead by a little.
        if self.latest - granule < GRANULES as u64 {
            let count = &mut self.counts[at(granule)];
            *count = count.saturating_add(times);
        }
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }

    /// Begins the granules up to this one.
    fn advance(&mut self, granule: u64) {
        let begun = granule.saturating_sub(self.latest).min(GRANULES as u64);
        for number in 0..begun {
            self.counts[at(granule - number)] = 0;
        }
        self.latest = self.latest.max(granule);
    }
}

fn at(granule: u64) -> usize {
    (granule % GRANULES as u64) as usize
}

impl Bucket {
    /// Takes a token, if there is one.
    fn take(&mut self, now: Instant, limit: &RateLimit) -> bool {
        let token = token(limit);
        let full_at = self.full_at.max(now) + token;
        let has_one = full_at <= now + token * limit.burst;
        if has_one {
            self.full_at = full_at;
        }
        has_one
    }
}

/// How long a token takes to come.
fn token(limit: &RateLimit) -> Duration {
    const MILLIS_OF_A_SECOND: u64 = 1_000_000_000_000;
    Duration::from_nanos(MILLIS_OF_A_SECOND / u64::from(limit.rate_milli.max(1)))
}

impl Aging for Meter {
    fn used(&self) -> Instant {
        self.used
    }

    fn lifetime(&self) -> Duration {
        match &self.measure {
            Measure::Window(window) => {
                Duration::from_nanos(window.granule_ns.saturating_mul(GRANULES as u64))
            }
            Measure::Bucket(bucket) => bucket.full_at.since(self.used),
            Measure::Distinct(values) => values.window(),
        }
    }

    /// Who exceeds a limit isn't helped by a flood of others.
    fn is_established(&self, _: Instant) -> bool {
        self.is_exceeded
    }
}

#[cfg(test)]
mod tests {
    use policy::{Counted, Per};
    use proptest::prelude::*;

    use super::*;

    fn count(count: u32, window_s: u64) -> Limit {
        let window = Duration::from_secs(window_s);
        let apart = Per::Client.into();
        let of = Counted::Messages;
        Limit::Count(CountLimit {
            count,
            of,
            window,
            apart,
        })
    }

    fn rate(rate_milli: u32, burst: u32) -> Limit {
        let apart = Per::Client.into();
        Limit::Rate(RateLimit {
            rate_milli,
            burst,
            apart,
        })
    }

    /// The verdicts on messages at these seconds.
    fn verdicts(limit: &Limit, seconds: &[u64]) -> Vec<bool> {
        let mut meter = Meter::new(Instant::from_secs(seconds[0]), limit);
        let enter = |at: &u64| meter.enter(Instant::from_secs(*at), limit, Entered::Times(1));
        seconds.iter().map(enter).collect()
    }

    #[test]
    fn more_than_the_count_exceeds_it_until_the_window_has_passed() {
        let limit = count(2, 160);
        assert_eq!(
            verdicts(&limit, &[1000, 1001, 1002, 1003]),
            [false, false, true, true]
        );
        assert_eq!(
            verdicts(&limit, &[1000, 1050, 1100, 1160, 1320]),
            [false, false, true, true, false]
        );
    }

    #[test]
    fn a_day_is_a_window_like_any_other() {
        const DAY: u64 = 86_400;
        let limit = count(100, DAY);
        let every = |pause: u64, messages: u64| -> bool {
            let seconds: Vec<u64> = (0..messages).map(|n| DAY + n * pause).collect();
            verdicts(&limit, &seconds).contains(&true)
        };
        // One in a quarter of an hour is 96 a day.
        assert!(!every(900, 1000));
        assert!(every(600, 200));
    }

    #[test]
    fn a_bucket_holds_its_burst_and_fills_at_its_rate() {
        let limit = rate(500, 3);
        let at = [10, 10, 10, 10, 11, 12, 13, 14, 100, 100, 100, 100];
        let exceeded = [
            false, false, false, true, true, false, true, false, false, false, false, true,
        ];
        assert_eq!(verdicts(&limit, &at), exceeded);
    }

    #[test]
    fn the_extremes_of_what_rules_may_say_neither_overflow_nor_stall() {
        for limit in [
            rate(1, 1_000_000),
            rate(1_000_000_000, 1),
            count(1_000_000, 30 * 86_400),
        ] {
            for now in [Instant::ZERO, Instant::from_secs(1), Instant::FAR] {
                let mut meter = Meter::new(now, &limit);
                assert!(
                    !meter.enter(now, &limit, Entered::Times(1)),
                    "{limit:?} {now}"
                );
                assert!(meter.lifetime() < Duration::from_secs(1 << 31));
            }
        }
    }

    #[test]
    fn a_clock_that_lags_a_little_counts_where_it_is() {
        let limit = count(2, 16);
        assert_eq!(verdicts(&limit, &[100, 99, 98]), [false, false, true]);
        assert_eq!(verdicts(&limit, &[100, 1, 1, 1]), [false; 4]);
    }

    proptest! {
        /// Against a list of everything: never more than there were within the window, never less than
        /// within 15/16 of it.
        #[test]
        fn a_window_counts_what_it_should(
            pauses_ms in prop::collection::vec(0u64..3000, 1..300),
            most in 1u32..40,
            window_s in 1u64..50,
        ) {
            let limit = count(most, window_s);
            let window = Duration::from_secs(window_s);
            let mut now = Instant::from_secs(1000);
            let mut meter = Meter::new(now, &limit);
            let mut log = Vec::new();
            for pause_ms in pauses_ms {
                now = now + Duration::from_millis(pause_ms);
                log.push(now);
                let exceeded = meter.enter(now, &limit, Entered::Times(1));
                let since = |age: Duration| {
                    log.iter().filter(|at| now.since(**at) < age).count() > most as usize
                };
                prop_assert!(!exceeded || since(window));
                prop_assert!(exceeded || !since(window / 16 * 15));
            }
        }

        /// Against tokens counted one by one, in whole milliseconds.
        #[test]
        fn a_bucket_gives_what_flows_in(
            pauses_ms in prop::collection::vec(0u64..3000, 1..300),
            per_second in prop::sample::select(vec![1u64, 2, 5, 10, 100]),
            burst in 1u32..20,
        ) {
            let limit = rate(per_second as u32 * 1000, burst);
            let mut now = Instant::from_secs(1000);
            let mut meter = Meter::new(now, &limit);
            // In thousandths of a token.
            let mut tokens = u64::from(burst) * 1000;
            for pause_ms in pauses_ms {
                now = now + Duration::from_millis(pause_ms);
                tokens = (tokens + pause_ms * per_second).min(u64::from(burst) * 1000);
                let has_one = tokens >= 1000;
                tokens -= if has_one { 1000 } else { 0 };
                prop_assert_eq!(meter.enter(now, &limit, Entered::Times(1)), !has_one);
            }
        }
    }
}
