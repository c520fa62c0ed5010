//! The message of an event: its fields; payload, properties, token and options only if a rule asks for them.
//! Never a password.

use policy::{Detail, Details, Message, Subject};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use wire::coap;
use wire::mqtt::{Connect, ControlPacket, Properties, Publish, Subscribe, Will};

use super::detail::{Hex, MESSAGE, OptionFields, PAYLOAD, Payload, PropertyFields};

/// Texts of a message are cut after this many bytes: a topic may have 65,535, and a line has to stay
/// one that log shippers take.
pub(super) const MAX_TEXT_BYTES: usize = 256;
/// Entries of a SUBSCRIBE, UNSUBSCRIBE or their acknowledgements, properties and options that are listed.
pub(super) const MAX_ENTRIES: usize = 16;

/// `mqtt{…}`: who speaks in this session, and the control packet under its name in lower case.
pub(super) struct Mqtt<'a> {
    client_id: Option<&'a str>,
    username: Option<&'a str>,
    packet: Option<&'a ControlPacket<'a>>,
    details: Details,
}

impl<'a> Mqtt<'a> {
    /// The MQTT side of a subject, if it has one.
    pub(super) fn of(subject: &Subject<'a>, details: Details) -> Option<Self> {
        let packet = match subject.message {
            Message::Mqtt(packet) => Some(packet),
            Message::None | Message::Coap(_) | Message::CoapTcp(_) | Message::Hello(_) => None,
        };
        let (client_id, username) = (subject.session.client_id, subject.session.username);
        let known = packet.is_some() || client_id.is_some() || username.is_some();
        known.then_some(Self {
            client_id,
            username,
            packet,
            details,
        })
    }
}

impl Serialize for Mqtt<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(client_id) = self.client_id {
            map.serialize_entry("client_id", &Text(client_id))?;
        }
        if let Some(username) = self.username {
            map.serialize_entry("username", &Text(username))?;
        }
        if let Some(packet) = self.packet {
            let name = packet.packet_type().name().to_ascii_lowercase();
            map.serialize_entry(&name, &Packet::new(packet, self.details))?;
        }
        map.end()
    }
}

/// A control packet, with what its rule asks for.
#[derive(Serialize)]
struct Packet<'a> {
    #[serde(flatten)]
    fields: PacketFields<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<PropertyFields<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum PacketFields<'a> {
    Connect(ConnectFields<'a>),
    Publish(PublishFields<'a>),
    Subscribe(SubscribeFields<'a>),
    Other(OtherFields<'a>),
}

impl<'a> Packet<'a> {
    fn new(packet: &ControlPacket<'a>, details: Details) -> Self {
        Self {
            fields: match packet {
                ControlPacket::Connect(connect) => {
                    PacketFields::Connect(ConnectFields::new(connect, details))
                }
                ControlPacket::Publish(publish) => {
                    PacketFields::Publish(PublishFields::new(publish, details))
                }
                ControlPacket::Subscribe(subscribe) => {
                    PacketFields::Subscribe(SubscribeFields::new(subscribe))
                }
                other => PacketFields::Other(OtherFields::new(other)),
            },
            properties: properties(packet.properties(), details),
        }
    }
}

/// A text of the message, cut to a bound at a character's edge.
pub(super) struct Text<'a>(pub(super) &'a str);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.len() <= MAX_TEXT_BYTES {
            return serializer.serialize_str(self.0);
        }
        let end = self.0.floor_char_boundary(MAX_TEXT_BYTES);
        serializer.collect_str(&format_args!("{}…", &self.0[..end]))
    }
}

#[derive(Serialize)]
struct ConnectFields<'a> {
    protocol_string: &'static str,
    protocol_version: u8,
    flags: ConnectFlags,
    client_id: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<Text<'a>>,
    keep_alive: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    will: Option<WillFields<'a>>,
}

#[derive(Serialize)]
struct ConnectFlags {
    username: bool,
    password: bool,
    will_retain: bool,
    will: bool,
    clean_session: bool,
}

#[derive(Serialize)]
struct WillFields<'a> {
    topic: Text<'a>,
    qos: u8,
    #[serde(flatten)]
    payload: Payload<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<PropertyFields<'a>>,
}

impl<'a> WillFields<'a> {
    fn new(will: &Will<'a>, details: Details) -> Self {
        Self {
            topic: Text(will.topic),
            qos: will.qos as u8,
            payload: message(will.payload, details),
            properties: properties(will.properties, details),
        }
    }
}

fn message(payload: &[u8], details: Details) -> Payload<'_> {
    Payload {
        bytes: asked(payload, details),
        names: MESSAGE,
    }
}

/// The payload, if it is asked for.
fn asked(payload: &[u8], details: Details) -> &[u8] {
    match details.contains(Detail::Payload) {
        true => payload,
        false => &[],
    }
}

/// The properties, if they are asked for.
fn properties(properties: Properties<'_>, details: Details) -> Option<PropertyFields<'_>> {
    let is_asked = details.contains(Detail::Properties);
    is_asked.then(|| PropertyFields::of(properties)).flatten()
}

impl<'a> ConnectFields<'a> {
    fn new(connect: &Connect<'a>, details: Details) -> Self {
        let will = connect.will.as_ref();
        Self {
            protocol_string: if connect.version.level() == 3 {
                "MQIsdp"
            } else {
                "MQTT"
            },
            protocol_version: connect.version.level(),
            flags: ConnectFlags {
                username: connect.username.is_some(),
                password: connect.password.is_some(),
                will_retain: will.is_some_and(|will| will.retain),
                will: will.is_some(),
                clean_session: connect.clean_start,
            },
            client_id: Text(connect.client_id),
            username: connect.username.map(Text),
            keep_alive: connect.keep_alive_s,
            will: will.map(|will| WillFields::new(will, details)),
        }
    }
}

#[derive(Serialize)]
struct PublishFields<'a> {
    qos: u8,
    retain: bool,
    dup: bool,
    topic: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<u16>,
    payload_len: usize,
    #[serde(flatten)]
    payload: Payload<'a>,
}

impl<'a> PublishFields<'a> {
    fn new(publish: &Publish<'a>, details: Details) -> Self {
        Self {
            qos: publish.qos as u8,
            retain: publish.retain,
            dup: publish.dup,
            topic: Text(publish.topic.as_str()),
            message_id: publish.packet_id,
            payload_len: publish.payload_len,
            payload: message(publish.payload, details),
        }
    }
}

#[derive(Serialize)]
struct SubscribeFields<'a> {
    message_id: u16,
    topics: Vec<Topic<'a>>,
}

#[derive(Serialize)]
struct Topic<'a> {
    topic: Text<'a>,
    qos: u8,
    #[serde(skip_serializing_if = "is_default")]
    no_local: bool,
    #[serde(skip_serializing_if = "is_default")]
    retain_as_published: bool,
    #[serde(skip_serializing_if = "is_default")]
    retain_handling: u8,
}

/// Options of 5.0, which are rare there and unknown before.
fn is_default<T: Default + PartialEq>(option: &T) -> bool {
    *option == T::default()
}

impl<'a> SubscribeFields<'a> {
    fn new(subscribe: &Subscribe<'a>) -> Self {
        let topics = subscribe
            .subscriptions()
            .take(MAX_ENTRIES)
            .map(|subscription| Topic {
                topic: Text(subscription.filter),
                qos: subscription.qos as u8,
                no_local: subscription.no_local,
                retain_as_published: subscription.retain_as_published,
                retain_handling: subscription.retain_handling,
            });
        Self {
            message_id: subscribe.packet_id,
            topics: topics.collect(),
        }
    }
}

/// Acknowledgements and the rest: few fields, most of them shared.
#[derive(Serialize, Default)]
struct OtherFields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_present: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    return_code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_code: Option<u8>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    topics: Vec<Text<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reason_codes: Vec<u8>,
}

impl<'a> OtherFields<'a> {
    fn new(packet: &ControlPacket<'a>) -> Self {
        let mut fields = Self {
            message_id: packet.packet_id(),
            ..Self::default()
        };
        match packet {
            ControlPacket::ConnAck(connack) => {
                fields.session_present = Some(connack.session_present);
                fields.return_code = Some(connack.reason_code.0);
            }
            ControlPacket::PubAck(ack)
            | ControlPacket::PubRec(ack)
            | ControlPacket::PubRel(ack)
            | ControlPacket::PubComp(ack) => fields.reason_code = Some(ack.reason_code.0),
            ControlPacket::SubAck(ack) | ControlPacket::UnsubAck(ack) => {
                let codes = ack.reason_codes().take(MAX_ENTRIES);
                fields.reason_codes = codes.map(|code| code.0).collect();
            }
            ControlPacket::Unsubscribe(unsubscribe) => {
                fields.topics = unsubscribe.filters().take(MAX_ENTRIES).map(Text).collect();
            }
            ControlPacket::Disconnect(disconnect) => {
                fields.reason_code = Some(disconnect.reason_code.0);
            }
            ControlPacket::Auth(auth) => fields.reason_code = Some(auth.reason_code.0),
            ControlPacket::Connect(_)
            | ControlPacket::Publish(_)
            | ControlPacket::Subscribe(_)
            | ControlPacket::PingReq(_)
            | ControlPacket::PingResp(_) => {}
        }
        fields
    }
}

/// `coap{…}`: header and the options that say what it is about; no query, which may hold secrets, unless a
/// rule asks for the options.
#[derive(Serialize)]
pub(super) struct Coap<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<u16>,
    token_len: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<Hex<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    observe: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_format: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<OptionFields<'a>>,
    payload_len: usize,
    #[serde(flatten)]
    payload: Payload<'a>,
}

impl<'a> Coap<'a> {
    /// The CoAP side of a subject, if it has one.
    pub(super) fn of(subject: &Subject<'a>, details: Details) -> Option<Self> {
        let datagram = match subject.message {
            Message::Coap(message) => Some(message),
            Message::None | Message::Mqtt(_) | Message::CoapTcp(_) | Message::Hello(_) => None,
        };
        let content = subject.message.coap()?;
        Some(Self::new(datagram, content, details))
    }

    /// Over TCP there is neither a type nor a message ID.
    fn new(
        datagram: Option<&coap::Message<'a>>,
        message: &coap::Content<'a>,
        details: Details,
    ) -> Self {
        let (has_token, has_options) = (
            details.contains(Detail::Token),
            details.contains(Detail::Options),
        );
        Self {
            r#type: datagram.map(|message| message.message_type().name()),
            code: message.code().to_string(),
            message_id: datagram.map(coap::Message::message_id),
            token_len: message.token().len(),
            token: has_token.then(|| Hex(message.token())),
            path: message.code().is_request().then(|| path(message)),
            observe: message.observe(),
            content_format: message.content_format(),
            options: has_options.then_some(OptionFields(*message)),
            payload_len: message.payload_len(),
            payload: Payload {
                bytes: asked(message.payload(), details),
                names: PAYLOAD,
            },
        }
    }
}

/// The path of a request, its segments joined by slashes; without any, that of its Proxy-Uri as it is written.
fn path(message: &coap::Content<'_>) -> String {
    let mut path = String::new();
    for segment in message.uri_path() {
        path.push('/');
        path.push_str(segment);
        if path.len() > MAX_TEXT_BYTES {
            path.truncate(path.floor_char_boundary(MAX_TEXT_BYTES));
            path.push('…');
            break;
        }
    }
    if path.is_empty() {
        path.push_str(message.proxy_uri().map_or("", |uri| uri.path));
        path.truncate(path.floor_char_boundary(MAX_TEXT_BYTES));
    }
    if path.is_empty() {
        path.push('/');
    }
    path
}
