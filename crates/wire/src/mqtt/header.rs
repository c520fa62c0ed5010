//! The fixed header: packet type, flags, remaining length (MQTT 5.0 §2.1, 3.1.1 §2.2).

use super::{Anomalies, Anomaly, Malformed, PacketType, Version};
use crate::Decoded;

/// The flags of a PUBLISH that say whether it is a repetition, and its QoS.
const DUP: u8 = 0b1000;
const QOS: u8 = 0b0110;

/// What the first byte of a packet says: its type, or what no version allows about it.
const TYPES: [Result<PacketType, Malformed>; 256] = {
    let mut types = [Err(Malformed::PacketType); 256];
    let mut byte = 0x10;
    while byte < 256 {
        let (packet_type, flags) = (PacketType::ALL[byte / 16 - 1], byte as u8 & 0x0f);
        types[byte] = match packet_type {
            PacketType::Publish if flags & QOS == QOS => Err(Malformed::PublishQos),
            _ if packet_type.allows_flags(flags, Version::V31) => Ok(packet_type),
            _ => Err(Malformed::Flags),
        };
        byte += 1;
    }
    types
};

/// By type: the remaining length, in one byte, below which every version allows it. Not all of them have AUTH.
const PLAIN_BELOW: [usize; 16] = [0, 128, 3, 128, 3, 3, 3, 3, 128, 128, 128, 3, 1, 1, 1, 0];

/// The first two to five bytes of every control packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedHeader {
    /// The type of the packet.
    pub packet_type: PacketType,
    /// The low nibble of the first byte.
    pub flags: u8,
    /// Bytes that follow the fixed header.
    pub remaining_len: usize,
    /// Bytes of the fixed header itself: 2 to 5.
    pub header_len: usize,
}

impl FixedHeader {
    /// The largest remaining length four bytes can say.
    pub const REMAINING_LEN_MAX: usize = 268_435_455;

    /// Reads a fixed header. Flags that no version allows are refused here, as is QoS 3; what
    /// depends on the version is left to [`FixedHeader::check`].
    ///
    /// # Errors
    /// The [`Malformed`] that already shows in these bytes.
    #[inline]
    pub fn decode(input: &[u8]) -> Result<Decoded<Self>, Malformed> {
        let Some((&first, lengths)) = input.split_first() else {
            return Ok(Decoded::Incomplete { need: 2 });
        };
        let packet_type = TYPES[usize::from(first)]?;
        let (mut remaining_len, mut header_len) = (0, 1);
        for shift in [0, 7, 14, 21] {
            let Some(byte) = lengths.get(header_len - 1) else {
                return Ok(Decoded::Incomplete {
                    need: input.len() + 1,
                });
            };
            header_len += 1;
            remaining_len |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                if remaining_len < packet_type.remaining_len_min() {
                    return Err(Malformed::Truncated);
                }
                let message = Self {
                    packet_type,
                    flags: first & 0x0f,
                    remaining_len,
                    header_len,
                };
                return Ok(Decoded::Complete {
                    message,
                    len: header_len,
                });
            }
        }
        Err(Malformed::RemainingLength)
    }

    /// Bytes of the whole packet.
    #[inline]
    #[must_use]
    pub fn packet_len(&self) -> usize {
        self.header_len + self.remaining_len
    }

    /// Whether the remaining length takes no more bytes than it needs.
    #[inline]
    #[must_use]
    pub fn is_minimal(&self) -> bool {
        self.header_len == 2 || self.remaining_len >> (7 * (self.header_len - 2)) != 0
    }

    /// Checks what depends on the session's version: reserved types and flags, minimal length, and
    /// whether a packet of this type can be that long (so that nobody waits for bytes which can't
    /// belong to it). For CONNECT, use the version the packet itself names.
    ///
    /// # Errors
    /// The clause the header breaks.
    #[inline]
    pub fn check(&self, version: Version) -> Result<Anomalies, Malformed> {
        let end = PLAIN_BELOW[self.packet_type as usize];
        match self.header_len == 2 && self.flags & DUP == 0 && self.remaining_len < end {
            true => Ok(Anomalies::EMPTY),
            false => self.check_closely(version),
        }
    }

    fn check_closely(&self, version: Version) -> Result<Anomalies, Malformed> {
        if self.packet_type == PacketType::Auth && version != Version::V5 {
            return Err(Malformed::PacketType);
        }
        if !self.packet_type.allows_flags(self.flags, version) {
            return Err(Malformed::Flags);
        }
        if self.remaining_len > self.packet_type.remaining_len_max(version) {
            return Err(Malformed::TrailingBytes);
        }
        let mut anomalies = Anomalies::EMPTY;
        if self.packet_type == PacketType::Publish && self.flags & (DUP | QOS) == DUP {
            // 3.1 §2.1 only says that the flag has no meaning then.
            if version != Version::V31 {
                return Err(Malformed::DupQos0);
            }
            anomalies.insert(Anomaly::DupQos0);
        }
        if !self.is_minimal() {
            if version == Version::V5 {
                return Err(Malformed::LengthNotMinimal);
            }
            anomalies.insert(Anomaly::LengthNotMinimal);
        }
        Ok(anomalies)
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    fn complete(input: &[u8]) -> FixedHeader {
        match FixedHeader::decode(input).expect("well-formed") {
            Decoded::Complete { message, len } => {
                assert_eq!(len, message.header_len);
                message
            }
            Decoded::Incomplete { need } => panic!("incomplete, needs {need}"),
        }
    }

    #[test]
    fn lengths_of_one_to_four_bytes() {
        let table: [(&[u8], usize, usize, bool); 8] = [
            (&hex!("c000"), 0, 2, true),
            (&hex!("307f"), 127, 2, true),
            (&hex!("308001"), 128, 3, true),
            (&hex!("30ff7f"), 16_383, 3, true),
            (&hex!("30808001"), 16_384, 4, true),
            (&hex!("30ffffff7f"), 268_435_455, 5, true),
            (&hex!("c08000"), 0, 3, false),
            (&hex!("c080808000"), 0, 5, false),
        ];
        for (input, remaining_len, header_len, minimal) in table {
            let header = complete(input);
            assert_eq!(
                (header.remaining_len, header.header_len),
                (remaining_len, header_len)
            );
            assert_eq!(header.is_minimal(), minimal, "{input:02x?}");
            for end in 0..input.len() {
                let decoded = FixedHeader::decode(&input[..end]);
                let need = (end + 1).max(2);
                assert_eq!(decoded, Ok(Decoded::Incomplete { need }), "{input:02x?}");
            }
        }
        assert_eq!(
            FixedHeader::decode(&hex!("30ffffffff")),
            Err(Malformed::RemainingLength)
        );
    }

    #[test]
    fn every_wrong_flag_nibble_of_every_type_is_refused() {
        for first in 0..=255_u8 {
            let fixed = match first >> 4 {
                0 => {
                    assert_eq!(FixedHeader::decode(&[first]), Err(Malformed::PacketType));
                    continue;
                }
                3 => continue,
                6 | 8 | 10 => 0b0010,
                _ => 0,
            };
            let repeated = fixed == 0b0010 && first & 0x0f == 0b1010;
            let len = if first >> 4 == PacketType::Connect as u8 {
                12
            } else {
                0
            };
            let decoded = FixedHeader::decode(&[first, len]);
            if first & 0x0f == fixed || repeated {
                let header = complete(&[first, len]);
                let checked = header.check(Version::V311).err();
                assert_eq!(checked == Some(Malformed::Flags), repeated, "{first:02x}");
                assert_ne!(header.check(Version::V31).err(), Some(Malformed::Flags));
            } else {
                assert_eq!(decoded, Err(Malformed::Flags), "{first:02x}");
            }
        }
    }

    #[test]
    fn publish_flags() {
        assert_eq!(
            FixedHeader::decode(&hex!("3600")),
            Err(Malformed::PublishQos)
        );
        assert_eq!(
            FixedHeader::decode(&hex!("3e00")),
            Err(Malformed::PublishQos)
        );
        for repeated in [complete(&hex!("3800")), complete(&hex!("3900"))] {
            assert_eq!(repeated.check(Version::V311), Err(Malformed::DupQos0));
            assert!(
                repeated
                    .check(Version::V31)
                    .unwrap()
                    .contains(Anomaly::DupQos0)
            );
        }
        for flags in [0, 1, 2, 3, 4, 5, 0xa, 0xb, 0xc, 0xd] {
            assert_eq!(complete(&[0x30 | flags, 0]).flags, flags);
        }
    }

    #[test]
    fn the_version_decides_on_type_15_minimality_and_room() {
        assert_eq!(
            complete(&hex!("f000")).check(Version::V311),
            Err(Malformed::PacketType)
        );
        assert!(complete(&hex!("f000")).check(Version::V5).is_ok());
        let ping = complete(&hex!("c08000"));
        assert_eq!(ping.check(Version::V5), Err(Malformed::LengthNotMinimal));
        assert!(
            ping.check(Version::V311)
                .unwrap()
                .contains(Anomaly::LengthNotMinimal)
        );
        for long in [
            hex!("c001"),
            hex!("d001"),
            hex!("e001"),
            hex!("4003"),
            hex!("2004"),
        ] {
            assert_eq!(
                complete(&long).check(Version::V311),
                Err(Malformed::TrailingBytes)
            );
        }
        assert!(complete(&hex!("4003")).check(Version::V5).is_ok());
    }
}
