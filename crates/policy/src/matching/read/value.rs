//! What is asked of one value: of a property, of an option.

use super::MatchReader;
use crate::matching::entry;
use crate::matching::value::Test;
use crate::read::Node;

/// What a value is, and so how a rule may ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Flag,
    Number,
    Text,
    /// Asked for its length.
    Bytes,
}

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
            Form::Number => {
                let example = "write { min = 1 }, { max = 3600 }, both, or true for any";
                let most = u64::from(u32::MAX);
                self.bounds(node, "number", most, example).map(Test::Within)
            }
            Form::Bytes => {
                let example = "write { min = 1 }, { max = 64 }, both, in bytes, or true for any";
                let most = u64::from(u16::MAX);
                self.bounds(node, "length", most, example).map(Test::Within)
            }
            Form::Text => Some(Test::Like(self.list(node, entry::text_glob))),
        }
    }
}
