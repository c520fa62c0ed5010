//! A client that follows no Echo proves its address by what it is sent: a portion of the response it
//! asked for, which only the one at that address can acknowledge, and a response that it didn't ask for.
//!
//! A response that fits into the budget is that portion as a whole. Of a larger one, the first block
//! takes the place of the response, and proves nothing: a body has to begin where the client expects
//! it, on the acknowledgement of its request (libcoap 4.3.1 loses one that begins elsewhere). The
//! second, which the client asks for, is the portion.

pub(super) mod again;
pub(super) mod done;
pub(super) mod early;
pub(super) mod enlarged;
pub(super) mod failure;
pub(super) mod had;
pub(super) mod instead;
pub(super) mod members;
pub(super) mod plain;
pub(super) mod portion;
pub(super) mod promised;
pub(super) mod release;
pub(super) mod served;
pub(super) mod withheld;

use policy::{Proof, RuleIndex};
use wire::coap::{Code, Message, Type, encode};
use wire::net::build::Path;

use super::books::allowance::Allowance;
use super::books::budget::{Entry, Standing};
use super::books::size::Size;
use super::exchange::bearing::Role;
use super::exchange::endpoint::{Endpoint, Token};
use super::exchange::parties::Server;
use super::exchange::sent::{Kind, Sent};
use super::exchange::{Asked, Response};
use super::proof::answer::{Answer, Towards, send, send_along};
use super::proof::challenge::allowance;
use super::proof::probe::DECOY_LEN;
use super::{Datagram, Tracker};
use crate::context::Context;
use crate::{Injected, LimitKind, Outcome, Port, Sink};
use portion::Envelope;

/// The largest response that is kept to be given out in portions.
pub(super) const KEPT_BYTES: usize = 2048;
/// The longest token a message of ours can have (RFC 7252 §3).
pub(super) const TOKEN_LEN_MAX: usize = 8;
/// The least a response takes of which a block of 16 bytes is given out: header, a few options, marker.
const PORTION_MIN: usize = 32;

impl Tracker {
    /// Gives a client as much of the response to its request as `room` allows, the whole in a way that
    /// it has to acknowledge. Returns whether that could be done.
    pub(super) fn deliver<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        rule: Option<RuleIndex>,
        room: Allowance,
    ) -> bool {
        let (message, bearing) = (datagram.message, datagram.bearing);
        let asked = match bearing.role {
            Role::Response(Some(asked)) if asked.server == Server::One(bearing.server) => {
                Some(asked)
            }
            // What a notification older than the gateway is a block of, nobody knows.
            Role::Response(None) if self.is_midstream(cx, datagram) => None,
            _ => return false,
        };
        let is_fit = message.token().len() <= TOKEN_LEN_MAX
            && datagram.len() <= KEPT_BYTES
            && takes_any_proof(cx, rule);
        if !is_fit {
            return false;
        }
        let is_separate = message.message_type() == Type::Confirmable;
        let in_place = Envelope::in_place(message, room.alone);
        // If it gets lost, the client goes on asking: its request isn't acknowledged before the portion is.
        let ours = Envelope::to_acknowledge(message, room);
        // What comes again takes the form it had: its client may have got it, and knows it by its message ID.
        let before = self.form_before(cx, datagram);
        let is_plain = self.is_for_plain(cx.now, datagram, room);
        let whole =
            portion::whole(message, &ours).filter(|_| is_plain || before != Some(Kind::Replaced));
        let is_whole = whole.is_some();
        let (portion, envelope) = match whole {
            Some(whole) => (Some(whole), ours),
            _ if asked.is_none() || is_plain => (None, ours),
            _ => {
                let provable = (is_separate && before != Some(Kind::Replaced))
                    .then(|| portion::first_block(message, &ours));
                match provable.flatten() {
                    Some(first) => (Some(first), ours),
                    None if before == Some(Kind::Probed) => (None, ours),
                    None => (portion::first_block(message, &in_place), in_place),
                }
            }
        };
        let Some(mut portion) = portion else {
            return false;
        };
        // It counts only if it goes out.
        let (client, token) = (bearing.client, datagram.token);
        let ours = match envelope.message_type {
            Type::Confirmable => {
                // Of notifications, that of the registration: the next takes the place of one that wasn't acknowledged.
                let id = asked.map_or(message.message_id(), |asked| asked.message_id);
                self.begin_proof(cx, datagram, (id, token))
            }
            _ => self
                .probes
                .offer(cx.now, client, token)
                .then_some(envelope.message_id),
        };
        let Some(message_id) = ours else {
            return false;
        };
        encode::set_message_id(&mut portion, message_id);
        self.give(cx, datagram, &portion, Towards::Receiver);
        match envelope.message_type {
            Type::Confirmable => {
                let is_piggybacked = message.message_type() == Type::Acknowledgement;
                let answers = is_piggybacked.then(|| message.message_id());
                let kind = if is_whole { Kind::Probe } else { Kind::Opening };
                let mut probe = Sent::ours(cx.now, kind, datagram.token, answers);
                if is_separate {
                    probe = probe.in_place_of(message.message_id());
                }
                self.await_reply(cx, datagram, message_id, probe);
            }
            Type::NonConfirmable | Type::Acknowledgement | Type::Reset => {}
        }
        if let Some(asked) = asked.filter(|_| !is_whole) {
            self.note_begun(cx.now, asked.body);
        }
        if message.message_type() != Type::Acknowledgement {
            let kind = match envelope.message_type {
                Type::Confirmable => Kind::Probed,
                _ => Kind::Replaced,
            };
            self.record(cx, datagram, Server::One(client), kind);
        }
        self.note_answered(cx, datagram);
        let about = (message.message_id(), token);
        self.withheld.let_go(cx.now, client, bearing.server, about);
        self.note_delivered(cx, datagram, asked);
        true
    }

    /// Whether the client of a separate response is just about to prove its address.
    pub(super) fn awaits_proof<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        datagram: &Datagram<'_>,
    ) -> bool {
        let client = datagram.bearing.client;
        datagram.message.message_type() != Type::Acknowledgement
            && self.probes.is_under_way(cx.now, client)
    }

    /// Whether the response to a request can be given out in portions, its client not having failed to
    /// acknowledge one lately. What asks for something to be done has to be owed one for certain, by now or when
    /// it is repeated: the challenge that came instead would have it done once more.
    pub(super) fn may_deliver<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        datagram: &Datagram<'_>,
        rule: Option<RuleIndex>,
        standing: &Standing,
    ) -> bool {
        let (client, message) = (datagram.bearing.client, datagram.message);
        let room = allowance(cx.policy, rule, standing, &datagram.arrival.layout).alone;
        (is_safe(message.code())
            || message.message_type() == Type::Confirmable
            || room >= PORTION_MIN + message.token().len())
            && takes_any_proof(cx, rule)
            && !self.probes.is_doubtful(cx.now, client)
    }

    /// Remembers that a client has been sent the beginning of a response. A CON comes again until its server knows that it
    /// arrived: when its client has acknowledged what stands for it, or asked for more.
    fn note_delivered<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        asked: Option<Asked>,
    ) {
        let (message, bearing) = (datagram.message, datagram.bearing);
        let response = bearing.response(message, datagram.token);
        let is_repeated = message.message_type() == Type::Confirmable;
        let digest = (!is_repeated).then_some(datagram.digest);
        let evicted = match (asked, datagram.notifies()) {
            (Some(asked), notifies) => {
                if message.code().class() == 2 {
                    self.portions.keep(cx.now, asked.body, datagram.bytes);
                }
                self.exchanges
                    .answered(cx.now, &response, asked.server, notifies, false, digest);
                false
            }
            (None, Some(number)) => self.exchanges.adopt(cx.now, &response, number, false),
            (None, None) => false,
        };
        if evicted {
            cx.limit(LimitKind::Exchanges);
        }
    }

    /// Notes a CON of ours in the server's name.
    pub(super) fn await_reply<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        message_id: u16,
        sent: Sent,
    ) {
        let ends = (datagram.bearing.server, datagram.bearing.client);
        self.await_reply_to(cx, ends, message_id, sent);
    }

    /// Notes a CON of ours to a client, in the name of a server.
    pub(super) fn await_reply_to<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        (server, client): (Endpoint, Endpoint),
        message_id: u16,
        sent: Sent,
    ) {
        let (_, evicted) =
            self.exchanges
                .note(cx.now, server, Server::One(client), message_id, sent);
        if evicted {
            cx.limit(LimitKind::Exchanges);
        }
    }

    /// The reply to a CON of ours. The server sent no such message.
    pub(super) fn handle_probe_reply<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        sent: &Sent,
    ) -> Outcome {
        let is_reset = datagram.message.message_type() == Type::Reset;
        if let Some(id) = sent.stands_for() {
            self.reply_for(cx, datagram, sent, id);
        }
        match (sent.kind, is_reset) {
            (Kind::Probe | Kind::Opening, false) => self.send_decoy(cx, datagram, sent),
            (Kind::Interest, _) => self.note_interest(cx, datagram, sent),
            (Kind::Portion, false) => {}
            (Kind::Probe | Kind::Opening, true) if sent.was_repeated() => {
                self.note_had(cx, datagram, sent)
            }
            (Kind::Probe | Kind::Portion, true) => {
                self.probes.reset(cx.now, datagram.bearing.client)
            }
            (Kind::Opening, true) => self.habits.note_rejecting(cx.now, datagram.bearing.client),
            (Kind::Decoy, true) => self.prove(cx, datagram, sent),
            _ => self.probes.fail(cx.now, datagram.bearing.client),
        }
        Outcome::CHALLENGED
    }

    /// Replies to a separate response as its client has to what stood for it.
    fn reply_for<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        probe: &Sent,
        id: u16,
    ) {
        let (client, server) = (datagram.bearing.client, datagram.bearing.server);
        let reply = match datagram.message.message_type() {
            Type::Reset => Answer::reset(id),
            _ => Answer::acknowledge(id),
        };
        reply.send(cx, datagram.frame, Towards::Receiver, Injected::Portion);
        let Some(stood_for) = self.exchanges.sent(cx.now, server, client, id) else {
            return;
        };
        let response = Response::separate(client, server, probe.token);
        let server = Server::One(server);
        self.exchanges
            .note_answer(cx.now, &response, server, stood_for.digest());
    }

    /// The message ID under which a client is to acknowledge a response of ours, as [`Probes::begin`] has it. What the
    /// decoy takes that comes then is charged beforehand, for nothing else to take its place.
    ///
    /// [`Probes::begin`]: super::proof::probe::Probes::begin
    pub(super) fn begin_proof<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        about: (u16, Token),
    ) -> Option<u16> {
        let client = datagram.bearing.client;
        let message_id = self.probes.begin(cx.now, client, about)?;
        if self.probes.charges_decoy(cx.now, client) {
            self.charge(cx, datagram, DECOY_LEN);
        }
        Some(message_id)
    }

    /// Tries whether a client that acknowledges what it asked for resets what it didn't ask for.
    pub(super) fn send_decoy<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        probe: &Sent,
    ) {
        let client = datagram.bearing.client;
        let Some(decoy) = self.probes.decoy(cx.now, client) else {
            return;
        };
        if !decoy.is_paid {
            // It was sent before, and its client acknowledges once more what came before it.
            let standing = self.enter(cx, client, Entry::Credit, Size::default());
            let room = allowance(cx.policy, None, &standing, &datagram.arrival.layout);
            if room.alone < DECOY_LEN {
                return;
            }
            self.charge(cx, datagram, DECOY_LEN);
        }
        let answer = Answer {
            message_type: Type::Confirmable,
            code: Code::CONTENT,
            message_id: decoy.message_id,
            token: &decoy.token,
            echo: None,
        };
        answer.send(cx, datagram.frame, Towards::Sender, Injected::Portion);
        let sent = Sent::ours(cx.now, Kind::Decoy, probe.token, probe.answers());
        self.await_reply(cx, datagram, decoy.message_id, sent);
    }

    /// A client has shown that its address is its own. Its request is acknowledged too: a separate
    /// response does that (RFC 7252 §5.2.2), but some clients wait for it before they ask for more
    /// (aiocoap 0.4.17).
    fn prove<S: Sink>(&self, cx: &mut Context<'_, S>, datagram: &Datagram<'_>, decoy: &Sent) {
        let client = datagram.bearing.client;
        if !self.probes.pass(cx.now, client) {
            return;
        }
        self.ledger.validate(cx.now, client);
        let server = datagram.bearing.server;
        self.exchanges.trust(cx.now, client, server, decoy.token);
        if let Some(request) = decoy.answers() {
            let ack = Answer::acknowledge(request);
            self.tell_client(cx, datagram, &ack, Towards::Sender, Injected::Portion);
        }
        self.release_proved(cx, datagram, |_| false);
    }

    /// Gives a client the response to what has been done for it before, if that is kept.
    pub(super) fn give_done<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        act: u64,
    ) -> bool {
        let message = datagram.message;
        let asks = (message.message_id(), datagram.token);
        let Some(kept) = self.done.response(cx.now, act, asks) else {
            return false;
        };
        let response = Message::decode(&kept).ok();
        let mut envelope = Envelope::of_answer(message);
        if message.message_type() == Type::NonConfirmable {
            envelope.message_id = self.own_id(datagram);
        }
        let whole = response.and_then(|response| portion::whole(&response, &envelope));
        let Some(whole) = whole else {
            return false;
        };
        self.give(cx, datagram, &whole, Towards::Sender);
        self.note_served(cx, datagram);
        true
    }

    /// Keeps a response that is challenged, if what it answers isn't to be done once more. Returns whether it
    /// is kept.
    pub(super) fn keep_done<S: Sink>(&self, cx: &Context<'_, S>, datagram: &Datagram<'_>) -> bool {
        let Role::Response(Some(asked)) = datagram.bearing.role else {
            return false;
        };
        let Some(act) = asked.act.filter(|_| datagram.len() <= KEPT_BYTES) else {
            return false;
        };
        self.done.keep(cx.now, act, datagram.bytes);
        self.note_answer(cx, datagram, &asked);
        true
    }

    /// Sends a client a portion, and charges it.
    pub(super) fn give<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        portion: &[u8],
        towards: Towards,
    ) {
        if send(cx, datagram.frame, towards, Injected::Portion, portion) {
            self.charge(cx, datagram, portion.len());
        }
    }

    /// Sends a client a message along a way of its own, out of a port, and charges it. Returns whether it could be sent.
    pub(super) fn give_along<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        way: (&Path, Port),
        purpose: Injected,
        message: &[u8],
    ) -> bool {
        let is_sent = send_along(cx, way, purpose, message);
        if is_sent {
            self.charge(cx, datagram, message.len());
        }
        is_sent
    }

    /// Charges a message of so many bytes to a client.
    fn charge<S: Sink>(&self, cx: &mut Context<'_, S>, datagram: &Datagram<'_>, len: usize) {
        let size = datagram.own_size(len);
        self.enter(cx, datagram.bearing.client, Entry::Charge, size);
    }
}

/// Whether a request asks for nothing to be done (RFC 7252 §5.1, RFC 8132 §2).
pub(super) fn is_safe(code: Code) -> bool {
    matches!(code, Code::GET | Code::FETCH)
}

pub(super) fn takes_any_proof<S: Sink>(cx: &Context<'_, S>, rule: Option<RuleIndex>) -> bool {
    let rule = rule.and_then(|rule| cx.policy.rules().get(rule.as_usize()));
    rule.is_none_or(|rule| rule.proof == Proof::Any)
}
