//! What `weir check` found, as text for people or as JSON lines.

use std::io::{self, Write};
use std::path::Path;

use policy::{Config, Diagnostic, Diagnostics, Place};
use serde::Serialize;

use super::NotRead;
use super::cases::{Failed, Tally};
use crate::control::load::Unreadable;

/// More names than this aren't listed.
const MAX_NAMES: usize = 20;

/// Where findings go, and how.
pub(super) struct Shown<'o, W> {
    json: bool,
    out: &'o mut W,
}

/// A line of `--json`. Lines and columns count from 1, marks and lengths are in characters.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Line<'a> {
    /// Something wrong in a file.
    Finding {
        level: &'static str,
        #[serde(flatten)]
        place: At<'a>,
        /// How many characters are meant, from the column on.
        length: usize,
        message: &'a str,
        related: Vec<Related<'a>>,
        help: &'a [String],
    },
    /// A file that can't be read.
    Unreadable { file: String, message: String },
    /// A case that didn't go as it says.
    Case {
        #[serde(flatten)]
        place: At<'a>,
        name: &'a str,
        message: &'a str,
    },
    /// A rule that no case brought to a match.
    Unmatched {
        #[serde(flatten)]
        place: At<'a>,
        rule: &'a str,
    },
    /// A configuration that has nothing to stand between: it can't be run.
    Linkless { file: String },
    /// What a file came to, once it was checked whole.
    Checked {
        file: String,
        rules: usize,
        cases: usize,
        failed: usize,
        unmatched: usize,
    },
}

#[derive(Debug, Serialize)]
struct At<'a> {
    file: &'a str,
    line: u32,
    column: u32,
}

#[derive(Debug, Serialize)]
struct Related<'a> {
    #[serde(flatten)]
    place: At<'a>,
    message: &'a str,
}

impl<'a> At<'a> {
    fn of(place: &'a Place) -> Self {
        Self {
            file: &place.file,
            line: place.line,
            column: place.column,
        }
    }
}

impl<'o, W: Write> Shown<'o, W> {
    pub(super) fn new(json: bool, out: &'o mut W) -> Self {
        Self { json, out }
    }

    /// Files that can't be read; for people, the failure itself names them.
    pub(super) fn not_read(&mut self, NotRead(files): &NotRead) -> io::Result<()> {
        if !self.json {
            return Ok(());
        }
        files.iter().try_for_each(|file| match file {
            Unreadable::NotText(diagnostics) => self.diagnostics(diagnostics),
            Unreadable::System { path, error } => self.line(&Line::Unreadable {
                file: path.display().to_string(),
                message: error.to_string(),
            }),
        })
    }

    pub(super) fn diagnostics(&mut self, diagnostics: &Diagnostics) -> io::Result<()> {
        if !self.json {
            return write!(self.out, "{diagnostics}");
        }
        diagnostics
            .iter()
            .try_for_each(|diagnostic| self.line(&finding(diagnostic)))
    }

    /// What the cases of a file came to.
    pub(super) fn tally(&mut self, path: &Path, tally: &Tally) -> io::Result<()> {
        self.diagnostics(&tally.broken)?;
        for failed in &tally.failed {
            self.failed(failed)?;
        }
        if self.json {
            return self.tally_as_json(path, tally);
        }
        let (path, cases) = (path.display(), counted(tally.cases, "case"));
        let rules = counted(tally.rules, "rule");
        match (tally.failed.len(), tally.is_fine()) {
            (_, true) => writeln!(self.out, "{path}: all fine ({rules}, {cases})")?,
            (0, _) => writeln!(self.out, "{path}: not all of {cases} could be run")?,
            (failed, _) => writeln!(self.out, "{path}: {failed} of {cases} failed")?,
        }
        self.unmatched(&path, tally)
    }

    /// Says of a configuration with nothing to stand between that it can't be run.
    pub(super) fn links(&mut self, path: &Path, config: &Config) -> io::Result<()> {
        if !config.links.is_empty() {
            return Ok(());
        }
        if self.json {
            let file = path.display().to_string();
            return self.line(&Line::Linkless { file });
        }
        writeln!(
            self.out,
            "{}: names no [[link]]: fit for `weir check` and `weir replay`, not for `weir run`",
            path.display()
        )
    }

    /// Names the rules that no case brought to a match.
    fn unmatched(&mut self, path: &std::path::Display<'_>, tally: &Tally) -> io::Result<()> {
        if tally.unmatched.is_empty() {
            return Ok(());
        }
        let names = tally.unmatched.iter().take(MAX_NAMES);
        let names: Vec<&str> = names.map(|(name, _)| &**name).collect();
        let more = match tally.unmatched.len() - names.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let rules = counted(tally.unmatched.len(), "rule");
        writeln!(
            self.out,
            "{path}: no case brings {rules} to a match: {}{more}",
            names.join(", ")
        )
    }

    fn failed(&mut self, Failed { name, failure }: &Failed) -> io::Result<()> {
        let (place, message) = (&failure.place, &*failure.message);
        if !self.json {
            return writeln!(self.out, "{place}: case failed: {name}: {message}");
        }
        let place = At::of(place);
        self.line(&Line::Case {
            place,
            name,
            message,
        })
    }

    fn tally_as_json(&mut self, path: &Path, tally: &Tally) -> io::Result<()> {
        for (rule, place) in &tally.unmatched {
            let place = At::of(place);
            self.line(&Line::Unmatched { place, rule })?;
        }
        self.line(&Line::Checked {
            file: path.display().to_string(),
            rules: tally.rules,
            cases: tally.cases,
            failed: tally.failed.len(),
            unmatched: tally.unmatched.len(),
        })
    }

    fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        serde_json::to_writer(&mut *self.out, line)?;
        writeln!(self.out)
    }

    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn finding(diagnostic: &Diagnostic) -> Line<'_> {
    let related = diagnostic.related.iter().map(|(place, message)| Related {
        place: At::of(place),
        message,
    });
    Line::Finding {
        level: match diagnostic.level {
            policy::Level::Warning => "warning",
            policy::Level::Error => "error",
        },
        place: At::of(&diagnostic.place),
        length: diagnostic.snippet.len,
        message: &diagnostic.message,
        related: related.collect(),
        help: &diagnostic.helps,
    }
}

/// "1 rule", "2 rules".
fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
