//! Rules that can never decide, because an earlier one always does.

use crate::Action;
use crate::matching::Matching;
use crate::pack::DraftRule;
use crate::report::Report;

/// Reports every rule that stands behind one which decides all that it would match.
pub(crate) fn report_unreachable(report: &mut Report, rules: &[DraftRule]) {
    // Only rules that always decide can hide others; the fewer there are to ask the better.
    let mut deciding: Vec<&DraftRule> = Vec::new();
    for rule in rules {
        if let Some(earlier) = deciding.iter().find(|earlier| hides(earlier, rule)) {
            report
                .error(&rule.id_span, format!("the rule `{}` can never be reached", rule.rule.id))
                .related(&earlier.id_span, &format!("`{}` decides before it", earlier.rule.id))
                .help("put it before that rule (packs are read in the order of `packs`), or remove it");
        }
        if always_decides(rule) {
            deciding.push(rule);
        }
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
