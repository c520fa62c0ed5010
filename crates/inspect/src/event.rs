//! What an event says: the content of an EVE record, borrowed.

use policy::{Ban, Layer, Reason, RuleIndex, Subject};

use crate::{Injected, Instant, Port, Verdict};

/// One thing worth telling. Addresses, VLAN, protocol, message and session are in its subject; whoever
/// writes it down picks what to keep, and never a password, token or payload unasked.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    /// When, on the caller's clock.
    pub at: Instant,
    /// Why there is an event.
    pub kind: EventKind,
    /// The same for all frames of a flow (of an endpoint pair, for UDP), both directions.
    pub flow_id: u64,
    /// Where the frame came in.
    pub port: Port,
    /// Everything known of the message or detection.
    pub subject: &'a Subject<'a>,
    /// The detection behind it, if any.
    pub reason: Option<Reason>,
    /// The rule behind it, if any.
    pub rule: Option<RuleIndex>,
    /// What became of the message.
    pub verdict: Verdict,
    /// What would have, had the rule not been a dry run or the gateway a monitor.
    pub would: Option<Verdict>,
    /// What was sent in the place of the message, if anything was: a CoAP client gets no more than its
    /// budget leaves.
    pub reply: Option<Injected>,
    /// The bytes that were counted, if a rule went by them.
    pub counted: Option<Counted>,
    /// Whom the rule keeps out for it, and for how long.
    pub ban: Option<Ban>,
    /// Generation of the policy that decided.
    pub generation: u64,
}

/// Bytes of a CoAP client, over the window of the rule that goes by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// On which layer.
    pub of: Layer,
    /// From the client.
    pub received: u64,
    /// Towards the client, the message under judgement included.
    pub sent: u64,
    /// What may go towards it, for what came from it.
    pub budget: u64,
}

/// Why there is an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A rule matched.
    Alert,
    /// A built-in detection no rule spoke of.
    Anomaly,
    /// A message was judged, whatever was found; told to sinks that
    /// [take messages](crate::Sink::TAKES_MESSAGES) only.
    Message,
}

impl EventKind {
    /// `event_type` in EVE, which has the protocol's name for messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Anomaly => "anomaly",
            Self::Message => "message",
        }
    }
}
