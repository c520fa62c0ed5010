//! The fifteen control packet types (MQTT 5.0 §2.1.2): their numbers, names, senders, flags and sizes.

use super::{FixedHeader, Version};
use crate::Direction;

/// The fifteen control packet types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs, reason = "the variants are the packets' names")]
pub enum PacketType {
    Connect = 1,
    ConnAck = 2,
    Publish = 3,
    PubAck = 4,
    PubRec = 5,
    PubRel = 6,
    PubComp = 7,
    Subscribe = 8,
    SubAck = 9,
    Unsubscribe = 10,
    UnsubAck = 11,
    PingReq = 12,
    PingResp = 13,
    Disconnect = 14,
    Auth = 15,
}

impl PacketType {
    /// Every type, by number.
    pub const ALL: [Self; 15] = [
        Self::Connect,
        Self::ConnAck,
        Self::Publish,
        Self::PubAck,
        Self::PubRec,
        Self::PubRel,
        Self::PubComp,
        Self::Subscribe,
        Self::SubAck,
        Self::Unsubscribe,
        Self::UnsubAck,
        Self::PingReq,
        Self::PingResp,
        Self::Disconnect,
        Self::Auth,
    ];

    /// The type with this number (the high nibble of the first byte).
    #[inline]
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number.wrapping_sub(1))).copied()
    }

    /// The name in capitals, as the specification writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "CONNECT",
            Self::ConnAck => "CONNACK",
            Self::Publish => "PUBLISH",
            Self::PubAck => "PUBACK",
            Self::PubRec => "PUBREC",
            Self::PubRel => "PUBREL",
            Self::PubComp => "PUBCOMP",
            Self::Subscribe => "SUBSCRIBE",
            Self::SubAck => "SUBACK",
            Self::Unsubscribe => "UNSUBSCRIBE",
            Self::UnsubAck => "UNSUBACK",
            Self::PingReq => "PINGREQ",
            Self::PingResp => "PINGRESP",
            Self::Disconnect => "DISCONNECT",
            Self::Auth => "AUTH",
        }
    }

    /// The type with this name in capitals.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|packet_type| packet_type.name() == name)
    }

    /// Whether a packet of this type may travel this way (the direction column of table 2-1).
    #[must_use]
    pub fn sent_by(self, direction: Direction, version: Version) -> bool {
        match self {
            Self::Connect | Self::Subscribe | Self::Unsubscribe | Self::PingReq => {
                direction == Direction::ToServer
            }
            Self::ConnAck | Self::SubAck | Self::UnsubAck | Self::PingResp => {
                direction == Direction::ToClient
            }
            Self::Publish | Self::PubAck | Self::PubRec | Self::PubRel | Self::PubComp => true,
            Self::Disconnect => direction == Direction::ToServer || version == Version::V5,
            Self::Auth => version == Version::V5,
        }
    }

    /// Whether the flags may stand in the fixed header of this type.
    #[inline]
    pub(crate) const fn allows_flags(self, flags: u8, version: Version) -> bool {
        match self {
            Self::Publish => true,
            // 3.1 §2.1 lets these be repeated with DUP; later versions fix the bits.
            Self::PubRel | Self::Subscribe | Self::Unsubscribe
                if matches!(version, Version::V31) =>
            {
                flags & !0b1000 == 0b0010
            }
            Self::PubRel | Self::Subscribe | Self::Unsubscribe => flags == 0b0010,
            _ => flags == 0,
        }
    }

    /// The smallest remaining length a packet of this type can have, where waiting for the rest of a
    /// shorter one would be in vain.
    #[inline]
    pub(crate) fn remaining_len_min(self) -> usize {
        // Protocol name, level, flags, keep alive, and an empty client identifier.
        const CONNECT: usize = 6 + 1 + 1 + 2 + 2;
        if self == Self::Connect { CONNECT } else { 0 }
    }

    /// The largest remaining length a packet of this type can have.
    #[inline]
    pub(crate) fn remaining_len_max(self, version: Version) -> usize {
        match self {
            Self::PingReq | Self::PingResp => 0,
            Self::Disconnect if version != Version::V5 => 0,
            // A server of 5.0 may answer in its own form (`Anomaly::NewerServer`).
            Self::ConnAck if version != Version::V5 => 3,
            Self::PubAck | Self::PubRec | Self::PubRel | Self::PubComp | Self::UnsubAck
                if version != Version::V5 =>
            {
                2
            }
            _ => FixedHeader::REMAINING_LEN_MAX,
        }
    }
}

impl std::fmt::Display for PacketType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_senders() {
        for packet_type in PacketType::ALL {
            assert_eq!(PacketType::from_name(packet_type.name()), Some(packet_type));
            assert_eq!(
                PacketType::from_number(packet_type as u8),
                Some(packet_type)
            );
        }
        assert_eq!(PacketType::from_number(0), None);
        assert_eq!(PacketType::from_number(16), None);
        let both = |t: PacketType, v| {
            [Direction::ToServer, Direction::ToClient].map(|direction| t.sent_by(direction, v))
        };
        assert_eq!(both(PacketType::SubAck, Version::V311), [false, true]);
        assert_eq!(both(PacketType::Subscribe, Version::V5), [true, false]);
        assert_eq!(both(PacketType::Publish, Version::V31), [true, true]);
        assert_eq!(both(PacketType::Disconnect, Version::V311), [true, false]);
        assert_eq!(both(PacketType::Disconnect, Version::V5), [true, true]);
        assert_eq!(both(PacketType::Auth, Version::V311), [false, false]);
    }
}
