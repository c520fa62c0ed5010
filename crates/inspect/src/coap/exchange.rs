//! What is under way between endpoints: requests by token, messages by message ID.
//!
//! A response belongs to the exchange of its client endpoint, server endpoint and token; a
//! piggybacked one also has to carry the request's message ID (RFC 7252 §5.3.2). A request to a group
//! is answered from addresses nobody can foresee, so its exchange has a wildcard for the server's
//! address, never for its port (§8.2). An acknowledgement or reset belongs to the CON or NON its
//! sender received under that message ID (§4.2).
//!
//! Nothing ends by being answered: the answer may be sent again, and block-wise transfers and
//! observations go on. Entries live for the lifetimes of §4.8.2, counted from their last use; an
//! observation for as long as its server may stay silent (RFC 7641 §4.5).

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use super::endpoint::{Endpoint, Token};
use super::observation::{Observation, Observe, Sequence};
use super::parties::{Parties, Server};
use super::sent::{EXCHANGE_LIFETIME, Repetition, Sent};
use crate::Instant;
use crate::hashing::{Hashing, hashing};
use crate::holdings::{Held, Share, Slot};
use crate::table::{Aging, Table};

/// A server has to send a CON notification at least once in 24 hours (RFC 7641 §4.5).
const OBSERVATION_LIFETIME: Duration = Duration::from_secs(24 * 3600 + 247);

/// Everything under way.
#[derive(Debug)]
pub(super) struct Exchanges {
    exchanges: Table<Parties<Token>, Exchange>,
    messages: Table<Parties<u16>, Sent>,
    observations: Arc<AtomicUsize>,
    /// How often the clients' books were begun anew.
    edition: AtomicU32,
    hasher: Hashing,
}

/// A request on its way to a server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub(super) client: Endpoint,
    pub(super) server: Server,
    pub(super) token: Token,
    pub(super) message_id: u16,
    pub(super) observe: Option<Observe>,
    /// Whether the address of the client was validated as it asked.
    pub(super) trusted: bool,
    /// Whether any server may answer it.
    pub(super) asks_anybody: bool,
    /// What it asks for, where the size of the answer matters.
    pub(super) resource: Option<u64>,
    /// What makes the body of the answer.
    pub(super) body: u64,
    /// Where the block of the answer begins that it asks for (RFC 7959 §2.4).
    pub(super) offset: u64,
    /// Bytes of UDP payload.
    pub(super) len: usize,
}

/// What a response says of itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Response {
    pub(super) client: Endpoint,
    pub(super) server: Endpoint,
    pub(super) token: Token,
    /// Of a piggybacked response: the message ID of the request.
    pub(super) piggybacked_on: Option<u16>,
}

/// What is known of the request behind a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) server: Server,
    /// Whether the client's address was validated when it asked.
    pub(super) trusted: bool,
    /// Whether any server may answer it.
    pub(super) asks_anybody: bool,
    pub(super) resource: Option<u64>,
    /// What makes the body of the response.
    pub(super) body: u64,
    /// Whether it asked to be notified.
    pub(super) observes: bool,
    /// Whether it did so at any time.
    pub(super) has_observed: bool,
    /// The latest notification.
    pub(super) latest: Option<Sequence>,
    /// Where the block begins that it asked for last.
    pub(super) offset: u64,
    /// Whether it was asked before the books that are kept now.
    pub(super) is_unbooked: bool,
}

impl Exchanges {
    /// At most `capacity` exchanges, and as many messages.
    pub(super) fn new(capacity: usize, hash_seed: u64) -> Self {
        Self {
            exchanges: Table::new(capacity, hash_seed),
            messages: Table::new(capacity, hash_seed.rotate_left(32)),
            observations: Arc::default(),
            edition: AtomicU32::new(0),
            hasher: hashing(hash_seed),
        }
    }

    /// What tells a message from others under its message ID.
    pub(super) fn digest(&self, datagram: &[u8]) -> u32 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(datagram);
        hasher.finish() as u32
    }

    /// What was asked so far stands in no client's books any more.
    pub(super) fn begin_anew(&self) {
        self.edition.fetch_add(1, Ordering::Relaxed);
    }

    fn edition(&self) -> u32 {
        self.edition.load(Ordering::Relaxed)
    }

    /// A request is forwarded. Returns whether another exchange had to be forgotten for it.
    pub(super) fn open(&self, now: Instant, request: &Request) -> bool {
        let parties = Parties::new(request.client, request.server.endpoint(), request.token);
        let ((), evicted) = self.exchanges.with_or_insert(
            now,
            parties,
            || Exchange::new(now),
            |exchange| exchange.ask(now, request, self.edition()),
        );
        evicted
    }

    /// The request that `response` answers, if there is one.
    pub(super) fn asked(&self, now: Instant, response: &Response) -> Option<Asked> {
        let group = Server::Group(response.server.port);
        [Server::One(response.server), group]
            .into_iter()
            .find_map(|server| {
                let parties = Parties::new(response.client, server.endpoint(), response.token);
                let (asked, message_id) = self.exchanges.with(now, &parties, |exchange| {
                    exchange.used = exchange.used.max(now);
                    let is_piggybacked = response.piggybacked_on.is_some();
                    let is_unbooked = exchange.edition != self.edition();
                    let asked = exchange.asked(server, is_piggybacked, is_unbooked);
                    (asked, exchange.message_id)
                })?;
                let matches = response.piggybacked_on.is_none_or(|id| {
                    id == message_id
                        || self
                            .sent(now, response.client, response.server, id)
                            .is_some()
                });
                matches.then_some(asked)
            })
    }

    /// The bytes of the request that `response` answers, if they stand in no books yet: each time they are
    /// begun anew, they are carried over once.
    pub(super) fn carry_over(&self, now: Instant, response: &Response, server: Server) -> usize {
        let parties = Parties::new(response.client, server.endpoint(), response.token);
        let carried = self.exchanges.with(now, &parties, |exchange| {
            let before = std::mem::replace(&mut exchange.edition, self.edition());
            let is_due = before != exchange.edition;
            if is_due { exchange.len.into() } else { 0 }
        });
        carried.unwrap_or(0)
    }

    /// A response to that request is forwarded; `notifies` is its Observe option if it tells of success,
    /// which is what grants an observation and keeps it alive (RFC 7641 §4.2). A client that is known to be at
    /// its address, if only by now (`is_trusted`), stays trusted as an observer.
    pub(super) fn answered(
        &self,
        now: Instant,
        response: &Response,
        server: Server,
        notifies: Option<u32>,
        is_trusted: bool,
    ) {
        let parties = Parties::new(response.client, server.endpoint(), response.token);
        self.exchanges.with(now, &parties, |exchange| {
            exchange
                .observation
                .answer(now, notifies, is_trusted, &self.observations);
            exchange.settle();
        });
    }

    /// The request under that token has come to its end without an observation, where that is counted.
    pub(super) fn end(&self, now: Instant, client: Endpoint, server: Endpoint, token: Token) {
        let parties = Parties::new(client, server, token);
        self.exchanges.with(now, &parties, Exchange::settle);
    }

    /// What a request would open: an exchange, unless it is repeated, and an observation.
    pub(super) fn opens(&self, now: Instant, request: &Request) -> Held {
        let parties = Parties::new(request.client, request.server.endpoint(), request.token);
        let held = self.exchanges.with(now, &parties, |exchange| {
            let share = exchange.share.as_ref();
            share.map(|share| share.held()).unwrap_or_default()
        });
        let held = held.unwrap_or_default();
        let observes = request.observe == Some(Observe::Register);
        Held::default()
            .with(Slot::Exchanges, 1 - held.of(Slot::Exchanges).min(1))
            .with(
                Slot::Observers,
                u32::from(observes && held.of(Slot::Observers) == 0),
            )
    }

    /// A request is counted among what its client holds.
    pub(super) fn hold(&self, now: Instant, request: &Request, share: Share) {
        let parties = Parties::new(request.client, request.server.endpoint(), request.token);
        self.exchanges.with(now, &parties, |exchange| {
            // Of two shares it has the newer one: it is counted as the rules in force ask.
            let mut share = Box::new(share);
            share.set(Slot::Exchanges, 1);
            let observes = !matches!(exchange.observation, Observation::None);
            share.set(Slot::Observers, u32::from(observes));
            exchange.share = Some(share);
        });
    }

    /// Takes over an observation older than the gateway, of which a notification is forwarded.
    pub(super) fn adopt(
        &self,
        now: Instant,
        notification: &Response,
        sequence: u32,
        is_trusted: bool,
    ) -> bool {
        let request = Request {
            client: notification.client,
            server: Server::One(notification.server),
            token: notification.token,
            message_id: 0,
            observe: Some(Observe::Register),
            trusted: false,
            asks_anybody: true,
            resource: None,
            body: 0,
            offset: 0,
            len: 0,
        };
        let evicted = self.open(now, &request);
        self.answered(
            now,
            notification,
            request.server,
            Some(sequence),
            is_trusted,
        );
        evicted
    }

    /// The client has rejected a notification: the server forgets it (RFC 7641 §3.6).
    pub(super) fn end_observation(
        &self,
        now: Instant,
        client: Endpoint,
        server: Endpoint,
        token: Token,
    ) {
        let parties = Parties::new(client, server, token);
        self.exchanges.with(now, &parties, |exchange| {
            // Notifications under way still belong to it.
            exchange.used = exchange.used.max(now);
            exchange.observation = Observation::None;
            exchange.settle();
        });
    }

    /// A CON or NON is forwarded. Returns what it repeats, and whether another had to be forgotten.
    pub(super) fn note(
        &self,
        now: Instant,
        from: Endpoint,
        to: Server,
        message_id: u16,
        sent: Sent,
    ) -> (Repetition, bool) {
        let parties = Parties::new(from, to.endpoint(), message_id);
        self.messages
            .with_or_insert(now, parties, || sent, |message| message.follow(sent))
    }

    /// What went `from` one endpoint `to` another under `message_id`, and may still be replied to.
    pub(super) fn sent(
        &self,
        now: Instant,
        from: Endpoint,
        to: Endpoint,
        message_id: u16,
    ) -> Option<Sent> {
        let parties = Parties::new(from, to, message_id);
        self.messages.with(now, &parties, |message| *message)
    }

    /// Exchanges remembered.
    pub(super) fn len(&self) -> usize {
        self.exchanges.len()
    }

    /// Observations under way.
    pub(super) fn observations(&self) -> usize {
        self.observations.load(Ordering::Relaxed)
    }

    /// Forgets what is over, looking at about `at_most` of each. Returns whether there may be more.
    pub(super) fn sweep(&self, now: Instant, at_most: usize) -> bool {
        let more_exchanges = self.exchanges.sweep(now, at_most);
        self.messages.sweep(now, at_most) || more_exchanges
    }
}

/// An exchange under way.
#[derive(Debug)]
struct Exchange {
    used: Instant,
    resource: Option<u64>,
    body: u64,
    offset: u64,
    observation: Observation,
    /// Of the books that the request stands in.
    edition: u32,
    message_id: u16,
    /// Bytes of the request.
    len: u16,
    trusted: bool,
    asks_anybody: bool,
    has_observed: bool,
    /// Absent unless a rule counts what clients hold.
    share: Option<Box<Share>>,
}

impl Exchange {
    fn new(now: Instant) -> Self {
        Self {
            used: now,
            resource: None,
            body: 0,
            offset: 0,
            observation: Observation::None,
            edition: 0,
            message_id: 0,
            len: 0,
            trusted: false,
            asks_anybody: true,
            has_observed: false,
            share: None,
        }
    }

    /// It waits for no answer; an observation that was granted goes on.
    fn settle(&mut self) {
        if let Some(share) = &mut self.share {
            share.set(Slot::Exchanges, 0);
            let observes = self.observation.is_granted();
            share.set(Slot::Observers, u32::from(observes));
        }
    }

    fn ask(&mut self, now: Instant, request: &Request, edition: u32) {
        self.used = self.used.max(now);
        self.edition = edition;
        self.len = u16::try_from(request.len).unwrap_or(u16::MAX);
        self.message_id = request.message_id;
        self.trusted = request.trusted;
        self.asks_anybody = request.asks_anybody;
        self.resource = request.resource;
        self.body = request.body;
        self.offset = request.offset;
        self.has_observed |= request.observe == Some(Observe::Register);
        self.observation.ask(request.observe);
    }

    /// What a response answers: the latest request, or as a notification the observation, which
    /// stays trusted when somebody registers again in the client's name.
    fn asked(&self, server: Server, is_piggybacked: bool, is_unbooked: bool) -> Asked {
        Asked {
            server,
            trusted: self.trusted || (self.observation.is_trusted() && !is_piggybacked),
            asks_anybody: self.asks_anybody,
            resource: self.resource,
            body: self.body,
            observes: !matches!(self.observation, Observation::None),
            has_observed: self.has_observed,
            latest: self.observation.latest(),
            offset: self.offset,
            is_unbooked,
        }
    }
}

impl Aging for Exchange {
    fn used(&self) -> Instant {
        self.used
    }

    fn lifetime(&self) -> Duration {
        if self.observation.is_granted() {
            OBSERVATION_LIFETIME
        } else {
            EXCHANGE_LIFETIME
        }
    }

    fn is_established(&self, _: Instant) -> bool {
        self.observation.is_granted()
    }
}

#[cfg(test)]
mod tests;
