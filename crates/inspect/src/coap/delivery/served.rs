//! Requests that are answered in their server's name, by what is kept of its response.

use wire::coap::{Block, Type, encode};

use super::TOKEN_LEN_MAX;
use super::portion::{Envelope, NoRoom};
use crate::coap::books::allowance::Allowance;
use crate::coap::exchange::endpoint::Endpoint;
use crate::coap::exchange::sent::{Kind, Sent};
use crate::coap::proof::answer::Towards;
use crate::coap::{Datagram, Tracker};
use crate::context::Context;
use crate::{Instant, Sink};

/// So many whole seconds after an answer, nobody asks for it again, who waits for two (ACK_TIMEOUT, RFC 7252 §4.8).
const AT_ONCE_S: i32 = 1;

/// What became of a request for a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Served {
    /// The server has to see to it.
    No,
    Yes,
    /// The block is here, but it may not go out.
    NoRoom,
}

impl Tracker {
    /// Whether a request asks for the next block of what is kept here. Its client takes it in small ones because it had proved
    /// nothing; to whoever counts requests, it is a part of the one that the response came to.
    pub(crate) fn is_of_one(&self, now: Instant, datagram: &Datagram<'_>) -> bool {
        let (message, bearing) = (datagram.message, datagram.bearing);
        let asked = datagram.facts.block2.filter(|block| block.number > 0);
        let is_next = |asked| {
            let body = self.wants.body(bearing, message.code(), datagram.facts);
            self.portions.is_next(now, body, asked)
        };
        bearing.role.is_request() && !self.portions.is_empty() && asked.is_some_and(is_next)
    }

    /// Answers a request for a block of a response that may be kept: one whose address isn't known for
    /// its own (`has_to_prove`), in a way that it has to acknowledge.
    pub(crate) fn serve_block<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        (body, asked): (u64, Block),
        room: Allowance,
        has_to_prove: bool,
    ) -> Served {
        let message = datagram.message;
        if message.token().len() > TOKEN_LEN_MAX {
            return Served::No;
        }
        if has_to_prove && let Some(served) = self.serve_probe(cx, datagram, (body, asked), room) {
            return served;
        }
        let mut envelope = Envelope::of_answer(message);
        envelope.room = room.alone;
        if message.message_type() == Type::NonConfirmable {
            envelope.message_id = self.own_id(datagram);
        }
        match self.portions.block(cx.now, body, asked, &envelope) {
            None => Served::No,
            Some(Err(NoRoom)) => Served::NoRoom,
            Some(Ok(block)) => {
                self.give(cx, datagram, &block, Towards::Sender);
                self.note_served(cx, datagram);
                Served::Yes
            }
        }
    }

    /// Answers in a way that has to be acknowledged, if that may prove something yet. It counts only if it goes out.
    fn serve_probe<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        (body, asked): (u64, Block),
        room: Allowance,
    ) -> Option<Served> {
        let message = datagram.message;
        let envelope = Envelope {
            message_type: Type::Confirmable,
            message_id: 0,
            token: message.token(),
            room: room.before_decoy,
        };
        let mut block = match self.portions.block(cx.now, body, asked, &envelope) {
            None => return Some(Served::No),
            Some(Err(NoRoom)) => return Some(Served::NoRoom),
            Some(Ok(block)) => block,
        };
        let about = (message.message_id(), datagram.token);
        let message_id = self.begin_proof(cx, datagram, about)?;
        encode::set_message_id(&mut block, message_id);
        self.give(cx, datagram, &block, Towards::Sender);
        self.note_served(cx, datagram);
        let is_confirmable = message.message_type() == Type::Confirmable;
        let answers = is_confirmable.then(|| message.message_id());
        let probe = Sent::ours(cx.now, Kind::Probe, datagram.token, answers);
        self.await_reply(cx, datagram, message_id, probe);
        Some(Served::Yes)
    }

    /// The message ID of an answer to a NON in its server's name: its server has IDs of its own, which may be near those of
    /// its client.
    pub(crate) fn own_id(&self, datagram: &Datagram<'_>) -> u16 {
        let request = datagram.message.message_id();
        self.probes.portion(datagram.bearing.client, request)
    }

    /// Remembers that a request has been answered in its server's name. When a NON comes again, it isn't (RFC 7252 §4.3),
    /// and its client may reset the answer.
    pub(crate) fn note_served<S: Sink>(&self, cx: &mut Context<'_, S>, datagram: &Datagram<'_>) {
        let message = datagram.message;
        self.note_told(cx.now, datagram.bearing.client, datagram.digest);
        if message.message_type() != Type::NonConfirmable {
            return;
        }
        let answer = Sent::portion(cx.now, datagram.token);
        self.await_reply(cx, datagram, self.own_id(datagram), answer);
    }

    /// The client of a response is told what that comes to, on the acknowledgement of its request.
    pub(crate) fn note_answered<S: Sink>(&self, cx: &Context<'_, S>, datagram: &Datagram<'_>) {
        let (client, server) = (datagram.bearing.client, datagram.bearing.server);
        let message = datagram.message;
        if message.message_type() == Type::Acknowledgement
            && let Some(request) =
                (self.exchanges).sent(cx.now, client, server, message.message_id())
        {
            self.note_told(cx.now, client, request.digest());
        }
    }

    /// A client is told something about the request that is known by its bytes.
    pub(crate) fn note_told(&self, now: Instant, client: Endpoint, request: u32) {
        self.served.note(now, (client, request));
    }

    /// Whether a request comes twice, its client having been told what there is to tell: it hasn't waited for that yet. What
    /// came of it the second time may have another form, and a client that has gone on rejects it.
    pub(crate) fn is_doubled<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        datagram: &Datagram<'_>,
        has_to_prove: bool,
    ) -> bool {
        let request = (datagram.bearing.client, datagram.digest);
        (has_to_prove || !self.portions.is_empty())
            && self.served.is_noted_within(cx.now, request, AT_ONCE_S)
    }

    /// Whether a NON comes again that has been answered in its server's name.
    pub(crate) fn is_served<S: Sink>(&self, cx: &Context<'_, S>, datagram: &Datagram<'_>) -> bool {
        let client = datagram.bearing.client;
        datagram.message.message_type() == Type::NonConfirmable
            && self.served.is_noted(cx.now, (client, datagram.digest))
    }
}
