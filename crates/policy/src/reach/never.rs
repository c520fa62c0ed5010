//! Rules that match nothing, because no message is all that they ask for.

use wire::mqtt::Version;

use crate::matching::{Condition, Matching, Measure, Numbers, Pattern, PayloadCondition, Test};
use crate::pack::DraftRule;
use crate::report::Report;

/// Reports a rule that never matches, as far as that is plain to see, and exceptions from what it isn't about.
pub(super) fn report(report: &mut Report, draft: &DraftRule) -> bool {
    let (id, matching) = (&draft.rule.id, &draft.matching);
    if let Some(why) = why(matching) {
        let message = format!("the rule `{id}` can never match: {why}");
        report.error(&draft.id_span, message);
        return true;
    }
    let mut exceptions = matching.exceptions.iter();
    if exceptions.any(|exception| !exception.scope.meets(matching.scope)) {
        let message = format!("an `except` of `{id}` is about nothing that the rule matches");
        report.error(&draft.id_span, message);
    }
    false
}

fn why(matching: &Matching) -> Option<&'static str> {
    let without = matching.without_exceptions();
    let mut exceptions = matching.exceptions.iter();
    match exceptions.any(|exception| exception.takes_in(&without)) {
        true => Some("its `except` passes by all that it matches"),
        false => contradiction(&matching.conditions),
    }
}

fn contradiction(conditions: &[Condition]) -> Option<&'static str> {
    let excludes_v5 = conditions.iter().any(
        |condition| matches!(condition, Condition::Version(set) if !set.contains(Version::V5)),
    );
    let levels = conditions.iter().find_map(|condition| match condition {
        Condition::Number(Measure::Levels, numbers) => Some(numbers),
        _ => None,
    });
    conditions.iter().find_map(|condition| match condition {
        Condition::Property(property) if excludes_v5 && property.test != Test::Is(false) => {
            Some("properties came with MQTT 5.0, which its `version` leaves out")
        }
        Condition::Topic(list) if levels.is_some_and(|levels| none_has(levels, &list.any_of)) => {
            Some("no topic that its `topic` names has as many `levels`")
        }
        Condition::Payload(payload) => within_payload(payload),
        _ => None,
    })
}

/// Whether there are patterns, and none of them matches names of so many levels.
fn none_has(levels: &Numbers, patterns: &[Pattern]) -> bool {
    let has = |pattern: &Pattern| {
        let text = pattern.widened();
        let count = text.split('/').count();
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        match text.ends_with('#') {
            // `a/#` matches `a`, too.
            true => levels.largest() >= count.saturating_sub(1),
            false => levels.contains(count),
        }
    };
    !patterns.is_empty() && !patterns.iter().any(has)
}

fn within_payload(payload: &PayloadCondition) -> Option<&'static str> {
    if payload.utf8 == Some(false) && payload.is_json == Some(true) {
        return Some("JSON is UTF-8");
    }
    let most = payload.size.as_ref().map_or(u64::MAX, Numbers::largest);
    let mut asked = [&payload.contains, &payload.starts_with].into_iter();
    let none_fits = asked.any(|list| {
        let mut lengths = list.any_of.iter().map(|bytes| bytes.as_slice().len());
        let is_longer = |len| u64::try_from(len).is_ok_and(|len| len > most);
        !list.any_of.is_empty() && lengths.all(is_longer)
    });
    none_fits.then_some("what its payload has to hold is longer than the payload may be")
}

impl Matching {
    fn without_exceptions(&self) -> Self {
        Self {
            exceptions: Vec::new(),
            ..self.clone()
        }
    }
}
