//! PINGREQ and PINGRESP (§3.12, §3.13), DISCONNECT (§3.14) and AUTH (§3.15).

use super::property::Place;
use super::reader::Reader;
use super::{Anomalies, Malformed, PacketType, Properties, ReasonCode, Version};
use crate::Direction;

/// A PINGREQ or PINGRESP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ping {
    /// What is odd about the packet.
    pub anomalies: Anomalies,
}

impl Ping {
    #[inline]
    pub(crate) fn decode(reader: &Reader<'_>) -> Result<Self, Malformed> {
        reader.finish()?;
        Ok(Self {
            anomalies: reader.anomalies,
        })
    }
}

/// A DISCONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Disconnect<'a> {
    /// Why; normal disconnection in 3.x and where 5.0 leaves it out.
    pub reason_code: ReasonCode,
    /// The properties.
    pub properties: Properties<'a>,
    /// What is odd about the packet.
    pub anomalies: Anomalies,
}

impl<'a> Disconnect<'a> {
    pub(crate) fn decode(
        reader: &mut Reader<'a>,
        version: Version,
        direction: Direction,
    ) -> Result<Self, Malformed> {
        let (reason_code, properties) =
            super::reason_and_properties(reader, version, Place::Disconnect, direction)?;
        if !reason_code.is_of_disconnect() {
            return Err(Malformed::ReasonCode);
        }
        if !reason_code.sent_by(PacketType::Disconnect, direction) {
            return Err(Malformed::ReasonCodeSender);
        }
        Ok(Self {
            reason_code,
            properties,
            anomalies: reader.anomalies,
        })
    }
}

/// An AUTH: one step of an enhanced authentication (5.0 §4.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Auth<'a> {
    /// Success, continue, or re-authenticate.
    pub reason_code: ReasonCode,
    /// The properties.
    pub properties: Properties<'a>,
    /// What is odd about the packet.
    pub anomalies: Anomalies,
}

impl<'a> Auth<'a> {
    pub(crate) fn decode(
        reader: &mut Reader<'a>,
        version: Version,
        direction: Direction,
    ) -> Result<Self, Malformed> {
        // §3.15.2.1 lets a success without properties be two bytes long: the method is then that
        // of the CONNECT.
        let is_bare = reader.is_empty();
        let (reason_code, properties) =
            super::reason_and_properties(reader, version, Place::Auth, direction)?;
        if !reason_code.is_of_auth() {
            return Err(Malformed::ReasonCode);
        }
        if !reason_code.sent_by(PacketType::Auth, direction) {
            return Err(Malformed::ReasonCodeSender);
        }
        if !is_bare && properties.authentication_method().is_none() {
            return Err(Malformed::AuthMethodMissing);
        }
        Ok(Self {
            reason_code,
            properties,
            anomalies: reader.anomalies,
        })
    }
}
