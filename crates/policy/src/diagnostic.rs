//! What is wrong with the operator's files: all at once, each with its place, its line and a hint.

use std::fmt::{self, Write as _};

use crate::Place;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Worth knowing; the file is used all the same.
    Warning,
    /// The file can't be used.
    Error,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub level: Level,
    /// Where it is.
    pub place: Place,
    /// What it is, in one line.
    pub message: String,
    /// The source line with its marked part.
    pub snippet: Snippet,
    /// Other places that belong to it, each with its role ("first defined here").
    pub related: Vec<(Place, String)>,
    /// What to do about it.
    pub helps: Vec<String>,
}

/// A source line made fit for a terminal: control characters are replaced, overlong lines cut.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snippet {
    /// The line, or the part of it around the mark.
    pub line: String,
    /// Characters of `line` before the mark.
    pub start: usize,
    /// Characters marked, at least 1.
    pub len: usize,
}

/// `file:line:column: error: message`, the line with its mark, and the advice below.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}: {}", self.place, self.level, self.message)?;
        let number = self.place.line.to_string();
        let margin = number.len() + 1;
        writeln!(f, " {number} | {}", self.snippet.line)?;
        let (before, mark) = (self.snippet.start, "^".repeat(self.snippet.len.max(1)));
        writeln!(f, "{:margin$} | {:before$}{mark}", "", "")?;
        for (place, role) in &self.related {
            writeln!(f, "{:margin$} = {role}: {place}", "")?;
        }
        for help in &self.helps {
            writeln!(f, "{:margin$} = help: {help}", "")?;
        }
        Ok(())
    }
}

/// All findings of one run, in the order of files and places.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    /// Findings that weren't kept: errors, warnings.
    left_out: [usize; 2],
}

impl Diagnostics {
    /// Whether a file can't be used.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.count(Level::Error) > 0
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && self.left_out == [0; 2]
    }

    /// How many findings of this level there are, with those that weren't kept.
    #[must_use]
    pub fn count(&self, level: Level) -> usize {
        let kept = self.iter().filter(|d| d.level == level).count();
        kept + self.left_out[level as usize]
    }

    /// The findings that were kept: a file that is broken all over yields only the first hundreds.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// Takes over the findings of another run.
    pub fn extend(&mut self, other: Self) {
        self.list.extend(other.list);
        for (mine, theirs) in self.left_out.iter_mut().zip(other.left_out) {
            *mine += theirs;
        }
    }

    /// All findings as plain text for a terminal or a log, with a closing count. Empty for none.
    #[must_use]
    pub fn render(&self) -> String {
        self.to_string()
    }

    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// Counts findings that aren't kept.
    pub(crate) fn leave_out(&mut self, level: Level, count: usize) {
        self.left_out[level as usize] += count;
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn list_mut(&mut self) -> &mut [Diagnostic] {
        &mut self.list
    }

    /// Sorts by place, keeping the files in the order they were given.
    pub(crate) fn sort(&mut self, file_order: impl Fn(&str) -> usize) {
        self.list
            .sort_by_key(|d| (file_order(&d.place.file), d.place.line, d.place.column));
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return Ok(());
        }
        for diagnostic in self {
            writeln!(f, "{diagnostic}")?;
        }
        let left_out: usize = self.left_out.iter().sum();
        if left_out > 0 {
            writeln!(f, "{left_out} more are not shown")?;
        }
        writeln!(f, "{}", self.summary())
    }
}

impl Diagnostics {
    /// "2 errors, 1 warning".
    #[must_use]
    pub fn summary(&self) -> String {
        let mut summary = String::new();
        for level in [Level::Error, Level::Warning] {
            let count = self.count(level);
            if count == 0 {
                continue;
            }
            let comma = if summary.is_empty() { "" } else { ", " };
            let plural = if count == 1 { "" } else { "s" };
            write!(summary, "{comma}{count} {level}{plural}").expect("writing to a string");
        }
        summary
    }
}

impl std::error::Error for Diagnostics {}
