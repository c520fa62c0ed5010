//! Rules that match nothing, because no message is all that they ask for.

use std::borrow::Cow;

use wire::Direction;
use wire::mqtt::{PacketType, Version};

use super::{filled, lacking};
use crate::matching::{
    CodeClass, Condition, Expression, ExpressionBounds, FilterCondition, Flag, Glob, Matching,
    Measure, Networks, Numbers, Party, Pattern, PayloadCondition, Relation, Scope, Test, may_begin,
};
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
    for exception in &matching.exceptions {
        let message = match contradiction(exception) {
            Some(why) => format!("an `except` of `{id}` can never hold: {why}"),
            None if exception.is_apart_from(matching, &[]) => {
                format!("an `except` of `{id}` is about nothing that the rule matches")
            }
            None => continue,
        };
        report.error(&draft.id_span, message);
    }
    false
}

fn why(matching: &Matching) -> Option<&'static str> {
    let without = matching.without_exceptions();
    let mut exceptions = matching.exceptions.iter();
    match exceptions.any(|exception| exception.takes_in(&without)) {
        true => Some("its `except` passes by all that it matches"),
        false => contradiction(matching),
    }
}

fn contradiction(matching: &Matching) -> Option<&'static str> {
    let conditions = &matching.conditions;
    let excludes_v5 = conditions.iter().any(
        |condition| matches!(condition, Condition::Version(set) if !set.contains(Version::V5)),
    );
    let levels = conditions.iter().find_map(|condition| match condition {
        Condition::Number(Measure::Levels, numbers) => Some(numbers),
        _ => None,
    });
    let texts = conditions.iter().find_map(|condition| match condition {
        Condition::TopicText(list) => Some(&*list.any_of),
        _ => None,
    });
    let without_will = matching.scope.is_subset(Scope::packet(PacketType::Connect))
        && conditions.contains(&Condition::Flag(Flag::Will, false));
    let within_one = conditions.iter().find_map(|condition| match condition {
        condition if without_will && is_of_will(condition) => {
            Some("a CONNECT without a will has nothing of what it asks of one")
        }
        Condition::Number(Measure::UserProperties, numbers)
            if excludes_v5 && !numbers.contains(0) =>
        {
            Some("properties came with MQTT 5.0, which its `version` leaves out")
        }
        Condition::Type(types) if types.is_only_reset() && !may_be_empty(matching) => {
            Some("a RST has no code but 0.00")
        }
        Condition::Property(property) if excludes_v5 && property.test != Test::Is(false) => {
            Some("properties came with MQTT 5.0, which its `version` leaves out")
        }
        Condition::Topic(list) if levels.is_some_and(|levels| none_has(levels, &list.any_of)) => {
            Some("no topic that its `topic` names has as many `levels`")
        }
        Condition::Topic(list) if texts.is_some_and(|texts| none_begins(texts, &list.any_of)) => {
            Some("no topic that its `topic` names begins as its `topic_text` asks")
        }
        Condition::Filter(filter) => within_filter(filter),
        Condition::Address(_, list) if list.leaves_no_side() => {
            Some("what is neither inside nor outside is nowhere")
        }
        Condition::Payload(payload) => within_payload(payload),
        _ => None,
    });
    within_one
        .or_else(|| lacking::why(matching))
        .or_else(|| filled::why(matching))
        .or_else(|| between_sizes(conditions))
        .or_else(|| between_families(conditions))
        .or_else(|| between_two(matching))
}

/// A payload is smaller than its message.
fn between_sizes(conditions: &[Condition]) -> Option<&'static str> {
    let most = conditions.iter().find_map(|condition| match condition {
        Condition::Number(Measure::Size, numbers) => Some(numbers.largest()),
        _ => None,
    })?;
    let is_larger = |payload: &PayloadCondition| {
        let size = payload.size.as_ref();
        size.is_some_and(|size| size.smallest() >= most) || holds_more_than(payload, most)
    };
    let is_larger = conditions
        .iter()
        .any(|condition| matches!(condition, Condition::Payload(payload) if is_larger(payload)));
    is_larger.then_some("the payload that it asks for is larger than the message may be")
}

/// Both ends of a frame have addresses of one family, which is to be one that all conditions leave room for.
fn between_families(conditions: &[Condition]) -> Option<&'static str> {
    let lists = conditions.iter().filter_map(|condition| match condition {
        Condition::Address(_, list) => Some(list),
        _ => None,
    });
    lists.clone().next()?;
    let leave_room = |family| lists.clone().all(|list| list.may_hold_in(family));
    let is_left = Networks::families().iter().any(leave_room);
    (!is_left).then_some("its addresses leave room for neither IPv4 nor IPv6")
}

/// Two conditions that no message meets both.
fn between_two(matching: &Matching) -> Option<&'static str> {
    let conditions = matching.conditions_by_sender();
    let excludes_other = |at: usize| {
        let (one, others) = (&conditions[at], &conditions[at + 1..]);
        others.iter().any(|other| one.is_apart_from(other))
    };
    let mut places = 0..conditions.len();
    places
        .any(excludes_other)
        .then_some("two of its conditions exclude each other")
}

fn is_of_will(condition: &Condition) -> bool {
    matches!(
        condition,
        Condition::Topic(_)
            | Condition::TopicText(_)
            | Condition::Qos(_)
            | Condition::Flag(Flag::Retain, _)
            | Condition::Flag(Flag::WillOutlivesSession, true)
    )
}

fn may_be_empty(matching: &Matching) -> bool {
    matching.scope.meets(Scope::code_class(CodeClass::Empty))
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

/// Whether there are texts and patterns, and no name can begin as one of each asks.
fn none_begins(texts: &[Glob], patterns: &[Pattern]) -> bool {
    let is_apart = |text| !patterns.iter().any(|pattern| may_begin(text, pattern));
    !texts.is_empty() && !patterns.is_empty() && texts.iter().all(is_apart)
}

/// A filter is inside of one pattern, and takes in another or overlaps with it: those have to fit together.
fn within_filter(filter: &FilterCondition) -> Option<&'static str> {
    let unfit = |relation: Relation, inner: &[Pattern]| {
        let fits = |outer: &Pattern| {
            let mut inner = inner.iter();
            inner.any(|inner| relation.holds(outer.widened(), inner.widened()))
        };
        let outer = &filter.within.any_of;
        !outer.is_empty() && !inner.is_empty() && !outer.iter().any(fits)
    };
    // With the session's own values in it, a pattern may be inside of another.
    let are_plain = !filter.covers.any_of.iter().any(Pattern::is_filled);
    if are_plain && unfit(Relation::Within, &filter.covers.any_of) {
        Some("no filter that its `covers` asks for is inside of its `within`")
    } else if unfit(Relation::Overlaps, &filter.overlaps.any_of) {
        Some("no filter inside of its `within` overlaps with its `overlaps`")
    } else {
        None
    }
}

fn within_payload(payload: &PayloadCondition) -> Option<&'static str> {
    if payload.utf8 == Some(false) && payload.is_json == Some(true) {
        return Some("JSON is UTF-8");
    }
    let most = payload.size.as_ref().map_or(u64::MAX, Numbers::largest);
    if holds_more_than(payload, most) {
        return Some("what its payload has to hold is longer than the payload may be");
    }
    let least = payload.size.as_ref().map_or(0, Numbers::smallest);
    let is_shorter =
        |bounds: &ExpressionBounds| bounds.most.is_some_and(|most| bytes(most) < least);
    if least > 0 && all_expressions(payload, is_shorter) {
        return Some("what its `regex` matches is shorter than the payload may be");
    }
    let beginnings = &payload.starts_with.any_of;
    let is_apart = |prefix: &[u8]| {
        let mut beginnings = beginnings.iter().map(|bytes| bytes.as_slice());
        beginnings.all(|other| !other.starts_with(prefix) && !prefix.starts_with(other))
    };
    let begins_apart = |bounds: &ExpressionBounds| {
        let prefixes = bounds.prefixes.as_ref();
        prefixes.is_some_and(|prefixes| prefixes.iter().all(|prefix| is_apart(prefix)))
    };
    (!beginnings.is_empty() && all_expressions(payload, begins_apart))
        .then_some("no payload begins as both its `starts_with` and its `regex` ask")
}

/// Whether all that a payload may have in it is longer than so many bytes.
fn holds_more_than(payload: &PayloadCondition, most: u64) -> bool {
    let mut asked = [&payload.contains, &payload.starts_with].into_iter();
    let is_longer = |len| bytes(len) > most;
    let is_any_longer = asked.any(|list| {
        let mut lengths = list.any_of.iter().map(|bytes| bytes.as_slice().len());
        !list.any_of.is_empty() && lengths.all(is_longer)
    });
    // Without a bound nothing is longer.
    is_any_longer || most < u64::MAX && all_expressions(payload, |bounds| is_longer(bounds.least))
}

/// Whether there are regular expressions, and this is true of what each of them matches.
fn all_expressions(payload: &PayloadCondition, test: impl Fn(&ExpressionBounds) -> bool) -> bool {
    let expressions = &payload.regex.any_of;
    let holds = |expression: &Expression| expression.bounds().is_some_and(|bounds| test(&bounds));
    !expressions.is_empty() && expressions.iter().all(holds)
}

fn bytes(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

impl Matching {
    /// Its conditions, with the client and the server as sender and receiver where only one of them sends.
    fn conditions_by_sender(&self) -> Vec<Cow<'_, Condition>> {
        let goes = |direction| self.scope.is_subset(Scope::direction(direction));
        let (by_client, by_server) = (goes(Direction::ToServer), goes(Direction::ToClient));
        let by_sender = |party| match party {
            Party::Client if by_client => Party::Source,
            Party::Client if by_server => Party::Destination,
            Party::Server if by_client => Party::Destination,
            Party::Server if by_server => Party::Source,
            other => other,
        };
        let told = self.conditions.iter();
        told.map(|condition| match condition {
            Condition::Address(party, list) if by_sender(*party) != *party => {
                Cow::Owned(Condition::Address(by_sender(*party), list.clone()))
            }
            other => Cow::Borrowed(other),
        })
        .collect()
    }

    fn without_exceptions(&self) -> Self {
        Self {
            exceptions: Vec::new(),
            ..self.clone()
        }
    }
}
