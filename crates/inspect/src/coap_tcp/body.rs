//! What makes a body, as a number: the one that a request uploads, and the one that answers it.

use std::hash::{BuildHasher, Hasher};

use wire::coap::{Content, number};

use crate::hashing::Hashing;

/// What an upload is known by: its method, what it writes to, and its Request-Tag (RFC 9175 §3).
pub(super) fn uploaded(hashing: &Hashing, request: &Content<'_>) -> u64 {
    digest(hashing, request, |option| {
        matches!(
            option,
            number::URI_HOST
                | number::URI_PORT
                | number::URI_PATH
                | number::URI_QUERY
                | number::REQUEST_TAG
        )
    })
}

/// What the body of a response is known by: all that was asked for. Which block of it, and whether to be
/// notified, makes no difference (RFC 7252 §5.4.2, RFC 7959 §2.4).
pub(super) fn wanted(hashing: &Hashing, request: &Content<'_>) -> u64 {
    digest(hashing, request, |option| {
        !matches!(
            option,
            number::OBSERVE | number::BLOCK1 | number::BLOCK2 | number::ECHO
        )
    })
}

fn digest(hashing: &Hashing, request: &Content<'_>, names_body: impl Fn(u16) -> bool) -> u64 {
    let mut hasher = hashing.build_hasher();
    hasher.write_u8(request.code().0);
    for option in request.options() {
        if names_body(option.number) {
            hasher.write_u64(u64::from(option.number) << 32 | option.value.len() as u64);
            hasher.write(option.value);
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use wire::Decoded;
    use wire::coap::Code;
    use wire::coap::encode::{self, Builder};
    use wire::coap::tcp::Message;

    use super::*;
    use crate::hashing::hashing;

    const A: (u16, &[u8]) = (number::URI_PATH, b"a");

    /// The numbers of a request with these options: of what it uploads, and of what it asks for.
    fn bodies(code: Code, options: &[(u16, &[u8])]) -> [u64; 2] {
        let mut bytes = Vec::new();
        encode::tcp(&mut bytes, code, &[1], |builder: Builder<'_>| {
            options.iter().fold(builder, |builder, (number, value)| {
                builder.option(*number, value)
            });
        });
        let Ok(Decoded::Complete { message, .. }) = Message::decode(&bytes) else {
            panic!("a message");
        };
        let hashing = hashing(1);
        [uploaded(&hashing, &message), wanted(&hashing, &message)]
    }

    #[test]
    fn how_it_is_transferred_makes_no_other_body() {
        let plain = bodies(Code::GET, &[A]);
        for option in [number::BLOCK2, number::BLOCK1, number::ECHO] {
            assert_eq!(bodies(Code::GET, &[A, (option, &[2])]), plain);
        }
        assert_eq!(bodies(Code::GET, &[(number::OBSERVE, b""), A]), plain);
    }

    #[test]
    fn everything_else_does() {
        let wanted = [
            bodies(Code::GET, &[A]),
            bodies(Code::PUT, &[A]),
            bodies(Code::GET, &[(number::URI_PATH, b"b")]),
            bodies(Code::GET, &[A, (number::URI_PATH, b"")]),
            bodies(
                Code::GET,
                &[(number::URI_PATH, b"ab"), (number::URI_PATH, b"c")],
            ),
            bodies(Code::GET, &[A, (number::URI_PATH, b"bc")]),
            bodies(Code::GET, &[A, (number::URI_QUERY, b"q")]),
            bodies(Code::GET, &[A, (number::REQUEST_TAG, b"1")]),
            bodies(Code::GET, &[A, (number::ACCEPT, &[50])]),
        ];
        let count = |at: usize| {
            wanted
                .iter()
                .map(|bodies| bodies[at])
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(count(1).len(), wanted.len());
        // What an upload is to be answered with is no part of it.
        assert_eq!(count(0).len(), wanted.len() - 1);
    }
}
