//! Sources and clients over their packet budgets, named in the log: the XDP program drops what is too
//! much before there is an inspector to make an event of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ipnet::IpNet;

use super::metrics::ReadXdp;
use crate::dataplane::xdp::{self, Whose};

/// How often the buckets are looked at, if anything was dropped meanwhile: it takes some 10 ms.
const INTERVAL: Duration = Duration::from_secs(5);
/// Addresses that are named at a look.
const NAMED_MAX: usize = 16;
/// One that goes on is named again after this long.
const AGAIN_AFTER: Duration = Duration::from_secs(300);

/// Looks after the budgets.
pub(super) struct Watch {
    budgets: xdp::Budgets,
    counts: ReadXdp,
    burst_ns: Arc<AtomicU64>,
    looked: Instant,
    /// By [`Whose`].
    dropped: [u64; 2],
    named: HashMap<(Whose, IpNet), Instant>,
}

impl Watch {
    /// A watch over budgets with this burst, which a reload may change.
    pub(super) fn new(budgets: xdp::Budgets, counts: ReadXdp, burst_ns: Arc<AtomicU64>) -> Self {
        Self {
            budgets,
            dropped: dropped(&counts),
            counts,
            burst_ns,
            looked: Instant::now(),
            named: HashMap::new(),
        }
    }

    /// Names who was over its budget since the last look, now and then.
    pub(super) fn look(&mut self) {
        let since = self.looked.elapsed();
        if since < INTERVAL {
            return;
        }
        self.looked = Instant::now();
        let dropped = dropped(&self.counts);
        let before = std::mem::replace(&mut self.dropped, dropped);
        let burst_ns = self.burst_ns.load(Ordering::Relaxed);
        for whose in Whose::ALL {
            let frames = dropped[whose as usize].saturating_sub(before[whose as usize]);
            if frames == 0 {
                continue;
            }
            match self.budgets.exhausted(whose, since, burst_ns, NAMED_MAX) {
                Ok(addresses) => self.name(whose, &addresses, frames),
                Err(error) => tracing::warn!(%error, "the packet budgets can't be read"),
            }
        }
    }

    fn name(&mut self, whose: Whose, addresses: &[IpNet], frames: u64) {
        self.named.retain(|_, named| named.elapsed() < AGAIN_AFTER);
        for &address in addresses {
            if self.named.len() >= NAMED_MAX || self.named.contains_key(&(whose, address)) {
                continue;
            }
            self.named.insert((whose, address), Instant::now());
            match whose {
                Whose::Sources => {
                    tracing::warn!(source = %address, frames, "over its packet budget: the rest was dropped ([budget])");
                }
                Whose::Clients => {
                    tracing::warn!(client = %address, frames, "sent more responses than its budget: the rest was dropped ([budget])");
                }
            }
        }
    }
}

/// Frames over budget on all ports, by whose budget it was.
fn dropped(counts: &ReadXdp) -> [u64; 2] {
    let counts = counts();
    Whose::ALL.map(|whose| {
        let name = whose.outcome().name();
        let over = counts.iter().filter(|count| count.outcome == name);
        over.map(|count| count.frames).sum()
    })
}
