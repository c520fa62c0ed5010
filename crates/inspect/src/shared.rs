//! What all flows share beside the table they live in.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::pool::Pool;
use crate::tcp::HeldTotal;

/// Buffers and totals. Shared by the workers.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) pool: Pool,
    pub(crate) held: HeldTotal,
    sessions: AtomicUsize,
}

impl Shared {
    /// MQTT sessions accepted by their server.
    pub(crate) fn sessions(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }

    pub(crate) fn session_opened(&self) {
        self.sessions.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn session_closed(&self) {
        self.sessions.fetch_sub(1, Ordering::Relaxed);
    }
}
