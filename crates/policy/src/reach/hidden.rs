//! Rules that can never decide, because an earlier one always does.

use crate::Action;
use crate::matching::{Condition, Effect, Matching};
use crate::pack::DraftRule;
use crate::report::Report;

/// So many rules are named that leave nothing between them.
const MAX_NAMED: usize = 8;

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

/// Reports a rule that `earlier` ones leave nothing, one or several between them. Where a pack stops what another one has
/// stopped already, nothing is lost: they only overlap.
pub(super) fn report(report: &mut Report, rule: &DraftRule, earlier: &[&DraftRule]) {
    let id = &rule.rule.id;
    let mut places = earlier.iter().map(|earlier| &earlier.rule.place.file);
    let is_of_other_pack = places.any(|file| *file != rule.rule.place.file);
    let stop = rule.rule.action.stops() && earlier.iter().all(|e| e.rule.action.stops());
    let mut finding = if is_of_other_pack && stop {
        let message = format!("packs overlap: `{id}` stops nothing that isn't stopped before it");
        report.warning(&rule.id_span, message)
    } else {
        report.error(
            &rule.id_span,
            format!("the rule `{id}` can never be reached"),
        )
    };
    for part in earlier.iter().take(MAX_NAMED) {
        let other = &part.rule.id;
        let role = match (earlier.len(), part.rule.action, rule.rule.action.stops()) {
            (1, Action::Accept, true) => format!("`{other}` lets through all that it would stop"),
            (1, ..) => format!("`{other}` decides before it"),
            _ => format!("`{other}` decides over a part of it before"),
        };
        finding = finding.related(&part.id_span, &role);
    }
    finding.help("put it before that rule (packs are read in the order of `packs`), or remove it");
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
pub(super) fn leaves_malformed(earlier: &DraftRule, later: &Matching) -> bool {
    earlier.rule.action == Action::Accept
        && earlier.matching.reasons.is_none()
        && later
            .reasons
            .is_some_and(|set| set.iter().any(|reason| reason.is_malformed()))
}

/// Whether `mine` looks at whatever was detected of what the other looks at.
pub(super) fn minds_as_much(mine: &Matching, other: &Matching) -> bool {
    match (&mine.reasons, &other.reasons) {
        (None, _) => true,
        (Some(mine), Some(theirs)) => theirs.is_subset(mine),
        (Some(_), None) => false,
    }
}

/// Whether `mine` passes by nothing that the other matches, for all of which what is `given` holds: it is what the
/// other passes by as well, or what that isn't about.
pub(super) fn excepts_no_more(mine: &Matching, other: &Matching, given: &[Condition]) -> bool {
    mine.exceptions.iter().all(|passed_by| {
        let mut theirs = other.exceptions.iter();
        theirs.any(|theirs| theirs.takes_in(passed_by)) || passed_by.is_apart_from(other, given)
    })
}

impl Matching {
    /// Whether it matches whatever `other` does.
    pub(super) fn takes_in(&self, other: &Self) -> bool {
        self.takes_in_given(other, &[])
    }

    /// The same where, beside its own conditions, these hold for whatever `other` matches.
    fn takes_in_given(&self, other: &Self, given: &[Condition]) -> bool {
        other.scope.is_subset(self.scope)
            && minds_as_much(self, other)
            && self.narrower_conditions(other, given).next().is_none()
            && excepts_no_more(self, other, given)
    }

    /// The conditions that need not hold for all that `other` matches, for which those `given` hold as well.
    pub(super) fn narrower_conditions(
        &self,
        other: &Self,
        given: &[Condition],
    ) -> impl Iterator<Item = &Condition> {
        self.conditions.iter().filter(move |condition| {
            let mut given = other.conditions.iter().chain(given);
            !self.asks_no_more_than(other, condition)
                || !given.any(|other| condition.is_implied_by(other))
                    && !condition.holds_for_all(other.scope)
        })
    }

    /// Whether the effects leave it to the condition: what lets through asks for more than what catches.
    fn asks_no_more_than(&self, other: &Self, condition: &Condition) -> bool {
        self.effect == Effect::Catches
            || other.effect == Effect::LetsThrough
            || !condition.depends_on_effect()
    }
}
