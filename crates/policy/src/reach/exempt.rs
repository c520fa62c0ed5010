//! Rules that let through whatever some addresses send, before rules against what nobody is to say.
//!
//! They contradict each other for those addresses, and which of them was meant to hold isn't plain: an exception for a
//! few addresses is none to speak of, one for a network may be a permission that stands too early. Of another pack
//! nothing is told: an exception for a site stands before it.

use super::always_decides;
use crate::Action;
use crate::matching::{Condition, Matching, Party};
use crate::pack::DraftRule;
use crate::report::Report;

/// More rules that let all through from somewhere aren't looked at.
const MAX_EXEMPTING: usize = 64;
/// So many of the later rules are named.
const MAX_NAMED: usize = 16;

/// Reports each rule that lets through, from a network or a side, what later ones of its pack stop.
pub(super) fn report(report: &mut Report, rules: &[DraftRule]) {
    let exempting = rules.iter().enumerate().filter(|(_, draft)| exempts(draft));
    for (at, draft) in exempting.take(MAX_EXEMPTING) {
        let later = rules[at + 1..].iter().filter(|later| undoes(draft, later));
        let later: Vec<&DraftRule> = later.take(MAX_NAMED).collect();
        if !later.is_empty() {
            tell(report, draft, &later);
        }
    }
}

/// Reports a rule that lets through a part of what these stop, of which there is one.
fn tell(report: &mut Report, draft: &DraftRule, later: &[&DraftRule]) {
    let (id, first) = (&draft.rule.id, &later[0].rule.id);
    let stop = match later.len() - 1 {
        0 => format!("`{first}` stops"),
        1 => format!("`{first}` and another one stop"),
        more => format!("`{first}` and {more} others stop"),
    };
    let named: Vec<String> = later
        .iter()
        .map(|later| format!("\"{}\"", later.rule.id))
        .collect();
    report
        .warning(
            &draft.id_span,
            format!("`{id}` lets through a part of what {stop}"),
        )
        .related(&later[0].id_span, &format!("`{first}` comes later"))
        .help("put the rule first that is to hold where both match")
        .help(format!(
            "write overrides = [{}] in `{id}` if it is",
            named.join(", ")
        ));
}

/// Whether it lets through whatever comes from many addresses, or from a side.
fn exempts(draft: &DraftRule) -> bool {
    let matching = &draft.matching;
    let mut is_from_many = false;
    let asks_nothing_else = matching.conditions.iter().all(|condition| match condition {
        Condition::Address(Party::Source | Party::Client, list) => {
            is_from_many |= !list.is_of_few();
            true
        }
        Condition::Service(_) => true,
        _ => false,
    });
    draft.is_whole
        && draft.rule.action == Action::Accept
        && always_decides(draft)
        && matching.reasons.is_none()
        && matching.exceptions.is_empty()
        && asks_nothing_else
        && is_from_many
}

/// Whether the one stops, whoever says it, what the other one lets through, and isn't said to be overridden.
fn undoes(exempting: &DraftRule, later: &DraftRule) -> bool {
    later.is_whole
        && later.rule.action.stops()
        && always_decides(later)
        && later.rule.place.file == exempting.rule.place.file
        && later.matching.is_about_words()
        && exempting.matching.scope.meets(later.matching.scope)
        && !exempting.overrides.contains(&later.rule.id)
}

impl Matching {
    /// Whether it asks for something that is said, and not who says it, nor to whom.
    fn is_about_words(&self) -> bool {
        let is_said = |condition: &Condition| {
            matches!(
                condition,
                Condition::Topic(_)
                    | Condition::TopicText(_)
                    | Condition::Filter(_)
                    | Condition::Path(_)
                    | Condition::Payload(_)
            )
        };
        let names_somebody = |condition: &Condition| {
            matches!(condition, Condition::Address(..) | Condition::Identity(..))
        };
        self.reasons.is_none()
            && self.exceptions.is_empty()
            && self.conditions.iter().any(is_said)
            && !self.conditions.iter().any(names_somebody)
    }
}
