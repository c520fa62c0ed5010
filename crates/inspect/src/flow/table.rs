//! The bounded table of flows.
//!
//! Lock order: a shard of the map first, a queue second. Whatever pops from a queue therefore lets go
//! of it before it looks into the map.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use dashmap::mapref::one::RefMut;
use dashmap::{DashMap, Entry};

use super::queue::Queue;
use super::{Class, Flow, FlowKey, Older, Unknown};
use crate::hashing::{Hashing, hashing};
use crate::{FlowEnd, Instant, LimitKind, Limits, Seed};

/// An established flow is evicted for another only when it has been idle for this long: a full table
/// of busy flows stays as it is.
const EVICTABLE_AFTER: Duration = Duration::from_secs(60);
/// Queue entries looked at in one call.
const WORK_PER_CALL: usize = 64;

/// A flow of the table, locked.
pub(crate) type Tenant<'a, T> = RefMut<'a, FlowKey, Box<Flow<T>>>;

/// All flows, by key. Shared by the workers.
#[derive(Debug)]
pub(crate) struct Table<T> {
    flows: DashMap<FlowKey, Box<Flow<T>>, Hashing>,
    half_open: Ward,
    established: Ward,
    lingering: Ward,
    severed: Ward,
    /// Which flows that aren't here may be taken up in the middle.
    pub(crate) older: Older,
    /// When a half-open flow last made room for another, as nanoseconds of [`Instant`].
    crowded: AtomicU64,
    /// Flows that have to be heard of by a certain time.
    deadlines: Queue,
}

/// The flows of one class.
#[derive(Debug)]
struct Ward {
    queue: Queue,
    len: AtomicUsize,
}

impl Ward {
    fn new() -> Self {
        Self {
            queue: Queue::new(),
            len: AtomicUsize::new(0),
        }
    }

    fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    fn enter<T>(&self, class: Class, due: Instant, key: FlowKey, flow: &mut Flow<T>) {
        self.len.fetch_add(1, Ordering::Relaxed);
        flow.class = class;
        flow.queued = due;
        self.queue.insert(due, key);
    }

    /// Counts a flow out whose queue entry is already gone.
    fn leave(&self) {
        self.len.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<T> Table<T> {
    pub(crate) fn new(seed: &Seed) -> Self {
        Self {
            flows: DashMap::with_hasher(hashing(seed.hash_seed("flows"))),
            half_open: Ward::new(),
            established: Ward::new(),
            lingering: Ward::new(),
            severed: Ward::new(),
            older: Older::new(),
            crowded: AtomicU64::new(0),
            deadlines: Queue::new(),
        }
    }

    /// Flows past their handshake, those that are over included.
    pub(crate) fn established(&self) -> usize {
        self.established.len() + self.lingering.len() + self.severed.len()
    }

    /// Flows whose handshake is under way.
    pub(crate) fn half_open(&self) -> usize {
        self.half_open.len()
    }

    /// Whether another established flow needs [`Table::make_room`] first.
    pub(crate) fn is_full(&self, limits: &Limits) -> bool {
        self.established() >= limits.flows
    }

    /// Whether a flow whose handshake is under way may have been forgotten lately to make room.
    pub(crate) fn forgot_handshakes(&self, now: Instant, limits: &Limits) -> bool {
        let crowded = Instant(self.crowded.load(Ordering::Relaxed));
        crowded != Instant::ZERO && now.since(crowded) <= limits.half_open_timeout
    }

    /// What a flow may be that isn't here.
    pub(crate) fn judge_unknown(&self, key: &FlowKey, now: Instant) -> Unknown {
        self.older.judge(self.flows.hasher().hash_one(key), now)
    }

    /// The flow of this key, locked.
    pub(crate) fn lookup(&self, key: &FlowKey) -> Option<Tenant<'_, T>> {
        self.flows.get_mut(key)
    }

    /// Puts a half-open flow in, for which the oldest half-open one makes room if need be. Flows that
    /// leave are handed to `gone`. No flow may be locked by the caller.
    pub(crate) fn open(
        &self,
        key: FlowKey,
        flow: Flow<T>,
        limits: &Limits,
        gone: &mut dyn FnMut(Departure<T>),
    ) -> Tenant<'_, T> {
        while self.half_open.len() >= limits.half_open.max(1) {
            let Some((due, oldest)) = self.half_open.queue.pop(Instant::FAR) else {
                break;
            };
            let evicted = self.settle(Class::HalfOpen, due, oldest, limits, &|_| true);
            self.crowded.store(flow.last_seen.0, Ordering::Relaxed);
            gone_for(LimitKind::HalfOpen, evicted, gone);
        }
        match self.flows.entry(key) {
            // Another worker was faster.
            Entry::Occupied(entry) => entry.into_ref(),
            Entry::Vacant(entry) => {
                let mut flow = Box::new(flow);
                let due = flow.last_seen + limits.half_open_timeout;
                self.half_open.enter(Class::HalfOpen, due, key, &mut flow);
                entry.insert(flow)
            }
        }
    }

    /// Takes a flow out. It may not be locked by the caller.
    pub(crate) fn remove(&self, key: &FlowKey) -> Option<Departure<T>> {
        let (key, flow) = self.flows.remove(key)?;
        let ward = self.ward(flow.class);
        ward.queue.remove(flow.queued, key);
        ward.leave();
        self.forget_deadline(&flow, key);
        Some(Departure { flow, limit: None })
    }

    /// Whether an established flow fits in; if not, the longest idle one makes room, those that are over
    /// first. No flow may be locked by the caller.
    pub(crate) fn make_room(
        &self,
        now: Instant,
        limits: &Limits,
        gone: &mut dyn FnMut(Departure<T>),
    ) -> bool {
        if !self.is_full(limits) {
            return true;
        }
        let idle_since = now - EVICTABLE_AFTER;
        for (class, until) in [
            (Class::Lingering, Instant::FAR),
            (Class::Severed, Instant::FAR),
            (Class::Established, idle_since + limits.idle_timeout),
        ] {
            for _ in 0..WORK_PER_CALL {
                let Some((due, key)) = self.ward(class).queue.pop(until) else {
                    break;
                };
                // Only an entry whose time is true belongs to the flow idle for longest.
                let longest_idle = |true_due| true_due == due || class == Class::Severed;
                let evicted = self.settle(class, due, key, limits, &longest_idle);
                if evicted.is_some() {
                    self.note_evicted(class, &key);
                }
                gone_for(LimitKind::Flows, evicted, gone);
                if !self.is_full(limits) {
                    return true;
                }
            }
        }
        false
    }

    /// A flow of this class has made room.
    fn note_evicted(&self, class: Class, key: &FlowKey) {
        let hash = self.flows.hasher().hash_one(key);
        match class {
            Class::Established => self.older.note_evicted(hash),
            Class::Severed => self.older.note_denied(hash),
            Class::HalfOpen | Class::Lingering => {}
        }
    }

    /// Moves a locked flow to another class. One that made room is here again only once both its ends were
    /// heard: before, it is soon forgotten, and would be nobody's then.
    pub(crate) fn reclass(&self, flow: &mut Tenant<'_, T>, class: Class, limits: &Limits) {
        let key = *flow.key();
        if class == Class::Established {
            self.older.note_met(self.flows.hasher().hash_one(key));
        }
        let old = self.ward(flow.class);
        old.queue.remove(flow.queued, key);
        old.leave();
        let due = self.due(class, flow.last_seen, limits);
        self.ward(class).enter(class, due, key, flow);
    }

    /// Makes sure that a locked flow is looked at by `deadline`. One that moves away leaves the queue
    /// as it is, and is found not to be due yet when its old time comes.
    #[inline]
    pub(crate) fn expect_by(&self, flow: &mut Tenant<'_, T>, deadline: Instant) {
        if deadline < flow.deadline {
            let key = *flow.key();
            self.forget_deadline(flow, key);
            flow.deadline = deadline;
            self.deadlines.insert(deadline, key);
        }
    }

    /// A flow whose deadline has come, locked, and out of the queue.
    pub(crate) fn pop_due(&self, now: Instant) -> Option<Tenant<'_, T>> {
        loop {
            let (due, key) = self.deadlines.pop(now)?;
            if let Some(mut flow) = self.flows.get_mut(&key)
                && flow.deadline == due
            {
                flow.deadline = Instant::FAR;
                return Some(flow);
            }
        }
    }

    fn forget_deadline(&self, flow: &Flow<T>, key: FlowKey) {
        if flow.deadline != Instant::FAR {
            self.deadlines.remove(flow.deadline, key);
        }
    }

    /// Lets flows go whose time has come: a bounded number of them.
    pub(crate) fn handle_timeout(
        &self,
        now: Instant,
        limits: &Limits,
        gone: &mut dyn FnMut(Departure<T>),
    ) {
        for class in Class::ALL {
            for _ in 0..WORK_PER_CALL {
                let Some((due, key)) = self.ward(class).queue.pop(now) else {
                    break;
                };
                if let Some(departure) = self.settle(class, due, key, limits, &|due| due <= now) {
                    gone(departure);
                }
            }
        }
    }

    /// When [`Table::handle_timeout`] has something to do.
    pub(crate) fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        [
            (&self.half_open.queue, "half-open flow"),
            (&self.established.queue, "idle flow"),
            (&self.lingering.queue, "finished flow"),
            (&self.severed.queue, "severed flow"),
            (&self.deadlines, "silent client"),
        ]
        .into_iter()
        .filter_map(|(queue, why)| Some((queue.first_due()?, why)))
        .min()
    }

    /// Decides on a flow just popped from its queue: it leaves, if its true time is `over`; else it
    /// enters again with that time.
    fn settle(
        &self,
        class: Class,
        due: Instant,
        key: FlowKey,
        limits: &Limits,
        over: &dyn Fn(Instant) -> bool,
    ) -> Option<Departure<T>> {
        let ward = self.ward(class);
        let removed = self.flows.remove_if_mut(&key, |_, flow| {
            // Another worker may have moved it since it was popped.
            if flow.class != class || flow.queued != due {
                return false;
            }
            let true_due = self.due(class, flow.last_seen, limits);
            if over(true_due) {
                return true;
            }
            flow.queued = true_due;
            ward.queue.insert(true_due, key);
            false
        });
        let (_, flow) = removed?;
        ward.leave();
        self.forget_deadline(&flow, key);
        Some(Departure { flow, limit: None })
    }

    fn ward(&self, class: Class) -> &Ward {
        match class {
            Class::HalfOpen => &self.half_open,
            Class::Established => &self.established,
            Class::Lingering => &self.lingering,
            Class::Severed => &self.severed,
        }
    }

    /// When a flow is to be let go. One of which an end may not know that it is over stays for as long as
    /// it could otherwise be taken for older than the gateway.
    fn due(&self, class: Class, last_seen: Instant, limits: &Limits) -> Instant {
        match class {
            Class::HalfOpen => last_seen + limits.half_open_timeout,
            Class::Established => last_seen + limits.idle_timeout,
            Class::Lingering => last_seen + limits.linger_timeout,
            Class::Severed => {
                let until = match self.older.until() {
                    Instant::FAR => last_seen + limits.tcp_midstream_grace,
                    until => until,
                };
                until.max(last_seen + limits.linger_timeout)
            }
        }
    }
}

/// A flow that left the table.
pub(crate) struct Departure<T> {
    pub(crate) flow: Box<Flow<T>>,
    /// The bound for whose sake it was evicted.
    pub(crate) limit: Option<LimitKind>,
}

impl<T> Departure<T> {
    /// How the flow ended.
    pub(crate) fn end(&self) -> FlowEnd {
        match self.limit {
            Some(_) if !self.flow.class.is_over() => FlowEnd::Evicted,
            _ => self.flow.end,
        }
    }
}

fn gone_for<T>(
    limit: LimitKind,
    departure: Option<Departure<T>>,
    gone: &mut dyn FnMut(Departure<T>),
) {
    if let Some(departure) = departure {
        let limit = Some(limit);
        gone(Departure { limit, ..departure });
    }
}
