//! What is known of exchanges and transfers held against a message: it answers nothing, leaves out
//! blocks, or comes where it shouldn't.

use policy::{Protocol, Reason, Subject};
use wire::Direction;
use wire::coap::{Block, Code, Type};

use super::bearing::Role;
use super::observation::{Observe, Sequence};
use super::parties::Server;
use super::sent::{Kind, MAX_TRANSMIT_WAIT, Repetition, Sent};
use crate::coap::blocks::upload::Piece;
use crate::coap::exchange::{Asked, Response};
use crate::coap::{Datagram, Reasons, Tracker};
use crate::context::Context;
use crate::{Instant, LimitKind, Outcome, Sink};

impl Tracker {
    /// What can be said against a message before it is judged, the gravest first.
    pub(crate) fn reasons<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        datagram: &Datagram<'_>,
        is_midstream: bool,
    ) -> Reasons {
        let mut reasons = Reasons::new();
        if let Some(reason) = against_group_message(datagram) {
            reasons.push(reason);
        }
        if datagram.bearing.client.address == datagram.bearing.server.address {
            reasons.push(Reason::COAP_SPOOFED_OWN_ADDRESS);
        }
        match &datagram.bearing.role {
            Role::Request => self.reasons_against_request(cx, datagram, &mut reasons),
            Role::Response(Some(asked)) => {
                self.reasons_against_response(cx, datagram, asked, &mut reasons);
            }
            Role::Response(None) if is_midstream => reasons.push(Reason::COAP_MIDSTREAM),
            Role::Response(None) => reasons.push(self.unmatched_response(cx, datagram)),
            Role::Reply(None) if datagram.message.message_type() == Type::Reset => {
                reasons.push(Reason::COAP_SPOOFED_UNMATCHED_RESET);
            }
            Role::Reply(None) => reasons.push(Reason::COAP_SPOOFED_UNMATCHED_ACK),
            Role::Reply(Some(sent)) if acknowledges_non(datagram, sent) => {
                reasons.push(Reason::COAP_EXCHANGE_NON_ACKNOWLEDGED);
            }
            Role::Ping | Role::Reply(Some(_)) => {}
        }
        if datagram.len() > cx.limits.coap_message_bytes {
            reasons.push(Reason::COAP_TOO_LARGE);
        }
        let anomalies = datagram.message.anomalies();
        if !anomalies.is_empty() {
            reasons.extend(anomalies.iter().map(Reason::from));
        }
        reasons
    }

    fn reasons_against_request<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        datagram: &Datagram<'_>,
        reasons: &mut Reasons,
    ) {
        if let Some(block) = datagram.facts.block1
            && self
                .uploads
                .leaves_hole(cx.now, &self.piece(datagram, block))
        {
            reasons.push(Reason::COAP_BLOCK_GAP);
        }
    }

    fn reasons_against_response<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        datagram: &Datagram<'_>,
        asked: &Asked,
        reasons: &mut Reasons,
    ) {
        let facts = datagram.facts;
        // It says nothing of what was asked since.
        if asked.is_earlier {
            return;
        }
        if let Some(reason) = self.against_unowed(cx, datagram, asked) {
            reasons.push(reason);
        }
        if asked.acknowledges_non {
            reasons.push(Reason::COAP_EXCHANGE_NON_ACKNOWLEDGED);
        }
        if datagram.message.code().class() != 2 {
            return;
        }
        if datagram.message.code() == Code::CONTINUE && !asked.has_uploaded {
            reasons.push(Reason::COAP_BLOCK_CONTINUE);
        }
        if let Some(number) = facts.observe {
            let next = Sequence::new(cx.now, number);
            if !asked.has_observed {
                reasons.push(Reason::COAP_OBSERVE_UNASKED);
            } else if asked.latest.is_some_and(|latest| next.is_before(latest))
                && !self.is_retransmission(cx, datagram)
            {
                reasons.push(Reason::COAP_OBSERVE_STALE);
            }
        }
        if facts.block2.is_none() {
            return;
        }
        // A repetition of an earlier block may be under way yet.
        if facts.offset() > asked.offset {
            reasons.push(Reason::COAP_BLOCK_UNASKED);
        }
        if facts.offset() > 0
            && self
                .downloads
                .is_of_another_body(cx.now, asked.body, facts.etag)
        {
            reasons.push(Reason::COAP_BLOCK_MIXED_BODIES);
        }
    }

    /// What a response is that comes after the one that was asked for, and repeats none. One that may have been
    /// asked for unseen is none of that, nor is any member's of a group.
    fn against_unowed<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        datagram: &Datagram<'_>,
        asked: &Asked,
    ) -> Option<Reason> {
        let notifies = datagram.is_notification() && asked.has_observed;
        let reason = match asked.ended {
            _ if asked.observes => return None,
            Some(ended) if notifies && cx.now > ended + MAX_TRANSMIT_WAIT => {
                Reason::COAP_SPOOFED_UNREGISTERED_NOTIFICATION
            }
            _ if notifies || asked.is_owed => return None,
            _ => Reason::COAP_SPOOFED_SECOND_RESPONSE,
        };
        let may_be_unseen =
            self.expects_unknown(cx.now) || matches!(asked.server, Server::Group(_));
        let is_second = !may_be_unseen
            && !self.is_repetition(cx, datagram, asked)
            && !self.answers_group(cx.now, datagram);
        is_second.then_some(reason)
    }

    /// Whether a response comes once more, and neither for want of a reply nor because it was asked for again.
    pub(crate) fn is_idle_repetition<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        datagram: &Datagram<'_>,
    ) -> bool {
        let Role::Response(Some(asked)) = &datagram.bearing.role else {
            return false;
        };
        let is_awaited = || match datagram.message.message_type() {
            Type::Acknowledgement => asked.is_owed,
            message_type => message_type == Type::Confirmable,
        };
        asked.is_earlier || self.is_repetition(cx, datagram, asked) && !is_awaited()
    }

    /// Whether a response went to its client before, or another under its message ID, which is told of as such.
    fn is_repetition<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        datagram: &Datagram<'_>,
        asked: &Asked,
    ) -> bool {
        if asked.answers.contains(&datagram.digest) {
            return true;
        }
        let (message, bearing) = (datagram.message, datagram.bearing);
        let (client, server) = (bearing.client, bearing.server);
        let sent = self
            .exchanges
            .sent(cx.now, server, client, message.message_id());
        message.message_type() != Type::Acknowledgement
            && sent.is_some_and(|sent| sent.is_response() && sent.token == datagram.token)
    }

    /// Whether a message towards a client has been forwarded to it before, as it is.
    pub(crate) fn is_retransmission<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        datagram: &Datagram<'_>,
    ) -> bool {
        let (client, server) = (datagram.bearing.client, datagram.bearing.server);
        let message_id = datagram.message.message_id();
        let sent = self.exchanges.sent(cx.now, server, client, message_id);
        sent.is_some_and(|sent| sent.is(datagram.digest))
    }

    /// Whether a CON or NON has gone on before as it is, and comes no more often than it may: it is the same
    /// message to whoever counts messages (RFC 7252 §4.2).
    pub(crate) fn is_repeated(&self, now: Instant, datagram: &Datagram<'_>) -> bool {
        let bearing = datagram.bearing;
        let (from, to) = match bearing.direction {
            Direction::ToServer => (bearing.client, bearing.addressee().endpoint()),
            Direction::ToClient => (bearing.server, bearing.client),
        };
        let message_id = datagram.message.message_id();
        let sent = self.exchanges.sent(now, from, to, message_id);
        sent.is_some_and(|sent| {
            sent.is(self.exchanges.digest(datagram.bytes)) && sent.may_be_repeated(now)
        })
    }

    /// What a response is that belongs to no exchange.
    fn unmatched_response<S: Sink>(&self, cx: &Context<'_, S>, datagram: &Datagram<'_>) -> Reason {
        let bearing = datagram.bearing;
        let response = Response::separate(bearing.client, bearing.server, datagram.token);
        let (client, token) = (response.client, response.token);
        if self.exchanges.is_forgotten(cx.now, &response) {
            return Reason::COAP_EXCHANGE_FORGOTTEN;
        }
        if self.exchanges.asked(cx.now, &response).is_some() {
            // The right endpoint and token, on the acknowledgement of something else.
            Reason::COAP_SPOOFED_UNMATCHED_RESPONSE
        } else if self.askers.is_noted(cx.now, (client, token)) {
            Reason::COAP_SPOOFED_OTHER_ENDPOINT
        } else if datagram.is_notification() {
            Reason::COAP_SPOOFED_UNREGISTERED_NOTIFICATION
        } else {
            Reason::COAP_SPOOFED_UNMATCHED_RESPONSE
        }
    }

    /// Takes note of what blocks of a body go on to the server. One that comes once more is the same message to that, and
    /// may have been on its way for long.
    pub(crate) fn note_upload<S: Sink>(&self, cx: &mut Context<'_, S>, datagram: &Datagram<'_>) {
        if let Some(block) = datagram.facts.block1
            && !self.is_repeated(cx.now, datagram)
            && self.uploads.advance(cx.now, &self.piece(datagram, block))
        {
            cx.limit(LimitKind::Exchanges);
        }
    }

    /// Takes note of a body whose first block goes to a client.
    pub(crate) fn note_download<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        asked: &Asked,
    ) {
        let facts = datagram.facts;
        if let Some(block) = facts.block2
            && block.number == 0
            && block.more
            && self.downloads.begin(cx.now, asked.body, facts.etag)
        {
            cx.limit(LimitKind::Exchanges);
        }
    }

    /// The piece of an upload that a request brings, with this Block1 option.
    fn piece(&self, datagram: &Datagram<'_>, block: Block) -> Piece {
        let (client, server) = (datagram.bearing.client, datagram.bearing.server);
        self.uploads.piece(client, server, datagram.message, block)
    }

    /// Remembers a CON or NON that goes on, so that what replies to it is known. Under its message ID
    /// something else may have been sent before: then the policy is asked about that, and the outcome
    /// is there if it doesn't let it go on.
    #[inline]
    pub(crate) fn note<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        receiver: Server,
        kind: Kind,
    ) -> Option<Outcome> {
        let reason = match self.record(cx, datagram, receiver, kind) {
            Repetition::Fair => return None,
            Repetition::Late => Reason::COAP_EXCHANGE_LATE_DUPLICATE,
            Repetition::Other => Reason::COAP_EXCHANGE_MESSAGE_ID_REUSED,
        };
        judge_again(cx, datagram, reason)
    }

    /// Remembers a CON or NON: what it is to those before it.
    #[inline]
    pub(crate) fn record<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        receiver: Server,
        kind: Kind,
    ) -> Repetition {
        let (message, bearing) = (datagram.message, datagram.bearing);
        let sender = match bearing.direction {
            Direction::ToServer => bearing.client,
            Direction::ToClient => bearing.server,
        };
        let sent = Sent::new(
            cx.now,
            kind,
            message.message_type() == Type::Confirmable,
            datagram.token,
            datagram.digest,
        );
        let message_id = message.message_id();
        let (repetition, evicted) = self
            .exchanges
            .note(cx.now, sender, receiver, message_id, sent);
        if evicted {
            cx.limit(LimitKind::Exchanges);
        }
        repetition
    }
}

/// Asks the policy about what was found out about a message that it let go on. The outcome is there if it doesn't any
/// more.
#[cold]
fn judge_again<S: Sink>(
    cx: &mut Context<'_, S>,
    datagram: &Datagram<'_>,
    reason: Reason,
) -> Option<Outcome> {
    let reasons = [reason];
    let subject = Subject {
        direction: datagram.bearing.direction,
        ..datagram.arrival.detection(Protocol::Coap, &reasons)
    };
    let judgement = cx.judge(datagram.arrival, &subject, &mut ());
    judgement.action.stops().then_some(judgement.outcome)
}

/// Whether a NON is acknowledged, which nobody waits for (RFC 7252 §4.3).
fn acknowledges_non(datagram: &Datagram<'_>, sent: &Sent) -> bool {
    datagram.message.message_type() == Type::Acknowledgement && !sent.is_confirmable()
}

/// What can't be asked of a group (RFC 7252 §8.1).
fn against_group_message(datagram: &Datagram<'_>) -> Option<Reason> {
    if !datagram.bearing.is_to_group {
        return None;
    }
    if datagram.message.message_type() == Type::Confirmable {
        return Some(Reason::COAP_MULTICAST_CONFIRMABLE);
    }
    let registers = datagram.bearing.role.is_request()
        && datagram.facts.asks_to_observe() == Some(Observe::Register);
    registers.then_some(Reason::COAP_MULTICAST_OBSERVE)
}
