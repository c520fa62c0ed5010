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

use dashmap::{DashMap, Entry};
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
#[derive(Debug, Clone, Copy)]
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

    /// A client at `address` asks for that name by its CONNECT: what it would take from somebody else, and its
    /// ticket. Whoever holds the name unseen by this comes to hold it under a later one.
    pub(crate) fn ask(
        &self,
        now: Instant,
        name: &Name,
        address: IpAddr,
    ) -> (Ticket, Option<Reason>) {
        let address = self.address(address);
        let entry = self.holders.entry(*name);
        let ticket = self.ticket(&entry);
        let holder = match &entry {
            Entry::Occupied(entry) => Some(*entry.get()),
            Entry::Vacant(_) => None,
        };
        drop(entry);
        let reason = match holder {
            Some(holder) => self
                .is_other(&holder, address)
                .then_some(Reason::MQTT_TAKEOVER_CLIENT_ID),
            None => self
                .was_other(now, name, address)
                .then_some(Reason::MQTT_TAKEOVER_SESSION),
        };
        (ticket, reason)
    }

    /// A server has accepted the client at `address` under that name, which it holds from now on: unless somebody
    /// else was given it since it was `asked` for, so that the CONNECT couldn't be told of.
    pub(crate) fn claim(&self, asked: Ticket, name: Name, address: IpAddr) -> Option<Lease> {
        let address = self.address(address);
        let entry = self.holders.entry(name);
        if let Entry::Occupied(entry) = &entry
            && self.is_other(entry.get(), address)
            && is_since(entry.get().ticket, asked.get())
        {
            return None;
        }
        let ticket = self.ticket(&entry);
        entry.insert(Holder { address, ticket });
        Some(Lease { name, ticket })
    }

    /// A server has accepted the client at `address` under that name, whoever held it.
    pub(crate) fn hold(&self, name: Name, address: IpAddr) -> Lease {
        let address = self.address(address);
        let entry = self.holders.entry(name);
        let ticket = self.ticket(&entry);
        entry.insert(Holder { address, ticket });
        Lease { name, ticket }
    }

    /// A session of that name goes on: what is live isn't left, and what it leaves behind is told anew.
    pub(crate) fn note_live(&self, now: Instant, name: &Name) {
        self.lasting
            .with(now, name, |last| last.lasts = Duration::ZERO);
    }

    /// Whether a name is held by somebody known to be another.
    fn is_other(&self, holder: &Holder, address: Address) -> bool {
        holder.address != address && self.is_seen(holder.ticket)
    }

    /// Whether a name was last held by somebody known to be another, whose session outlasts its connection.
    fn was_other(&self, now: Instant, name: &Name, address: Address) -> bool {
        let is_sure = |since: Instant| since.0 >= self.unseen_until.load(Ordering::Relaxed);
        let is_other = |last: &mut Last| last.address != address && is_sure(last.left);
        self.lasting.with(now, name, is_other).unwrap_or(false)
    }

    /// Whether the holder of a ticket is still known to be one.
    fn is_seen(&self, ticket: Ticket) -> bool {
        is_since(ticket, self.unseen_tickets.load(Ordering::Relaxed))
    }

    fn address(&self, address: IpAddr) -> Address {
        Address(self.hash(&address) as u32)
    }

    /// A ticket that nobody else has, for a name that nobody else can ask for or be given meanwhile: so of two, the
    /// later ticket knows of the earlier one's holder.
    fn ticket(&self, _locked: &Entry<'_, Name, Holder>) -> Ticket {
        let number = self.tickets.fetch_add(1, Ordering::Relaxed);
        Ticket::new(number).unwrap_or(Ticket::MAX)
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
mod tests;
