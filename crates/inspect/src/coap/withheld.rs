//! Responses that are withheld until their client repeats its request.
//!
//! A request of a few bytes isn't owed the smallest block of a response. Its client sends it again while it isn't
//! acknowledged (RFC 7252 §4.2), and is owed as much once more then. So a piggybacked response is kept meanwhile,
//! and the repetition is answered with as much of it as there is room for by now, the whole in a way that has to be
//! acknowledged. The server has done its work, and hears of the repetition no more.

use wire::coap::{Message, Type};

use super::aged::Aged;
use super::allowance::Allowance;
use super::answer::Towards;
use super::bearing::Role;
use super::challenge::allowance;
use super::delivery::{KEPT_BYTES, TOKEN_LEN_MAX, takes_any_proof};
use super::exchange::Response;
use super::facts::Facts;
use super::parties::{Parties, Server};
use super::portion::{self, Envelope};
use super::sent::{Kind, Sent};
use super::{Datagram, Standing, Tracker};
use crate::context::Context;
use crate::table::Table;
use crate::{Instant, Outcome, Sink};
use policy::RuleIndex;

/// How long a client goes on with an unacknowledged request (MAX_TRANSMIT_WAIT, RFC 7252 §4.8.2).
const LIFETIME_S: u64 = 93;

/// Responses withheld, by the message ID of the request between its two ends.
#[derive(Debug)]
pub(super) struct Withheld {
    kept: Table<Parties<u16>, Aged<Kept, LIFETIME_S>>,
}

#[derive(Debug)]
struct Kept {
    /// What the request is, byte for byte.
    request: u32,
    response: Box<[u8]>,
}

impl Withheld {
    pub(super) fn new(capacity: usize, hash_seed: u64) -> Self {
        Self {
            kept: Table::new(capacity, hash_seed),
        }
    }

    fn keep(&self, now: Instant, parties: Parties<u16>, request: u32, response: &[u8]) {
        let kept = || {
            let response = response.into();
            Aged::new(now, Kept { request, response })
        };
        self.kept
            .with_or_insert(now, parties, kept, |known| *known = kept());
    }

    /// Whether there are none.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.kept.len() == 0
    }

    fn response(&self, now: Instant, parties: &Parties<u16>, request: u32) -> Option<Box<[u8]>> {
        let response = |kept: &mut Aged<Kept, LIFETIME_S>| {
            (kept.value.request == request).then(|| kept.value.response.clone())
        };
        self.kept.with(now, parties, response)?
    }

    /// Forgets what is over, looking at about `at_most`. Returns whether there may be more.
    pub(super) fn sweep(&self, now: Instant, at_most: usize) -> bool {
        self.kept.sweep(now, at_most)
    }
}

impl Tracker {
    /// Withholds a response that there is no room for, if its client is going to ask again. Returns whether it is.
    pub(super) fn withhold<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        datagram: &Datagram<'_>,
        rule: Option<RuleIndex>,
    ) -> bool {
        let (message, bearing) = (datagram.message, datagram.bearing);
        let Role::Response(Some(asked)) = bearing.role else {
            return false;
        };
        let (client, server) = (bearing.client, bearing.server);
        let is_fit = message.message_type() == Type::Acknowledgement
            && asked.server == Server::One(server)
            && message.code().class() == 2
            && message.token().len() <= TOKEN_LEN_MAX
            && datagram.len() <= KEPT_BYTES
            && takes_any_proof(cx, rule)
            && !self.probes.is_doubtful(cx.now, client);
        let request = self
            .exchanges
            .sent(cx.now, client, server, message.message_id());
        let Some(request) = request.filter(|request| is_fit && request.is_confirmable()) else {
            return false;
        };
        let parties = Parties::new(client, server, message.message_id());
        self.withheld
            .keep(cx.now, parties, request.digest(), datagram.bytes());
        true
    }

    /// Answers the repetition of a request whose response is withheld, as far as there is room for it. The
    /// outcome is there if it is one.
    pub(super) fn serve_withheld<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        standing: &Standing,
        has_to_prove: bool,
        body: u64,
    ) -> Option<Outcome> {
        let (message, bearing) = (datagram.message, datagram.bearing);
        let (client, server) = (bearing.client, bearing.server);
        let parties = Parties::new(client, server, message.message_id());
        let kept = self.withheld.response(cx.now, &parties, datagram.digest)?;
        let response = Message::decode(&kept).ok()?;
        let room = match has_to_prove {
            true => allowance(cx.policy, None, standing, &datagram.arrival.layout),
            false => Allowance::UNBOUNDED,
        };
        let in_place = Envelope {
            message_type: Type::Acknowledgement,
            message_id: message.message_id(),
            token: message.token(),
            room: room.alone,
        };
        let probed = has_to_prove
            .then(|| {
                let envelope = Envelope {
                    message_type: Type::Confirmable,
                    room: room.before_decoy,
                    ..in_place
                };
                self.whole_to_acknowledge(cx, datagram, &response, envelope)
            })
            .flatten();
        if let Some((message_id, whole)) = probed {
            self.give(cx, datagram, &whole, Towards::Sender);
            let answers = Some(message.message_id());
            let probe = Sent::ours(cx.now, Kind::Probe, datagram.token, answers);
            self.await_reply(cx, datagram, message_id, probe);
        } else {
            let in_place = match has_to_prove {
                true => portion::first_block(&response, &in_place),
                false => portion::whole(&response, &in_place),
            };
            let Some(portion) = in_place else {
                // There may be room for it by the next repetition.
                return Some(Outcome::CHALLENGED);
            };
            self.give(cx, datagram, &portion, Towards::Sender);
            self.portions.keep(cx.now, body, &kept);
        }
        let notifies = Facts::of(&response, &self.wants).observe;
        let answered = Response {
            client,
            server,
            token: datagram.token,
            piggybacked_on: Some(message.message_id()),
        };
        self.exchanges.answered(
            cx.now,
            &answered,
            Server::One(server),
            notifies,
            false,
            None,
        );
        Some(Outcome::CHALLENGED)
    }

    /// The whole of a response as a message to be acknowledged, and its ID, if there is room for it.
    fn whole_to_acknowledge<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        datagram: &Datagram<'_>,
        response: &Message<'_>,
        mut envelope: Envelope<'_>,
    ) -> Option<(u16, Vec<u8>)> {
        let (client, token) = (datagram.bearing.client, datagram.token);
        portion::whole(response, &envelope)?;
        envelope.message_id = self.probes.begin(cx.now, client, token)?;
        Some((envelope.message_id, portion::whole(response, &envelope)?))
    }
}
