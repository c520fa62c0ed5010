//! The data plane: XDP program, AF_XDP workers, and the checks of the interfaces they need.
//!
//! A link has two ports; a worker is a pinned thread that owns the sockets of one queue of both, and
//! one UMEM. It shares nothing with other workers but the inspector, and never waits for the control
//! plane: statistics are atomics it writes and others read, events and bans go into bounded channels
//! and are dropped, and counted, when those are full.

pub mod checks;
pub mod clock;
pub mod netlink;
pub mod stats;
pub mod worker;
pub mod xdp;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use inspect::{Event, Inspector};
use policy::RuleIndex;

/// What a worker does with the frames it gets.
#[derive(Clone)]
pub enum Inspection {
    /// Forwards every frame: what the path itself costs, for benchmarks.
    AcceptAll,
    /// Asks the inspector.
    Full(Arc<Inspector>),
}

/// Takes what a worker has to tell, on the worker's thread: it must neither block nor allocate
/// without bound.
pub trait Observer: Send + 'static {
    /// An event. Returns false when it had to be dropped.
    fn event(&mut self, event: &Event<'_>) -> bool;

    /// A source to be kept out. Returns false when it had to be dropped.
    fn ban(&mut self, ban: Ban) -> bool;
}

/// A source to be kept out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ban {
    /// Whom.
    pub source: IpAddr,
    /// For how long from now.
    pub duration: Duration,
    /// Because of which rule.
    pub rule: RuleIndex,
}
