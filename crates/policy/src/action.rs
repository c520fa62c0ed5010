//! What a rule does to a message, and what comes out of a decision.

use std::fmt;
use std::time::Duration;

use ipnet::IpNet;
use wire::coap::Code;

use crate::{Reason, Rule, RuleIndex};

/// What a rule does to the message it matches. `Alert` goes on to the next rule, all else is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Forward the message; no further rule is asked.
    Accept,
    /// Report the message and go on with the next rule.
    Alert,
    /// The message never arrives. Over TCP it ends its connection, and a segment is just left out.
    Drop,
    /// Cut before the message and reset both ends; on UDP drop it, and answer a CON with a RST.
    Reset,
    /// Answer in the protocol's own words on the server's behalf, then drop.
    Refuse,
    /// Have a CoAP client prove its address with an Echo option (RFC 9175 §2.3).
    Challenge,
}

/// What `challenge` takes for proof of a client's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Proof {
    /// The acknowledgement of a response that fits into the budget, cut to a small block if need be, or
    /// else a cookie: for clients of any kind.
    #[default]
    Any,
    /// A cookie in an Echo option, and nothing else (RFC 9175 §2.3).
    Echo,
}

impl Proof {
    /// All of them, by their names in rule files.
    pub const ALL: &'static [(&'static str, Self)] = &[("any", Self::Any), ("echo", Self::Echo)];
}

/// The codes by which CoAP may be refused, by their names in rule files: who asks may not, nobody may, not
/// without the blocks before it, or not now (RFC 7252 §5.9, RFC 7959 §2.9.2).
pub const REFUSALS: &[(&str, Code)] = &[
    ("4.03", Code::FORBIDDEN),
    ("4.05", Code::METHOD_NOT_ALLOWED),
    ("4.08", Code::REQUEST_ENTITY_INCOMPLETE),
    ("5.03", Code::SERVICE_UNAVAILABLE),
];

impl Action {
    /// All actions, in the order of their names' first mention in the manual.
    pub const ALL: &'static [Self] = &[
        Self::Accept,
        Self::Alert,
        Self::Drop,
        Self::Reset,
        Self::Refuse,
        Self::Challenge,
    ];

    /// The name in rule files, events and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Alert => "alert",
            Self::Drop => "drop",
            Self::Reset => "reset",
            Self::Refuse => "refuse",
            Self::Challenge => "challenge",
        }
    }

    /// Whether no further rule is asked once this action's rule has matched.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Alert)
    }

    /// Whether the message is kept from its receiver.
    #[must_use]
    pub const fn stops(self) -> bool {
        !matches!(self, Self::Accept | Self::Alert)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a [`crate::Case`] expects to become of its last message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the variants are the verdicts' names")]
pub enum Verdict {
    Accept,
    Hold,
    Drop,
    Reset,
    Refuse,
    Challenge,
}

impl Verdict {
    /// All verdicts.
    pub const ALL: &'static [Self] = &[
        Self::Accept,
        Self::Hold,
        Self::Drop,
        Self::Reset,
        Self::Refuse,
        Self::Challenge,
    ];

    /// The name in rule files and in the output of `weir replay --verdicts`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Hold => "hold",
            Self::Drop => "drop",
            Self::Reset => "reset",
            Self::Refuse => "refuse",
            Self::Challenge => "challenge",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ruling {
    /// The action; never [`Action::Alert`].
    pub action: Action,
    /// The rule that decided; `None` where the default did, or the fate of malformed input.
    pub rule: Option<RuleIndex>,
    /// The detection that made the rule match; `None` where it looked at the message alone.
    pub reason: Option<Reason>,
    /// Who is to be banned, and how long. `None` whenever `enforced` is false.
    pub ban: Option<Ban>,
    /// False in monitor mode: `action` is what would have been done, the message is forwarded.
    pub enforced: bool,
}

/// Who is to be kept out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ban {
    /// The offender's address, or its network: which one, is said in one place.
    pub source: IpNet,
    /// For so long.
    pub duration: Duration,
}

/// A match that doesn't decide: an alert, or what a rule on trial would have done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match<'a> {
    /// The rule's index, for metrics.
    pub index: RuleIndex,
    /// The rule.
    pub rule: &'a Rule,
    /// The detection that made the rule match; `None` where it looked at the message alone.
    pub reason: Option<Reason>,
    /// The rule has `dry_run = true`: its action would have been taken, but was not.
    pub dry_run: bool,
}
