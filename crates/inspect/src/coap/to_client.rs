//! Messages towards a client: responses, notifications, and acknowledgements and resets of what it
//! sent.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use policy::{Action, Subject};
use wire::coap::{Code, Message, Type};

use super::books::allowance::Allowance;
use super::books::budget::{Entry, Standing, Validation};
use super::books::meters::{Books, Promise, counted, longest_window};
use super::books::window;
use super::delivery::KEPT_BYTES;
use super::exchange::bearing::Role;
use super::exchange::parties::Server;
use super::exchange::sent::Kind;
use super::exchange::{Asked, Unbooked};
use super::proof::answer::{Answer, Towards};
use super::proof::challenge::{Reply, allowance};
use super::proof::probe::DECOY_LEN;
use super::{Datagram, Tracker};
use crate::context::{Context, Judgement, Untold};
use crate::{Count, Injected, Instant, LimitKind, Outcome, Sink};

/// What is remembered as the size of an observation.
const ENDLESS: usize = u32::MAX as usize;

impl Tracker {
    /// Judges a message towards a client. Returns its outcome, and what its payload becomes where less was asked for.
    pub(super) fn handle_to_client<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
    ) -> (Outcome, Option<Vec<u8>>) {
        let block = self.block_asked_for(datagram);
        let outcome = self.judge_to_client(cx, datagram, block.as_deref());
        (outcome, block.filter(|_| outcome.forward))
    }

    /// Judges a message towards a client, of which that gets `block` if there is one: it is what is charged.
    fn judge_to_client<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        block: Option<&[u8]>,
    ) -> Outcome {
        let role = &datagram.bearing.role;
        let size = block.map_or_else(|| datagram.size(), |block| datagram.size_with(block.len()));
        let client = datagram.bearing.client;
        let is_midstream = self.is_midstream(cx, datagram);
        self.credit_unbooked(cx, datagram);
        let standing = self.enter(cx, client, Entry::Charge, size);
        let is_proven = standing.validation == Validation::Fresh;
        let is_trusted = is_proven || matches!(role, Role::Response(Some(asked)) if asked.trusted);
        let reasons = self.reasons(cx, datagram, is_midstream);
        let subject = datagram.subject(&reasons, is_trusted);
        let mut books = Books::new(cx.policy, &standing, self.promise(cx.now, datagram));
        let carrier = datagram.arrival.carrier;
        let now = cx.now;
        let is_repeated = || self.is_repeated(now, datagram);
        let mut ruled = cx.rule_again(carrier, Action::Accept, &subject, &mut books, &is_repeated);
        if let Some(stopped) = self.stopped_behind(cx, datagram, &subject, &ruled) {
            ruled = stopped;
        }
        ruled.counted = counted(cx.policy, ruled.judgement.outcome.rule, &standing);
        let judgement = &ruled.judgement;
        if judgement.action.stops() {
            let standing = self.enter(cx, client, Entry::Refund, size);
            let room = if is_trusted {
                Allowance::UNBOUNDED
            } else {
                let rule = judgement.outcome.rule;
                allowance(cx.policy, rule, &standing, &datagram.arrival.layout)
            };
            let part = block.and_then(|bytes| Some((Message::decode(bytes).ok()?, bytes)));
            let reply = match &part {
                Some((message, bytes)) => {
                    let part = datagram.with(message, bytes);
                    self.answer_instead(cx, &part, judgement, room)
                }
                None => self.answer_instead(cx, datagram, judgement, room),
            };
            if part.is_some() && reply == Some(Injected::Portion) {
                self.keep_enlarged(cx, datagram);
            }
            cx.tell(carrier, &subject, &ruled, reply);
        } else {
            cx.tell(carrier, &subject, &ruled, None);
            if let Some(outcome) = self.forward_to_client(cx, datagram, &subject, &standing) {
                self.enter(cx, client, Entry::Refund, size);
                return outcome;
            }
            if block.is_some() {
                self.keep_enlarged(cx, datagram);
            }
            cx.sink.count(Count::AmplificationRatio {
                permille: standing.permille(),
            });
        }
        judgement.outcome
    }

    /// What rules behind a challenge make of a message that they stop: nobody is given in portions, or for a proof, what isn't
    /// to be had at all.
    fn stopped_behind<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        subject: &Subject<'_>,
        challenged: &Untold,
    ) -> Option<Untold> {
        // In a monitor nothing stops.
        if challenged.judgement.action != Action::Challenge {
            return None;
        }
        let now = cx.now;
        let is_counted = || self.is_repeated(now, datagram);
        let behind = cx.rule_behind(datagram.arrival.carrier, subject, challenged, &is_counted)?;
        let action = behind.judgement.action;
        (action.stops() && action != Action::Challenge).then_some(behind)
    }

    /// What a message entails: after an empty acknowledgement a response comes, unless it came before; after a member's
    /// response, that of another.
    #[inline]
    fn promise(&self, now: Instant, datagram: &Datagram<'_>) -> Promise {
        let (client, server) = (datagram.bearing.client, datagram.bearing.server);
        match datagram.bearing.role {
            Role::Response(_) if datagram.is_notification() => Promise::Endless,
            // There may be more members than it has room for.
            Role::Response(Some(asked)) if matches!(asked.server, Server::Group(_)) => {
                let challenge = match asked.is_challenged {
                    true => 0,
                    false => Answer::challenge_len_min(datagram.token.len()),
                };
                Promise::Bytes(datagram.own_size(challenge + DECOY_LEN))
            }
            Role::Reply(Some(sent))
                if datagram.message.message_type() == Type::Acknowledgement
                    && sent.kind == Kind::Request
                    && !self.exchanges.is_answered(now, client, server, sent.token) =>
            {
                let len = Answer::challenge_len_min(sent.token.len());
                Promise::Bytes(datagram.own_size(len))
            }
            _ => Promise::Nothing,
        }
    }

    /// Whether it may answer a request older than the gateway.
    pub(super) fn is_midstream<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        datagram: &Datagram<'_>,
    ) -> bool {
        matches!(datagram.bearing.role, Role::Response(None)) && self.expects_unknown(cx.now)
    }

    /// Whether messages may have gone by unseen of late.
    pub(super) fn expects_unknown(&self, now: Instant) -> bool {
        now.0 < self.midstream_until.load(Ordering::Relaxed)
    }

    /// Credits a client with what it has asked before the books were begun, or so long ago that it stands in
    /// them no more: that much, or of a request older than the gateway, as much as its answer has, so far as
    /// is known.
    fn credit_unbooked<S: Sink>(&self, cx: &mut Context<'_, S>, datagram: &Datagram<'_>) {
        let client = datagram.bearing.client;
        let asked = match &datagram.bearing.role {
            Role::Response(Some(asked)) => asked,
            _ if self.is_midstream(cx, datagram) => {
                self.enter(cx, client, Entry::Credit, datagram.size());
                return;
            }
            _ => return,
        };
        let window = longest_window(cx.policy);
        if !asked.is_unbooked && !window::has_left(window, asked.booked, cx.now) {
            return;
        }
        let response = datagram.bearing.response(datagram.message, datagram.token);
        let unbooked = self.exchanges.book(cx.now, &response, asked.server, window);
        let (entry, size) = match unbooked {
            Unbooked::Nothing => return,
            Unbooked::Before(size) => (Entry::Credit, size),
            Unbooked::Overdue(size) => (Entry::Overdue, size),
        };
        self.enter(cx, client, entry, size);
    }

    /// Remembers what goes on to the client, unless it is in the place of another message: then that
    /// is the outcome.
    fn forward_to_client<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        subject: &Subject<'_>,
        standing: &Standing,
    ) -> Option<Outcome> {
        let (message, bearing) = (datagram.message, datagram.bearing);
        let is_proven = standing.validation == Validation::Fresh;
        let Role::Response(asked) = &bearing.role else {
            self.note_reply(cx, datagram);
            let has_to_prove = !subject.address_validated;
            return has_to_prove
                .then(|| self.hold_back(cx, datagram, subject, standing))
                .flatten();
        };
        if self.has_settled(cx, datagram) {
            return Some(Outcome::CHALLENGED);
        }
        let response = bearing.response(message, datagram.token);
        let notifies = datagram.notifies();
        let is_piggybacked = message.message_type() == Type::Acknowledgement;
        if let Some(asked) = asked.as_ref().filter(|asked| !asked.is_earlier) {
            if let Some(outcome) = self.ask_for_interest(cx, datagram, asked) {
                return Some(outcome);
            }
            if self.deliver_early(cx, datagram, asked, standing) {
                return Some(Outcome::CHALLENGED);
            }
            self.keep_promise(cx, datagram, asked, is_proven);
            self.note_answering(cx, datagram, asked);
            self.note_download(cx, datagram, asked);
            // A failure, a challenge of the server's say, is no newer state.
            let is_state = datagram.facts.offset() == 0 && message.code().class() == 2;
            if is_state && !self.portions.is_empty() {
                let fits = datagram.len() <= KEPT_BYTES;
                let latest = if fits { datagram.bytes } else { &[] };
                self.portions.renew(cx.now, asked.body, latest);
            }
        }
        let evicted = match (asked, notifies) {
            (Some(asked), _) if asked.is_earlier => false,
            (Some(asked), _) => {
                let digest = is_piggybacked.then_some(datagram.digest);
                let (now, server) = (cx.now, asked.server);
                self.exchanges
                    .answered(now, &response, server, notifies, is_proven, digest);
                false
            }
            (None, Some(number)) if self.is_midstream(cx, datagram) => {
                self.exchanges.adopt(cx.now, &response, number, is_proven)
            }
            _ => false,
        };
        if evicted {
            cx.limit(LimitKind::Exchanges);
        }
        if is_piggybacked {
            return None;
        }
        self.note(cx, datagram, Server::One(bearing.client), Kind::Response)
    }

    /// An answer goes to the client, or what stands for it, and may once more as it is.
    pub(super) fn note_answer<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        datagram: &Datagram<'_>,
        asked: &Asked,
    ) {
        let response = datagram.bearing.response(datagram.message, datagram.token);
        self.exchanges
            .note_answer(cx.now, &response, asked.server, datagram.digest);
    }

    /// Answers in the place of a message that was stopped: the client, and where it would go on
    /// sending, the server. Returns what was said, to the client if to both.
    fn answer_instead<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        judgement: &Judgement,
        room: Allowance,
    ) -> Option<Injected> {
        let (message, bearing) = (datagram.message, datagram.bearing);
        if judgement.action == Action::Challenge
            && let Role::Response(Some(asked)) = bearing.role
            && matches!(asked.server, Server::Group(_))
        {
            return self.answer_of_member(cx, datagram, &asked, judgement.outcome.rule, room);
        }
        if judgement.action == Action::Challenge
            && let Some(bytes) = self.as_promised(cx, datagram)
            && let Ok(message) = &Message::decode(&bytes)
        {
            let promised = datagram.with(message, &bytes);
            let said = self.answer_instead(cx, &promised, judgement, room);
            self.keep_given(cx, &promised, said);
            if let Role::Response(Some(asked)) = &bearing.role {
                self.note_answer(cx, datagram, asked);
            }
            if datagram.message.message_type() == Type::Confirmable {
                self.acknowledge(cx, datagram);
            }
            return said;
        }
        let is_piggybacked = message.message_type() == Type::Acknowledgement;
        let remembered;
        let token = match bearing.role {
            Role::Response(_) => message.token(),
            Role::Reply(Some(sent)) if is_piggybacked && sent.kind == Kind::Request => {
                remembered = sent.token.bytes();
                &remembered[8 - sent.token.len()..]
            }
            _ => return None,
        };
        let reply = Reply {
            message_type: if is_piggybacked {
                Type::Acknowledgement
            } else {
                Type::NonConfirmable
            },
            message_id: message.message_id(),
            token,
            towards: Towards::Receiver,
            room: room.alone,
        };
        if self.has_settled(cx, datagram) {
            return None;
        }
        let mut is_kept = false;
        let said = match judgement.action {
            Action::Challenge => {
                let rule = judgement.outcome.rule;
                if let ControlFlow::Break(said) = self.give_instead(cx, datagram, rule, room) {
                    return said;
                }
                let is_sent = self.challenge(cx, datagram, &reply);
                is_kept = is_sent && self.keep_done(cx, datagram);
                is_sent.then_some(Injected::Echo)
            }
            Action::Refuse => {
                let code = cx
                    .refusal(judgement.outcome.rule)
                    .unwrap_or(Code::SERVICE_UNAVAILABLE);
                let is_sent = self.refuse(cx, datagram, &reply, code);
                is_sent.then_some(Injected::Refusal)
            }
            Action::Reset => None,
            Action::Accept | Action::Alert | Action::Drop => return None,
        };
        if is_piggybacked {
            return said;
        }
        // An answer of ours took the place of this message, so that is what the client may reset.
        self.record(cx, datagram, Server::One(bearing.client), Kind::Replaced);
        let is_repeated = message.message_type() == Type::Confirmable;
        if is_kept && is_repeated {
            self.acknowledge(cx, datagram);
            return said;
        }
        // An observer that can't be told anything yet goes on observing, and a CON for which there is no room may have some when
        // it comes again.
        let ends = is_repeated || datagram.is_notification();
        let is_reset = ends
            && said.is_some()
            && Answer::reset(message.message_id()).send(
                cx,
                datagram.frame,
                Towards::Sender,
                Injected::Reset,
            );
        said.or(is_reset.then_some(Injected::Reset))
    }

    /// Whether a separate response comes once more that its client has by other means. Its server is told so.
    fn has_settled<S: Sink>(&self, cx: &mut Context<'_, S>, datagram: &Datagram<'_>) -> bool {
        let Role::Response(Some(asked)) = &datagram.bearing.role else {
            return false;
        };
        let is_settled = datagram.message.message_type() == Type::Confirmable
            && (datagram.is_known_answer()
                || self.portions.is_taken(cx.now, asked.body, datagram.bytes));
        if is_settled {
            self.acknowledge(cx, datagram);
        }
        is_settled
    }

    /// Tells a server, in its client's name, that a separate response has arrived.
    pub(super) fn acknowledge<S: Sink>(&self, cx: &mut Context<'_, S>, datagram: &Datagram<'_>) {
        let ack = Answer::acknowledge(datagram.message.message_id());
        ack.send(cx, datagram.frame, Towards::Sender, Injected::Portion);
    }

    /// Remembers how large the answer was that has to be challenged.
    pub(super) fn learn<S: Sink>(&self, cx: &Context<'_, S>, datagram: &Datagram<'_>) {
        if let Role::Response(Some(asked)) = datagram.bearing.role
            && let Some(resource) = asked.resource
        {
            let len = if datagram.is_notification() {
                ENDLESS
            } else {
                datagram.len()
            };
            self.resources.learn(cx.now, resource, len);
        }
    }
}
