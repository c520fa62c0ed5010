//! The ClientHello of an event, as EVE has it.

use policy::{Message, Subject};
use serde::Serialize;

use super::detail::Hex;
use super::message::{MAX_ENTRIES, Text};

/// `tls{…}`: what the client wants. EVE's `version` is what both ends agree on, which isn't known by then.
#[derive(Serialize)]
pub(super) struct Tls<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sni: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_version: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    client_alpns: Vec<Protocol<'a>>,
}

/// A protocol is text by custom only.
#[derive(Serialize)]
#[serde(untagged)]
enum Protocol<'a> {
    Text(Text<'a>),
    Hex(Hex<'a>),
}

impl<'a> Tls<'a> {
    /// The ClientHello of a subject, if it is one.
    pub(super) fn of(subject: &Subject<'a>) -> Option<Self> {
        let Message::Hello(hello) = subject.message else {
            return None;
        };
        let protocols = hello.protocols().take(MAX_ENTRIES);
        Some(Self {
            sni: hello.server_name().map(Text),
            client_version: hello.version.name(),
            client_alpns: protocols.map(Protocol::of).collect(),
        })
    }
}

impl<'a> Protocol<'a> {
    fn of(protocol: &'a [u8]) -> Self {
        match std::str::from_utf8(protocol) {
            Ok(text) => Self::Text(Text(text)),
            Err(_) => Self::Hex(Hex(protocol)),
        }
    }
}
