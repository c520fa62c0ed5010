//! Numbers that messages have, and the bounds a rule sets them.

use wire::mqtt::topic;

use super::asked::{Asked, Part};
use super::numbers::Numbers;
use super::resolved::Resolved;
use super::told;
use crate::Message;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    /// `size`: bytes.
    Size,
    /// `source_port`, the sender's.
    SourcePort,
    /// `destination_port`, the receiver's.
    DestinationPort,
    /// `vlan` of the frame; without a tag there is none.
    Vlan,
    /// `keep_alive` of a CONNECT in seconds; 0 is for ever.
    KeepAlive,
    /// `packet_id` of a control packet; a PUBLISH of QoS 0 has none.
    PacketId,
    /// `levels` of a topic, of a filter, or segments of a path.
    Levels,
    /// `filters` of a SUBSCRIBE or UNSUBSCRIBE.
    Filters,
    /// `user_properties` of a control packet, or of the will in it.
    UserProperties,
    /// `message_id` of a CoAP message; over TCP there is none.
    MessageId,
    /// `options` of a CoAP message.
    Options,
    /// `token` of a CoAP message, in bytes.
    Token,
    /// `block_size` of a CoAP message, in bytes.
    BlockSize,
    /// `block_number` of a CoAP message.
    BlockNumber,
}

impl Measure {
    /// Whether some messages that it is asked of have none.
    pub(super) fn may_lack(self) -> bool {
        matches!(
            self,
            Self::Vlan | Self::PacketId | Self::MessageId | Self::BlockSize | Self::BlockNumber
        )
    }

    /// Whether the message's fits, or that of its part.
    pub(crate) fn holds(self, asked: &Asked<'_, '_>, numbers: &Numbers) -> bool {
        let subject = asked.subject;
        match self {
            Self::Size => numbers.holds(subject.size),
            Self::SourcePort => numbers.contains(subject.endpoints.source_port.into()),
            Self::DestinationPort => numbers.contains(subject.endpoints.destination_port.into()),
            Self::Vlan => numbers.holds_for(subject.endpoints.vlan.map(u64::from)),
            Self::KeepAlive => {
                told::keep_alive_s(subject).is_some_and(|s| numbers.contains(s.into()))
            }
            Self::PacketId => match subject.message {
                Message::Mqtt(_) => numbers.holds_for(told::packet_id(subject).map(u64::from)),
                _ => false,
            },
            Self::MessageId => match subject.message.coap() {
                Some(_) => numbers.holds_for(told::message_id(subject).map(u64::from)),
                None => false,
            },
            Self::Levels => levels_hold(asked, numbers),
            Self::Filters => told::filter_count(subject).is_some_and(|count| numbers.holds(count)),
            Self::UserProperties => {
                told::user_properties(subject).is_some_and(|count| numbers.holds(count))
            }
            Self::Options => {
                let message = subject.message.coap();
                message.is_some_and(|message| numbers.holds(message.options().count()))
            }
            Self::Token => {
                let message = subject.message.coap();
                message.is_some_and(|message| numbers.holds(message.token().len()))
            }
            Self::BlockSize => match subject.message.coap() {
                Some(_) => numbers.holds_for(told::block_size(subject)),
                None => false,
            },
            Self::BlockNumber => match subject.message.coap() {
                Some(_) => numbers.holds_for(told::block_number(subject)),
                None => false,
            },
        }
    }
}

fn levels_hold(asked: &Asked<'_, '_>, numbers: &Numbers) -> bool {
    let holds = |text: &[u8]| numbers.holds(topic::depth(text));
    let subject = asked.subject;
    if let Some(filter) = asked.part.and_then(Part::filter) {
        return holds(filter.as_bytes());
    }
    match subject.message {
        Message::Mqtt(_) => told::known_topic(subject).is_some_and(|t| holds(t.as_bytes())),
        _ => {
            let message = subject.message.coap();
            message.is_some_and(|message| {
                numbers.holds(match message.proxy_uri() {
                    Some(uri) => Resolved::path(uri.path).parts().count(),
                    None => message.uri_path().count(),
                })
            })
        }
    }
}
