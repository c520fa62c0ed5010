//! Clients that take no response in blocks: a critical option that one doesn't know has it reject the message (RFC 7252
//! §5.4.1).
//!
//! Such a client resets the first block of a response, or says nothing to it, and asks for the same again. From then on
//! it is given no blocks for a while. What is for it waits until its requests have made room for the whole, and the
//! resets of pings: by its retransmissions alone it is owed five times as much as by one request. That goes out in a
//! message to be acknowledged, and proves its address as ever. A response that so many requests make no room for goes
//! out in blocks as before: its client may know them after all, and have lost the first.

use std::sync::atomic::{AtomicU64, Ordering};

use super::withheld::Kept;
use crate::coap::exchange::endpoint::Endpoint;
use crate::coap::lately::Lately;
use crate::coap::{Datagram, Tracker};
use crate::context::Context;
use crate::{Instant, Seed, Sink};

/// For how long a client is known to take no blocks, or to take them.
const KNOWN_S: i32 = 600;
/// For how long it is known of a body that its first block went out.
const BODY_S: i32 = 120;

/// What clients do with blocks.
#[derive(Debug)]
pub(crate) struct Habits {
    /// Bodies whose first block went out.
    begun: Lately<u64, BODY_S>,
    /// Bodies of which more blocks were asked for.
    followed: Lately<u64, BODY_S>,
    follows: Lately<Endpoint, KNOWN_S>,
    plain: Lately<Endpoint, KNOWN_S>,
    /// Until when any client may be known to take no blocks, as nanoseconds of [`Instant`].
    plain_until: AtomicU64,
}

impl Habits {
    /// With so many slots of each kind.
    pub(crate) fn new(slots: usize, seed: &Seed) -> Self {
        Self {
            begun: Lately::new(slots, seed.hash_seed("coap.begun")),
            followed: Lately::new(slots, seed.hash_seed("coap.followed")),
            follows: Lately::new(slots, seed.hash_seed("coap.follows")),
            plain: Lately::new(slots, seed.hash_seed("coap.plain")),
            plain_until: AtomicU64::new(0),
        }
    }

    fn note_plain(&self, now: Instant, client: Endpoint) {
        self.plain.note(now, client);
        let until = now.0 + (KNOWN_S as u64 + 1) * 1_000_000_000;
        self.plain_until.fetch_max(until, Ordering::Relaxed);
    }

    fn is_plain(&self, now: Instant, client: Endpoint) -> bool {
        now.0 < self.plain_until.load(Ordering::Relaxed)
            && self.plain.is_noted(now, client)
            && !self.follows.is_noted(now, client)
    }
}

impl Tracker {
    /// The first block of a body goes out.
    pub(crate) fn note_begun(&self, now: Instant, body: u64) {
        self.habits.begun.note(now, body);
    }

    /// A client asks for more of a body that has begun.
    pub(crate) fn note_followed(&self, now: Instant, client: Endpoint, body: u64) {
        self.habits.followed.note(now, body);
        self.habits.follows.note(now, client);
    }

    /// Whether the client of a member's response that is withheld has gone on with its first block.
    pub(crate) fn is_followed(&self, now: Instant, kept: &Kept) -> bool {
        let body = kept.body().filter(|_| kept.is_of_group());
        body.is_some_and(|body| self.habits.followed.is_noted(now, body))
    }

    /// Whether a client is known to take no blocks.
    pub(crate) fn is_plain(&self, now: Instant, client: Endpoint) -> bool {
        self.habits.is_plain(now, client)
    }

    /// A client resets a first block that it was to acknowledge.
    pub(crate) fn note_unopened<S: Sink>(&self, cx: &mut Context<'_, S>, datagram: &Datagram<'_>) {
        self.habits.note_plain(cx.now, datagram.bearing.client);
        self.challenge_waiting(cx, datagram);
    }
}
