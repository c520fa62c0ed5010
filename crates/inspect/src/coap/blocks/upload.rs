//! Uploads in blocks: how far each has come (RFC 7959 §2.5).
//!
//! A Block1 transfer belongs to its client, its server and what it writes: method, path, query and
//! Request-Tag (RFC 9175 §3). Its blocks follow one another, each repeated as often as it takes. One
//! that begins in the middle, or leaves a hole, is what servers were crashed with (CVE-2024-46304);
//! one that skips to and fro over the tags of two bodies makes them one (draft-ietf-core-attacks-on-coap).

use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wire::coap::{Block, Message, number};

use crate::Instant;
use crate::coap::aged::Aged;
use crate::coap::exchange::endpoint::Endpoint;
use crate::hashing::{Hashing, hashing};
use crate::table::Table;

/// How long a transfer may pause. When it has forgotten it, a server says so (RFC 7959 §2.9.2), and devices
/// that sleep for minutes between two blocks are as good as others.
const LIFETIME_S: u64 = 3600;

/// Uploads under way: how many bytes of each were forwarded without a hole.
#[derive(Debug)]
pub(crate) struct Uploads {
    lengths: Table<u64, Aged<u64, LIFETIME_S>>,
    hasher: Hashing,
    /// Until when an upload may be under way that isn't known any more, as nanoseconds of [`Instant`].
    forgot_until: AtomicU64,
}

/// A block of an upload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece {
    upload: u64,
    /// A hash of the client's address.
    owner: u64,
    offset: u64,
    len: u64,
}

impl Uploads {
    pub(crate) fn new(capacity: usize, hash_seed: u64) -> Self {
        Self {
            lengths: Table::of_owners(capacity, hash_seed),
            hasher: hashing(hash_seed),
            forgot_until: AtomicU64::new(0),
        }
    }

    /// The piece that `request` brings, its Block1 option being `block`.
    pub(crate) fn piece(
        &self,
        client: Endpoint,
        server: Endpoint,
        request: &Message<'_>,
        block: Block,
    ) -> Piece {
        let mut hasher = self.hasher.build_hasher();
        std::hash::Hash::hash(&(client, server), &mut hasher);
        hasher.write_u8(request.code().0);
        for option in request.options() {
            let names_body = matches!(
                option.number,
                number::URI_HOST
                    | number::URI_PORT
                    | number::URI_PATH
                    | number::URI_QUERY
                    | number::REQUEST_TAG
            );
            if names_body {
                hasher.write_u16(option.number);
                hasher.write(option.value);
                hasher.write_u8(0xff);
            }
        }
        Piece {
            upload: hasher.finish(),
            owner: client.owner(&self.hasher),
            offset: block.offset(),
            len: request.payload().len() as u64,
        }
    }

    /// Whether bytes are missing before `piece`: none of its upload was seen, or fewer.
    pub(crate) fn leaves_hole(&self, now: Instant, piece: &Piece) -> bool {
        if piece.offset == 0 {
            return false;
        }
        match self.lengths.with(now, &piece.upload, |len| len.value) {
            Some(len) => piece.offset > len,
            None => now.0 >= self.forgot_until.load(Ordering::Relaxed),
        }
    }

    /// A piece is forwarded. Returns whether another upload had to be forgotten for it.
    pub(crate) fn advance(&self, now: Instant, piece: &Piece) -> bool {
        // An upload that a rule let begin in the middle goes on from there.
        let fresh = || Aged::new(now, piece.offset);
        let advance = |upload: &mut Aged<u64, LIFETIME_S>| {
            let len = upload.touch(now);
            *len = match piece.offset {
                0 => piece.len,
                offset => (*len).max(offset + piece.len),
            };
        };
        let owner = |_| piece.owner;
        let ((), evicted) =
            self.lengths
                .with_or_replace_of(now, piece.upload, owner, fresh, advance);
        let evicted = evicted.is_some();
        if evicted {
            self.expect_unknown(now + Duration::from_secs(LIFETIME_S));
        }
        evicted
    }

    /// Until then, a piece in the middle of an unknown upload may belong to one under way.
    pub(crate) fn expect_unknown(&self, until: Instant) {
        self.forgot_until.fetch_max(until.0, Ordering::Relaxed);
    }

    /// Forgets what is over, looking at about `at_most`. Returns whether there may be more.
    pub(crate) fn sweep(&self, now: Instant, at_most: usize) -> bool {
        self.lengths.sweep(now, at_most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Instant {
        Instant::from_secs(secs)
    }

    fn piece(upload: u64, number: u64) -> Piece {
        Piece {
            upload,
            owner: 1,
            offset: number * 64,
            len: 64,
        }
    }

    fn uploads(capacity: usize) -> Uploads {
        Uploads::new(capacity, 1)
    }

    #[test]
    fn blocks_follow_one_another_and_may_be_repeated() {
        let uploads = uploads(10);
        for number in [0, 1, 1, 2, 0, 1, 2, 3] {
            assert!(!uploads.leaves_hole(at(1), &piece(7, number)), "{number}");
            uploads.advance(at(1), &piece(7, number));
        }
        assert!(uploads.leaves_hole(at(1), &piece(7, 5)));
    }

    #[test]
    fn an_upload_does_not_begin_in_the_middle() {
        let uploads = uploads(10);
        uploads.advance(at(1), &piece(7, 0));
        assert!(uploads.leaves_hole(at(1), &piece(8, 1)), "another upload");
        assert!(uploads.leaves_hole(at(3700), &piece(7, 1)), "long over");
    }

    #[test]
    fn smaller_blocks_go_on_where_larger_ones_ended() {
        let uploads = uploads(10);
        uploads.advance(at(1), &piece(7, 0));
        let smaller = Piece {
            upload: 7,
            owner: 1,
            offset: 64,
            len: 16,
        };
        assert!(!uploads.leaves_hole(at(1), &smaller));
        uploads.advance(at(1), &smaller);
        assert!(uploads.leaves_hole(at(1), &piece(7, 2)));
    }

    #[test]
    fn what_had_to_be_forgotten_is_not_held_against_its_client() {
        let uploads = uploads(1);
        uploads.advance(at(1), &piece(7, 0));
        assert!(uploads.advance(at(2), &piece(8, 0)));
        assert!(!uploads.leaves_hole(at(3), &piece(7, 1)));
        assert!(uploads.leaves_hole(at(3700), &piece(7, 1)));
    }
}
