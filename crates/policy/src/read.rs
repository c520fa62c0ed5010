//! Walking a TOML document by hand, so that every problem is reported with its place.
//!
//! A [`Table`] remembers which keys were asked for: what is left at [`Table::finish`] is unknown.
//! Readers report what is wrong and return `None`; the caller goes on with the next key.

mod syntax;

use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::SourceText;
use crate::duration;
use crate::report::{Report, Span};
use crate::suggest::{nearest_of, one_of};

/// Larger files aren't read: 10,000 rules with their cases take a tenth of it.
const MAX_FILE_BYTES: usize = 16 << 20;

/// A parsed file.
pub(crate) struct Document<'s> {
    entries: DeTable<'s>,
    span: Span,
}

impl<'s> Document<'s> {
    /// Parses a file. Syntax errors are reported; what could be understood is there to be read.
    pub(crate) fn parse(report: &mut Report, source: &'s SourceText) -> Self {
        let span = report.add_file(source);
        if source.text.len() > MAX_FILE_BYTES {
            report
                .error(&span.part(0, 0), "the file is larger than 16 MiB")
                .help("split it into several packs");
            let entries = DeTable::new();
            return Self { entries, span };
        }
        let (document, errors) = DeTable::parse_recoverable(&source.text);
        syntax::report(report, &span, &errors);
        let entries = document.into_inner();
        Self { entries, span }
    }

    /// The table of the whole file.
    pub(crate) fn table(&self) -> Table<'_> {
        Table::new(self.span.part(0, 0), &self.entries, "the file")
    }
}

/// A table and the keys asked for so far.
pub(crate) struct Table<'a> {
    entries: &'a DeTable<'a>,
    /// Says of most keys that they aren't there, without looking for them.
    marks: KeyMarks,
    span: Span,
    /// What the table is, for messages: "a rule", "`match`".
    what: &'static str,
    known: Vec<&'static str>,
    hidden: Vec<&'static str>,
}

impl<'a> Table<'a> {
    fn new(span: Span, entries: &'a DeTable<'a>, what: &'static str) -> Self {
        Self {
            entries,
            marks: entries.keys().map(|key| key.get_ref().as_ref()).collect(),
            span,
            what,
            known: Vec::new(),
            hidden: Vec::new(),
        }
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value of a key that may be missing.
    pub(crate) fn optional(&mut self, key: &'static str) -> Option<Node<'a>> {
        self.known.push(key);
        self.value(key)
    }

    /// The value of a key that isn't offered to those who look for one.
    pub(crate) fn hidden(&mut self, key: &'static str) -> Option<Node<'a>> {
        self.hidden.push(key);
        self.value(key)
    }

    fn value(&self, key: &str) -> Option<Node<'a>> {
        if !self.marks.may_have(key) {
            return None;
        }
        let (name, value) = self.entries.get_key_value(key)?;
        Some(self.node(name.span(), value))
    }

    /// The value of a key that has to be there.
    pub(crate) fn required(&mut self, report: &mut Report, key: &'static str) -> Option<Node<'a>> {
        let node = self.optional(key);
        // After a syntax error the key may be there, only not understood.
        if node.is_none() && !report.is_broken(&self.span) {
            report.error(&self.span, format!("{} lacks `{key}`", self.what));
        }
        node
    }

    /// All keys with their values, for tables whose keys are names the operator chose.
    pub(crate) fn entries(&self) -> Vec<(&'a str, Node<'a>)> {
        let mut entries: Vec<_> = self
            .entries
            .iter()
            .map(|(name, value)| (name.get_ref().as_ref(), self.node(name.span(), value)))
            .collect();
        entries.sort_by_key(|(_, node)| node.key_start);
        entries
    }

    /// Whether there are keys that were never asked for.
    pub(crate) fn has_unknown_keys(&self) -> bool {
        let mut keys = self.entries.keys().map(|key| key.get_ref().as_ref());
        keys.any(|key| !self.knows(key))
    }

    fn knows(&self, key: &str) -> bool {
        self.known.contains(&key) || self.hidden.contains(&key)
    }

    /// As [`Table::finish`], without offering the keys in `not`, which aren't there.
    pub(crate) fn finish_without(mut self, report: &mut Report, not: &[&str]) {
        self.known.retain(|key| !not.contains(key));
        self.finish(report);
    }

    /// Reports every key that was never asked for.
    pub(crate) fn finish(self, report: &mut Report) {
        if !self.has_unknown_keys() {
            return;
        }
        for (name, node) in self.entries() {
            if self.knows(name) {
                continue;
            }
            let message = format!("{} has no key `{}`", self.what, name.escape_debug());
            let known = self.known.iter().copied();
            report
                .error(&node.key_span, message)
                .did_you_mean(name, known, || {
                    Some(format!("its keys are {}", one_of(&self.known)))
                });
        }
    }

    fn node(&self, key: Range<usize>, value: &'a Spanned<DeValue<'a>>) -> Node<'a> {
        Node {
            value: value.get_ref(),
            span: self.span.at(value.span()),
            key_start: key.start,
            key_span: self.span.at(key),
        }
    }
}

/// A bit for each key of a table, by its length and its ends; keys may share one.
#[derive(Default)]
struct KeyMarks(u64);

impl KeyMarks {
    fn may_have(&self, key: &str) -> bool {
        self.0 & Self::mark(key) != 0
    }

    fn mark(key: &str) -> u64 {
        let [first, .., last] = key.as_bytes() else {
            return 1;
        };
        let ends = usize::from(*first) + usize::from(*last) * 5;
        1 << ((ends + key.len() * 11) % 64)
    }
}

impl<'k> FromIterator<&'k str> for KeyMarks {
    fn from_iter<I: IntoIterator<Item = &'k str>>(keys: I) -> Self {
        let marks = keys.into_iter().map(Self::mark);
        Self(marks.fold(0, |all, mark| all | mark))
    }
}

/// A value with its place.
#[derive(Clone)]
pub(crate) struct Node<'a> {
    value: &'a DeValue<'a>,
    span: Span,
    key_start: usize,
    key_span: Span,
}

impl<'a> Node<'a> {
    /// The place of the value.
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// The place of the key before it (of the list's key, for an entry of a list).
    pub(crate) fn key_span(&self) -> &Span {
        &self.key_span
    }

    pub(crate) fn as_str(&self) -> Option<&'a str> {
        self.value.as_str()
    }

    /// A number as it is written.
    pub(crate) fn as_number(&self) -> Option<&'a str> {
        match self.value {
            DeValue::Integer(number) => Some(number.as_str()),
            DeValue::Float(number) => Some(number.as_str()),
            _ => None,
        }
    }

    pub(crate) fn is_table(&self) -> bool {
        self.value.is_table()
    }

    pub(crate) fn is_array(&self) -> bool {
        self.value.is_array()
    }

    pub(crate) fn is_boolean(&self) -> bool {
        self.value.is_bool()
    }

    pub(crate) fn string(&self, report: &mut Report) -> Option<&'a str> {
        let text = self.value.as_str();
        if text.is_none() {
            self.wrong_type(report, "a string");
        }
        text
    }

    pub(crate) fn boolean(&self, report: &mut Report) -> Option<bool> {
        let value = self.value.as_bool();
        if value.is_none() {
            self.wrong_type(report, "true or false");
        }
        value
    }

    /// An integer within `range`.
    pub(crate) fn integer(&self, report: &mut Report, range: RangeInclusive<u64>) -> Option<u64> {
        let DeValue::Integer(digits) = self.value else {
            self.wrong_type(report, "a whole number");
            return None;
        };
        let number = i128::from_str_radix(digits.as_str(), digits.radix()).ok();
        let number = number.and_then(|n| u64::try_from(n).ok());
        let fitting = number.filter(|n| range.contains(n));
        if fitting.is_none() {
            let (least, most) = range.into_inner();
            report.error(
                &self.span,
                format!("the number has to be between {least} and {most}"),
            );
        }
        fitting
    }

    /// A finite number, written with or without a fraction.
    pub(crate) fn number(&self, report: &mut Report) -> Option<f64> {
        let digits = match self.value {
            DeValue::Float(float) => float.as_str(),
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
            _ => {
                self.wrong_type(report, "a number");
                return None;
            }
        };
        let number = digits.parse().ok().filter(|n: &f64| n.is_finite());
        if number.is_none() {
            report.error(&self.span, "not a finite number");
        }
        number
    }

    /// One of a closed set of names.
    pub(crate) fn choice<T: Copy>(&self, report: &mut Report, choices: &[(&str, T)]) -> Option<T> {
        let name = self.value.as_str();
        if let Some((_, value)) = choices.iter().find(|(n, _)| Some(*n) == name) {
            return Some(*value);
        }
        let names: Vec<&str> = choices.iter().map(|(n, _)| *n).collect();
        let Some(name) = name else {
            self.wrong_type(report, &one_of(&names));
            return None;
        };
        report
            .error(
                &self.span,
                format!(
                    "`{}` isn't one of {}",
                    name.escape_debug(),
                    nearest_of(name, &names)
                ),
            )
            .did_you_mean(name, names, || None);
        None
    }

    /// A time like "250ms", "60s", "15m", "2h", "1d" within `range`.
    pub(crate) fn duration(
        &self,
        report: &mut Report,
        range: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let text = self.string(report)?;
        let Some(value) = duration::parse(text) else {
            report
                .error(&self.span, format!("`{text}` isn't a time"))
                .help("write a whole number and a unit: \"250ms\", \"60s\", \"15m\", \"2h\" or \"1d\"");
            return None;
        };
        if range.contains(&value) {
            return Some(value);
        }
        let (least, most) = (duration::show(*range.start()), duration::show(*range.end()));
        report.error(
            &self.span,
            format!("the time has to be between {least} and {most}"),
        );
        None
    }

    /// A table; `what` names it in messages.
    pub(crate) fn table(&self, report: &mut Report, what: &'static str) -> Option<Table<'a>> {
        let entries = self.value.as_table();
        if entries.is_none() {
            self.wrong_type(report, "a table");
        }
        entries.map(|entries| Table::new(self.span.clone(), entries, what))
    }

    /// The entries of a list; a single value counts as a list of one.
    pub(crate) fn list(&self) -> Vec<Self> {
        match self.value {
            DeValue::Array(entries) => entries.iter().map(|e| self.entry(e)).collect(),
            _ => vec![self.clone()],
        }
    }

    /// The entries of a list that has to be written as one.
    pub(crate) fn array(&self, report: &mut Report) -> Vec<Self> {
        if !self.value.is_array() {
            self.wrong_type(report, "a list");
            return Vec::new();
        }
        self.list()
    }

    /// The tables of `[[key]]`.
    pub(crate) fn tables(&self, report: &mut Report, what: &'static str) -> Vec<Table<'a>> {
        let DeValue::Array(entries) = self.value else {
            let finding = report.error(
                &self.key_span,
                format!("{what} is written in double brackets"),
            );
            finding.help("write `[[…]]`: there may be several");
            return Vec::new();
        };
        let tables = entries.iter().map(|e| self.entry(e).table(report, what));
        tables.flatten().collect()
    }

    fn entry(&self, value: &'a Spanned<DeValue<'a>>) -> Self {
        Self {
            value: value.get_ref(),
            span: self.span.at(value.span()),
            key_start: self.key_start,
            key_span: self.key_span.clone(),
        }
    }

    fn wrong_type(&self, report: &mut Report, expected: &str) {
        let found = match self.value.type_str() {
            "integer" => "a whole number",
            "float" => "a number with a fraction",
            "boolean" => "true or false",
            "datetime" => "a date",
            "array" => "a list",
            "table" => "a table",
            _ => "a string",
        };
        let message = format!("expected {expected}, found {found}");
        report
            .error(&self.span, message)
            .help_with(|| match self.value {
                DeValue::Integer(number) if expected == "a string" => {
                    Some(format!("write \"{}\", in quotes", number.as_str()))
                }
                DeValue::String(text) if expected.ends_with(" number") => {
                    let number: f64 = text.parse().ok()?;
                    Some(format!("write {number}, without quotes"))
                }
                _ => None,
            });
    }
}
