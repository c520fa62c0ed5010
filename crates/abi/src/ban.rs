//! The block list: source addresses and prefixes with the time until which they are banned.
//!
//! A hash table for each family holds them all, so that an entry costs one look-up, whatever the
//! list's size and spread; a longest-prefix trie takes a step for each bit that addresses have in
//! common, which is more the longer the list. Which lengths could cover an address stands in an array,
//! by the *slot* that its first bits choose: none for most, and then there is nothing to look up.
//!
//! An address is a number of words with room for one bit more behind it. A prefix is its own bits,
//! then a one, then zeros: so no two are the same key, whatever their lengths. The one stands where
//! the length says, and as a set of bits at such places the array holds lengths.

/// Banned IPv4 prefixes, whole addresses among them: when the ban ends, in nanoseconds of
/// `CLOCK_MONOTONIC`. `HashMap<V4, u64>`.
pub const ENTRIES_V4: &str = "BANNED_V4";
/// The same in IPv6. `HashMap<V6, u64>`.
pub const ENTRIES_V6: &str = "BANNED_V6";
/// Lengths of the prefixes among them, by slot. `Array<V4>`.
pub const LENGTHS_V4: &str = "BANNED_LENGTHS_V4";
/// The same in IPv6. `Array<V6>`.
pub const LENGTHS_V6: &str = "BANNED_LENGTHS_V6";

/// Prefixes that each table holds. Its buckets take 16 bytes for each, used or not.
pub const ENTRIES: u32 = 1 << 20;
/// Slots of each array: a power of two.
pub const SLOTS: u32 = 1 << 16;

/// An IPv4 address, a prefix, or a set of lengths.
pub type V4 = [u64; 1];
/// The same in IPv6.
pub type V6 = [u64; 3];

/// The first bits of an IPv4 address, which choose its slot.
pub const SLOT_BITS_V4: u32 = 16;
/// The same in IPv6: what a provider has, or less.
pub const SLOT_BITS_V6: u32 = 32;

/// Expiry of a ban without an end.
pub const FOREVER_NS: u64 = u64::MAX;

/// Expiry of an entry that bans nobody: what it names is never kept out, and has no budget.
pub const NEVER_NS: u64 = 0;

/// An IPv4 address.
#[must_use]
#[inline(always)]
pub const fn v4(address: [u8; 4]) -> V4 {
    [(u32::from_be_bytes(address) as u64) << 32]
}

/// An IPv6 address.
#[must_use]
#[inline(always)]
pub const fn v6(address: [u8; 16]) -> V6 {
    let address = u128::from_be_bytes(address);
    [(address >> 64) as u64, address as u64, 0]
}

/// The slot of an address or a prefix, which its first `slot_bits` choose: 16, or 32 that are folded.
#[must_use]
#[inline(always)]
pub const fn slot<const N: usize>(address: &[u64; N], slot_bits: u32) -> u32 {
    let first = (address[0] >> (u64::BITS - slot_bits)) as u32;
    (first ^ first >> 16) & (SLOTS - 1)
}

/// Where the one behind a prefix of `length` bits stands: in which word, and there as which bit.
#[must_use]
#[inline(always)]
pub const fn end(length: u32) -> (usize, u64) {
    (
        (length / u64::BITS) as usize,
        1 << 63 >> (length % u64::BITS),
    )
}

/// The prefix of `address` that ends at the bit `end` of its word `at`.
#[must_use]
#[inline(always)]
pub const fn prefix<const N: usize>(address: &[u64; N], at: usize, end: u64) -> [u64; N] {
    let mut prefix = *address;
    prefix[at] = (address[at] | end) & end.wrapping_neg();
    let mut behind = at + 1;
    while behind < N {
        prefix[behind] = 0;
        behind += 1;
    }
    prefix
}

/// The bits of a prefix, without the one behind them, and its length.
#[must_use]
pub const fn parts<const N: usize>(prefix: &[u64; N]) -> ([u64; N], u32) {
    let (mut address, mut at) = (*prefix, N - 1);
    while at > 0 && prefix[at] == 0 {
        at -= 1;
    }
    let length =
        at as u32 * u64::BITS + (u64::BITS - 1).saturating_sub(prefix[at].trailing_zeros());
    address[at] &= address[at].wrapping_sub(1);
    (address, length)
}

/// How an entry has its source treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is kept out.
    Banned,
    /// It is exempt from bans and budgets.
    Exempt,
    /// As if there were no entry: the ban is over.
    Common,
}

impl Standing {
    /// As a number.
    #[must_use]
    #[inline(always)]
    pub const fn to_word(self) -> u64 {
        match self {
            Self::Common => 0,
            Self::Banned => 1,
            Self::Exempt => 2,
        }
    }

    /// The standing of a number.
    #[must_use]
    #[inline(always)]
    pub const fn from_word(word: u64) -> Self {
        match word {
            1 => Self::Banned,
            2 => Self::Exempt,
            _ => Self::Common,
        }
    }
}

/// What an entry with this expiry says at `now_ns`.
#[must_use]
#[inline(always)]
pub const fn standing(expires_ns: u64, now_ns: u64) -> Standing {
    match expires_ns {
        NEVER_NS => Standing::Exempt,
        _ if now_ns < expires_ns => Standing::Banned,
        _ => Standing::Common,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_keeps_out_exempts_or_says_nothing() {
        assert_eq!(standing(NEVER_NS, 0), Standing::Exempt);
        assert_eq!(standing(NEVER_NS, u64::MAX), Standing::Exempt);
        assert_eq!(standing(10, 9), Standing::Banned);
        assert_eq!(standing(10, 10), Standing::Common);
        assert_eq!(standing(FOREVER_NS, FOREVER_NS - 1), Standing::Banned);
    }

    /// The prefix of this length.
    fn of<const N: usize>(address: &[u64; N], length: u32) -> [u64; N] {
        let (at, end) = end(length);
        prefix(address, at, end)
    }

    #[test]
    fn no_two_prefixes_of_an_address_are_the_same() {
        for fill in [0x00, 0x5a, 0xff] {
            let (short, long) = (v4([fill; 4]), v6([fill; 16]));
            for length in 0..=32 {
                for other in 0..length {
                    assert_ne!(of(&short, length), of(&short, other));
                }
            }
            for length in 0..=128 {
                for other in 0..length {
                    assert_ne!(of(&long, length), of(&long, other));
                }
            }
        }
    }

    #[test]
    fn prefixes_are_what_addresses_in_them_have_in_common() {
        let address = |text: [u8; 4]| v4(text);
        assert_eq!(
            of(&address([10, 20, 30, 40]), 24),
            of(&address([10, 20, 30, 0]), 24)
        );
        assert_ne!(
            of(&address([10, 20, 30, 40]), 25),
            of(&address([10, 20, 30, 140]), 25)
        );
        for length in 0..=32 {
            let (bits, len) = parts(&of(&v4([0xff; 4]), length));
            assert_eq!(len, length);
            assert_eq!(bits[0].leading_ones(), length);
        }
        for length in 0..=128 {
            let (bits, len) = parts(&of(&v6([0xff; 16]), length));
            assert_eq!(len, length);
            assert_eq!(bits.map(u64::count_ones).iter().sum::<u32>(), length);
        }
    }

    #[test]
    fn a_slot_is_chosen_by_the_first_bits_alone() {
        let slot4 = |address| slot(&v4(address), SLOT_BITS_V4);
        assert_eq!(slot4([10, 20, 0, 0]), 0x0a14);
        assert_eq!(slot4([10, 20, 255, 255]), 0x0a14);
        let slot6 = |first: u128| slot(&v6((first << 64).to_be_bytes()), SLOT_BITS_V6);
        assert_eq!(slot6(0x2001_0db8_0000_0000), 0x2001 ^ 0x0db8);
        assert_eq!(slot6(0x2001_0db8_ffff_ffff), 0x2001 ^ 0x0db8);
    }
}
