//! What kinds of message a rule can look at: the index by which rules are found.

use wire::Direction;
use wire::coap::Code;
use wire::mqtt::PacketType;

use crate::{Message, Protocol, Reason, Service, Subject};

/// Kinds of messages: five protocols without messages of their own, MQTT undecoded and by packet
/// type, CoAP undecoded and by class of code.
const KINDS: usize = 5 + 1 + 15 + 1 + 6;
/// How many buckets there are: a kind in a direction is one.
pub(crate) const BUCKETS: usize = KINDS * 2;

const MQTT: usize = 5;
const COAP: usize = MQTT + 1 + 15;

/// A set of buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scope(u64);

const _: () = assert!(BUCKETS <= 64, "a scope is one word");

/// The classes of CoAP codes that are told apart (RFC 7252 §5.2, §12.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CodeClass {
    /// 0.00.
    Empty,
    /// 0.01 to 0.31.
    Request,
    /// 2.xx.
    Success,
    /// 4.xx.
    ClientError,
    /// 5.xx.
    ServerError,
    /// The reserved classes 1, 3, 6 and 7 (7 is signalling, RFC 8323).
    Other,
}

impl CodeClass {
    pub(crate) const fn of(code: Code) -> Self {
        match code.class() {
            0 if code.is_empty() => Self::Empty,
            0 => Self::Request,
            2 => Self::Success,
            4 => Self::ClientError,
            5 => Self::ServerError,
            _ => Self::Other,
        }
    }
}

impl Scope {
    pub(crate) const ALL: Self = Self(u64::MAX >> (64 - BUCKETS));
    pub(crate) const NONE: Self = Self(0);

    /// The bucket of a message.
    #[inline]
    pub(crate) fn bucket(subject: &Subject<'_>) -> usize {
        let kind = match subject.message {
            Message::Mqtt(packet) => packet_kind(packet.packet_type()),
            Message::Coap(message) => code_kind(CodeClass::of(message.code())),
            Message::CoapTcp(message) => code_kind(CodeClass::of(message.code())),
            Message::Hello(_) | Message::None => undecoded_kind(subject.protocol),
        };
        kind * 2 + direction_bit(subject.direction)
    }

    /// Everything of one protocol, decoded or not.
    pub(crate) fn protocol(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Mqtt => Self::kinds(MQTT..COAP),
            Protocol::Coap => Self::kinds(COAP..KINDS),
            _ => {
                let kind = undecoded_kind(protocol);
                Self::kinds(kind..kind + 1)
            }
        }
    }

    /// What a client of TLS or DTLS begins with, and detections on those.
    pub(crate) fn hellos() -> Self {
        Self::protocol(Protocol::Tls).or(Self::protocol(Protocol::Dtls))
    }

    /// Everything that runs over TCP or UDP, and these.
    pub(crate) fn with_ports() -> Self {
        let protocols = [Protocol::Tcp, Protocol::Tls, Protocol::Mqtt];
        Self::over_udp().or(Self::union(protocols.map(Self::protocol)))
    }

    /// Everything that runs over UDP, and UDP itself.
    pub(crate) fn over_udp() -> Self {
        let protocols = [Protocol::Udp, Protocol::Dtls, Protocol::Coap];
        Self::union(protocols.map(Self::protocol))
    }

    /// What a detection can be raised on.
    pub(crate) fn reason(reason: Reason) -> Self {
        match reason.family() {
            "mqtt" => Self::reason_of_mqtt(reason),
            "coap" => Self::protocol(Protocol::Coap),
            "tcp" => Self::protocol(Protocol::Tcp),
            "udp" => Self::protocol(Protocol::Udp),
            "ip" | "ethernet" => Self::protocol(Protocol::Ip),
            _ => Self::ALL,
        }
    }

    fn reason_of_mqtt(reason: Reason) -> Self {
        let all = Self::protocol(Protocol::Mqtt);
        match reason {
            Reason::MQTT_AUTH_FAILED | Reason::MQTT_SESSION_CONNACK_UNEXPECTED => {
                Self::packet(PacketType::ConnAck)
            }
            Reason::MQTT_SESSION_SECOND_CONNECT => Self::packet(PacketType::Connect),
            Reason::MQTT_SPOOFED_SERVER_PACKET => all.and(Self::direction(Direction::ToServer)),
            Reason::MQTT_SPOOFED_CLIENT_PACKET => all.and(Self::direction(Direction::ToClient)),
            Reason::MQTT_TOO_LARGE => Self::kinds(MQTT..MQTT + 1),
            _ if reason.code().starts_with("mqtt.ack.") => Self::acknowledgements(),
            _ => all,
        }
    }

    /// Control packets that answer one with a packet identifier, and PUBREL, which a PUBREC asks for.
    pub(super) fn acknowledgements() -> Self {
        let packets = [
            PacketType::PubAck,
            PacketType::PubRec,
            PacketType::PubRel,
            PacketType::PubComp,
            PacketType::SubAck,
            PacketType::UnsubAck,
        ];
        Self::union(packets.map(Self::packet))
    }

    /// What runs on a service's ports.
    pub(crate) fn service(service: Service) -> Self {
        let below = Self::protocol(Protocol::Ip);
        let mut over_tcp = Self::protocol(Protocol::Tcp);
        over_tcp = over_tcp.or(Self::protocol(Protocol::Tls));
        match service {
            Service::Coap | Service::Coaps => below.or(Self::over_udp()),
            Service::Mqtt | Service::Mqtts => below.or(over_tcp).or(Self::protocol(Protocol::Mqtt)),
            Service::CoapTcp => below.or(over_tcp).or(Self::protocol(Protocol::Coap)),
        }
    }

    pub(crate) fn union(scopes: impl IntoIterator<Item = Self>) -> Self {
        scopes.into_iter().fold(Self::NONE, Self::or)
    }

    /// Control packets of one type.
    pub(crate) fn packet(packet: PacketType) -> Self {
        let kind = packet_kind(packet);
        Self::kinds(kind..kind + 1)
    }

    /// What a server says as well as its client.
    pub(crate) fn of_both_ends() -> Self {
        let packets = [
            PacketType::Publish,
            PacketType::PubAck,
            PacketType::PubRec,
            PacketType::PubRel,
            PacketType::PubComp,
            PacketType::Disconnect,
            PacketType::Auth,
        ];
        Self::union(packets.map(Self::packet)).or(Self::code_class(CodeClass::Empty))
    }

    /// What only servers say.
    pub(crate) fn of_servers() -> Self {
        let packets = [
            PacketType::ConnAck,
            PacketType::SubAck,
            PacketType::UnsubAck,
            PacketType::PingResp,
        ];
        let codes = [
            CodeClass::Success,
            CodeClass::ClientError,
            CodeClass::ServerError,
        ];
        Self::union(packets.map(Self::packet)).or(Self::union(codes.map(Self::code_class)))
    }

    /// Control packets that were decoded.
    pub(crate) fn decoded_packets() -> Self {
        Self::kinds(MQTT + 1..COAP)
    }

    /// CoAP messages with a code of this class.
    pub(crate) fn code_class(class: CodeClass) -> Self {
        let kind = code_kind(class);
        Self::kinds(kind..kind + 1)
    }

    /// What was decoded down to its message.
    pub(crate) fn decoded() -> Self {
        Self::decoded_packets().or(Self::kinds(COAP + 1..KINDS))
    }

    pub(crate) fn direction(direction: Direction) -> Self {
        let bits = (0..KINDS).map(|kind| 1 << (kind * 2 + direction_bit(direction)));
        Self(bits.sum())
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn is_subset(self, of: Self) -> bool {
        self.0 & !of.0 == 0
    }

    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) const fn contains(self, bucket: usize) -> bool {
        self.0 & (1 << bucket) != 0
    }

    fn kinds(kinds: std::ops::Range<usize>) -> Self {
        Self(kinds.map(|kind| 0b11 << (kind * 2)).sum())
    }
}

const fn direction_bit(direction: Direction) -> usize {
    match direction {
        Direction::ToServer => 0,
        Direction::ToClient => 1,
    }
}

const fn undecoded_kind(protocol: Protocol) -> usize {
    match protocol {
        Protocol::Ip => 0,
        Protocol::Tcp => 1,
        Protocol::Udp => 2,
        Protocol::Tls => 3,
        Protocol::Dtls => 4,
        Protocol::Mqtt => MQTT,
        Protocol::Coap => COAP,
    }
}

/// Packet types are numbered from 1 on the wire (MQTT 5.0 §2.1.2).
const fn packet_kind(packet: PacketType) -> usize {
    MQTT + packet as usize
}

const fn code_kind(class: CodeClass) -> usize {
    COAP + 1 + class as usize
}
