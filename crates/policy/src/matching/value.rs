//! What a rule asks of one value: a property's, an option's.

use super::asked::Effect;
use super::glob::Glob;
use super::list::List;
use super::numbers::Numbers;

/// One value, as its format has it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Flag(bool),
    Number(u64),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// Not what its format has.
    Broken,
}

/// What is asked of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Test {
    /// Whether it is there at all.
    Is(bool),
    /// A yes or no that is this.
    Flag(bool),
    /// A number, or the length of bytes.
    Within(Numbers),
    /// A text.
    Like(List<Glob>),
}

impl Test {
    /// Whether the values pass, as many as the effect asks for; of none, whether that is what was asked for.
    pub(super) fn holds<'a>(
        &self,
        mut values: impl Iterator<Item = Value<'a>>,
        effect: Effect,
    ) -> bool {
        match self {
            Self::Is(there) => values.next().is_some() == *there,
            _ => effect.fits(values.map(|value| self.passes(value))),
        }
    }

    fn passes(&self, value: Value<'_>) -> bool {
        match (self, value) {
            (Self::Flag(wanted), Value::Flag(flag)) => *wanted == flag,
            (Self::Within(numbers), Value::Number(number)) => numbers.contains(number),
            (Self::Within(numbers), Value::Bytes(bytes)) => numbers.holds(bytes.len()),
            (Self::Like(globs), Value::Text(text)) => globs.holds(|glob| glob.matches(text)),
            _ => false,
        }
    }
}
