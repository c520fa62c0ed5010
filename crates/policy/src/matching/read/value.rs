//! What is asked of one value: of a property, of an option.

use super::MatchReader;
use super::number::Quantity;
use crate::matching::entry;
use crate::matching::value::Test;
use crate::read::Node;

/// What a value is, and so how a rule may ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Flag,
    Number,
    Text,
    /// A text that is the same in any case of letters.
    Name,
    /// Asked for its length.
    Bytes,
}

const NUMBER: Quantity = Quantity {
    what: "number",
    most: u32::MAX as u64,
    example: "write { min = 1 }, { max = 3600 }, both, or true for any",
};
const LENGTH: Quantity = Quantity {
    what: "length",
    most: u16::MAX as u64,
    example: "write { min = 1 }, { max = 64 }, both, in bytes, or true for any",
};

impl MatchReader<'_> {
    /// `true` and `false` ask whether it is there, or for the value of what is a yes or no; a table asks
    /// for bounds; text is globs.
    pub(super) fn test(&mut self, node: &Node<'_>, form: Form) -> Option<Test> {
        if node.is_boolean() {
            let wanted = node.boolean(self.report)?;
            return Some(match form {
                Form::Flag => Test::Flag(wanted),
                _ => Test::Is(wanted),
            });
        }
        match form {
            Form::Flag => node.boolean(self.report).map(Test::Flag),
            Form::Number => self.numbers(node, NUMBER).map(Test::Within),
            Form::Bytes => self.numbers(node, LENGTH).map(Test::Within),
            Form::Text => Some(Test::Like(self.list(node, entry::text_glob))),
            Form::Name => Some(Test::Like(self.list(node, entry::name_glob))),
        }
    }
}
