//! Hashes that nobody outside can foresee.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use foldhash::SharedSeed;
use foldhash::fast::SeedableRandomState;

/// Makes hashers. All their constants are secret: foldhash multiplies pairs of words, and whoever knew
/// what one of them is combined with could make the product zero, and aim at one bucket.
pub(crate) type Hashing = SeedableRandomState;

/// Constants by the secret they are made of. foldhash wants them for ever, so they are kept, and made once
/// for each secret.
static CONSTANTS: LazyLock<Mutex<BTreeMap<u64, &'static SharedSeed>>> =
    LazyLock::new(Mutex::default);

/// Hashing by a secret: the same secret gives the same hashes.
pub(crate) fn hashing(secret: u64) -> Hashing {
    // Whoever panicked meanwhile has left a whole map behind.
    let mut constants = CONSTANTS.lock().unwrap_or_else(PoisonError::into_inner);
    let constants = constants
        .entry(secret)
        .or_insert_with(|| Box::leak(Box::new(SharedSeed::from_u64(secret))));
    Hashing::with_seed(secret, constants)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::hash::BuildHasher;

    use super::*;

    #[test]
    fn the_secret_decides_the_hash() {
        assert_eq!(hashing(1).hash_one(7u128), hashing(1).hash_one(7u128));
        assert_ne!(hashing(1).hash_one(7u128), hashing(2).hash_one(7u128));
    }

    /// The constants of foldhash's fixed state are known to everybody; the first of them begins with the
    /// digits of pi.
    #[test]
    fn no_known_word_makes_hashes_collide() {
        let known = u128::from(0x243f_6a88_85a3_08d3_u64);
        for secret in 0..100 {
            let hashing = hashing(secret);
            let hashes = (1..100).map(|other: u128| hashing.hash_one(known << 64 | other));
            let hashes: BTreeSet<u64> = hashes
                .chain((1..100).map(|other: u128| hashing.hash_one(other << 64 | known)))
                .collect();
            assert_eq!(hashes.len(), 198);
        }
    }
}
