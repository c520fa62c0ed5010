//! Takes an Echo option of ours out of a request before its server sees it.
//!
//! The option is elective and most servers would skip it, but one that issues its own must not take
//! ours for a stale one of its own (RFC 9175 §2.3). Everything else keeps its order and bytes, so a
//! retransmission comes out the same and the server still recognises it.

use wire::coap::encode::Builder;
use wire::coap::{Message, number};

/// The message without its Echo option, which is at least three bytes shorter.
pub(crate) fn without_echo(message: &Message<'_>, len: usize) -> Vec<u8> {
    let mut stripped = Vec::with_capacity(len);
    let builder = Builder::new(
        &mut stripped,
        message.message_type(),
        message.code(),
        message.message_id(),
        message.token(),
    );
    message
        .options()
        .filter(|option| option.number != number::ECHO)
        .fold(builder, |builder, option| {
            builder.option(option.number, option.value)
        })
        .payload(message.payload());
    stripped
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
        without_echo(&Message::decode(datagram).unwrap(), datagram.len())
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
            let Ok(message) = Message::decode(&with) else {
                continue;
            };
            assert!(without_echo(&message, with.len()).len() + 6 <= with.len());
        }
    }

    #[test]
    fn a_message_without_one_stays_as_it_is() {
        let message = request(|builder| builder.path(number::URI_PATH, "x").payload(b"y"));
        assert_eq!(stripped(&message), message);
    }
}
