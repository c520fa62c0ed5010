//! Finding a control packet's boundary in a connection older than the gateway.
//!
//! A client writes whole control packets, and its stack sends what was written, so that most segments
//! of a quiet connection start at a boundary. One that reads as control packets from its first byte to
//! its last, of types that may travel this way, is taken for one: the odds that the middle of a
//! payload does are small, and the worst of it is a wrong verdict on a flow nobody could inspect.

use wire::mqtt::{ControlPacket, Version};
use wire::{Decoded, Direction};

/// Versions to try after the one last heard of, the commonest first.
const VERSIONS: [Version; 3] = [Version::V311, Version::V5, Version::V31];

/// The version in which `bytes` are whole control packets, if they are.
pub(super) fn version_of(bytes: &[u8], likely: Version, direction: Direction) -> Option<Version> {
    let mut versions = [likely].into_iter().chain(VERSIONS);
    versions.find(|version| are_packets(bytes, *version, direction))
}

fn are_packets(mut bytes: &[u8], version: Version, direction: Direction) -> bool {
    while !bytes.is_empty() {
        match ControlPacket::decode(bytes, version, direction) {
            Ok(Decoded::Complete { message, len })
                if message.packet_type().sent_by(direction, version) =>
            {
                bytes = &bytes[len..];
            }
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    #[test]
    fn whole_packets_are_found_in_their_version() {
        let v311 = hex!("30 05 0001 61 6869  c000");
        let found = |bytes: &[u8]| version_of(bytes, Version::V311, Direction::ToServer);
        assert_eq!(found(&v311), Some(Version::V311));
        // A QoS 1 SUBSCRIBE with an empty property list reads as 5.0 only.
        let v5 = hex!("82 07 0001 00 0001 61 01");
        assert_eq!(found(&v5), Some(Version::V5));
    }

    #[test]
    fn the_middle_of_something_is_not() {
        let found = |bytes: &[u8]| version_of(bytes, Version::V311, Direction::ToServer);
        assert_eq!(found(&hex!("30 05 0001 61 68")), None);
        assert_eq!(found(&hex!("30 05 0001 61 6869 c0")), None);
        assert_eq!(found(b"temperature=21.5"), None);
        // Only a server sends this one.
        assert_eq!(found(&hex!("d000")), None);
    }
}
