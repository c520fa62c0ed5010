//! A keyed hash of one word: SipHash-1-3 (Aumasson and Bernstein 2012, with the fewer rounds that
//! hash tables take). Who doesn't know the key can't make two words meet.

/// The hash of the eight bytes of `word` under `key`.
#[inline(always)]
#[must_use]
pub fn hash([k0, k1]: [u64; 2], word: u64) -> u64 {
    let mut state = [
        k0 ^ 0x736f_6d65_7073_6575,
        k1 ^ 0x646f_7261_6e64_6f6d,
        k0 ^ 0x6c79_6765_6e65_7261,
        k1 ^ 0x7465_6462_7974_6573,
    ];
    absorb(&mut state, word);
    // The last block: no bytes left, eight in all.
    absorb(&mut state, 8 << 56);
    state[2] ^= 0xff;
    round(&mut state);
    round(&mut state);
    round(&mut state);
    state[0] ^ state[1] ^ state[2] ^ state[3]
}

#[inline(always)]
fn absorb(state: &mut [u64; 4], block: u64) {
    state[3] ^= block;
    round(state);
    state[0] ^= block;
}

#[inline(always)]
fn round([a, b, c, d]: &mut [u64; 4]) {
    *a = a.wrapping_add(*b);
    *c = c.wrapping_add(*d);
    *b = b.rotate_left(13) ^ *a;
    *d = d.rotate_left(16) ^ *c;
    *a = a.rotate_left(32);
    *c = c.wrapping_add(*b);
    *a = a.wrapping_add(*d);
    *b = b.rotate_left(17) ^ *c;
    *d = d.rotate_left(21) ^ *a;
    *c = c.rotate_left(32);
}

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hasher as _};

    use super::*;

    #[test]
    fn it_is_siphash_1_3() {
        // The standard library's hasher is SipHash-1-3 with a key of zeros.
        for word in [0, 1, 0x0a14_0007, 0xfd00_0020_0000_0001, u64::MAX] {
            let mut hasher = DefaultHasher::new();
            hasher.write(&word.to_le_bytes());
            assert_eq!(hash([0, 0], word), hasher.finish());
        }
    }

    #[test]
    fn neighbours_spread_over_the_buckets_and_the_key_moves_them() {
        let buckets = |key| {
            let used: std::collections::HashSet<u64> =
                (0..1000).map(|word| hash(key, word) & 0xffff).collect();
            used
        };
        // Of 1,000 sources in 65,536 buckets, some 8 share one with another.
        assert!(buckets([1, 2]).len() > 970);
        let shared = buckets([1, 2]).intersection(&buckets([3, 4])).count();
        assert!(shared < 60, "{shared} buckets are used under both keys");
    }
}
