//! What an end speaks that doesn't begin as CoAP does, as far as the bytes at hand show.
//!
//! A CoAP message may begin with any byte, so that nobody is asked before the first one is found to be no CSM. The
//! segment at hand has to do: to wait for more would let through what is to be stopped.

use policy::Reason;
use wire::Direction;
use wire::greeting::{self, GREETING_BYTES, Probe, Spoken};

/// The protocol names of a CONNECT, behind a remaining length of one to four bytes (MQTT 3.1.1 §3.1.2.1).
const MQTT_NAMES: [&[u8]; 2] = [b"\0\x04MQTT", b"\0\x06MQIsdp"];

/// What speaks in the place of CoAP, if it is one of those that are named.
#[cold]
pub(super) fn reason_against(bytes: &[u8], direction: Direction) -> Option<Reason> {
    let beginning = &bytes[..bytes.len().min(GREETING_BYTES)];
    match greeting::probe(beginning, direction) {
        Probe::Is(Spoken::Mqtt) if is_connect(beginning) => Some(Reason::COAP_WRONG_PROTOCOL_MQTT),
        Probe::Is(Spoken::Tls) => Some(Reason::COAP_WRONG_PROTOCOL_TLS),
        Probe::Is(Spoken::Http) if greeting::asks_for_websocket(bytes) => {
            Some(Reason::COAP_WRONG_PROTOCOL_WEBSOCKET)
        }
        Probe::Is(Spoken::Http) => Some(Reason::COAP_WRONG_PROTOCOL_HTTP),
        Probe::Is(Spoken::Ssh) => Some(Reason::COAP_WRONG_PROTOCOL_SSH),
        _ => None,
    }
}

fn is_connect(beginning: &[u8]) -> bool {
    let behind_length = (2..=5).filter_map(|len| beginning.get(len..));
    let is_named = |rest: &[u8]| MQTT_NAMES.iter().any(|name| rest.starts_with(name));
    behind_length.into_iter().any(is_named)
}
