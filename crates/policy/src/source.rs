//! The operator's text and places in it.

use std::fmt;
use std::sync::Arc;

use crate::Diagnostics;
use crate::report::Report;

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
