//! Whether an observer is still there and interested: a server asks that by a CON at least every 24 hours (RFC 7641
//! §4.5), and strictly limits what it sends in between to a client that confirms nothing (§7). Not all do, and the one
//! who registered may have been forged.
//!
//! So an observation is trusted on the word of its client: it has proved its address as it registered, or it
//! acknowledges a notification. Half an hour after that, the next notification goes out as a CON of our own if
//! it is none, and another each minute, until one is acknowledged. After some in vain the observer is a
//! stranger, and its server is told to forget it.

use wire::coap::Type;

use super::sent::{Kind, Sent};
use crate::coap::delivery::TOKEN_LEN_MAX;
use crate::coap::delivery::portion::{self, Envelope};
use crate::coap::exchange::Asked;
use crate::coap::proof::answer::Towards;
use crate::coap::{Datagram, Tracker};
use crate::context::Context;
use crate::{Outcome, Sink};

impl Tracker {
    /// Asks an observer for its interest, if it is time for that. The outcome is there if a notification of ours took
    /// the place of its server's.
    pub(crate) fn ask_for_interest<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        asked: &Asked,
    ) -> Option<Outcome> {
        if !asked.is_to_confirm || !datagram.is_notification() {
            return None;
        }
        let (message, bearing) = (datagram.message, datagram.bearing);
        let response = bearing.response(message, datagram.token);
        self.exchanges.ask_for_interest(cx.now, &response);
        if message.message_type() != Type::NonConfirmable || message.token().len() > TOKEN_LEN_MAX {
            return None;
        }
        let about = (message.message_id(), datagram.token);
        let envelope = Envelope {
            message_type: Type::Confirmable,
            message_id: self.probes.begin(cx.now, bearing.client, about)?,
            token: message.token(),
            room: usize::MAX,
        };
        let notification = portion::whole(message, &envelope)?;
        self.give(cx, datagram, &notification, Towards::Receiver);
        let sent = Sent::ours(cx.now, Kind::Interest, datagram.token, None);
        self.await_reply(cx, datagram, envelope.message_id, sent);
        Some(Outcome::CHALLENGED)
    }

    /// A client acknowledges a notification, or resets it: then it is no observer any more.
    pub(crate) fn note_interest<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        datagram: &Datagram<'_>,
        sent: &Sent,
    ) {
        let (client, server) = (datagram.bearing.client, datagram.bearing.server);
        let is_interested = datagram.message.message_type() == Type::Acknowledgement;
        self.exchanges
            .note_interest(cx.now, client, server, sent.token, is_interested);
    }
}
