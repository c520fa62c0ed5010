//! What the operator decides for a port.

/// An end of a link. The numbers are part of the layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum Side {
    /// The devices' side.
    Inside = 0,
    /// The other one.
    Outside = 1,
}

/// What happens to frames of services while no live worker takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// The kernel forwards them, uninspected.
    #[default]
    Open,
    /// They are dropped.
    Closed,
}

/// What happens to fragments of IP datagrams of services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fragments {
    /// They are dropped.
    #[default]
    Drop,
    /// They are forwarded, uninspected.
    Forward,
}

/// What happens to frames that the program refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Refusals {
    /// They are dropped.
    #[default]
    Enforced,
    /// They are counted as refused, and forwarded.
    Monitored,
}

/// How a port treats frames of services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PortConfig {
    /// Age of a heartbeat from which on its worker counts as hung, in nanoseconds.
    pub stale_after_ns: u64,
    /// The fallback.
    pub on_failure: OnFailure,
    /// The rule for fragments.
    pub fragments: Fragments,
    /// Whether refusals are carried out.
    pub refusals: Refusals,
}

const CLOSED: u64 = 1 << 0;
const FORWARD_FRAGMENTS: u64 = 1 << 1;
const MONITORED: u64 = 1 << 2;

impl PortConfig {
    /// The map value of this configuration.
    #[must_use]
    pub const fn to_words(self) -> [u64; 2] {
        let mut flags = 0;
        if matches!(self.on_failure, OnFailure::Closed) {
            flags |= CLOSED;
        }
        if matches!(self.fragments, Fragments::Forward) {
            flags |= FORWARD_FRAGMENTS;
        }
        if matches!(self.refusals, Refusals::Monitored) {
            flags |= MONITORED;
        }
        [self.stale_after_ns, flags]
    }

    /// The configuration in a map value. Bits without a meaning are left alone.
    #[must_use]
    #[inline(always)]
    pub const fn from_words([stale_after_ns, flags]: [u64; 2]) -> Self {
        Self {
            stale_after_ns,
            on_failure: if flags & CLOSED == 0 {
                OnFailure::Open
            } else {
                OnFailure::Closed
            },
            fragments: if flags & FORWARD_FRAGMENTS == 0 {
                Fragments::Drop
            } else {
                Fragments::Forward
            },
            refusals: if flags & MONITORED == 0 {
                Refusals::Enforced
            } else {
                Refusals::Monitored
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_every_configuration() {
        for flags in 0..8 {
            let words = [100_000_000, flags];
            assert_eq!(PortConfig::from_words(words).to_words(), words);
        }
        assert_eq!(PortConfig::from_words([0, 0]), PortConfig::default());
    }
}
