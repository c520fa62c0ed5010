//! What is under way between endpoints: requests by token, messages by message ID.
//!
//! A response belongs to the exchange of its client endpoint, server endpoint and token; a
//! piggybacked one also has to carry the request's message ID (RFC 7252 §5.3.2). A request to a group
//! is answered from addresses nobody can foresee, so its exchange has a wildcard for the server's
//! address, never for its port (§8.2). An acknowledgement or reset belongs to the CON or NON its
//! sender received under that message ID (§4.2).
//!
//! There is room for so many of them, and each client's address has its share. Whoever is made to wait for an answer while somebody else asks for
//! more than that still gets it: of an exchange that had to go, it is known for a while that it was there.
//!
//! Nothing ends by being answered: the answer may be sent again, and block-wise transfers and
//! observations go on. Entries live for the lifetimes of §4.8.2, counted from their last use; an
//! observation for as long as its server may stay silent (RFC 7641 §4.5), and a response that was promised by an
//! acknowledgement is awaited for a day.

mod observers;
mod state;

pub(super) mod bearing;
pub(super) mod conduct;
pub(super) mod counter;
pub(super) mod endpoint;
pub(super) mod held;
pub(super) mod interest;
pub(super) mod observation;
pub(super) mod parties;
pub(super) mod sent;

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use super::delivery::enlarged::Enlarged;
use super::lately::Lately;
use crate::Instant;
use crate::hashing::{Hashing, hashing};
use crate::holdings::{Held, Share, Slot};
use crate::table::Table;
use endpoint::{Endpoint, Token};
use observation::Observe;
use parties::{Parties, Server};
use sent::{EXCHANGE_LIFETIME, Kind, Repetition, Sent};

pub(crate) use state::{Asked, Request, Response, Unbooked};

use state::Exchange;

/// EXCHANGE_LIFETIME in seconds.
const EXCHANGE_LIFETIME_S: i32 = EXCHANGE_LIFETIME.as_secs() as i32;
/// How many more exchanges are known to have been there than are remembered.
const FORGOTTEN_TIMES: usize = 4;

/// Everything under way.
#[derive(Debug)]
pub(super) struct Exchanges {
    exchanges: Table<Parties<Token>, Exchange>,
    messages: Table<Parties<u16>, Sent>,
    /// Exchanges that had to make room while an answer was owed.
    forgotten: Lately<Parties<Token>, EXCHANGE_LIFETIME_S>,
    observations: Arc<AtomicUsize>,
    /// How often the clients' books were begun anew.
    edition: AtomicU32,
    hasher: Hashing,
}

impl Exchanges {
    /// At most `capacity` exchanges, and as many messages.
    pub(super) fn new(capacity: usize, hash_seed: u64) -> Self {
        Self {
            exchanges: Table::of_owners(capacity, hash_seed),
            messages: Table::of_owners(capacity, hash_seed.rotate_left(32)),
            forgotten: Lately::new(capacity * FORGOTTEN_TIMES, hash_seed.rotate_left(16)),
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
        let ((), evicted) = self.exchanges.with_or_replace_of(
            now,
            parties,
            |_| request.client.owner(&self.hasher),
            || Exchange::new(now),
            |exchange| exchange.ask(now, request, self.edition()),
        );
        let Some((parties, exchange)) = evicted else {
            return false;
        };
        if exchange.is_owed() {
            self.forgotten.note(now, parties);
        }
        true
    }

    /// Whether a response may answer a request that had to be forgotten.
    pub(super) fn is_forgotten(&self, now: Instant, response: &Response) -> bool {
        let group = Server::Group(response.server.port);
        [Server::One(response.server), group].iter().any(|server| {
            let parties = Parties::new(response.client, server.endpoint(), response.token);
            self.forgotten.is_noted(now, parties)
        })
    }

    /// The request that `response` answers, if there is one.
    pub(super) fn asked(&self, now: Instant, response: &Response) -> Option<Asked> {
        let asked = self.asked_of(now, Server::One(response.server), response);
        if asked.is_some() {
            return asked;
        }
        self.asked_of(now, Server::Group(response.server.port), response)
    }

    /// Whether `response` may answer a request to a group, whatever else it answers.
    pub(super) fn answers_group(&self, now: Instant, response: &Response) -> bool {
        let group = Server::Group(response.server.port);
        self.asked_of(now, group, response).is_some()
    }

    /// The request to `server` that `response` answers, if there is one.
    fn asked_of(&self, now: Instant, server: Server, response: &Response) -> Option<Asked> {
        let parties = Parties::new(response.client, server.endpoint(), response.token);
        let mut asked = self.exchanges.with(now, &parties, |exchange| {
            exchange.used = exchange.used.max(now);
            exchange.asked(now, server, response, self.edition())
        });
        if let Some(Asked { message_id, .. }) = asked
            && let Some(id) = response.piggybacked_on
            && id != message_id
            && self
                .sent(now, response.client, response.server, id)
                .is_none_or(|request| request.token != response.token)
        {
            // Some servers acknowledge nothing by a notification (node-coap, to who registers by a NON).
            let notification = Response {
                piggybacked_on: None,
                ..*response
            };
            asked = asked
                .filter(|asked| asked.observes || asked.has_observed)
                .and_then(|_| self.asked_of(now, server, &notification));
        }
        asked
    }

    /// Whether a response of that message ID answers a request before the latest under its token: it comes once more, or
    /// late.
    pub(super) fn is_earlier(
        &self,
        now: Instant,
        response: &Response,
        asked: &Asked,
        message_id: u16,
    ) -> bool {
        let Some(renewed) = asked.renewed else {
            return false;
        };
        if let Some(id) = response.piggybacked_on {
            return id != asked.message_id;
        }
        let sent = self.sent(now, response.server, response.client, message_id);
        sent.is_some_and(|sent| {
            let is_of_it = sent.is_response() && sent.token == response.token;
            is_of_it && sent.was_sent_before(renewed)
        })
    }

    /// The bytes of the request that `response` answers, if they stand in no books: they were begun anew since,
    /// or have gone on by their `window`. From now on they do.
    pub(super) fn book(
        &self,
        now: Instant,
        response: &Response,
        server: Server,
        window: Duration,
    ) -> Unbooked {
        let parties = Parties::new(response.client, server.endpoint(), response.token);
        let edition = self.edition();
        let book = |exchange: &mut Exchange| exchange.book(now, edition, window);
        let unbooked = self.exchanges.with(now, &parties, book);
        unbooked.unwrap_or(Unbooked::Nothing)
    }

    /// A response to that request is forwarded; `notifies` is its Observe option if it tells of success,
    /// which is what grants an observation and keeps it alive (RFC 7641 §4.2). A client that is known to be at
    /// its address, if only by now (`is_trusted`), is trusted as an observer for a while. By its `digest` it is known
    /// when it comes again, if not by its message ID.
    pub(super) fn answered(
        &self,
        now: Instant,
        response: &Response,
        server: Server,
        notifies: Option<u32>,
        is_trusted: bool,
        digest: Option<u32>,
    ) {
        let parties = Parties::new(response.client, server.endpoint(), response.token);
        self.exchanges.with(now, &parties, |exchange| {
            exchange.answer(now, server, notifies, is_trusted, &self.observations);
            if let Some(digest) = digest {
                exchange.note_answer(digest);
            }
        });
    }

    /// A server acknowledges a request of that token: its response may take any time (RFC 7252 §5.2.2).
    pub(super) fn promise(&self, now: Instant, client: Endpoint, server: Endpoint, token: Token) {
        let parties = Parties::new(client, server, token);
        self.exchanges
            .with(now, &parties, |exchange| exchange.promise(now));
    }

    /// The client of a request to a group is asked to prove its address, unless it was for this request. Returns whether it
    /// is.
    pub(super) fn challenge_once(&self, now: Instant, response: &Response, server: Server) -> bool {
        let parties = Parties::new(response.client, server.endpoint(), response.token);
        let challenge =
            |exchange: &mut Exchange| !std::mem::replace(&mut exchange.is_challenged, true);
        self.exchanges
            .with(now, &parties, challenge)
            .unwrap_or(false)
    }

    /// The answer with this digest went to the client, or what stands for it.
    pub(super) fn note_answer(
        &self,
        now: Instant,
        response: &Response,
        server: Server,
        digest: u32,
    ) {
        let parties = Parties::new(response.client, server.endpoint(), response.token);
        self.exchanges
            .with(now, &parties, |exchange| exchange.note_answer(digest));
    }

    /// Whether a request has been answered.
    pub(super) fn is_answered(
        &self,
        now: Instant,
        client: Endpoint,
        server: Endpoint,
        token: Token,
    ) -> bool {
        let parties = Parties::new(client, server, token);
        let is_answered = self
            .exchanges
            .with(now, &parties, |exchange| !exchange.is_owed());
        is_answered.unwrap_or(false)
    }

    /// How a request that goes to its server once more was enlarged, if it was.
    pub(super) fn enlarged(&self, now: Instant, request: &Request) -> Option<Enlarged> {
        let parties = Parties::new(request.client, request.server.endpoint(), request.token);
        let enlarged =
            |exchange: &mut Exchange| exchange.enlarged(request.message_id, request.offset);
        self.exchanges.with(now, &parties, enlarged)?
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
            let observes = exchange.observation.is_open();
            share.set(Slot::Observers, u32::from(observes));
            exchange.share = Some(share);
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
        let client = match sent.kind {
            Kind::Request | Kind::Ping => from,
            _ => to.endpoint(),
        };
        let owner = |_| client.owner(&self.hasher);
        let follow = |message: &mut Sent| message.follow(sent);
        let (repetition, evicted) =
            self.messages
                .with_or_replace_of(now, parties, owner, || sent, follow);
        (repetition, evicted.is_some())
    }

    /// What went `from` one endpoint `to` another may have been drawn.
    pub(super) fn note_drawn(&self, now: Instant, from: Endpoint, to: Endpoint, message_id: u16) {
        let parties = Parties::new(from, to, message_id);
        self.messages.with(now, &parties, Sent::note_drawn);
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

#[cfg(test)]
mod tests;
