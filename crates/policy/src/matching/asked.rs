//! What conditions are asked about, and which way doubt goes.
//!
//! A message may say several things: filters of a SUBSCRIBE, codes of a SUBACK. Each of them is a [`Part`] that
//! the rules decide over by itself. Of other things that stand several times, as options and properties do, and
//! of what two readers may understand differently, it is one way of many that has to fit where a rule catches
//! the message, and all of them where it lets it through: nobody gets past by adding something.

use wire::mqtt::{ControlPacket, Subscription};

use super::prefix;
use crate::{Action, Message, Subject};

/// What becomes of a message that conditions fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It is stopped, or told of.
    Catches,
    /// It goes on: by `accept`, or since it is an exception from what is caught.
    LetsThrough,
}

/// A message, or a part of it, under the conditions of a rule.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'s, 'a> {
    pub(crate) subject: &'s Subject<'a>,
    pub(crate) part: Option<Part<'a>>,
    pub(crate) effect: Effect,
}

/// One of the things that a control packet says several of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part<'a> {
    /// Of a SUBSCRIBE.
    Subscription(Subscription<'a>),
    /// Of an UNSUBSCRIBE, as sent.
    Filter(&'a str),
    /// Of a SUBACK or UNSUBACK.
    Code(u8),
}

impl Effect {
    pub(crate) fn of(action: Action) -> Self {
        match action {
            Action::Accept => Self::LetsThrough,
            _ => Self::Catches,
        }
    }

    /// The effect of an exception.
    pub(crate) fn opposite(self) -> Self {
        match self {
            Self::Catches => Self::LetsThrough,
            Self::LetsThrough => Self::Catches,
        }
    }

    /// Whether what fits some of `ways` has to be taken for fitting: one of them, or all of which there are.
    pub(crate) fn fits(self, mut ways: impl Iterator<Item = bool>) -> bool {
        match self {
            Self::Catches => ways.any(|fits| fits),
            Self::LetsThrough => ways.next() == Some(true) && ways.all(|fits| fits),
        }
    }
}

impl<'a> Part<'a> {
    /// The filter it is about, as sent.
    pub(super) fn sent_filter(self) -> Option<&'a str> {
        match self {
            Self::Subscription(Subscription { filter, .. }) | Self::Filter(filter) => Some(filter),
            Self::Code(_) => None,
        }
    }

    /// The filter that it listens to, without words of the broker's before it.
    pub(crate) fn filter(self) -> Option<&'a str> {
        self.sent_filter().map(prefix::listened)
    }
}

/// Whether a message is of a kind that is decided over by its parts.
#[inline]
pub(crate) fn has_parts(subject: &Subject<'_>) -> bool {
    let Message::Mqtt(packet) = subject.message else {
        return false;
    };
    match packet {
        ControlPacket::Subscribe(_) | ControlPacket::Unsubscribe(_) | ControlPacket::SubAck(_) => {
            true
        }
        // Before 5.0 it says nothing.
        ControlPacket::UnsubAck(ack) => ack.reason_codes().len() > 0,
        _ => false,
    }
}

/// The parts of a message, in their order.
pub(crate) fn parts<'a>(subject: &Subject<'a>) -> impl Iterator<Item = Part<'a>> + use<'a> {
    let packet = match subject.message {
        Message::Mqtt(packet) => Some(packet),
        _ => None,
    };
    let subscriptions = packet.and_then(|packet| match packet {
        ControlPacket::Subscribe(subscribe) => Some(subscribe.subscriptions()),
        _ => None,
    });
    let filters = packet.and_then(|packet| match packet {
        ControlPacket::Unsubscribe(unsubscribe) => Some(unsubscribe.filters()),
        _ => None,
    });
    let codes = packet.and_then(|packet| match packet {
        ControlPacket::SubAck(ack) | ControlPacket::UnsubAck(ack) => Some(ack.reason_codes()),
        _ => None,
    });
    let subscriptions = subscriptions.into_iter().flatten().map(Part::Subscription);
    let filters = filters.into_iter().flatten().map(Part::Filter);
    let codes = codes.into_iter().flatten();
    let codes = codes.map(|code| Part::Code(code.0));
    subscriptions.chain(filters).chain(codes)
}
