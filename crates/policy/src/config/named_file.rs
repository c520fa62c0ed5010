//! Files that a configuration names, with the place where it does.

use std::fmt;

use super::mark::Mark;
use crate::diagnostic::{Diagnostics, Level};
use crate::report::{Report, Span};

/// A file's name as the configuration has it: a path relative to its own directory, or absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFile {
    /// The name.
    pub name: String,
    mark: Mark,
}

impl NamedFile {
    pub(crate) fn new(report: &Report, span: &Span, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            mark: Mark::new(report, span),
        }
    }

    /// Says, at the line that names it, why the file can't be read, with what to do about it.
    #[must_use]
    pub fn unreadable(&self, why: impl fmt::Display, helps: Vec<String>) -> Diagnostics {
        let message = format!("`{}` can't be read: {why}", self.name.escape_debug());
        let mut diagnostics = Diagnostics::default();
        diagnostics.push(self.mark.finding(Level::Error, message, helps));
        diagnostics
    }
}
