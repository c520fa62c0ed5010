//! What rules with a `count` or a `rate` have counted, for each of those they count apart.
//!
//! One bounded [table](crate::table) holds all of it, shared by the workers. An entry is found by a
//! keyed hash of the rule and of whom it counts, which nobody outside can aim at; the longest idle makes
//! room when the table is full, those that exceed their limit last. Whoever is forgotten starts from
//! nothing: a full table stops nobody.

mod distinct;
mod key;
mod meter;

use policy::{Counted, Limit, Meters, Policy, RuleIndex, Subject};

use crate::context::Carrier;
use crate::table::{SWEEP_ENTRIES, Sweeps, Table};
use crate::{Instant, Limits, Seed};

pub(crate) use key::Keys;
use meter::{Entered, Meter};

/// All meters.
#[derive(Debug)]
pub(crate) struct Metering {
    meters: Table<u128, Meter>,
    keys: Keys,
    sweeps: Sweeps,
}

/// The meters as the rules ask them about one message.
pub(crate) struct Metered<'a> {
    pub(crate) metering: &'a Metering,
    pub(crate) policy: &'a Policy,
    pub(crate) now: Instant,
    pub(crate) link: u16,
    pub(crate) carrier: Carrier,
    /// Who knows the ratios, and what is held.
    pub(crate) others: &'a mut dyn Meters,
    /// Whether the message was counted when it came first, or what it is a part of: now it isn't, and exceeds nothing.
    pub(crate) is_counted: &'a dyn Fn() -> bool,
    /// Somebody had to be forgotten.
    pub(crate) evicted: bool,
}

impl Metering {
    /// Draws its keys from `seed`, by purposes of its own.
    pub(crate) fn new(limits: &Limits, seed: &Seed) -> Self {
        Self {
            meters: Table::new(limits.meters, seed.hash_seed("meters")),
            keys: Keys::new(seed, "meter keys"),
            sweeps: Sweeps::new(),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.meters.len()
    }

    /// Forgets what is over, a bounded amount of it.
    pub(crate) fn handle_timeout(&self, now: Instant) {
        if self.sweeps.is_due(now) {
            let more = self.meters.sweep(now, SWEEP_ENTRIES);
            self.sweeps.done(now, more);
        }
    }

    /// When [`Metering::handle_timeout`] has something to do, and what.
    pub(crate) fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.sweeps.next().map(|next| (next, "rules' counters"))
    }
}

impl Meters for Metered<'_> {
    fn exceeds(&mut self, rule: RuleIndex, limit: &Limit, subject: &Subject<'_>) -> bool {
        if let Limit::Ratio(_) | Limit::Max(_) = limit {
            return self.others.exceeds(rule, limit, subject);
        }
        if (self.is_counted)() {
            return false;
        }
        let (metering, policy) = (self.metering, self.policy);
        let (index, rule) = (rule, policy.meter(rule));
        let (flow, _) = self.carrier.key(self.link, &subject.endpoints);
        let Some(key) = metering
            .keys
            .key(policy, rule, limit.apart(), subject, &flow)
        else {
            return false;
        };
        let entered = match limit {
            Limit::Count(limit) if limit.of == Counted::Filters => {
                Entered::Times(policy.filters_matched(index, subject))
            }
            Limit::Distinct(limit) => {
                let keys = &metering.keys;
                let Some(value) = keys.key(policy, rule, limit.of.into(), subject, &flow) else {
                    return false;
                };
                Entered::Value(value)
            }
            _ => Entered::Times(1),
        };
        metering.sweeps.start(self.now);
        let (exceeded, evicted) = metering.meters.with_or_insert(
            self.now,
            key,
            || Meter::new(self.now, limit),
            |meter| meter.enter(self.now, limit, entered),
        );
        self.evicted |= evicted;
        exceeded
    }
}

#[cfg(test)]
mod tests;
