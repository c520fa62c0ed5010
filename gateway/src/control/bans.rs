//! Sources that are kept out: those that rules ban, from the workers' channel onto the XDP program's
//! block list, and off it again when their time is over; and those of the configuration's lists, for
//! as long as they stand there. What is never to be kept out wins over both.

mod wishes;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use abi::ban::{FOREVER_NS, NEVER_NS};
use ipnet::IpNet;
use tokio::sync::oneshot;

use super::events::Policies;
use super::feeds::{Feeds, Sources};
use super::load;
use super::never::Never;
use crate::control::metrics::ControlCounts;
use crate::dataplane::{Ban, xdp};

/// Orders that may wait for the keeper; a worker drops and counts what exceeds it.
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

    /// Keeps `source` out until `expires_ns` of the monotonic clock; or for good, or never.
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

    /// What an earlier run left on the list; told once.
    fn found(&mut self) -> Vec<(IpNet, u64)>;
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

    fn found(&mut self) -> Vec<(IpNet, u64)> {
        Self::found(self)
    }
}

/// What a configuration says about who is kept out.
#[derive(Debug)]
pub struct Lists {
    /// Whom, for now.
    pub sources: Sources,
    /// Where that may change.
    pub feeds: Feeds,
    /// Why they couldn't be read, so that whoever is kept out stays so.
    pub unread: Option<String>,
    /// Who asks what came of them.
    pub asker: Option<oneshot::Sender<Placed>>,
}

/// What came of the lists of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Networks that are kept out.
    pub listed: usize,
    /// Those that aren't, though they should be.
    pub unplaced: usize,
}

/// What the keeper is told.
#[derive(Debug)]
pub enum Order {
    /// By a worker: a rule bans a source.
    Ban(Ban),
    /// By who reads configurations.
    Lists(Lists),
    /// By the operator.
    Wish(Wish),
}

/// What an operator asks of the keeper, and whom to answer. Who doesn't wait for it has lost nothing.
#[derive(Debug)]
pub enum Wish {
    /// Who is banned, and for how many seconds yet, the longest first.
    Show(oneshot::Sender<Vec<(IpNet, u64)>>),
    /// To keep a network out for so long from now, whatever it was banned for.
    Ban(IpNet, Duration, oneshot::Sender<Result<(), String>>),
    /// To let a network in again. Says whether it was banned.
    Unban(IpNet, oneshot::Sender<Result<bool, String>>),
}

/// The channel to the keeper.
#[must_use]
pub fn channel() -> (SyncSender<Order>, Receiver<Order>) {
    sync_channel(CAPACITY)
}

/// Keeps the block list.
pub struct Keeper<L> {
    list: L,
    /// Where a rule that bans can be looked up.
    policies: Arc<Policies>,
    counts: Arc<ControlCounts>,
    /// Bans of rules, and when they end.
    expiries: HashMap<IpNet, u64>,
    /// What the lists keep out and the kernel has: in order, each once.
    listed: Vec<IpNet>,
    never: Never,
    feeds: Option<Feeds>,
}

impl<L: BlockList> Keeper<L> {
    /// Takes over the list with what is on it.
    pub fn new(mut list: L, policies: Arc<Policies>, counts: Arc<ControlCounts>) -> Self {
        let (mut expiries, mut listed, mut never) = (HashMap::new(), Vec::new(), Vec::new());
        for (source, expires_ns) in list.found() {
            match expires_ns {
                FOREVER_NS => listed.push(source),
                NEVER_NS => never.push(source),
                _ => drop(expiries.insert(source, expires_ns)),
            }
        }
        listed.sort_unstable();
        let keeper = Self {
            list,
            policies,
            counts,
            expiries,
            listed,
            never: Never::new(&never),
            feeds: None,
        };
        keeper.show();
        keeper
    }

    /// Does what it is told until nobody is left to tell it anything, or `stop` is set; between whiles,
    /// `also` is done.
    pub fn run(mut self, orders: &Receiver<Order>, stop: &AtomicBool, mut also: impl FnMut()) {
        let mut swept = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            match orders.recv_timeout(SWEEP) {
                Ok(Order::Ban(ban)) => self.place(&ban, now_ns()),
                Ok(Order::Lists(lists)) => {
                    let placed = match lists.unread {
                        Some(why) => self.stay(lists.sources.never, &why),
                        None => self.follow(lists.sources),
                    };
                    self.feeds = Some(lists.feeds);
                    if let Some(asker) = lists.asker {
                        // Who has gone meanwhile needs no answer.
                        let _ = asker.send(placed);
                    }
                }
                Ok(Order::Wish(wish)) => self.grant(wish, now_ns()),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if swept.elapsed() >= SWEEP {
                self.sweep(now_ns());
                self.look_at_feeds();
                also();
                swept = Instant::now();
            }
        }
    }

    /// Follows files of the configuration in force that have changed.
    fn look_at_feeds(&mut self) {
        let Some(feeds) = &mut self.feeds else {
            return;
        };
        if !feeds.have_changed() {
            return;
        }
        let (blocked, diagnostics) = feeds.read();
        let problems = diagnostics.to_string();
        if let Some(first) = load::first_error(&diagnostics) {
            tracing::error!("the block lists stay as they are:\n{}", problems.trim_end());
            self.counts.lists.fails(&first);
            return;
        }
        if !problems.is_empty() {
            tracing::warn!("{}", problems.trim_end());
        }
        let never = self.never.networks().to_vec();
        self.follow(Sources { blocked, never });
    }

    /// Follows lists that could be read.
    fn follow(&mut self, sources: Sources) -> Placed {
        let placed = self.replace(sources);
        self.counts.lists.succeeds();
        placed
    }

    /// Brings the kernel's list to what the configuration says, and leaves bans of rules alone.
    fn replace(&mut self, sources: Sources) -> Placed {
        let started = Instant::now();
        let (wanted, never) = sources.settle();
        self.exempt(never);
        let listed = std::mem::take(&mut self.listed);
        for source in without(&listed, &wanted) {
            self.unlist(source);
        }
        let mut refused = Vec::new();
        let mut last_error = None;
        let mut added = 0_usize;
        for source in without(&wanted, &listed) {
            match self.list.place(source, FOREVER_NS) {
                Ok(()) => added += 1,
                Err(error) => {
                    refused.push(source);
                    last_error = Some(error);
                }
            }
        }
        if let Some(error) = last_error {
            tracing::error!(networks = refused.len(), %error, "on the block lists, but could not be kept out");
        }
        // What was refused is tried again with the next change.
        self.listed = without(&wanted, &refused).collect();
        if added > 0 || self.listed != listed {
            let seconds = started.elapsed().as_secs_f64();
            tracing::info!(
                networks = self.listed.len(),
                added,
                seconds,
                "block lists are in force"
            );
        }
        let placed = Placed {
            listed: self.listed.len(),
            unplaced: refused.len(),
        };
        let unplaced = i64::try_from(placed.unplaced).unwrap_or(i64::MAX);
        self.counts.unlisted.store(unplaced, Ordering::Relaxed);
        self.show();
        placed
    }

    /// Leaves the lists, which can't be read, as they are, but for what is never kept out.
    fn stay(&mut self, never: Vec<IpNet>, why: &str) -> Placed {
        self.counts.lists.fails(why);
        let unplaced = self.counts.unlisted.load(Ordering::Relaxed);
        let blocked = self.listed.clone();
        let placed = self.replace(Sources { blocked, never });
        self.counts.unlisted.fetch_add(unplaced, Ordering::Relaxed);
        let unplaced = usize::try_from(unplaced).unwrap_or(0);
        Placed {
            unplaced: placed.unplaced + unplaced,
            ..placed
        }
    }

    /// Puts what is never kept out on the list, in the place of what was.
    fn exempt(&mut self, never: Never) {
        let before = std::mem::take(&mut self.never);
        for &network in before.networks() {
            if !never.networks().contains(&network) {
                self.lift(network);
            }
        }
        for &network in never.networks() {
            if let Err(error) = self.list.place(network, NEVER_NS) {
                tracing::error!(%network, %error, "in `never`, but could not be exempted");
            }
        }
        let covered: Vec<IpNet> = self.expiries.keys().copied().collect();
        for source in covered.into_iter().filter(|source| never.covers(*source)) {
            self.expiries.remove(&source);
            if !never.networks().contains(&source) {
                self.lift(source);
            }
        }
        self.never = never;
    }

    /// Takes off what the lists no longer have; a rule's ban on it goes on.
    fn unlist(&mut self, source: IpNet) {
        if self.never.networks().contains(&source) {
            return;
        }
        match self.expiries.get(&source) {
            Some(&expires_ns) => {
                if let Err(error) = self.list.place(source, expires_ns) {
                    tracing::warn!(%source, %error, "could not be banned");
                }
            }
            None => self.lift(source),
        }
    }

    fn lift(&mut self, source: IpNet) {
        if let Err(error) = self.list.lift(source) {
            tracing::warn!(%source, %error, "could not be taken off the block list");
        }
    }

    fn place(&mut self, ban: &Ban, now_ns: u64) {
        let duration_ns = u64::try_from(ban.duration.as_nanos()).unwrap_or(u64::MAX);
        let expires_ns = now_ns.saturating_add(duration_ns);
        let source = ban.source;
        if self.listed.binary_search(&source).is_ok() {
            return;
        }
        if self.never.covers(source) {
            self.counts.bans_exempt.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let in_force = self.expiries.get(&source).copied().unwrap_or(0);
        if in_force.saturating_add(WORTHWHILE_NS) > expires_ns && in_force > now_ns {
            return;
        }
        // The log has it.
        let _ = self.keep_out(source, expires_ns, ban.duration, Some(ban));
    }

    fn keep_out(
        &mut self,
        source: IpNet,
        expires_ns: u64,
        duration: Duration,
        by_rule: Option<&Ban>,
    ) -> Result<(), L::Error> {
        let placed = self.list.place(source, expires_ns);
        match &placed {
            Ok(()) => {
                self.counts.bans_placed.fetch_add(1, Ordering::Relaxed);
                if self.expiries.insert(source, expires_ns).is_none() {
                    let rule = by_rule.and_then(|ban| self.id_of(ban));
                    let (seconds, rule) = (duration.as_secs(), rule.as_deref());
                    tracing::info!(%source, seconds, rule, "banned");
                }
            }
            Err(error) => {
                self.counts.bans_failed.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(%source, %error, "could not be banned");
            }
        }
        self.show();
        placed
    }

    /// The rule behind a ban.
    fn id_of(&self, ban: &Ban) -> Option<String> {
        self.policies
            .with_rule(ban.generation, ban.rule, |rule| rule.id.clone())
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
        let listed = i64::try_from(self.listed.len()).unwrap_or(i64::MAX);
        self.counts.listed.store(listed, Ordering::Relaxed);
    }
}

/// What is in `some` and not in `others`; both are in order.
fn without<'a>(some: &'a [IpNet], others: &'a [IpNet]) -> impl Iterator<Item = IpNet> + 'a {
    let mut others = others.iter().peekable();
    some.iter().copied().filter(move |network| {
        while others.next_if(|other| **other < *network).is_some() {}
        others.peek() != Some(&network)
    })
}

/// The monotonic clock, which the XDP program compares expiries with.
fn now_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

#[cfg(test)]
mod tests;
