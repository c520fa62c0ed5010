//! What the options of a message say that matters here, read in one walk.

use std::hash::Hasher;

use wire::coap::{Block, Message, Opt, number};

use super::blocks::want::Wants;
use super::exchange::observation::Observe;

/// The options an exchange depends on.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Facts<'a> {
    /// Echo (RFC 9175 §2.2).
    pub(super) echo: Option<&'a [u8]>,
    /// Observe (RFC 7641 §2), whatever its value.
    pub(super) observe: Option<u32>,
    /// The first ETag (RFC 7252 §5.10.6): of a response, the only one.
    pub(super) etag: Option<&'a [u8]>,
    /// Block1 and Block2 (RFC 7959 §2).
    pub(super) block1: Option<Block>,
    pub(super) block2: Option<Block>,
    /// Whether it has Block1 or Q-Block1.
    pub(super) uploads: bool,
    /// Of a request: whether several responses may come of it, the blocks of Q-Block (RFC 9177 §4.4), or the
    /// answers of a group that a proxy asks (RFC 7252 §8.2.2).
    pub(super) draws_several: bool,
    /// The first segment of the path.
    segment: Option<&'a [u8]>,
    /// Of a request: a number for its path.
    pub(super) path: u64,
    /// Of a request: a number for all other options but those that only say how it is to be answered:
    /// in which block, with or without notifications, after what proof.
    pub(super) rest: u64,
}

impl<'a> Facts<'a> {
    #[inline]
    pub(super) fn of(message: &Message<'a>, wants: &Wants) -> Self {
        let mut facts = Self::default();
        let is_request = message.code().is_request();
        let [mut path, mut rest] = [(); 2].map(|()| wants.hasher());
        let mut note = |option: Opt<'_>| {
            if is_request {
                rest.write_u128(option.number.into());
                rest.write(option.value);
            }
        };
        for option in message.options() {
            match option.number {
                number::OBSERVE => facts.observe = option.as_uint(),
                number::ETAG => {
                    facts.etag = facts.etag.or(Some(option.value));
                    note(option);
                }
                number::BLOCK1 => {
                    facts.block1 = option.as_block();
                    facts.uploads = true;
                }
                number::Q_BLOCK1 | number::Q_BLOCK2 => {
                    facts.uploads |= option.number == number::Q_BLOCK1;
                    facts.draws_several = true;
                    note(option);
                }
                number::PROXY_URI | number::PROXY_SCHEME => {
                    facts.draws_several = true;
                    note(option);
                }
                number::BLOCK2 => facts.block2 = option.as_block(),
                number::ECHO => facts.echo = Some(option.value),
                number::URI_PATH => {
                    facts.segment = facts.segment.or(Some(option.value));
                    path.write(option.value);
                }
                _ => note(option),
            }
        }
        (facts.path, facts.rest) = (path.finish(), rest.finish());
        facts
    }

    /// Whether a block-wise transfer goes on with it.
    pub(super) fn goes_on(&self) -> bool {
        let blocks = [self.block1, self.block2];
        blocks.into_iter().flatten().any(|block| block.number > 0)
    }

    /// Whether a request is for what any server may have: its root, or what is well known (RFC 8615).
    pub(super) fn asks_anybody(&self) -> bool {
        self.segment.is_none_or(|segment| segment == b".well-known")
    }

    /// Where the block that a response carries, or a request asks for, begins in its body.
    pub(super) fn offset(&self) -> u64 {
        self.block2.map_or(0, Block::offset)
    }

    /// What a request wants to observe. Values without a meaning are as if they weren't there.
    pub(super) fn asks_to_observe(&self) -> Option<Observe> {
        match self.observe? {
            0 => Some(Observe::Register),
            1 => Some(Observe::Deregister),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::coap::encode::Builder;
    use wire::coap::{Code, Type};

    use super::*;

    fn facts(bytes: &[u8]) -> Facts<'_> {
        Facts::of(&Message::decode(bytes).unwrap(), &Wants::new(1))
    }

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
            let facts = facts(&bytes);
            assert_eq!(facts.asks_to_observe(), expected);
            assert_eq!(facts.observe, Some(value));
        }
    }

    #[test]
    fn a_transfer_goes_on_after_its_first_block() {
        for (block, expected) in [(0x06, false), (0x16, true)] {
            for option in [number::BLOCK1, number::BLOCK2] {
                let bytes = message(|builder| builder.uint(option, block));
                let facts = facts(&bytes);
                assert_eq!(facts.goes_on(), expected);
            }
        }
    }

    #[test]
    fn any_server_has_a_root_and_what_is_well_known() {
        for (path, expected) in [
            ("", true),
            (".well-known/core", true),
            ("5/0/0", false),
            ("rd/.well-known", false),
        ] {
            let bytes = message(|builder| builder.path(number::URI_PATH, path));
            let facts = facts(&bytes);
            assert_eq!(facts.asks_anybody(), expected, "{path}");
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
        let facts = facts(&bytes);
        assert_eq!(facts.echo, Some(&[7; 6][..]));
    }
}
