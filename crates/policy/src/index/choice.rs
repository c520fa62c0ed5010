//! By which of its conditions each rule is found: those that the fewest rules share.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use smallvec::SmallVec;

use crate::matching::{Entry, Matching};

/// A rule that would be found by more entries is always asked.
const MAX_ENTRIES: usize = 64;

/// The entries of all rules, and the ones each rule is found by.
#[derive(Debug, Default)]
pub(super) struct Choice {
    pub(super) entries: Vec<Entry>,
    /// By rule, places in `entries`; none for a rule that is always asked.
    chosen: Vec<Numbers>,
}

type Numbers = SmallVec<[u32; 2]>;

/// Entries of the rules under consideration, each once, with the number of rules that have it.
#[derive(Debug, Default)]
struct Census {
    numbers: HashMap<Entry, u32, FixedState>,
    counts: Vec<u64>,
}

impl Choice {
    pub(super) fn new<'m>(rules: impl Iterator<Item = &'m Matching>) -> Self {
        let mut census = Census::default();
        let keys = rules.map(|matching| {
            let keys = matching.keys().into_iter();
            let few = keys.filter(|key| key.len() <= MAX_ENTRIES);
            few.map(|key| census.take(key)).collect()
        });
        let keys: Vec<Vec<Numbers>> = keys.collect();
        let entries = census.entries();
        let cost = |key: &Numbers| {
            let costs = key.iter().map(|number| {
                let number = *number as usize;
                census.counts[number].saturating_mul(entries[number].breadth())
            });
            costs.sum::<u64>()
        };
        let chosen = keys.into_iter().map(|keys| {
            let best = keys.into_iter().min_by_key(cost);
            best.unwrap_or_default()
        });
        Self {
            chosen: chosen.collect(),
            entries,
        }
    }

    pub(super) fn is_none(&self, rule: u32) -> bool {
        self.chosen[rule as usize].is_empty()
    }

    /// The entries a rule is found by.
    pub(super) fn of(&self, rule: u32) -> impl Iterator<Item = &Entry> {
        let numbers = self.chosen[rule as usize].iter();
        numbers.map(|number| &self.entries[*number as usize])
    }

    /// Of each entry, the rules found by it, in order.
    pub(super) fn rules(&self) -> Vec<Vec<u32>> {
        let mut rules = vec![Vec::new(); self.entries.len()];
        for (rule, numbers) in (0..).zip(&self.chosen) {
            for number in numbers {
                rules[*number as usize].push(rule);
            }
        }
        rules
    }
}

impl Census {
    fn take(&mut self, key: Vec<Entry>) -> Numbers {
        let numbers = key.into_iter().map(|entry| {
            let next =
                u32::try_from(self.counts.len()).expect("fewer entries than bytes of all packs");
            let number = *self.numbers.entry(entry).or_insert(next);
            if number == next {
                self.counts.push(0);
            }
            self.counts[number as usize] += 1;
            number
        });
        numbers.collect()
    }

    /// The entries in the order of their numbers.
    fn entries(&mut self) -> Vec<Entry> {
        let mut entries: Vec<(Entry, u32)> =
            std::mem::take(&mut self.numbers).into_iter().collect();
        entries.sort_unstable_by_key(|(_, number)| *number);
        entries.into_iter().map(|(entry, _)| entry).collect()
    }
}
