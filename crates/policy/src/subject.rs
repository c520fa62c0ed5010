//! What a rule looks at: one message (or one detection) with everything known about it.

use std::net::IpAddr;

use wire::Direction;

use crate::Reason;

/// The layer whose message is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the variants are the protocols' names")]
pub enum Protocol {
    Ip,
    Tcp,
    Udp,
    Tls,
    Dtls,
    Mqtt,
    Coap,
}

impl Protocol {
    /// All protocols.
    pub const ALL: &'static [Self] = &[
        Self::Ip,
        Self::Tcp,
        Self::Udp,
        Self::Tls,
        Self::Dtls,
        Self::Mqtt,
        Self::Coap,
    ];

    /// The name in rule files, events and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Tls => "tls",
            Self::Dtls => "dtls",
            Self::Mqtt => "mqtt",
            Self::Coap => "coap",
        }
    }
}

/// The configured service a flow belongs to, by its server port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Plaintext MQTT over TCP (default 1883).
    Mqtt,
    /// MQTT over TLS (default 8883).
    Mqtts,
    /// Plaintext CoAP over UDP (default 5683).
    Coap,
    /// CoAP over DTLS (default 5684).
    Coaps,
    /// Plaintext CoAP over TCP (no default, RFC 8323).
    CoapTcp,
}

impl Service {
    /// All services.
    pub const ALL: &'static [Self] = &[
        Self::Mqtt,
        Self::Mqtts,
        Self::Coap,
        Self::Coaps,
        Self::CoapTcp,
    ];

    /// The name in configuration, rule files, events and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mqtt => "mqtt",
            Self::Mqtts => "mqtts",
            Self::Coap => "coap",
            Self::Coaps => "coaps",
            Self::CoapTcp => "coap-tcp",
        }
    }

    /// Whether the service runs over TLS or DTLS.
    #[must_use]
    pub const fn is_encrypted(self) -> bool {
        matches!(self, Self::Mqtts | Self::Coaps)
    }

    /// Whether the service runs over UDP, and not over TCP.
    #[must_use]
    pub const fn is_udp(self) -> bool {
        matches!(self, Self::Coap | Self::Coaps)
    }
}

/// The end of a link at which a frame came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The devices' side.
    Inside,
    /// The world's side.
    Outside,
}

impl Side {
    /// Both sides.
    pub const ALL: &'static [Self] = &[Self::Inside, Self::Outside];

    /// The name in rule files, where it is also a zone's.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inside => "inside",
            Self::Outside => "outside",
        }
    }

    /// The other end of the link.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Inside => Self::Outside,
            Self::Outside => Self::Inside,
        }
    }
}

/// Who sent the message to whom, from which side it came, and in which VLAN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoints {
    /// The sender of this message.
    pub source: IpAddr,
    /// The sender's port.
    pub source_port: u16,
    /// The receiver of this message.
    pub destination: IpAddr,
    /// The receiver's port.
    pub destination_port: u16,
    /// The side `source` stands on.
    pub from: Side,
    /// The VLAN they are in; none if the frame has no tag, or one that says a priority and nothing else.
    pub vlan: Option<u16>,
}

/// The application message under judgement, as far as it could be decoded.
#[derive(Debug, Clone, Copy)]
pub enum Message<'a> {
    /// Nothing decoded: a detection below the application, or bytes that don't parse.
    None,
    /// An MQTT control packet.
    Mqtt(&'a wire::mqtt::ControlPacket<'a>),
    /// A CoAP message of a datagram.
    Coap(&'a wire::coap::Message<'a>),
    /// A CoAP message of a stream.
    CoapTcp(&'a wire::coap::tcp::Message<'a>),
    /// What a client of TLS or DTLS begins with.
    Hello(&'a wire::hello::ClientHello<'a>),
}

impl<'a> Message<'a> {
    /// What a CoAP message says, whatever it came by.
    #[inline]
    #[must_use]
    pub fn coap(&self) -> Option<&'a wire::coap::Content<'a>> {
        match self {
            Self::Coap(message) => Some(message),
            Self::CoapTcp(message) => Some(message),
            Self::None | Self::Mqtt(_) | Self::Hello(_) => None,
        }
    }
}

/// What is known of the MQTT session the message belongs to (from its CONNECT and CONNACK).
#[derive(Debug, Clone, Copy, Default)]
pub struct Session<'a> {
    /// The protocol version of the CONNECT.
    pub version: Option<wire::mqtt::Version>,
    /// The client identifier, as sent (or as assigned by the server).
    pub client_id: Option<&'a str>,
    /// The user name of the CONNECT.
    pub username: Option<&'a str>,
    /// Whether its CONNECT went by unseen: it has names, and aliases, that nobody knows.
    pub unseen: bool,
    /// The topic name that this PUBLISH's alias stands for (MQTT 5.0 §3.3.2.3.4), when its own is empty.
    pub aliased_topic: Option<&'a str>,
}

/// One message or detection, with everything a rule may ask about it.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The layer judged.
    pub protocol: Protocol,
    /// The service of the flow.
    pub service: Service,
    /// Towards the server or towards the client.
    pub direction: Direction,
    /// Addresses, ports, side and VLAN.
    pub endpoints: Endpoints,
    /// The decoded message.
    pub message: Message<'a>,
    /// Its MQTT session; empty for everything else.
    pub session: Session<'a>,
    /// Built-in detections raised on this very message, the gravest first.
    pub reasons: &'a [Reason],
    /// Whether the client's address has proved that it receives what is sent to it (RFC 9175 §2.3).
    pub address_validated: bool,
    /// Bytes of UDP payload, or of the MQTT control packet or CoAP message including its header.
    pub size: usize,
    /// The time on the wall, in seconds since 1970 (UTC), as far as it is known and some rule asks.
    pub unix_s: Option<i64>,
}

impl<'a> Subject<'a> {
    /// The topic of a PUBLISH or a will, aliases seen through, if it has one and it is known.
    #[must_use]
    pub fn topic(&self) -> Option<&'a str> {
        crate::matching::topic_of(self).map(|topic| topic.as_str())
    }

    /// The address of the client: the source of what goes to the server, else the destination.
    #[must_use]
    pub fn client(&self) -> IpAddr {
        match self.direction {
            Direction::ToServer => self.endpoints.source,
            Direction::ToClient => self.endpoints.destination,
        }
    }

    /// The side the client stands on.
    #[must_use]
    pub fn client_side(&self) -> Side {
        match self.direction {
            Direction::ToServer => self.endpoints.from,
            Direction::ToClient => self.endpoints.from.opposite(),
        }
    }

    /// The address of the server.
    #[must_use]
    pub fn server(&self) -> IpAddr {
        match self.direction {
            Direction::ToServer => self.endpoints.destination,
            Direction::ToClient => self.endpoints.source,
        }
    }
}
