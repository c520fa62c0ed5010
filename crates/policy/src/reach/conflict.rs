//! Rules that let through a part of what a later one stops, or stop a part of what it lets through.
//!
//! An exception before the rule it is one from is how rules are written, and nothing to report: what is
//! reported are two rules about the same things of which each matches something that the other doesn't, so
//! that it isn't plain which of them was meant to hold where both do. Within a pack, so is one that lets through more
//! of something than a later one stops, but only from some: as a permission it stands too early.

use super::always_decides;
use crate::Action;
use crate::matching::{Condition, Matching, NamePattern, Party};
use crate::pack::DraftRule;
use crate::report::Report;

/// Reports that `earlier` contradicts `later` in part.
pub(super) fn report(report: &mut Report, earlier: &DraftRule, later: &DraftRule) {
    let (first, second) = (&earlier.rule.id, &later.rule.id);
    let (does, undoes) = match earlier.rule.action {
        Action::Accept => ("lets through", "stops"),
        _ => ("stops", "lets through"),
    };
    let message = format!("`{first}` {does} a part of what `{second}` {undoes}");
    report
        .warning(&earlier.id_span, message)
        .related(&later.id_span, &format!("`{second}` comes later"))
        .help("put the rule first that is to hold where both match")
        .help(format!(
            "write overrides = [\"{second}\"] in `{first}` if it is"
        ));
}

/// Whether some rule lets through and another one stops.
pub(super) fn may_be_among(rules: &[DraftRule]) -> bool {
    let is_among = |does: fn(Action) -> bool| rules.iter().any(|draft| does(draft.rule.action));
    is_among(|action| action == Action::Accept) && is_among(Action::stops)
}

/// Whether one of them lets through and the other one stops, each whatever it matches.
pub(super) fn oppose(one: &DraftRule, other: &DraftRule) -> bool {
    let does = match one.rule.action {
        Action::Accept => other.rule.action.stops(),
        action => action.stops() && other.rule.action == Action::Accept,
    };
    does && always_decides(one) && always_decides(other)
}

/// Whether `earlier` contradicts `later`, which it is opposed to, in part without saying so.
pub(super) fn contradicts(earlier: &DraftRule, later: &DraftRule) -> bool {
    !earlier.overrides.contains(&later.rule.id)
        && (earlier.matching.crosses(&later.matching) || permits_more(earlier, later))
}

/// Whether `earlier` lets through more than `later` stops of something that both ask for, while it asks for more beside:
/// of one pack, and not for somebody in particular.
fn permits_more(earlier: &DraftRule, later: &DraftRule) -> bool {
    earlier.rule.action == Action::Accept
        && earlier.rule.place.file == later.rule.place.file
        && earlier.matching.conditions.len() > later.matching.conditions.len()
        && earlier.matching.goes_beyond(&later.matching)
        && !earlier.matching.is_for_somebody(&later.matching)
}

impl Matching {
    /// How many entries are compared with those of another.
    pub(super) fn weight(&self) -> usize {
        self.conditions.iter().map(Condition::weight).sum()
    }

    /// Whether both are about the same things, and each matches something that the other doesn't.
    fn crosses(&self, other: &Self) -> bool {
        let (few, many) = match self.conditions.len() <= other.conditions.len() {
            true => (self, other),
            false => (other, self),
        };
        let has_kin = |condition: &Condition| {
            let mut kin = many
                .conditions
                .iter()
                .filter(|kin| condition.is_kin_of(kin));
            kin.next().is_some_and(|kin| condition.meets(kin))
        };
        self.reasons == other.reasons
            && self.scope.meets(other.scope)
            && self.exceptions.is_empty()
            && other.exceptions.is_empty()
            && few.conditions.iter().all(has_kin)
            && (few.conditions.len() == many.conditions.len() || few.parts_ways_with(many))
            && !self.takes_in(other)
            && !other.takes_in(self)
    }

    /// Whether both match something, all that the other asks for being asked for here, and some of that is but a part of
    /// what is asked for here.
    fn goes_beyond(&self, other: &Self) -> bool {
        let mut is_beyond = false;
        let meets_kin = |theirs: &Condition| {
            let mut kin = self.conditions.iter().filter(|mine| mine.is_kin_of(theirs));
            kin.next().is_some_and(|mine| {
                is_beyond |= mine.is_implied_by(theirs) && !theirs.is_implied_by(mine);
                mine.meets(theirs)
            })
        };
        self.reasons == other.reasons
            && self.scope.meets(other.scope)
            && self.exceptions.is_empty()
            && other.exceptions.is_empty()
            && other.conditions.iter().all(meets_kin)
            && is_beyond
    }

    /// Whether it names a few addresses, or names that are written out, which the other doesn't ask for: what is let
    /// through of those is an exception for them.
    fn is_for_somebody(&self, other: &Self) -> bool {
        let mut own = self.conditions.iter().filter(|mine| {
            let mut theirs = other.conditions.iter();
            !theirs.any(|theirs| mine.is_kin_of(theirs))
        });
        own.any(|condition| match condition {
            Condition::Address(Party::Source | Party::Client, list) => list.is_of_few(),
            Condition::Identity(_, list) => {
                !list.any_of.is_empty() && list.any_of.iter().all(NamePattern::is_one_name)
            }
            _ => false,
        })
    }

    /// Whether some condition holds for what the other's doesn't, both ways: an exception only narrows.
    fn parts_ways_with(&self, other: &Self) -> bool {
        self.conditions.iter().any(|mine| {
            let mut kin = other.conditions.iter().filter(|kin| mine.is_kin_of(kin));
            kin.any(|theirs| !mine.is_implied_by(theirs) && !theirs.is_implied_by(mine))
        })
    }
}
