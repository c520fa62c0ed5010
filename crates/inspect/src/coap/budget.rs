//! The books of bytes: what came from each client's address and what went towards it, over the sliding
//! windows the rules ask about; and which addresses are validated.
//!
//! The key is the address, not the endpoint: it is a host, or the line it hangs on, that a reflection
//! flood fills (RFC 9175 §2.4, draft-irtf-t2trg-amplification-attacks). An IPv6 address counts by
//! itself, although an attacker may aim at a whole /64.
//!
//! Books lean to the safe side. A window is a ring of granules: what came from the client counts only
//! as long as its whole granule is inside the window, what went towards it until its whole granule is
//! outside. So at any time, what went out in the true window is no more than the books say, and what
//! came in no less. An address nobody remembers has sent nothing and is not validated.
//!
//! Where other budgets come into force, the books begin anew, for everybody at once: what came in and
//! went out before is forgotten together, so that the budget holds from then on, and over a window that
//! reaches back if it held before. Only what is under way takes its request along: the first answer or notification that comes
//! under the new budgets brings the bytes of the request it answers, once.
//!
//! A datagram towards a client is *charged* before it is judged, and *refunded* if it isn't
//! forwarded: two workers can't both spend the last of a budget.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use smallvec::SmallVec;

use super::endpoint::Address;
use crate::Instant;
use crate::table::{Aging, Table};

/// How long an address stays validated after its last proof. Afterwards it may be another host's.
const VALIDATION: Duration = Duration::from_secs(30 * 60);
/// An unvalidated address that is silent for longer is forgotten, or for twice the longest window.
const IDLE_MIN: Duration = Duration::from_secs(120);
/// Granules of a window; one more is kept, the one that is only partly inside.
const GRANULES: u64 = 16;
const SLOTS: usize = GRANULES as usize + 1;

/// How long after that a block-wise transfer begun before may still go on.
const LAPSED: Duration = Duration::from_secs(5 * 60);

/// All clients' books.
#[derive(Debug)]
pub(super) struct Ledger {
    clients: Table<Address, Client>,
    /// How often the books were begun anew.
    edition: AtomicU32,
}

/// What the books say of a client, as one datagram is being judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    /// Whether the address has proved that it reads what is sent to it.
    pub(super) validation: Validation,
    /// One for each of the windows asked for, in that order.
    pub(super) balances: SmallVec<[Balance; 2]>,
    /// Whether another client had to be forgotten for this one.
    pub(super) evicted: bool,
}

/// What an address has proved (RFC 9175 §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Validation {
    /// Nothing, or too long ago.
    None,
    /// It did once; good enough for the rest of a block-wise transfer.
    Lapsed,
    /// That it reads what is sent to it.
    Fresh,
}

/// UDP payload bytes of a client within a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Balance {
    /// From the client.
    pub(super) received: u64,
    /// Towards the client; a datagram under judgement is in it.
    pub(super) sent: u64,
}

/// An entry of the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// From the client.
    Credit,
    /// Towards the client.
    Charge,
    /// What was charged and then not forwarded.
    Refund,
}

impl Ledger {
    pub(super) fn new(clients: usize, hash_seed: u64) -> Self {
        Self {
            clients: Table::new(clients, hash_seed),
            edition: AtomicU32::new(0),
        }
    }

    /// What was entered so far counts no more. Who is validated stays so.
    pub(super) fn begin_anew(&self) {
        self.edition.fetch_add(1, Ordering::Relaxed);
    }

    /// Enters `bytes` for `client`, and tells how it stands afterwards in each of `windows`.
    #[inline]
    pub(super) fn enter(
        &self,
        now: Instant,
        client: Address,
        entry: Entry,
        bytes: usize,
        windows: &[Duration],
    ) -> Standing {
        let mut standing = Standing {
            validation: Validation::None,
            balances: SmallVec::new(),
            evicted: false,
        };
        let edition = self.edition.load(Ordering::Relaxed);
        let visit = |client: &mut Client| {
            client.turn_to(edition);
            client.enter(now, entry, bytes, windows, &mut standing);
        };
        let make = || Client::new(now);
        let ((), evicted) = self.clients.with_or_insert(now, client, make, visit);
        standing.evicted = evicted;
        standing
    }

    /// Notes that `client` has proved its address.
    pub(super) fn validate(&self, now: Instant, client: Address) {
        let visit = |client: &mut Client| {
            client.used = client.used.max(now);
            client.validated = Some(now);
        };
        self.clients
            .with_or_insert(now, client, || Client::new(now), visit);
    }

    /// Clients remembered.
    pub(super) fn len(&self) -> usize {
        self.clients.len()
    }

    /// Forgets clients whose books are empty, looking at about `at_most`. Returns whether to go on.
    pub(super) fn sweep(&self, now: Instant, at_most: usize) -> bool {
        self.clients.sweep(now, at_most)
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
            idle: IDLE_MIN,
            edition: 0,
            windows: SmallVec::new(),
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
        bytes: usize,
        windows: &[Duration],
        standing: &mut Standing,
    ) {
        self.used = self.used.max(now);
        self.keep(windows);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        standing.validation = Validation::of(self.validated, now);
        for window in &mut self.windows {
            standing.balances.push(window.enter(now, entry, bytes));
        }
    }

    /// Keeps a ring for each of `windows`, in that order. They change only with the policy.
    fn keep(&mut self, windows: &[Duration]) {
        let kept = self.windows.iter().map(|window| window.length);
        if kept.eq(windows.iter().copied()) {
            return;
        }
        let old = std::mem::take(&mut self.windows);
        let ring = |length: &Duration| {
            let same = old.iter().find(|window| window.length == *length);
            same.cloned().unwrap_or_else(|| Window::new(*length))
        };
        self.windows = windows.iter().map(ring).collect();
        let longest = windows.iter().max().copied().unwrap_or_default();
        self.idle = (longest * 2).max(IDLE_MIN);
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

/// A sliding window over what came and went.
#[derive(Debug, Clone)]
struct Window {
    length: Duration,
    granule_ns: u64,
    /// The latest granule in the rings, counted from the epoch of [`Instant`].
    head: u64,
    /// Its slot, and that of the oldest: the granule that is only partly inside.
    slots: [u8; 2],
    /// When the next one begins.
    head_until: Instant,
    received: Ring,
    sent: Ring,
}

impl Window {
    fn new(length: Duration) -> Self {
        let granule_ns = (length.as_nanos() as u64 / GRANULES).max(1);
        Self {
            length,
            granule_ns,
            head: 0,
            slots: [0, 1],
            head_until: Instant(granule_ns),
            received: Ring::default(),
            sent: Ring::default(),
        }
    }

    fn enter(&mut self, now: Instant, entry: Entry, bytes: u32) -> Balance {
        if now >= self.head_until {
            self.advance(now.0 / self.granule_ns);
        }
        let [slot, oldest] = self.slots.map(usize::from);
        match entry {
            Entry::Credit => self.received.add(slot, bytes),
            Entry::Charge => self.sent.add(slot, bytes),
            Entry::Refund => self.sent.subtract(slot, bytes),
        }
        let partly_inside = self.received.slots[oldest];
        Balance {
            received: self.received.total - u64::from(partly_inside),
            sent: self.sent.total,
        }
    }

    /// Empties the slots between the latest granule and this one. A clock that is behind another
    /// worker's never comes here: its bytes go to the latest granule.
    fn advance(&mut self, granule: u64) {
        let passed = granule - self.head;
        for step in 1..=passed.min(SLOTS as u64) {
            let slot = slot(self.head + step).into();
            self.received.clear(slot);
            self.sent.clear(slot);
        }
        self.head = granule;
        self.slots = [slot(granule), slot(granule + 1)];
        self.head_until = Instant(granule.saturating_add(1).saturating_mul(self.granule_ns));
    }
}

/// Bytes by granule, and their sum. A slot is full at 4 GiB: 9 Gbit/s to one client, if a window
/// lasts a minute.
#[derive(Debug, Clone, Default)]
struct Ring {
    slots: [u32; SLOTS],
    total: u64,
}

impl Ring {
    fn add(&mut self, slot: usize, bytes: u32) {
        let sum = self.slots[slot].saturating_add(bytes);
        self.set(slot, sum);
    }

    fn subtract(&mut self, slot: usize, bytes: u32) {
        let difference = self.slots[slot].saturating_sub(bytes);
        self.set(slot, difference);
    }

    fn clear(&mut self, slot: usize) {
        self.set(slot, 0);
    }

    fn set(&mut self, slot: usize, bytes: u32) {
        self.total = self.total - u64::from(self.slots[slot]) + u64::from(bytes);
        self.slots[slot] = bytes;
    }
}

fn slot(granule: u64) -> u8 {
    (granule % SLOTS as u64) as u8
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use proptest::prelude::*;

    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);

    fn client(number: u32) -> Address {
        IpAddr::V4(Ipv4Addr::from_bits(number)).into()
    }

    fn ledger() -> Ledger {
        Ledger::new(1000, 1)
    }

    fn enter(ledger: &Ledger, at_secs: u64, entry: Entry, bytes: usize) -> Balance {
        let now = Instant::from_secs(at_secs);
        ledger
            .enter(now, client(1), entry, bytes, &[WINDOW])
            .balances[0]
    }

    #[test]
    fn bytes_leave_the_window_after_its_length() {
        let ledger = ledger();
        enter(&ledger, 0, Entry::Credit, 100);
        let balance = enter(&ledger, 0, Entry::Charge, 300);
        assert_eq!((balance.received, balance.sent), (100, 300));
        let balance = enter(&ledger, 55, Entry::Charge, 0);
        assert_eq!((balance.received, balance.sent), (100, 300));
        // The safe side: what was received goes before what was sent.
        let balance = enter(&ledger, 60, Entry::Charge, 0);
        assert_eq!((balance.received, balance.sent), (0, 300));
        let balance = enter(&ledger, 64, Entry::Charge, 0);
        assert_eq!((balance.received, balance.sent), (0, 0));
    }

    #[test]
    fn a_refund_undoes_a_charge() {
        let ledger = ledger();
        enter(&ledger, 0, Entry::Charge, 300);
        enter(&ledger, 0, Entry::Charge, 50);
        let balance = enter(&ledger, 0, Entry::Refund, 300);
        assert_eq!(balance.sent, 50);
    }

    #[test]
    fn a_full_slot_stays_full() {
        let ledger = ledger();
        enter(&ledger, 0, Entry::Charge, u32::MAX as usize - 1);
        let balance = enter(&ledger, 0, Entry::Charge, 1000);
        assert_eq!(balance.sent, u64::from(u32::MAX));
        let balance = enter(&ledger, 64, Entry::Charge, 7);
        assert_eq!(balance.sent, 7);
    }

    #[test]
    fn clients_have_books_of_their_own() {
        let ledger = ledger();
        let now = Instant::from_secs(1);
        ledger.enter(now, client(1), Entry::Charge, 300, &[WINDOW]);
        let other = ledger.enter(now, client(2), Entry::Charge, 7, &[WINDOW]);
        assert_eq!(other.balances[0].sent, 7);
    }

    #[test]
    fn each_window_has_its_own_reach_and_survives_a_change_of_policy() {
        let (ledger, short) = (ledger(), Duration::from_secs(1));
        let enter = |at_secs, windows: &[Duration]| {
            let now = Instant::from_secs(at_secs);
            ledger
                .enter(now, client(1), Entry::Charge, 10, windows)
                .balances
        };
        enter(0, &[WINDOW, short]);
        let balances = enter(10, &[WINDOW, short]);
        assert_eq!((balances[0].sent, balances[1].sent), (20, 10));
        let balances = enter(11, &[short, WINDOW]);
        assert_eq!((balances[0].sent, balances[1].sent), (20, 30));
        assert!(enter(12, &[]).is_empty());
    }

    #[test]
    fn new_books_begin_empty_and_keep_who_is_validated() {
        let ledger = ledger();
        ledger.validate(Instant::from_secs(0), client(1));
        enter(&ledger, 0, Entry::Credit, 100);
        enter(&ledger, 0, Entry::Charge, 900);
        ledger.begin_anew();
        let now = Instant::from_secs(1);
        let standing = ledger.enter(now, client(1), Entry::Charge, 30, &[WINDOW]);
        let (received, sent) = (0, 30);
        assert_eq!(standing.balances[..], [Balance { received, sent }]);
        assert_eq!(standing.validation, Validation::Fresh);
        assert_eq!(enter(&ledger, 2, Entry::Charge, 5).sent, 35);
    }

    #[test]
    fn validation_lasts_its_time_and_not_longer() {
        let ledger = ledger();
        let standing = |at_secs| {
            let now = Instant::from_secs(at_secs);
            ledger
                .enter(now, client(1), Entry::Credit, 1, &[WINDOW])
                .validation
        };
        assert_eq!(standing(0), Validation::None);
        ledger.validate(Instant::from_secs(10), client(1));
        assert_eq!(standing(10), Validation::Fresh);
        assert_eq!(standing(10 + 30 * 60 - 1), Validation::Fresh);
        assert_eq!(standing(10 + 30 * 60), Validation::Lapsed);
        assert_eq!(standing(10 + 35 * 60), Validation::None);
    }

    #[test]
    fn an_unknown_or_evicted_client_has_sent_nothing() {
        let ledger = Ledger::new(2, 1);
        let now = Instant::from_secs(1);
        for number in 1..=3 {
            ledger.enter(now, client(number), Entry::Credit, 1000, &[WINDOW]);
        }
        assert_eq!(ledger.len(), 2);
        let standing = ledger.enter(now, client(1), Entry::Charge, 1, &[WINDOW]);
        assert_eq!(standing.validation, Validation::None);
        assert_eq!(standing.balances[0].received, 0);
        assert!(standing.evicted);
    }

    #[test]
    fn a_flood_of_addresses_forgets_no_validated_one() {
        let ledger = Ledger::new(1000, 1);
        let now = Instant::from_secs(1);
        (0..500).for_each(|number| ledger.validate(now, client(number)));
        (10_000..30_000).for_each(|number| {
            ledger.enter(now, client(number), Entry::Credit, 4, &[WINDOW]);
        });
        assert!(ledger.len() <= 1000);
        for number in 0..500 {
            let standing = ledger.enter(now, client(number), Entry::Credit, 4, &[WINDOW]);
            assert_eq!(standing.validation, Validation::Fresh);
        }
    }

    #[test]
    fn idle_clients_are_swept_and_validated_ones_when_that_ends() {
        let ledger = ledger();
        enter(&ledger, 0, Entry::Credit, 1);
        ledger.validate(Instant::from_secs(0), client(2));
        ledger.sweep(Instant::from_secs(119), 100);
        assert_eq!(ledger.len(), 2);
        ledger.sweep(Instant::from_secs(120), 100);
        assert_eq!(ledger.len(), 1);
        ledger.sweep(Instant::from_secs(35 * 60), 100);
        assert_eq!(ledger.len(), 0);
    }

    proptest! {
        /// Against a list of everything: never too generous, never meaner than a granule.
        #[test]
        fn the_books_lean_to_the_safe_side(
            steps in prop::collection::vec((0u64..20_000, any::<bool>(), 1usize..1500), 1..200),
        ) {
            let ledger = ledger();
            let (mut now, mut log) = (Instant::from_secs(1000), Vec::new());
            for (pause_ms, towards, bytes) in steps {
                now = now + Duration::from_millis(pause_ms);
                let entry = if towards { Entry::Charge } else { Entry::Credit };
                let balance = ledger.enter(now, client(1), entry, bytes, &[WINDOW]).balances[0];
                log.push((now, towards, bytes as u64));
                let since = |start: Instant, way: bool| -> u64 {
                    let inside = |(at, towards, _): &&(Instant, bool, u64)| *at > start && *towards == way;
                    log.iter().filter(inside).map(|(_, _, bytes)| bytes).sum()
                };
                let granule = WINDOW / GRANULES as u32;
                prop_assert!(balance.sent >= since(now - WINDOW, true));
                prop_assert!(balance.sent <= since(now - WINDOW - granule - Duration::from_nanos(1), true));
                prop_assert!(balance.received <= since(now - WINDOW - Duration::from_nanos(1), false));
                prop_assert!(balance.received >= since(now - WINDOW + granule, false));
            }
        }
    }
}
