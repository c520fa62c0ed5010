//! What a rule measures over time, and who keeps the books.

use std::time::Duration;

use crate::{Reason, RuleIndex, Subject};

/// The measure of a rule's `limit`; the rule matches only while it is exceeded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// `ratio`: what goes towards a client against what came from it.
    Ratio(Ratio),
}

impl Limit {
    /// What it means to exceed it.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Ratio(_) => Reason::COAP_AMPLIFICATION_RATIO,
        }
    }
}

/// `limit = { ratio = 3.0, of = "udp_payload_bytes", per = "client", window = "60s" }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ratio {
    /// The ratio in thousandths: 3000 is 3.0.
    pub ratio_milli: u32,
    /// What is counted separately.
    pub per: Per,
    /// How far back bytes count.
    pub window: Duration,
}

impl Ratio {
    /// Whether `to_client` bytes are more than the ratio allows for `from_client` bytes.
    #[must_use]
    pub fn is_exceeded(&self, from_client: u64, to_client: u64) -> bool {
        u128::from(to_client) * 1000 > u128::from(from_client) * u128::from(self.ratio_milli)
    }
}

/// Whose share is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Per {
    /// The client's address: of a message to the server its source, else its destination.
    Client,
}

/// The caller's books over time.
///
/// # Accounting
///
/// The inspector keeps one ledger per client address: the UDP payload bytes ([`Subject::size`]) of
/// CoAP datagrams from the client and towards it, with enough time resolution for the longest
/// window of [`crate::Policy::ratio_windows`]. What comes from the client is entered on arrival,
/// whatever becomes of it: the sender has spent it, and an answer of the gateway's own is measured by
/// it. What goes towards the client is entered if it is forwarded, and so is what the gateway itself
/// sends it. So the order of rules has no say in what is counted.
///
/// [`Meters::exceeds`] is a question, not an entry: it must answer the same however often it is asked
/// about one message. The answer includes the message in hand as if it were forwarded: for a
/// [`Limit::Ratio`] that is [`Ratio::is_exceeded`] of (bytes from the client within the window, bytes
/// towards the client within the window), with `subject.size` added to its direction's side.
pub trait Meters {
    /// Whether forwarding `subject` would exceed `limit` of the rule `rule`. Asked only when all
    /// other conditions of the rule hold.
    fn exceeds(&mut self, rule: RuleIndex, limit: &Limit, subject: &Subject<'_>) -> bool;
}

/// Nothing ever exceeds: for callers without state, as `weir explain` or a benchmark.
impl Meters for () {
    fn exceeds(&mut self, _: RuleIndex, _: &Limit, _: &Subject<'_>) -> bool {
        false
    }
}
