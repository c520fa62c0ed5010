//! What all flows share beside the table they live in.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::framer::PartialTotal;
use crate::hashing::{Hashing, hashing};
use crate::mqtt::{AliasTotal, Entry, Registry};
use crate::pool::Pool;
use crate::tcp::{HeldTotal, UnackedTotal};
use crate::{Limits, Seed};

/// Buffers and totals. Shared by the workers.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) pool: Pool,
    pub(crate) windows: Pool<Entry>,
    pub(crate) held: HeldTotal,
    pub(crate) unacked: UnackedTotal,
    pub(crate) partial: PartialTotal,
    pub(crate) alias_total: AliasTotal,
    pub(crate) registry: Registry,
    /// Of bodies that CoAP transfers over TCP.
    pub(crate) bodies: Hashing,
    sessions: AtomicUsize,
}

impl Shared {
    pub(crate) fn new(limits: &Limits, seed: &Seed) -> Self {
        Self {
            pool: Pool::default(),
            windows: Pool::default(),
            held: HeldTotal::default(),
            unacked: UnackedTotal::default(),
            partial: PartialTotal::new(limits),
            alias_total: AliasTotal::default(),
            registry: Registry::new(limits, seed),
            bodies: hashing(seed.hash_seed("coap-tcp.bodies")),
            sessions: AtomicUsize::new(0),
        }
    }

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
