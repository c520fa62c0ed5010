//! Clients that take no response in blocks: a critical option that one doesn't know has it reject the message (RFC 7252
//! §5.4.1).
//!
//! Such a client resets the first block of a response, or says nothing to it, and asks for the same again. From then on
//! it is given no blocks for a while. What is for it waits until its requests have made room for the whole: by its
//! retransmissions it is owed five times as much as by one request. That goes out in a message to be acknowledged, and
//! proves its address as ever. A response that so many requests make no room for goes out in blocks as before: its client
//! may know them after all, and have lost the first.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::coap::books::allowance::Allowance;
use crate::coap::exchange::Response;
use crate::coap::exchange::bearing::Role;
use crate::coap::exchange::endpoint::{Endpoint, Token};
use crate::coap::exchange::sent::Sent;
use crate::coap::lately::Lately;
use crate::coap::proof::probe::DECOY_LEN;
use crate::coap::{DEFAULT_RATIO, Datagram, Tracker};
use crate::{Instant, Seed};
use wire::coap::Type;

/// Bytes that each of a client's is worth.
const RATIO: usize = DEFAULT_RATIO.ratio_milli as usize / 1000;
/// How often a client sends a request once more that it has sent twice (MAX_RETRANSMIT, RFC 7252 §4.8).
const REPETITIONS: usize = 3;
/// After how long a request is repeated at the earliest (ACK_TIMEOUT); before that, it may be another for the same.
const REPEATED_S: i32 = 2;
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
    /// Those that have said so.
    rejects: Lately<Endpoint, KNOWN_S>,
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
            rejects: Lately::new(slots, seed.hash_seed("coap.rejects")),
            plain_until: AtomicU64::new(0),
        }
    }

    /// A client rejects a block.
    pub(super) fn note_rejecting(&self, now: Instant, client: Endpoint) {
        self.rejects.note(now, client);
        self.note_plain(now, client);
    }

    fn note_plain(&self, now: Instant, client: Endpoint) {
        self.plain.note(now, client);
        let until = now.0 + (KNOWN_S as u64 + 1) * 1_000_000_000;
        self.plain_until.fetch_max(until, Ordering::Relaxed);
    }

    /// Whether the beginning of a body went out, and nobody has asked for more.
    fn is_unfollowed(&self, now: Instant, body: u64) -> bool {
        self.begun.is_noted(now, body) && !self.followed.is_noted(now, body)
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
        self.probes.follow(now, client);
    }

    /// Whether a client is known to take no blocks.
    pub(crate) fn is_plain(&self, now: Instant, client: Endpoint) -> bool {
        self.habits.is_plain(now, client)
    }

    /// Whether a response of so many bytes waits till there is room for all of it, if `room` is what there is, and
    /// `to_come` what its client sends yet.
    pub(crate) fn waits_whole(
        &self,
        now: Instant,
        client: Endpoint,
        (len, to_come): (usize, usize),
        room: Allowance,
    ) -> bool {
        let by_then = room.alone.saturating_add(to_come * RATIO);
        len + DECOY_LEN <= by_then && self.is_plain(now, client)
    }

    /// Whether the response that `datagram` is waits till there is room for all of it.
    pub(crate) fn is_for_plain(
        &self,
        now: Instant,
        datagram: &Datagram<'_>,
        room: Allowance,
    ) -> bool {
        let client = datagram.bearing.client;
        let Role::Response(Some(asked)) = &datagram.bearing.role else {
            return false;
        };
        let is_meant = datagram.message.code().class() == 2 && self.is_plain(now, client);
        is_meant && {
            let server = datagram.bearing.server;
            let is_piggybacked = datagram.message.message_type() == Type::Acknowledgement;
            let request = is_piggybacked
                .then(|| self.exchanges.sent(now, client, server, asked.message_id))
                .flatten();
            let times = self.repetitions(now, client, asked.body, request.as_ref());
            self.waits_whole(now, client, (datagram.len(), asked.len * times), room)
        }
    }

    /// How often a client is yet to ask for a body: with its `request`, until that is acknowledged, or anew, if it has
    /// shown that it takes no blocks. Else it may have lost the first block of something, and asks for nothing again.
    pub(super) fn repetitions(
        &self,
        now: Instant,
        client: Endpoint,
        body: u64,
        request: Option<&Sent>,
    ) -> usize {
        let habits = &self.habits;
        match request {
            Some(request) => request.repetitions_left(now).min(REPETITIONS),
            None if habits.rejects.is_noted(now, client) || habits.is_unfollowed(now, body) => {
                REPETITIONS
            }
            None => 0,
        }
    }

    /// A request without a block, of a body: if its client was given the beginning of that, and has done nothing about it,
    /// it takes none.
    pub(crate) fn note_unblocked(&self, now: Instant, datagram: &Datagram<'_>, body: u64) {
        let habits = &self.habits;
        let is_repeated = !self.portions.is_empty()
            && datagram.facts.block2.is_none()
            && habits.begun.is_noted_since(now, body, REPEATED_S)
            && !habits.followed.is_noted(now, body);
        if is_repeated {
            habits.note_plain(now, datagram.bearing.client);
        }
    }

    /// A client resets a NON under that token: if it was the beginning of a body, it takes none.
    pub(crate) fn note_rejected(&self, now: Instant, datagram: &Datagram<'_>, token: Token) {
        if self.portions.is_empty() {
            return;
        }
        let (client, server) = (datagram.bearing.client, datagram.bearing.server);
        let response = Response::separate(client, server, token);
        let asked = self.exchanges.asked(now, &response);
        if asked.is_some_and(|asked| self.habits.is_unfollowed(now, asked.body)) {
            self.habits.note_rejecting(now, client);
        }
    }
}
