//! Reason codes: the stable names of everything Weir detects by itself.
//!
//! A code is the metric label, the event field, the match key of rules and the heading
//! `weir explain CODE` prints. It is dotted, lower case, `family.detail`, and never changes its
//! meaning. What can't be parsed is named by the parser that gave up (`wire`'s `Malformed` enums);
//! everything that takes memory of earlier frames is named in [`registry`].

mod registry;

use std::fmt;

use registry::{DETECTIONS, Entry};

/// A stable reason code, by its dense index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reason(u16);

impl Reason {
    /// How many reasons there are; [`Reason::index`] is always below.
    pub const COUNT: usize = DETECTIONS.len();

    /// All reasons, in the order of their indices.
    pub const ALL: &'static [Self] = &{
        let mut all = [Self(0); Self::COUNT];
        let mut at = 0;
        while at < Self::COUNT {
            all[at] = Self(at as u16);
            at += 1;
        }
        all
    };

    /// A dense number from 0, for arrays of counters. Not stable between releases.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The code, as in `mqtt.spoofed.server-packet`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.entry().code
    }

    /// What it is, in one line.
    #[must_use]
    pub fn summary(self) -> &'static str {
        self.entry().summary
    }

    /// The clause it cites: a specification's section, an RFC or a CVE.
    #[must_use]
    pub fn source(self) -> &'static str {
        self.entry().source
    }

    /// Whether the bytes can't be parsed. Such input isn't forwarded unless a rule accepts this
    /// very reason.
    #[must_use]
    pub fn is_malformed(self) -> bool {
        self.code().contains(".malformed.")
    }

    /// The reason of this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|r| r.code() == code)
    }

    fn entry(self) -> &'static Entry {
        &DETECTIONS[self.index()]
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
