//! The inspector's face: frames, time and policies in.

use std::sync::Arc;

use arc_swap::ArcSwap;
use policy::Policy;

use crate::coap;
use crate::{Frame, Gauges, Instant, Limits, Outcome, Port, Seed, Sink};

/// Judges frames. Shared by all workers; every method takes `&self`.
pub struct Inspector {
    limits: Limits,
    policy: ArcSwap<Installed>,
    coap: coap::Tracker,
}

/// A policy in force.
struct Installed {
    policy: Arc<Policy>,
    generation: u64,
}

impl Inspector {
    /// An inspector that has seen nothing yet.
    #[must_use]
    pub fn new(limits: Limits, policy: Arc<Policy>, seed: Seed) -> Self {
        Self {
            coap: coap::Tracker::new(&limits, &seed),
            policy: ArcSwap::from_pointee(Installed {
                policy,
                generation: 1,
            }),
            limits,
        }
    }

    /// Puts a new policy in force. Flows, sessions and counters stay; messages from here on are
    /// judged by it, one under way on another worker by the old.
    pub fn install(&self, policy: Arc<Policy>) {
        self.policy.rcu(|old| Installed {
            policy: Arc::clone(&policy),
            generation: old.generation + 1,
        });
    }

    /// Judges a frame that came in at `port`. On return `frame` holds what is to go out of the
    /// opposite port, if [`Outcome::forward`] says so; frames injected during the call leave after it.
    pub fn handle_frame(
        &self,
        now: Instant,
        port: Port,
        frame: &mut Frame<'_>,
        sink: &mut impl Sink,
    ) -> Outcome {
        let _ = (now, port, frame, sink);
        Outcome::ACCEPT
    }

    /// Does what is due by `now`: a bounded amount of work, so call again while
    /// [`Inspector::poll_timeout`] lies in the past.
    pub fn handle_timeout(&self, now: Instant, sink: &mut impl Sink) {
        self.coap.handle_timeout(now, &self.limits, sink);
    }

    /// When [`Inspector::handle_timeout`] has something to do, and what. Cheap enough for every
    /// iteration of a worker's loop.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.coap.poll_timeout()
    }

    /// How full it is.
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        let coap = self.coap.fill();
        Gauges {
            endpoints: coap.endpoints,
            exchanges: coap.exchanges,
            generation: self.policy.load().generation,
            ..Gauges::default()
        }
    }
}
