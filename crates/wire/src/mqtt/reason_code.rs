//! Reason codes (MQTT 5.0 §2.4) and the return codes of 3.x.

use super::{PacketType, Version};
use crate::Direction;

/// The outcome a packet reports: a reason code of 5.0 or a return code of 3.x.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReasonCode(pub u8);

impl ReasonCode {
    /// Success, normal disconnection, or QoS 0 granted.
    pub const SUCCESS: Self = Self(0x00);
    /// A 3.x CONNACK refuses the protocol level.
    pub const V3_UNACCEPTABLE_PROTOCOL: Self = Self(0x01);
    /// A 3.x CONNACK refuses for lack of authorisation.
    pub const V3_NOT_AUTHORIZED: Self = Self(0x05);
    /// An AUTH has the other end go on.
    pub const CONTINUE_AUTHENTICATION: Self = Self(0x18);
    /// A SUBACK refuses (the only failure 3.1.1 knows), or any unspecified error.
    pub const UNSPECIFIED_ERROR: Self = Self(0x80);
    /// The packet could not be parsed.
    pub const MALFORMED_PACKET: Self = Self(0x81);
    /// The packet was not expected.
    pub const PROTOCOL_ERROR: Self = Self(0x82);
    /// A CONNACK refuses the protocol level.
    pub const UNSUPPORTED_PROTOCOL: Self = Self(0x84);
    /// The operation is not authorised.
    pub const NOT_AUTHORIZED: Self = Self(0x87);

    /// Whether it reports a failure (5.0 §2.4).
    #[must_use]
    pub const fn is_error(self) -> bool {
        self.0 >= 0x80
    }

    pub(crate) fn is_of_connack(self, version: Version) -> bool {
        match version {
            Version::V31 | Version::V311 => self.0 <= 5,
            Version::V5 => matches!(self.0,
                0 | 0x80..=0x8a | 0x8c | 0x90 | 0x95 | 0x97 | 0x99..=0x9d | 0x9f),
        }
    }

    /// PUBACK and PUBREC share one list, PUBREL and PUBCOMP the other.
    pub(crate) fn is_of_ack(self, packet_type: PacketType) -> bool {
        match packet_type {
            PacketType::PubAck | PacketType::PubRec => {
                matches!(
                    self.0,
                    0 | 0x10 | 0x80 | 0x83 | 0x87 | 0x90 | 0x91 | 0x97 | 0x99
                )
            }
            _ => matches!(self.0, 0 | 0x92),
        }
    }

    /// Codes of SUBACK; 3.x knows the granted QoS and, since 3.1.1, one failure.
    pub(crate) fn is_of_suback(self, version: Version) -> bool {
        match version {
            Version::V31 | Version::V311 => matches!(self.0, 0..=2 | 0x80),
            Version::V5 => matches!(
                self.0,
                0..=2 | 0x80 | 0x83 | 0x87 | 0x8f | 0x91 | 0x97 | 0x9e | 0xa1 | 0xa2
            ),
        }
    }

    pub(crate) fn is_of_unsuback(self) -> bool {
        matches!(self.0, 0 | 0x11 | 0x80 | 0x83 | 0x87 | 0x8f | 0x91)
    }

    pub(crate) fn is_of_disconnect(self) -> bool {
        matches!(self.0,
            0 | 0x04 | 0x80..=0x83 | 0x87 | 0x89 | 0x8b..=0x90 | 0x93..=0xa2)
    }

    pub(crate) fn is_of_auth(self) -> bool {
        matches!(self.0, 0 | 0x18 | 0x19)
    }

    /// Whether this end may send the code in a packet of this type.
    pub(crate) fn sent_by(self, packet_type: PacketType, direction: Direction) -> bool {
        let client_only = match packet_type {
            PacketType::Disconnect => self.0 == 0x04,
            PacketType::Auth => self.0 == 0x19,
            _ => false,
        };
        let server_only = match packet_type {
            PacketType::PubAck | PacketType::PubRec => self.0 == 0x10,
            PacketType::Disconnect => matches!(self.0, 0x87..=0x8b | 0x8d..=0x8f | 0x9a..=0xa2),
            PacketType::Auth => self.0 == 0x00,
            _ => false,
        };
        match direction {
            Direction::ToServer => !server_only,
            Direction::ToClient => !client_only,
        }
    }
}

impl std::fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "0x{:02x}", self.0)
    }
}
