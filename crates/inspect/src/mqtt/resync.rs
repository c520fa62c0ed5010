//! Finding a control packet's boundary in a connection older than the gateway.
//!
//! A client writes whole control packets, and its stack sends what was written, so that most segments
//! of a quiet connection start at a boundary. One that reads as control packets from its first byte to
//! its last, of types that may travel this way, is taken for one: the odds that the middle of a
//! payload does are small, and the worst of it is a wrong verdict on a flow nobody could inspect.
//!
//! A busy one fills its segments wherever packets end. There, several PUBLISHes that stand one behind the
//! other show where the first of them begins. Nothing shorter would do: the values of a sensor, written as
//! words, read as `PINGREQ` or `PUBACK` again and again.

use wire::mqtt::{ControlPacket, PacketType, Version};
use wire::{Decoded, Direction};

/// Versions to try after the one last heard of, the commonest first.
const VERSIONS: [Version; 3] = [Version::V311, Version::V5, Version::V31];

/// How many PUBLISHes have to follow each other.
const IN_A_ROW: usize = 3;

/// Where in `bytes` a control packet begins, and in which version, if that can be told.
pub(super) fn boundary(
    bytes: &[u8],
    likely: Version,
    direction: Direction,
) -> Option<(usize, Version)> {
    if let Some(version) = version_of(bytes, likely, direction) {
        return Some((0, version));
    }
    (0..bytes.len()).find_map(|at| {
        let from = &bytes[at..];
        let version = versions(likely).find(|version| are_publishes(from, *version, direction));
        Some((at, version?))
    })
}

/// The version in which `bytes` are whole control packets, if they are.
pub(super) fn version_of(bytes: &[u8], likely: Version, direction: Direction) -> Option<Version> {
    versions(likely).find(|version| are_packets(bytes, *version, direction))
}

fn versions(likely: Version) -> impl Iterator<Item = Version> {
    [likely].into_iter().chain(VERSIONS)
}

/// Whether a row of PUBLISHes begins here.
fn are_publishes(mut bytes: &[u8], version: Version, direction: Direction) -> bool {
    (0..IN_A_ROW).all(|_| {
        // Mostly the first byte tells.
        if bytes
            .first()
            .is_none_or(|first| first >> 4 != PacketType::Publish as u8)
        {
            return false;
        }
        match ControlPacket::decode(bytes, version, direction) {
            Ok(Decoded::Complete { len, .. }) => {
                bytes = &bytes[len..];
                true
            }
            _ => false,
        }
    })
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
        let found = |bytes: &[u8]| boundary(bytes, Version::V311, Direction::ToServer);
        assert_eq!(found(&v311), Some((0, Version::V311)));
        // A QoS 1 SUBSCRIBE with an empty property list reads as 5.0 only.
        let v5 = hex!("82 07 0001 00 0001 61 01");
        assert_eq!(found(&v5), Some((0, Version::V5)));
    }

    #[test]
    fn the_middle_of_something_is_not() {
        let found = |bytes: &[u8]| boundary(bytes, Version::V311, Direction::ToServer);
        assert_eq!(found(&hex!("30 05 0001 61 68")), None);
        assert_eq!(found(&hex!("30 05 0001 61 6869 c0")), None);
        assert_eq!(found(b"temperature=21.5"), None);
        // Only a server sends this one.
        assert_eq!(found(&hex!("d000")), None);
    }

    #[test]
    fn publishes_in_a_row_are_found_amid_anything() {
        let found = |bytes: &[u8]| boundary(bytes, Version::V311, Direction::ToServer);
        let publish = hex!("30 05 0001 61 6869");
        let (end, beginning) = (b"the end of one", &publish[..4]);
        let two = [end, &publish[..], &publish, beginning].concat();
        assert_eq!(found(&two), None);
        let three = [end, &publish[..], &publish, &publish, beginning].concat();
        assert_eq!(found(&three), Some((end.len(), Version::V311)));
    }

    /// Words of a sensor, as they come; `c000` is 192 or -16384.
    #[test]
    fn words_that_repeat_are_no_packets() {
        let found = |bytes: &[u8]| boundary(bytes, Version::V311, Direction::ToServer);
        assert_eq!(
            found(&[&hex!("07")[..], &hex!("c000").repeat(50)].concat()),
            None
        );
        assert_eq!(
            found(&[&hex!("07")[..], &hex!("40020001").repeat(50)].concat()),
            None
        );
        assert_eq!(
            found(&[&hex!("07")[..], &hex!("3000").repeat(50)].concat()),
            None
        );
    }
}
