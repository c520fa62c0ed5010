//! Messages towards a server: requests, pings, and acknowledgements and resets of what it sent.

use policy::{Action, RuleIndex, Subject};
use wire::Direction;
use wire::coap::{Code, Type};

use super::books::allowance::Allowance;
use super::books::budget::{Entry, Standing, Validation};
use super::books::meters::{Books, counted};
use super::books::size::Size;
use super::delivery::enlarged::Enlarged;
use super::delivery::is_safe;
use super::delivery::served::Served;
use super::exchange::Request;
use super::exchange::bearing::Role;
use super::exchange::parties::Server;
use super::exchange::sent::Kind;
use super::proof::answer::{Answer, Towards};
use super::proof::challenge::{Reply, allowance, foresee};
use super::rewrite::{Changes, rewritten};
use super::{Datagram, Tracker};
use crate::context::Context;
use crate::{Injected, LimitKind, Outcome, Sink};

/// A challenge is at most so many times as long as the request it answers (RFC 9175 §2.4).
const RATIO_MAX: usize = 3;

/// Why a client is trusted to be at its address, if it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    None,
    /// It proved that before.
    Known,
    /// This request carries a fresh cookie of ours.
    Proven,
}

impl Tracker {
    /// Judges a message towards a server. Returns its outcome, and what its payload becomes where it
    /// can't go on as it is.
    pub(super) fn handle_to_server<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
    ) -> (Outcome, Option<Vec<u8>>) {
        let client = datagram.bearing.client;
        let standing = self.credit(cx, datagram);
        let trust = self.trust(cx, datagram, &standing);
        if matches!(datagram.bearing.role, Role::Reply(None)) {
            self.probes.guess(cx.now, client);
        }
        if trust == Trust::Proven {
            self.ledger.validate(cx.now, client);
            self.release_asked(cx, datagram);
        }
        let reasons = self.reasons(cx, datagram, false);
        let subject = datagram.subject(&reasons, trust != Trust::None);
        let room = self.room(cx, datagram);
        let mut books = Books::with_room(cx.policy, &standing, room.as_ref());
        let carrier = datagram.arrival.carrier;
        let now = cx.now;
        let is_counted = || self.is_repeated(now, datagram) || self.is_of_one(now, datagram);
        let ruled = cx.rule_again(carrier, Action::Accept, &subject, &mut books, &is_counted);
        let judgement = &ruled.judgement;
        if judgement.action.stops() {
            let by = (judgement.action, judgement.outcome.rule);
            let reply = self.answer_sender(cx, datagram, &standing, trust, by);
            cx.tell(carrier, &subject, &ruled, reply);
            return (judgement.outcome, None);
        }
        cx.tell(carrier, &subject, &ruled, None);
        let enlarged = self.enlarge(cx, datagram);
        let known = (&standing, trust);
        if let Some(outcome) = self.forward_to_server(cx, datagram, &subject, known, enlarged) {
            return (outcome, None);
        }
        let changes = Changes {
            block2: enlarged.map(|enlarged| enlarged.to_ask(datagram.facts.offset())),
            without_echo: trust == Trust::Proven,
        };
        let is_changed = changes != Changes::default();
        let rewritten = is_changed.then(|| rewritten(datagram.message, datagram.len(), changes));
        (judgement.outcome, rewritten)
    }

    /// Credits a client with what it sends; with replies only if its address is its own, for one that
    /// never asked rejects what it gets, and would earn the attacker more of it.
    fn credit<S: Sink>(&self, cx: &mut Context<'_, S>, datagram: &Datagram<'_>) -> Standing {
        let (client, size) = (datagram.bearing.client, datagram.size());
        if !matches!(datagram.bearing.role, Role::Reply(_)) {
            return self.enter(cx, client, Entry::Credit, size);
        }
        let standing = self.enter(cx, client, Entry::Credit, Size::default());
        match standing.validation {
            Validation::Fresh => self.enter(cx, client, Entry::Credit, size),
            Validation::Lapsed | Validation::None => standing,
        }
    }

    fn trust<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        datagram: &Datagram<'_>,
        standing: &Standing,
    ) -> Trust {
        let client = datagram.bearing.client;
        if datagram.bearing.role.is_request()
            && let Some(value) = datagram.facts.echo
            && self.mint.recognises(cx.now, client, value)
        {
            return Trust::Proven;
        }
        match standing.validation {
            Validation::Fresh => Trust::Known,
            Validation::Lapsed if datagram.facts.goes_on() => Trust::Known,
            _ => Trust::None,
        }
    }

    /// Remembers what goes on to the server, unless the answer it would draw is better challenged
    /// before it is made, or it is in the place of another message: then that is the outcome.
    fn forward_to_server<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        subject: &Subject<'_>,
        (standing, trust): (&Standing, Trust),
        enlarged: Option<Enlarged>,
    ) -> Option<Outcome> {
        let (message, bearing) = (datagram.message, datagram.bearing);
        match bearing.role {
            Role::Request if self.is_doubled(cx, datagram, trust == Trust::None) => {
                Some(Outcome::CHALLENGED)
            }
            Role::Request => {
                let server = bearing.addressee();
                let body = self.wants.body(bearing, message.code(), datagram.facts);
                if trust == Trust::None {
                    self.note_unblocked(cx.now, datagram, body);
                }
                if let Some(outcome) = self.serve_kept(cx, datagram, standing, trust, body) {
                    return Some(outcome);
                }
                let has_to_prove = trust == Trust::None;
                if !self.withheld.is_empty()
                    && let Some(outcome) = self.serve_withheld(cx, datagram, standing, has_to_prove)
                {
                    return Some(outcome);
                }
                if let Some(outcome) = self.serve_promised(cx, datagram, has_to_prove) {
                    return Some(outcome);
                }
                let act = self.act(datagram, trust, body);
                if let Some(outcome) = act.and_then(|act| self.serve_done(cx, datagram, trust, act))
                {
                    return Some(outcome);
                }
                let resource = (trust == Trust::None && server == Server::One(bearing.server))
                    .then(|| {
                        self.wants
                            .resource(bearing.server, message.code(), datagram.facts)
                    });
                if let Some(resource) = resource
                    && !self.resources.is_empty()
                    && let Some(size) = self.resources.expected(cx.now, resource)
                    && !self.is_repeated(cx.now, datagram)
                    && let Some(outcome) =
                        self.challenge_ahead(cx, datagram, subject, standing, size)
                {
                    return Some(outcome);
                }
                let is_drawn = self.is_drawn(cx, datagram);
                if is_drawn && let Some(outcome) = self.charge_drawn(cx, datagram, subject) {
                    return Some(outcome);
                }
                if trust == Trust::None {
                    self.note_asking(cx, datagram);
                }
                self.askers.note(cx.now, (bearing.client, datagram.token));
                let request = Request {
                    trusted: trust != Trust::None,
                    resource,
                    body,
                    act,
                    enlarged,
                    ..datagram.request()
                };
                if self.exchanges.open(cx.now, &request) {
                    cx.limit(LimitKind::Exchanges);
                }
                self.hold(cx, datagram, subject, &request);
                self.note_upload(cx, datagram);
                let repeated = self.note(cx, datagram, server, Kind::Request);
                if is_drawn {
                    let (from, to) = (bearing.client, bearing.server);
                    self.exchanges
                        .note_drawn(cx.now, from, to, message.message_id());
                }
                repeated
            }
            Role::Ping => self
                .is_drawn(cx, datagram)
                .then(|| self.charge_drawn(cx, datagram, subject))
                .flatten()
                .or_else(|| self.note(cx, datagram, Server::One(bearing.server), Kind::Ping)),
            Role::Reply(Some(sent)) if sent.is_ours() => {
                Some(self.handle_probe_reply(cx, datagram, &sent))
            }
            Role::Reply(Some(sent))
                if sent.kind == Kind::Response
                    && message.message_type() == Type::Acknowledgement =>
            {
                self.note_interest(cx, datagram, &sent);
                None
            }
            Role::Reply(Some(sent)) if message.message_type() == Type::Reset => {
                let (client, server) = (bearing.client, bearing.server);
                self.note_rejected(cx.now, datagram, sent.token);
                self.exchanges
                    .reject_observation(cx.now, client, server, sent.token);
                None
            }
            Role::Reply(_) | Role::Response(_) => None,
        }
    }

    /// Answers a request for a block of a response that was given out in portions, as far as there is
    /// room for it.
    fn serve_kept<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        standing: &Standing,
        trust: Trust,
        body: u64,
    ) -> Option<Outcome> {
        let asked = datagram.facts.block2.filter(|block| block.number > 0)?;
        if !self.portions.keeps(cx.now, body) {
            return None;
        }
        self.note_followed(cx.now, datagram.bearing.client, body);
        if self.is_served(cx, datagram) {
            return Some(Outcome::CHALLENGED);
        }
        let room = match trust {
            Trust::None => allowance(cx.policy, None, standing, &datagram.arrival.layout),
            Trust::Known | Trust::Proven => Allowance::UNBOUNDED,
        };
        match self.serve_block(cx, datagram, (body, asked), room, trust == Trust::None) {
            Served::No => return None,
            Served::Yes => {}
            // As a part of the body that proves nothing yet.
            Served::NoRoom
                if self.serve_block(cx, datagram, (body, asked), room, false) == Served::Yes => {}
            // There is by the time that it is sent again.
            Served::NoRoom if datagram.message.message_type() == Type::Confirmable => {}
            Served::NoRoom => {
                let ruled = (Action::Challenge, None);
                self.answer_sender(cx, datagram, standing, Trust::None, ruled);
            }
        }
        Some(Outcome::CHALLENGED)
    }

    /// A number for what a request does, unless it is safe, or its client is known to be at its address.
    fn act(&self, datagram: &Datagram<'_>, trust: Trust, body: u64) -> Option<u64> {
        let message = datagram.message;
        let asks_again = trust != Trust::Known && !is_safe(message.code());
        asks_again.then(|| self.wants.act(body, datagram.facts, message.payload()))
    }

    /// Answers a request that comes with the proof asked for in the place of its response.
    fn serve_done<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        trust: Trust,
        act: u64,
    ) -> Option<Outcome> {
        let is_given = trust == Trust::Proven && self.give_done(cx, datagram, act);
        is_given.then_some(Outcome::CHALLENGED)
    }

    /// Challenges a request whose answer would have to be, as large as it was last time: of `size` bytes.
    fn challenge_ahead<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        subject: &Subject<'_>,
        standing: &Standing,
        size: usize,
    ) -> Option<Outcome> {
        let mut endpoints = subject.endpoints;
        std::mem::swap(&mut endpoints.source, &mut endpoints.destination);
        std::mem::swap(&mut endpoints.source_port, &mut endpoints.destination_port);
        endpoints.from = endpoints.from.opposite();
        let answered = Subject {
            direction: Direction::ToClient,
            endpoints,
            ..*subject
        };
        let ruling = foresee(cx, datagram, &answered, standing, size);
        if ruling.action != Action::Challenge || !ruling.enforced {
            return None;
        }
        if self.may_deliver(cx, datagram, ruling.rule, standing) {
            // What the answer is, the client can be given as far as its budget goes.
            return None;
        }
        // What was detected on the request has been told already.
        let subject = Subject {
            reasons: &[],
            ..*subject
        };
        let by = (Action::Challenge, ruling.rule);
        let reply = self.answer_sender(cx, datagram, standing, Trust::None, by);
        let counted = counted(cx.policy, ruling.rule, standing);
        Some(cx.overrule(datagram.arrival, &subject, ruling, counted, reply))
    }

    /// Answers, in the server's name, a message that was stopped. Returns what was said.
    fn answer_sender<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        standing: &Standing,
        trust: Trust,
        (action, rule): (Action, Option<RuleIndex>),
    ) -> Option<Injected> {
        let message = datagram.message;
        let is_confirmable = message.message_type() == Type::Confirmable;
        let room = match (action, trust) {
            (Action::Challenge, Trust::None) => {
                allowance(cx.policy, rule, standing, &datagram.arrival.layout).alone
            }
            (Action::Challenge, Trust::Known | Trust::Proven) => usize::MAX,
            // No longer than what it answers, it amplifies nothing, whatever was spent.
            _ => datagram.len(),
        };
        let reply = Reply {
            message_type: if is_confirmable {
                Type::Acknowledgement
            } else {
                Type::NonConfirmable
            },
            message_id: message.message_id(),
            token: message.token(),
            towards: Towards::Sender,
            room: room.min(datagram.len() * RATIO_MAX),
        };
        let is_request = datagram.bearing.role.is_request();
        match action {
            Action::Challenge if is_request => {
                let is_sent = self.challenge(cx, datagram, &reply);
                if is_sent {
                    self.note_told(cx.now, datagram.bearing.client, datagram.digest);
                }
                is_sent.then_some(Injected::Echo)
            }
            Action::Refuse if is_request => self
                .refuse(
                    cx,
                    datagram,
                    &reply,
                    cx.refusal(rule).unwrap_or(Code::FORBIDDEN),
                )
                .then_some(Injected::Refusal),
            Action::Reset if is_confirmable => {
                let reset = Answer::reset(message.message_id());
                self.tell_client(cx, datagram, &reset, Towards::Sender, Injected::Reset)
                    .then_some(Injected::Reset)
            }
            _ => None,
        }
    }
}
