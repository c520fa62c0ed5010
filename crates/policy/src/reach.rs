//! Rules that can never decide, because an earlier one always does.

use std::collections::HashMap;

use crate::Action;
use crate::matching::{Condition, Matching};
use crate::pack::DraftRule;
use crate::report::Report;

/// Reports every rule that stands behind one which decides all that it would match.
pub(crate) fn report_unreachable(report: &mut Report, rules: &[DraftRule]) {
    let mut deciding = Deciding::default();
    for rule in rules {
        if let Some(earlier) = deciding.hiding(rule) {
            report
                .error(&rule.id_span, format!("the rule `{}` can never be reached", rule.rule.id))
                .related(&earlier.id_span, &format!("`{}` decides before it", earlier.rule.id))
                .help("put it before that rule (packs are read in the order of `packs`), or remove it");
        }
        if always_decides(rule) {
            deciding.add(rule);
        }
    }
}

/// The rules so far that always decide, found by what a rule behind them would have to ask too.
#[derive(Default)]
struct Deciding<'r> {
    /// By a condition of theirs that only the very same condition implies.
    asking: HashMap<&'r Condition, Vec<&'r DraftRule>>,
    /// Those without such a condition.
    rest: Vec<&'r DraftRule>,
}

impl<'r> Deciding<'r> {
    fn add(&mut self, rule: &'r DraftRule) {
        // The last is the dearest to ask, and tells rules apart best.
        let mut conditions = rule.matching.conditions.iter().rev();
        match conditions.find(|condition| condition.is_implied_only_by_itself()) {
            Some(condition) => self.asking.entry(condition).or_default().push(rule),
            None => self.rest.push(rule),
        }
    }

    /// The first rule that leaves nothing for `later`.
    fn hiding(&self, later: &DraftRule) -> Option<&'r DraftRule> {
        let conditions = later.matching.conditions.iter();
        let asking = conditions
            .filter_map(|condition| self.asking.get(condition))
            .flatten();
        let mut candidates = asking.chain(&self.rest);
        candidates.find(|earlier| hides(earlier, later)).copied()
    }
}

fn always_decides(draft: &DraftRule) -> bool {
    let rule = &draft.rule;
    rule.action.is_final() && !rule.dry_run && rule.limit.is_none()
}

/// Whether `earlier` decides whatever `later` would match, as far as that is plain to see.
fn hides(earlier: &DraftRule, later: &DraftRule) -> bool {
    let (mine, theirs) = (&earlier.matching, &later.matching);
    let reasons_fit = match (&mine.reasons, &theirs.reasons) {
        (None, _) => true,
        (Some(mine), Some(theirs)) => theirs.is_subset(mine),
        (Some(_), None) => false,
    };
    reasons_fit
        && theirs.scope.is_subset(mine.scope)
        && mine
            .exceptions
            .iter()
            .all(|passed_by| theirs.exceptions.contains(passed_by))
        && mine.conditions.iter().all(|condition| {
            let mut given = theirs.conditions.iter();
            given.any(|other| condition.is_implied_by(other))
        })
        && !leaves_malformed(earlier, theirs)
}

/// What can't be parsed isn't accepted by a rule that doesn't name it, so later rules see it.
fn leaves_malformed(earlier: &DraftRule, later: &Matching) -> bool {
    earlier.rule.action == Action::Accept
        && earlier.matching.reasons.is_none()
        && later
            .reasons
            .is_some_and(|set| set.iter().any(|reason| reason.is_malformed()))
}
