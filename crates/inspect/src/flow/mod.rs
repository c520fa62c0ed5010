//! TCP flows: what tells them apart, and the bounded table they live in.

mod key;
mod older;
mod queue;
mod table;

use policy::{Service, Side};
use wire::Direction;

use crate::{FlowEnd, Instant};

pub(crate) use key::FlowKey;
pub(crate) use older::{Older, Unknown};
pub(crate) use table::{Departure, Table, Tenant};

/// What the table bounds and times out apart from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// The handshake is under way, or a flow older than the gateway was heard from one end only.
    HalfOpen,
    /// Both ends have shown that they hear each other.
    Established,
    /// Closed by both ends; remembered for its stragglers.
    Lingering,
    /// Broken off by one end, or by Weir: the other may not know.
    Severed,
}

impl Class {
    const ALL: [Self; 4] = [
        Self::HalfOpen,
        Self::Established,
        Self::Lingering,
        Self::Severed,
    ];

    /// Whether its flows only stay to be remembered.
    pub(crate) fn is_over(self) -> bool {
        matches!(self, Self::Lingering | Self::Severed)
    }
}

/// One flow: the table's bookkeeping around what the TCP module keeps.
#[derive(Debug)]
pub(crate) struct Flow<T> {
    pub(crate) service: Service,
    /// Whether the client is the lower of the key's ends.
    pub(crate) client_is_low: bool,
    /// The side the client stands on.
    pub(crate) client_side: Side,
    pub(crate) last_seen: Instant,
    /// What becomes of it, once it leaves the table.
    pub(crate) end: FlowEnd,
    class: Class,
    /// When its queue looks at it again.
    queued: Instant,
    /// When the queue of deadlines looks at it; [`Instant::FAR`] if it isn't in there.
    deadline: Instant,
    pub(crate) state: T,
}

impl<T> Flow<T> {
    /// A flow heard of for the first time, now, from its client or its server.
    pub(crate) fn new(
        service: Service,
        client_is_low: bool,
        client_side: Side,
        now: Instant,
        state: T,
    ) -> Self {
        Self {
            service,
            client_is_low,
            client_side,
            last_seen: now,
            end: FlowEnd::Idle,
            class: Class::HalfOpen,
            queued: now,
            deadline: Instant::FAR,
            state,
        }
    }

    pub(crate) fn class(&self) -> Class {
        self.class
    }

    /// Which way a frame goes whose source is the lower end, or isn't.
    pub(crate) fn direction(&self, source_is_low: bool) -> Direction {
        if source_is_low == self.client_is_low {
            Direction::ToServer
        } else {
            Direction::ToClient
        }
    }
}
