//! MQTT lines: `PUBLISH topic=a/b payload=x` as a control packet.

use policy::{Fields, Value};
use wire::mqtt::encode::{self, Connect, Publish, Will};
use wire::mqtt::{PacketType, Property, QoS, ReasonCode, Version};

use super::properties;
use crate::mqtt::written;

/// Speaks in the version of the session's CONNECT.
#[derive(Debug)]
pub(super) struct Speaker {
    version: Version,
}

impl Default for Speaker {
    fn default() -> Self {
        Self {
            version: Version::V311,
        }
    }
}

impl Speaker {
    /// The bytes of a line.
    pub(super) fn packet(&mut self, packet: PacketType, fields: &Fields) -> Vec<u8> {
        if packet == PacketType::Connect {
            self.version = version_of(fields);
        }
        let (version, id) = (self.version, short(fields, "packet_id", 1));
        let code = ReasonCode(short(fields, "code", 0) as u8);
        let properties = &*properties::of(packet, fields);
        written(|out| match packet {
            PacketType::Connect => connect(out, version, fields, properties),
            PacketType::ConnAck => {
                let present = fields.flag("session_present").unwrap_or(false);
                encode::connack(out, version, present, code, properties);
            }
            PacketType::Publish => publish(out, version, fields, properties),
            PacketType::PubAck | PacketType::PubRec | PacketType::PubRel | PacketType::PubComp => {
                encode::ack(out, version, packet, id, code, properties);
            }
            PacketType::Subscribe => {
                let options = subscription_options(fields);
                let filters: Vec<_> = filters(fields).zip(options).collect();
                encode::subscribe(out, version, id, properties, &filters);
            }
            PacketType::SubAck => encode::suback(out, version, id, properties, codes(fields)),
            PacketType::Unsubscribe => {
                let filters: Vec<_> = filters(fields).collect();
                encode::unsubscribe(out, version, id, &[], &filters);
            }
            PacketType::UnsubAck => match version {
                Version::V5 => encode::unsuback(out, version, id, properties, codes(fields)),
                _ => encode::unsuback(out, version, id, &[], []),
            },
            PacketType::PingReq => encode::pingreq(out),
            PacketType::PingResp => encode::pingresp(out),
            PacketType::Disconnect => encode::disconnect(out, version, code, properties),
            PacketType::Auth => {
                let method = fields.text("method").unwrap_or("SCRAM-SHA-256");
                encode::auth(out, code, &[Property::AuthenticationMethod(method)]);
            }
        })
    }
}

fn connect(out: &mut Vec<u8>, version: Version, fields: &Fields, properties: &[Property<'_>]) {
    let of_will = &*properties::of_will(fields);
    let will = fields.text("will_topic").map(|topic| Will {
        topic,
        payload: fields.text("will_payload").unwrap_or_default().as_bytes(),
        qos: qos(fields, "will_qos"),
        retain: fields.flag("will_retain").unwrap_or(false),
        properties: of_will,
    });
    let connect = Connect {
        version,
        clean_start: fields.flag("clean").unwrap_or(true),
        keep_alive_s: short(fields, "keep_alive", 60),
        client_id: fields.text("client_id").unwrap_or("case"),
        will,
        username: fields.text("username"),
        password: fields.text("password").map(str::as_bytes),
        properties,
    };
    encode::connect(out, &connect);
}

fn publish(out: &mut Vec<u8>, version: Version, fields: &Fields, properties: &[Property<'_>]) {
    let payload = payload(fields);
    let has_alias = fields.number("alias").is_some();
    let publish = Publish {
        dup: fields.flag("dup").unwrap_or(false),
        qos: qos(fields, "qos"),
        retain: fields.flag("retain").unwrap_or(false),
        topic: fields
            .text("topic")
            .unwrap_or(if has_alias { "" } else { "t" }),
        packet_id: short(fields, "packet_id", 1),
        properties,
        payload: &payload,
    };
    encode::publish(out, version, &publish);
}

/// A payload as text, as hex, or as that many bytes of filler.
pub(super) fn payload(fields: &Fields) -> Vec<u8> {
    if let Some(text) = fields.text("payload") {
        return text.as_bytes().to_vec();
    }
    if let Some(bytes) = fields.bytes("hex") {
        return bytes.to_vec();
    }
    let size = fields.number("size").unwrap_or(0);
    vec![b'x'; usize::try_from(size).unwrap_or(0)]
}

fn version_of(fields: &Fields) -> Version {
    match fields.text("version") {
        Some("3.1") => Version::V31,
        Some("5.0" | "5") => Version::V5,
        _ => Version::V311,
    }
}

fn qos(fields: &Fields, key: &str) -> QoS {
    QoS::from_bits(short(fields, key, 0) as u8).unwrap_or(QoS::AtMostOnce)
}

/// The options byte of every filter (MQTT 5.0 §3.8.3.1).
/// Those of one filter after the other: the last QoS given is that of all the rest.
fn subscription_options(fields: &Fields) -> impl Iterator<Item = u8> {
    let flag = |key| u8::from(fields.flag(key).unwrap_or(false));
    let handling = short(fields, "retain_handling", 0) as u8;
    let common = flag("no_local") << 2 | flag("retain_as_published") << 3 | handling << 4;
    let given = fields.all("qos").filter_map(|value| match value {
        Value::Number(number) => Some(*number as u8),
        _ => None,
    });
    let given: Vec<u8> = given.collect();
    let last = given.last().copied().unwrap_or(0);
    given
        .into_iter()
        .chain(std::iter::repeat(last))
        .map(move |qos| qos | common)
}

/// The filters given, or one that does no harm.
fn filters(fields: &Fields) -> impl Iterator<Item = &str> {
    let default = fields.text("filter").is_none().then_some("t");
    let given = fields.all("filter").filter_map(|value| match value {
        Value::Text(text) => Some(&**text),
        _ => None,
    });
    given.chain(default)
}

/// The codes given, or one success.
fn codes(fields: &Fields) -> impl Iterator<Item = ReasonCode> {
    let default = fields
        .number("code")
        .is_none()
        .then_some(ReasonCode::SUCCESS);
    let given = fields.all("code").filter_map(|value| match value {
        Value::Number(number) => Some(ReasonCode(*number as u8)),
        _ => None,
    });
    given.chain(default)
}

/// A number that the case's reader has bounded by two bytes.
pub(super) fn short(fields: &Fields, key: &str, default: u16) -> u16 {
    fields
        .number(key)
        .and_then(|number| u16::try_from(number).ok())
        .unwrap_or(default)
}
