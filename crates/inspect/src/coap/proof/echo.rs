//! The cookie in an Echo option: proof that whoever sends it reads what is sent to its endpoint
//! (RFC 9175 §2.3, and appendix A on how such values may be built).
//!
//! Nothing is remembered about a cookie: it is the low byte of the epoch it was made in, and a
//! truncated SipHash of that epoch and the client's endpoint, under a key nobody else has. Keys rotate: each
//! is for 32 epochs, and is drawn out of the seed by its number, so that the current one and the one before
//! it are at hand without a place to keep them. A cookie is good for what is left of its epoch and for the
//! next one, 60 to 120 seconds, whichever key that has. After a restart, under a seed that is drawn anew, a
//! client that comes with an old one is challenged once more. The client's port is part
//! of it: many may share an address (NAT), and one of them proves nothing for the others.
//!
//! Truncation is what lets the answer to a four-byte request stay below three times its size. A cookie
//! is good at any of its lengths, so it is as strong as the shortest: each
//! guess at that costs a datagram and succeeds once in 2^40; whoever collects cookies to
//! find the key has half an hour of them.

use std::hash::Hasher;
use std::time::Duration;

use siphasher::sip128::{Hasher128, SipHasher24};

use crate::coap::exchange::endpoint::Endpoint;
use crate::{Instant, Seed};

/// How long one value of the epoch byte lasts.
const EPOCH: Duration = Duration::from_secs(60);
/// Epochs under one key.
const KEY_EPOCHS: u64 = 32;
/// Bytes of the shortest and longest cookie, the epoch byte included. RFC 9175 §2.2.1 allows 1 to 40.
pub(crate) const LEN_MIN: usize = 6;
const LEN_MAX: usize = 9;

/// Makes cookies, and knows its own again.
pub(crate) struct Mint {
    /// Makes the keys.
    master: [u8; 16],
}

/// The value of an Echo option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cookie {
    bytes: [u8; LEN_MAX],
    len: usize,
}

impl Mint {
    pub(crate) fn new(seed: &Seed) -> Self {
        Self {
            master: seed.key("coap.echo"),
        }
    }

    /// A cookie for `client` of at most `room` bytes, or none if that is too little to be safe.
    pub(crate) fn issue(&self, now: Instant, client: Endpoint, room: usize) -> Option<Cookie> {
        if room < LEN_MIN {
            return None;
        }
        Some(Cookie {
            bytes: self.cookie(epoch(now), client),
            len: room.min(LEN_MAX),
        })
    }

    /// Whether `value` is a cookie made here for `client`, and fresh.
    pub(crate) fn recognises(&self, now: Instant, client: Endpoint, value: &[u8]) -> bool {
        if !(LEN_MIN..=LEN_MAX).contains(&value.len()) {
            return false;
        }
        let current = epoch(now);
        let claimed = [current, current.wrapping_sub(1)]
            .into_iter()
            .find(|epoch| *epoch as u8 == value[0]);
        claimed.is_some_and(|epoch| {
            let expected = self.cookie(epoch, client);
            // Without an early exit, so that the time taken tells nothing of how much was right.
            let differing = expected
                .iter()
                .zip(value)
                .fold(0, |all, (a, b)| all | (a ^ b));
            differing == 0
        })
    }

    fn cookie(&self, epoch: u64, client: Endpoint) -> [u8; LEN_MAX] {
        let mut hasher = SipHasher24::new_with_key(&self.key(epoch / KEY_EPOCHS));
        hasher.write(&epoch.to_le_bytes());
        hasher.write(&client.bytes());
        let mac = hasher.finish128().as_bytes();
        let mut cookie = [epoch as u8; LEN_MAX];
        cookie[1..].copy_from_slice(&mac[..LEN_MAX - 1]);
        cookie
    }

    /// The key with this number.
    fn key(&self, number: u64) -> [u8; 16] {
        let mut hasher = SipHasher24::new_with_key(&self.master);
        hasher.write(&number.to_le_bytes());
        hasher.finish128().as_bytes()
    }
}

impl std::fmt::Debug for Mint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mint(..)")
    }
}

impl Cookie {
    /// The value as it goes into the option.
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

fn epoch(now: Instant) -> u64 {
    now.0 / EPOCH.as_nanos() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mint() -> Mint {
        Mint::new(&Seed::fixed(1))
    }

    fn endpoint(text: &str) -> Endpoint {
        Endpoint::new(text.parse().unwrap(), 5683)
    }

    #[test]
    fn a_cookie_is_good_for_its_client_only() {
        let (mint, now) = (mint(), Instant::from_secs(1000));
        for room in LEN_MIN..=40 {
            let cookie = mint.issue(now, endpoint("192.0.2.1"), room).unwrap();
            assert!(cookie.as_slice().len() <= room);
            assert!(mint.recognises(now, endpoint("192.0.2.1"), cookie.as_slice()));
            assert!(!mint.recognises(now, endpoint("192.0.2.2"), cookie.as_slice()));
            let neighbour = Endpoint {
                port: 5684,
                ..endpoint("192.0.2.1")
            };
            assert!(!mint.recognises(now, neighbour, cookie.as_slice()));
            let other = Mint::new(&Seed::fixed(2));
            assert!(!other.recognises(now, endpoint("192.0.2.1"), cookie.as_slice()));
        }
    }

    #[test]
    fn a_cookie_lasts_for_the_rest_of_its_epoch_and_the_next() {
        let (mint, client) = (mint(), endpoint("2001:db8::1"));
        for made_secs in [600, 630, 659] {
            let cookie = mint
                .issue(Instant::from_secs(made_secs), client, 9)
                .unwrap();
            for (at_secs, fresh) in [(made_secs, true), (719, true), (720, false), (599, false)] {
                let now = Instant::from_secs(at_secs);
                assert_eq!(
                    mint.recognises(now, client, cookie.as_slice()),
                    fresh,
                    "made at {made_secs}, seen at {at_secs}"
                );
            }
        }
    }

    #[test]
    fn an_old_cookie_stays_old_when_the_epoch_byte_comes_round() {
        let (mint, client) = (mint(), endpoint("192.0.2.1"));
        let cookie = mint.issue(Instant::from_secs(60), client, 9).unwrap();
        let a_turn_later = Instant::from_secs(60 + 256 * 60);
        assert!(!mint.recognises(a_turn_later, client, cookie.as_slice()));
    }

    #[test]
    fn keys_rotate_and_a_cookie_outlives_its_key_by_an_epoch() {
        let (mint, client) = (mint(), endpoint("192.0.2.1"));
        let turn_secs = KEY_EPOCHS * EPOCH.as_secs();
        let keys: Vec<_> = (0..100).map(|number| mint.key(number)).collect();
        let different: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(different.len(), keys.len());
        for turn in 1..100 {
            let begins = turn * turn_secs;
            let made = Instant::from_secs(begins - 1);
            let cookie = mint.issue(made, client, LEN_MIN).unwrap();
            for (at_secs, fresh) in [(begins, true), (begins + 59, true), (begins + 60, false)] {
                let now = Instant::from_secs(at_secs);
                let is_fresh = mint.recognises(now, client, cookie.as_slice());
                assert_eq!(is_fresh, fresh, "turn {turn}, seen at {at_secs}");
            }
        }
    }

    #[test]
    fn any_changed_bit_is_noticed() {
        let (mint, client, now) = (mint(), endpoint("192.0.2.1"), Instant::from_secs(90));
        let cookie = mint.issue(now, client, LEN_MIN).unwrap();
        for bit in 0..LEN_MIN * 8 {
            let mut forged = cookie.bytes;
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(
                !mint.recognises(now, client, &forged[..LEN_MIN]),
                "bit {bit}"
            );
        }
    }

    #[test]
    fn what_is_too_short_or_too_long_is_not_ours() {
        let (mint, client, now) = (mint(), endpoint("192.0.2.1"), Instant::from_secs(90));
        assert_eq!(mint.issue(now, client, LEN_MIN - 1), None);
        let long = mint.issue(now, client, 40).unwrap();
        for len in 0..LEN_MIN {
            assert!(!mint.recognises(now, client, &long.bytes[..len]));
        }
        assert!(!mint.recognises(now, client, &[long.as_slice(), &[0]].concat()));
    }
}
