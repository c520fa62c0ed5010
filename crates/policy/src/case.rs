//! Cases: short scripted conversations by which a pack tests its own rules.
//!
//! They are data here; the test kit speaks them and `weir check` runs them. rules/README.md
//! describes the language for those who write packs.

mod ends;
mod line;
mod read;
mod vocabulary;

use std::net::IpAddr;
use std::time::Duration;

use wire::coap::Code;
use wire::mqtt::PacketType;

use crate::{Place, Reason, Service, Side, Verdict};

pub(crate) use read::{DraftCase, read};

/// One `[[case]]`: a conversation and what has to become of it.
///
/// Every line but the last has to be accepted; `expect` is about the last.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// What the case shows, in one line.
    pub name: String,
    /// The clients' addresses, at least one; clients beyond the last share that.
    pub from: Vec<IpAddr>,
    /// The server's address, of the same family.
    pub to: IpAddr,
    /// The side the clients stand on.
    pub side: Side,
    /// The VLAN in which it is said.
    pub vlan: Option<u16>,
    /// What the clock on the wall shows as it begins, in seconds since 1970 (UTC).
    pub unix_s: i64,
    /// The service spoken to; by default that of the first line.
    pub service: Service,
    /// The conversation.
    pub say: Vec<Line>,
    /// What becomes of its last line.
    pub expect: Expect,
    /// It is about its own pack, and says nothing of what others named beside it do
    /// (`[pack] cases = "alone"`).
    pub alone: bool,
    /// Where the case stands.
    pub place: Place,
}

/// What has to become of the last line of a case. What is `None` isn't looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expect {
    /// The frame's verdict.
    pub verdict: Verdict,
    /// The identifier of the rule that decides.
    pub rule: Option<String>,
    /// The detection behind it.
    pub reason: Option<Reason>,
    /// What a rule on trial would have done.
    pub would: Option<Verdict>,
    /// Identifiers of rules that have to raise an alert on the way; where none is named, none may.
    pub alerts: Option<Vec<String>>,
}

/// One line of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Whose connection it belongs to (`@2`): clients are counted from 1.
    pub client: u16,
    /// It is to be stopped (`!`), and the conversation goes on.
    pub is_stopped: bool,
    /// The server says it (`<`), not the client.
    pub from_server: bool,
    /// What is said.
    pub speech: Speech,
    /// The line as written.
    pub text: String,
    /// Where it stands.
    pub place: Place,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub enum Speech {
    /// `hex 20 02 00 00`: these bytes on the stream, or as one datagram.
    Hex(Vec<u8>),
    /// `SUBSCRIBE filter=#`: an MQTT control packet, in the version of the session's CONNECT.
    Mqtt {
        /// Its type.
        packet: PacketType,
        /// Its fields; what isn't given has a sensible default.
        fields: Fields,
    },
    /// `GET /.well-known/core`, `2.05 size=600` or `EMPTY type=RST`: a CoAP message.
    Coap {
        /// The code; empty for `EMPTY`.
        code: Code,
        /// Which resource a request asks for.
        resource: Resource,
        /// Message type, token, options, payload.
        fields: Fields,
    },
    /// `client-hello`: a TLS or DTLS ClientHello, whichever the service speaks.
    ClientHello {
        /// The server's name, the latest version, application protocols.
        fields: Fields,
    },
    /// `tcp RST seq=+5000`: one raw TCP segment of the flow.
    Tcp {
        /// The flag bits, as on the wire.
        flags: u8,
        /// Offsets from the flow's own numbers, checksum, payload.
        fields: Fields,
    },
    /// `fragment offset=0 more=true size=64`: an IP fragment of the flow's protocol.
    Fragment {
        /// Offset, flag and size.
        fields: Fields,
    },
    /// `wait 61s`: time passes.
    Wait(Duration),
    /// `reconnect`: the client hangs up, and what follows is said on a new connection.
    Reconnect,
}

/// Path and query of a CoAP request, one option each and nothing left encoded (RFC 7252 §6.4); what isn't UTF-8 is for the
/// inspector to say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resource {
    /// Its Uri-Path options.
    pub path: Vec<Vec<u8>>,
    /// Its Uri-Query options.
    pub query: Vec<Vec<u8>>,
}

/// The fields of a line, in the order written; each key was checked against its verb.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fields(Vec<(&'static str, Value)>);

/// The value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text.
    Text(String),
    /// A number, signed for offsets.
    Number(i64),
    /// `true` or `false`; the key alone is `true`.
    Flag(bool),
    /// Bytes, written in hex.
    Bytes(Vec<u8>),
    /// A CoAP option by number, its value written in hex.
    Option(u16, Vec<u8>),
}

impl Fields {
    /// Whether nothing was given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All values of a key that may be repeated.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Value> {
        self.0
            .iter()
            .filter(move |(k, _)| *k == key)
            .map(|(_, v)| v)
    }

    /// The text given for a key.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.value(key)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number given for a key.
    #[must_use]
    pub fn number(&self, key: &str) -> Option<i64> {
        match self.value(key)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// Whether a flag was given for a key, and which.
    #[must_use]
    pub fn flag(&self, key: &str) -> Option<bool> {
        match self.value(key)? {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The bytes given for a key.
    #[must_use]
    pub fn bytes(&self, key: &str) -> Option<&[u8]> {
        match self.value(key)? {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    fn value(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(k, _)| *k == key).map(|(_, v)| v)
    }
}
