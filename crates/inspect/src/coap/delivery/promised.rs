//! Acknowledgements that are held back until the response comes that they promise (RFC 7252 §5.2.2).
//!
//! What a client gets before it has proved its address is the beginning of a body, and not every client goes on
//! with one that begins elsewhere than on the acknowledgement of its request: with that, libcoap 4.3.1 forgets what it
//! has asked for. So where the response was more than there was room for when it was asked for last, its request isn't
//! acknowledged before it is here, and then by the response. A client that has waited too long asks again, and is told
//! that it is being seen to.

use wire::coap::Type;

use super::TOKEN_LEN_MAX;
use super::portion::{self, Envelope};
use crate::coap::aged::Aged;
use crate::coap::exchange::bearing::Role;
use crate::coap::exchange::endpoint::Endpoint;
use crate::coap::exchange::parties::{Parties, Server};
use crate::coap::exchange::sent::{Kind, Sent};
use crate::coap::exchange::{Asked, Response};
use crate::coap::proof::challenge::foresee;
use crate::coap::{Datagram, Standing, Tracker};
use crate::context::Context;
use crate::table::Table;
use crate::{Instant, Outcome, Sink};
use policy::{Action, Subject};

/// How long a client goes on with an unacknowledged request (MAX_TRANSMIT_WAIT, RFC 7252 §4.8.2).
const LIFETIME_S: u64 = 93;
/// How often a request goes unacknowledged: for some six to nine seconds by its retransmissions (§4.8).
const HELD_MAX: u8 = 2;

/// How often acknowledgements were held back, by the two ends of the request, and its message ID.
#[derive(Debug)]
pub(crate) struct Promised {
    held: Table<Parties<u16>, Aged<u8, LIFETIME_S>>,
}

impl Promised {
    pub(crate) fn new(capacity: usize, hash_seed: u64) -> Self {
        Self {
            held: Table::new(capacity, hash_seed),
        }
    }

    /// Whether the acknowledgement of a request is held back once more.
    fn hold(&self, now: Instant, parties: Parties<u16>) -> bool {
        let fresh = || Aged::new(now, 0);
        let hold = |held: &mut Aged<u8, LIFETIME_S>| {
            held.value = held.value.saturating_add(1);
            held.value <= HELD_MAX
        };
        self.held.with_or_insert(now, parties, fresh, hold).0
    }

    /// Whether that of a request was held back, and hasn't gone out since.
    fn is_held(&self, now: Instant, parties: &Parties<u16>) -> bool {
        let is_held = |held: &mut Aged<u8, LIFETIME_S>| held.value <= HELD_MAX;
        self.held.len() > 0 && self.held.with(now, parties, is_held).unwrap_or(false)
    }

    /// Forgets what is over, looking at about `at_most`. Returns whether there may be more.
    pub(crate) fn sweep(&self, now: Instant, at_most: usize) -> bool {
        self.held.sweep(now, at_most)
    }
}

impl Tracker {
    /// Holds back the acknowledgement of a request whose response may have to be challenged. The outcome is there if it
    /// is. What isn't safe isn't sent once more for it: not every server knows what it has done.
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
            && !self.resources.is_empty()
            && !self.probes.is_doubtful(cx.now, client);
        if !is_promise {
            return None;
        }
        let size = self.promises(cx.now, (client, server), message_id, &sent)?;
        let ruling = foresee(cx, datagram, subject, standing, size);
        let is_challenged = ruling.action == Action::Challenge && ruling.enforced;
        let parties = Parties::new(client, server, message_id);
        (is_challenged && self.promised.hold(cx.now, parties)).then_some(Outcome::CHALLENGED)
    }

    /// How large the response to a safe request is that is still to come, if it had to be challenged before.
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
        let is_to_come = asked.act.is_none()
            && asked.server == Server::One(server)
            && !self.exchanges.is_answered(now, client, server, sent.token);
        let resource = asked.resource.filter(|_| is_to_come)?;
        self.resources.expected(now, resource)
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
            && !datagram.is_notification()
            && self.promised.is_held(cx.now, &parties)
            && !self
                .exchanges
                .is_answered(cx.now, client, server, datagram.token);
        let envelope = Envelope {
            message_type: Type::Acknowledgement,
            message_id,
            token: message.token(),
            room: usize::MAX,
        };
        is_first.then(|| portion::whole(message, &envelope))?
    }
}
