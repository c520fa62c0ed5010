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
    ) {
        let Ok(response) = Message::decode(kept.response()) else {
            return;
        };
        let client = datagram.bearing.client;
        let answered = Response {
            piggybacked_on: answered_by(&response),
            ..Response::separate(client, server, kept.token())
        };
        if self.is_over(cx.now, &answered, response.message_id()) {
            return;
        }
        let of = (server, kept, &response);
        let is_released = has_to_prove && self.release_to_acknowledge(cx, datagram, of, room)
            || self.release_in_place(cx, datagram, of, room, has_to_prove);
        if !is_released {
            return;
        }
        if let Some(request) = kept.request() {
            self.note_told(cx.now, client, request);
        }
        let about = (response.message_id(), kept.token());
        self.withheld.let_go(cx.now, client, server, about);
        let notifies = Facts::of(&response, &self.wants).observe;
        // A CON that comes again is known as one that its client hasn't acknowledged.
        let digest = (response.message_type() != Type::Confirmable)
            .then(|| self.exchanges.digest(kept.response()));
        self.exchanges
            .answered(cx.now, &answered, kept.asked(), notifies, false, digest);
    }

    /// A client has proved its address: what is withheld from it for that goes out, but for what it asks for once more
    /// (`is_asked`).
    pub(crate) fn release_proved<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        is_asked: impl Fn(&Kept) -> bool,
    ) {
        let client = datagram.bearing.client;
        while let Some(next) = self.probes.next_waiting(cx.now, client) {
            if let Some(kept) = self.withheld.waiting(cx.now, client, next)
                && !is_asked(&kept)
            {
                let kept = (next.0, &kept);
                self.release(cx, datagram, kept, Allowance::UNBOUNDED, false);
            }
        }
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
        let Some(message_id) = self.begin_proof(cx, datagram, about) else {
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
        let Some(portion) = first.or(whole).or_else(bare) else {
            return false;
        };
        let way = (kept.path(), cx.port);
        self.give_along(cx, datagram, way, Injected::Portion, &portion);
        if is_due {
            let digest = self.exchanges.digest(kept.response());
            let sent = Sent::new(cx.now, Kind::Response, true, kept.token(), digest);
            self.await_reply_to(cx, (server, client), response.message_id(), sent);
        }
        if is_first {
            self.note_begun(cx.now, kept.body());
        }
        let is_kept = response.code().class() == 2 && !kept.is_of_group();
        if is_kept {
            self.portions.keep(cx.now, kept.body(), kept.response());
        }
        true
    }
}

/// The message ID of the request that a response acknowledges, if it is piggybacked.
fn answered_by(response: &Message<'_>) -> Option<u16> {
    let is_piggybacked = response.message_type() == Type::Acknowledgement;
    is_piggybacked.then(|| response.message_id())
}
