//! One condition of a rule, ready to be asked.

use wire::Direction;
use wire::coap::Code;
use wire::mqtt::{ControlPacket, QoS, Version, topic};

use super::addresses::Addresses;
use super::glob::Glob;
use super::list::List;
use super::path::PathPattern;
use super::pattern::{Pattern, Relation};
use crate::{Message, Protocol, Service, Subject};

/// A condition; what the rule's scope already says isn't asked again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Condition {
    /// `address_validated`.
    AddressValidated(bool),
    /// `tls`: whether the flow is a TLS or DTLS one.
    Tls(bool),
    /// `service`.
    Service(Set<Service>),
    /// `version`.
    Version(Set<Version>),
    /// `qos` of a PUBLISH, of a will, or asked for in a SUBSCRIBE.
    Qos(Set<QoS>),
    /// `retain` of a PUBLISH or a will.
    Retain(bool),
    /// `size` in bytes, both ends included.
    Size { min: usize, max: usize },
    /// `code` and `method`.
    Code(Codes),
    /// `source`, `destination`, `client`, `server`.
    Address(Party, List<Addresses>),
    /// `client_id`, `username`.
    Identity(Identity, List<Glob>),
    /// `topic` of a PUBLISH or a will.
    Topic(List<Pattern>),
    /// `filter` of a SUBSCRIBE or UNSUBSCRIBE.
    Filter(FilterCondition),
    /// `path` of a CoAP request.
    Path(List<PathPattern>),
}

/// Whose address is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Party {
    Source,
    Destination,
    Client,
    Server,
}

/// What a session calls itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Identity {
    ClientId,
    Username,
}

/// What has to be true of one and the same filter of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct FilterCondition {
    pub(crate) overlaps: List<Pattern>,
    pub(crate) within: List<Pattern>,
    pub(crate) covers: List<Pattern>,
    pub(crate) qos: Option<Set<QoS>>,
}

/// A set of values of a small enum, one bit each.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Set<T> {
    bits: u8,
    of: std::marker::PhantomData<T>,
}

/// Enums with few enough values for a [`Set`].
pub(crate) trait Small: Copy + 'static {
    fn bit(self) -> u8;
}

/// A set of CoAP codes, by their octet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Codes([u64; 4]);

impl Condition {
    pub(crate) fn holds(&self, subject: &Subject<'_>) -> bool {
        match self {
            Self::AddressValidated(wanted) => subject.address_validated == *wanted,
            Self::Tls(wanted) => is_tls(subject) == *wanted,
            Self::Service(services) => services.contains(subject.service),
            Self::Version(versions) => version(subject).is_some_and(|v| versions.contains(v)),
            Self::Qos(wanted) => has_qos(subject, wanted),
            Self::Retain(wanted) => retain(subject) == Some(*wanted),
            Self::Size { min, max } => (*min..=*max).contains(&subject.size),
            Self::Code(codes) => {
                let message = subject.message.coap();
                message.is_some_and(|message| codes.contains(message.code()))
            }
            Self::Address(party, list) => address_holds(subject, *party, list),
            Self::Identity(Identity::ClientId, list) => list.holds_for(subject.session.client_id),
            Self::Identity(Identity::Username, list) => list.holds_for(subject.session.username),
            Self::Topic(list) => topic_holds(subject, list),
            Self::Filter(condition) => condition.holds(subject),
            Self::Path(list) => {
                let message = subject.message.coap();
                message.is_some_and(|message| list.holds_for(|| message.uri_path()))
            }
        }
    }

    /// Whether this one holds wherever `other` does, as far as that is plain to see.
    pub(crate) fn is_implied_by(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Service(mine), Self::Service(theirs)) => theirs.is_subset(mine),
            (Self::Version(mine), Self::Version(theirs)) => theirs.is_subset(mine),
            (Self::Qos(mine), Self::Qos(theirs)) => theirs.is_subset(mine),
            (Self::Code(mine), Self::Code(theirs)) => theirs.is_subset(mine),
            (
                Self::Size { min, max },
                Self::Size {
                    min: their_min,
                    max: their_max,
                },
            ) => min <= their_min && their_max <= max,
            (mine, theirs) => mine == theirs,
        }
    }

    /// Whether [`Condition::is_implied_by`] is plain equality for this one.
    pub(crate) fn is_implied_only_by_itself(&self) -> bool {
        !matches!(
            self,
            Self::Service(_) | Self::Version(_) | Self::Qos(_) | Self::Code(_) | Self::Size { .. }
        )
    }

    /// The order of asking: what is cheap to ask comes first.
    pub(crate) fn cost(&self) -> u8 {
        match self {
            Self::AddressValidated(_) | Self::Tls(_) | Self::Service(_) | Self::Size { .. } => 0,
            Self::Version(_) | Self::Retain(_) | Self::Code(_) => 1,
            Self::Address(..) | Self::Qos(_) => 2,
            Self::Identity(..) => 3,
            Self::Topic(_) | Self::Path(_) => 4,
            Self::Filter(_) => 5,
        }
    }
}

fn is_tls(subject: &Subject<'_>) -> bool {
    subject.service.is_encrypted() || matches!(subject.protocol, Protocol::Tls | Protocol::Dtls)
}

/// A CONNECT speaks for itself; nothing else says its version.
fn version(subject: &Subject<'_>) -> Option<Version> {
    match subject.message {
        Message::Mqtt(ControlPacket::Connect(connect)) => Some(connect.version),
        _ => subject.session.version,
    }
}

fn has_qos(subject: &Subject<'_>, wanted: &Set<QoS>) -> bool {
    let Message::Mqtt(packet) = subject.message else {
        return false;
    };
    match packet {
        ControlPacket::Publish(publish) => wanted.contains(publish.qos),
        ControlPacket::Connect(connect) => connect.will.is_some_and(|w| wanted.contains(w.qos)),
        ControlPacket::Subscribe(subscribe) => {
            subscribe.subscriptions().any(|s| wanted.contains(s.qos))
        }
        _ => false,
    }
}

fn retain(subject: &Subject<'_>) -> Option<bool> {
    match subject.message {
        Message::Mqtt(ControlPacket::Publish(publish)) => Some(publish.retain),
        Message::Mqtt(ControlPacket::Connect(connect)) => connect.will.map(|will| will.retain),
        _ => None,
    }
}

fn address_holds(subject: &Subject<'_>, party: Party, list: &List<Addresses>) -> bool {
    let to_server = subject.direction == Direction::ToServer;
    let is_source = match party {
        Party::Source => true,
        Party::Destination => false,
        Party::Client => to_server,
        Party::Server => !to_server,
    };
    let endpoints = &subject.endpoints;
    match is_source {
        true => list.holds_for(endpoints.source, endpoints.from),
        false => list.holds_for(endpoints.destination, endpoints.from.opposite()),
    }
}

/// A topic that isn't known (an alias nobody established) matches no pattern.
fn topic_holds(subject: &Subject<'_>, list: &List<Pattern>) -> bool {
    let name = match subject.message {
        Message::Mqtt(ControlPacket::Publish(publish)) if publish.topic.is_empty() => {
            subject.session.aliased_topic
        }
        Message::Mqtt(ControlPacket::Publish(publish)) => Some(publish.topic),
        Message::Mqtt(ControlPacket::Connect(connect)) => match connect.will {
            Some(will) => Some(will.topic),
            None => return false,
        },
        _ => return false,
    };
    list.holds(|pattern| {
        name.is_some_and(|name| pattern.relates(Relation::Matches, name, &subject.session))
    })
}

impl FilterCondition {
    fn holds(&self, subject: &Subject<'_>) -> bool {
        let Message::Mqtt(packet) = subject.message else {
            return false;
        };
        match packet {
            ControlPacket::Subscribe(subscribe) => subscribe
                .subscriptions()
                .any(|s| self.holds_for(subject, s.topic_filter(), Some(s.qos))),
            ControlPacket::Unsubscribe(unsubscribe) => unsubscribe
                .filters()
                .any(|filter| self.holds_for(subject, topic::strip_share(filter), None)),
            _ => false,
        }
    }

    fn holds_for(&self, subject: &Subject<'_>, filter: &str, qos: Option<QoS>) -> bool {
        let session = &subject.session;
        let qos_fits = match (&self.qos, qos) {
            (Some(wanted), Some(qos)) => wanted.contains(qos),
            (Some(_), None) => false,
            (None, _) => true,
        };
        qos_fits
            && self.overlaps.relates(Relation::Overlaps, filter, session)
            && self.within.relates(Relation::Within, filter, session)
            && self.covers.relates(Relation::Covers, filter, session)
    }
}

impl<T: Small> Set<T> {
    pub(crate) const EMPTY: Self = Self {
        bits: 0,
        of: std::marker::PhantomData,
    };

    pub(crate) fn insert(&mut self, value: T) {
        self.bits |= value.bit();
    }

    pub(crate) fn contains(&self, value: T) -> bool {
        self.bits & value.bit() != 0
    }

    fn is_subset(&self, of: &Self) -> bool {
        self.bits & !of.bits == 0
    }
}

impl<T> Clone for Set<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Set<T> {}

impl<T: Small> FromIterator<T> for Set<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut set = Self::EMPTY;
        values.into_iter().for_each(|value| set.insert(value));
        set
    }
}

impl Small for Service {
    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Small for Version {
    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Small for QoS {
    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Codes {
    pub(crate) fn contains(&self, code: Code) -> bool {
        self.0[usize::from(code.0 / 64)] & (1 << (code.0 % 64)) != 0
    }

    fn is_subset(&self, of: &Self) -> bool {
        self.0
            .iter()
            .zip(of.0)
            .all(|(mine, theirs)| mine & !theirs == 0)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Code> {
        Self::all().filter(|code| self.contains(*code))
    }

    /// Every code there could be.
    pub(crate) fn all() -> impl Iterator<Item = Code> {
        (0..=u8::MAX).map(Code)
    }
}

impl FromIterator<Code> for Codes {
    fn from_iter<I: IntoIterator<Item = Code>>(codes: I) -> Self {
        let mut set = Self::default();
        for code in codes {
            set.0[usize::from(code.0 / 64)] |= 1 << (code.0 % 64);
        }
        set
    }
}
