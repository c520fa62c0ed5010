//! Places in a configuration, kept for what is found when the file isn't at hand any more.

use crate::Place;
use crate::diagnostic::{Diagnostic, Level, Snippet};
use crate::report::{Report, Span};

/// A place in a configuration with the line it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    place: Place,
    snippet: Snippet,
}

impl Mark {
    pub(crate) fn new(report: &Report, span: &Span) -> Self {
        Self {
            place: report.place(span),
            snippet: report.snippet(span),
        }
    }

    /// A finding at this place.
    pub(crate) fn finding(&self, level: Level, message: String, helps: Vec<String>) -> Diagnostic {
        Diagnostic {
            level,
            place: self.place.clone(),
            message,
            snippet: self.snippet.clone(),
            related: Vec::new(),
            helps,
        }
    }
}
