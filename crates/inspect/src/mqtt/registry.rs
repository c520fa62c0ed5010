//! Who holds a client identifier, across connections and workers.
//!
//! A server ends the earlier session when a client of the same name connects ([MQTT-3.1.4-2], 5.0
//! [MQTT-3.1.4-3]), and hands a lasting one, subscriptions and waiting messages included, to whoever
//! knows its name, at whichever of its addresses. So the registry remembers from which address a name is in use, and, for sessions
//! that outlast their connection, from which it was last.
//!
//! The holders of live sessions are as many as there are flows, which are bounded. The memory of
//! lasting sessions is a bounded [table](crate::table) of its own, in which the oldest make room.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use policy::Reason;
use siphasher::sip::SipHasher13;

use crate::hashing::{Hashing, hashing};
use crate::table::{Aging, SWEEP_ENTRIES, Sweeps, Table};
use crate::{Instant, Limits, Seed};

/// A lasting session is remembered for a week at most. What outlives its memory is taken up unseen.
const REMEMBERED_MAX: Duration = Duration::from_secs(7 * 86_400);
/// Shards of the map of holders. Fixed, so that nothing depends on the machine.
const SHARDS: usize = 64;

/// A client identifier at a broker, as a keyed hash: nobody outside can find another of the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Name(NonZeroU64);

/// All holders of client identifiers. Shared by the workers.
#[derive(Debug)]
pub(crate) struct Registry {
    holders: DashMap<Name, Holder, Hashing>,
    lasting: Table<Name, Last>,
    name_key: [u8; 16],
    tickets: AtomicU32,
    /// Names may have changed hands unseen before, as nanoseconds of [`Instant`], and before this
    /// ticket was issued.
    unseen_until: AtomicU64,
    unseen_tickets: AtomicU32,
    sweeps: Sweeps,
}

/// An address, as a keyed hash: all that is asked of it is whether it is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Address(u32);

/// The live session of a name. Small, because every session has one.
#[derive(Debug)]
struct Holder {
    address: Address,
    /// Tells it from an earlier holder, whose connection may close later, and how long it has been one.
    ticket: Ticket,
}

/// Tells the holders of one name apart. Issued in order; after four thousand million, anew.
pub(crate) type Ticket = NonZeroU32;

/// A session without a connection.
#[derive(Debug)]
struct Last {
    address: Address,
    left: Instant,
    lasts: Duration,
}

/// A session's hold on its name.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) name: Name,
    pub(crate) ticket: Ticket,
}

impl Registry {
    /// Draws its keys from `seed`, by purposes of its own.
    pub(crate) fn new(limits: &Limits, seed: &Seed) -> Self {
        let hasher = hashing(seed.hash_seed("mqtt.holders"));
        Self {
            holders: DashMap::with_hasher_and_shard_amount(hasher, SHARDS),
            lasting: Table::new(limits.clients, seed.hash_seed("mqtt.lasting")),
            name_key: seed.key("mqtt.names"),
            tickets: AtomicU32::new(1),
            unseen_until: AtomicU64::new(0),
            unseen_tickets: AtomicU32::new(0),
            sweeps: Sweeps::new(),
        }
    }

    /// The name of a client identifier at a broker.
    pub(crate) fn name(&self, broker: (IpAddr, u16), client_id: &str) -> Name {
        let hash = self.hash(&(broker, client_id));
        Name(NonZeroU64::new(hash).unwrap_or(NonZeroU64::MAX))
    }

    fn hash(&self, of: &impl Hash) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.name_key);
        of.hash(&mut hasher);
        hasher.finish()
    }

    /// What a CONNECT from `address` under that name would take from somebody else.
    pub(crate) fn takeover(&self, now: Instant, name: &Name, address: IpAddr) -> Option<Reason> {
        let address = self.address(address);
        if let Some(holder) = self.holders.get(name) {
            let is_other = holder.address != address && self.is_seen(holder.ticket);
            return is_other.then_some(Reason::MQTT_TAKEOVER_CLIENT_ID);
        }
        let is_sure = |since: Instant| since.0 >= self.unseen_until.load(Ordering::Relaxed);
        let is_other = |last: &mut Last| last.address != address && is_sure(last.left);
        let taken = self.lasting.with(now, name, is_other).unwrap_or(false);
        taken.then_some(Reason::MQTT_TAKEOVER_SESSION)
    }

    /// Whether a server gives the client at `address` a name that somebody else was given since `asked`, when
    /// it asked for it: its CONNECT couldn't be told of then.
    pub(crate) fn overtook(&self, asked: Ticket, name: &Name, address: IpAddr) -> bool {
        let address = self.address(address);
        self.holders.get(name).is_some_and(|holder| {
            let is_other = holder.address != address && self.is_seen(holder.ticket);
            is_other && is_since(holder.ticket, asked.get())
        })
    }

    /// Whether the holder of a ticket is still known to be one.
    fn is_seen(&self, ticket: Ticket) -> bool {
        is_since(ticket, self.unseen_tickets.load(Ordering::Relaxed))
    }

    fn address(&self, address: IpAddr) -> Address {
        Address(self.hash(&address) as u32)
    }

    /// A ticket that nobody else has.
    pub(crate) fn ticket(&self) -> Ticket {
        let number = self.tickets.fetch_add(1, Ordering::Relaxed);
        Ticket::new(number).unwrap_or(Ticket::MAX)
    }

    /// A server has accepted a session from `address` under that name.
    pub(crate) fn hold(&self, now: Instant, name: Name, address: IpAddr) -> Lease {
        let ticket = self.ticket();
        let holder = Holder {
            address: self.address(address),
            ticket,
        };
        self.holders.insert(name, holder);
        // What is live isn't left; what it leaves behind is told anew.
        self.lasting
            .with(now, &name, |last| last.lasts = Duration::ZERO);
        Lease { name, ticket }
    }

    /// The session's connection is over, which it outlasts for so long. True if another lasting
    /// session had to be forgotten for it.
    pub(crate) fn release(&self, now: Instant, lease: &Lease, lasts: Duration) -> bool {
        let is_ours = |_: &Name, holder: &Holder| holder.ticket == lease.ticket;
        let held = self.holders.remove_if(&lease.name, is_ours);
        let Some((_, holder)) = held.filter(|_| !lasts.is_zero()) else {
            return false;
        };
        self.sweeps.start(now);
        let last = || Last {
            address: holder.address,
            left: now,
            lasts: lasts.min(REMEMBERED_MAX),
        };
        let (_, evicted) = self
            .lasting
            .with_or_insert(now, lease.name, last, |kept| *kept = last());
        evicted
    }

    /// Until `now` names may have changed hands unseen: what was known of them raises nothing more.
    pub(crate) fn lose_sight(&self, now: Instant) {
        self.unseen_until.fetch_max(now.0, Ordering::Relaxed);
        let next = self.tickets.load(Ordering::Relaxed);
        self.unseen_tickets.store(next, Ordering::Relaxed);
    }

    /// Names remembered, live and lasting.
    pub(crate) fn len(&self) -> usize {
        self.holders.len() + self.lasting.len()
    }

    /// Forgets sessions that are over, a bounded number of them.
    pub(crate) fn handle_timeout(&self, now: Instant) {
        if self.sweeps.is_due(now) {
            let more = self.lasting.sweep(now, SWEEP_ENTRIES);
            self.sweeps.done(now, more);
        }
    }

    /// When [`Registry::handle_timeout`] has something to do, and what.
    pub(crate) fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.sweeps.next().map(|next| (next, "MQTT clients"))
    }
}

/// Whether a ticket was issued no earlier than the one of that number.
fn is_since(ticket: Ticket, number: u32) -> bool {
    ticket.get().wrapping_sub(number) <= u32::MAX / 2
}

impl Aging for Last {
    fn used(&self) -> Instant {
        self.left
    }

    fn lifetime(&self) -> Duration {
        self.lasts
    }

    fn is_established(&self, _: Instant) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn registry(clients: usize) -> Registry {
        let limits = Limits {
            clients,
            ..Limits::default()
        };
        Registry::new(&limits, &Seed::fixed(1))
    }

    fn address(n: u32) -> IpAddr {
        IpAddr::from((0x0a14_0000 + n).to_be_bytes())
    }

    fn name(registry: &Registry, client_id: &str) -> Name {
        registry.name((address(1), 1883), client_id)
    }

    fn at(secs: u64) -> Instant {
        Instant::from_secs(secs)
    }

    #[test]
    fn a_name_belongs_to_its_broker() {
        let registry = registry(10);
        let names = [
            registry.name((address(1), 1883), "plc"),
            registry.name((address(2), 1883), "plc"),
            registry.name((address(1), 8883), "plc"),
            registry.name((address(1), 1883), "plc2"),
        ];
        let distinct: std::collections::HashSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
    }

    #[test]
    fn a_live_name_is_taken_from_another_address_only() {
        let registry = registry(10);
        let plc = name(&registry, "plc");
        assert_eq!(registry.takeover(at(1), &plc, address(7)), None);
        let lease = registry.hold(at(1), plc, address(7));
        assert_eq!(registry.takeover(at(2), &plc, address(7)), None);
        assert_eq!(
            registry.takeover(at(2), &plc, address(8)),
            Some(Reason::MQTT_TAKEOVER_CLIENT_ID)
        );
        registry.release(at(3), &lease, Duration::ZERO);
        assert_eq!(registry.takeover(at(4), &plc, address(8)), None);
        assert_eq!(registry.len(), 0);
    }

    #[test]
    fn a_name_given_away_since_it_was_asked_for_is_overtaken_once() {
        let registry = registry(10);
        let plc = name(&registry, "plc");
        let before = registry.ticket();
        let _lease = registry.hold(at(1), plc, address(7));
        let after = registry.ticket();
        assert!(registry.overtook(before, &plc, address(8)));
        assert!(!registry.overtook(before, &plc, address(7)));
        assert!(!registry.overtook(after, &plc, address(8)));
        registry.lose_sight(at(2));
        assert!(!registry.overtook(before, &plc, address(8)));
    }

    #[test]
    fn an_earlier_holder_that_closes_late_takes_nothing_with_it() {
        let registry = registry(10);
        let plc = name(&registry, "plc");
        let earlier = registry.hold(at(1), plc, address(7));
        let later = registry.hold(at(2), plc, address(8));
        registry.release(at(3), &earlier, DAY);
        assert_eq!(
            registry.takeover(at(4), &plc, address(7)),
            Some(Reason::MQTT_TAKEOVER_CLIENT_ID)
        );
        registry.release(at(5), &later, DAY);
        assert_eq!(registry.takeover(at(6), &plc, address(8)), None);
    }

    #[test]
    fn a_lasting_session_is_remembered_while_it_lasts() {
        let registry = registry(10);
        let plc = name(&registry, "plc");
        let lease = registry.hold(at(1), plc, address(7));
        registry.release(at(100), &lease, DAY);
        let taken = Some(Reason::MQTT_TAKEOVER_SESSION);
        assert_eq!(registry.takeover(at(200), &plc, address(8)), taken);
        assert_eq!(registry.takeover(at(200), &plc, address(7)), None);
        assert_eq!(registry.takeover(at(100) + DAY, &plc, address(8)), None);
        while registry
            .poll_timeout()
            .is_some_and(|(due, _)| due <= at(100) + DAY)
        {
            registry.handle_timeout(at(100) + DAY);
        }
        assert_eq!(registry.len(), 0);
    }

    #[test]
    fn a_clean_session_leaves_no_lasting_one_behind() {
        let registry = registry(10);
        let plc = name(&registry, "plc");
        registry.release(at(2), &registry.hold(at(1), plc, address(7)), DAY);
        let lease = registry.hold(at(3), plc, address(7));
        registry.release(at(4), &lease, Duration::ZERO);
        assert_eq!(registry.takeover(at(5), &plc, address(8)), None);
    }

    #[test]
    fn what_was_known_before_sight_was_lost_raises_nothing() {
        let registry = registry(10);
        let (live, left) = (name(&registry, "live"), name(&registry, "left"));
        let _lease = registry.hold(at(1), live, address(7));
        registry.release(at(2), &registry.hold(at(1), left, address(7)), DAY);
        registry.lose_sight(at(3));
        for name in [live, left] {
            assert_eq!(registry.takeover(at(4), &name, address(8)), None);
        }
        let _lease = registry.hold(at(5), live, address(8));
        assert_eq!(
            registry.takeover(at(6), &live, address(7)),
            Some(Reason::MQTT_TAKEOVER_CLIENT_ID)
        );
    }

    #[test]
    fn the_oldest_lasting_session_makes_room() {
        let registry = registry(4);
        let names: Vec<Name> = (0..6).map(|n| name(&registry, &n.to_string())).collect();
        let mut evicted = Vec::new();
        for (second, name) in (10..).zip(&names) {
            let lease = registry.hold(at(second), *name, address(7));
            evicted.push(registry.release(at(second), &lease, DAY));
        }
        assert_eq!(evicted, [false, false, false, false, true, true]);
        assert_eq!(registry.len(), 4);
        let taken = names
            .iter()
            .map(|name| registry.takeover(at(20), name, address(8)).is_some());
        assert_eq!(
            taken.collect::<Vec<_>>(),
            [false, false, true, true, true, true]
        );
    }

    #[test]
    fn eight_threads_leave_the_books_straight() {
        const CLIENTS: usize = 500;
        let registry = registry(CLIENTS);
        std::thread::scope(|scope| {
            for thread in 0..8u32 {
                let registry = &registry;
                scope.spawn(move || {
                    for round in 0..20_000u32 {
                        let now = at(u64::from(round));
                        // Some names are shared by the threads, most aren't.
                        let number = if round % 3 == 0 { 0 } else { thread };
                        let name = name(registry, &format!("{number}/{}", round % 997));
                        registry.takeover(now, &name, address(thread));
                        let lease = registry.hold(now, name, address(thread));
                        registry.release(now, &lease, DAY * (round % 2));
                        // Each thread may be between an insertion and the eviction for it.
                        assert!(registry.len() <= CLIENTS + 16);
                    }
                });
            }
        });
        assert!(registry.holders.is_empty());
        assert!(registry.len() <= CLIENTS);
    }
}
