//! Control packets written: refusals on a broker's behalf, and tests.
//!
//! Every function appends one packet to a `Vec` the caller may reuse. They write what they are told,
//! wrong values included; what is checked is only what can't be expressed (a string longer than
//! 65,535 bytes, a packet longer than its length field can say).

use super::{FixedHeader, PacketType, Property, QoS, ReasonCode, Version};

/// What a CONNECT says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connect<'a> {
    /// The version, which decides on the form of everything else.
    pub version: Version,
    /// Clean Session or Clean Start.
    pub clean_start: bool,
    /// Keep alive in seconds.
    pub keep_alive_s: u16,
    /// The client identifier.
    pub client_id: &'a str,
    /// The will.
    pub will: Option<Will<'a>>,
    /// The user name.
    pub username: Option<&'a str>,
    /// The password.
    pub password: Option<&'a [u8]>,
    /// The properties (5.0).
    pub properties: &'a [Property<'a>],
}

impl Default for Connect<'_> {
    fn default() -> Self {
        Self {
            version: Version::V311,
            clean_start: true,
            keep_alive_s: 60,
            client_id: "",
            will: None,
            username: None,
            password: None,
            properties: &[],
        }
    }
}

/// The will of a CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Will<'a> {
    /// Its topic.
    pub topic: &'a str,
    /// Its payload.
    pub payload: &'a [u8],
    /// Its QoS.
    pub qos: QoS,
    /// Whether it is retained.
    pub retain: bool,
    /// Its properties (5.0).
    pub properties: &'a [Property<'a>],
}

/// What a PUBLISH says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publish<'a> {
    /// Whether it is a repetition.
    pub dup: bool,
    /// Its QoS.
    pub qos: QoS,
    /// Whether it is retained.
    pub retain: bool,
    /// Its topic name.
    pub topic: &'a str,
    /// Its packet identifier; left out with QoS 0.
    pub packet_id: u16,
    /// The properties (5.0).
    pub properties: &'a [Property<'a>],
    /// Its payload.
    pub payload: &'a [u8],
}

impl Default for Publish<'_> {
    fn default() -> Self {
        Self {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: false,
            topic: "",
            packet_id: 1,
            properties: &[],
            payload: &[],
        }
    }
}

/// CONNECT.
pub fn connect(out: &mut Vec<u8>, packet: &Connect<'_>) {
    let Connect {
        version,
        will,
        username,
        password,
        ..
    } = *packet;
    let flags = flag(packet.clean_start, 1)
        | flag(will.is_some(), 2)
        | will.map_or(0, |will| (will.qos as u8) << 3 | flag(will.retain, 5))
        | flag(password.is_some(), 6)
        | flag(username.is_some(), 7);
    frame(out, (PacketType::Connect as u8) << 4, |out| {
        string(
            out,
            if version == Version::V31 {
                "MQIsdp"
            } else {
                "MQTT"
            },
        );
        out.extend([version.level(), flags]);
        out.extend(packet.keep_alive_s.to_be_bytes());
        properties(out, version, packet.properties);
        string(out, packet.client_id);
        if let Some(will) = will {
            properties(out, version, will.properties);
            string(out, will.topic);
            binary(out, will.payload);
        }
        username.inspect(|username| string(out, username));
        password.inspect(|password| binary(out, password));
    });
}

/// CONNACK, with a return code of 3.x or a reason code of 5.0.
pub fn connack(
    out: &mut Vec<u8>,
    version: Version,
    session_present: bool,
    reason_code: ReasonCode,
    props: &[Property<'_>],
) {
    frame(out, (PacketType::ConnAck as u8) << 4, |out| {
        out.extend([flag(session_present, 0), reason_code.0]);
        properties(out, version, props);
    });
}

/// PUBLISH.
pub fn publish(out: &mut Vec<u8>, version: Version, packet: &Publish<'_>) {
    let flags = flag(packet.dup, 3) | (packet.qos as u8) << 1 | flag(packet.retain, 0);
    frame(out, (PacketType::Publish as u8) << 4 | flags, |out| {
        string(out, packet.topic);
        if packet.qos != QoS::AtMostOnce {
            out.extend(packet.packet_id.to_be_bytes());
        }
        properties(out, version, packet.properties);
        out.extend(packet.payload);
    });
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP. Before 5.0 there is no reason code; in 5.0 success without
/// properties is left out (§3.4.2.1).
///
/// # Panics
/// When `packet_type` is none of the four.
pub fn ack(
    out: &mut Vec<u8>,
    version: Version,
    packet_type: PacketType,
    packet_id: u16,
    reason_code: ReasonCode,
    props: &[Property<'_>],
) {
    let flags = match packet_type {
        PacketType::PubAck | PacketType::PubRec | PacketType::PubComp => 0,
        PacketType::PubRel => 0b0010,
        other => panic!("{other} is no acknowledgement of a PUBLISH"),
    };
    frame(out, (packet_type as u8) << 4 | flags, |out| {
        out.extend(packet_id.to_be_bytes());
        reason(out, version, reason_code, props);
    });
}

/// SUBSCRIBE, each filter with its options byte.
pub fn subscribe(
    out: &mut Vec<u8>,
    version: Version,
    packet_id: u16,
    props: &[Property<'_>],
    filters: &[(&str, u8)],
) {
    frame(out, (PacketType::Subscribe as u8) << 4 | 0b0010, |out| {
        out.extend(packet_id.to_be_bytes());
        properties(out, version, props);
        for (filter, options) in filters {
            string(out, filter);
            out.push(*options);
        }
    });
}

/// SUBACK, one code per filter.
pub fn suback(
    out: &mut Vec<u8>,
    version: Version,
    packet_id: u16,
    props: &[Property<'_>],
    codes: impl IntoIterator<Item = ReasonCode>,
) {
    filter_ack(out, PacketType::SubAck, version, packet_id, props, codes);
}

/// UNSUBSCRIBE.
pub fn unsubscribe(
    out: &mut Vec<u8>,
    version: Version,
    packet_id: u16,
    props: &[Property<'_>],
    filters: &[&str],
) {
    frame(out, (PacketType::Unsubscribe as u8) << 4 | 0b0010, |out| {
        out.extend(packet_id.to_be_bytes());
        properties(out, version, props);
        filters.iter().for_each(|filter| string(out, filter));
    });
}

/// UNSUBACK, one code per filter in 5.0 and none before.
pub fn unsuback(
    out: &mut Vec<u8>,
    version: Version,
    packet_id: u16,
    props: &[Property<'_>],
    codes: impl IntoIterator<Item = ReasonCode>,
) {
    filter_ack(out, PacketType::UnsubAck, version, packet_id, props, codes);
}

fn filter_ack(
    out: &mut Vec<u8>,
    packet_type: PacketType,
    version: Version,
    packet_id: u16,
    props: &[Property<'_>],
    codes: impl IntoIterator<Item = ReasonCode>,
) {
    frame(out, (packet_type as u8) << 4, |out| {
        out.extend(packet_id.to_be_bytes());
        properties(out, version, props);
        out.extend(codes.into_iter().map(|code| code.0));
    });
}

/// PINGREQ.
pub fn pingreq(out: &mut Vec<u8>) {
    frame(out, (PacketType::PingReq as u8) << 4, |_| {});
}

/// PINGRESP.
pub fn pingresp(out: &mut Vec<u8>) {
    frame(out, (PacketType::PingResp as u8) << 4, |_| {});
}

/// DISCONNECT. Before 5.0 it is empty; in 5.0 a normal one without properties is too.
pub fn disconnect(
    out: &mut Vec<u8>,
    version: Version,
    reason_code: ReasonCode,
    props: &[Property<'_>],
) {
    frame(out, (PacketType::Disconnect as u8) << 4, |out| {
        reason(out, version, reason_code, props);
    });
}

/// AUTH (5.0).
pub fn auth(out: &mut Vec<u8>, reason_code: ReasonCode, props: &[Property<'_>]) {
    frame(out, (PacketType::Auth as u8) << 4, |out| {
        reason(out, Version::V5, reason_code, props);
    });
}

/// Any first byte with any body under a correct remaining length: the way to packets no other
/// function can say.
pub fn raw(out: &mut Vec<u8>, first: u8, body: &[u8]) {
    frame(out, first, |out| out.extend(body));
}

/// Writes the fixed header, the body, and then the remaining length between the two.
fn frame(out: &mut Vec<u8>, first: u8, body: impl FnOnce(&mut Vec<u8>)) {
    out.push(first);
    prefixed(out, body);
}

/// Writes what `body` appends behind its length as a variable byte integer.
fn prefixed(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    body(out);
    let (length, taken) = varint(out.len() - start);
    out.splice(start..start, length[..taken].iter().copied());
}

/// A variable byte integer (§1.5.5) and how many of the four bytes it takes.
fn varint(mut value: usize) -> ([u8; 4], usize) {
    assert!(
        value <= FixedHeader::REMAINING_LEN_MAX,
        "a length of at most four bytes"
    );
    let mut bytes = [0; 4];
    let mut taken = 0;
    loop {
        bytes[taken] = (value & 0x7f) as u8;
        value >>= 7;
        taken += 1;
        if value == 0 {
            return (bytes, taken);
        }
        bytes[taken - 1] |= 0x80;
    }
}

fn flag(set: bool, bit: u8) -> u8 {
    u8::from(set) << bit
}

fn string(out: &mut Vec<u8>, text: &str) {
    binary(out, text.as_bytes());
}

fn binary(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = u16::try_from(bytes.len()).expect("a field of at most 65,535 bytes");
    out.extend(len.to_be_bytes());
    out.extend(bytes);
}

/// The tail of acknowledgements, DISCONNECT and AUTH, left out as far as 5.0 allows.
fn reason(out: &mut Vec<u8>, version: Version, code: ReasonCode, props: &[Property<'_>]) {
    if version != Version::V5 || (code == ReasonCode::SUCCESS && props.is_empty()) {
        return;
    }
    out.push(code.0);
    if !props.is_empty() {
        properties(out, version, props);
    }
}

fn properties(out: &mut Vec<u8>, version: Version, props: &[Property<'_>]) {
    if version == Version::V5 {
        prefixed(out, |out| {
            props.iter().for_each(|property| property.write(out))
        });
    }
}

impl Property<'_> {
    /// Appends identifier and value.
    fn write(&self, out: &mut Vec<u8>) {
        out.push(self.id());
        match *self {
            Self::PayloadFormatIndicator(yes)
            | Self::RequestProblemInformation(yes)
            | Self::RequestResponseInformation(yes)
            | Self::RetainAvailable(yes)
            | Self::WildcardSubscriptionAvailable(yes)
            | Self::SubscriptionIdentifierAvailable(yes)
            | Self::SharedSubscriptionAvailable(yes) => out.push(u8::from(yes)),
            Self::MaximumQoS(qos) => out.push(qos as u8),
            Self::ServerKeepAlive(value)
            | Self::ReceiveMaximum(value)
            | Self::TopicAliasMaximum(value)
            | Self::TopicAlias(value) => out.extend(value.to_be_bytes()),
            Self::MessageExpiryInterval(value)
            | Self::SessionExpiryInterval(value)
            | Self::WillDelayInterval(value)
            | Self::MaximumPacketSize(value) => out.extend(value.to_be_bytes()),
            Self::SubscriptionIdentifier(value) => {
                let (bytes, taken) = varint(value as usize);
                out.extend(&bytes[..taken]);
            }
            Self::ContentType(text)
            | Self::ResponseTopic(text)
            | Self::AssignedClientIdentifier(text)
            | Self::AuthenticationMethod(text)
            | Self::ResponseInformation(text)
            | Self::ServerReference(text)
            | Self::ReasonString(text) => string(out, text),
            Self::CorrelationData(bytes) | Self::AuthenticationData(bytes) => binary(out, bytes),
            Self::UserProperty((name, value)) => {
                string(out, name);
                string(out, value);
            }
        }
    }
}
