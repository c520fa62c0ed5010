//! CoAP messages for tests, as bytes: the encoder of `wire` without its buffer.

use wire::coap::{Code, Type, encode::Builder, number};

/// A confirmable request for a path such as `sensors/temperature`.
#[must_use]
pub fn request(code: Code, message_id: u16, token: &[u8], path: &str, payload: &[u8]) -> Vec<u8> {
    message(Type::Confirmable, code, message_id, token, |builder| {
        builder.path(number::URI_PATH, path).payload(payload);
    })
}

/// A confirmable GET.
#[must_use]
pub fn get(message_id: u16, token: &[u8], path: &str) -> Vec<u8> {
    request(Code::GET, message_id, token, path, &[])
}

/// A confirmable GET that registers an observation.
#[must_use]
pub fn observe(message_id: u16, token: &[u8], path: &str) -> Vec<u8> {
    message(Type::Confirmable, Code::GET, message_id, token, |builder| {
        builder
            .uint(number::OBSERVE, 0)
            .path(number::URI_PATH, path)
            .payload(&[]);
    })
}

/// A response in an acknowledgement.
#[must_use]
pub fn response(code: Code, message_id: u16, token: &[u8], payload: &[u8]) -> Vec<u8> {
    message(Type::Acknowledgement, code, message_id, token, |builder| {
        builder.payload(payload)
    })
}

/// An empty message: a ping, an acknowledgement or a reset.
#[must_use]
pub fn empty(message_type: Type, message_id: u16) -> Vec<u8> {
    message(message_type, Code::EMPTY, message_id, &[], |_| {})
}

/// A message with whatever options and payload `build` gives it.
#[must_use]
pub fn message(
    message_type: Type,
    code: Code,
    message_id: u16,
    token: &[u8],
    build: impl FnOnce(Builder<'_>),
) -> Vec<u8> {
    let mut out = Vec::new();
    build(Builder::new(
        &mut out,
        message_type,
        code,
        message_id,
        token,
    ));
    out
}

#[cfg(test)]
mod tests {
    use wire::coap::Message;

    use super::*;

    #[test]
    fn every_builder_writes_a_message_that_says_so() {
        let bytes = get(1, b"t", "a/b");
        let decoded = Message::decode(&bytes).unwrap();
        assert_eq!(decoded.uri_path().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((decoded.code(), decoded.token()), (Code::GET, &b"t"[..]));
        let bytes = observe(1, b"t", "");
        let decoded = Message::decode(&bytes).unwrap();
        assert_eq!(
            (decoded.observe(), decoded.uri_path().count()),
            (Some(0), 0)
        );
        let bytes = response(Code::CONTENT, 1, b"t", b"21.5");
        assert_eq!(Message::decode(&bytes).unwrap().payload(), b"21.5");
        assert!(
            Message::decode(&empty(Type::Reset, 1))
                .unwrap()
                .code()
                .is_empty()
        );
    }
}
