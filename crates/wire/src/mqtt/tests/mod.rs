//! Tests over all control packets: every violation once, every prefix, hostile bytes, round trips.

mod golden;
mod hostile;
mod relations;
mod round_trip;
mod violations;

use super::{ControlPacket, Malformed, Version};
use crate::{Decoded, Direction};

pub(crate) const C2S: Direction = Direction::ToServer;
pub(crate) const S2C: Direction = Direction::ToClient;

/// A packet, whose session it belongs to, and who sends it.
pub(crate) type Sample = (Version, Direction, &'static [u8]);

/// Decodes a whole packet, and asserts that every proper prefix of it is incomplete.
pub(crate) fn complete(version: Version, direction: Direction, input: &[u8]) -> ControlPacket<'_> {
    for end in 0..input.len() {
        match ControlPacket::decode(&input[..end], version, direction) {
            Ok(Decoded::Incomplete { need }) => {
                assert!(
                    need > end && need <= input.len(),
                    "{input:02x?} to {end}: {need}"
                );
            }
            other => panic!("{input:02x?} to {end}: {other:?}"),
        }
    }
    match ControlPacket::decode(input, version, direction) {
        Ok(Decoded::Complete { message, len }) => {
            assert_eq!(len, input.len(), "{input:02x?}");
            message
        }
        other => panic!("{input:02x?}: {other:?}"),
    }
}

/// Decodes what must be refused.
pub(crate) fn refused(version: Version, direction: Direction, input: &[u8]) -> Malformed {
    match ControlPacket::decode(input, version, direction) {
        Err(malformed) => malformed,
        other => panic!("{input:02x?}: {other:?}"),
    }
}
