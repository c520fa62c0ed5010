//! What the inspector tells the world while it works.

use policy::{Ban, Reason, RuleIndex, Service};
use wire::Direction;

use crate::{Event, Port, Verdict};

/// Takes what the inspector sees and makes. Called while a flow is locked: it must neither block nor
/// call back into the inspector.
pub trait Sink {
    /// Whether every message judged is worth an [event](crate::EventKind::Message) to it.
    const TAKES_MESSAGES: bool = false;

    /// Something worth telling. Everything in the event is borrowed.
    fn event(&mut self, event: &Event<'_>);

    /// A frame of the inspector's own (a RST, a refusal, a challenge, a held segment whose turn has
    /// come) to leave by `port`.
    ///
    /// Order matters to TCP: injected frames leave *after* the frame under inspection (if that is
    /// forwarded), and in the order of these calls.
    fn inject(&mut self, port: Port, frame: &[u8]);

    /// The source is to be kept out because of `rule` of the policy of that `generation`.
    fn ban(&mut self, ban: Ban, rule: RuleIndex, generation: u64);

    /// Something to be counted.
    fn count(&mut self, count: Count);
}

/// What a metric counts. Every label set is bounded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Count {
    /// A message was judged.
    Message {
        /// Protocol and type.
        kind: MessageKind,
        /// Towards the server or the client.
        direction: Direction,
        /// What became of it.
        verdict: Verdict,
    },
    /// A rule matched; `enforced` is false in a dry run or in monitor mode.
    Rule {
        /// Which.
        rule: RuleIndex,
        /// Whether its action was carried out.
        enforced: bool,
    },
    /// A built-in detection was raised.
    Reason(Reason),
    /// A flow was first seen.
    FlowOpened(Service),
    /// A flow ended, was torn down, or idled out.
    FlowClosed(Service, FlowEnd),
    /// An MQTT session was accepted by its server, or ended.
    Session {
        /// True at its beginning.
        opened: bool,
    },
    /// A bound of [`Limits`](crate::Limits) was hit.
    Limit(LimitKind),
    /// A frame of the inspector's own was injected.
    Injected(Injected),
    /// UDP payload bytes towards a CoAP client per byte from it, over the rule's window, in
    /// thousandths.
    AmplificationRatio {
        /// 3000 is three bytes out for one byte in.
        permille: u32,
    },
}

/// Protocol and type of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// An MQTT control packet.
    Mqtt(wire::mqtt::PacketType),
    /// A CoAP message by the class of its code: 0 is a request, 2, 4 and 5 are responses.
    Coap {
        /// 0 to 7.
        class: u8,
    },
    /// A CoAP message without a code: a ping, an acknowledgement or a reset (RFC 7252 §4.1).
    CoapEmpty,
    /// A TLS or DTLS hello.
    Tls,
    /// Bytes that don't parse as what the service speaks.
    Malformed,
}

/// Why a flow left the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FlowEnd {
    /// Both ends said FIN, or one of them an acceptable RST.
    Finished,
    /// Weir tore it down.
    Denied,
    /// Nothing was heard for as long as its state allows.
    Idle,
    /// It made room for another.
    Evicted,
}

/// A bound that was hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LimitKind {
    /// [`Limits::flows`](crate::Limits::flows).
    Flows,
    /// [`Limits::half_open`](crate::Limits::half_open).
    HalfOpen,
    /// [`Limits::held_bytes_per_flow`](crate::Limits::held_bytes_per_flow) or the number of segments.
    HeldPerFlow,
    /// [`Limits::held_bytes`](crate::Limits::held_bytes).
    Held,
    /// [`Limits::unacked_bytes_per_flow`](crate::Limits::unacked_bytes_per_flow), or what all flows have in common.
    Unacked,
    /// [`Limits::partial_bytes`](crate::Limits::partial_bytes).
    Partial,
    /// [`Limits::in_flight`](crate::Limits::in_flight).
    InFlight,
    /// [`Limits::subscription_bytes`](crate::Limits::subscription_bytes).
    Subscriptions,
    /// [`Limits::topic_alias_bytes`](crate::Limits::topic_alias_bytes).
    TopicAliases,
    /// [`Limits::endpoints`](crate::Limits::endpoints).
    Endpoints,
    /// [`Limits::exchanges`](crate::Limits::exchanges).
    Exchanges,
    /// [`Limits::clients`](crate::Limits::clients).
    Clients,
    /// [`Limits::meters`](crate::Limits::meters).
    Meters,
}

impl LimitKind {
    /// Every bound, in the order of [`LimitKind::index`].
    pub const ALL: [Self; 13] = [
        Self::Flows,
        Self::HalfOpen,
        Self::HeldPerFlow,
        Self::Held,
        Self::Unacked,
        Self::Partial,
        Self::InFlight,
        Self::Subscriptions,
        Self::TopicAliases,
        Self::Endpoints,
        Self::Exchanges,
        Self::Clients,
        Self::Meters,
    ];

    /// Its name as a metric label.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Flows => "flows",
            Self::HalfOpen => "half_open",
            Self::HeldPerFlow => "held_per_flow",
            Self::Held => "held",
            Self::Unacked => "unacked",
            Self::Partial => "partial",
            Self::InFlight => "in_flight",
            Self::Subscriptions => "subscriptions",
            Self::TopicAliases => "topic_aliases",
            Self::Endpoints => "endpoints",
            Self::Exchanges => "exchanges",
            Self::Clients => "clients",
            Self::Meters => "meters",
        }
    }

    /// Its place in [`LimitKind::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }
}

/// What a frame of the inspector's own was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Injected {
    /// A held segment or datagram whose turn has come.
    Released,
    /// A RST that ends a flow.
    Reset,
    /// A FIN or its acknowledgement, after a client has taken its leave.
    Close,
    /// A challenge ACK (RFC 5961 §3.2, §4.2).
    ChallengeAck,
    /// A duplicate acknowledgement (RFC 5681 §3.2), of a segment that is held.
    DuplicateAck,
    /// A refusal in the protocol's own words.
    Refusal,
    /// A CoAP Echo challenge (RFC 9175 §2.3).
    Echo,
    /// A portion of a CoAP response, or an acknowledgement that goes with it.
    Portion,
}

impl Injected {
    /// Every purpose, in the order of [`Injected::index`].
    pub const ALL: [Self; 8] = [
        Self::Released,
        Self::Reset,
        Self::Close,
        Self::ChallengeAck,
        Self::DuplicateAck,
        Self::Refusal,
        Self::Echo,
        Self::Portion,
    ];

    /// Its name as a metric label.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::Reset => "reset",
            Self::Close => "close",
            Self::ChallengeAck => "challenge_ack",
            Self::DuplicateAck => "duplicate_ack",
            Self::Refusal => "refusal",
            Self::Echo => "echo",
            Self::Portion => "portion",
        }
    }

    /// Its place in [`Injected::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }
}
