//! What several conditions ask of a message.

use wire::mqtt::{ControlPacket, Properties, Property, TopicName, Version};

use super::asked::parts;
use crate::{Message, Subject};

/// Stands for a password that is no text: a star fits it, and nothing that is written out.
const NO_TEXT: &str = "\u{FFFD}";

/// The topic of a PUBLISH or of the will of a CONNECT, if the message has one at all; `Some(None)` is
/// one that isn't known, since nobody established its alias.
pub(super) fn topic<'a>(subject: &Subject<'a>) -> Option<Option<TopicName<'a>>> {
    match subject.message {
        Message::Mqtt(ControlPacket::Publish(publish)) if publish.topic.is_empty() => {
            Some(subject.session.aliased_topic.map(TopicName::from))
        }
        Message::Mqtt(ControlPacket::Publish(publish)) => Some(Some(publish.topic)),
        Message::Mqtt(ControlPacket::Connect(connect)) => {
            connect.will.map(|will| Some(will.topic.into()))
        }
        _ => None,
    }
}

/// The topic, if there is one and it is known.
pub(crate) fn known_topic<'a>(subject: &Subject<'a>) -> Option<TopicName<'a>> {
    topic(subject).flatten()
}

/// Every filter of a SUBSCRIBE or UNSUBSCRIBE that is listened to.
pub(crate) fn filters(subject: &Subject<'_>, look: impl FnMut(&str)) {
    parts(subject)
        .filter_map(|part| part.filter())
        .for_each(look);
}

/// The same filters as sent.
pub(super) fn sent_filters(subject: &Subject<'_>, look: impl FnMut(&str)) {
    let sent = parts(subject).filter_map(|part| part.sent_filter());
    sent.for_each(look);
}

/// The password of a CONNECT; one of no characters is none.
pub(super) fn password<'a>(subject: &Subject<'a>) -> Option<&'a str> {
    let Message::Mqtt(ControlPacket::Connect(connect)) = subject.message else {
        return None;
    };
    let password = connect.password.filter(|password| !password.is_empty())?;
    Some(std::str::from_utf8(password).unwrap_or(NO_TEXT))
}

/// The payload, if there is one and all of it is at hand; a block of a body is one.
pub(crate) fn whole_payload<'a>(subject: &Subject<'a>) -> Option<&'a [u8]> {
    let (payload, len) = payload_and_len(subject)?;
    (payload.len() == len).then_some(payload)
}

/// The properties of a control packet, and after those of a CONNECT its will's.
pub(super) fn properties<'a>(
    subject: &Subject<'a>,
) -> Option<impl Iterator<Item = Property<'a>> + use<'a>> {
    let Message::Mqtt(packet) = subject.message else {
        return None;
    };
    let of_will = match packet {
        ControlPacket::Connect(connect) => connect.will.map(|will| will.properties),
        _ => None,
    };
    let will: Properties<'a> = of_will.unwrap_or_default();
    Some(packet.properties().iter().chain(will.iter()))
}

/// How many properties of its user's own it has, if it can have any.
pub(super) fn user_properties(subject: &Subject<'_>) -> Option<usize> {
    let is_users = |property: &Property<'_>| matches!(property, Property::UserProperty(_));
    Some(properties(subject)?.filter(is_users).count())
}

/// The keep alive of a CONNECT.
pub(super) fn keep_alive_s(subject: &Subject<'_>) -> Option<u16> {
    match subject.message {
        Message::Mqtt(ControlPacket::Connect(connect)) => Some(connect.keep_alive_s),
        _ => None,
    }
}

/// The packet identifier of a control packet that has one.
pub(super) fn packet_id(subject: &Subject<'_>) -> Option<u16> {
    match subject.message {
        Message::Mqtt(packet) => packet.packet_id(),
        _ => None,
    }
}

/// How many filters a SUBSCRIBE or UNSUBSCRIBE has.
pub(super) fn filter_count(subject: &Subject<'_>) -> Option<usize> {
    match subject.message {
        Message::Mqtt(ControlPacket::Subscribe(subscribe)) => {
            Some(subscribe.subscriptions().count())
        }
        Message::Mqtt(ControlPacket::Unsubscribe(unsubscribe)) => {
            Some(unsubscribe.filters().count())
        }
        _ => None,
    }
}

/// Bytes of the largest block that a CoAP message asks for or brings.
pub(crate) fn block_size(subject: &Subject<'_>) -> Option<u64> {
    let blocks = subject.message.coap()?.blocks();
    blocks.map(|block| block.size() as u64).max()
}

/// The highest number of a block that a CoAP message asks for or brings.
pub(crate) fn block_number(subject: &Subject<'_>) -> Option<u64> {
    let blocks = subject.message.coap()?.blocks();
    blocks.map(|block| block.number.into()).max()
}

/// The message ID of a CoAP message over UDP.
pub(super) fn message_id(subject: &Subject<'_>) -> Option<u16> {
    match subject.message {
        Message::Coap(message) => Some(message.message_id()),
        _ => None,
    }
}

/// What is at hand of what a message brings.
#[derive(Debug, Clone, Copy)]
pub(super) enum Content<'a> {
    Whole(&'a [u8]),
    /// The first block of a body.
    Beginning(&'a [u8]),
    /// Another block of it.
    Middle(&'a [u8]),
    /// A part that is of no use, since it depends on how the message came.
    Unseen,
}

/// The payload, if the message can have one.
pub(super) fn content<'a>(subject: &Subject<'a>) -> Option<Content<'a>> {
    let (payload, len) = payload_and_len(subject)?;
    let block = subject
        .message
        .coap()
        .and_then(|message| message.block_of_body());
    Some(match block {
        _ if payload.len() < len => Content::Unseen,
        None => Content::Whole(payload),
        Some(block) if block.number == 0 => Content::Beginning(payload),
        Some(_) => Content::Middle(payload),
    })
}

/// The payload as MQTT 5.0 would have it, of a PUBLISH read in an earlier version that nobody was heard to speak.
pub(crate) fn payload_in_5<'a>(subject: &Subject<'a>) -> Option<&'a [u8]> {
    match subject.message {
        Message::Mqtt(ControlPacket::Publish(publish))
            if subject.session.unseen && subject.session.version != Some(Version::V5) =>
        {
            publish.payload_behind_properties(subject.direction)
        }
        _ => None,
    }
}

/// Bytes the payload has, at hand or not.
pub(super) fn payload_len(subject: &Subject<'_>) -> usize {
    payload_and_len(subject).map_or(0, |(_, len)| len)
}

fn payload_and_len<'a>(subject: &Subject<'a>) -> Option<(&'a [u8], usize)> {
    match subject.message {
        Message::Mqtt(ControlPacket::Publish(publish)) => {
            Some((publish.payload, publish.payload_len))
        }
        Message::Mqtt(ControlPacket::Connect(connect)) => {
            let will = connect.will?;
            Some((will.payload, will.payload.len()))
        }
        Message::Mqtt(_) => None,
        _ => {
            let message = subject.message.coap()?;
            Some((message.payload(), message.payload_len()))
        }
    }
}
