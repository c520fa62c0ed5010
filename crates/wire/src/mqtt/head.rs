//! The beginning of a PUBLISH: what says where it goes, with its properties stepped over (§3.3.2).

use super::reader::Reader;
use super::{Anomalies, FixedHeader, Malformed, PacketType, QoS, Version};
use crate::Decoded;

/// Where a PUBLISH goes, and where in it the payload begins. What its properties say isn't looked at, nor
/// what takes them to judge (a topic name left out): that is for [`Publish`](super::Publish).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublishHead<'a> {
    /// Its QoS.
    pub qos: QoS,
    /// The topic name, checked, as the bytes it is compared by; empty where an alias (5.0) may stand
    /// for it.
    pub topic: &'a [u8],
    /// The packet identifier; with QoS 1 and 2.
    pub packet_id: Option<u16>,
    /// Bytes before the payload.
    pub payload_at: usize,
    /// Bytes of the whole packet.
    pub packet_len: usize,
}

impl<'a> PublishHead<'a> {
    /// Reads the beginning of a PUBLISH as soon as its topic and the length of its properties are there.
    ///
    /// # Errors
    /// What [`Publish::decode_prefix`](super::Publish::decode_prefix) would report, as far as that
    /// shows in what is read.
    ///
    /// # Panics
    /// When the packet is not a PUBLISH, which the caller has read from its first byte.
    #[inline]
    pub fn decode(input: &'a [u8], version: Version) -> Result<Decoded<Self>, Malformed> {
        match FixedHeader::decode(input)? {
            Decoded::Complete { message, .. } => Self::decode_after(&message, input, version),
            Decoded::Incomplete { need } => Ok(Decoded::Incomplete { need }),
        }
    }

    #[inline]
    fn decode_after(
        header: &FixedHeader,
        input: &'a [u8],
        version: Version,
    ) -> Result<Decoded<Self>, Malformed> {
        let is_publish = header.packet_type == PacketType::Publish;
        assert!(is_publish, "the caller knows the type");
        header.check(version)?;
        let packet_len = header.packet_len();
        let body = &input[header.header_len..input.len().min(packet_len)];
        if input.len() < packet_len
            && let Err(need) = extent(body, header, version)
        {
            let need = (header.header_len + need).min(packet_len);
            return Ok(Decoded::Incomplete { need });
        }
        let mut reader = Reader::new(body, Anomalies::EMPTY);
        let Address {
            topic,
            qos,
            packet_id,
        } = Address::read(&mut reader, header, version)?;
        let properties_len = match version {
            Version::V5 => reader.varint()? as usize,
            _ if topic.is_empty() => return Err(Malformed::TopicEmpty),
            _ => 0,
        };
        let read = header.header_len + body.len() - reader.len();
        if properties_len > packet_len - read {
            return Err(Malformed::PropertyLength);
        }
        let message = Self {
            qos,
            topic,
            packet_id,
            payload_at: read + properties_len,
            packet_len,
        };
        Ok(Decoded::Complete { message, len: read })
    }
}

/// What every reading of a PUBLISH begins with: [`Publish`](super::Publish) goes on with what its properties say.
pub(super) struct Address<'a> {
    /// The topic name, checked.
    pub(super) topic: &'a [u8],
    pub(super) qos: QoS,
    pub(super) packet_id: Option<u16>,
}

impl<'a> Address<'a> {
    #[inline(always)]
    pub(super) fn read(
        reader: &mut Reader<'a>,
        header: &FixedHeader,
        version: Version,
    ) -> Result<Self, Malformed> {
        let (topic, has_wildcard) = reader.checked()?;
        if has_wildcard {
            return Err(Malformed::TopicWildcard);
        }
        let qos = QoS::from_bits(header.flags >> 1).ok_or(Malformed::PublishQos)?;
        let packet_id = match qos {
            QoS::AtMostOnce => None,
            _ => Some(
                super::packet_id(reader, version).map_err(|malformed| match malformed {
                    Malformed::Truncated => Malformed::PacketIdMissing,
                    other => other,
                })?,
            ),
        };
        Ok(Self {
            topic,
            qos,
            packet_id,
        })
    }
}

/// Bytes of a body up to its properties, and those of the properties; or what has to be there of it to go
/// on counting.
pub(super) fn extent(
    body: &[u8],
    header: &FixedHeader,
    version: Version,
) -> Result<(usize, usize), usize> {
    let topic_len = body.first_chunk().map(|bytes| u16::from_be_bytes(*bytes));
    let id_len = if header.flags & 0b0110 == 0 { 0 } else { 2 };
    let mut end = 2 + usize::from(topic_len.ok_or(2_usize)?) + id_len;
    let mut properties_len = 0;
    if version == Version::V5 {
        for shift in [0, 7, 14, 21] {
            let byte = body.get(end).ok_or(end + 1)?;
            end += 1;
            properties_len |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
    }
    match end <= body.len() {
        true => Ok((end, properties_len)),
        false => Err(end),
    }
}
