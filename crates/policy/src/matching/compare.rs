//! How the entries of two conditions' lists relate, as far as that is plain to see without a message at hand.

use super::addresses::Addresses;
use super::glob::Glob;
use super::name::NamePattern;
use super::pattern::{Pattern, Relation};

/// An entry that can be compared with another one. Whatever isn't plain is answered by no.
pub(crate) trait Comparable: PartialEq {
    /// Whether this one fits whatever `other` does.
    fn takes_in(&self, other: &Self) -> bool;

    /// Whether nothing fits both.
    fn is_apart_from(&self, other: &Self) -> bool;

    /// Whether something fits both.
    fn meets(&self, other: &Self) -> bool {
        self.takes_in(other) || other.takes_in(self)
    }

    /// Whether a few such entries leave something over.
    fn is_one_of_many(&self) -> bool {
        true
    }
}

impl Comparable for Pattern {
    fn takes_in(&self, other: &Self) -> bool {
        self == other || Relation::Within.holds(self.as_written(), other.as_written())
    }

    /// What is put into a pattern makes it match less than its widened form. A message that is put off has two topics, and
    /// each pattern may match another one.
    fn is_apart_from(&self, other: &Self) -> bool {
        !self.may_be_delayed()
            && !other.may_be_delayed()
            && !Relation::Overlaps.holds(self.widened(), other.widened())
    }

    fn meets(&self, other: &Self) -> bool {
        Relation::Overlaps.holds(self.as_written(), other.as_written())
    }

    fn is_one_of_many(&self) -> bool {
        !self.is_everything()
    }
}

impl Comparable for Glob {
    fn takes_in(&self, other: &Self) -> bool {
        self == other
            || match other.whole() {
                Some(text) => self.matches(text),
                None => self
                    .only_start()
                    .is_some_and(|start| other.start().starts_with(start)),
            }
    }

    fn is_apart_from(&self, other: &Self) -> bool {
        match (self.whole(), other.whole()) {
            (Some(text), _) => !other.matches(text),
            (_, Some(text)) => !self.matches(text),
            _ => !either(self.start(), other.start(), |one, other| {
                one.starts_with(other)
            }),
        }
    }

    /// Between what two globs with stars begin and end with, there is room for all that both ask.
    fn meets(&self, other: &Self) -> bool {
        let ends = (self.ends(), other.ends());
        self.takes_in(other)
            || other.takes_in(self)
            || matches!(ends, (Some((start, end)), Some((other_start, other_end)))
                if either(start, other_start, |one, other| one.starts_with(other))
                    && either(end, other_end, |one, other| one.ends_with(other)))
    }

    fn is_one_of_many(&self) -> bool {
        self.only_start() != Some("")
    }
}

impl Comparable for NamePattern {
    fn takes_in(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Glob(mine), Self::Glob(theirs)) => mine.takes_in(theirs),
            (mine, theirs) => mine == theirs,
        }
    }

    fn is_apart_from(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Glob(mine), Self::Glob(theirs)) if mine.is_apart_from(theirs))
    }

    fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Glob(mine), Self::Glob(theirs)) => mine.meets(theirs),
            (mine, theirs) => mine == theirs,
        }
    }
}

impl Comparable for Addresses {
    fn takes_in(&self, other: &Self) -> bool {
        match (self.networks(), other.networks()) {
            (Some(mine), Some(theirs)) => mine.takes_in(theirs),
            _ => self == other,
        }
    }

    fn is_apart_from(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Side(mine), Self::Side(theirs)) => mine != theirs,
            _ => match (self.networks(), other.networks()) {
                // A zone may be filled later.
                (Some(mine), Some(theirs)) => {
                    !mine.is_empty() && !theirs.is_empty() && !mine.meets(theirs)
                }
                _ => false,
            },
        }
    }

    fn meets(&self, other: &Self) -> bool {
        match (self.networks(), other.networks()) {
            (Some(mine), Some(theirs)) => mine.meets(theirs),
            _ => self == other,
        }
    }

    /// There are two sides.
    fn is_one_of_many(&self) -> bool {
        !matches!(self, Self::Side(_))
    }
}

/// Whether it holds of the two in some order.
fn either(one: &str, other: &str, holds: impl Fn(&str, &str) -> bool) -> bool {
    holds(one, other) || holds(other, one)
}
