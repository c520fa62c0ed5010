//! Different values within a window.

use std::time::Duration;

use policy::DistinctLimit;

use super::meter::GRANULES;
use crate::Instant;

/// The values that came of late, each by the granule of time in which it came last.
///
/// One more than the limit are kept and no others: when another comes, the one that came longest ago is
/// forgotten. So whether there are too many is exact but for values of one keyed 32-bit hash, which count
/// as one (among 256 values there are such in one case of 130,000), and for the granules: as with counts,
/// what is too much within 15/16 of the window is seen, and what is seen truly came within the window.
#[derive(Debug)]
pub(super) struct Distinct {
    values: Vec<Value>,
    granule_ns: u64,
}

#[derive(Debug, Clone, Copy)]
struct Value {
    hash: u32,
    /// Its number modulo 2^32: a window is sixteen of them.
    granule: u32,
}

impl Distinct {
    pub(super) fn new(limit: &DistinctLimit) -> Self {
        let granule = limit.window / GRANULES as u32;
        Self {
            values: Vec::new(),
            granule_ns: u64::try_from(granule.as_nanos()).unwrap_or(u64::MAX).max(1),
        }
    }

    /// Enters a value: whether there are too many now.
    pub(super) fn enter(&mut self, now: Instant, limit: &DistinctLimit, value: u128) -> bool {
        let new = Value {
            hash: value as u32,
            granule: (now.0 / self.granule_ns) as u32,
        };
        // Negative where another worker's clock is ahead by a little.
        let age = |value: &Value| new.granule.wrapping_sub(value.granule) as i32;
        self.values.retain(|value| age(value) < GRANULES as i32);
        let known = self.values.iter_mut().find(|known| known.hash == new.hash);
        if let Some(known) = known {
            if age(known) > 0 {
                *known = new;
            }
        } else if self.values.len() <= limit.distinct as usize {
            self.values.push(new);
        } else if let Some(oldest) = self.values.iter_mut().max_by_key(|value| age(value)) {
            *oldest = new;
        }
        self.values.len() > limit.distinct as usize
    }

    pub(super) fn window(&self) -> Duration {
        Duration::from_nanos(self.granule_ns.saturating_mul(GRANULES as u64))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use policy::Per;
    use proptest::prelude::*;

    use super::*;

    fn limit(distinct: u32, window_s: u64) -> DistinctLimit {
        DistinctLimit {
            distinct,
            of: Per::ClientId,
            window: Duration::from_secs(window_s),
            apart: Per::Client.into(),
        }
    }

    #[test]
    fn the_same_value_is_one_however_often_it_comes() {
        let limit = limit(2, 160);
        let mut distinct = Distinct::new(&limit);
        let mut enter = |secs, value| distinct.enter(Instant::from_secs(secs), &limit, value);
        assert!(![1, 2, 1, 2, 1].iter().any(|value| enter(1000, *value)));
        assert!(enter(1001, 3) && enter(1002, 1));
        // All of that is over.
        assert!(!enter(1170, 4));
    }

    proptest! {
        /// Against a list of all: what is seen came within the window, and what came within 15/16 of it is seen.
        #[test]
        fn values_are_counted_as_they_should(
            messages in prop::collection::vec((0u64..3000, 0u128..40), 1..300),
            most in 1u32..20,
            window_s in 1u64..50,
        ) {
            let limit = limit(most, window_s);
            let mut distinct = Distinct::new(&limit);
            let mut now = Instant::from_secs(1000);
            let mut latest = BTreeMap::new();
            for (pause_ms, value) in messages {
                now = now + Duration::from_millis(pause_ms);
                latest.insert(value, now);
                let exceeded = distinct.enter(now, &limit, value);
                let since = |age: Duration| {
                    latest.values().filter(|at| now.since(**at) < age).count() > most as usize
                };
                prop_assert!(!exceeded || since(limit.window));
                prop_assert!(exceeded || !since(limit.window / 16 * 15));
                prop_assert!(distinct.values.len() <= most as usize + 1);
            }
        }
    }
}
