//! Sources that rules keep out: from the workers' channel onto the XDP program's block list, and
//! off it again when their time is over.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use ipnet::IpNet;

use crate::control::metrics::ControlCounts;
use crate::dataplane::{Ban, xdp};

/// Bans that may wait for the keeper; a worker drops and counts what exceeds it.
const CAPACITY: usize = 1024;
/// How often expired entries are taken off the list. The XDP program itself heeds the expiry, so
/// this only makes room.
const SWEEP: Duration = Duration::from_secs(1);
/// A ban that would end less than this later than the one in force is left as it is: a flood from
/// one source asks for one with every frame.
const WORTHWHILE_NS: u64 = 1_000_000_000;

/// The block list in the kernel.
pub trait BlockList: Send + 'static {
    /// What the kernel can say against it.
    type Error: std::fmt::Display;

    /// Keeps `source` out until `expires_ns` of the monotonic clock.
    ///
    /// # Errors
    ///
    /// The list is full, or out of reach.
    fn place(&mut self, source: IpNet, expires_ns: u64) -> Result<(), Self::Error>;

    /// Lets `source` in again.
    ///
    /// # Errors
    ///
    /// The list is out of reach.
    fn lift(&mut self, source: IpNet) -> Result<(), Self::Error>;

    /// What an earlier run left on the list.
    ///
    /// # Errors
    ///
    /// The list is out of reach.
    fn entries(&self) -> Result<Vec<(IpNet, u64)>, Self::Error>;
}

impl BlockList for xdp::BlockList {
    type Error = xdp::Error;

    fn place(&mut self, source: IpNet, expires_ns: u64) -> Result<(), xdp::Error> {
        Self::place(self, source, expires_ns)
    }

    fn lift(&mut self, source: IpNet) -> Result<(), xdp::Error> {
        // Whether it was there doesn't matter: it is gone now.
        Self::lift(self, source).map(drop)
    }

    fn entries(&self) -> Result<Vec<(IpNet, u64)>, xdp::Error> {
        Self::entries(self)
    }
}

/// The channel from the workers to the keeper.
#[must_use]
pub fn channel() -> (SyncSender<Ban>, Receiver<Ban>) {
    sync_channel(CAPACITY)
}

/// Keeps the block list.
pub struct Keeper<L> {
    list: L,
    counts: Arc<ControlCounts>,
    expiries: HashMap<IpNet, u64>,
}

impl<L: BlockList> Keeper<L> {
    /// Takes over the list with what is on it.
    ///
    /// # Errors
    ///
    /// The list can't be read.
    pub fn new(list: L, counts: Arc<ControlCounts>) -> Result<Self, L::Error> {
        let expiries: HashMap<IpNet, u64> = list.entries()?.into_iter().collect();
        let keeper = Self {
            list,
            counts,
            expiries,
        };
        keeper.show();
        Ok(keeper)
    }

    /// Serves the channel until all workers are gone or `stop` is set.
    pub fn run(mut self, bans: &Receiver<Ban>, stop: &AtomicBool) {
        let mut swept = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            match bans.recv_timeout(SWEEP) {
                Ok(ban) => self.place(&ban, now_ns()),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if swept.elapsed() >= SWEEP {
                self.sweep(now_ns());
                swept = Instant::now();
            }
        }
    }

    fn place(&mut self, ban: &Ban, now_ns: u64) {
        let duration_ns = u64::try_from(ban.duration.as_nanos()).unwrap_or(u64::MAX);
        let expires_ns = now_ns.saturating_add(duration_ns);
        let source = IpNet::from(ban.source);
        let in_force = self.expiries.get(&source).copied().unwrap_or(0);
        if in_force.saturating_add(WORTHWHILE_NS) > expires_ns && in_force > now_ns {
            return;
        }
        match self.list.place(source, expires_ns) {
            Ok(()) => {
                self.counts.bans_placed.fetch_add(1, Ordering::Relaxed);
                if self.expiries.insert(source, expires_ns).is_none() {
                    tracing::info!(source = %ban.source, seconds = ban.duration.as_secs(), "banned");
                }
            }
            Err(error) => {
                self.counts.bans_failed.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(source = %ban.source, %error, "could not be banned");
            }
        }
        self.show();
    }

    fn sweep(&mut self, now_ns: u64) {
        let over: Vec<IpNet> = self
            .expiries
            .iter()
            .filter(|&(_, &end)| end <= now_ns)
            .map(|(&ip, _)| ip)
            .collect();
        for source in over {
            if let Err(error) = self.list.lift(source) {
                tracing::warn!(%source, %error, "could not be taken off the block list");
                continue;
            }
            self.expiries.remove(&source);
            tracing::info!(%source, "the ban is over");
        }
        self.show();
    }

    fn show(&self) {
        let bans = i64::try_from(self.expiries.len()).unwrap_or(i64::MAX);
        self.counts.bans.store(bans, Ordering::Relaxed);
    }
}

/// The monotonic clock, which the XDP program compares expiries with.
fn now_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use policy::RuleIndex;

    use super::*;

    const SECOND_NS: u64 = 1_000_000_000;

    #[derive(Clone, Default)]
    struct Fake(Arc<Mutex<Vec<(IpNet, u64)>>>);

    impl BlockList for Fake {
        type Error = String;

        fn place(&mut self, source: IpNet, expires_ns: u64) -> Result<(), String> {
            let mut list = self.0.lock().expect("one thread");
            if list.len() == 2 {
                return Err("full".to_owned());
            }
            list.push((source, expires_ns));
            Ok(())
        }

        fn lift(&mut self, source: IpNet) -> Result<(), String> {
            self.0
                .lock()
                .expect("one thread")
                .retain(|(ip, _)| *ip != source);
            Ok(())
        }

        fn entries(&self) -> Result<Vec<(IpNet, u64)>, String> {
            Ok(self.0.lock().expect("one thread").clone())
        }
    }

    fn ban(source: &str, seconds: u64) -> Ban {
        Ban {
            source: source.parse().expect("an address"),
            duration: Duration::from_secs(seconds),
            rule: RuleIndex(0),
        }
    }

    fn keeper(list: &Fake) -> (Keeper<Fake>, Arc<ControlCounts>) {
        let counts = Arc::new(ControlCounts::default());
        let keeper = Keeper::new(list.clone(), Arc::clone(&counts)).expect("a readable list");
        (keeper, counts)
    }

    #[test]
    fn a_ban_is_placed_once_and_ends() {
        let list = Fake::default();
        let (mut keeper, counts) = keeper(&list);
        for _ in 0..100 {
            keeper.place(&ban("192.0.2.1", 60), SECOND_NS);
        }
        assert_eq!(
            *list.0.lock().expect("one thread"),
            [("192.0.2.1/32".parse().expect("an address"), 61 * SECOND_NS)]
        );
        keeper.sweep(60 * SECOND_NS);
        assert_eq!(counts.bans.load(Ordering::Relaxed), 1);
        keeper.sweep(61 * SECOND_NS);
        assert_eq!(counts.bans.load(Ordering::Relaxed), 0);
        assert!(list.0.lock().expect("one thread").is_empty());
    }

    #[test]
    fn a_full_list_is_counted() {
        let list = Fake::default();
        let (mut keeper, counts) = keeper(&list);
        for source in ["192.0.2.1", "2001:db8::1", "192.0.2.3"] {
            keeper.place(&ban(source, 60), 0);
        }
        assert_eq!(counts.bans_placed.load(Ordering::Relaxed), 2);
        assert_eq!(counts.bans_failed.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn what_an_earlier_run_banned_ends_as_well() {
        let list = Fake::default();
        keeper(&list).0.place(&ban("192.0.2.1", 5), 0);
        let (mut successor, counts) = keeper(&list);
        assert_eq!(counts.bans.load(Ordering::Relaxed), 1);
        successor.sweep(5 * SECOND_NS);
        assert_eq!(counts.bans.load(Ordering::Relaxed), 0);
    }
}
