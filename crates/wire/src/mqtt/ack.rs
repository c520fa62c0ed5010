//! PUBACK, PUBREC, PUBREL, PUBCOMP (§3.4 to §3.7), SUBACK and UNSUBACK (§3.9, §3.11).

use super::property::Place;
use super::reader::Reader;
use super::{Anomalies, Anomaly, Malformed, PacketType, Properties, ReasonCode, Version};
use crate::Direction;

/// A PUBACK, PUBREC, PUBREL or PUBCOMP: one step of a QoS 1 or 2 exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ack<'a> {
    /// The packet identifier of the PUBLISH it belongs to.
    pub packet_id: u16,
    /// The outcome; success in 3.x and where 5.0 leaves it out.
    pub reason_code: ReasonCode,
    /// The properties.
    pub properties: Properties<'a>,
    /// What is odd about the packet.
    pub anomalies: Anomalies,
}

impl<'a> Ack<'a> {
    #[inline]
    pub(crate) fn decode(
        packet_type: PacketType,
        reader: &mut Reader<'a>,
        version: Version,
        direction: Direction,
    ) -> Result<Self, Malformed> {
        let packet_id = super::packet_id(reader, version)?;
        let mut ack = Self {
            packet_id,
            reason_code: ReasonCode::SUCCESS,
            properties: Properties::default(),
            anomalies: reader.anomalies,
        };
        // Nearly all of them end here.
        if !reader.is_empty() {
            (ack.reason_code, ack.properties) =
                super::reason_and_properties(reader, version, Place::Ack, direction)?;
            check_reason(ack.reason_code, packet_type, direction)?;
            ack.anomalies = reader.anomalies;
        }
        Ok(ack)
    }
}

fn check_reason(
    reason_code: ReasonCode,
    packet_type: PacketType,
    direction: Direction,
) -> Result<(), Malformed> {
    if !reason_code.is_of_ack(packet_type) {
        return Err(Malformed::ReasonCode);
    }
    if !reason_code.sent_by(packet_type, direction) {
        return Err(Malformed::ReasonCodeSender);
    }
    Ok(())
}

/// A SUBACK or UNSUBACK: the server's answer to each topic filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FilterAck<'a> {
    /// The packet identifier of the request.
    pub packet_id: u16,
    /// The properties.
    pub properties: Properties<'a>,
    /// One code per filter; none in the UNSUBACK of 3.x.
    codes: &'a [u8],
    /// What is odd about the packet.
    pub anomalies: Anomalies,
}

impl<'a> FilterAck<'a> {
    pub(crate) fn decode(
        packet_type: PacketType,
        reader: &mut Reader<'a>,
        version: Version,
        direction: Direction,
    ) -> Result<Self, Malformed> {
        let packet_id = super::packet_id(reader, version)?;
        let properties = super::properties(reader, version, Place::FilterAck, direction)?;
        let codes = reader.take_rest();
        let is_suback = packet_type == PacketType::SubAck;
        if codes.is_empty() && is_suback {
            return Err(Malformed::SubAckEmpty);
        }
        if codes.is_empty() && version == Version::V5 {
            return Err(Malformed::UnsubAckEmpty);
        }
        for code in codes.iter().copied().map(ReasonCode) {
            let known = match is_suback {
                true => code.is_of_suback(version),
                false => code.is_of_unsuback(),
            };
            if !known {
                return Err(Malformed::ReasonCode);
            }
            if version == Version::V31 && code.is_error() {
                reader.anomalies.insert(Anomaly::NotIn31);
            }
        }
        Ok(Self {
            packet_id,
            properties,
            codes,
            anomalies: reader.anomalies,
        })
    }

    /// The codes, one per filter in the order of the request.
    pub fn reason_codes(&self) -> impl ExactSizeIterator<Item = ReasonCode> + 'a {
        self.codes.iter().copied().map(ReasonCode)
    }
}
