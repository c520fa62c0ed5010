//! MQTT control packets of 3.1, 3.1.1 and 5.0.
//!
//! [`ControlPacket::decode`] is strict: whatever the specification forbids on the wire in a single
//! packet is a [`Malformed`] with a stable code; what it allows, or what old devices are known to
//! do, parses and is listed in the packet's [`Anomalies`]. What takes a session to see (order of
//! packets, identifiers in flight, topic aliases, negotiated limits) is not judged here, nor is
//! whether a type may travel this way: see [`PacketType::sent_by`].
//!
//! Specifications: [MQTT-x.y.z-n] and § of OASIS MQTT 5.0, marked "3.1.1" or "3.1" where meant.

mod ack;
mod connect;
pub mod encode;
mod finding;
pub mod fuzz;
mod head;
mod header;
mod packet_type;
mod property;
mod publish;
mod reader;
mod reason_code;
mod session;
mod subscribe;
#[cfg(test)]
mod tests;
pub mod topic;
mod utf8;

use reader::Reader;

pub use ack::{Ack, FilterAck};
pub use connect::{ConnAck, Connect, Will};
pub use finding::{Anomalies, Anomaly, Malformed};
pub use head::PublishHead;
pub use header::FixedHeader;
pub use packet_type::PacketType;
pub use property::{Properties, Property, PropertyForm, PropertyValue};
pub use publish::Publish;
pub use reason_code::ReasonCode;
pub use session::{Auth, Disconnect, Ping};
pub use subscribe::{Subscribe, Subscription, Unsubscribe};
pub use topic::TopicName;

use crate::{Decoded, Direction};

/// The protocol versions in the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// MQTT 3.1 (protocol name MQIsdp).
    V31,
    /// MQTT 3.1.1.
    V311,
    /// MQTT 5.0.
    V5,
}

impl Version {
    /// The protocol level in a CONNECT.
    #[must_use]
    pub const fn level(self) -> u8 {
        match self {
            Self::V31 => 3,
            Self::V311 => 4,
            Self::V5 => 5,
        }
    }

    /// As people write it: "3.1", "3.1.1", "5.0".
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V31 => "3.1",
            Self::V311 => "3.1.1",
            Self::V5 => "5.0",
        }
    }
}

/// Delivery guarantees (§4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum QoS {
    /// QoS 0.
    AtMostOnce = 0,
    /// QoS 1.
    AtLeastOnce = 1,
    /// QoS 2.
    ExactlyOnce = 2,
}

impl QoS {
    /// The QoS in the two low bits; none for 3.
    #[inline]
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits & 0b11 {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            2 => Some(Self::ExactlyOnce),
            _ => None,
        }
    }
}

/// One control packet, viewed in the bytes it came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are the packets' names")]
pub enum ControlPacket<'a> {
    Connect(Connect<'a>),
    ConnAck(ConnAck<'a>),
    Publish(Publish<'a>),
    PubAck(Ack<'a>),
    PubRec(Ack<'a>),
    PubRel(Ack<'a>),
    PubComp(Ack<'a>),
    Subscribe(Subscribe<'a>),
    SubAck(FilterAck<'a>),
    Unsubscribe(Unsubscribe<'a>),
    UnsubAck(FilterAck<'a>),
    PingReq(Ping),
    PingResp(Ping),
    Disconnect(Disconnect<'a>),
    Auth(Auth<'a>),
}

impl<'a> ControlPacket<'a> {
    /// Reads the control packet at the start of `input`. `version` is the session's; a CONNECT is
    /// read by the version it names itself. `direction` decides what only one end may say inside a
    /// packet, not whether the packet may travel this way at all.
    ///
    /// # Errors
    /// The first clause the packet breaks. A packet that can't become valid whatever follows is
    /// refused as soon as its fixed header shows it.
    #[inline]
    pub fn decode(
        input: &'a [u8],
        version: Version,
        direction: Direction,
    ) -> Result<Decoded<Self>, Malformed> {
        match FixedHeader::decode(input)? {
            Decoded::Complete { message, .. } => {
                Self::decode_after(&message, input, version, direction)
            }
            Decoded::Incomplete { need } => Ok(Decoded::Incomplete { need }),
        }
    }

    /// Reads the control packet at the start of `input`, whose fixed header was read before.
    ///
    /// # Errors
    /// As [`ControlPacket::decode`].
    #[inline]
    pub fn decode_after(
        header: &FixedHeader,
        input: &'a [u8],
        version: Version,
        direction: Direction,
    ) -> Result<Decoded<Self>, Malformed> {
        let is_connect = header.packet_type == PacketType::Connect;
        let anomalies = match is_connect {
            true => Anomalies::EMPTY,
            false => header.check(version)?,
        };
        let len = header.packet_len();
        let Some(body) = input.get(header.header_len..len) else {
            if is_connect {
                connect::check_beginning(input.get(header.header_len..).unwrap_or_default())?;
            }
            return Ok(Decoded::Incomplete { need: len });
        };
        let mut reader = Reader::new(body, anomalies);
        Self::decode_body(header, &mut reader, version, direction)
    }

    /// Every arm makes the whole result: a packet that is moved after its making costs more than
    /// reading a small one.
    #[inline]
    fn decode_body(
        header: &FixedHeader,
        reader: &mut Reader<'a>,
        version: Version,
        direction: Direction,
    ) -> Result<Decoded<Self>, Malformed> {
        let packet_type = header.packet_type;
        let len = header.packet_len();
        macro_rules! complete {
            ($variant:ident, $message:expr) => {
                Ok(Decoded::Complete {
                    message: Self::$variant($message?),
                    len,
                })
            };
        }
        macro_rules! ack {
            ($variant:ident, $kind:ty) => {
                complete!(
                    $variant,
                    <$kind>::decode(packet_type, reader, version, direction)
                )
            };
        }
        match packet_type {
            PacketType::Connect => complete!(Connect, Connect::decode(header, reader, direction)),
            PacketType::ConnAck => complete!(ConnAck, ConnAck::decode(reader, version, direction)),
            PacketType::Publish => {
                complete!(Publish, Publish::decode(header, reader, version, direction))
            }
            PacketType::PubAck => ack!(PubAck, Ack<'_>),
            PacketType::PubRec => ack!(PubRec, Ack<'_>),
            PacketType::PubRel => ack!(PubRel, Ack<'_>),
            PacketType::PubComp => ack!(PubComp, Ack<'_>),
            PacketType::SubAck => ack!(SubAck, FilterAck<'_>),
            PacketType::UnsubAck => ack!(UnsubAck, FilterAck<'_>),
            PacketType::Subscribe => {
                complete!(Subscribe, Subscribe::decode(reader, version, direction))
            }
            PacketType::Unsubscribe => {
                complete!(Unsubscribe, Unsubscribe::decode(reader, version, direction))
            }
            PacketType::PingReq => complete!(PingReq, Ping::decode(reader)),
            PacketType::PingResp => complete!(PingResp, Ping::decode(reader)),
            PacketType::Disconnect => {
                complete!(Disconnect, Disconnect::decode(reader, version, direction))
            }
            PacketType::Auth => complete!(Auth, Auth::decode(reader, version, direction)),
        }
    }

    /// The type of the packet.
    #[must_use]
    pub fn packet_type(&self) -> PacketType {
        match self {
            Self::Connect(_) => PacketType::Connect,
            Self::ConnAck(_) => PacketType::ConnAck,
            Self::Publish(_) => PacketType::Publish,
            Self::PubAck(_) => PacketType::PubAck,
            Self::PubRec(_) => PacketType::PubRec,
            Self::PubRel(_) => PacketType::PubRel,
            Self::PubComp(_) => PacketType::PubComp,
            Self::Subscribe(_) => PacketType::Subscribe,
            Self::SubAck(_) => PacketType::SubAck,
            Self::Unsubscribe(_) => PacketType::Unsubscribe,
            Self::UnsubAck(_) => PacketType::UnsubAck,
            Self::PingReq(_) => PacketType::PingReq,
            Self::PingResp(_) => PacketType::PingResp,
            Self::Disconnect(_) => PacketType::Disconnect,
            Self::Auth(_) => PacketType::Auth,
        }
    }

    /// The packet identifier, in packets that have one.
    #[must_use]
    pub fn packet_id(&self) -> Option<u16> {
        match self {
            Self::Publish(publish) => publish.packet_id,
            Self::PubAck(ack) | Self::PubRec(ack) | Self::PubRel(ack) | Self::PubComp(ack) => {
                Some(ack.packet_id)
            }
            Self::Subscribe(subscribe) => Some(subscribe.packet_id),
            Self::Unsubscribe(unsubscribe) => Some(unsubscribe.packet_id),
            Self::SubAck(ack) | Self::UnsubAck(ack) => Some(ack.packet_id),
            _ => None,
        }
    }

    /// The properties; empty before 5.0 and in packets that have none.
    #[must_use]
    pub fn properties(&self) -> Properties<'a> {
        match self {
            Self::Connect(connect) => connect.properties,
            Self::ConnAck(connack) => connack.properties,
            Self::Publish(publish) => publish.properties,
            Self::PubAck(ack) | Self::PubRec(ack) | Self::PubRel(ack) | Self::PubComp(ack) => {
                ack.properties
            }
            Self::Subscribe(subscribe) => subscribe.properties,
            Self::Unsubscribe(unsubscribe) => unsubscribe.properties,
            Self::SubAck(ack) | Self::UnsubAck(ack) => ack.properties,
            Self::Disconnect(disconnect) => disconnect.properties,
            Self::Auth(auth) => auth.properties,
            Self::PingReq(_) | Self::PingResp(_) => Properties::default(),
        }
    }

    /// What is odd about the packet.
    #[must_use]
    pub fn anomalies(&self) -> Anomalies {
        match self {
            Self::Connect(connect) => connect.anomalies,
            Self::ConnAck(connack) => connack.anomalies,
            Self::Publish(publish) => publish.anomalies,
            Self::PubAck(ack) | Self::PubRec(ack) | Self::PubRel(ack) | Self::PubComp(ack) => {
                ack.anomalies
            }
            Self::Subscribe(subscribe) => subscribe.anomalies,
            Self::Unsubscribe(unsubscribe) => unsubscribe.anomalies,
            Self::SubAck(ack) | Self::UnsubAck(ack) => ack.anomalies,
            Self::Disconnect(disconnect) => disconnect.anomalies,
            Self::Auth(auth) => auth.anomalies,
            Self::PingReq(ping) | Self::PingResp(ping) => ping.anomalies,
        }
    }
}

/// A packet identifier: zero is reserved (§2.2.1), but 3.1 devices are known to use it.
#[inline]
fn packet_id(reader: &mut Reader<'_>, version: Version) -> Result<u16, Malformed> {
    let id = reader.u16()?;
    if id == 0 {
        if version != Version::V31 {
            return Err(Malformed::PacketIdZero);
        }
        reader.anomalies.insert(Anomaly::PacketIdZero);
    }
    Ok(id)
}

/// The properties of a packet; before 5.0 there are none.
#[inline]
fn properties<'a>(
    reader: &mut Reader<'a>,
    version: Version,
    place: property::Place,
    direction: Direction,
) -> Result<Properties<'a>, Malformed> {
    match version {
        Version::V31 | Version::V311 => Ok(Properties::default()),
        Version::V5 => Properties::decode(reader, place, direction),
    }
}

/// The tail of acknowledgements, DISCONNECT and AUTH: 5.0 may leave out the properties, or both
/// (§3.4.2.1, §3.4.2.2.1, §3.14.2.1, §3.14.2.2.1); 3.x has neither.
#[inline]
fn reason_and_properties<'a>(
    reader: &mut Reader<'a>,
    version: Version,
    place: property::Place,
    direction: Direction,
) -> Result<(ReasonCode, Properties<'a>), Malformed> {
    let mut tail = (ReasonCode::SUCCESS, Properties::default());
    if version == Version::V5 && !reader.is_empty() {
        tail.0 = ReasonCode(reader.u8()?);
        if !reader.is_empty() {
            tail.1 = Properties::decode(reader, place, direction)?;
        }
    }
    reader.finish()?;
    Ok(tail)
}
