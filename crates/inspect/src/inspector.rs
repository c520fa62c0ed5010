//! The inspector's face: frames, time and policies in.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, Guard};
use policy::Policy;

use crate::coap;
use crate::context::Context;
use crate::flow::{Departure, Table};
use crate::holdings::Holdings;
use crate::metering::Metering;
use crate::services::ServicePorts;
use crate::shared::Shared;
use crate::tcp::Connection;
use crate::time::Wall;
use crate::{Count, Frame, Gauges, Instant, Limits, Outcome, Port, Seed, Sink};

/// Judges frames. Shared by all workers; every method takes `&self`.
pub struct Inspector {
    pub(crate) limits: Limits,
    policy: ArcSwap<Installed>,
    pub(crate) flow_id_key: [u8; 16],
    pub(crate) flows: Table<Connection>,
    pub(crate) shared: Shared,
    pub(crate) coap: coap::Tracker,
    pub(crate) metering: Metering,
    pub(crate) holdings: Arc<Holdings>,
    pub(crate) wall: Wall,
    /// Frames may have gone by unseen before, as nanoseconds of [`Instant`].
    unseen_until: AtomicU64,
}

/// A policy in force.
pub(crate) struct Installed {
    pub(crate) policy: Arc<Policy>,
    pub(crate) generation: u64,
    pub(crate) ports: ServicePorts,
}

impl Installed {
    fn new(policy: Arc<Policy>, generation: u64) -> Self {
        Self {
            ports: ServicePorts::new(policy.services()),
            policy,
            generation,
        }
    }
}

impl Inspector {
    /// An inspector that has seen nothing yet.
    #[must_use]
    pub fn new(limits: Limits, policy: Arc<Policy>, seed: Seed) -> Self {
        Self {
            flow_id_key: seed.key("flow id"),
            flows: Table::new(&seed),
            shared: Shared::new(&limits, &seed),
            coap: coap::Tracker::new(&limits, &seed),
            metering: Metering::new(&limits, &seed),
            holdings: Arc::new(Holdings::new(&limits, &seed)),
            wall: Wall::unknown(),
            policy: ArcSwap::from_pointee(Installed::new(policy, 1)),
            unseen_until: AtomicU64::new(0),
            limits,
        }
    }

    /// Puts a new policy in force. Flows, sessions and counters stay; messages from here on are
    /// judged by it, one under way on another worker by the old. But where it holds CoAP clients to other
    /// budgets than before, their books begin anew: what passed while nobody held them to any doesn't
    /// count against them, nor for whoever may stand in their names; only the request behind an answer that is yet to come, or
    /// behind an observation, counts once more.
    pub fn install(&self, policy: Arc<Policy>) {
        let old = self.policy.rcu(|old| {
            let generation = old.generation + 1;
            self.holdings.install(&old.policy, &policy, generation);
            Installed::new(Arc::clone(&policy), generation)
        });
        if old.policy.services() != policy.services() {
            // Nobody has seen what spoke at a port that is a service's from now on.
            self.flows.older.begin_anew();
        }
        if !old.policy.ratios_enforced().eq(policy.ratios_enforced()) {
            self.coap.begin_books_anew();
        }
    }

    /// Until `now` frames may have gone by unseen: before the gateway started, or while the kernel
    /// forwarded them in its stead. What was under way then is taken up anew where it is met next: TCP
    /// connections at the numbers they have come to; CoAP responses without their request raise
    /// `coap.midstream`, and not the reason of forged ones, for `midstream_grace` from then on; TCP
    /// connections that aren't known are taken up for `tcp_midstream_grace`. That an inspector's first
    /// frame may come from the middle of a connection goes without saying: a replay has no use for this.
    pub fn lose_sight(&self, now: Instant) {
        self.unseen_until.fetch_max(now.0, Ordering::Relaxed);
        self.shared.registry.lose_sight(now);
        self.holdings.lose_sight(now);
        self.flows.older.lose_sight(now, &self.limits);
        self.coap
            .expect_midstream(now + self.limits.midstream_grace);
    }

    /// Sets the clock on the wall: it is `unix_ns` nanoseconds since 1970 (UTC) at `now`, and goes on from there.
    /// Before that, no rule's `time` holds. To be set again as often as the two clocks may drift apart, or be
    /// set themselves.
    pub fn set_wall_clock(&self, now: Instant, unix_ns: i64) {
        self.wall.set(now, unix_ns);
    }

    /// Judges one frame: a [`Sitting`] of its own.
    pub fn handle_frame(
        &self,
        now: Instant,
        port: Port,
        frame: &mut Frame<'_>,
        sink: &mut impl Sink,
    ) -> Outcome {
        self.sit().handle_frame(now, port, frame, sink)
    }

    /// Begins to judge frames that came in together, by the policy now in force.
    #[must_use]
    pub fn sit(&self) -> Sitting<'_> {
        Sitting {
            inspector: self,
            installed: self.policy.load(),
        }
    }

    /// Does what is due by `now`: a bounded amount of work, so call again while
    /// [`Inspector::poll_timeout`] lies in the past.
    pub fn handle_timeout(&self, now: Instant, sink: &mut impl Sink) {
        self.flows
            .handle_timeout(now, &self.limits, &mut |departure| {
                self.depart(departure, sink);
            });
        let installed = self.policy.load();
        self.handle_deadlines(now, &installed, sink);
        self.coap.handle_timeout(now);
        self.metering.handle_timeout(now);
        self.holdings.handle_timeout(now);
        self.shared.registry.handle_timeout(now);
    }

    /// When [`Inspector::handle_timeout`] has something to do, and what. Cheap enough for every
    /// iteration of a worker's loop.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let timeouts = [
            self.flows.poll_timeout(),
            self.coap.poll_timeout(),
            self.metering.poll_timeout(),
            self.holdings.poll_timeout(),
            self.shared.registry.poll_timeout(),
        ];
        timeouts.into_iter().flatten().min()
    }

    /// How full it is.
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        let coap = self.coap.fill();
        Gauges {
            flows: self.flows.established(),
            half_open: self.flows.half_open(),
            sessions: self.shared.sessions(),
            held_bytes: self.shared.held.bytes(),
            held_segments: self.shared.held.segments(),
            endpoints: coap.endpoints,
            exchanges: coap.exchanges,
            observations: coap.observations,
            clients: self.shared.registry.len(),
            meters: self.metering.len(),
            holdings: self.holdings.len(),
            asleep: self.holdings.asleep(),
            generation: self.policy.load().generation,
        }
    }

    /// Whether frames may have gone by unseen since `instant`.
    pub(crate) fn has_lost_sight_since(&self, instant: Instant) -> bool {
        instant.0 < self.unseen_until.load(Ordering::Relaxed)
    }

    /// Sees off a flow that left the table.
    pub(crate) fn depart<S: Sink>(&self, mut departure: Departure<Connection>, sink: &mut S) {
        let end = departure.end();
        let flow = &mut departure.flow;
        flow.state.close(flow.last_seen, &self.shared, sink);
        sink.count(Count::FlowClosed(flow.service, end));
        if let Some(limit) = departure.limit {
            sink.count(Count::Limit(limit));
        }
    }
}

/// An [`Inspector`] at work on a batch. It keeps to the policy it began with, so end it with the batch.
pub struct Sitting<'a> {
    inspector: &'a Inspector,
    installed: Guard<Arc<Installed>>,
}

impl Sitting<'_> {
    /// Judges a frame that came in at `port`. On return `frame` holds what is to go out of the
    /// opposite port, if [`Outcome::forward`] says so; frames injected during the call leave after it.
    pub fn handle_frame(
        &self,
        now: Instant,
        port: Port,
        frame: &mut Frame<'_>,
        sink: &mut impl Sink,
    ) -> Outcome {
        let (inspector, installed) = (self.inspector, &**self.installed);
        let mut cx = Context {
            now,
            older_until: inspector.flows.older.until(),
            port,
            policy: &installed.policy,
            generation: installed.generation,
            limits: &inspector.limits,
            flow_id_key: &inspector.flow_id_key,
            metering: &inspector.metering,
            wall: &inspector.wall,
            holdings: &inspector.holdings,
            sink,
        };
        inspector.dispatch(&mut cx, installed, frame)
    }
}

impl fmt::Debug for Sitting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sitting")
            .field("generation", &self.installed.generation)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Inspector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inspector")
            .field("gauges", &self.gauges())
            .finish_non_exhaustive()
    }
}
