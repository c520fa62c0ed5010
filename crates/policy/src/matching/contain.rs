//! How the conditions of two rules relate, as far as that is plain to see: whether one holds wherever the
//! other does, whether no message is one for which both hold.

use super::across;
use super::compare::Comparable;
use super::condition::{Condition, FilterCondition, SubscriptionOptions};
use super::glob::Glob;
use super::hello::HelloCondition;
use super::list::List;
use super::measure::Measure;
use super::pattern::Pattern;
use super::payload::{Bytes, JsonTest, PayloadCondition, Range};
use super::prefix::may_begin_delayed;
use super::time::Schedule;
use super::value::Test;

/// Longer lists are only compared for being the same.
pub(super) const MAX_PAIRS: usize = 4096;

impl Condition {
    /// Whether this one holds wherever `other` does.
    pub(crate) fn is_implied_by(&self, other: &Self) -> bool {
        self == other
            || match (self, other) {
                (Self::Service(mine), Self::Service(theirs)) => theirs.is_subset(mine),
                (Self::Version(mine), Self::Version(theirs)) => theirs.is_subset(mine),
                (Self::Qos(mine), Self::Qos(theirs)) => theirs.is_subset(mine),
                (Self::Code(mine), Self::Code(theirs)) => theirs.0.is_subset(&mine.0),
                (Self::ReasonCode(mine), Self::ReasonCode(theirs)) => theirs.is_subset(mine),
                (Self::Type(mine), Self::Type(theirs)) => theirs.is_subset(mine),
                (Self::Number(measure, mine), Self::Number(other, theirs)) => {
                    measure == other && theirs.is_subset(mine)
                }
                (Self::Address(party, mine), Self::Address(other, theirs)) => {
                    party == other && mine.takes_in(theirs)
                }
                (Self::Identity(identity, mine), Self::Identity(other, theirs)) => {
                    identity == other && mine.takes_in(theirs)
                }
                (Self::Password(mine), Self::Password(theirs)) => mine.takes_in(theirs),
                (Self::Topic(mine), Self::Topic(theirs)) => mine.takes_in(theirs),
                (Self::TopicText(mine), Self::TopicText(theirs)) => {
                    let excludes_more = mine.none_of.iter().any(|not| !theirs.excludes(not));
                    mine.takes_in(theirs)
                        && !(excludes_more
                            && may_be_delayed(mine.none_of.iter().chain(&theirs.any_of)))
                }
                (Self::TopicText(mine), Self::Topic(theirs)) => across::texts(mine, theirs),
                (Self::Topic(mine), Self::TopicText(theirs)) => across::patterns(mine, theirs),
                (Self::Filter(mine), Self::Filter(theirs)) => mine.is_implied_by(theirs),
                (Self::Path(mine), Self::Path(theirs)) => mine.takes_in(theirs),
                (Self::Time(mine), Self::Time(theirs)) => take_in(mine, theirs),
                (Self::Hello(mine), Self::Hello(theirs)) => mine.is_implied_by(theirs),
                (Self::Payload(mine), Self::Payload(theirs)) => mine.is_implied_by(theirs),
                (Self::Property(mine), Self::Property(theirs)) => {
                    self.is_kin_of(other) && mine.test.is_implied_by(&theirs.test)
                }
                (Self::Option(mine), Self::Option(theirs)) => {
                    self.is_kin_of(other) && mine.test.is_implied_by(&theirs.test)
                }
                _ => false,
            }
    }

    /// Whether no message is one for which both hold, nor a part of it where both are asked of its parts, as far as that
    /// is plain to see. Of what a message has several of beside, each may hold for another one.
    pub(crate) fn is_apart_from(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Tls(mine), Self::Tls(theirs))
            | (Self::AddressValidated(mine), Self::AddressValidated(theirs)) => mine != theirs,
            (Self::Qos(mine), Self::Qos(theirs)) => mine.is_apart_from(theirs),
            (Self::ReasonCode(mine), Self::ReasonCode(theirs)) => mine.is_apart_from(theirs),
            (Self::Filter(mine), Self::Filter(theirs)) => mine.is_apart_from(theirs),
            (Self::Flag(flag, mine), Self::Flag(other, theirs)) => flag == other && mine != theirs,
            (Self::Number(measure, mine), Self::Number(other, theirs)) => {
                measure == other && *measure != Measure::Levels && mine.is_apart_from(theirs)
            }
            (Self::Service(mine), Self::Service(theirs)) => mine.is_apart_from(theirs),
            (Self::Version(mine), Self::Version(theirs)) => mine.is_apart_from(theirs),
            (Self::Type(mine), Self::Type(theirs)) => mine.is_apart_from(theirs),
            (Self::Code(mine), Self::Code(theirs)) => mine.0.is_apart_from(&theirs.0),
            (Self::Topic(mine), Self::Topic(theirs)) => mine.is_apart_from(theirs),
            (Self::TopicText(mine), Self::TopicText(theirs)) => {
                !may_be_delayed(mine.any_of.iter().chain(&theirs.any_of))
                    && mine.is_apart_from(theirs)
            }
            (Self::Path(mine), Self::Path(theirs)) => mine.is_apart_from(theirs),
            (Self::Address(party, mine), Self::Address(other, theirs)) => {
                party == other && mine.is_apart_from(theirs)
            }
            (Self::Identity(identity, mine), Self::Identity(other, theirs)) => {
                identity == other && mine.is_apart_from(theirs)
            }
            (Self::Password(mine), Self::Password(theirs)) => mine.is_apart_from(theirs),
            _ => false,
        }
    }

    /// Whether both ask for the same thing of a message, whatever they want of it.
    pub(crate) fn is_kin_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Flag(mine, _), Self::Flag(theirs, _)) => mine == theirs,
            (Self::Number(mine, _), Self::Number(theirs, _)) => mine == theirs,
            (Self::Address(mine, _), Self::Address(theirs, _)) => mine == theirs,
            (Self::Identity(mine, _), Self::Identity(theirs, _)) => mine == theirs,
            (Self::Property(mine), Self::Property(theirs)) => {
                mine.id == theirs.id && mine.name == theirs.name
            }
            (Self::Option(mine), Self::Option(theirs)) => mine.number == theirs.number,
            (Self::Hello(mine), Self::Hello(theirs)) => {
                std::mem::discriminant(mine) == std::mem::discriminant(theirs)
            }
            (mine, theirs) => std::mem::discriminant(mine) == std::mem::discriminant(theirs),
        }
    }
}

/// Whether one of them may fit the topic of a message that is put off: that has another one as well, which the others
/// may fit.
fn may_be_delayed<'g>(mut texts: impl Iterator<Item = &'g Glob>) -> bool {
    texts.any(|text| may_begin_delayed(text.start()))
}

/// Whether one of `mine` holds whenever one of `theirs` does.
fn take_in(mine: &[Schedule], theirs: &[Schedule]) -> bool {
    let is_taken_in = |theirs: &Schedule| mine.iter().any(|mine| mine.takes_in(theirs));
    mine.len().saturating_mul(theirs.len()) <= MAX_PAIRS && theirs.iter().all(is_taken_in)
}

impl<T: Comparable> List<T> {
    /// Whether this list holds wherever `other` does.
    pub(super) fn takes_in(&self, other: &Self) -> bool {
        if self.pairs(other) > MAX_PAIRS {
            return self == other;
        }
        let is_never_theirs = |mine: &T| {
            let named = &other.any_of;
            !named.is_empty() && named.iter().all(|theirs| theirs.is_apart_from(mine))
        };
        let mut excluded = self.none_of.iter();
        self.names_all_of(other, T::takes_in)
            && excluded.all(|mine| other.excludes(mine) || is_never_theirs(mine))
    }

    /// Whether nothing fits both.
    fn is_apart_from(&self, other: &Self) -> bool {
        let excludes_all = |of: &Self, list: &Self| {
            !of.any_of.is_empty() && of.any_of.iter().all(|entry| list.excludes(entry))
        };
        self.pairs(other) <= MAX_PAIRS
            && (excludes_all(self, other)
                || excludes_all(other, self)
                || self.names_apart_from(other))
    }

    /// Whether nothing fits what both name.
    fn names_apart_from(&self, other: &Self) -> bool {
        let are_apart = |mine: &T| other.any_of.iter().all(|theirs| mine.is_apart_from(theirs));
        let both_name = !self.any_of.is_empty() && !other.any_of.is_empty();
        self.pairs(other) <= MAX_PAIRS && both_name && self.any_of.iter().all(are_apart)
    }

    /// Whether it excludes all that it names.
    pub(crate) fn leaves_nothing(&self) -> bool {
        !self.any_of.is_empty()
            && self.any_of.len().saturating_mul(self.none_of.len()) <= MAX_PAIRS
            && self.any_of.iter().all(|entry| self.excludes(entry))
    }

    fn excludes(&self, entry: &T) -> bool {
        self.none_of.iter().any(|not| not.takes_in(entry))
    }
}

impl<T: PartialEq> List<T> {
    /// Whether this list holds wherever `other` does, where `covers` compares two entries.
    fn takes_in_by(&self, other: &Self, covers: impl Fn(&T, &T) -> bool) -> bool {
        if self.pairs(other) > MAX_PAIRS {
            return self == other;
        }
        let mut excluded = self.none_of.iter();
        self.names_all_of(other, &covers)
            && excluded.all(|mine| other.none_of.iter().any(|theirs| covers(theirs, mine)))
    }

    fn names_all_of(&self, other: &Self, covers: impl Fn(&T, &T) -> bool) -> bool {
        let is_named = |theirs: &T| self.any_of.iter().any(|mine| covers(mine, theirs));
        self.any_of.is_empty() || !other.any_of.is_empty() && other.any_of.iter().all(is_named)
    }

    pub(super) fn pairs(&self, other: &Self) -> usize {
        let len = |list: &Self| list.any_of.len() + list.none_of.len();
        len(self).saturating_mul(len(other))
    }
}

impl FilterCondition {
    /// What is left out of a tree that filters are to overlap.
    pub(crate) fn excluded_part(&self) -> Option<&Pattern> {
        let is_part = |part: &&Pattern| self.overlaps.any_of.iter().any(|tree| tree.takes_in(part));
        self.overlaps.none_of.iter().find(is_part)
    }

    /// Whether no filter fits both: one inside of a tree neither overlaps with what is outside of it nor takes that in.
    fn is_apart_from(&self, other: &Self) -> bool {
        let is_outside = |inner: &Self, outer: &Self| {
            let mut asked = [&outer.overlaps, &outer.covers].into_iter();
            asked.any(|list| inner.within.names_apart_from(list))
        };
        let qos_are_apart = matches!((&self.qos, &other.qos), (Some(mine), Some(theirs)) if mine.is_apart_from(theirs));
        qos_are_apart
            || self.within.is_apart_from(&other.within)
            || is_outside(self, other)
            || is_outside(other, self)
    }

    fn is_implied_by(&self, other: &Self) -> bool {
        let wider = |mine: &Pattern, theirs: &Pattern| theirs.takes_in(mine);
        let qos_fits = match (&self.qos, &other.qos) {
            (None, _) => true,
            (Some(mine), Some(theirs)) => theirs.is_subset(mine),
            (Some(_), None) => false,
        };
        // What stays inside of something, or takes it in, overlaps what that does.
        let overlaps = self
            .overlaps
            .takes_in_by(&other.overlaps, Pattern::takes_in)
            || self.overlaps.none_of.is_empty()
                && (self.overlaps.takes_in_by(&other.within, Pattern::takes_in)
                    || self.overlaps.takes_in_by(&other.covers, Pattern::meets));
        qos_fits
            && self.options.are_implied_by(&other.options)
            && overlaps
            && self.within.takes_in_by(&other.within, Pattern::takes_in)
            && self.covers.takes_in_by(&other.covers, wider)
            && self.text.takes_in_by(&other.text, Glob::takes_in)
    }
}

impl HelloCondition {
    fn is_implied_by(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::ServerName(mine), Self::ServerName(theirs))
            | (Self::Protocol(mine), Self::Protocol(theirs)) => mine.takes_in(theirs),
            (Self::Version(mine), Self::Version(theirs)) => theirs.is_subset(mine),
            _ => false,
        }
    }
}

impl Test {
    /// Whether what passes the other passes this.
    fn is_implied_by(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Within(mine), Self::Within(theirs)) => theirs.is_subset(mine),
            (Self::Like(mine), Self::Like(theirs)) => mine.takes_in(theirs),
            (mine, theirs) => mine == theirs,
        }
    }
}

impl JsonTest {
    fn is_implied_by(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Within(mine), Self::Within(theirs)) => {
                let is_taken_in = |range: &Range| mine.iter().any(|mine| mine.takes_in(range));
                mine.len().saturating_mul(theirs.len()) <= MAX_PAIRS
                    && theirs.iter().all(is_taken_in)
            }
            (Self::Like(mine), Self::Like(theirs)) => mine.takes_in(theirs),
            (mine, theirs) => mine == theirs,
        }
    }
}

impl SubscriptionOptions {
    fn are_implied_by(&self, other: &Self) -> bool {
        let is_same = |mine: Option<bool>, theirs| mine.is_none() || mine == theirs;
        let handling_fits = match (&self.retain_handling, &other.retain_handling) {
            (None, _) => true,
            (Some(mine), Some(theirs)) => theirs.is_subset(mine),
            (Some(_), None) => false,
        };
        is_same(self.no_local, other.no_local)
            && is_same(self.retain_as_published, other.retain_as_published)
            && handling_fits
    }
}

impl PayloadCondition {
    fn is_implied_by(&self, other: &Self) -> bool {
        let size_fits = match (&self.size, &other.size) {
            (None, _) => true,
            (Some(mine), Some(theirs)) => theirs.is_subset(mine),
            (Some(_), None) => false,
        };
        let is_same = |mine: Option<bool>, theirs| mine.is_none() || mine == theirs;
        let begins = |mine: &Bytes, theirs: &Bytes| theirs.as_slice().starts_with(mine.as_slice());
        let is_part = |mine: &Bytes, theirs: &Bytes| mine.is_in(theirs.as_slice());
        // What begins with something has it in it.
        let contains = self.contains.takes_in_by(&other.contains, is_part)
            || self.contains.none_of.is_empty()
                && self.contains.takes_in_by(&other.starts_with, is_part);
        size_fits
            && is_same(self.utf8, other.utf8)
            && is_same(self.is_json, other.is_json)
            && self.starts_with.takes_in_by(&other.starts_with, begins)
            && contains
            && self.regex.takes_in_by(&other.regex, PartialEq::eq)
            && self.json.iter().all(|(pointer, mine)| {
                let mut theirs = other.json.iter();
                theirs.any(|(at, theirs)| at == pointer && mine.is_implied_by(theirs))
            })
    }
}
