//! Numbers that messages have, and the bounds a rule sets them.

use wire::mqtt::{ControlPacket, Property, topic};

use super::told;
use crate::{Message, Subject};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Measure {
    /// `size`: bytes.
    Size,
    /// `source_port`, the sender's.
    SourcePort,
    /// `destination_port`, the receiver's.
    DestinationPort,
    /// `keep_alive` of a CONNECT in seconds; 0 is for ever.
    KeepAlive,
    /// `levels` of a topic, of a filter, or segments of a path.
    Levels,
    /// `filters` of a SUBSCRIBE or UNSUBSCRIBE.
    Filters,
    /// `user_properties` of a control packet, or of the will in it.
    UserProperties,
    /// `options` of a CoAP message.
    Options,
    /// `token` of a CoAP message, in bytes.
    Token,
}

/// Both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Bounds {
    pub(crate) min: u64,
    pub(crate) max: u64,
}

impl Bounds {
    pub(crate) fn contains(&self, number: u64) -> bool {
        (self.min..=self.max).contains(&number)
    }

    pub(crate) fn holds(&self, count: usize) -> bool {
        u64::try_from(count).is_ok_and(|count| self.contains(count))
    }

    pub(crate) fn is_subset(&self, of: &Self) -> bool {
        of.min <= self.min && self.max <= of.max
    }

    pub(super) fn is_apart_from(&self, other: &Self) -> bool {
        self.max < other.min || other.max < self.min
    }
}

impl Measure {
    /// Whether the message has it within `bounds`; where it has several, whether one of them is.
    pub(crate) fn holds(self, subject: &Subject<'_>, bounds: &Bounds) -> bool {
        match self {
            Self::Size => bounds.holds(subject.size),
            Self::SourcePort => bounds.contains(subject.endpoints.source_port.into()),
            Self::DestinationPort => bounds.contains(subject.endpoints.destination_port.into()),
            Self::KeepAlive => match subject.message {
                Message::Mqtt(ControlPacket::Connect(connect)) => {
                    bounds.contains(connect.keep_alive_s.into())
                }
                _ => false,
            },
            Self::Levels => levels_hold(subject, bounds),
            Self::Filters => match subject.message {
                Message::Mqtt(ControlPacket::Subscribe(subscribe)) => {
                    bounds.holds(subscribe.subscriptions().count())
                }
                Message::Mqtt(ControlPacket::Unsubscribe(unsubscribe)) => {
                    bounds.holds(unsubscribe.filters().count())
                }
                _ => false,
            },
            Self::UserProperties => told::properties(subject).is_some_and(|properties| {
                let is_users =
                    |property: &Property<'_>| matches!(property, Property::UserProperty(_));
                bounds.holds(properties.filter(is_users).count())
            }),
            Self::Options => {
                let message = subject.message.coap();
                message.is_some_and(|message| bounds.holds(message.options().count()))
            }
            Self::Token => {
                let message = subject.message.coap();
                message.is_some_and(|message| bounds.holds(message.token().len()))
            }
        }
    }
}

fn levels_hold(subject: &Subject<'_>, bounds: &Bounds) -> bool {
    let holds = |text: &[u8]| bounds.holds(topic::depth(text));
    match subject.message {
        Message::Mqtt(ControlPacket::Subscribe(subscribe)) => subscribe
            .subscriptions()
            .any(|s| holds(s.topic_filter().as_bytes())),
        Message::Mqtt(ControlPacket::Unsubscribe(unsubscribe)) => unsubscribe
            .filters()
            .any(|filter| holds(topic::strip_share(filter).as_bytes())),
        Message::Mqtt(_) => told::known_topic(subject).is_some_and(|t| holds(t.as_bytes())),
        _ => {
            let message = subject.message.coap();
            message.is_some_and(|message| bounds.holds(message.uri_path().count()))
        }
    }
}
