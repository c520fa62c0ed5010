//! What the operator decides for a port.

use crate::budget::Budget;
use crate::outcome::OutcomeSet;

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
    /// What a source may send, and a client be sent.
    pub budget: Budget,
    /// For what a CoAP datagram may be refused without the inspector.
    pub coap_refused: OutcomeSet,
    /// The largest CoAP message.
    pub coap_bytes_max: u64,
}

/// The map value of a [`PortConfig`].
pub type PortWords = [u64; 10];

const CLOSED: u64 = 1 << 0;
const FORWARD_FRAGMENTS: u64 = 1 << 1;
const MONITORED: u64 = 1 << 2;

impl PortConfig {
    /// The map value of this configuration.
    #[must_use]
    pub const fn to_words(self) -> PortWords {
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
        let Budget {
            cost_ns: [tcp_ns, udp_ns],
            response_ns,
            burst_ns,
            key: [k0, k1],
        } = self.budget;
        [
            self.stale_after_ns,
            flags,
            tcp_ns,
            udp_ns,
            response_ns,
            burst_ns,
            k0,
            k1,
            self.coap_refused.0,
            self.coap_bytes_max,
        ]
    }

    /// The configuration in a map value. Bits without a meaning are left alone.
    #[must_use]
    #[inline(always)]
    pub const fn from_words(words: PortWords) -> Self {
        let [
            stale_after_ns,
            flags,
            tcp_ns,
            udp_ns,
            response_ns,
            burst_ns,
            k0,
            k1,
            refused,
            max,
        ] = words;
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
            budget: Budget {
                cost_ns: [tcp_ns, udp_ns],
                response_ns,
                burst_ns,
                key: [k0, k1],
            },
            coap_refused: OutcomeSet(refused),
            coap_bytes_max: max,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_every_configuration() {
        for flags in 0..8 {
            let words = [100_000_000, flags, 3, 4, 5, 6, 7, 8, 9, 10];
            assert_eq!(PortConfig::from_words(words).to_words(), words);
        }
        assert_eq!(PortConfig::from_words([0; 10]), PortConfig::default());
    }
}
