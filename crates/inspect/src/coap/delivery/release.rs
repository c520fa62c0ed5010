//! Responses that were [withheld](super::withheld), on their way to their client after all.

use wire::coap::{Message, Type, encode};

use super::portion::{self, Envelope};
use super::withheld::Kept;
use crate::coap::books::allowance::Allowance;
use crate::coap::exchange::Response;
use crate::coap::exchange::endpoint::Endpoint;
use crate::coap::exchange::sent::{Kind, Sent};
use crate::coap::facts::Facts;
use crate::coap::{Datagram, Tracker};
use crate::context::Context;
use crate::{Injected, Instant, Sink};

/// What of a withheld response has gone out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Released {
    Nothing,
    Something,
    /// All of it, in a way that has to be acknowledged.
    Probe,
}

impl Tracker {
    /// Gives the sender of a datagram what of a server's is withheld from it, as far as there is room for it. There may be more
    /// by the next time.
    pub(crate) fn release<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        (server, kept): (Endpoint, &Kept),
        room: Allowance,
        has_to_prove: bool,
    ) -> Released {
        let Ok(response) = Message::decode(kept.response()) else {
            return Released::Nothing;
        };
        let client = datagram.bearing.client;
        let answered = Response {
            piggybacked_on: answered_by(&response),
            ..Response::separate(client, server, kept.token())
        };
        if self.is_over(cx.now, &answered, response.message_id()) {
            return Released::Nothing;
        }
        let of = (server, kept, &response);
        let mut released = Released::Nothing;
        if has_to_prove && self.release_to_acknowledge(cx, datagram, of, room) {
            released = Released::Probe;
        } else if self.release_in_place(cx, datagram, of, room, has_to_prove) {
            released = Released::Something;
        }
        if released == Released::Nothing {
            return released;
        }
        if let Some(request) = kept.request() {
            self.note_told(cx.now, client, request);
        }
        let about = (response.message_id(), kept.token());
        self.withheld.let_go(cx.now, client, server, about);
        if kept.body().is_some() {
            let notifies = Facts::of(&response, &self.wants).observe;
            // A CON that comes again is known as one that its client hasn't acknowledged.
            let digest = (response.message_type() != Type::Confirmable)
                .then(|| self.exchanges.digest(kept.response()));
            self.exchanges
                .answered(cx.now, &answered, kept.asked(), notifies, false, digest);
        }
        released
    }

    /// Whether the client has asked for something else under its token since: it waits for that.
    fn is_over(&self, now: Instant, response: &Response, message_id: u16) -> bool {
        let asked = self.exchanges.asked(now, response);
        asked.is_some_and(|asked| self.exchanges.is_earlier(now, response, &asked, message_id))
    }

    /// Gives all of a response in a message of ours that has to be acknowledged. Returns whether there is room for that.
    fn release_to_acknowledge<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        (server, kept, response): (Endpoint, &Kept, &Message<'_>),
        room: Allowance,
    ) -> bool {
        let client = datagram.bearing.client;
        let about = (response.message_id(), kept.token());
        let Some(mut whole) = portion::whole(response, &Envelope::to_acknowledge(response, room))
        else {
            return false;
        };
        let Some(message_id) = self.probes.begin(cx.now, client, about) else {
            return false;
        };
        encode::set_message_id(&mut whole, message_id);
        let mut probe = Sent::ours(cx.now, Kind::Probe, kept.token(), answered_by(response));
        if response.message_type() == Type::Confirmable {
            probe = probe.in_place_of(response.message_id());
        }
        let way = (kept.path(), cx.port);
        self.give_along(cx, datagram, way, Injected::Portion, &whole);
        self.await_reply_to(cx, (server, client), message_id, probe);
        true
    }

    /// Gives a response under its own message ID, or its beginning. Returns whether there is room for either.
    fn release_in_place<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        (server, kept, response): (Endpoint, &Kept, &Message<'_>),
        room: Allowance,
        has_to_prove: bool,
    ) -> bool {
        let client = datagram.bearing.client;
        let about = (response.message_id(), kept.token());
        let in_place = Envelope::in_place(response, room.alone);
        // Its client's acknowledgement is its server's.
        let as_it_is = Envelope {
            message_type: response.message_type(),
            ..in_place
        };
        // With the acknowledgement of its request, not every client goes on to a second block (`promised`).
        let whole = portion::whole(response, &as_it_is);
        let is_due = response.message_type() == Type::Confirmable && whole.is_some();
        let is_uncut = is_due || kept.is_of_group() || self.keeps_whole(cx.now, client, kept, room);
        let first = (has_to_prove && !is_uncut)
            .then(|| portion::first_block(response, &in_place))
            .flatten()
            .filter(|_| self.probes.offer(cx.now, client, kept.token()));
        let is_first = first.is_some();
        let bare = || portion::bare(response, &in_place);
        let Some(mut portion) = first.or(whole).or_else(bare) else {
            return false;
        };
        if kept.body().is_none() && response.message_type() == Type::NonConfirmable {
            encode::set_message_id(&mut portion, self.probes.portion(client, about));
        }
        let way = (kept.path(), cx.port);
        self.give_along(cx, datagram, way, Injected::Portion, &portion);
        if is_due {
            let digest = self.exchanges.digest(kept.response());
            let sent = Sent::new(cx.now, Kind::Response, true, kept.token(), digest);
            self.await_reply_to(cx, (server, client), response.message_id(), sent);
        }
        if let Some(body) = kept.body().filter(|_| is_first) {
            self.note_begun(cx.now, body);
        }
        let is_kept = response.code().class() == 2 && !kept.is_of_group();
        if let Some(body) = kept.body().filter(|_| is_kept) {
            self.portions.keep(cx.now, body, kept.response());
        }
        true
    }
}

/// The message ID of the request that a response acknowledges, if it is piggybacked.
fn answered_by(response: &Message<'_>) -> Option<u16> {
    let is_piggybacked = response.message_type() == Type::Acknowledgement;
    is_piggybacked.then(|| response.message_id())
}
