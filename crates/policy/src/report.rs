//! Where findings are gathered while files are read: byte ranges become places and lines here.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics, Level, Snippet};
use crate::suggest::{meant, one_of, suggest};
use crate::{Place, SourceText};

/// More findings than this aren't kept: a file that broken is not one of ours.
const MAX_FINDINGS: usize = 200;
/// Characters of a source line that are shown.
const MAX_LINE_CHARS: usize = 120;

/// A byte range of one of the files at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    file: usize,
    range: Range<usize>,
}

impl Span {
    /// The part of a span that starts `offset` bytes in and is `len` bytes long.
    pub(crate) fn part(&self, offset: usize, len: usize) -> Self {
        let start = self.range.start.saturating_add(offset).min(self.range.end);
        let end = start.saturating_add(len).min(self.range.end);
        Self {
            file: self.file,
            range: start..end,
        }
    }

    pub(crate) fn at(&self, range: Range<usize>) -> Self {
        Self {
            file: self.file,
            range,
        }
    }
}

/// One file and where its lines start.
struct File {
    source: SourceText,
    line_starts: Vec<usize>,
    /// Lines with a syntax error: what the parser made of them isn't judged again.
    broken_lines: BTreeSet<usize>,
}

/// The files at hand and what was found in them.
#[derive(Default)]
pub(crate) struct Report {
    files: Vec<File>,
    found: Diagnostics,
}

impl Report {
    /// Takes up a file; the span covers all of it.
    pub(crate) fn add_file(&mut self, source: &SourceText) -> Span {
        let newlines = memchr::memchr_iter(b'\n', source.text.as_bytes()).map(|at| at + 1);
        self.files.push(File {
            source: source.clone(),
            line_starts: std::iter::once(0).chain(newlines).collect(),
            broken_lines: BTreeSet::new(),
        });
        Span {
            file: self.files.len() - 1,
            range: 0..source.text.len(),
        }
    }

    /// The bytes of a span as written.
    pub(crate) fn text(&self, span: &Span) -> &str {
        let text = &self.files[span.file].source.text;
        text.get(span.range.clone()).unwrap_or_default()
    }

    /// Reports a syntax error, and keeps quiet about the rest of that line from now on.
    pub(crate) fn syntax_error(&mut self, span: &Span, message: impl Into<String>) -> Finding<'_> {
        let line = self.files[span.file].line_of(span.range.start);
        let finding = self.push(Level::Error, span, message);
        finding.report.files[span.file].broken_lines.insert(line);
        finding
    }

    /// The line that a span begins in.
    pub(crate) fn line(&self, span: &Span) -> &str {
        let file = &self.files[span.file];
        file.line(file.line_of(span.range.start))
    }

    /// Reports nothing of the line that a span begins in from now on.
    pub(crate) fn keep_quiet_about(&mut self, span: &Span) {
        let file = &mut self.files[span.file];
        let line = file.line_of(span.range.start);
        file.broken_lines.insert(line);
    }

    /// The same of all below it, up to the next header.
    pub(crate) fn keep_quiet_below(&mut self, header: &Span) {
        let file = &mut self.files[header.file];
        let first = file.line_of(header.range.start);
        let end = file.next_header(first + 1);
        file.broken_lines.extend(first..end);
    }

    /// Counts errors that nobody needs to see.
    pub(crate) fn leave_out(&mut self, errors: usize) {
        self.found.leave_out(Level::Error, errors);
    }

    /// Whether a table, from where it begins to the next header, had syntax errors, so that what is
    /// missing there may only not have been understood.
    pub(crate) fn is_broken(&self, table: &Span) -> bool {
        let file = &self.files[table.file];
        if file.broken_lines.is_empty() {
            return false;
        }
        let first = file.line_of(table.range.start);
        let inside = file.line_of(table.range.end);
        let end = file.next_header(inside + 1);
        file.broken_lines.range(first..end).next().is_some()
    }

    pub(crate) fn error(&mut self, span: &Span, message: impl Into<String>) -> Finding<'_> {
        self.push(Level::Error, span, message)
    }

    pub(crate) fn warning(&mut self, span: &Span, message: impl Into<String>) -> Finding<'_> {
        self.push(Level::Warning, span, message)
    }

    /// Takes up a finding about a file that isn't at hand.
    pub(crate) fn add(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    /// The place of a span's first character.
    pub(crate) fn place(&self, span: &Span) -> Place {
        self.files[span.file].place(span.range.start)
    }

    /// The line of a span's beginning, with the span marked.
    pub(crate) fn snippet(&self, span: &Span) -> Snippet {
        self.files[span.file].snippet(&span.range)
    }

    /// How many errors there are so far.
    pub(crate) fn errors(&self) -> usize {
        self.found.count(Level::Error)
    }

    /// Whether there are errors so far.
    pub(crate) fn has_errors(&self) -> bool {
        self.found.has_errors()
    }

    /// All findings in the order of the files and of the places in them.
    pub(crate) fn finish(mut self) -> Diagnostics {
        let names: Vec<Arc<str>> = self.files.iter().map(|f| f.source.name.clone()).collect();
        self.found.sort(|file| {
            names
                .iter()
                .position(|n| **n == *file)
                .unwrap_or(names.len())
        });
        self.found
    }

    fn push(&mut self, level: Level, span: &Span, message: impl Into<String>) -> Finding<'_> {
        let file = &self.files[span.file];
        let line = file.line_of(span.range.start);
        if file.broken_lines.contains(&line) {
            return Finding {
                report: self,
                at: None,
            };
        }
        if self.found.len() >= MAX_FINDINGS {
            self.found.leave_out(level, 1);
            return Finding {
                report: self,
                at: None,
            };
        }
        let diagnostic = Diagnostic {
            level,
            place: file.place(span.range.start),
            message: message.into(),
            snippet: file.snippet(&span.range),
            related: Vec::new(),
            helps: Vec::new(),
        };
        self.found.push(diagnostic);
        let at = Some(self.found.len() - 1);
        Finding { report: self, at }
    }
}

/// What was just reported, for adding to it; nothing is kept of what isn't reported after all.
pub(crate) struct Finding<'r> {
    report: &'r mut Report,
    at: Option<usize>,
}

impl Finding<'_> {
    /// Adds advice.
    pub(crate) fn help(self, advice: impl Into<String>) -> Self {
        self.help_with(|| Some(advice.into()))
    }

    /// Adds advice where there is some; it is only looked for if the finding is kept.
    pub(crate) fn help_with(self, advice: impl FnOnce() -> Option<String>) -> Self {
        if let Some(at) = self.at
            && let Some(advice) = advice()
        {
            self.report.found.list_mut()[at].helps.push(advice);
        }
        self
    }

    /// Adds those of the names that would have been right that are meant or near, or else `otherwise`.
    pub(crate) fn did_you_mean<'c>(
        self,
        word: &str,
        candidates: impl IntoIterator<Item = &'c str, IntoIter: Clone>,
        otherwise: impl FnOnce() -> Option<String>,
    ) -> Self {
        let candidates = candidates.into_iter();
        self.help_with(|| {
            let meant = meant(word, candidates.clone());
            match (meant.as_slice(), suggest(word, candidates)) {
                ([], None) => otherwise(),
                ([], Some(near)) => Some(format!("did you mean `{near}`?")),
                (meant, _) => Some(format!("did you mean {}?", one_of(meant))),
            }
        })
    }

    /// Adds another place that belongs to it.
    pub(crate) fn related(self, span: &Span, role: &str) -> Self {
        let place = self.report.place(span);
        self.related_place(place, role)
    }

    /// Adds another place that belongs to it.
    pub(crate) fn related_place(self, place: Place, role: &str) -> Self {
        if let Some(at) = self.at {
            let related = &mut self.report.found.list_mut()[at].related;
            related.push((place, role.to_owned()));
        }
        self
    }
}

impl File {
    fn line_of(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset) - 1
    }

    /// The first line from one on that begins a table, or else the end.
    fn next_header(&self, from: usize) -> usize {
        let is_header = |line: &usize| self.line(*line).trim_start().starts_with('[');
        let mut lines = from..self.line_starts.len();
        let end = lines.end;
        lines.find(is_header).unwrap_or(end)
    }

    /// A line without its line end.
    fn line(&self, line: usize) -> &str {
        let start = self.line_starts[line];
        let end = self.line_starts.get(line + 1).map(|next| next - 1);
        let end = end.unwrap_or(self.source.text.len());
        self.source.text[start..end].trim_end_matches('\r')
    }

    fn place(&self, offset: usize) -> Place {
        let line = self.line_of(offset);
        let column = chars_before(self.line(line), offset - self.line_starts[line]) + 1;
        Place {
            file: self.source.name.clone(),
            line: u32::try_from(line + 1).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
        }
    }

    fn snippet(&self, range: &Range<usize>) -> Snippet {
        let line = self.line_of(range.start);
        let (text, line_start) = (self.line(line), self.line_starts[line]);
        let start = chars_before(text, range.start - line_start);
        let end = chars_before(text, range.end.saturating_sub(line_start));
        // A long line is cut so that the mark stays in sight with some of what precedes it.
        let first = if start < MAX_LINE_CHARS / 2 {
            0
        } else {
            start - MAX_LINE_CHARS / 3
        };
        let mut chars = text.chars().skip(first).map(printable);
        let mut shown: String = chars.by_ref().take(MAX_LINE_CHARS).collect();
        if first > 0 {
            let hidden = shown.chars().next().map_or(0, char::len_utf8);
            shown.replace_range(..hidden, "…");
        }
        if chars.next().is_some() {
            shown.push('…');
        }
        Snippet {
            line: shown,
            start: start - first,
            len: end
                .saturating_sub(start)
                .clamp(1, MAX_LINE_CHARS - (start - first)),
        }
    }
}

/// Characters of `line` that start before byte `offset`.
fn chars_before(line: &str, offset: usize) -> usize {
    let before = &line[..line.floor_char_boundary(offset)];
    match before.is_ascii() {
        true => before.len(),
        false => before.chars().count(),
    }
}

/// One column for every character, and nothing that could drive a terminal.
fn printable(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() => '\u{fffd}',
        // Bidirectional overrides would show the line in another order than it is read.
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c => c,
    }
}
