//! Whether the conditions of two rules can hold for the same message, as far as that is plain to see.

use super::compare::Comparable;
use super::condition::{Condition, FilterCondition, SubscriptionOptions};
use super::contain::MAX_PAIRS;
use super::hello::HelloCondition;
use super::list::List;
use super::numbers::Numbers;
use super::pattern::{Pattern, Relation};
use super::payload::{JsonTest, PayloadCondition, Range};
use super::value::Test;

/// Of more pairs of patterns it isn't looked for what they have in common.
const MAX_SHARED: usize = 64;

impl Condition {
    /// Whether a message can be one for which both hold.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Service(mine), Self::Service(theirs)) => !mine.is_apart_from(theirs),
            (Self::Version(mine), Self::Version(theirs)) => !mine.is_apart_from(theirs),
            (Self::Qos(mine), Self::Qos(theirs)) => !mine.is_apart_from(theirs),
            (Self::Type(mine), Self::Type(theirs)) => !mine.is_apart_from(theirs),
            (Self::Code(mine), Self::Code(theirs)) => !mine.0.is_apart_from(&theirs.0),
            (Self::ReasonCode(mine), Self::ReasonCode(theirs)) => !mine.is_apart_from(theirs),
            (Self::Number(_, mine), Self::Number(_, theirs)) => !mine.is_apart_from(theirs),
            (Self::Topic(mine), Self::Topic(theirs)) => mine.meets(theirs),
            (Self::TopicText(mine), Self::TopicText(theirs)) => mine.meets(theirs),
            (Self::Path(mine), Self::Path(theirs)) => mine.meets(theirs),
            (Self::Address(_, mine), Self::Address(_, theirs)) => mine.meets(theirs),
            (Self::Identity(_, mine), Self::Identity(_, theirs)) => mine.meets(theirs),
            (Self::Password(mine), Self::Password(theirs)) => mine.meets(theirs),
            (Self::Filter(mine), Self::Filter(theirs)) => mine.meets(theirs),
            (Self::Hello(mine), Self::Hello(theirs)) => mine.meets(theirs),
            (Self::Property(mine), Self::Property(theirs)) => mine.test.meets(&theirs.test),
            (Self::Option(mine), Self::Option(theirs)) => mine.test.meets(&theirs.test),
            (Self::Payload(mine), Self::Payload(theirs)) => mine.meets(theirs),
            (mine, theirs) => mine.is_implied_by(theirs) || theirs.is_implied_by(mine),
        }
    }

    /// How many entries it has that are compared with others.
    pub(crate) fn weight(&self) -> usize {
        fn of<T>(list: &List<T>) -> usize {
            list.any_of.len() + list.none_of.len()
        }
        match self {
            Self::Topic(list) => of(list),
            Self::TopicText(list) => of(list),
            Self::Path(list) => of(list),
            Self::Address(_, list) => of(list),
            Self::Identity(_, list) | Self::Password(list) => of(list),
            Self::Filter(filter) => filter.patterns().count() + of(&filter.text),
            _ => 1,
        }
    }
}

impl<T: Comparable> List<T> {
    /// Whether something plainly fits both.
    fn meets(&self, other: &Self) -> bool {
        if self.pairs(other) > MAX_PAIRS {
            return false;
        }
        let is_let_in = |named: &[&T]| {
            let mut excluded = self.none_of.iter().chain(&other.none_of);
            excluded.all(|not| named.iter().any(|entry| entry.is_apart_from(not)))
        };
        let mut named = self.any_of.iter().chain(&other.any_of);
        match (self.any_of.is_empty(), other.any_of.is_empty()) {
            (true, true) => self
                .none_of
                .iter()
                .chain(&other.none_of)
                .all(T::is_one_of_many),
            (false, false) => self.any_of.iter().any(|mine| {
                let mut theirs = other.any_of.iter();
                theirs.any(|theirs| mine.meets(theirs) && is_let_in(&[mine, theirs]))
            }),
            _ => named.any(|entry| is_let_in(&[entry])),
        }
    }
}

impl FilterCondition {
    /// Whether some filter fits both: one that a pattern of theirs is, or what two patterns have in common.
    fn meets(&self, other: &Self) -> bool {
        let (mine, theirs) = (self.patterns().count(), other.patterns().count());
        if mine.saturating_mul(theirs) > MAX_SHARED {
            return false;
        }
        let fits = |filter: &str| self.takes(filter) && other.takes(filter);
        let written = |pattern: &Pattern| fits(pattern.as_written());
        let shared = |mine: &Pattern| {
            let mut theirs = other.patterns();
            theirs.any(|theirs| {
                let common = shared(mine.as_written(), theirs.as_written());
                common.is_some_and(|filter| fits(&filter))
            })
        };
        let qos_meet = !matches!((&self.qos, &other.qos), (Some(mine), Some(theirs)) if mine.is_apart_from(theirs));
        qos_meet
            && self.options.meet(&other.options)
            && (self.patterns().any(written)
                || other.patterns().any(written)
                || self.patterns().any(shared))
    }

    /// All patterns that filters are compared with.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        let lists = [&self.within, &self.overlaps, &self.covers].into_iter();
        lists.flat_map(|list| list.any_of.iter().chain(&list.none_of))
    }

    /// Whether this filter, asked for with the right options, fits.
    fn takes(&self, filter: &str) -> bool {
        let stands = |list: &List<Pattern>, relation: Relation| {
            list.holds(|pattern| relation.holds(pattern.as_written(), filter))
        };
        stands(&self.within, Relation::Within)
            && stands(&self.overlaps, Relation::Overlaps)
            && stands(&self.covers, Relation::Covers)
            && self.text.holds(|glob| glob.matches(filter))
    }
}

/// The filter of all that both of these match, if there is one.
fn shared(one: &str, other: &str) -> Option<String> {
    let (mut ones, mut others) = (one.split('/'), other.split('/'));
    let mut levels = Vec::new();
    loop {
        match (ones.next(), others.next()) {
            (None, None) => break,
            (Some("#"), rest) => {
                levels.extend(rest);
                levels.extend(others);
                break;
            }
            (rest, Some("#")) => {
                levels.extend(rest);
                levels.extend(ones);
                break;
            }
            (Some("+"), Some(level)) | (Some(level), Some("+")) => levels.push(level),
            (Some(one), Some(other)) if one == other => levels.push(one),
            _ => return None,
        }
    }
    Some(levels.join("/"))
}

impl SubscriptionOptions {
    fn meet(&self, other: &Self) -> bool {
        let may_be = |mine: Option<bool>, theirs: Option<bool>| {
            mine.is_none() || theirs.is_none() || mine == theirs
        };
        let handling = (&self.retain_handling, &other.retain_handling);
        may_be(self.no_local, other.no_local)
            && may_be(self.retain_as_published, other.retain_as_published)
            && !matches!(handling, (Some(mine), Some(theirs)) if mine.is_apart_from(theirs))
    }
}

impl HelloCondition {
    fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::ServerName(mine), Self::ServerName(theirs))
            | (Self::Protocol(mine), Self::Protocol(theirs)) => mine.meets(theirs),
            (Self::Version(mine), Self::Version(theirs)) => !mine.is_apart_from(theirs),
            _ => false,
        }
    }
}

impl Test {
    fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Within(mine), Self::Within(theirs)) => !mine.is_apart_from(theirs),
            (Self::Like(mine), Self::Like(theirs)) => mine.meets(theirs),
            (mine, theirs) => mine == theirs,
        }
    }
}

impl PayloadCondition {
    /// Of what it holds, only values of JSON, and what both ask for alike.
    fn meets(&self, other: &Self) -> bool {
        let is_alike = self.utf8 == other.utf8
            && self.is_json == other.is_json
            && self.starts_with == other.starts_with
            && self.contains == other.contains
            && self.regex == other.regex;
        let mut values = self.json.iter();
        is_alike
            && !are_apart(self.size.as_ref(), other.size.as_ref())
            && self.json.len() == other.json.len()
            && values.all(|(pointer, mine)| {
                let mut theirs = other.json.iter();
                theirs.any(|(at, theirs)| at == pointer && mine.meets(theirs))
            })
    }
}

impl JsonTest {
    fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Within(mine), Self::Within(theirs)) => {
                let has_kin = |range: &Range| theirs.iter().any(|theirs| theirs.meets(range));
                mine.len().saturating_mul(theirs.len()) <= MAX_PAIRS && mine.iter().any(has_kin)
            }
            (Self::Like(mine), Self::Like(theirs)) => mine.meets(theirs),
            (mine, theirs) => mine == theirs,
        }
    }
}

fn are_apart(mine: Option<&Numbers>, theirs: Option<&Numbers>) -> bool {
    matches!((mine, theirs), (Some(mine), Some(theirs)) if mine.is_apart_from(theirs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_filters_have_in_common_is_a_filter() {
        for (one, other, common) in [
            ("a/+/c", "a/b/+", Some("a/b/c")),
            ("a/#", "+/b", Some("a/b")),
            ("a/#", "a", Some("a")),
            ("a/#", "a/b/#", Some("a/b/#")),
            ("#", "#", Some("#")),
            ("a/b", "a/c", None),
            ("a/b", "a", None),
            ("a/{client_id}/#", "a/+/cmd", Some("a/{client_id}/cmd")),
        ] {
            for (one, other) in [(one, other), (other, one)] {
                assert_eq!(shared(one, other).as_deref(), common, "{one} {other}");
            }
        }
    }
}
