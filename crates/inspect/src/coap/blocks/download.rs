//! Downloads in blocks: which body they belong to (RFC 7959 §2.4).
//!
//! A client that puts blocks of two representations together has a third that nobody wrote. The ETag
//! tells them apart, and clients are to compare it; the ones that don't can be fed any mixture by
//! delaying single blocks (draft-ietf-core-attacks-on-coap).

use std::hash::BuildHasher;

use crate::Instant;
use crate::coap::aged::Aged;
use crate::hashing::{Hashing, hashing};
use crate::table::Table;

/// How long a client may pause between two blocks.
const LIFETIME_S: u64 = 247;

/// Bodies of which a first block went to a client, and others follow: digests of their ETags, which may
/// be missing.
#[derive(Debug)]
pub(crate) struct Downloads {
    tags: Table<u64, Aged<u64, LIFETIME_S>>,
    hasher: Hashing,
}

impl Downloads {
    pub(crate) fn new(capacity: usize, hash_seed: u64) -> Self {
        Self {
            tags: Table::new(capacity, hash_seed),
            hasher: hashing(hash_seed),
        }
    }

    /// The first block of a body goes to a client. Returns whether another body had to be forgotten.
    pub(crate) fn begin(&self, now: Instant, body: u64, etag: Option<&[u8]>) -> bool {
        let tag = self.hasher.hash_one(etag);
        let first = Aged::new(now, tag);
        self.tags
            .with_or_insert(now, body, || first, |known| *known = first)
            .1
    }

    /// Whether a later block has another ETag than the first one had.
    pub(crate) fn is_of_another_body(&self, now: Instant, body: u64, etag: Option<&[u8]>) -> bool {
        let tag = self.hasher.hash_one(etag);
        let known = self.tags.with(now, &body, |known| *known.touch(now));
        known.is_some_and(|known| known != tag)
    }

    /// Forgets what is over, looking at about `at_most`. Returns whether there may be more.
    pub(crate) fn sweep(&self, now: Instant, at_most: usize) -> bool {
        self.tags.sweep(now, at_most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_one_body_carry_its_tag() {
        let downloads = Downloads::new(10, 1);
        let (now, tag) = (Instant::from_secs(1), Some(&b"v1"[..]));
        assert!(!downloads.is_of_another_body(now, 9, tag));
        downloads.begin(now, 9, tag);
        assert!(!downloads.is_of_another_body(now, 9, tag));
        assert!(downloads.is_of_another_body(now, 9, Some(b"v2")));
        assert!(downloads.is_of_another_body(now, 9, None));
        let later = Instant::from_secs(300);
        assert!(!downloads.is_of_another_body(later, 9, None));
    }
}
