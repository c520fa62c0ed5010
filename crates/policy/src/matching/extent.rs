//! What of a message is measured in numbers that rules are found by.

use super::measure::Measure;
use super::told;
use crate::Subject;

/// What is measured in numbers that are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Extent {
    Message,
    Payload,
    SourcePort,
    DestinationPort,
    UserProperties,
    KeepAlive,
    PacketId,
    Filters,
    MessageId,
    Options,
    Token,
    BlockSize,
    BlockNumber,
}

impl Extent {
    /// All of them, in the order of their numbers.
    pub(crate) const ALL: [Self; Self::BlockNumber as usize + 1] = [
        Self::Message,
        Self::Payload,
        Self::SourcePort,
        Self::DestinationPort,
        Self::UserProperties,
        Self::KeepAlive,
        Self::PacketId,
        Self::Filters,
        Self::MessageId,
        Self::Options,
        Self::Token,
        Self::BlockSize,
        Self::BlockNumber,
    ];

    /// What is measured of a message; levels are those of each of its filters.
    pub(super) fn of_measure(measure: Measure) -> Option<Self> {
        Some(match measure {
            Measure::Size => Self::Message,
            Measure::SourcePort => Self::SourcePort,
            Measure::DestinationPort => Self::DestinationPort,
            Measure::UserProperties => Self::UserProperties,
            Measure::KeepAlive => Self::KeepAlive,
            Measure::PacketId => Self::PacketId,
            Measure::Filters => Self::Filters,
            Measure::MessageId => Self::MessageId,
            Measure::Options => Self::Options,
            Measure::Token => Self::Token,
            Measure::BlockSize => Self::BlockSize,
            Measure::BlockNumber => Self::BlockNumber,
            Measure::Vlan | Measure::Levels => return None,
        })
    }

    /// How much of it there is, if any.
    pub(crate) fn of(self, subject: &Subject<'_>) -> Option<u64> {
        let count = match self {
            Self::Message => subject.size,
            Self::Payload => told::payload_len(subject),
            Self::SourcePort => subject.endpoints.source_port.into(),
            Self::DestinationPort => subject.endpoints.destination_port.into(),
            Self::UserProperties => told::user_properties(subject)?,
            Self::KeepAlive => told::keep_alive_s(subject)?.into(),
            Self::PacketId => told::packet_id(subject)?.into(),
            Self::Filters => told::filter_count(subject)?,
            Self::MessageId => told::message_id(subject)?.into(),
            Self::Options => subject.message.coap()?.options().count(),
            Self::Token => subject.message.coap()?.token().len(),
            Self::BlockSize => return told::block_size(subject),
            Self::BlockNumber => return told::block_number(subject),
        };
        u64::try_from(count).ok()
    }
}
