//! What a client is told on its server's behalf when Weir refuses: no, and that the connection is over
//! (RFC 8323 §5.6).

use wire::Direction;
use wire::coap::tcp::Message;
use wire::coap::{Code, encode};

use super::Session;
use crate::tcp::REFUSAL_BYTES;

/// The refusal of `message`, or of bytes that are none, by the code of a rule if it names one.
pub(super) fn of(
    message: Option<&Message<'_>>,
    direction: Direction,
    session: &Session,
    code: Option<Code>,
) -> Vec<u8> {
    let mut out = Vec::new();
    // The first word of a server has to be what it takes (RFC 8323 §5.3).
    if session.ends[Direction::ToClient as usize].is_opening() {
        encode::tcp(&mut out, Code::CSM, &[], |_| {});
    }
    if let Some(message) = message {
        let no = match direction {
            Direction::ToServer if message.code().is_request() => Some(Code::FORBIDDEN),
            Direction::ToClient if message.code().is_response() => Some(Code::SERVICE_UNAVAILABLE),
            _ => None,
        };
        if let Some(usual) = no {
            let no = code.unwrap_or(usual);
            encode::tcp(&mut out, no, message.token(), |_| {});
        }
    }
    encode::tcp(&mut out, Code::ABORT, &[], |_| {});
    if out.len() > REFUSAL_BYTES {
        out.clear();
    }
    out
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;
    use wire::Decoded;

    use super::*;
    use crate::hashing::hashing;

    fn refusal(bytes: &[u8], direction: Direction, is_open: bool) -> Vec<u8> {
        let read = |bytes| match Message::decode(bytes) {
            Ok(Decoded::Complete { message, .. }) => message,
            other => panic!("{other:?}"),
        };
        let mut session = Session::new();
        if is_open {
            session.ends[Direction::ToClient as usize]
                .note_sent(&hashing(1), &read(&hex!("00 e1")));
        }
        of(Some(&read(bytes)), direction, &session, None)
    }

    #[test]
    fn a_refusal_answers_the_request_and_ends_the_connection() {
        let get = hex!("02 01 aabb");
        let to_server = Direction::ToServer;
        assert_eq!(refusal(&get, to_server, true), hex!("02 83 aabb  00 e5"));
        assert_eq!(
            refusal(&get, to_server, false),
            hex!("00 e1  02 83 aabb  00 e5")
        );
        assert_eq!(refusal(&hex!("00 e2"), to_server, true), hex!("00 e5"));
        let content = hex!("02 45 aabb");
        let to_client = Direction::ToClient;
        assert_eq!(
            refusal(&content, to_client, true),
            hex!("02 a3 aabb  00 e5")
        );
        assert_eq!(
            of(None, to_server, &Session::midstream(), None),
            hex!("00 e5")
        );
    }

    #[test]
    fn a_rule_s_code_takes_the_place_of_the_usual_one() {
        let Ok(Decoded::Complete { message, .. }) = Message::decode(&hex!("02 04 aabb")) else {
            panic!("a request");
        };
        let code = Some(Code::METHOD_NOT_ALLOWED);
        let refusal = of(
            Some(&message),
            Direction::ToServer,
            &Session::midstream(),
            code,
        );
        assert_eq!(refusal, hex!("02 85 aabb  00 e5"));
    }

    #[test]
    fn a_refusal_too_long_for_one_segment_is_left_out() {
        let mut get = Vec::new();
        encode::tcp(&mut get, Code::GET, &[7; REFUSAL_BYTES], |_| {});
        assert!(refusal(&get, Direction::ToServer, true).is_empty());
    }
}
