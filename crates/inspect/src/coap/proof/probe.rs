//! A response as its own challenge: an acknowledgement proves an address, if nobody could guess it, and
//! if its sender acknowledges only what it has asked for.
//!
//! Many clients don't follow an Echo option, but every client acknowledges a confirmable response it
//! has asked for, by its message ID (RFC 7252 §4.2). So a response that fits into the budget goes out as
//! a CON of our own, under an ID that only its receiver knows. Whoever gets one without having asked is
//! to reject it, but some acknowledge whatever comes (a server of libcoap 4.3.1 does). So then comes a
//! decoy, a response to nothing: it has to be reset.
//!
//! Sixteen bits are few, twice sixteen enough. An endpoint has [`GUESSES`]; where somebody guesses at many of them at once, more than
//! [`GUESSES_AT_ADDRESS`] within a minute, one wrong guess ends the attempt there, but not those of others at the address. A reply to nothing is a guess where an attempt is under way,
//! and nothing elsewhere; one wrong guess spoils nothing, or four forged bytes would keep a client from its proof. The wrong reply of
//! the two to a message of ours, whose ID only its receiver knows, ends the attempt, but for the reset of a response that was
//! sent again: that is from one who had it before, and whose acknowledgement may have got lost. The next is made
//! a minute later, under other IDs; till then there are cookies.

use std::collections::VecDeque;
use std::hash::Hasher;
use std::time::Duration;

use siphasher::sip128::{Hasher128, SipHasher24};
use wire::coap::HEADER_LEN;

use crate::coap::exchange::endpoint::{Endpoint, Token};
use crate::table::{Aging, Table};
use crate::{Instant, Limits, Seed};

/// How long an attempt, or a failed one, is remembered.
const LIFETIME: Duration = Duration::from_secs(60);
/// How long a client takes to reply, a repetition of its request included (RFC 7252 §4.8).
const REPLY_MAX: Duration = Duration::from_secs(5);
/// Messages of one attempt, each counted once however often it is sent: as many IDs could be guessed. What else is to go to
/// the client waits for what comes of them, and of the decoy after them.
const SENT_MAX: u8 = 8;
/// Replies to nothing that end an attempt.
const GUESSES: u16 = 16;
/// Replies to nothing, at all endpoints of an address that may prove themselves, beyond which one ends an attempt.
const GUESSES_AT_ADDRESS: u16 = 1024;
/// Bytes of a decoy's token.
const DECOY_TOKEN_LEN: usize = 4;
/// Bytes of a decoy.
pub(crate) const DECOY_LEN: usize = HEADER_LEN + DECOY_TOKEN_LEN;
/// Unacknowledged responses that a client with several requests under way may have, once it has had the time to reply.
const DOUBTFUL: u8 = 3;
/// Messages to one client that wait for its proof: so many members of a group may answer it at once.
const WAITING: usize = 32;

/// Attempts under way, one an endpoint.
pub(crate) struct Probes {
    /// By endpoint; what stands for all at an address counts the guesses there.
    table: Table<Endpoint, Probe>,
    key: [u8; 16],
}

#[derive(Debug)]
struct Probe {
    begun: Instant,
    /// When the latest message was sent for the first time, and the latest whose reply proves something.
    sent_at: Instant,
    probed_at: Option<Instant>,
    /// Messages sent that are to be replied to.
    sent: u8,
    /// Others, which are to be asked for the rest of, and those of them that have been.
    beginnings: u8,
    followed: u8,
    /// What the latest of them all is known by.
    latest: u64,
    /// What the decoy takes is charged already, and it hasn't been sent.
    is_decoy_paid: bool,
    /// A response has been acknowledged.
    acknowledged: bool,
    /// What waits for the proof, in turn.
    waits: VecDeque<Waiting>,
    /// Replies to nothing.
    guesses: u16,
    failed: bool,
}

/// A server, and the message ID under which something of its is withheld.
pub(crate) type Waiting = (Endpoint, u16);

/// A response to nothing.
#[derive(Debug)]
pub(crate) struct Decoy {
    pub(crate) message_id: u16,
    pub(crate) token: [u8; DECOY_TOKEN_LEN],
    /// What it takes has been charged before.
    pub(crate) is_paid: bool,
}

/// What a message of ours is.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    /// The response about that message ID and token.
    Response((u16, Token)),
    /// A part of it, which isn't to be acknowledged.
    Beginning(Token),
    /// An answer that proves nothing.
    Portion,
    Decoy,
}

impl Probes {
    pub(crate) fn new(limits: &Limits, seed: &Seed, hash_seed: u64) -> Self {
        Self {
            table: Table::new(limits.endpoints, hash_seed),
            key: seed.key("coap.probe"),
        }
    }

    /// The message ID under which `client` is to acknowledge a response, the same when that is sent again: when it is
    /// `about` the same message ID and token, for a client may use one token for all that it asks. None if it failed
    /// to acknowledge one lately, or too many are under way.
    pub(crate) fn begin(&self, now: Instant, client: Endpoint, about: (u16, Token)) -> Option<u16> {
        self.send(now, client, Purpose::Response(about))
    }

    /// Whether the response to `token` may go out in part, which its receiver is to ask for the rest of: as many as there
    /// is room for, for a client may ask for all beginnings before it asks for more of any (NSTART, RFC 7252 §4.7).
    pub(crate) fn offer(&self, now: Instant, client: Endpoint, token: Token) -> bool {
        self.send(now, client, Purpose::Beginning(token)).is_some()
    }

    /// The message ID of an answer to the NON with that of its own, which proves nothing: the same when it is sent again, and
    /// no other's, as no two requests of its client have one.
    pub(crate) fn portion(&self, client: Endpoint, request: u16) -> u16 {
        let distance = self.secret(Instant(0), client, Purpose::Portion) as u16;
        request.wrapping_add(distance)
    }

    fn send(&self, now: Instant, client: Endpoint, purpose: Purpose) -> Option<u16> {
        if self.is_spoiled(now, client) {
            return None;
        }
        let fresh = || Probe::new(now);
        let send = |probe: &mut Probe| {
            if matches!(purpose, Purpose::Response(_)) {
                probe.probed_at = Some(now);
            }
            let secret = self.secret(probe.begun, client, purpose);
            match purpose {
                Purpose::Beginning(_) => probe.offer(now, secret),
                _ => probe.send(now, secret),
            }
        };
        let (secret, _) = self.table.with_or_insert(now, client, fresh, send);
        Some(secret? as u16)
    }

    /// Whether what the decoy takes is to be charged to `client`, now that it is sent what is to be acknowledged: once.
    pub(crate) fn charges_decoy(&self, now: Instant, client: Endpoint) -> bool {
        let charges = |probe: &mut Probe| {
            !probe.acknowledged && !std::mem::replace(&mut probe.is_decoy_paid, true)
        };
        self.table.with(now, &client, charges).unwrap_or(false)
    }

    /// The decoy that `client` is to reset, now that it has acknowledged a response.
    pub(crate) fn decoy(&self, now: Instant, client: Endpoint) -> Option<Decoy> {
        let send = |probe: &mut Probe| {
            probe.acknowledged = true;
            probe.probed_at = Some(now);
            let secret = self.secret(probe.begun, client, Purpose::Decoy);
            probe.send_up_to(SENT_MAX + 1, now, secret)?;
            Some(Decoy {
                message_id: secret as u16,
                token: ((secret >> 16) as u32).to_be_bytes(),
                is_paid: std::mem::take(&mut probe.is_decoy_paid),
            })
        };
        self.table.with(now, &client, send)?
    }

    /// `client` resets a response that it was sent once. One that has acknowledged it has got it twice all the same.
    pub(crate) fn reset(&self, now: Instant, client: Endpoint) {
        let reset = |probe: &mut Probe| probe.failed |= !probe.acknowledged;
        self.table.with(now, &client, reset);
    }

    /// Whether `client` has acknowledged a response of the attempt under way.
    pub(crate) fn has_acknowledged(&self, now: Instant, client: Endpoint) -> bool {
        self.is(now, client, |probe| probe.acknowledged && !probe.failed)
    }

    /// Whether `client` failed lately, or has left several responses unacknowledged so far: it may never
    /// have asked for them. One that asks for several things at once has just been sent as many, up to a bound.
    pub(crate) fn is_doubtful(&self, now: Instant, client: Endpoint) -> bool {
        let is_doubtful = |probe: &mut Probe| {
            let had_time = now >= probe.sent_at + REPLY_MAX;
            // Of one that has acknowledged a response, what comes after that may have got lost.
            let given = probe.sent.saturating_add(probe.beginnings);
            let unanswered = given.saturating_sub(probe.followed);
            let is_silent = unanswered >= DOUBTFUL && had_time && !probe.acknowledged;
            probe.failed || is_silent
        };
        self.table.len() > 0
            && (self.table.with(now, &client, is_doubtful).unwrap_or(false)
                || self.is_spoiled(now, client))
    }

    /// `client` asks for more of what it has got the beginning of: it has heard that.
    pub(crate) fn follow(&self, now: Instant, client: Endpoint) {
        let follow = |probe: &mut Probe| {
            probe.followed = probe.beginnings.min(probe.followed.saturating_add(1));
        };
        self.table.with(now, &client, follow);
    }

    /// Whether somebody guesses at the attempt of `client`, while the same goes on at other endpoints of its address.
    fn is_spoiled(&self, now: Instant, client: Endpoint) -> bool {
        self.is(now, client, |probe| probe.guesses > 0)
            && self.is(now, client.strangers(), |address| {
                address.guesses > GUESSES_AT_ADDRESS
            })
    }

    fn is(&self, now: Instant, client: Endpoint, is_so: impl Fn(&Probe) -> bool) -> bool {
        let is_so = |probe: &mut Probe| is_so(probe);
        self.table.len() > 0 && self.table.with(now, &client, is_so).unwrap_or(false)
    }

    /// Whether `client` has been sent something of late that may yet prove its address.
    pub(crate) fn is_under_way(&self, now: Instant, client: Endpoint) -> bool {
        let is_under_way = |probe: &mut Probe| probe.is_under_way(now);
        self.table.len() > 0 && self.table.with(now, &client, is_under_way).unwrap_or(false)
    }

    /// Whether a response to `client` may wait for what comes of the messages that it has been sent of late: of the beginning
    /// of another response, if it isn't asked for again (`is_last`), for some clients take one after the other of what they
    /// ask for until it comes (NSTART, RFC 7252 §4.7).
    pub(crate) fn may_wait(&self, now: Instant, client: Endpoint, is_last: bool) -> bool {
        let may_wait = |probe: &mut Probe| {
            let goes_on = is_recent(now, probe.probed_at) || is_last && probe.is_under_way(now);
            goes_on && !probe.failed && probe.waits.len() < WAITING
        };
        self.table.len() > 0 && self.table.with(now, &client, may_wait).unwrap_or(false)
    }

    /// What is withheld from `client` waits for its proof, whatever brings that.
    pub(crate) fn wait(&self, now: Instant, client: Endpoint, withheld: Waiting) -> bool {
        let wait = |probe: &mut Probe| probe.wait(withheld);
        let fresh = || Probe::new(now);
        self.table.with_or_insert(now, client, fresh, wait).0
    }

    /// What waits for the proof of `client` and is next.
    pub(crate) fn next_waiting(&self, now: Instant, client: Endpoint) -> Option<Waiting> {
        let take = |probe: &mut Probe| probe.waits.pop_front();
        self.table.with(now, &client, take)?
    }

    /// `client` has done with the decoy what is to be done: whether that proves its address.
    pub(crate) fn pass(&self, now: Instant, client: Endpoint) -> bool {
        self.is(now, client, |probe| !probe.failed) && !self.is_spoiled(now, client)
    }

    /// `client` has done with a message of ours what isn't to be done: the attempt is over.
    pub(crate) fn fail(&self, now: Instant, client: Endpoint) {
        self.table.with(now, &client, |probe| probe.failed = true);
    }

    /// Something from `client` that answers nothing may be a guess, if there is something to guess.
    pub(crate) fn guess(&self, now: Instant, client: Endpoint) {
        if self.table.len() == 0 {
            return;
        }
        let guess = |probe: &mut Probe| {
            probe.guesses = probe.guesses.saturating_add(1);
            probe.failed |= probe.guesses >= GUESSES;
        };
        if self.table.with(now, &client, guess).is_some() {
            let guess = |address: &mut Probe| address.guesses = address.guesses.saturating_add(1);
            self.table
                .with_or_insert(now, client.strangers(), || Probe::new(now), guess);
        }
    }

    /// Forgets what is over, looking at about `at_most`. Returns whether there may be more.
    pub(crate) fn sweep(&self, now: Instant, at_most: usize) -> bool {
        self.table.sweep(now, at_most)
    }

    /// What only the receiver of a message of ours gets to know.
    fn secret(&self, begun: Instant, client: Endpoint, purpose: Purpose) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write(&begun.0.to_le_bytes());
        hasher.write(&client.bytes());
        match purpose {
            Purpose::Response((id, token)) => {
                hasher.write_u16(id);
                hasher.write(&token.bytes());
                hasher.write_usize(token.len());
            }
            Purpose::Beginning(token) => {
                hasher.write(&token.bytes());
                hasher.write_usize(token.len());
            }
            Purpose::Portion => hasher.write_u8(1),
            Purpose::Decoy => {}
        }
        hasher.finish128().h1
    }
}

impl Probe {
    fn new(now: Instant) -> Self {
        Self {
            begun: now,
            sent_at: now,
            probed_at: None,
            sent: 0,
            beginnings: 0,
            followed: 0,
            latest: 0,
            is_decoy_paid: false,
            acknowledged: false,
            waits: VecDeque::new(),
            guesses: 0,
            failed: false,
        }
    }

    /// A message goes out for the attempt, known by `secret`: that, if the attempt goes on.
    fn send(&mut self, now: Instant, secret: u64) -> Option<u64> {
        self.send_up_to(SENT_MAX, now, secret)
    }

    /// The same, while fewer than `most` went out.
    fn send_up_to(&mut self, most: u8, now: Instant, secret: u64) -> Option<u64> {
        if self.is_new(secret) {
            if self.sent >= most {
                return None;
            }
            self.sent += 1;
            self.latest = secret;
            self.sent_at = now;
        }
        (!self.failed).then_some(secret)
    }

    /// The beginning of a response goes out, known by `secret`: that, if the attempt goes on.
    fn offer(&mut self, now: Instant, secret: u64) -> Option<u64> {
        if self.is_new(secret) {
            self.beginnings = self.beginnings.saturating_add(1);
            self.latest = secret;
            self.sent_at = now;
        }
        (!self.failed).then_some(secret)
    }

    /// Whether it isn't the latest that went out.
    fn is_new(&self, secret: u64) -> bool {
        self.sent == 0 && self.beginnings == 0 || self.latest != secret
    }

    /// Whether something was sent of late that may yet prove the address.
    fn is_under_way(&self, now: Instant) -> bool {
        (self.sent > 0 || self.beginnings > 0) && !self.failed && is_recent(now, Some(self.sent_at))
    }

    /// Whether there is room for one more that waits.
    fn wait(&mut self, withheld: Waiting) -> bool {
        if self.waits.contains(&withheld) {
            return true;
        }
        let has_room = self.waits.len() < WAITING;
        if has_room {
            self.waits.push_back(withheld);
        }
        has_room
    }
}

/// Whether the reply to what was sent then may yet come.
fn is_recent(now: Instant, sent_at: Option<Instant>) -> bool {
    sent_at.is_some_and(|at| now < at + REPLY_MAX)
}

impl std::fmt::Debug for Probes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Probes").field(&self.table).finish()
    }
}

impl Aging for Probe {
    fn used(&self) -> Instant {
        self.begun
    }

    fn lifetime(&self) -> Duration {
        LIFETIME
    }

    fn is_established(&self, _: Instant) -> bool {
        false
    }
}

#[cfg(test)]
mod tests;
