//! Requests as they go on to their server where they can't as they are: without an Echo option of ours, or asking for
//! a larger block.
//!
//! Echo is elective and most servers would skip it, but one that issues its own must not take
//! ours for a stale one of its own (RFC 9175 §2.3). Everything else keeps its order and bytes, so a
//! retransmission comes out the same and the server still recognises it.

use wire::coap::encode::Builder;
use wire::coap::{Message, number};

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Changes {
    pub(super) without_echo: bool,
    /// The value of the Block2 option that takes the place of its own.
    pub(super) block2: Option<u32>,
}

/// The message with these changes. It gets no longer, for the number of a larger block is smaller.
pub(super) fn rewritten(message: &Message<'_>, len: usize, changes: Changes) -> Vec<u8> {
    let mut rewritten = Vec::with_capacity(len);
    let builder = Builder::new(
        &mut rewritten,
        message.message_type(),
        message.code(),
        message.message_id(),
        message.token(),
    );
    message
        .options()
        .filter(|option| !changes.without_echo || option.number != number::ECHO)
        .fold(builder, |builder, option| match changes.block2 {
            Some(value) if option.number == number::BLOCK2 => builder.uint(option.number, value),
            _ => builder.option(option.number, option.value),
        })
        .payload(message.payload());
    rewritten
}

#[cfg(test)]
mod tests {
    use wire::coap::{Code, Type};

    use super::*;

    fn request(build: impl FnOnce(Builder<'_>)) -> Vec<u8> {
        let mut message = Vec::new();
        let builder = Builder::new(&mut message, Type::Confirmable, Code::PUT, 0x1234, &[7, 8]);
        build(builder);
        message
    }

    fn stripped(datagram: &[u8]) -> Vec<u8> {
        let changes = Changes {
            without_echo: true,
            block2: None,
        };
        rewritten(&Message::decode(datagram).unwrap(), datagram.len(), changes)
    }

    #[test]
    fn options_after_it_keep_their_numbers() {
        let with = request(|builder| {
            builder
                .path(number::URI_PATH, "a/b")
                .uint(number::BLOCK1, 0x0e)
                .option(number::ECHO, &[1; 9])
                .uint(number::NO_RESPONSE, 2)
                .option(number::REQUEST_TAG, &[5, 5])
                .payload(&[9; 1024]);
        });
        let without = request(|builder| {
            builder
                .path(number::URI_PATH, "a/b")
                .uint(number::BLOCK1, 0x0e)
                .uint(number::NO_RESPONSE, 2)
                .option(number::REQUEST_TAG, &[5, 5])
                .payload(&[9; 1024]);
        });
        assert_eq!(stripped(&with), without);
    }

    #[test]
    fn a_message_is_never_longer_afterwards() {
        for number in 252..=1000u16 {
            let with = request(|builder| {
                let builder = builder.option(number::ECHO, &[1; 6]);
                if number != number::ECHO {
                    builder.option(number, &[0]);
                }
            });
            if Message::decode(&with).is_err() {
                continue;
            }
            assert!(stripped(&with).len() + 6 <= with.len());
        }
    }

    #[test]
    fn a_message_without_one_stays_as_it_is() {
        let message = request(|builder| builder.path(number::URI_PATH, "x").payload(b"y"));
        assert_eq!(stripped(&message), message);
    }

    #[test]
    fn a_larger_block_is_asked_for_in_its_place() {
        let ask = |value| {
            request(|builder| {
                builder
                    .option(number::ETAG, b"v1")
                    .path(number::URI_PATH, "a")
                    .uint(number::BLOCK2, value)
                    .uint(number::SIZE2, 0);
            })
        };
        let changes = Changes {
            without_echo: false,
            block2: Some(1 << 4 | 6),
        };
        for small in [0x400, 0x408, 0x405] {
            let bytes = ask(small);
            let message = Message::decode(&bytes).unwrap();
            assert_eq!(rewritten(&message, bytes.len(), changes), ask(0x16));
        }
    }
}
