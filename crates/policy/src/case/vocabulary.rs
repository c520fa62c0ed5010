//! The words a case may say, and the fields each takes.

use wire::mqtt::PacketType;

/// What the value of a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// From 0 up to this.
    Number(i64),
    /// `+5000`, `-1`.
    Offset,
    /// `true`, `false`, or the key alone.
    Flag,
    /// Pairs of hex digits.
    Bytes,
    /// A CoAP option as `NUMBER:HEX`.
    Option,
    /// A block of a transfer as `NUMBER/MORE/SIZE`: its option's value (RFC 7959 §2.2).
    Block,
    OneOf(&'static [&'static str]),
}

/// A field of a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) key: &'static str,
    pub(super) kind: Kind,
    pub(super) repeatable: bool,
}

const fn field(key: &'static str, kind: Kind) -> Field {
    Field {
        key,
        kind,
        repeatable: false,
    }
}

const fn repeatable(key: &'static str, kind: Kind) -> Field {
    Field {
        key,
        kind,
        repeatable: true,
    }
}

const BYTE: Kind = Kind::Number(0xff);
const SHORT: Kind = Kind::Number(0xffff);
const QOS: Kind = Kind::Number(2);
/// Payloads made up of filler: one datagram, or a few hundred segments.
const SIZE: Kind = Kind::Number(1 << 20);
const VERSION: Kind = Kind::OneOf(&["3.1", "3.1.1", "5.0", "5"]);
const TYPE: Field = field("type", Kind::OneOf(&["CON", "NON", "ACK", "RST"]));
const MESSAGE_ID: Field = field("mid", SHORT);
const PACKET_ID: Field = field("packet_id", SHORT);
const CODE: Field = field("code", BYTE);
const LONG: Kind = Kind::Number(0xffff_ffff);
const RECEIVE_MAXIMUM: Field = field("receive_maximum", SHORT);
const MAXIMUM_PACKET_SIZE: Field = field("maximum_packet_size", LONG);
const TOPIC_ALIAS_MAXIMUM: Field = field("topic_alias_maximum", SHORT);
const SESSION_EXPIRY: Field = field("session_expiry", LONG);
const AUTH_METHOD: Field = field("auth_method", Kind::Text);
const USER_PROPERTY: Field = repeatable("user_property", Kind::Text);
/// As many as fit into the longest packet that is kept in one piece.
const USER_PROPERTIES: Field = field("user_properties", Kind::Number(9_000));
const SUBSCRIPTION_ID: Field = field("subscription_id", Kind::Number(268_435_455));
const REASON_STRING: Field = field("reason_string", Kind::Text);

const CONNECT: &[Field] = &[
    field("client_id", Kind::Text),
    field("username", Kind::Text),
    field("password", Kind::Text),
    field("version", VERSION),
    field("keep_alive", SHORT),
    field("clean", Kind::Flag),
    field("will_topic", Kind::Text),
    field("will_payload", Kind::Text),
    field("will_qos", QOS),
    field("will_retain", Kind::Flag),
    RECEIVE_MAXIMUM,
    MAXIMUM_PACKET_SIZE,
    TOPIC_ALIAS_MAXIMUM,
    SESSION_EXPIRY,
    AUTH_METHOD,
    field("will_delay", LONG),
    USER_PROPERTY,
    USER_PROPERTIES,
    field("request_problem_information", Kind::Flag),
    field("request_response_information", Kind::Flag),
];
const PUBLISH: &[Field] = &[
    field("topic", Kind::Text),
    field("payload", Kind::Text),
    field("hex", Kind::Bytes),
    field("size", SIZE),
    field("qos", QOS),
    field("retain", Kind::Flag),
    field("dup", Kind::Flag),
    field("alias", SHORT),
    field("message_expiry", LONG),
    field("content_type", Kind::Text),
    field("response_topic", Kind::Text),
    USER_PROPERTY,
    USER_PROPERTIES,
    SUBSCRIPTION_ID,
    PACKET_ID,
];

const CONNACK: &[Field] = &[
    CODE,
    field("session_present", Kind::Flag),
    RECEIVE_MAXIMUM,
    MAXIMUM_PACKET_SIZE,
    TOPIC_ALIAS_MAXIMUM,
    AUTH_METHOD,
    field("maximum_qos", Kind::Number(1)),
    field("retain_available", Kind::Flag),
    field("wildcard_available", Kind::Flag),
    field("shared_available", Kind::Flag),
    field("subscription_id_available", Kind::Flag),
    field("server_keep_alive", SHORT),
    field("assigned_client_id", Kind::Text),
    field("response_information", Kind::Text),
];
const ACK: &[Field] = &[PACKET_ID, CODE, REASON_STRING];
const FILTERS: Field = repeatable("filter", Kind::Text);
const SUBSCRIBE: &[Field] = &[
    FILTERS,
    repeatable("qos", QOS),
    field("no_local", Kind::Flag),
    field("retain_as_published", Kind::Flag),
    field("retain_handling", Kind::Number(3)),
    PACKET_ID,
    SUBSCRIPTION_ID,
];
const UNSUBSCRIBE: &[Field] = &[FILTERS, PACKET_ID];
const FILTER_ACK: &[Field] = &[PACKET_ID, repeatable("code", BYTE), REASON_STRING];
const DISCONNECT: &[Field] = &[CODE, SESSION_EXPIRY];
const AUTH: &[Field] = &[CODE, field("method", Kind::Text)];

/// The fields of an MQTT control packet.
pub(super) const fn of_packet(packet: PacketType) -> &'static [Field] {
    match packet {
        PacketType::Connect => CONNECT,
        PacketType::ConnAck => CONNACK,
        PacketType::Publish => PUBLISH,
        PacketType::PubAck | PacketType::PubRec | PacketType::PubRel | PacketType::PubComp => ACK,
        PacketType::Subscribe => SUBSCRIBE,
        PacketType::SubAck | PacketType::UnsubAck => FILTER_ACK,
        PacketType::Unsubscribe => UNSUBSCRIBE,
        PacketType::PingReq | PacketType::PingResp => &[],
        PacketType::Disconnect => DISCONNECT,
        PacketType::Auth => AUTH,
    }
}

/// The fields of a CoAP message, request or response.
pub(super) const COAP: &[Field] = &[
    TYPE,
    field("token", Kind::Bytes),
    MESSAGE_ID,
    field("payload", Kind::Text),
    field("hex", Kind::Bytes),
    field("size", Kind::Number(65_000)),
    field("observe", Kind::Number(0xff_ffff)),
    field("etag", Kind::Bytes),
    field("format", SHORT),
    field("accept", SHORT),
    field("block1", Kind::Block),
    field("block2", Kind::Block),
    field("request_tag", Kind::Bytes),
    field("echo", Kind::Bytes),
    field("proven", Kind::Flag),
    field("uri_host", Kind::Text),
    field("proxy_uri", Kind::Text),
    field("proxy_scheme", Kind::Text),
    repeatable("option", Kind::Option),
    field("max_message_size", Kind::Number(0xffff_ffff)),
];

/// The fields of an empty CoAP message.
pub(super) const COAP_EMPTY: &[Field] = &[TYPE, MESSAGE_ID];

pub(super) const CLIENT_HELLO: &[Field] = &[
    field("sni", Kind::Text),
    field("version", Kind::OneOf(&["1.0", "1.1", "1.2", "1.3"])),
    repeatable("alpn", Kind::Text),
];

pub(super) const TCP: &[Field] = &[
    field("seq", Kind::Offset),
    field("ack", Kind::Offset),
    field("checksum", Kind::OneOf(&["bad"])),
    field("urgent", SHORT),
    field("timestamp", Kind::Number(0xffff_ffff)),
    field("multipath", Kind::Flag),
    field("payload", Kind::Text),
    field("hex", Kind::Bytes),
    field("size", Kind::Number(65_000)),
];

pub(super) const FRAGMENT: &[Field] = &[
    field("offset", Kind::Number(65_528)),
    field("more", Kind::Flag),
    field("size", Kind::Number(1400)),
];

/// TCP flags by the names in `tcp SYN+ACK` (RFC 9293 §3.1).
pub(super) const TCP_FLAGS: [(&str, u8); 7] = [
    ("FIN", 0x01),
    ("SYN", 0x02),
    ("RST", 0x04),
    ("PSH", 0x08),
    ("ACK", 0x10),
    ("URG", 0x20),
    ("NONE", 0x00),
];
