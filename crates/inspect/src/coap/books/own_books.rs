//! Which endpoints have books of their own, because somebody has proved something there. At most of them nobody has,
//! and so nobody need look for them.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::coap::exchange::endpoint::Endpoint;
use crate::hashing::{Hashing, hashing};

/// Endpoints that are told apart.
const SLOTS: usize = 4096;

/// How many endpoints have books of their own, by a hash.
#[derive(Debug)]
pub(crate) struct OwnBooks {
    slots: Box<[AtomicU32]>,
    hasher: Hashing,
}

/// Counts an endpoint as long as it lives.
#[derive(Debug)]
pub(crate) struct OwnBook {
    all: Arc<OwnBooks>,
    at: usize,
}

impl OwnBooks {
    pub(crate) fn new(hash_seed: u64) -> Self {
        let slots = std::iter::repeat_with(AtomicU32::default);
        Self {
            slots: slots.take(SLOTS).collect(),
            hasher: hashing(hash_seed),
        }
    }

    /// Whether `endpoint` may be counted. If not, it isn't.
    #[inline]
    pub(crate) fn may_have(&self, endpoint: Endpoint) -> bool {
        self.slots[self.at(endpoint)].load(Ordering::Relaxed) > 0
    }

    fn at(&self, endpoint: Endpoint) -> usize {
        self.hasher.hash_one(endpoint) as usize % SLOTS
    }
}

impl OwnBook {
    /// Counts `endpoint` from now on.
    pub(crate) fn new(own: &Arc<OwnBooks>, endpoint: Endpoint) -> Self {
        let at = own.at(endpoint);
        own.slots[at].fetch_add(1, Ordering::Relaxed);
        Self {
            all: Arc::clone(own),
            at,
        }
    }
}

impl Drop for OwnBook {
    fn drop(&mut self) {
        self.all.slots[self.at].fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    #[test]
    fn an_endpoint_is_counted_while_its_books_are_kept() {
        let own = Arc::new(OwnBooks::new(1));
        let endpoint = |port| Endpoint::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), port);
        let first = OwnBook::new(&own, endpoint(1));
        let again = OwnBook::new(&own, endpoint(1));
        assert!(own.may_have(endpoint(1)));
        let others = (2..100).filter(|port| own.may_have(endpoint(*port)));
        assert!(others.count() < 3, "others share its slot by chance only");
        drop(first);
        assert!(own.may_have(endpoint(1)));
        drop(again);
        assert!(!own.may_have(endpoint(1)));
    }
}
