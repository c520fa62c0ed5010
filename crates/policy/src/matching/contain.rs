//! How the conditions of two rules relate, as far as that is plain to see: whether one holds wherever the
//! other does, whether both can hold for the same message.

use super::addresses::Addresses;
use super::condition::{Condition, FilterCondition, SubscriptionOptions};
use super::glob::{Anchor, Glob};
use super::hello::HelloCondition;
use super::list::List;
use super::name::NamePattern;
use super::path::PathPattern;
use super::pattern::{Pattern, Relation};
use super::payload::{Bytes, PayloadCondition};

/// Longer lists are only compared for being the same.
const MAX_PAIRS: usize = 4096;

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
                    party == other && mine.takes_in(theirs, Addresses::takes_in)
                }
                (Self::Identity(identity, mine), Self::Identity(other, theirs)) => {
                    identity == other && mine.takes_in(theirs, NamePattern::takes_in)
                }
                (Self::Topic(mine), Self::Topic(theirs)) => {
                    mine.takes_in(theirs, Pattern::takes_in)
                }
                (Self::TopicText(mine), Self::TopicText(theirs)) => {
                    mine.takes_in(theirs, Glob::takes_in)
                }
                (Self::Filter(mine), Self::Filter(theirs)) => mine.is_implied_by(theirs),
                (Self::Path(mine), Self::Path(theirs)) => {
                    mine.takes_in(theirs, PathPattern::takes_in)
                }
                (Self::Hello(mine), Self::Hello(theirs)) => mine.is_implied_by(theirs),
                (Self::Payload(mine), Self::Payload(theirs)) => mine.is_implied_by(theirs),
                _ => false,
            }
    }

    /// Whether a message can be one for which both hold; never said of what excludes something.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Topic(mine), Self::Topic(theirs)) => mine.meets(theirs, Pattern::overlaps),
            (Self::Address(_, mine), Self::Address(_, theirs)) => mine
                .meets(theirs, |one, other| {
                    one.takes_in(other) || other.takes_in(one)
                }),
            (Self::Identity(_, mine), Self::Identity(_, theirs)) => mine
                .meets(theirs, |one, other| {
                    one.takes_in(other) || other.takes_in(one)
                }),
            (mine, theirs) => mine.is_implied_by(theirs) || theirs.is_implied_by(mine),
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

impl<T: PartialEq> List<T> {
    /// Whether this list holds wherever `other` does, where `covers` compares two entries.
    pub(super) fn takes_in(&self, other: &Self, covers: impl Fn(&T, &T) -> bool) -> bool {
        if self.pairs(other) > MAX_PAIRS {
            return self == other;
        }
        let names_all = self.any_of.is_empty()
            || !other.any_of.is_empty()
                && other
                    .any_of
                    .iter()
                    .all(|theirs| self.any_of.iter().any(|mine| covers(mine, theirs)));
        let mut excluded = self.none_of.iter();
        names_all && excluded.all(|mine| other.none_of.iter().any(|theirs| covers(theirs, mine)))
    }

    /// Whether an entry of the one and one of the other meet, where nothing is excluded.
    fn meets(&self, other: &Self, meet: impl Fn(&T, &T) -> bool) -> bool {
        self.none_of.is_empty()
            && other.none_of.is_empty()
            && self.pairs(other) <= MAX_PAIRS
            && self
                .any_of
                .iter()
                .any(|mine| other.any_of.iter().any(|theirs| meet(mine, theirs)))
    }

    fn pairs(&self, other: &Self) -> usize {
        let len = |list: &Self| list.any_of.len() + list.none_of.len();
        len(self).saturating_mul(len(other))
    }
}

impl FilterCondition {
    fn is_implied_by(&self, other: &Self) -> bool {
        let wider = |mine: &Pattern, theirs: &Pattern| theirs.takes_in(mine);
        let qos_fits = match (&self.qos, &other.qos) {
            (None, _) => true,
            (Some(mine), Some(theirs)) => theirs.is_subset(mine),
            (Some(_), None) => false,
        };
        // What stays inside of something, or takes it in, overlaps what that does.
        let overlaps = self.overlaps.takes_in(&other.overlaps, Pattern::takes_in)
            || self.overlaps.none_of.is_empty()
                && (self.overlaps.takes_in(&other.within, Pattern::takes_in)
                    || self.overlaps.takes_in(&other.covers, Pattern::overlaps));
        qos_fits
            && self.options.are_implied_by(&other.options)
            && overlaps
            && self.within.takes_in(&other.within, Pattern::takes_in)
            && self.covers.takes_in(&other.covers, wider)
            && self.text.takes_in(&other.text, Glob::takes_in)
    }
}

impl HelloCondition {
    fn is_implied_by(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::ServerName(mine), Self::ServerName(theirs))
            | (Self::Protocol(mine), Self::Protocol(theirs)) => {
                mine.takes_in(theirs, Glob::takes_in)
            }
            (Self::Version(mine), Self::Version(theirs)) => theirs.is_subset(mine),
            _ => false,
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
    /// Of JSON's values only the same test is known to hold.
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
        let contains = self.contains.takes_in(&other.contains, is_part)
            || self.contains.none_of.is_empty()
                && self.contains.takes_in(&other.starts_with, is_part);
        size_fits
            && is_same(self.utf8, other.utf8)
            && is_same(self.is_json, other.is_json)
            && self.starts_with.takes_in(&other.starts_with, begins)
            && contains
            && self.regex.takes_in(&other.regex, PartialEq::eq)
            && self.json.iter().all(|test| other.json.contains(test))
    }
}

impl Pattern {
    /// Whether this one matches all that `other` does.
    fn takes_in(&self, other: &Self) -> bool {
        self == other || self.compares(Relation::Within, other)
    }

    fn overlaps(&self, other: &Self) -> bool {
        self == other || self.compares(Relation::Overlaps, other)
    }

    fn compares(&self, relation: Relation, other: &Self) -> bool {
        let are_plain = !self.is_filled() && !other.is_filled();
        are_plain && relation.holds(&self.widened(), &other.widened())
    }
}

impl Glob {
    /// Whether this one matches all that `other` does.
    pub(super) fn takes_in(&self, other: &Self) -> bool {
        self == other
            || match other.anchor() {
                Some(Anchor::Whole(text)) => self.matches(text),
                _ => self
                    .only_start()
                    .is_some_and(|start| other.start().starts_with(start)),
            }
    }
}

impl NamePattern {
    fn takes_in(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Glob(mine), Self::Glob(theirs)) => mine.takes_in(theirs),
            (mine, theirs) => mine == theirs,
        }
    }
}

impl Addresses {
    /// Whether this one holds all that `other` does.
    fn takes_in(&self, other: &Self) -> bool {
        match (self.networks(), other.networks()) {
            (Some(mine), Some(theirs)) => mine.takes_in(theirs),
            _ => self == other,
        }
    }
}
