//! What a TCP connection speaks, by the first bytes one of its ends sends.
//!
//! Ports say what should be spoken, first bytes what is. A probe decides on the shortest beginning that
//! settles it, so that it says the same however the stream is cut, and it never asks for more than
//! [`GREETING_BYTES`]: too few for a control packet that any of these beginnings could be, so that what
//! passes while it waits is never a whole one.

use crate::Direction;
use crate::tls::{self, ContentType, RecordHeader};

/// The most bytes a probe looks at.
pub const GREETING_BYTES: usize = 14;
/// As many bytes of text are text, whatever follows.
const TEXT_BYTES: usize = 8;
/// The first bytes of what MQTT begins with, which nothing else here does: CONNECT from a client,
/// CONNACK or AUTH from a server.
const CONNECT: u8 = 0x10;
const CONNACK: u8 = 0x20;
const AUTH: u8 = 0xf0;
/// An HTTP request's header fields are searched that far for an upgrade.
const HEAD_BYTES: usize = 4096;

/// What a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the variants are the protocols' names")]
pub enum Spoken {
    /// MQTT, or bytes to be read as that for want of anything better.
    Mqtt,
    Tls,
    Http,
    /// HTTP that asks to become WebSocket.
    WebSocket,
    Ssh,
    Smtp,
    Rtsp,
    Sip,
    Amqp,
    Stomp,
    Redis,
    /// A load balancer's PROXY header, of either version.
    Proxy,
    Telnet,
    /// The TPKT header of remote desktops and of ISO protocols (RFC 1006).
    Tpkt,
    Socks,
    /// Text of no protocol told apart here.
    Text,
}

/// What a beginning shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// This is spoken, whatever follows.
    Is(Spoken),
    /// It takes this many bytes in total to tell.
    More {
        /// Bytes from the start of the stream.
        need: usize,
    },
}

/// Tells what an end speaks whose first bytes are `input`.
#[must_use]
pub fn probe(input: &[u8], direction: Direction) -> Probe {
    match input.first() {
        None => Probe::More { need: 1 },
        Some(_) if begins_mqtt(input, direction) => Probe::Is(Spoken::Mqtt),
        Some(_) => probe_foreign(input, direction),
    }
}

/// Whether an end begins as MQTT does, and isn't only read as that for want of anything better.
#[must_use]
pub fn begins_mqtt(input: &[u8], direction: Direction) -> bool {
    matches!(
        (direction, input.first()),
        (Direction::ToServer, Some(&CONNECT)) | (Direction::ToClient, Some(&(CONNACK | AUTH)))
    )
}

fn probe_foreign(input: &[u8], direction: Direction) -> Probe {
    match probe_tls(input, direction) {
        tls::Probe::Yes => return Probe::Is(Spoken::Tls),
        tls::Probe::More { need } => return Probe::More { need },
        tls::Probe::No => {}
    }
    let beginnings = match direction {
        Direction::ToServer => CLIENTS,
        Direction::ToClient => SERVERS,
    };
    for (beginning, spoken) in beginnings {
        let known = beginning.len().min(input.len());
        if beginning[..known].eq_ignore_ascii_case(&input[..known]) {
            return match known == beginning.len() {
                true => Probe::Is(*spoken),
                false => Probe::More { need: known + 1 },
            };
        }
    }
    probe_text(input)
}

/// A client begins with a handshake record, a server with one or with an alert (RFC 8446 §5.1).
fn probe_tls(input: &[u8], direction: Direction) -> tls::Probe {
    let may_alert = direction == Direction::ToClient;
    if may_alert && input.first() == Some(&(ContentType::Alert as u8)) {
        return RecordHeader::probe(input);
    }
    tls::is_handshake_record(input)
}

/// Text is told by a whole line of it, or by enough of it.
fn probe_text(input: &[u8]) -> Probe {
    for (at, byte) in input.iter().take(TEXT_BYTES).enumerate() {
        match byte {
            b'\n' if at > 1 => return Probe::Is(Spoken::Text),
            b'\r' | b'\n' | b'\t' | b' '..=b'~' => {}
            _ => return Probe::Is(Spoken::Mqtt),
        }
    }
    match input.len() < TEXT_BYTES {
        true => Probe::More {
            need: input.len() + 1,
        },
        false => Probe::Is(Spoken::Text),
    }
}

/// Whether the header fields at hand ask an HTTP server to speak WebSocket from here on (RFC 6455
/// §4.1).
#[must_use]
pub fn asks_for_websocket(request: &[u8]) -> bool {
    let head = &request[..request.len().min(HEAD_BYTES)];
    let mut fields = head.split(|byte| *byte == b'\n');
    fields.any(|field| {
        let mut parts = field.splitn(2, |byte| *byte == b':');
        let name = parts.next().unwrap_or_default();
        let value = parts.next().unwrap_or_default();
        name.eq_ignore_ascii_case(b"upgrade")
            && value.trim_ascii().eq_ignore_ascii_case(b"websocket")
    })
}

/// Beginnings in capitals, the longer before those they begin with; letters match in either case.
type Beginnings = &'static [(&'static [u8], Spoken)];

const CLIENTS: Beginnings = &[
    (b"SSH-", Spoken::Ssh),
    // HTTP, RTSP and SIP share their shape: where they share a method too, the scheme tells.
    (b"OPTIONS RTSP:", Spoken::Rtsp),
    (b"OPTIONS SIP:", Spoken::Sip),
    (b"OPTIONS ", Spoken::Http),
    (b"GET_PARAMETER", Spoken::Rtsp),
    (b"GET ", Spoken::Http),
    (b"HEAD ", Spoken::Http),
    (b"POST ", Spoken::Http),
    (b"PUT ", Spoken::Http),
    (b"PATCH ", Spoken::Http),
    (b"DELETE ", Spoken::Http),
    (b"TRACE ", Spoken::Http),
    (b"CONNECT ", Spoken::Http),
    (b"PRI * HTTP", Spoken::Http),
    (b"DESCRIBE ", Spoken::Rtsp),
    (b"ANNOUNCE ", Spoken::Rtsp),
    (b"SETUP ", Spoken::Rtsp),
    (b"INVITE ", Spoken::Sip),
    (b"REGISTER ", Spoken::Sip),
    (b"EHLO ", Spoken::Smtp),
    (b"HELO ", Spoken::Smtp),
    (b"AMQP", Spoken::Amqp),
    (b"CONNECT\n", Spoken::Stomp),
    (b"CONNECT\r\n", Spoken::Stomp),
    (b"STOMP\n", Spoken::Stomp),
    (b"STOMP\r\n", Spoken::Stomp),
    (b"*1\r\n$", Spoken::Redis),
    (b"*2\r\n$", Spoken::Redis),
    (b"*3\r\n$", Spoken::Redis),
    (b"*4\r\n$", Spoken::Redis),
    (b"INFO\r\n", Spoken::Redis),
    (b"PING\r\n", Spoken::Redis),
    (b"PROXY TCP", Spoken::Proxy),
    (b"PROXY UNKNOWN", Spoken::Proxy),
    (b"\r\n\r\n\0\r\nQUIT\n", Spoken::Proxy),
    (b"\xff\xfb", Spoken::Telnet),
    (b"\xff\xfc", Spoken::Telnet),
    (b"\xff\xfd", Spoken::Telnet),
    (b"\xff\xfe", Spoken::Telnet),
    (b"\x03\x00", Spoken::Tpkt),
    (b"\x05\x01\x00", Spoken::Socks),
    (b"\x05\x02\x00\x01", Spoken::Socks),
    (b"\x05\x02\x00\x02", Spoken::Socks),
];

const SERVERS: Beginnings = &[
    (b"SSH-", Spoken::Ssh),
    (b"HTTP/", Spoken::Http),
    (b"RTSP/", Spoken::Rtsp),
    (b"SIP/2.0", Spoken::Sip),
    (b"AMQP", Spoken::Amqp),
    (b"220 ", Spoken::Smtp),
    (b"220-", Spoken::Smtp),
    (b"-ERR", Spoken::Redis),
    (b"-NOAUTH", Spoken::Redis),
    (b"\xff\xfb", Spoken::Telnet),
    (b"\xff\xfd", Spoken::Telnet),
    (b"\x03\x00", Spoken::Tpkt),
];

/// Probes every beginning of arbitrary bytes.
///
/// # Panics
/// When a longer beginning contradicts a shorter one, or the probe wants more than it may.
pub fn fuzz_greeting(data: &[u8]) {
    for direction in [Direction::ToServer, Direction::ToClient] {
        let mut settled = None;
        for end in 0..=data.len().min(2 * GREETING_BYTES) {
            match (settled, probe(&data[..end], direction)) {
                (None, Probe::Is(spoken)) => settled = Some(spoken),
                (None, Probe::More { need }) => assert!((end + 1..=GREETING_BYTES).contains(&need)),
                (Some(spoken), now) => assert_eq!(now, Probe::Is(spoken)),
            }
        }
        assert!(settled.is_some() || data.len() < GREETING_BYTES);
    }
    assert!(!asks_for_websocket(data) || data.len() > "upgrade:websocket".len() - 1);
}

#[cfg(test)]
mod tests;
