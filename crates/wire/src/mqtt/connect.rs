//! CONNECT and CONNACK (MQTT 5.0 §3.1, §3.2; 3.1.1 §3.1, §3.2; 3.1 §3.1, §3.2).

use super::property::Place;
use super::reader::Reader;
use super::{
    Anomalies, Anomaly, FixedHeader, Malformed, Properties, Publish, QoS, ReasonCode, Version,
    topic,
};
use crate::Direction;

/// A CONNECT: who wants in, and what is to be said when they are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connect<'a> {
    /// The version the packet itself names; it governs the rest of the session.
    pub version: Version,
    /// Clean Session (3.x) or Clean Start (5.0).
    pub clean_start: bool,
    /// Keep alive in seconds; 0 turns it off.
    pub keep_alive_s: u16,
    /// The client identifier; may be empty where the version allows it.
    pub client_id: &'a str,
    /// The message to publish when the client is lost.
    pub will: Option<Will<'a>>,
    /// The user name.
    pub username: Option<&'a str>,
    /// The password; never log it.
    pub password: Option<&'a [u8]>,
    /// The CONNECT properties.
    pub properties: Properties<'a>,
    /// What is odd about the packet.
    pub anomalies: Anomalies,
}

/// The will of a CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Will<'a> {
    /// The topic it goes to; never empty, no wildcards.
    pub topic: &'a str,
    /// Its payload.
    pub payload: &'a [u8],
    /// Its QoS.
    pub qos: QoS,
    /// Whether it is retained.
    pub retain: bool,
    /// The will properties.
    pub properties: Properties<'a>,
}

/// The connect flags (§3.1.2.3).
#[derive(Debug, Clone, Copy)]
struct Flags(u8);

impl Flags {
    const RESERVED: u8 = 1;
    const CLEAN_START: u8 = 1 << 1;
    const WILL: u8 = 1 << 2;
    const WILL_QOS: u8 = 0b11 << 3;
    const WILL_RETAIN: u8 = 1 << 5;
    const PASSWORD: u8 = 1 << 6;
    const USERNAME: u8 = 1 << 7;

    fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    fn will_qos(self) -> Result<QoS, Malformed> {
        QoS::from_bits((self.0 & Self::WILL_QOS) >> 3).ok_or(Malformed::WillQos)
    }

    fn check(self, version: Version, anomalies: &mut Anomalies) -> Result<(), Malformed> {
        if self.has(Self::RESERVED) {
            match version {
                Version::V31 => anomalies.insert(Anomaly::ConnectReserved),
                _ => return Err(Malformed::ConnectReserved),
            }
        }
        // Without a will, 3.1 has no use for its flags, and no word against them.
        if self.has(Self::WILL) || version != Version::V31 {
            self.will_qos()?;
        }
        if !self.has(Self::WILL) && self.has(Self::WILL_QOS | Self::WILL_RETAIN) {
            match version {
                Version::V31 => anomalies.insert(Anomaly::WillFlagsAlone),
                _ if self.has(Self::WILL_QOS) => return Err(Malformed::WillQosAlone),
                _ => return Err(Malformed::WillRetainAlone),
            }
        }
        if self.has(Self::PASSWORD) && !self.has(Self::USERNAME) && version != Version::V5 {
            return Err(Malformed::PasswordAlone);
        }
        Ok(())
    }
}

impl<'a> Connect<'a> {
    pub(crate) fn decode(
        header: &FixedHeader,
        reader: &mut Reader<'a>,
        direction: Direction,
    ) -> Result<Self, Malformed> {
        let version = protocol(reader)?;
        let anomalies = header.check(version)?;
        reader.anomalies.extend(anomalies);
        let flags = Flags(reader.u8()?);
        flags.check(version, &mut reader.anomalies)?;
        let keep_alive_s = reader.u16()?;
        let properties = super::properties(reader, version, Place::Connect, direction)?;
        let client_id = client_id(reader, version, flags)?;
        let will = match flags.has(Flags::WILL) {
            true => Some(Will::decode(reader, version, direction, flags)?),
            false => None,
        };
        let username = match flags.has(Flags::USERNAME) && !missing(reader, version) {
            true => Some(identity(reader)?),
            false => None,
        };
        let password = match flags.has(Flags::PASSWORD) && !missing(reader, version) {
            true => Some(reader.binary()?),
            false => None,
        };
        reader.finish()?;
        let connect = Self {
            version,
            clean_start: flags.has(Flags::CLEAN_START),
            keep_alive_s,
            client_id,
            will,
            username,
            password,
            properties,
            anomalies: reader.anomalies,
        };
        Ok(connect.with_will_delay_checked())
    }

    /// A will delayed beyond the end of its session crashed brokers.
    fn with_will_delay_checked(mut self) -> Self {
        let delay = self.will.and_then(|will| will.delay_s()).unwrap_or(0);
        if delay > self.properties.session_expiry_s().unwrap_or(0) {
            self.anomalies.insert(Anomaly::WillDelay);
        }
        self
    }
}

impl<'a> Will<'a> {
    fn decode(
        reader: &mut Reader<'a>,
        version: Version,
        direction: Direction,
        flags: Flags,
    ) -> Result<Self, Malformed> {
        let properties = super::properties(reader, version, Place::Will, direction)?;
        let topic = reader.string()?;
        if topic.text.is_empty() {
            return Err(Malformed::WillTopicEmpty);
        }
        if topic.has_wildcard {
            return Err(Malformed::WillTopicWildcard);
        }
        if topic::is_deep(topic.text.as_bytes()) {
            reader.anomalies.insert(Anomaly::TopicDepth);
        }
        let payload = reader.binary()?;
        if properties.belie(payload) {
            reader.anomalies.insert(Anomaly::PayloadFormat);
        }
        Ok(Self {
            topic: topic.text,
            payload,
            qos: flags.will_qos()?,
            retain: flags.has(Flags::WILL_RETAIN),
            properties,
        })
    }

    /// The PUBLISH it becomes when the client is lost.
    #[must_use]
    pub fn as_publish(&self) -> Publish<'a> {
        Publish {
            dup: false,
            qos: self.qos,
            retain: self.retain,
            topic: self.topic.into(),
            packet_id: None,
            properties: self.properties,
            payload: self.payload,
            payload_len: self.payload.len(),
            anomalies: Anomalies::EMPTY,
        }
    }

    /// The will delay in seconds.
    #[must_use]
    pub fn delay_s(&self) -> Option<u32> {
        self.properties.find(|property| match property {
            super::Property::WillDelayInterval(seconds) => Some(seconds),
            _ => None,
        })
    }
}

/// The two protocol names with their length (§3.1.2.1).
const NAMES: [&[u8]; 2] = [b"\0\x04MQTT", b"\0\x06MQIsdp"];

/// Checks the beginning of a CONNECT that is not yet whole: what is no CONNECT at all must not be
/// waited for.
pub(crate) fn check_beginning(body: &[u8]) -> Result<(), Malformed> {
    let begins = |name: &&[u8]| {
        let known = name.len().min(body.len());
        name[..known] == body[..known]
    };
    if NAMES.iter().any(begins) {
        Ok(())
    } else {
        Err(Malformed::ProtocolName)
    }
}

/// Protocol name and level (§3.1.2.1, §3.1.2.2).
fn protocol(reader: &mut Reader<'_>) -> Result<Version, Malformed> {
    // Mosquitto's bridges set the top bit of a 3.x level to ask for bridge treatment.
    const BRIDGE: u8 = 0x80;
    check_beginning(reader.rest())?;
    let name = reader.binary()?;
    let level = reader.u8()?;
    let version = match level {
        3 | 0x83 => Version::V31,
        4 | 0x84 => Version::V311,
        5 => Version::V5,
        _ => return Err(Malformed::ProtocolLevel),
    };
    if level & BRIDGE != 0 {
        reader.anomalies.insert(Anomaly::BridgeLevel);
    }
    if (version == Version::V31) != (name == b"MQIsdp") {
        return Err(Malformed::ProtocolMismatch);
    }
    Ok(version)
}

fn client_id<'a>(
    reader: &mut Reader<'a>,
    version: Version,
    flags: Flags,
) -> Result<&'a str, Malformed> {
    const CHARACTERS_MAX_31: usize = 23;
    let id = identity(reader)?;
    if id.is_empty() {
        let allowed = match version {
            Version::V31 => false,
            Version::V311 => flags.has(Flags::CLEAN_START),
            Version::V5 => true,
        };
        if !allowed {
            return Err(Malformed::ClientIdEmpty);
        }
    }
    if version == Version::V31 && id.chars().count() > CHARACTERS_MAX_31 {
        reader.anomalies.insert(Anomaly::ClientIdLength);
    }
    Ok(id)
}

/// A client identifier or user name: legal with wildcards, which escaped pattern ACLs.
fn identity<'a>(reader: &mut Reader<'a>) -> Result<&'a str, Malformed> {
    let identity = reader.string()?;
    if identity.has_wildcard {
        reader.anomalies.insert(Anomaly::IdentityWildcard);
    }
    Ok(identity.text)
}

/// In 3.1 the remaining length takes precedence over the user name and password flags.
fn missing(reader: &mut Reader<'_>, version: Version) -> bool {
    let missing = version == Version::V31 && reader.is_empty();
    if missing {
        reader.anomalies.insert(Anomaly::CredentialsMissing);
    }
    missing
}

/// A CONNACK: the server's answer to a CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnAck<'a> {
    /// Whether the server kept a session for the client.
    pub session_present: bool,
    /// The return code (3.x, 0 to 5) or reason code (5.0); 0 is success in both.
    pub reason_code: ReasonCode,
    /// The CONNACK properties.
    pub properties: Properties<'a>,
    /// What is odd about the packet.
    pub anomalies: Anomalies,
}

/// The body by which a server of 3.x refuses any protocol level that it doesn't know: 5.0 wants properties
/// behind it, and has no such code.
const REFUSES_VERSION: [u8; 2] = [0, ReasonCode::V3_UNACCEPTABLE_PROTOCOL.0];

/// The body by which a server of 5.0 may refuse one: 3.x has no such code, and no properties, not even none.
const REFUSES_3X: [u8; 3] = [0, ReasonCode::UNSUPPORTED_PROTOCOL.0, 0];

impl<'a> ConnAck<'a> {
    pub(crate) fn decode(
        reader: &mut Reader<'a>,
        version: Version,
        direction: Direction,
    ) -> Result<Self, Malformed> {
        if version == Version::V5 && reader.rest() == REFUSES_VERSION {
            reader.anomalies.insert(Anomaly::OlderServer);
            return Self::decode(reader, Version::V311, direction);
        }
        if version != Version::V5 && reader.rest() == REFUSES_3X {
            reader.anomalies.insert(Anomaly::NewerServer);
            return Self::decode(reader, Version::V5, direction);
        }
        let flags = reader.u8()?;
        let session_present = flags & 1 != 0;
        // "Reserved values. Not used." (3.1 §3.2)
        let is_unused = version == Version::V31;
        if flags & !1 != 0 && !is_unused {
            return Err(Malformed::ConnAckFlags);
        }
        if flags != 0 && is_unused {
            reader.anomalies.insert(Anomaly::NotIn31);
        }
        let reason_code = ReasonCode(reader.u8()?);
        if !reason_code.is_of_connack(version) {
            return Err(Malformed::ReasonCode);
        }
        if session_present && reason_code != ReasonCode::SUCCESS && !is_unused {
            return Err(Malformed::SessionPresentRefused);
        }
        let properties = super::properties(reader, version, Place::ConnAck, direction)?;
        reader.finish()?;
        Ok(Self {
            session_present,
            reason_code,
            properties,
            anomalies: reader.anomalies,
        })
    }

    /// Whether the server lets the client in.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.reason_code == ReasonCode::SUCCESS
    }
}
