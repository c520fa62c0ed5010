//! An observation from its registration to its end (RFC 7641 §3, §4).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The Observe option of a request (RFC 7641 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Observe {
    Register,
    Deregister,
}

/// How far an observation has come.
#[derive(Debug)]
pub(super) enum Observation {
    None,
    /// The client registered, the server has not answered yet.
    Asked,
    /// The server notifies.
    Granted {
        /// Whether that was asked for from a validated address.
        trusted: bool,
        _counted: Counted,
    },
}

/// One observation in the number of observations.
#[derive(Debug)]
pub(super) struct Counted(Arc<AtomicUsize>);

impl Observation {
    /// A request goes to the server.
    pub(super) fn ask(&mut self, observe: Option<Observe>) {
        match (observe, &self) {
            // Registering again, or its retransmission, leaves what was granted in force.
            (Some(Observe::Register), Self::None) => *self = Self::Asked,
            (Some(Observe::Deregister), _) => *self = Self::None,
            _ => {}
        }
    }

    /// A response goes to the client, which asked from a validated address or not. With an Observe
    /// option and a code of success it grants the observation; without, it ends it.
    pub(super) fn answer(&mut self, notifies: bool, was_trusted: bool, number: &Arc<AtomicUsize>) {
        match (notifies, &mut *self) {
            (true, Self::Asked) => {
                *self = Self::Granted {
                    trusted: was_trusted,
                    _counted: Counted::new(number),
                };
            }
            (true, Self::Granted { trusted, .. }) => *trusted |= was_trusted,
            (false, Self::Granted { .. }) => *self = Self::None,
            _ => {}
        }
    }

    /// Whether the server notifies.
    pub(super) fn is_granted(&self) -> bool {
        matches!(self, Self::Granted { .. })
    }

    /// Whether it does so because somebody asked from a validated address.
    pub(super) fn is_trusted(&self) -> bool {
        matches!(self, Self::Granted { trusted: true, .. })
    }
}

impl Counted {
    fn new(number: &Arc<AtomicUsize>) -> Self {
        number.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(number))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
