//! CoAP messages, and who decodes them: Weir with all its checks, and two well-kept crates.

use std::hint::black_box;

use coap_message::{MessageOption as _, ReadableMessage as _};
use hex_literal::hex;
use weir_wire::coap::Message;

/// Messages as devices send them.
#[rustfmt::skip]
pub(crate) const MESSAGES: &[(&str, &[u8])] = &[
    // GET /.well-known/core with a token of two bytes.
    ("get", &hex!("42010203 abcd bb2e77656c6c2d6b6e6f776e 04636f7265")),
    // 2.05 in an ACK: Content-Format and a reading.
    ("content", &hex!("62450203 abcd c0 ff 32312e35")),
    // A notification: Observe, Content-Format, Max-Age, a token of eight bytes.
    ("notification", &hex!("58450405 0102030405060708 6301e240 61 32 2178 ff 7b2274223a32312e357d")),
    // PUT /firmware/image?v=2, a block of 64 bytes.
    ("block", &hex!("44030607 01020304 b86669726d77617265 05696d616765 11 2a 33763d32 c1 2a ff
        00000000000000000000000000000000000000000000000000000000000000000000000000000000
        000000000000000000000000000000000000000000000000")),
    // An empty acknowledgement.
    ("empty", &hex!("60000203")),
];

/// Reads a message, and says whether it could.
pub(crate) type Decoder = (&'static str, fn(&[u8]) -> bool);

pub(crate) const DECODERS: &[Decoder] = &[
    ("weir", weir),
    ("coap-lite", coap_lite),
    ("coap-message", coap_message),
];

/// One walk: header, options against the registry, text, blocks, what may not stand together.
fn weir(datagram: &[u8]) -> bool {
    Message::decode(black_box(datagram)).is_ok()
}

/// Copies token, options and payload, and checks the framing of options.
fn coap_lite(datagram: &[u8]) -> bool {
    coap_lite::Packet::from_bytes(black_box(datagram)).is_ok()
}

/// A view without checks: the header is cut off here, and each option looked at once.
fn coap_message(datagram: &[u8]) -> bool {
    let datagram = black_box(datagram);
    let Some((&[first, code, _, _], rest)) = datagram.split_first_chunk() else {
        return false;
    };
    let Some(body) = rest.get(usize::from(first & 0x0f)..) else {
        return false;
    };
    let message = coap_message_implementations::inmemory::Message::new_from_slice(code, body);
    for option in message.options() {
        black_box((option.number(), option.value()));
    }
    black_box(message.payload());
    true
}
