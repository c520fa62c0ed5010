//! What the options of a message say that matters here, read in one walk.

use wire::coap::{Message, number};

use super::observation::Observe;

/// The options an exchange depends on.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Facts<'a> {
    /// Echo (RFC 9175 §2.2).
    pub(super) echo: Option<&'a [u8]>,
    /// Observe (RFC 7641 §2), whatever its value.
    observe: Option<u32>,
    /// Whether a block-wise transfer goes on with it (RFC 7959 §2).
    pub(super) goes_on: bool,
}

impl<'a> Facts<'a> {
    pub(super) fn of(message: &Message<'a>) -> Self {
        let mut facts = Self::default();
        for option in message.options() {
            match option.number {
                number::OBSERVE => facts.observe = option.as_uint(),
                number::BLOCK1 | number::BLOCK2 => {
                    facts.goes_on |= option.as_block().is_some_and(|block| block.number > 0);
                }
                number::ECHO => facts.echo = Some(option.value),
                _ => {}
            }
        }
        facts
    }

    /// What a request wants to observe. Values without a meaning are as if they weren't there.
    pub(super) fn asks_to_observe(&self) -> Option<Observe> {
        match self.observe? {
            0 => Some(Observe::Register),
            1 => Some(Observe::Deregister),
            _ => None,
        }
    }

    /// Whether a response has a sequence number: it grants a registration, or is a notification.
    pub(super) fn is_in_sequence(&self) -> bool {
        self.observe.is_some()
    }
}

#[cfg(test)]
mod tests {
    use wire::coap::encode::Builder;
    use wire::coap::{Code, Type};

    use super::*;

    fn message(build: impl FnOnce(Builder<'_>) -> Builder<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        build(Builder::new(&mut out, Type::Confirmable, Code::GET, 1, &[]));
        out
    }

    #[test]
    fn observe_has_two_values_in_a_request() {
        for (value, expected) in [
            (0, Some(Observe::Register)),
            (1, Some(Observe::Deregister)),
            (2, None),
        ] {
            let bytes = message(|builder| builder.uint(number::OBSERVE, value));
            let facts = Facts::of(&Message::decode(&bytes).unwrap());
            assert_eq!(facts.asks_to_observe(), expected);
            assert!(facts.is_in_sequence());
        }
    }

    #[test]
    fn a_transfer_goes_on_after_its_first_block() {
        for (block, expected) in [(0x06, false), (0x16, true)] {
            for option in [number::BLOCK1, number::BLOCK2] {
                let bytes = message(|builder| builder.uint(option, block));
                let facts = Facts::of(&Message::decode(&bytes).unwrap());
                assert_eq!(facts.goes_on, expected);
            }
        }
    }

    #[test]
    fn echo_is_found_among_others() {
        let bytes = message(|builder| {
            builder
                .path(number::URI_PATH, "a/b")
                .option(number::ECHO, &[7; 6])
                .uint(number::NO_RESPONSE, 2)
        });
        let facts = Facts::of(&Message::decode(&bytes).unwrap());
        assert_eq!(facts.echo, Some(&[7; 6][..]));
    }
}
