//! Entry points for fuzzers: arbitrary bytes in, invariants asserted.

use super::encode::Builder;
use super::{Content, Message, encode, tcp};
use crate::Decoded;

/// Decodes a datagram, calls every accessor, and encodes the message again: CoAP has one form for
/// everything but the value of a number, so the bytes come out the same.
///
/// # Panics
/// When they don't, or when an accessor fails on what was accepted.
pub fn fuzz_message(data: &[u8]) {
    let message = match Message::decode(data) {
        Ok(message) => message,
        Err(malformed) => {
            assert!(malformed.code().starts_with("coap.malformed."));
            return;
        }
    };
    let mut out = Vec::with_capacity(data.len());
    let builder = Builder::new(
        &mut out,
        message.message_type(),
        message.code(),
        message.message_id(),
        message.token(),
    );
    message
        .options()
        .fold(builder, |builder, option| {
            builder.option(option.number, option.value)
        })
        .payload(message.payload());
    assert_eq!(out, data);
    visit(&message);
}

/// Decodes the message at the start of a stream, calls every accessor, and encodes it again: the same
/// bytes, since a length has one form. Its beginnings are incomplete, or say the same.
///
/// # Panics
/// When one of these doesn't hold.
pub fn fuzz_stream(data: &[u8]) {
    let (message, len) = match tcp::Message::decode(data) {
        Ok(Decoded::Complete { message, len }) => (message, len),
        Ok(Decoded::Incomplete { need }) => {
            assert!(need > data.len());
            return;
        }
        Err(malformed) => {
            assert!(malformed.code().starts_with("coap.malformed."));
            return;
        }
    };
    let mut out = Vec::with_capacity(len);
    encode::tcp(&mut out, message.code(), message.token(), |builder| {
        message
            .options()
            .fold(builder, |builder, option| {
                builder.option(option.number, option.value)
            })
            .payload(message.payload());
    });
    assert_eq!(out, &data[..len]);
    visit(&message);
    for end in 0..len {
        let shorter = tcp::Message::decode(&data[..end]);
        assert!(matches!(shorter, Ok(Decoded::Incomplete { need }) if need > end && need <= len));
        if let Ok(Decoded::Complete {
            message: prefix, ..
        }) = tcp::Message::decode_prefix(&data[..end])
        {
            assert!(prefix.options().eq(message.options()));
            assert_eq!(prefix.payload_len(), message.payload_len());
        }
    }
}

/// Calls everything that promises not to fail.
fn visit(message: &Content<'_>) {
    let options = message.options().count();
    assert!(message.uri_path().count() + message.uri_query().count() <= options);
    assert!(
        message
            .uri_path()
            .all(|segment| segment != "." && segment != "..")
    );
    assert!(
        message
            .echo()
            .is_none_or(|echo| (1..=40).contains(&echo.len()))
    );
    for block in [message.block1(), message.block2()].into_iter().flatten() {
        assert!((16..=1024).contains(&block.size()) && block.number < 1 << 20);
    }
    assert!(message.observe().is_none_or(|sequence| sequence < 1 << 24));
    assert!(message.no_response().is_none_or(|classes| classes < 1 << 8));
    assert!(
        message
            .content_format()
            .is_none_or(|format| format < 1 << 16)
    );
    assert!(message.anomalies().iter().count() <= super::Anomaly::ALL.len());
}
