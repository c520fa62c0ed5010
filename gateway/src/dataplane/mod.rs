//! The data plane: XDP program, AF_XDP workers, and the checks of the interfaces they need.
//!
//! A link has two ports; a worker is a pinned thread that owns the sockets of one queue of both, and
//! one UMEM. It shares nothing with other workers but the inspector, and never waits for the control
//! plane: statistics are atomics it writes and others read, events and bans go into bounded channels
//! and are dropped, and counted, when those are full.

pub mod checks;
pub mod clock;
mod hold;
mod link;
pub mod netlink;
mod plan;
mod settings;
mod start;
pub mod stats;
mod supervisor;
pub mod worker;
mod workshop;
pub mod xdp;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use inspect::{Event, Inspector};
use ipnet::IpNet;
use policy::RuleIndex;

pub use hold::Hold;
pub use link::LinkError;
pub use settings::{Settings, StartError};
pub use start::{Dataplane, Leave, LinkStatus};

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
    /// Whom: an address, or a network of them.
    pub source: IpNet,
    /// For how long from now.
    pub duration: Duration,
    /// Because of which rule.
    pub rule: RuleIndex,
    /// Of which policy.
    pub generation: u64,
}

/// Which worker of which link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WorkerId {
    /// Index of the link in the configuration.
    pub link: u16,
    /// Number of the worker in its link, from 0.
    pub number: usize,
}

/// The interfaces at the ends of a link.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LinkNames {
    /// On the devices' side.
    pub inside: String,
    /// On the other side.
    pub outside: String,
}

impl fmt::Display for LinkNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} - {}", self.inside, self.outside)
    }
}
