//! What a rule measures over time, and who keeps the books.

mod apart;
mod read;

use std::time::Duration;

use crate::{Reason, RuleIndex, Subject};

pub use apart::{Apart, Ipv6Prefix};
pub(crate) use read::{check, read};

/// The measure of a rule's `limit`; the rule matches only while it is exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// `ratio`: what goes towards a client against what came from it.
    Ratio(Ratio),
    /// `count`: messages within a window.
    Count(CountLimit),
    /// `rate`: messages a second.
    Rate(RateLimit),
    /// `max`: what is held at once.
    Max(MaxLimit),
    /// `distinct`: different values within a window.
    Distinct(DistinctLimit),
}

impl Limit {
    /// What it means to exceed it.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Ratio(_) => Reason::COAP_AMPLIFICATION_RATIO,
            Self::Count(_) => Reason::RULE_LIMIT_COUNT,
            Self::Rate(_) => Reason::RULE_LIMIT_RATE,
            Self::Max(_) => Reason::RULE_LIMIT_MAX,
            Self::Distinct(_) => Reason::RULE_LIMIT_DISTINCT,
        }
    }

    /// What is counted separately.
    #[must_use]
    pub fn apart(&self) -> Apart {
        match self {
            Self::Ratio(ratio) => ratio.per.into(),
            Self::Count(count) => count.apart,
            Self::Rate(rate) => rate.apart,
            Self::Max(max) => max.apart,
            Self::Distinct(distinct) => distinct.apart,
        }
    }

    /// Whose share is counted separately.
    #[must_use]
    pub fn per(&self) -> Per {
        self.apart().per
    }

    /// Whether it tells messages apart by the zone they are from.
    pub(crate) fn counts_zones(&self) -> bool {
        let of_zone = matches!(self, Self::Distinct(limit) if limit.of == Per::Zone);
        self.per() == Per::Zone || of_zone
    }

    /// Whether it is exceeded whenever `other` is, which is asked later of no more than this one is.
    pub(crate) fn is_exceeded_before(&self, other: &Self) -> bool {
        let is_of_same = match (self, other) {
            (Self::Ratio(mine), Self::Ratio(theirs)) => {
                mine.of == theirs.of
                    && mine.window == theirs.window
                    && mine.ratio_milli <= theirs.ratio_milli
            }
            (Self::Count(mine), Self::Count(theirs)) => {
                mine.of == theirs.of && mine.count <= theirs.count && mine.window >= theirs.window
            }
            // What finds a token in the one comes no faster than the other's are made.
            (Self::Rate(mine), Self::Rate(theirs)) => {
                mine.rate_milli <= theirs.rate_milli && mine.burst <= theirs.burst
            }
            (Self::Max(mine), Self::Max(theirs)) => mine.of == theirs.of && mine.max <= theirs.max,
            (Self::Distinct(mine), Self::Distinct(theirs)) => {
                mine.of == theirs.of
                    && mine.distinct <= theirs.distinct
                    && mine.window >= theirs.window
            }
            _ => false,
        };
        is_of_same && self.apart().is_coarser_than(other.apart())
    }
}

/// `limit = { ratio = 3.0, of = "udp_payload_bytes", per = "client", window = "60s" }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ratio {
    /// The ratio in thousandths: 3000 is 3.0.
    pub ratio_milli: u32,
    /// Whose bytes are counted.
    pub of: Layer,
    /// What is counted separately.
    pub per: Per,
    /// How long after they came bytes may be answered.
    pub window: Duration,
}

impl Ratio {
    /// Whether `to_client` bytes are more than the ratio allows for `from_client` bytes.
    #[must_use]
    pub fn is_exceeded(&self, from_client: u64, to_client: u64) -> bool {
        u128::from(to_client) * 1000 > u128::from(from_client) * u128::from(self.ratio_milli)
    }
}

/// On which layer the bytes of a datagram are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Layer {
    /// What UDP carries.
    #[default]
    UdpPayload,
    /// The IP packet with its headers.
    Ip,
    /// The Ethernet frame, which has at least 60 bytes, without its check sequence.
    Frame,
}

impl Layer {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::UdpPayload, Self::Ip, Self::Frame];

    /// The name in rule files and events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UdpPayload => "udp_payload_bytes",
            Self::Ip => "ip_bytes",
            Self::Frame => "frame_bytes",
        }
    }
}

/// `limit = { count = 10, window = "10m", per = "client" }`: exceeded while more than `count`
/// messages, or filters in them, came within the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CountLimit {
    /// The most there may be.
    pub count: u32,
    /// What is counted.
    pub of: Counted,
    /// How far back messages count.
    pub window: Duration,
    /// What is counted separately.
    pub apart: Apart,
}

/// What a count is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Counted {
    /// Messages that the rule matches.
    #[default]
    Messages,
    /// Of such a message, the filters that it matches, or the answers to filters.
    Filters,
}

impl Counted {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Messages, Self::Filters];

    /// The name in rule files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Filters => "filters",
        }
    }
}

/// `limit = { rate = 5, burst = 20, per = "client" }`: a bucket of `burst` tokens that fills at
/// `rate` a second; exceeded by a message that finds no token, which takes none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RateLimit {
    /// Tokens for a thousand seconds: 5000 is 5 a second.
    pub rate_milli: u32,
    /// What the bucket holds.
    pub burst: u32,
    /// What is counted separately.
    pub apart: Apart,
}

/// `limit = { distinct = 10, of = "client_id", window = "10m", per = "client" }`: exceeded while more than
/// `distinct` different values came within the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DistinctLimit {
    /// The most there may be.
    pub distinct: u32,
    /// What has the value.
    pub of: Per,
    /// How far back a value counts since it came last.
    pub window: Duration,
    /// What is counted separately.
    pub apart: Apart,
}

impl DistinctLimit {
    /// The most that can be told apart for one of those counted: each value takes eight bytes.
    pub const MOST: u32 = 256;
}

/// `limit = { max = 5, of = "sessions", per = "client" }`: exceeded by a message that would open one more
/// than `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MaxLimit {
    /// The most there may be at once.
    pub max: u32,
    /// What is held.
    pub of: Holding,
    /// Whose holdings are counted separately.
    pub apart: Apart,
}

/// What a client holds for a while. All of it is the client's: its address is the `source`, its server's the
/// `destination`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holding {
    /// Connections: MQTT's from their CONNECT on, those of CoAP over TCP from their client's first message on.
    Sessions,
    /// Topic filters a connection has subscribed to.
    Subscriptions,
    /// Messages of QoS 1 and 2 that aren't acknowledged yet, each direction by itself.
    InFlight,
    /// CoAP observations asked for or granted.
    Observers,
    /// CoAP requests without an answer.
    Exchanges,
}

impl Holding {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Sessions,
        Self::Subscriptions,
        Self::InFlight,
        Self::Observers,
        Self::Exchanges,
    ];

    /// The name in rule files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Subscriptions => "subscriptions",
            Self::InFlight => "in_flight",
            Self::Observers => "observers",
            Self::Exchanges => "exchanges",
        }
    }
}

/// Whose share is counted. A message that lacks what is asked for isn't counted, and exceeds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Per {
    /// The client's address: of a message to the server its source, else its destination.
    Client,
    /// The sender's address.
    Source,
    /// The receiver's address.
    Destination,
    /// The connection, or the pair of UDP endpoints.
    Flow,
    /// The session's client identifier, which belongs to its server.
    ClientId,
    /// The session's user name, at whichever server.
    Username,
    /// The topic of a PUBLISH, at its server.
    Topic,
    /// The zone the client's address is in; of several, the first by name.
    Zone,
}

impl Per {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Client,
        Self::Source,
        Self::Destination,
        Self::Flow,
        Self::ClientId,
        Self::Username,
        Self::Topic,
        Self::Zone,
    ];

    /// The name in rule files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Source => "source",
            Self::Destination => "destination",
            Self::Flow => "flow",
            Self::ClientId => "client_id",
            Self::Username => "username",
            Self::Topic => "topic",
            Self::Zone => "zone",
        }
    }
}

/// The caller's books over time.
///
/// # Ratios
///
/// The inspector keeps one ledger per client address: the bytes, on the [`Layer`] of each of
/// [`crate::Policy::ratios`], of CoAP datagrams from the client and towards it. What goes towards it
/// stands beside what it was sent for, the oldest first, and leaves the window together with it. What comes from the client is entered on arrival,
/// whatever becomes of it: the sender has spent it, and an answer of the gateway's own is measured by
/// it. What goes towards the client is entered if it is forwarded, and so is what the gateway itself
/// sends it. So the order of rules has no say in what is counted.
///
/// Of a ratio, [`Meters::exceeds`] is a question and not an entry: it must answer the same however
/// often it is asked about one message. The answer includes the message in hand as if it were
/// forwarded: that is [`Ratio::is_exceeded`] of (bytes from the client within the window, bytes
/// towards the client within the window), with those of the message added to its direction's side.
///
/// # Counts and rates
///
/// Here the question is the entry: it is asked once of each message that comes to the rule and fits
/// its other conditions, whatever becomes of the message then. So what an earlier rule has decided
/// doesn't count, and who goes on while the limit is exceeded keeps a count up. The books of a rule are
/// found by [`crate::Policy::meter`], which a reload leaves alone as long as the rule stays the same.
///
/// Of `distinct`, too, the question is the entry: of the value the message has.
///
/// # Holdings
///
/// Of a `max`, [`Meters::exceeds`] is a question: whether what the message would open is more than there is
/// room for beside what is held. What is held is all that was let through, whatever rules say about it, for
/// each of [`crate::Policy::held_per`]; so no rule's count depends on when it was written.
pub trait Meters {
    /// Whether `subject` exceeds `limit` of the rule `rule`. Asked only when all other conditions of
    /// the rule hold.
    fn exceeds(&mut self, rule: RuleIndex, limit: &Limit, subject: &Subject<'_>) -> bool;
}

/// Nothing ever exceeds: for callers without state, as `weir explain` or a benchmark.
impl Meters for () {
    fn exceeds(&mut self, _: RuleIndex, _: &Limit, _: &Subject<'_>) -> bool {
        false
    }
}
