//! The books of bytes: what came from each client's address and what went towards it, over the sliding
//! windows the rules ask about; and which endpoints are validated.
//!
//! Of those that have proved nothing, the key is the address: it is a host, or the line it hangs on, that a reflection
//! flood fills (RFC 9175 §2.4, draft-irtf-t2trg-amplification-attacks). An IPv6 address counts by
//! itself, although an attacker may aim at a whole /64. A proof is the endpoint's alone, for behind an address there
//! may be thousands (NAT), and a forger names any port: from then on it has books of its own, which go on from those
//! of its address, for what it asked is in them; and what it draws is no part of what the others at its address may.
//!
//! What comes pays for what goes, once, within the window (`window`). Who isn't remembered has sent
//! nothing and is not validated.
//!
//! Where other budgets come into force, the books begin anew, for everybody at once: what came in and
//! went out before is forgotten together, so that the budget holds from then on, and over a window that
//! reaches back if it held before. Only what is under way takes its request along: the first answer or notification that comes
//! under the new budgets brings the bytes of the request it answers, once.
//!
//! An answer may take longer than a window reaches back: a server has as long for it as its exchange lasts (RFC 7252
//! §4.8.2), and once it has acknowledged the request, as long as it likes (§5.2.2). Its request counts once more then, so far
//! as it hasn't paid for something else.
//!
//! A datagram towards a client is *charged* before it is judged, and *refunded* if it isn't
//! forwarded: two workers can't both spend the last of a budget.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use policy::Ratio;
use smallvec::SmallVec;

use super::own_books::{OwnBook, OwnBooks};
use super::proven::Proven;
use super::size::Size;
use super::window::Window;
use crate::Instant;
use crate::coap::exchange::endpoint::Endpoint;
use crate::coap::exchange::sent::{EXCHANGE_LIFETIME, PROMISED_LIFETIME};
use crate::table::{Aging, Table};

/// How long an endpoint stays validated after its last proof. Afterwards it may be another host's.
pub(crate) const VALIDATION: Duration = Duration::from_secs(30 * 60);
/// An unvalidated client that is silent for longer is forgotten, or for twice the longest window: not while
/// an answer to it may be under way.
const IDLE_MIN: Duration = EXCHANGE_LIFETIME;
/// How long after that a block-wise transfer begun before may still go on.
const LAPSED: Duration = Duration::from_secs(5 * 60);

/// All clients' books.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// By endpoint, those of no proof by their address.
    clients: Table<Endpoint, Client>,
    /// Which endpoints may be among them.
    own: Arc<OwnBooks>,
    proven: Proven,
    /// How often the books were begun anew.
    edition: AtomicU32,
}

/// What the books say of a client, as one datagram is being judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Whether the client has proved that it reads what is sent to it.
    pub(crate) validation: Validation,
    /// One for each of the ratios asked for, in that order.
    pub(crate) balances: SmallVec<[Balance; 2]>,
    /// Whether another client had to be forgotten for this one.
    pub(crate) evicted: bool,
}

/// What a client has proved (RFC 9175 §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Validation {
    /// Nothing, or too long ago.
    None,
    /// It did once; good enough for the rest of a block-wise transfer.
    Lapsed,
    /// That it reads what is sent to it.
    Fresh,
}

/// Bytes of a client within a window, on the layer of its ratio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Balance {
    /// From the client.
    pub(crate) received: u64,
    /// Towards the client; a datagram under judgement is in it.
    pub(crate) sent: u64,
}

/// An entry of the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    /// From the client.
    Credit,
    /// Towards the client.
    Charge,
    /// What was charged and then not forwarded.
    Refund,
    /// From the client, so long ago that it stands in no window any more, while its answer was awaited. So much
    /// of it counts once more as has paid for nothing.
    Overdue,
}

impl Ledger {
    pub(crate) fn new(clients: usize, hash_seed: u64) -> Self {
        Self {
            clients: Table::new(clients, hash_seed),
            own: Arc::new(OwnBooks::new(hash_seed.rotate_left(16))),
            proven: Proven::new(clients, hash_seed.rotate_left(32)),
            edition: AtomicU32::new(0),
        }
    }

    /// What was entered so far counts no more. Who is validated stays so.
    pub(crate) fn begin_anew(&self) {
        self.edition.fetch_add(1, Ordering::Relaxed);
    }

    /// Enters a datagram for `client`, and tells how it stands afterwards under each of `ratios`.
    #[inline]
    pub(crate) fn enter(
        &self,
        now: Instant,
        client: Endpoint,
        entry: Entry,
        size: Size,
        ratios: &[Ratio],
    ) -> Standing {
        let mut standing = Standing {
            validation: Validation::None,
            balances: SmallVec::new(),
            evicted: false,
        };
        let edition = self.edition.load(Ordering::Relaxed);
        let mut visit = |client: &mut Client| {
            client.turn_to(edition);
            client.enter(now, entry, size, ratios, &mut standing);
        };
        let has_own =
            self.own.may_have(client) && self.clients.with(now, &client, &mut visit).is_some();
        if !has_own {
            let (strangers, make) = (client.strangers(), || Client::new(now));
            let ((), evicted) = self.clients.with_or_insert(now, strangers, make, visit);
            standing.evicted = evicted;
        }
        standing
    }

    /// Notes that `client` has proved its address: of all that have at that address, it is among the latest. From
    /// port 0 nobody does.
    pub(crate) fn validate(&self, now: Instant, client: Endpoint) {
        if client == client.strangers() {
            return;
        }
        let visit = |client: &mut Client| {
            client.used = client.used.max(now);
            client.validated = Some(now);
        };
        let one_of = |strangers: &mut Client| strangers.one(now);
        let one = self.clients.with(now, &client.strangers(), one_of);
        let make = || Client {
            _own: Some(OwnBook::new(&self.own, client)),
            ..one.unwrap_or_else(|| Client::new(now))
        };
        self.clients.with_or_insert(now, client, make, visit);
        if let Some(oldest) = self.proven.note(now, client) {
            let forget = |oldest: &mut Client| oldest.validated = None;
            self.clients.with(now, &oldest, forget);
        }
    }

    /// `client` has been promised an answer that may take long: its books are kept till then.
    pub(crate) fn promise(&self, now: Instant, client: Endpoint) {
        let visit = |client: &mut Client| client.idle = client.idle.max(PROMISED_LIFETIME);
        if self.clients.with(now, &client, visit).is_none() {
            self.clients.with(now, &client.strangers(), visit);
        }
    }

    /// Clients remembered.
    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }

    /// Forgets clients whose books are empty, looking at about `at_most`. Returns whether to go on.
    pub(crate) fn sweep(&self, now: Instant, at_most: usize) -> bool {
        let more = self.proven.sweep(now, at_most);
        self.clients.sweep(now, at_most) || more
    }
}

impl Validation {
    fn of(proved: Option<Instant>, now: Instant) -> Self {
        match proved {
            Some(at) if now < at + VALIDATION => Self::Fresh,
            Some(at) if now < at + VALIDATION + LAPSED => Self::Lapsed,
            _ => Self::None,
        }
    }
}

/// The books of one client.
#[derive(Debug)]
struct Client {
    used: Instant,
    validated: Option<Instant>,
    /// Of an endpoint.
    _own: Option<OwnBook>,
    /// How long after its last use it is still remembered, if it isn't validated.
    idle: Duration,
    /// Of the books that `windows` belong to.
    edition: u32,
    windows: SmallVec<[Window; 1]>,
}

impl Client {
    fn new(now: Instant) -> Self {
        Self {
            used: now,
            validated: None,
            _own: None,
            idle: IDLE_MIN,
            edition: 0,
            windows: SmallVec::new(),
        }
    }

    /// One of those at an address, whose books go on from theirs.
    fn one(&self, now: Instant) -> Self {
        Self {
            idle: self.idle,
            edition: self.edition,
            windows: self.windows.clone(),
            ..Self::new(now)
        }
    }

    /// Forgets what was entered in another edition of the books.
    fn turn_to(&mut self, edition: u32) {
        if self.edition != edition {
            self.edition = edition;
            self.windows.clear();
        }
    }

    fn enter(
        &mut self,
        now: Instant,
        entry: Entry,
        size: Size,
        ratios: &[Ratio],
        standing: &mut Standing,
    ) {
        self.used = self.used.max(now);
        self.keep(ratios);
        standing.validation = Validation::of(self.validated, now);
        for window in &mut self.windows {
            let bytes = size.on(window.ratio.of);
            standing.balances.push(window.enter(now, entry, bytes));
        }
    }

    /// Keeps a window for each of `ratios`, in that order. They change only with the policy.
    fn keep(&mut self, ratios: &[Ratio]) {
        let mut pairs = self.windows.iter().zip(ratios);
        if self.windows.len() == ratios.len() && pairs.all(|(kept, ratio)| kept.ratio == *ratio) {
            return;
        }
        self.begin_windows(ratios);
    }

    #[cold]
    fn begin_windows(&mut self, ratios: &[Ratio]) {
        let old = std::mem::take(&mut self.windows);
        let window = |ratio: &Ratio| {
            let same = old.iter().find(|window| window.ratio == *ratio);
            same.cloned().unwrap_or_else(|| Window::new(*ratio))
        };
        self.windows = ratios.iter().map(window).collect();
        let longest = ratios.iter().map(|ratio| ratio.window).max();
        self.idle = (longest.unwrap_or_default() * 2).max(IDLE_MIN);
    }
}

impl Aging for Client {
    fn used(&self) -> Instant {
        self.used
    }

    fn lifetime(&self) -> Duration {
        self.idle
    }

    fn is_established(&self, now: Instant) -> bool {
        Validation::of(self.validated, now) != Validation::None
    }

    fn is_over(&self, now: Instant) -> bool {
        self.used + self.lifetime() <= now && !self.is_established(now)
    }
}

#[cfg(test)]
mod tests;
