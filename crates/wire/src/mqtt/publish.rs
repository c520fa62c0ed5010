//! PUBLISH (MQTT 5.0 §3.3, 3.1.1 §3.3, 3.1 §3.3).

use super::property::Place;
use super::reader::Reader;
use super::{
    Anomalies, Anomaly, FixedHeader, Malformed, PacketType, Properties, QoS, TopicName, Version,
    head, topic,
};
use crate::{Decoded, Direction};

/// A PUBLISH: an application message on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Publish<'a> {
    /// Whether it claims to be a repetition.
    pub dup: bool,
    /// Its QoS.
    pub qos: QoS,
    /// Whether the server is to keep it.
    pub retain: bool,
    /// The topic name; empty only where a topic alias (5.0) stands for it.
    pub topic: TopicName<'a>,
    /// The packet identifier; with QoS 1 and 2.
    pub packet_id: Option<u16>,
    /// The PUBLISH properties.
    pub properties: Properties<'a>,
    /// The payload, as far as it was in the input (all of it from [`ControlPacket::decode`]).
    ///
    /// [`ControlPacket::decode`]: super::ControlPacket::decode
    pub payload: &'a [u8],
    /// Bytes the whole payload has.
    pub payload_len: usize,
    /// What is odd about the packet.
    pub anomalies: Anomalies,
}

impl<'a> Publish<'a> {
    /// Reads a PUBLISH as soon as everything before its payload is there, so that topic and header
    /// can be judged while a large payload is still on its way. `len` of the result is where the
    /// payload begins.
    ///
    /// # Errors
    /// What [`ControlPacket::decode`](super::ControlPacket::decode) would report on the whole packet.
    ///
    /// # Panics
    /// When the packet is not a PUBLISH, which the caller has read from the fixed header.
    pub fn decode_prefix(
        input: &'a [u8],
        version: Version,
        direction: Direction,
    ) -> Result<Decoded<Self>, Malformed> {
        let header = match FixedHeader::decode(input)? {
            Decoded::Complete { message, .. } => message,
            Decoded::Incomplete { need } => return Ok(Decoded::Incomplete { need }),
        };
        assert_eq!(
            header.packet_type,
            PacketType::Publish,
            "the caller knows the type"
        );
        let anomalies = header.check(version)?;
        let packet = &input[header.header_len..input.len().min(header.packet_len())];
        let need = match head::extent(packet, &header, version) {
            Ok((end, properties_len)) => header.header_len + end + properties_len,
            Err(need) => header.header_len + need,
        };
        // One that ends inside its variable header is read once it is whole: what it breaks first may
        // still be on its way.
        let need = need.min(header.packet_len());
        if need > input.len() {
            return Ok(Decoded::Incomplete { need });
        }
        let mut reader = Reader::new(packet, anomalies);
        let message = Self::decode(&header, &mut reader, version, direction)?;
        let len = header.packet_len() - message.payload_len;
        Ok(Decoded::Complete { message, len })
    }

    /// Reads the body, or as much of it as holds the variable header.
    #[inline]
    pub(crate) fn decode(
        header: &FixedHeader,
        reader: &mut Reader<'a>,
        version: Version,
        direction: Direction,
    ) -> Result<Self, Malformed> {
        let body_len = reader.len();
        let head::Address {
            topic,
            qos,
            packet_id,
        } = head::Address::read(reader, header, version)?;
        let properties = super::properties(reader, version, Place::Publish, direction)?;
        if topic.is_empty() && properties.topic_alias().is_none() {
            return Err(Malformed::TopicEmpty);
        }
        let payload_len = header.remaining_len - (body_len - reader.len());
        if topic::is_deep(topic) {
            reader.anomalies.insert(Anomaly::TopicDepth);
        }
        if reader.len() == payload_len && properties.belie(reader.rest()) {
            reader.anomalies.insert(Anomaly::PayloadFormat);
        }
        Ok(Self {
            dup: header.flags & 0b1000 != 0,
            qos,
            retain: header.flags & 1 != 0,
            topic: TopicName::checked(topic),
            packet_id,
            properties,
            payload: reader.take_rest(),
            payload_len,
            anomalies: reader.anomalies,
        })
    }

    /// What of its payload is left where it was sent in 5.0, and read in a version that has no properties.
    #[must_use]
    pub fn payload_behind_properties(&self, direction: Direction) -> Option<&'a [u8]> {
        let mut reader = Reader::new(self.payload, Anomalies::default());
        Properties::decode(&mut reader, Place::Publish, direction).ok()?;
        Some(reader.take_rest())
    }

    /// The topic alias that stands for, or is given to, the topic.
    #[must_use]
    pub fn topic_alias(&self) -> Option<u16> {
        self.properties.topic_alias()
    }
}
