//! Pings that bring the room for a response: a request of a few bytes isn't owed the smallest block of one.
//!
//! A `GET /` with a token of t bytes has 4 + t, and is owed 12 + 3t; header, token, Content-Format, Block2, marker
//! and 16 bytes of payload are 25 + t. Whoever waits for a response has its port open, and resets a ping that comes
//! there (RFC 7252 §4.3). A ping takes four bytes of its budget, and the reset, four bytes from its address, is worth
//! three times as much: so what is withheld from a client follows a round trip later, not when the client repeats its
//! request (2 to 3 s), which a NON never is. That proves nothing, and no more goes out than three bytes for each that
//! came. What else is to go to the client meanwhile, and has no room, waits with it; all that waits goes out once
//! something has proved its address: by its first messages a client may ask for several things at once.
//!
//! One that never asked resets pings too, if somebody forges requests from a port that it has open. Replies to
//! other messages earn nobody anything for that reason; so there are a few pings a minute for an endpoint ([`NUDGES`](super::probe::NUDGES)), no
//! more resets count, and none goes to the port of a service.

use wire::Direction;
use wire::coap::{Block, HEADER_LEN, Message, Type};

use super::answer::{Answer, Towards};
use super::challenge::allowance;
use crate::coap::books::allowance::Allowance;
use crate::coap::books::budget::Entry;
use crate::coap::books::size::Size;
use crate::coap::delivery::portion::{self, Envelope};
use crate::coap::delivery::release::Released;
use crate::coap::delivery::withheld::Kept;
use crate::coap::exchange::endpoint::{Endpoint, Token};
use crate::coap::exchange::sent::{Kind, Sent};
use crate::coap::{DEFAULT_RATIO, Datagram, Tracker};
use crate::context::Context;
use crate::{Injected, Instant, Sink};

/// Bytes that a ping earns beyond what it takes.
const GAIN: usize = HEADER_LEN * (DEFAULT_RATIO.ratio_milli as usize / 1000) - HEADER_LEN;

impl Tracker {
    /// Whether pings bring the room for the response that `datagram` is: one, if that is all that its client ever gets,
    /// for some hear but one (libcoap 4.3.1, which follows an Echo), as long as there is room for the challenge that
    /// would come instead.
    pub(crate) fn may_nudge<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        datagram: &Datagram<'_>,
        room: Allowance,
    ) -> bool {
        let message = datagram.message;
        let client = datagram.bearing.client;
        let challenge = Answer::challenge_len_min(message.token().len());
        let is_plain = self.is_for_plain(cx.now, datagram, room);
        // Towards the port of a service, a frame counts as a client's.
        datagram.arrival.direction == Direction::ToClient
            && self.takes_more(cx.now, client, message, room, is_plain)
            && (!is_all(message)
                || is_plain
                || begins_within(message, room.alone + GAIN)
                || room.alone < challenge)
    }

    /// Whether pings bring the room for all of what is withheld from a client that takes no blocks.
    pub(crate) fn may_nudge_for<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        client: Endpoint,
        kept: &Kept,
        room: Allowance,
    ) -> bool {
        self.keeps_whole(cx.now, client, kept, room)
            && !is_service(cx, client)
            && Message::decode(kept.response())
                .is_ok_and(|response| self.takes_more(cx.now, client, &response, room, true))
    }

    /// Whether it takes more pings, and there are enough, to bring the room for a response, or for its beginning: if
    /// possible, in a way that has to be acknowledged; for all of it, if its client takes no blocks (`is_plain`).
    fn takes_more(
        &self,
        now: Instant,
        client: Endpoint,
        response: &Message<'_>,
        room: Allowance,
        is_plain: bool,
    ) -> bool {
        if room.alone < HEADER_LEN {
            return false;
        }
        let left = self.probes.nudges_left(now, client);
        let takes = |fits: fn(&Message<'_>, usize) -> bool, room: usize| {
            (0..=left).find(|pings| fits(response, room + usize::from(*pings) * GAIN))
        };
        // Of what is separate, not every client asks for a second block.
        let is_separate = response.message_type() == Type::Confirmable;
        let pings = takes(is_whole_within, room.before_decoy)
            .or_else(|| takes(is_whole_within, room.alone).filter(|_| is_separate || is_plain))
            .or_else(|| takes(begins_within, room.alone).filter(|_| !is_plain));
        pings.is_some_and(|pings| pings > 0)
    }

    /// Withholds the block that a request asks for of a response kept, and that there is no room for: until its client
    /// has proved its address, if it is about to, or if there are pings that make room for the block. Returns whether it
    /// does.
    pub(crate) fn withhold_block<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        (body, asked): (u64, Block),
        room: Allowance,
    ) -> bool {
        let message = datagram.message;
        let (client, server) = (datagram.bearing.client, datagram.bearing.server);
        let smallest = Block {
            number: asked.number << asked.szx,
            more: false,
            szx: 0,
        };
        let Some(Ok(block)) =
            self.portions
                .block(cx.now, body, smallest, &Envelope::of_answer(message))
        else {
            return false;
        };
        if self
            .probes
            .awaits_reset(cx.now, client, (server, message.message_id()))
        {
            self.withheld.keep_block(cx.now, datagram, block);
            self.note_served(cx, datagram);
            return true;
        }
        let makes_room = !is_service(cx, client)
            && !self.probes.is_doubtful(cx.now, client)
            && Message::decode(&block)
                .is_ok_and(|block| self.takes_more(cx.now, client, &block, room, false));
        if !makes_room {
            return false;
        }
        self.withheld.keep_block(cx.now, datagram, block);
        self.note_served(cx, datagram);
        let about = (message.message_id(), datagram.token);
        let is_sent = self.nudge(cx, datagram, Towards::Sender, about);
        self.probes.wait(cx.now, client, (server, about.0));
        is_sent
    }

    /// Pings the client of a response that is withheld under a message ID and a token: one at a time. Returns whether it could be done.
    pub(crate) fn nudge<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        towards: Towards,
        (withheld, token): (u16, Token),
    ) -> bool {
        let Some(message_id) = self.probes.nudge(cx.now, datagram.bearing.client) else {
            return false;
        };
        let ping = Answer::ping(message_id);
        if !self.tell_client(cx, datagram, &ping, towards, Injected::Ping) {
            return false;
        }
        let sent = Sent::ours(cx.now, Kind::Nudge, token, Some(withheld));
        self.await_reply(cx, datagram, message_id, sent);
        true
    }

    /// Somebody has replied to a ping: what is withheld from it may go out now, or after the next one.
    pub(crate) fn hear_nudged<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        ping: &Sent,
    ) {
        let (client, server) = (datagram.bearing.client, datagram.bearing.server);
        if !self.probes.hears(cx.now, client) {
            return;
        }
        let standing = self.enter(cx, client, Entry::Credit, datagram.size());
        let Some(id) = ping.answers() else {
            return;
        };
        let about = (id, ping.token);
        let Some(kept) = self.withheld.of(cx.now, client, server, about) else {
            return;
        };
        let room = allowance(cx.policy, None, &standing, &datagram.arrival.layout);
        if kept.is_of_group() {
            self.ask_for_proof(cx, datagram, (server, &kept), cx.port, room);
            return;
        }
        let is_plain = self.keeps_whole(cx.now, client, &kept, room);
        let goes_on = Message::decode(kept.response()).is_ok_and(|response| {
            let is_due = match response.message_type() {
                _ if is_plain => is_whole_within(&response, room.before_decoy),
                Type::Confirmable => is_whole_within(&response, room.alone),
                _ => is_all(&response) && begins_within(&response, room.alone),
            };
            !is_due && self.takes_more(cx.now, client, &response, room, is_plain)
        });
        if goes_on {
            self.nudge(cx, datagram, Towards::Sender, about);
            return;
        }
        match self.release(cx, datagram, (server, &kept), room, true) {
            Released::Probe => {}
            Released::Something => self.nudge_next(cx, datagram),
            Released::Nothing => {
                self.probes.wait(cx.now, client, (server, id));
            }
        }
    }

    /// Nothing has gone out that the client has to reply to: what waits for its proof is what it is pinged for now.
    fn nudge_next<S: Sink>(&self, cx: &mut Context<'_, S>, datagram: &Datagram<'_>) {
        let client = datagram.bearing.client;
        let Some(next) = self.probes.next_waiting(cx.now, client) else {
            return;
        };
        let Some(kept) = self.withheld.waiting(cx.now, client, next) else {
            return;
        };
        let (server, id) = next;
        let standing = self.enter(cx, client, Entry::Credit, Size::default());
        let room = allowance(cx.policy, None, &standing, &datagram.arrival.layout);
        let about = (id, kept.token());
        let is_plain = self.keeps_whole(cx.now, client, &kept, room);
        let is_pinged = server == datagram.bearing.server
            && Message::decode(kept.response())
                .is_ok_and(|response| self.takes_more(cx.now, client, &response, room, is_plain))
            && self.nudge(cx, datagram, Towards::Sender, about);
        if is_pinged || self.release(cx, datagram, (server, &kept), room, true) == Released::Nothing
        {
            self.probes.wait(cx.now, client, next);
        }
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
}

/// Whether `endpoint` has the port of a service, which resets pings whether it has asked for something or not.
pub(crate) fn is_service<S: Sink>(cx: &Context<'_, S>, endpoint: Endpoint) -> bool {
    let services = cx.policy.services().over_udp();
    services
        .iter()
        .any(|(ports, _)| ports.contains(&endpoint.port))
}

/// Whether all of a response fits into so many bytes.
fn is_whole_within(response: &Message<'_>, room: usize) -> bool {
    portion::whole(response, &as_it_is(response, room)).is_some()
}

/// Whether a block of a response fits into so many bytes, or all of it.
fn begins_within(response: &Message<'_>, room: usize) -> bool {
    portion::first_block(response, &as_it_is(response, room)).is_some()
        || is_whole_within(response, room)
}

/// Whether nobody asks for a response again.
fn is_all(response: &Message<'_>) -> bool {
    response.message_type() == Type::NonConfirmable && response.block2().is_none()
}

fn as_it_is<'m>(response: &Message<'m>, room: usize) -> Envelope<'m> {
    Envelope {
        message_type: response.message_type(),
        message_id: response.message_id(),
        token: response.token(),
        room,
    }
}
