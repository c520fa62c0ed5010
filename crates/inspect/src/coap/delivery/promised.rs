//! Acknowledgements that are held back until the response comes that they promise (RFC 7252 §5.2.2).
//!
//! What a client gets before it has proved its address is the beginning of a body, or a challenge, and not every client
//! goes on with one that comes elsewhere than on the acknowledgement of its request: with that, libcoap 4.3.1 forgets what
//! it has asked for. So unless the response is known to be one that there is room for, a request isn't acknowledged before
//! it is here: then by the response itself if that has to be cut or challenged, or else as its server has acknowledged it.
//!
//! A client that waits sends its request again. Its server has it, and hears no more of it; once its client has waited
//! too long, it is told that it is being seen to.

use wire::coap::{HEADER_LEN, Type};

use super::TOKEN_LEN_MAX;
use super::portion::{self, Envelope};
use crate::coap::aged::Aged;
use crate::coap::books::budget::Entry;
use crate::coap::books::size::Size;
use crate::coap::exchange::bearing::Role;
use crate::coap::exchange::endpoint::{Endpoint, Token};
use crate::coap::exchange::parties::{Parties, Server};
use crate::coap::exchange::sent::{Kind, Sent};
use crate::coap::exchange::{Asked, Response};
use crate::coap::proof::answer::{Answer, Towards};
use crate::coap::proof::challenge::{allowance, foresee};
use crate::coap::{Datagram, Standing, Tracker};
use crate::context::Context;
use crate::table::Table;
use crate::{Injected, Instant, Outcome, Sink};
use policy::{Action, Subject};

/// How long a client goes on with an unacknowledged request (MAX_TRANSMIT_WAIT, RFC 7252 §4.8.2).
const LIFETIME_S: u64 = 93;
/// How often a request goes unacknowledged: for some six to nine seconds by its retransmissions (§4.8).
const HELD_MAX: u8 = 2;
/// Bytes of a response of which nobody knows how large it will be: the largest payload that §4.6 suggests.
const UNKNOWN_LEN: usize = 1024;

/// Acknowledgements that are or were held back, by the two ends of the request, and its message ID.
#[derive(Debug)]
pub(crate) struct Promised {
    held: Table<Parties<u16>, Aged<Promise, LIFETIME_S>>,
}

/// The acknowledgement of a request.
#[derive(Debug, Clone, Copy)]
struct Promise {
    /// What the request is, byte for byte.
    request: u32,
    token: Token,
    /// How often that came, and went unacknowledged.
    times: u8,
    /// Its response has come.
    is_kept: bool,
}

impl Promise {
    /// Whether it hasn't gone out, and may yet be of use.
    fn is_held(&self) -> bool {
        !self.is_kept && self.times <= HELD_MAX
    }

    /// Whether it is held for what answers `token`.
    fn is_held_for(&self, token: Token) -> bool {
        self.is_held() && self.token == token
    }
}

impl Promised {
    pub(crate) fn new(capacity: usize, hash_seed: u64) -> Self {
        Self {
            held: Table::new(capacity, hash_seed),
        }
    }

    /// The acknowledgement of a request is held back. Returns whether it is to be: it may come once more after it went
    /// out.
    fn hold(&self, now: Instant, parties: Parties<u16>, sent: &Sent) -> bool {
        let request = sent.digest();
        let fresh = || {
            let promise = Promise {
                request,
                token: sent.token,
                times: 1,
                is_kept: false,
            };
            Aged::new(now, promise)
        };
        let hold = |held: &mut Aged<Promise, LIFETIME_S>| {
            if held.value.request != request {
                *held = fresh();
            }
            held.value.is_held()
        };
        self.held.with_or_insert(now, parties, fresh, hold).0
    }

    /// Whether that of a request is held back for what answers `token`.
    fn is_held(&self, now: Instant, parties: &Parties<u16>, token: Token) -> bool {
        let is_held = |held: &mut Aged<Promise, LIFETIME_S>| held.value.is_held_for(token);
        self.held.len() > 0 && self.held.with(now, parties, is_held).unwrap_or(false)
    }

    /// What is promised has come. Returns whether the acknowledgement was held back for it.
    fn keep(&self, now: Instant, parties: &Parties<u16>, token: Token) -> bool {
        let keep = |held: &mut Aged<Promise, LIFETIME_S>| {
            let was_held = held.value.is_held_for(token);
            held.value.is_kept |= held.value.token == token;
            was_held
        };
        self.held.len() > 0 && self.held.with(now, parties, keep).unwrap_or(false)
    }

    /// `request` comes again, and its response hasn't come: whether it goes on unacknowledged, if its acknowledgement is held back.
    fn repeat(&self, now: Instant, parties: &Parties<u16>, request: u32) -> Option<bool> {
        let repeat = |held: &mut Aged<Promise, LIFETIME_S>| {
            let promise = &mut held.value;
            let is_it = promise.request == request && !promise.is_kept;
            is_it.then(|| {
                promise.times = promise.times.saturating_add(1);
                promise.is_held()
            })
        };
        self.held.with(now, parties, repeat)?
    }

    /// Forgets what is over, looking at about `at_most`. Returns whether there may be more.
    pub(crate) fn sweep(&self, now: Instant, at_most: usize) -> bool {
        self.held.sweep(now, at_most)
    }
}

impl Tracker {
    /// Holds back the acknowledgement of a request whose response may have to be challenged. The outcome is there if it
    /// is.
    pub(crate) fn hold_back<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        subject: &Subject<'_>,
        standing: &Standing,
    ) -> Option<Outcome> {
        let (client, server) = (datagram.bearing.client, datagram.bearing.server);
        let Role::Reply(Some(sent)) = datagram.bearing.role else {
            return None;
        };
        let message_id = datagram.message.message_id();
        let is_promise = datagram.message.message_type() == Type::Acknowledgement
            && sent.kind == Kind::Request
            && sent.is_confirmable()
            && sent.token.len() <= TOKEN_LEN_MAX
            && !self.probes.is_doubtful(cx.now, client);
        if !is_promise {
            return None;
        }
        let size = self.promises(cx.now, (client, server), message_id, &sent)?;
        let ruling = foresee(cx, datagram, subject, standing, size);
        let is_challenged = ruling.action == Action::Challenge && ruling.enforced;
        let parties = Parties::new(client, server, message_id);
        (is_challenged && self.promised.hold(cx.now, parties, &sent)).then_some(Outcome::CHALLENGED)
    }

    /// How large the response to a request may be that is still to come, if it had to be challenged before, or isn't
    /// known.
    fn promises(
        &self,
        now: Instant,
        (client, server): (Endpoint, Endpoint),
        message_id: u16,
        sent: &Sent,
    ) -> Option<usize> {
        let response = Response {
            client,
            server,
            token: sent.token,
            piggybacked_on: Some(message_id),
        };
        let asked = self.exchanges.asked(now, &response)?;
        let is_to_come = asked.server == Server::One(server)
            && !self.exchanges.is_answered(now, client, server, sent.token);
        let resource = asked.resource.filter(|_| is_to_come)?;
        Some(
            self.resources
                .expected(now, resource)
                .unwrap_or(UNKNOWN_LEN),
        )
    }

    /// Sees to a request that comes again while its acknowledgement is held back: its server knows of it. The outcome is
    /// there if it is one.
    pub(crate) fn serve_promised<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        has_to_prove: bool,
    ) -> Option<Outcome> {
        if self.promised.held.len() == 0 {
            return None;
        }
        let (message, bearing) = (datagram.message, datagram.bearing);
        let parties = Parties::new(bearing.client, bearing.server, message.message_id());
        let waits = self.promised.repeat(cx.now, &parties, datagram.digest)?;
        if !(waits && has_to_prove) {
            let ack = Answer::acknowledge(message.message_id());
            self.tell_client(cx, datagram, &ack, Towards::Sender, Injected::Portion);
        }
        Some(Outcome::CHALLENGED)
    }

    /// A separate response goes to its client as it is: so does the acknowledgement that was held back for it, if there
    /// is room for that too (a client takes the response for it, §5.2.2). The next needn't be held back.
    pub(crate) fn keep_promise<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        asked: &Asked,
        is_proven: bool,
    ) {
        let (client, server) = (datagram.bearing.client, datagram.bearing.server);
        let parties = Parties::new(client, server, asked.message_id);
        let is_separate = datagram.message.message_type() != Type::Acknowledgement;
        if !(is_separate && self.promised.keep(cx.now, &parties, datagram.token)) {
            return;
        }
        if let Some(resource) = asked.resource {
            self.resources
                .learn_unknown(cx.now, resource, datagram.len());
        }
        let standing = self.enter(cx, client, Entry::Credit, Size::default());
        let room = allowance(cx.policy, None, &standing, &datagram.arrival.layout);
        if is_proven || room.alone >= HEADER_LEN {
            let ack = Answer::acknowledge(asked.message_id);
            self.tell_client(cx, datagram, &ack, Towards::Receiver, Injected::Portion);
        }
    }

    /// The separate response to a request that isn't acknowledged so far, as its acknowledgement.
    pub(crate) fn as_promised<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        datagram: &Datagram<'_>,
    ) -> Option<Vec<u8>> {
        let (message, bearing) = (datagram.message, datagram.bearing);
        let (client, server) = (bearing.client, bearing.server);
        let Role::Response(Some(Asked { message_id, .. })) = bearing.role else {
            return None;
        };
        let parties = Parties::new(client, server, message_id);
        let is_separate = message.message_type() != Type::Acknowledgement;
        let is_first = is_separate
            && self.promised.is_held(cx.now, &parties, datagram.token)
            && !self
                .exchanges
                .is_answered(cx.now, client, server, datagram.token);
        let envelope = Envelope {
            message_type: Type::Acknowledgement,
            message_id,
            token: message.token(),
            room: usize::MAX,
        };
        let bytes = is_first.then(|| portion::whole(message, &envelope))??;
        self.promised.keep(cx.now, &parties, datagram.token);
        Some(bytes)
    }
}
