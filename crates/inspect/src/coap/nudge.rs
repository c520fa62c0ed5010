//! Pings that bring the room for a response: a request of a few bytes isn't owed the smallest block of one.
//!
//! A `GET /` with a token of t bytes has 4 + t, and is owed 12 + 3t; header, token, Content-Format, Block2, marker
//! and 16 bytes of payload are 25 + t. Whoever waits for a response has its port open, and resets a ping that comes
//! there (RFC 7252 §4.3). A ping takes four bytes of its budget, and the reset, four bytes from its address, is worth
//! three times as much: so what is withheld from a client follows a round trip later, not when the client repeats its
//! request (2 to 3 s), which a NON never is. That proves nothing, and no more goes out than three bytes for each that
//! came.
//!
//! One that never asked resets pings too, if somebody forges requests from a port that it has open. Replies to
//! other messages earn nobody anything for that reason; so there are [`NUDGES`] pings a minute for an endpoint, no
//! more resets count, and none goes to the port of a service.

use wire::Direction;
use wire::coap::{Block, Code, HEADER_LEN, Message, Type};

use super::answer::{Answer, Towards};
use super::budget::Entry;
use super::challenge::allowance;
use super::endpoint::Endpoint;
use super::portion::{self, Envelope};
use super::probe::{DECOY_LEN, NUDGES};
use super::sent::{Kind, Sent};
use super::{DEFAULT_RATIO, Datagram, Tracker};
use crate::context::Context;
use crate::{Injected, Instant, Sink};

/// Bytes that a ping earns beyond what it takes.
const GAIN: usize = HEADER_LEN * (DEFAULT_RATIO.ratio_milli as usize / 1000) - HEADER_LEN;

impl Tracker {
    /// How many pings bring the room for the response that `datagram` is.
    pub(super) fn nudges<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        datagram: &Datagram<'_>,
        room: usize,
    ) -> Option<u8> {
        // Towards the port of a service, a frame counts as a client's.
        let is_to_service = datagram.arrival.direction == Direction::ToServer;
        (!is_to_service)
            .then(|| self.nudges_for(cx.now, datagram.bearing.client, datagram.message, room))
            .flatten()
    }

    /// How many pings bring the room for a response that is to be withheld, or for its beginning, where `room` isn't
    /// enough: if possible, in a way that has to be acknowledged. None, if so many can't be sent.
    fn nudges_for(
        &self,
        now: Instant,
        client: Endpoint,
        response: &Message<'_>,
        room: usize,
    ) -> Option<u8> {
        let left = self.probes.nudges_left(now, client);
        let most = left.min((room / HEADER_LEN).try_into().unwrap_or(NUDGES));
        let enough = |fits: fn(&Message<'_>, usize) -> bool| {
            (1..=most).find(|count| fits(response, room + usize::from(*count) * GAIN))
        };
        enough(proves_within).or_else(|| enough(begins_within))
    }

    /// Withholds the block that a request asks for of a response kept, and that there is no room for, if its client has
    /// been pinged before, and there are pings that make room for it. Returns whether it does.
    pub(super) fn withhold_block<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        (body, asked): (u64, Block),
        room: usize,
    ) -> bool {
        let (message, client) = (datagram.message, datagram.bearing.client);
        if !self.probes.has_nudged(cx.now, client) || self.probes.is_doubtful(cx.now, client) {
            return false;
        }
        let envelope = Envelope {
            message_type: match message.message_type() {
                Type::Confirmable => Type::Acknowledgement,
                _ => Type::NonConfirmable,
            },
            message_id: message.message_id(),
            token: message.token(),
            room: usize::MAX,
        };
        let smallest = Block {
            number: asked.number << asked.szx,
            more: false,
            szx: 0,
        };
        let Some(Ok(block)) = self.portions.block(cx.now, body, smallest, &envelope) else {
            return false;
        };
        let nudges = Message::decode(&block)
            .ok()
            .and_then(|block| self.nudges_for(cx.now, client, &block, room));
        let Some(count) = nudges else {
            return false;
        };
        self.withheld.keep_block(cx.now, datagram, block);
        self.nudge(cx, datagram, Towards::Sender, count)
    }

    /// Pings the client of a response that is withheld, `count` times. Returns whether it could be done.
    pub(super) fn nudge<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        towards: Towards,
        count: u8,
    ) -> bool {
        (0..count).all(|_| self.ping(cx, datagram, towards))
    }

    fn ping<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        towards: Towards,
    ) -> bool {
        let Some(message_id) = self.probes.nudge(cx.now, datagram.bearing.client) else {
            return false;
        };
        let ping = Answer {
            message_type: Type::Confirmable,
            code: Code::EMPTY,
            message_id,
            token: &[],
            echo: None,
        };
        if !self.tell_client(cx, datagram, &ping, towards, Injected::Ping) {
            return false;
        }
        let answers = Some(datagram.message.message_id());
        let sent = Sent::ours(cx.now, Kind::Nudge, datagram.token, answers);
        self.await_reply(cx, datagram, message_id, sent);
        true
    }

    /// Somebody has reset a ping: what is withheld from it may go out now.
    pub(super) fn hear_nudged<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        ping: &Sent,
    ) {
        let (client, server) = (datagram.bearing.client, datagram.bearing.server);
        if !self.probes.hears(cx.now, client) {
            return;
        }
        let standing = self.enter(cx, client, Entry::Credit, HEADER_LEN);
        let kept = ping
            .answers()
            .and_then(|id| self.withheld.of(cx.now, client, server, (id, ping.token)));
        if let Some(kept) = kept {
            let room = allowance(cx.policy, None, &standing);
            self.release(cx, datagram, &kept, room, true);
        }
    }
}

/// Whether a response fits into so many bytes in a way that has to be acknowledged, and what comes after that.
fn proves_within(response: &Message<'_>, room: usize) -> bool {
    portion::whole(
        response,
        &as_it_is(response, room.saturating_sub(DECOY_LEN)),
    )
    .is_some()
}

/// Whether a block of a response fits into so many bytes, or all of it.
fn begins_within(response: &Message<'_>, room: usize) -> bool {
    let envelope = as_it_is(response, room);
    portion::first_block(response, &envelope).is_some()
        || portion::whole(response, &envelope).is_some()
}

fn as_it_is<'m>(response: &Message<'m>, room: usize) -> Envelope<'m> {
    Envelope {
        message_type: response.message_type(),
        message_id: response.message_id(),
        token: response.token(),
        room,
    }
}
