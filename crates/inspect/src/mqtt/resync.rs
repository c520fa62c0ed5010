//! Finding a control packet's boundary in a connection older than the gateway.
//!
//! A client writes whole control packets, and its stack sends what was written, so that most segments
//! of a quiet connection start at a boundary. One that reads as control packets from its first byte to
//! its last, of types that may travel this way, is taken for one: the odds that the middle of a
//! payload does are small, and the worst of it is a wrong verdict on a flow nobody could inspect.
//!
//! A busy one fills its segments wherever packets end. There, several PUBLISHes that stand one behind the
//! other show where the first of them begins. Nothing shorter would do: the values of a sensor, written as
//! words, read as `PINGREQ` or `PUBACK` again and again. They are looked for across segments, too, as far as the
//! last few kilobytes go: whoever shifts its packets against its segments isn't hidden by that.
//!
//! A PUBLISH longer than a segment shows neither way. But where a segment begins like one, and another packet
//! begins where that one would end, both are there.

use wire::mqtt::{ControlPacket, FixedHeader, PacketType, Publish, Version};
use wire::{Decoded, Direction};

use super::Session;
use crate::Instant;
use crate::shared::Shared;

/// Versions to try after the one last heard of, the commonest first.
const VERSIONS: [Version; 3] = [Version::V311, Version::V5, Version::V31];

/// How many PUBLISHes have to follow each other.
const IN_A_ROW: usize = 4;

/// What is kept of a direction that isn't read, to look for packets that span segments: a pooled buffer.
const TAIL_BYTES: usize = 4096;

/// By direction: in how many bytes a PUBLISH ends, if what a segment began with was one.
#[derive(Debug, Default)]
pub(super) struct Hunches([Option<usize>; 2]);

impl Session {
    /// Starts reading, where in `bytes` a control packet begins, or behind them. A client that isn't read is heard
    /// by anything.
    pub(super) fn seek(
        &mut self,
        now: Instant,
        direction: Direction,
        bytes: &[u8],
        shared: &Shared,
    ) {
        if direction == Direction::ToServer {
            self.heard = now;
        }
        let found = boundary(bytes, self.version, direction)
            .or_else(|| self.foreseen(bytes, direction))
            .or_else(|| self.boundary_across(bytes, direction, shared));
        let Some((at, version)) = found else {
            return;
        };
        self.version = version;
        let framer = self.framers.at_mut(direction);
        shared.pool.give(framer.take_kept());
        framer.pass(at);
    }

    /// Where a PUBLISH ends that began with an earlier segment, if another packet begins there.
    fn foreseen(&mut self, bytes: &[u8], direction: Direction) -> Option<(usize, Version)> {
        let likely = self.version;
        let Hunches(hunches) = &mut self.rare.get_or_insert_default().hunches;
        let hunch = &mut hunches[direction as usize];
        match hunch.take() {
            Some(ends_in) if ends_in >= bytes.len() => {
                *hunch = Some(ends_in - bytes.len());
                None
            }
            Some(at) if let Some(version) = begins(&bytes[at..], likely, direction) => {
                Some((at, version))
            }
            _ => {
                *hunch = publish_len(bytes, likely, direction)
                    .and_then(|len| len.checked_sub(bytes.len()));
                None
            }
        }
    }

    /// Where behind a row of PUBLISHes that span segments the next packet begins, from the start of `bytes`.
    fn boundary_across(
        &mut self,
        bytes: &[u8],
        direction: Direction,
        shared: &Shared,
    ) -> Option<(usize, Version)> {
        let framer = self.framers.at_mut(direction);
        let most = TAIL_BYTES.min(shared.partial.own());
        framer.keep_tail(bytes, most, &shared.pool);
        let tail = framer.take_kept();
        let fresh = tail.len().saturating_sub(bytes.len());
        let found = row(&tail, self.version, direction).and_then(|(at, version)| {
            let behind = first_behind(&tail, at, fresh)?;
            Some((behind + bytes.len() - tail.len(), version))
        });
        self.framers.at_mut(direction).put_back(tail);
        found
    }
}

/// Where in `bytes` a control packet begins, and in which version, if that can be told.
pub(super) fn boundary(
    bytes: &[u8],
    likely: Version,
    direction: Direction,
) -> Option<(usize, Version)> {
    match version_of(bytes, likely, direction) {
        Some(version) => Some((0, version)),
        None => row(bytes, likely, direction),
    }
}

/// Where in `bytes` a row of PUBLISHes begins.
fn row(bytes: &[u8], likely: Version, direction: Direction) -> Option<(usize, Version)> {
    let mut places = (0..bytes.len()).filter(|at| may_be_publishes(&bytes[*at..]));
    places.find_map(|at| {
        let from = &bytes[at..];
        let version = versions(likely).find(|version| are_publishes(from, *version, direction));
        Some((at, version?))
    })
}

/// Whether the lengths of a row of PUBLISHes fit into each other. Mostly the first byte tells; and whoever sends
/// nothing but such bytes makes nobody read whole packets at each of them.
fn may_be_publishes(mut bytes: &[u8]) -> bool {
    (0..IN_A_ROW).all(|_| match behind_publish(bytes) {
        Some(rest) => {
            bytes = rest;
            true
        }
        None => false,
    })
}

/// What follows a PUBLISH, by its lengths.
fn behind_publish(bytes: &[u8]) -> Option<&[u8]> {
    if bytes.first()? >> 4 != PacketType::Publish as u8 {
        return None;
    }
    let Ok(Decoded::Complete { message, .. }) = FixedHeader::decode(bytes) else {
        return None;
    };
    let body = bytes.get(message.header_len..message.packet_len())?;
    let topic_len = usize::from(u16::from_be_bytes(*body.first_chunk()?));
    (topic_len + 2 <= body.len()).then(|| &bytes[message.packet_len()..])
}

/// The first boundary not before `fresh`, of the packets of which one begins at `at`; it may lie behind all bytes.
fn first_behind(bytes: &[u8], mut at: usize, fresh: usize) -> Option<usize> {
    while at < fresh {
        let Ok(Decoded::Complete { message, .. }) = FixedHeader::decode(&bytes[at..]) else {
            return None;
        };
        at += message.packet_len();
    }
    Some(at)
}

/// The version in which `bytes` are whole control packets, or begin with a PUBLISH whose topic is there.
fn begins(bytes: &[u8], likely: Version, direction: Direction) -> Option<Version> {
    version_of(bytes, likely, direction).or_else(|| {
        versions(likely).find(|version| publish_head(bytes, *version, direction).is_some())
    })
}

/// The length of the PUBLISH that `bytes` begin with, if they do.
fn publish_len(bytes: &[u8], likely: Version, direction: Direction) -> Option<usize> {
    versions(likely).find_map(|version| publish_head(bytes, version, direction))
}

fn publish_head(bytes: &[u8], version: Version, direction: Direction) -> Option<usize> {
    let Ok(Decoded::Complete { message, .. }) = FixedHeader::decode(bytes) else {
        return None;
    };
    if message.packet_type != PacketType::Publish {
        return None;
    }
    match Publish::decode_prefix(bytes, version, direction) {
        Ok(Decoded::Complete { .. }) => Some(message.packet_len()),
        _ => None,
    }
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
    (0..IN_A_ROW).all(|_| match ControlPacket::decode(bytes, version, direction) {
        Ok(Decoded::Complete { len, .. }) => {
            bytes = &bytes[len..];
            true
        }
        _ => false,
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
        let few = [end, &publish.repeat(IN_A_ROW - 1)[..], beginning].concat();
        assert_eq!(found(&few), None);
        let enough = [end, &publish.repeat(IN_A_ROW)[..], beginning].concat();
        assert_eq!(found(&enough), Some((end.len(), Version::V311)));
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
