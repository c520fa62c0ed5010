//! Finding a message's boundary in a connection older than the gateway.
//!
//! As for MQTT, a segment that reads as whole messages from its first byte to its last is taken for
//! messages. The framing says less of itself here, so that they have to be known codes with nothing odd
//! about them, and not all empty.

use wire::Decoded;
use wire::coap::tcp::Message;

/// Whether `bytes` are whole messages.
pub(super) fn are_messages(mut bytes: &[u8]) -> bool {
    let mut said = false;
    while !bytes.is_empty() {
        match Message::decode(bytes) {
            Ok(Decoded::Complete { message, len }) if message.anomalies().is_empty() => {
                said |= !message.code().is_empty();
                bytes = &bytes[len..];
            }
            _ => return false,
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    #[test]
    fn whole_messages_are_found() {
        assert!(are_messages(&hex!("01 01 aa")));
        assert!(are_messages(&hex!("00 00  00 e2  41 45 aa c0 ff 3139")));
    }

    #[test]
    fn the_middle_of_something_is_not() {
        assert!(!are_messages(&hex!("00 00 00 00")));
        assert!(!are_messages(&hex!("41 45 aa c0 ff 31")));
        assert!(!are_messages(&hex!("01 01 aa 01")));
        assert!(!are_messages(b"temperature=21.5"));
        assert!(!are_messages(&[]));
    }
}
