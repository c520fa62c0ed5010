//! Failures that there is no room for. A client is told of one in any case: its code is for the client, and what the
//! payload says about it for people (RFC 7252 §5.5.2).

use wire::coap::Type;

use super::portion::{self, Envelope};
use crate::Sink;
use crate::coap::books::allowance::Allowance;
use crate::coap::exchange::bearing::Role;
use crate::coap::exchange::parties::Server;
use crate::coap::exchange::sent::Kind;
use crate::coap::proof::answer::Towards;
use crate::coap::{Datagram, Tracker};
use crate::context::Context;

impl Tracker {
    /// Tells a client of a failure without what is said about it to people, if there is no room for that. Returns
    /// whether it could be done.
    pub(crate) fn tell_failure<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        room: Allowance,
    ) -> bool {
        let (message, bearing) = (datagram.message, datagram.bearing);
        let Role::Response(Some(asked)) = bearing.role else {
            return false;
        };
        let envelope = Envelope::in_place(message, room.alone);
        let bare = (asked.server == Server::One(bearing.server))
            .then(|| portion::bare(message, &envelope));
        let Some(bare) = bare.flatten() else {
            return false;
        };
        self.give(cx, datagram, &bare, Towards::Receiver);
        if envelope.message_type == Type::NonConfirmable {
            self.record(cx, datagram, Server::One(bearing.client), Kind::Replaced);
        }
        self.note_delivered(cx, datagram, Some(asked));
        if message.message_type() == Type::Confirmable {
            self.note_answer(cx, datagram, &asked);
            self.acknowledge(cx, datagram);
        }
        true
    }
}
