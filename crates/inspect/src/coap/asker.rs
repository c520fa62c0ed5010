//! Who asked anybody anything under a token lately: tells an answer from an endpoint that wasn't asked
//! (RFC 7252 §5.3.2, rule 1) from an answer to nothing.
//!
//! It only names what is refused anyway, so it may forget: a slot holds the last of all clients and
//! tokens that fall on it.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::FixedState;

use super::endpoint::{Endpoint, Token};
use crate::Instant;

/// Slots of eight bytes.
const SLOTS: usize = 1 << 14;
/// How long a token may be answered (EXCHANGE_LIFETIME, RFC 7252 §4.8.2).
const LIFETIME_SECS: u32 = 247;

/// Requests by client and token.
#[derive(Debug)]
pub(super) struct Askers {
    /// The upper half of the hash, and when it was noted in seconds.
    slots: Box<[AtomicU64]>,
    hasher: FixedState,
}

impl Askers {
    pub(super) fn new(hash_seed: u64) -> Self {
        Self {
            slots: std::iter::repeat_with(AtomicU64::default)
                .take(SLOTS)
                .collect(),
            hasher: FixedState::with_seed(hash_seed),
        }
    }

    /// `client` has sent a request with `token` to somebody.
    #[inline]
    pub(super) fn note(&self, now: Instant, client: Endpoint, token: Token) {
        let hash = self.hasher.hash_one((client, token));
        let value = (hash >> 32 << 32) | u64::from(secs(now));
        self.slot(hash).store(value, Ordering::Relaxed);
    }

    /// Whether it has.
    pub(super) fn has_asked(&self, now: Instant, client: Endpoint, token: Token) -> bool {
        let hash = self.hasher.hash_one((client, token));
        let value = self.slot(hash).load(Ordering::Relaxed);
        let age = secs(now).wrapping_sub(value as u32);
        value >> 32 == hash >> 32 && age <= LIFETIME_SECS
    }

    fn slot(&self, hash: u64) -> &AtomicU64 {
        &self.slots[hash as usize % SLOTS]
    }
}

/// Whole seconds, which wrap after 136 years.
fn secs(now: Instant) -> u32 {
    (now.0 / 1_000_000_000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_known_for_as_long_as_it_may_be_answered() {
        let askers = Askers::new(1);
        let client = Endpoint::new([192, 0, 2, 1].into(), 40_000);
        let (token, other) = (Token::new(&[1]), Token::new(&[2]));
        assert!(!askers.has_asked(Instant::from_secs(1000), client, token));
        askers.note(Instant::from_secs(1000), client, token);
        assert!(askers.has_asked(Instant::from_secs(1247), client, token));
        assert!(!askers.has_asked(Instant::from_secs(1248), client, token));
        assert!(!askers.has_asked(Instant::from_secs(1000), client, other));
    }
}
