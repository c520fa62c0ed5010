//! Sources over their packet budgets, named in the log: the XDP program drops what they send too much
//! before there is an inspector to make an event of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use abi::Outcome;
use ipnet::IpNet;

use super::metrics::ReadXdp;
use crate::dataplane::xdp;

/// How often the buckets are looked at, if anything was dropped meanwhile: it takes some 10 ms.
const INTERVAL: Duration = Duration::from_secs(5);
/// Sources that are named at a look.
const SOURCES_MAX: usize = 16;
/// A source that goes on is named again after this long.
const AGAIN_AFTER: Duration = Duration::from_secs(300);

/// Looks after the budgets.
pub(super) struct Watch {
    budgets: xdp::Budgets,
    counts: ReadXdp,
    burst_ns: Arc<AtomicU64>,
    looked: Instant,
    dropped: u64,
    named: HashMap<IpNet, Instant>,
}

impl Watch {
    /// A watch over budgets with this burst, which a reload may change.
    pub(super) fn new(budgets: xdp::Budgets, counts: ReadXdp, burst_ns: Arc<AtomicU64>) -> Self {
        Self {
            budgets,
            dropped: over_budget(&counts),
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
        let dropped = over_budget(&self.counts);
        let frames = dropped.saturating_sub(std::mem::replace(&mut self.dropped, dropped));
        if frames == 0 {
            return;
        }
        let burst_ns = self.burst_ns.load(Ordering::Relaxed);
        match self.budgets.exhausted(since, burst_ns, SOURCES_MAX) {
            Ok(sources) => self.name(&sources, frames),
            Err(error) => tracing::warn!(%error, "the packet budgets can't be read"),
        }
    }

    fn name(&mut self, sources: &[IpNet], frames: u64) {
        self.named.retain(|_, named| named.elapsed() < AGAIN_AFTER);
        for source in sources {
            if self.named.len() < SOURCES_MAX && !self.named.contains_key(source) {
                tracing::warn!(%source, frames, "over its packet budget: the rest was dropped ([budget])");
                self.named.insert(*source, Instant::now());
            }
        }
    }
}

/// Frames over budget on all ports.
fn over_budget(counts: &ReadXdp) -> u64 {
    let name = Outcome::OverBudget.name();
    let counts = counts();
    let over = counts.iter().filter(|count| count.outcome == name);
    over.map(|count| count.frames).sum()
}
