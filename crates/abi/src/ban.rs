//! The block list: source addresses and prefixes with the time until which they are banned.
//!
//! Single addresses, which is what rules ban, stand in hash tables: finding one among a hundred
//! thousand costs a third of what a longest-prefix trie takes for the walk, whatever the spread of
//! the addresses. Shorter prefixes, which come from block lists, stand in tries.

/// Banned IPv4 addresses. `HashMap<[u8; 4], Value>`.
pub const HOSTS_V4: &str = "BANNED_HOSTS_V4";
/// Banned IPv6 addresses. `HashMap<[u8; 16], Value>`.
pub const HOSTS_V6: &str = "BANNED_HOSTS_V6";
/// Banned IPv4 prefixes. `LpmTrie<[u8; 4], Value>`.
pub const PREFIXES_V4: &str = "BANNED_NETS_V4";
/// Banned IPv6 prefixes. `LpmTrie<[u8; 16], Value>`.
pub const PREFIXES_V6: &str = "BANNED_NETS_V6";

/// Addresses that each hash table holds. Its buckets take 16 bytes for each, used or not.
pub const HOSTS_ENTRIES: u32 = 1 << 20;
/// Prefixes that each trie holds. They take memory as they come.
pub const PREFIXES_ENTRIES: u32 = 1 << 20;

/// Expiry of a ban without an end.
pub const FOREVER_NS: u64 = u64::MAX;

/// Expiry of an entry that bans nobody: what it names is never kept out, and has no budget.
pub const NEVER_NS: u64 = 0;

/// The end of a ban in nanoseconds of `CLOCK_MONOTONIC`, as two halves, the low one first: a trie
/// keeps values right behind keys of four bytes, so they may not ask for more alignment than that.
/// From its end on an entry means nothing.
pub type Value = [u32; 2];

/// The map value of an expiry.
#[must_use]
pub const fn to_value(expires_ns: u64) -> Value {
    [expires_ns as u32, (expires_ns >> 32) as u32]
}

/// The expiry in a map value.
#[must_use]
#[inline(always)]
pub const fn from_value([low, high]: Value) -> u64 {
    low as u64 | (high as u64) << 32
}

/// Whether a ban with this expiry holds at `now_ns`.
#[must_use]
#[inline(always)]
pub const fn holds(expires_ns: u64, now_ns: u64) -> bool {
    now_ns < expires_ns
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

/// What an entry with this expiry says at `now_ns`.
#[must_use]
#[inline(always)]
pub const fn standing(expires_ns: u64, now_ns: u64) -> Standing {
    match expires_ns {
        NEVER_NS => Standing::Exempt,
        _ if holds(expires_ns, now_ns) => Standing::Banned,
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
        assert_eq!(standing(FOREVER_NS, 10), Standing::Banned);
    }

    #[test]
    fn values_keep_the_expiry() {
        for expires_ns in [
            0,
            1,
            u64::from(u32::MAX),
            1 << 32,
            0x0123_4567_89ab_cdef,
            FOREVER_NS,
        ] {
            assert_eq!(from_value(to_value(expires_ns)), expires_ns);
        }
    }

    #[test]
    fn a_ban_ends_at_its_expiry() {
        assert!(holds(10, 9) && !holds(10, 10) && !holds(10, 11));
        assert!(holds(FOREVER_NS, FOREVER_NS - 1));
    }
}
