//! Requests that are answered in their server's name, by what is kept of its response.

use wire::coap::{Block, Type};

use super::TOKEN_LEN_MAX;
use super::portion::{Envelope, NoRoom};
use crate::Sink;
use crate::coap::books::allowance::Allowance;
use crate::coap::exchange::sent::{Kind, Sent};
use crate::coap::proof::answer::Towards;
use crate::coap::{Datagram, Tracker};
use crate::context::Context;

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
        let client = datagram.bearing.client;
        let probe = has_to_prove
            .then(|| {
                let about = (message.message_id(), datagram.token);
                self.probes.begin(cx.now, client, about)
            })
            .flatten();
        let (message_type, message_id) = match (probe, message.message_type()) {
            (Some(ours), _) => (Type::Confirmable, ours),
            (None, Type::Confirmable) => (Type::Acknowledgement, message.message_id()),
            (None, _) => (Type::NonConfirmable, self.own_id(datagram)),
        };
        let envelope = Envelope {
            message_type,
            message_id,
            token: message.token(),
            room: if probe.is_some() {
                room.before_decoy
            } else {
                room.alone
            },
        };
        match self.portions.block(cx.now, body, asked, &envelope) {
            None => Served::No,
            Some(Err(NoRoom)) => Served::NoRoom,
            Some(Ok(block)) => {
                self.give(cx, datagram, &block, Towards::Sender);
                self.note_served(cx, datagram);
                if let Some(message_id) = probe {
                    let is_confirmable = message.message_type() == Type::Confirmable;
                    let answers = is_confirmable.then(|| message.message_id());
                    let probe = Sent::ours(cx.now, Kind::Probe, datagram.token, answers);
                    self.await_reply(cx, datagram, message_id, probe);
                }
                Served::Yes
            }
        }
    }

    /// The message ID of an answer to a NON in its server's name: its server has IDs of its own, which may be near those of
    /// its client.
    pub(crate) fn own_id(&self, datagram: &Datagram<'_>) -> u16 {
        let about = (datagram.message.message_id(), datagram.token);
        self.probes.portion(datagram.bearing.client, about)
    }

    /// Remembers that a NON has been answered in its server's name: when it comes again, it isn't (RFC 7252 §4.3), and
    /// its client may reset the answer.
    pub(crate) fn note_served<S: Sink>(&self, cx: &mut Context<'_, S>, datagram: &Datagram<'_>) {
        let message = datagram.message;
        if message.message_type() != Type::NonConfirmable {
            return;
        }
        let answer = Sent::portion(cx.now, datagram.token);
        self.await_reply(cx, datagram, self.own_id(datagram), answer);
        let client = datagram.bearing.client;
        self.served.note(cx.now, (client, datagram.digest));
    }

    /// Whether a NON comes again that has been answered in its server's name.
    pub(crate) fn is_served<S: Sink>(&self, cx: &Context<'_, S>, datagram: &Datagram<'_>) -> bool {
        let client = datagram.bearing.client;
        datagram.message.message_type() == Type::NonConfirmable
            && self.served.is_noted(cx.now, (client, datagram.digest))
    }
}
