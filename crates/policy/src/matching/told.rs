//! What several conditions ask of a message.

use wire::mqtt::{ControlPacket, Properties, Property, TopicName, topic};

use crate::{Message, Subject};

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

/// Every filter of a SUBSCRIBE or UNSUBSCRIBE, shared subscriptions seen through.
pub(crate) fn filters(subject: &Subject<'_>, look: impl FnMut(&str)) {
    let Message::Mqtt(packet) = subject.message else {
        return;
    };
    match packet {
        ControlPacket::Subscribe(subscribe) => {
            let filters = subscribe.subscriptions().map(|s| s.topic_filter());
            filters.for_each(look);
        }
        ControlPacket::Unsubscribe(unsubscribe) => {
            unsubscribe.filters().map(topic::strip_share).for_each(look);
        }
        _ => {}
    }
}

/// The payload, if there is one and all of it is at hand.
pub(crate) fn whole_payload<'a>(subject: &Subject<'a>) -> Option<&'a [u8]> {
    payload(subject).flatten()
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

/// The payload, if the message can have one; `Some(None)` where not all of it is at hand.
pub(super) fn payload<'a>(subject: &Subject<'a>) -> Option<Option<&'a [u8]>> {
    let (payload, len) = payload_and_len(subject)?;
    Some((payload.len() == len).then_some(payload))
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
