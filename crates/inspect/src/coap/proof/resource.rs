//! How large the answers were that had to be challenged.
//!
//! A response that is replaced by a challenge has cost its server the work of a request, and the
//! client will ask again. For a safe method that is waste; for others it is worse. So the next
//! unvalidated client that asks for the same is challenged at once, and the server sees only the
//! request that carries the proof.

use crate::Instant;
use crate::coap::aged::Aged;
use crate::table::Table;

/// How long a size is believed. The next answer after that is looked at again.
const LIFETIME_S: u64 = 10 * 60;

/// The sizes of the answers that were challenged last, by server, method and path.
#[derive(Debug)]
pub(crate) struct Resources {
    sizes: Table<u64, Aged<usize, LIFETIME_S>>,
}

impl Resources {
    pub(crate) fn new(capacity: usize, hash_seed: u64) -> Self {
        Self {
            sizes: Table::new(capacity, hash_seed),
        }
    }

    /// An answer of `len` bytes had to be challenged.
    pub(crate) fn learn(&self, now: Instant, resource: u64, len: usize) {
        let size = Aged::new(now, len);
        self.sizes
            .with_or_insert(now, resource, || size, |known| *known = size);
    }

    /// An answer of `len` bytes didn't have to be: as long as nobody knows of a larger one.
    pub(crate) fn learn_unknown(&self, now: Instant, resource: u64, len: usize) {
        self.sizes
            .with_or_insert(now, resource, || Aged::new(now, len), |_| ());
    }

    /// Whether there are none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.sizes.len() == 0
    }

    /// How many bytes the answer had when it last had to be challenged, or was waited for.
    pub(crate) fn expected(&self, now: Instant, resource: u64) -> Option<usize> {
        self.sizes.with(now, &resource, |size| size.value)
    }

    /// Forgets what is over, looking at about `at_most`. Returns whether there may be more.
    pub(crate) fn sweep(&self, now: Instant, at_most: usize) -> bool {
        self.sizes.sweep(now, at_most)
    }
}
