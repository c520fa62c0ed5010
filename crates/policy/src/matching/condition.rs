//! One condition of a rule, ready to be asked.

use wire::coap::{self, Type};
use wire::mqtt::{ControlPacket, QoS, Subscription, TopicName, Version};

use super::addresses::Addresses;
use super::asked::{Asked, Effect, Part};
use super::flag::Flag;
use super::glob::Glob;
use super::hello::HelloCondition;
use super::list::List;
use super::measure::Measure;
use super::name::NamePattern;
use super::numbers::Numbers;
use super::option::OptionCondition;
use super::path::PathPattern;
use super::pattern::{Pattern, Relation, Values};
use super::payload::PayloadCondition;
use super::prefix::delayed;
use super::property::PropertyCondition;
use super::resolved::Resolved;
use super::set::{Codes, Octets, Set};
use super::time::Schedule;
use super::told;
use crate::{Message, Protocol, Service, Session, Subject};

/// A condition; what the rule's scope already says isn't asked again.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// `retain`, `dup`, `clean` and the like.
    Flag(Flag, bool),
    /// `size`, `keep_alive`, `levels` and the like.
    Number(Measure, Numbers),
    /// `code` and `method`.
    Code(Codes),
    /// `reason_code` of a control packet.
    ReasonCode(Octets),
    /// `type` of a CoAP message.
    Type(Set<Type>),
    /// `source`, `destination`, `client`, `server`.
    Address(Party, List<Addresses>),
    /// `client_id`, `username`.
    Identity(Identity, List<NamePattern>),
    /// `password` of a CONNECT, by its text.
    Password(List<NamePattern>),
    /// `topic` of a PUBLISH or a will.
    Topic(List<Pattern>),
    /// `topic_text`: the same as a mere text.
    TopicText(List<Glob>),
    /// `filter` of a SUBSCRIBE or UNSUBSCRIBE.
    Filter(Box<FilterCondition>),
    /// `path` of a CoAP request.
    Path(List<PathPattern>),
    /// `property` of a control packet.
    Property(PropertyCondition),
    /// `option` of a CoAP message.
    Option(OptionCondition),
    /// `sni`, `alpn` and `tls_version` of a ClientHello.
    Hello(HelloCondition),
    /// `time`: one of them has to hold.
    Time(Vec<Schedule>),
    /// `payload` of a PUBLISH, a will or a CoAP message.
    Payload(Box<PayloadCondition>),
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    ClientId,
    Username,
}

/// What has to be true of one and the same filter of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct FilterCondition {
    pub(crate) overlaps: List<Pattern>,
    pub(crate) within: List<Pattern>,
    pub(crate) covers: List<Pattern>,
    pub(crate) text: List<Glob>,
    pub(crate) qos: Option<Set<QoS>>,
    pub(crate) options: SubscriptionOptions,
}

/// What is asked of the options of a subscription (MQTT 5.0 §3.8.3.1); before 5.0 they are all 0.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SubscriptionOptions {
    pub(crate) no_local: Option<bool>,
    pub(crate) retain_as_published: Option<bool>,
    pub(crate) retain_handling: Option<Numbers>,
}

impl Condition {
    /// Never in the loop that asks one after the other: what all kinds of conditions ask for would be fetched
    /// before the first is known.
    #[inline(never)]
    pub(crate) fn holds(&self, asked: &Asked<'_, '_>) -> bool {
        let subject = asked.subject;
        match self {
            Self::AddressValidated(wanted) => subject.address_validated == *wanted,
            Self::Tls(wanted) => is_tls(subject) == *wanted,
            Self::Service(services) => services.contains(subject.service),
            // What nobody knows catches nobody.
            Self::Version(_) if subject.session.unseen => asked.effect == Effect::LetsThrough,
            Self::Version(versions) => version(subject).is_some_and(|v| versions.contains(v)),
            Self::Qos(wanted) => has_qos(asked, wanted),
            Self::Flag(flag, wanted) => flag.of(subject) == Some(*wanted),
            Self::Number(measure, numbers) => measure.holds(asked, numbers),
            Self::Code(codes) => {
                let message = subject.message.coap();
                message.is_some_and(|message| codes.contains(message.code()))
            }
            Self::ReasonCode(codes) => has_reason_code(asked, codes),
            Self::Type(types) => match subject.message {
                Message::Coap(message) => types.contains(message.message_type()),
                _ => false,
            },
            Self::Address(party, list) => address_holds(subject, *party, list),
            Self::Identity(..) if subject.session.unseen => asked.effect == Effect::LetsThrough,
            Self::Identity(identity, list) => {
                list.holds_for(identity.of(&subject.session), &values(subject))
            }
            Self::Password(list) => list.holds_for(told::password(subject), &values(subject)),
            Self::Topic(list) => topic_holds(asked, list),
            Self::TopicText(list) => topic_text_holds(asked, list),
            Self::Filter(condition) => condition.holds(asked),
            Self::Path(list) => {
                let message = subject.message.coap();
                message.is_some_and(|message| path_holds(message, list))
            }
            Self::Property(condition) => condition.holds(asked),
            Self::Option(condition) => condition.holds(asked),
            Self::Hello(condition) => condition.holds(asked),
            Self::Time(schedules) => {
                let now = subject.unix_s;
                now.is_some_and(|now| schedules.iter().any(|schedule| schedule.holds(now)))
            }
            Self::Payload(condition) => condition.holds(asked),
        }
    }

    /// Whether it is asked of each [`Part`] of a message that has such, and not of the whole.
    pub(crate) fn is_about_parts(&self) -> bool {
        matches!(
            self,
            Self::Filter(_) | Self::Qos(_) | Self::ReasonCode(_) | Self::Number(Measure::Levels, _)
        )
    }

    /// Whether it may hold or not for the same message, by what comes of it.
    pub(crate) fn depends_on_effect(&self) -> bool {
        match self {
            Self::Property(_) | Self::Option(_) => true,
            Self::Payload(payload) => payload.looks_inside(),
            Self::Hello(condition) => matches!(condition, HelloCondition::Protocol(_)),
            _ => false,
        }
    }

    /// The order of asking: what is cheap to ask comes first.
    pub(crate) fn cost(&self) -> u8 {
        match self {
            Self::AddressValidated(_) | Self::Tls(_) | Self::Service(_) | Self::Type(_) => 0,
            Self::Hello(HelloCondition::Version(_)) => 1,
            Self::Version(_) | Self::Flag(..) | Self::Code(_) | Self::ReasonCode(_) => 1,
            Self::Number(
                Measure::Size
                | Measure::SourcePort
                | Measure::DestinationPort
                | Measure::Vlan
                | Measure::KeepAlive
                | Measure::PacketId
                | Measure::MessageId
                | Measure::Token
                | Measure::BlockSize
                | Measure::BlockNumber,
                _,
            ) => 1,
            Self::Address(..) | Self::Qos(_) => 2,
            Self::Identity(..) | Self::Password(_) | Self::Hello(_) => 3,
            Self::Topic(_) | Self::TopicText(_) | Self::Path(_) => 4,
            Self::Number(..) | Self::Property(_) | Self::Option(_) | Self::Time(_) => 5,
            Self::Filter(_) => 6,
            Self::Payload(_) => 7,
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

fn has_qos(asked: &Asked<'_, '_>, wanted: &Set<QoS>) -> bool {
    match (asked.part, asked.subject.message) {
        (Some(Part::Subscription(asked)), _) => wanted.contains(asked.qos),
        (None, Message::Mqtt(ControlPacket::Publish(publish))) => wanted.contains(publish.qos),
        (None, Message::Mqtt(ControlPacket::Connect(connect))) => {
            connect.will.is_some_and(|will| wanted.contains(will.qos))
        }
        _ => false,
    }
}

/// What an acknowledgement, a DISCONNECT or an AUTH says; a SUBACK and an UNSUBACK say several things.
fn has_reason_code(asked: &Asked<'_, '_>, wanted: &Octets) -> bool {
    if let Some(Part::Code(code)) = asked.part {
        return wanted.contains(code);
    }
    let Message::Mqtt(packet) = asked.subject.message else {
        return false;
    };
    match packet {
        ControlPacket::ConnAck(connack) => wanted.contains(connack.reason_code.0),
        ControlPacket::PubAck(ack)
        | ControlPacket::PubRec(ack)
        | ControlPacket::PubRel(ack)
        | ControlPacket::PubComp(ack) => wanted.contains(ack.reason_code.0),
        ControlPacket::Disconnect(disconnect) => wanted.contains(disconnect.reason_code.0),
        ControlPacket::Auth(auth) => wanted.contains(auth.reason_code.0),
        _ => false,
    }
}

fn address_holds(subject: &Subject<'_>, party: Party, list: &List<Addresses>) -> bool {
    let endpoints = &subject.endpoints;
    match party.sends(subject.direction) {
        true => list.holds_for(endpoints.source, endpoints.from),
        false => list.holds_for(endpoints.destination, endpoints.from.opposite()),
    }
}

/// A topic that isn't known (an alias nobody established) matches no pattern.
fn topic_holds(asked: &Asked<'_, '_>, list: &List<Pattern>) -> bool {
    let subject = asked.subject;
    let Some(name) = told::topic(subject) else {
        return false;
    };
    if subject.session.unseen {
        return topic_of_unseen_holds(asked, list, name);
    }
    let fits = |pattern: &Pattern, name: Option<TopicName<'_>>| {
        name.is_some_and(|name| pattern.matches(name.as_bytes(), || values(subject)))
    };
    match name.and_then(delayed) {
        None => list.holds(|pattern| fits(pattern, name)),
        later => list.holds_either_way(asked.effect, |p| fits(p, name), |p| fits(p, later)),
    }
}

/// What an alias of its stands for isn't known to be anything.
fn topic_of_unseen_holds(
    asked: &Asked<'_, '_>,
    list: &List<Pattern>,
    name: Option<TopicName<'_>>,
) -> bool {
    let Some(name) = name else {
        return false;
    };
    let values = values(asked.subject);
    let ways = [Some(name), delayed(name)];
    let surely = |pattern: &Pattern| {
        let mut ways = ways.iter().flatten();
        ways.any(|name| pattern.matches(name.as_bytes(), || values))
    };
    let maybe = |pattern: &Pattern, ways: &[Option<TopicName<'_>>]| {
        let mut ways = ways.iter().flatten();
        ways.any(|name| pattern.may_relate(Relation::Matches, name.as_str()))
    };
    match asked.effect {
        Effect::Catches => list.holds_by(surely, |pattern| maybe(pattern, &ways)),
        Effect::LetsThrough => list.holds_by(|pattern| maybe(pattern, &ways[..1]), surely),
    }
}

fn topic_text_holds(asked: &Asked<'_, '_>, list: &List<Glob>) -> bool {
    let Some(name) = told::topic(asked.subject) else {
        return false;
    };
    let fits = |glob: &Glob, name: Option<TopicName<'_>>| {
        name.is_some_and(|name| glob.matches(name.as_str()))
    };
    if name.is_none() && asked.subject.session.unseen {
        return false;
    }
    match name.and_then(delayed) {
        None => list.holds(|glob| fits(glob, name)),
        later => list.holds_either_way(asked.effect, |g| fits(g, name), |g| fits(g, later)),
    }
}

/// Beside a Proxy-Uri there is no Uri-Path: that is malformed (RFC 7252 §5.10.2).
fn path_holds(message: &coap::Content<'_>, list: &List<PathPattern>) -> bool {
    match message.proxy_uri() {
        Some(uri) => {
            let resolved = Resolved::path(uri.path);
            list.holds_for(|| resolved.parts())
        }
        None => list.holds_for(|| message.uri_path()),
    }
}

/// What the placeholders of patterns stand for.
fn values<'a>(subject: &Subject<'a>) -> Values<'a> {
    Values {
        session: subject.session,
        source: subject.endpoints.source,
    }
}

impl Identity {
    /// The session's name of this kind; one of no characters is none.
    pub(crate) fn of<'a>(self, session: &Session<'a>) -> Option<&'a str> {
        match self {
            Self::ClientId => session.client_id,
            Self::Username => session.username,
        }
        .filter(|name| !name.is_empty())
    }
}

impl FilterCondition {
    fn holds(&self, asked: &Asked<'_, '_>) -> bool {
        let Some(part) = asked.part else {
            return false;
        };
        let (Some(filter), Some(sent)) = (part.filter(), part.sent_filter()) else {
            return false;
        };
        let values = &values(asked.subject);
        let is_asked = match part {
            Part::Subscription(one) => {
                let qos_fits = self.qos.is_none_or(|wanted| wanted.contains(one.qos));
                qos_fits && self.options.hold(one)
            }
            // An UNSUBSCRIBE asks for nothing but the filter.
            _ => self.qos.is_none() && self.options.ask_nothing(),
        };
        is_asked
            && self
                .overlaps
                .relates(Relation::Overlaps, filter, values, asked.effect)
            && self
                .within
                .relates(Relation::Within, filter, values, asked.effect)
            && self
                .covers
                .relates(Relation::Covers, filter, values, asked.effect)
            && self.text.holds_either_way(
                asked.effect,
                |glob| glob.matches(filter),
                |glob| glob.matches(sent),
            )
    }
}

impl SubscriptionOptions {
    pub(crate) fn ask_nothing(&self) -> bool {
        *self == Self::default()
    }

    fn hold(&self, asked: Subscription<'_>) -> bool {
        let fits = |wanted: Option<bool>, is_so: bool| wanted.is_none_or(|wanted| wanted == is_so);
        let handling = self.retain_handling.as_ref();
        fits(self.no_local, asked.no_local)
            && fits(self.retain_as_published, asked.retain_as_published)
            && handling.is_none_or(|wanted| wanted.contains(asked.retain_handling.into()))
    }
}
