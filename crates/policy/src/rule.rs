//! A rule as people know it: its name, why it is there, and what it does.

use std::fmt;
use std::time::Duration;

use wire::coap::Code;

use crate::{Action, Details, Limit, Place, Proof};

/// The place of a rule in its [`crate::Policy`]: dense from 0, in order of evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleIndex(pub u32);

impl RuleIndex {
    /// The index into [`crate::Policy::rules`].
    #[must_use]
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

/// How bad a match is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[allow(missing_docs, reason = "the variants are the names in rule files")]
pub enum Severity {
    Low,
    #[default]
    Medium,
    High,
    Critical,
}

impl Severity {
    /// All severities, the mildest first.
    pub const ALL: &'static [Self] = &[Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The name in rule files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The number of Suricata's `alert.severity`: 1 is the gravest.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Critical => 1,
            Self::High => 2,
            Self::Medium => 3,
            Self::Low => 4,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One `[[rule]]`, without its conditions, which only the policy knows.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The name, unique over all packs: `[a-z0-9-]`.
    pub id: String,
    /// A number for `alert.signature_id`, unique over all packs; rules/README.md allots them.
    pub sid: Option<u32>,
    /// One line for people.
    pub description: String,
    /// How bad a match is.
    pub severity: Severity,
    /// What is done with a message that matches.
    pub action: Action,
    /// What a challenge takes for proof.
    pub proof: Proof,
    /// By which code CoAP is refused; none leaves that to the message.
    pub refusal: Option<Code>,
    /// How long who is to blame for such a message is banned.
    pub ban: Option<Duration>,
    /// Report only what would have been done.
    pub dry_run: bool,
    /// What its events tell beyond the usual.
    pub log: Details,
    /// The measure that has to be exceeded for the rule to match.
    pub limit: Option<Limit>,
    /// Clauses, CVEs and papers.
    pub references: Vec<String>,
    /// Where it stands.
    pub place: Place,
}
