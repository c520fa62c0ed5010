//! CoAP exchanges, byte budgets and address validation (RFC 7252, RFC 9175).

mod budget;
mod echo;
mod endpoint;
mod exchange;
mod table;

use crate::context::{Arrival, Context};
use crate::{Frame, Instant, Limits, Outcome, Seed, Sink};

/// Everything remembered about CoAP endpoints. Shared by the workers.
#[derive(Debug)]
pub(crate) struct Tracker {}

/// How full a [`Tracker`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Fill {
    pub(crate) endpoints: usize,
    pub(crate) exchanges: usize,
}

impl Tracker {
    /// Draws its keys from `seed`, by purposes of its own.
    pub(crate) fn new(limits: &Limits, seed: &Seed) -> Self {
        let _ = (limits, seed);
        Self {}
    }

    /// A datagram to or from a `coap` service: UDP length and checksum are right (or completed), and
    /// `frame.as_slice()[arrival.payload()]` is its payload.
    ///
    /// Whoever changes the payload's length rewrites lengths and checksum with `wire::net`. An answer
    /// to the sender is `cx.sink.inject(cx.port, ..)`, out of the port the datagram came in by.
    pub(crate) fn handle_datagram<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        arrival: &Arrival,
        frame: &mut Frame<'_>,
    ) -> Outcome {
        let _ = (cx, arrival, frame);
        Outcome::ACCEPT
    }

    /// Forgets what is due, a bounded amount of it.
    pub(crate) fn handle_timeout<S: Sink>(&self, now: Instant, limits: &Limits, sink: &mut S) {
        let _ = (now, limits, sink);
    }

    /// When [`Tracker::handle_timeout`] has something to do, and what.
    pub(crate) fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        None
    }

    /// How full it is.
    pub(crate) fn fill(&self) -> Fill {
        Fill::default()
    }
}
