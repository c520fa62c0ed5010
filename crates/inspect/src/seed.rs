//! The one source of randomness.

/// The one source of randomness: hash seeds and the keys of cookies are drawn from it. The same seed
/// gives the same run; the live gateway takes it from the kernel.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed(pub [u8; 32]);

impl Seed {
    /// A seed for tests and replays, where secrecy doesn't matter.
    #[must_use]
    pub fn fixed(number: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        Self(bytes)
    }

    /// A seed for the hashes of one table.
    pub(crate) fn hash_seed(&self, purpose: &str) -> u64 {
        let key = self.key(purpose);
        u64::from_le_bytes(*key.first_chunk().expect("half a key"))
    }

    /// A 128-bit key for one `purpose`, independent of the keys for others.
    pub(crate) fn key(&self, purpose: &str) -> [u8; 16] {
        use siphasher::sip128::{Hasher128, SipHasher24};
        use std::hash::Hasher;

        let (low, high) = self.0.split_at(16);
        let low: &[u8; 16] = low.try_into().expect("half of 32 bytes");
        let mut hasher = SipHasher24::new_with_key(low);
        hasher.write(high);
        hasher.write(purpose.as_bytes());
        hasher.finish128().as_bytes()
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_by_purpose_and_seed() {
        let seed = Seed::fixed(1);
        assert_eq!(seed.key("a"), seed.key("a"));
        assert_ne!(seed.key("a"), seed.key("b"));
        assert_ne!(seed.key("a"), Seed::fixed(2).key("a"));
        assert_eq!(format!("{seed:?}"), "Seed(..)");
    }
}
