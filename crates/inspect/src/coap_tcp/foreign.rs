//! What an end speaks that doesn't begin as CoAP does, as far as the bytes at hand show.
//!
//! A CoAP message may begin with any byte, so that nobody is asked before the first one is found to be no CSM. The
//! segment at hand has to do: to wait for more would let through what is to be stopped.

use policy::Reason;
use wire::Direction;
use wire::greeting::{self, GREETING_BYTES, Probe, Spoken};

use crate::greeting::named_in_full;

/// The protocol names of a CONNECT, behind a remaining length of one to four bytes (MQTT 3.1.1 §3.1.2.1).
const MQTT_NAMES: [&[u8]; 2] = [b"\0\x04MQTT", b"\0\x06MQIsdp"];

/// What speaks in the place of CoAP, if it is one of those that are named.
#[cold]
pub(super) fn reason_against(bytes: &[u8], direction: Direction) -> Option<Reason> {
    let beginning = &bytes[..bytes.len().min(GREETING_BYTES)];
    let Probe::Is(spoken) = greeting::probe(beginning, direction) else {
        return None;
    };
    Some(match named_in_full(spoken, bytes) {
        Spoken::Mqtt if is_connect(beginning) => Reason::COAP_WRONG_PROTOCOL_MQTT,
        Spoken::Tls => Reason::COAP_WRONG_PROTOCOL_TLS,
        Spoken::WebSocket => Reason::COAP_WRONG_PROTOCOL_WEBSOCKET,
        Spoken::Http => Reason::COAP_WRONG_PROTOCOL_HTTP,
        Spoken::Ssh => Reason::COAP_WRONG_PROTOCOL_SSH,
        _ => return None,
    })
}

fn is_connect(beginning: &[u8]) -> bool {
    let mut behind_length = (2..=5).filter_map(|len| beginning.get(len..));
    behind_length.any(|rest| MQTT_NAMES.iter().any(|name| rest.starts_with(name)))
}
