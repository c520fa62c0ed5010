//! Files that a configuration names, with the place where it does.

use std::fmt;

use crate::Place;
use crate::diagnostic::{Diagnostic, Diagnostics, Level, Snippet};
use crate::report::{Report, Span};

/// A file's name as the configuration has it: a path relative to its own directory, or absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFile {
    /// The name.
    pub name: String,
    place: Place,
    snippet: Snippet,
}

impl NamedFile {
    pub(crate) fn new(report: &Report, span: &Span, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            place: report.place(span),
            snippet: report.snippet(span),
        }
    }

    /// Says, at the line that names it, why the file can't be read, with what to do about it.
    #[must_use]
    pub fn unreadable(&self, why: impl fmt::Display, helps: Vec<String>) -> Diagnostics {
        let mut diagnostics = Diagnostics::default();
        diagnostics.push(Diagnostic {
            level: Level::Error,
            place: self.place.clone(),
            message: format!("`{}` can't be read: {why}", self.name.escape_debug()),
            snippet: self.snippet.clone(),
            related: Vec::new(),
            helps,
        });
        diagnostics
    }
}
