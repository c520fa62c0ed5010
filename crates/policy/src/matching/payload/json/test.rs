//! What is asked of a value in JSON.

use super::Value;
use crate::matching::glob::Glob;
use crate::matching::list::List;

/// What is asked of the value a pointer names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum JsonTest {
    /// Whether there is one; where a rule catches what has none, in what is no JSON there is none.
    Exists(bool),
    Flag(bool),
    /// A number in one of these ranges, both ends included.
    Within(Box<[Range]>),
    Like(List<Glob>),
}

/// Numbers from one to another; without an end they go on for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Range {
    pub(crate) min: Real,
    pub(crate) max: Real,
}

/// A number of a rule, or an infinity: what is too large for a number is read as that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Real(pub(crate) f64);

impl Eq for Real {}

impl Real {
    /// Its place among all numbers there are (IEEE 754 §5.10): of two, the larger one has the larger.
    pub(crate) fn rank(self) -> u64 {
        // Zero is one number, whatever its sign.
        let bits = (self.0 + 0.0).to_bits();
        match bits >> 63 {
            0 => bits | 1 << 63,
            _ => !bits,
        }
    }
}

impl std::hash::Hash for Real {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}
impl JsonTest {
    /// Whether a value passes; `decode` hands over what a string's inside stands for.
    pub(super) fn passes(
        &self,
        value: Value<'_>,
        decode: impl Fn(&[u8], &dyn Fn(&str) -> bool) -> bool,
    ) -> bool {
        match (self, value) {
            (Self::Exists(wanted), _) => *wanted,
            (Self::Flag(wanted), Value::Flag(flag)) => flag == *wanted,
            (Self::Within(ranges), Value::Number(number)) => {
                ranges.iter().any(|range| range.contains(number))
            }
            (Self::Like(globs), Value::Text(raw)) => {
                decode(raw, &|text| globs.holds(|glob| glob.matches(text)))
            }
            // What is no text is no text that is excluded.
            (Self::Like(globs), _) => globs.any_of.is_empty(),
            _ => false,
        }
    }
}

impl Range {
    pub(crate) const fn new(min: f64, max: f64) -> Self {
        Self {
            min: Real(min),
            max: Real(max),
        }
    }

    /// Whether all of `other` is in this one.
    pub(crate) fn takes_in(&self, other: &Self) -> bool {
        self.min.0 <= other.min.0 && other.max.0 <= self.max.0
    }

    /// Whether some number is in both.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.min.0.max(other.min.0) <= self.max.0.min(other.max.0)
    }

    fn contains(&self, number: f64) -> bool {
        (self.min.0..=self.max.0).contains(&number)
    }
}
