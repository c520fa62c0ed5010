//! Requests that wait until the one they are for has answered a ping ([`crate::coap::exchange::counter`]). A CON comes
//! again by itself; of NONs, which nobody repeats, the latest between two ends is kept here.

use wire::coap::Type;

use super::KEPT_BYTES;
use crate::coap::aged::Aged;
use crate::coap::exchange::parties::Parties;
use crate::coap::proof::answer::{Towards, send};
use crate::coap::{Datagram, Tracker};
use crate::context::Context;
use crate::table::Table;
use crate::{Injected, Instant, Sink};

/// How long somebody takes to answer a ping.
const LIFETIME_S: u64 = 5;

/// Requests kept, by who sends them and whom they are for.
#[derive(Debug)]
pub(crate) struct Knocked {
    kept: Table<Parties<u16>, Aged<Box<[u8]>, LIFETIME_S>>,
}

impl Knocked {
    pub(crate) fn new(capacity: usize, hash_seed: u64) -> Self {
        Self {
            kept: Table::new(capacity, hash_seed),
        }
    }

    fn keep(&self, now: Instant, parties: Parties<u16>, request: &[u8]) {
        let kept = || Aged::new(now, request.into());
        self.kept
            .with_or_insert(now, parties, kept, |known| *known = kept());
    }

    /// What is kept for somebody: it goes out once.
    fn take(&self, now: Instant, parties: &Parties<u16>) -> Option<Box<[u8]>> {
        let take = |kept: &mut Aged<Box<[u8]>, LIFETIME_S>| std::mem::take(&mut kept.value);
        let request = self.kept.with(now, parties, take)?;
        (!request.is_empty()).then_some(request)
    }

    /// Forgets what is over, looking at about `at_most`. Returns whether there may be more.
    pub(crate) fn sweep(&self, now: Instant, at_most: usize) -> bool {
        self.kept.sweep(now, at_most)
    }
}

impl Tracker {
    /// Keeps a request whose receiver has been pinged, if nobody sends it again. Returns whether it is kept.
    pub(crate) fn keep_knocked<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        datagram: &Datagram<'_>,
    ) -> bool {
        let is_last = datagram.message.message_type() == Type::NonConfirmable;
        if !is_last || datagram.len() > KEPT_BYTES {
            return false;
        }
        let parties = Parties::new(datagram.bearing.client, datagram.bearing.server, 0);
        self.knocked.keep(cx.now, parties, datagram.bytes);
        true
    }

    /// The sender of a datagram has answered a ping: what is kept for it goes out, in the name of who was told so.
    pub(crate) fn release_knocked<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
    ) {
        let parties = Parties::new(datagram.bearing.server, datagram.bearing.client, 0);
        if let Some(request) = self.knocked.take(cx.now, &parties) {
            send(
                cx,
                datagram.frame,
                Towards::Sender,
                Injected::Released,
                &request,
            );
        }
    }
}
