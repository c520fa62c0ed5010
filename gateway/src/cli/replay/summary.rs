//! What the rules would have done to a capture, in numbers: `--summary`.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use inspect::{Count, Outcome, Verdict};
use policy::{Policy, Reason, RuleIndex};

/// Counts of a whole replay.
pub(super) struct Summary {
    policy: Arc<Policy>,
    frames: u64,
    kept_out: u64,
    verdicts: BTreeMap<&'static str, u64>,
    /// By rule: how often it acted, and how often it would have.
    rules: BTreeMap<usize, [u64; 2]>,
    reasons: BTreeMap<Reason, u64>,
}

impl Summary {
    pub(super) fn new(policy: Arc<Policy>) -> Self {
        Self {
            policy,
            frames: 0,
            kept_out: 0,
            verdicts: BTreeMap::new(),
            rules: BTreeMap::new(),
            reasons: BTreeMap::new(),
        }
    }

    /// Adds one frame, with what was counted of it and before it.
    pub(super) fn add(&mut self, outcome: &Outcome, is_kept_out: bool, counts: &[Count]) {
        self.frames += 1;
        if is_kept_out {
            self.kept_out += 1;
        } else {
            let verdict = outcome.would.unwrap_or(outcome.verdict);
            *self.verdicts.entry(verdict.name()).or_default() += 1;
        }
        for count in counts {
            match count {
                Count::Rule { rule, enforced } => self.add_rule(*rule, *enforced),
                Count::Reason(reason) => *self.reasons.entry(*reason).or_default() += 1,
                _ => {}
            }
        }
    }

    fn add_rule(&mut self, rule: RuleIndex, enforced: bool) {
        let [acted, would] = self.rules.entry(rule.as_usize()).or_default();
        match enforced {
            true => *acted += 1,
            false => *would += 1,
        }
    }

    /// What a rule does with what it matches; or would do, in a dry run or past a monitor.
    fn deed(&self, rule: usize, is_tried: bool) -> String {
        let action = self.policy.rules()[rule].action.name();
        match is_tried {
            true => format!("{action}, on trial"),
            false => action.to_owned(),
        }
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} frames", self.frames)?;
        let order = [
            Verdict::Accept,
            Verdict::Hold,
            Verdict::Drop,
            Verdict::Reset,
            Verdict::Refuse,
            Verdict::Challenge,
        ];
        let counted = order.iter().filter_map(|verdict| {
            let count = self.verdicts.get(verdict.name())?;
            Some((verdict.name(), *count))
        });
        let kept_out = (self.kept_out > 0).then_some(("kept out", self.kept_out));
        for (at, (name, count)) in counted.chain(kept_out).enumerate() {
            let before = if at == 0 { ": " } else { ", " };
            write!(f, "{before}{name} {count}")?;
        }
        writeln!(f)?;
        if !self.rules.is_empty() {
            writeln!(f, "\nrules")?;
        }
        for (rule, counts) in &self.rules {
            let id = &self.policy.rules()[*rule].id;
            for (is_tried, count) in [false, true].into_iter().zip(counts) {
                if *count > 0 {
                    writeln!(f, "{count:>9}  {id} ({})", self.deed(*rule, is_tried))?;
                }
            }
        }
        if !self.reasons.is_empty() {
            writeln!(f, "\nreasons")?;
        }
        let mut reasons: Vec<_> = self.reasons.iter().collect();
        reasons.sort_by_key(|(reason, count)| (std::cmp::Reverse(**count), reason.code()));
        for (reason, count) in reasons {
            writeln!(f, "{count:>9}  {reason}")?;
        }
        Ok(())
    }
}
