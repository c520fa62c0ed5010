//! The operator's text and places in it.

use std::fmt;
use std::sync::Arc;

use toml::de::DeTable;

use crate::Diagnostics;
use crate::report::Report;

/// What packs have, and configurations don't.
const OF_PACKS: [&str; 4] = ["rule", "case", "pack", "sets"];
/// What configurations have, and packs don't: where both stand, somebody has written rules into one.
const OF_CONFIGURATIONS: [&str; 6] = [
    "mode",
    "on_failure",
    "link",
    "policy",
    "services",
    "dataplane",
];
/// What else stands in a configuration alone, and is no sign of one: in a pack it is a mistake.
const ALSO_OF_CONFIGURATIONS: [&str; 11] = [
    "tls", "mqtt", "tcp", "ip", "limits", "budget", "block", "metrics", "events", "control", "log",
];

/// The keys that stand in a configuration, and in no pack.
pub(crate) fn configuration_keys() -> impl Iterator<Item = &'static str> {
    OF_CONFIGURATIONS.into_iter().chain(ALSO_OF_CONFIGURATIONS)
}

/// The text of a configuration or a rule pack, under the name people know it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceText {
    /// The file's name as diagnostics show it.
    pub name: Arc<str>,
    /// The whole text.
    pub text: Arc<str>,
}

impl SourceText {
    /// A text already known to be UTF-8.
    #[must_use]
    pub fn new(name: &str, text: &str) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
        }
    }

    /// A file as it was read.
    ///
    /// # Errors
    /// The place of the first byte that isn't UTF-8, which TOML has to be (TOML 1.0 §Spec).
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self, Diagnostics> {
        let error = match std::str::from_utf8(bytes) {
            Ok(text) => return Ok(Self::new(name, text)),
            Err(error) => error,
        };
        let mut report = Report::default();
        let lossy = String::from_utf8_lossy(bytes);
        let span = report.add_file(&Self::new(name, &lossy));
        // What precedes the first wrong byte is the same in both texts.
        report
            .error(
                &span.part(error.valid_up_to(), 1),
                "the file isn't UTF-8 from here on",
            )
            .help("save it as UTF-8");
        Err(report.finish())
    }

    /// Whether it is a pack rather than a configuration, as far as it can be understood.
    #[must_use]
    pub fn is_pack(&self) -> bool {
        let (table, _) = DeTable::parse_recoverable(&self.text);
        let has_any = |of: &[&str]| {
            let mut keys = table.get_ref().keys();
            keys.any(|key| of.contains(&key.get_ref().as_ref()))
        };
        has_any(&OF_PACKS) && !has_any(&OF_CONFIGURATIONS)
    }
}

/// A place in a file; shown as `file:line:column`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The file's name.
    pub file: Arc<str>,
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pack_is_told_from_a_configuration() {
        for (text, is_pack) in [
            ("[[rule]]\nid = \"a\"\n", true),
            ("\u{feff}[[ rule ]]\nid = \"a\"\n", true),
            ("rule = [{ id = \"a\" }]\n", true),
            ("[[case]]\nname =\n", true),
            ("[sets]\nplcs = [\"a\"]\n", true),
            ("[pack]\n", true),
            ("mode = \"enforce\"\n# [[rule]]\n", false),
            ("mode = \"enforce\"\n[[rule]]\nid = \"a\"\n", false),
            ("mode = \"\"\"\n[[rule]]\n\"\"\"\n", false),
            ("[zones]\na = [\"10.0.0.1\"]\n", false),
            ("", false),
        ] {
            assert_eq!(SourceText::new("x", text).is_pack(), is_pack, "{text}");
        }
    }
}
