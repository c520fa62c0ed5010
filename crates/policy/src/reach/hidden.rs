//! Rules that can never decide, because an earlier one always does.

use crate::Action;
use crate::matching::{Condition, Effect, Matching};
use crate::pack::DraftRule;
use crate::report::Report;

/// Whether `earlier`, where it matches, leaves nothing to decide. That a pack allows more than another one
/// beside it is no fault of either.
pub(super) fn decides_before(earlier: &DraftRule, later: &DraftRule) -> bool {
    let (earlier, later) = (&earlier.rule, &later.rule);
    let is_exceeded = match (&earlier.limit, &later.limit) {
        (None, _) => true,
        (Some(mine), Some(theirs)) => {
            earlier.place.file == later.place.file && mine.is_exceeded_before(theirs)
        }
        (Some(_), None) => false,
    };
    earlier.action.is_final() && !earlier.dry_run && is_exceeded
}

/// Where a pack stops what another one has stopped already, nothing is lost: they only overlap.
pub(super) fn report(report: &mut Report, rule: &DraftRule, earlier: &DraftRule) {
    let (id, other) = (&rule.rule.id, &earlier.rule.id);
    let is_of_other_pack = rule.rule.place.file != earlier.rule.place.file;
    let stop = rule.rule.action.stops() && earlier.rule.action.stops();
    let finding = if is_of_other_pack && stop {
        let message = format!("packs overlap: `{id}` stops nothing that isn't stopped before it");
        report.warning(&rule.id_span, message)
    } else {
        report.error(
            &rule.id_span,
            format!("the rule `{id}` can never be reached"),
        )
    };
    let role = match (earlier.rule.action, rule.rule.action.stops()) {
        (Action::Accept, true) => format!("`{other}` lets through all that it would stop"),
        _ => format!("`{other}` decides before it"),
    };
    finding
        .related(&earlier.id_span, &role)
        .help("put it before that rule (packs are read in the order of `packs`), or remove it");
}

/// Whether `earlier` decides whatever `later` would match, as far as that is plain to see. What is `given` holds for
/// all of that.
pub(super) fn hides(earlier: &DraftRule, later: &DraftRule, given: &[Condition]) -> bool {
    let (mine, theirs) = (&earlier.matching, &later.matching);
    // What nothing is left of was reported already.
    !theirs.scope.is_empty()
        && mine.takes_in_given(theirs, given)
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

impl Matching {
    /// Whether it matches whatever `other` does.
    pub(super) fn takes_in(&self, other: &Self) -> bool {
        self.takes_in_given(other, &[])
    }

    /// The same where, beside its own conditions, these hold for whatever `other` matches.
    fn takes_in_given(&self, other: &Self, given: &[Condition]) -> bool {
        let reasons_fit = match (&self.reasons, &other.reasons) {
            (None, _) => true,
            (Some(mine), Some(theirs)) => theirs.is_subset(mine),
            (Some(_), None) => false,
        };
        reasons_fit
            && other.scope.is_subset(self.scope)
            && self.exceptions.iter().all(|passed_by| {
                let mut theirs = other.exceptions.iter();
                theirs.any(|theirs| theirs.takes_in(passed_by))
            })
            && self.conditions.iter().all(|condition| {
                let mut given = other.conditions.iter().chain(given);
                self.asks_no_more_than(other, condition)
                    && given.any(|other| condition.is_implied_by(other))
            })
    }

    /// Whether the effects leave it to the condition: what lets through asks for more than what catches.
    fn asks_no_more_than(&self, other: &Self, condition: &Condition) -> bool {
        self.effect == Effect::Catches
            || other.effect == Effect::LetsThrough
            || !condition.depends_on_effect()
    }
}
