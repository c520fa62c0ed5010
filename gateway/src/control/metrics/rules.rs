//! How often each rule matched, across reloads.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use policy::{Policy, RuleIndex};

use crate::dataplane::stats::MAX_COUNTED_RULES;

/// The label of the rules that workers don't count one by one.
const OTHERS: &str = "(others)";

/// Matches of a rule: those acted on, and those only observed (a dry run, or monitor mode).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Matches {
    /// Its action was carried out.
    pub enforced: u64,
    /// It was only written down.
    pub observed: u64,
}

impl Matches {
    fn plus(self, other: Self) -> Self {
        Self {
            enforced: self.enforced + other.enforced,
            observed: self.observed + other.observed,
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            enforced: self.enforced.saturating_sub(other.enforced),
            observed: self.observed.saturating_sub(other.observed),
        }
    }
}

/// Translates the workers' counters, which go by a rule's index, into counts by name: a rule that
/// stays over a reload keeps its count though its index changes; one that is gone is shown no longer.
///
/// A match under way while the policy changes may be counted for the rule that took its place.
#[derive(Debug, Default)]
pub(super) struct RuleLedger {
    rules: Mutex<Vec<Entry>>,
}

#[derive(Debug)]
struct Entry {
    id: String,
    /// Counted under earlier policies.
    carried: Matches,
    /// What the workers' counters of this index stood at when the policy came into force.
    base: Matches,
}

impl RuleLedger {
    /// Follows a new policy. `counted` reads the workers' sum for an index.
    pub(super) fn install(&self, policy: &Policy, counted: impl Fn(RuleIndex) -> Matches) {
        let ids = policy.rules().iter().map(|rule| rule.id.as_str());
        self.follow(ids, counted);
    }

    fn follow<'a>(
        &self,
        ids: impl Iterator<Item = &'a str>,
        counted: impl Fn(RuleIndex) -> Matches,
    ) {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let totals: HashMap<String, Matches> = totals(&rules, &counted).collect();
        let others = (ids.size_hint().0 > MAX_COUNTED_RULES).then_some(OTHERS);
        let ids = ids.take(MAX_COUNTED_RULES).chain(others);
        *rules = ids
            .zip(0..)
            .map(|(id, index)| Entry {
                id: id.to_owned(),
                carried: totals.get(id).copied().unwrap_or_default(),
                base: counted(RuleIndex(index)),
            })
            .collect();
    }

    /// Every rule in force with its matches.
    pub(super) fn counts(&self, counted: impl Fn(RuleIndex) -> Matches) -> Vec<(String, Matches)> {
        let rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        totals(&rules, &counted).collect()
    }
}

fn totals(
    rules: &[Entry],
    counted: &impl Fn(RuleIndex) -> Matches,
) -> impl Iterator<Item = (String, Matches)> {
    rules.iter().zip(0..).map(|(rule, index)| {
        let since = counted(RuleIndex(index)).minus(rule.base);
        (rule.id.clone(), rule.carried.plus(since))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enforced(enforced: u64) -> Matches {
        Matches {
            enforced,
            observed: 0,
        }
    }

    #[test]
    fn counts_follow_the_rule_not_its_place() {
        let ledger = RuleLedger::default();
        ledger.follow(["first", "second"].into_iter(), |_| Matches::default());
        let before = |rule: RuleIndex| enforced([5, 7][rule.as_usize()]);
        ledger.follow(["second", "third"].into_iter(), before);
        let after = |rule: RuleIndex| enforced([6, 10][rule.as_usize()]);
        let expected = [
            ("second".to_owned(), enforced(8)),
            ("third".to_owned(), enforced(3)),
        ];
        assert_eq!(ledger.counts(after), expected);
    }

    #[test]
    fn rules_beyond_the_counted_are_shown_together() {
        let ledger = RuleLedger::default();
        let ids: Vec<String> = (0..MAX_COUNTED_RULES + 10)
            .map(|n| format!("rule-{n}"))
            .collect();
        ledger.follow(ids.iter().map(String::as_str), |_| Matches::default());
        let counts = ledger.counts(|rule| enforced(rule.0.into()));
        assert_eq!(counts.len(), MAX_COUNTED_RULES + 1);
        let last = (OTHERS.to_owned(), enforced(MAX_COUNTED_RULES as u64));
        assert_eq!(counts.last(), Some(&last));
    }
}
