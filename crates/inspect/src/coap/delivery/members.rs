//! What the members of a group answer to a client that has proved nothing (RFC 7252 §8.2).
//!
//! One request draws as many responses as there are members, and what it is owed is hardly enough for one. So the first
//! that there is no room for is withheld, and its client challenged, once a request, in a message to be acknowledged: who
//! follows no Echo acknowledges that all the same, and has proved its address once it has reset a decoy. All other
//! responses wait with the first, and go out whole. In blocks none of them comes: of several answers under one token,
//! libcoap 4.3.1 loses the others for the one that it goes on with.
//!
//! A client follows a challenge at the group, or at the one that it came from: whichever it is, nothing of what waits
//! depends on being asked for again.

use policy::RuleIndex;
use wire::coap::{Message, Type, encode};

use super::portion::Envelope;
use super::withheld::Kept;
use super::{KEPT_BYTES, TOKEN_LEN_MAX, takes_any_proof};
use crate::coap::books::allowance::Allowance;
use crate::coap::exchange::Asked;
use crate::coap::exchange::endpoint::Endpoint;
use crate::coap::exchange::parties::{Parties, Server};
use crate::coap::exchange::sent::{Kind, Sent};
use crate::coap::proof::answer::{Answer, Towards};
use crate::coap::proof::challenge::Reply;
use crate::coap::{Datagram, Tracker};
use crate::context::Context;
use crate::{Injected, Instant, Port, Sink};

impl Tracker {
    /// Whether a response may answer a request to a group, too.
    pub(crate) fn answers_group(&self, now: Instant, datagram: &Datagram<'_>) -> bool {
        let response = datagram.bearing.response(datagram.message, datagram.token);
        self.exchanges.answers_group(now, &response)
    }

    /// Sees to a member's response that there is no room for. Returns what was sent for it.
    pub(crate) fn answer_of_member<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        asked: &Asked,
        rule: Option<RuleIndex>,
        room: Allowance,
    ) -> Option<Injected> {
        let message = datagram.message;
        let server = datagram.bearing.server;
        let is_fit = message.token().len() <= TOKEN_LEN_MAX
            && message.message_type() != Type::Acknowledgement;
        let kept = Kept::once(datagram, asked).filter(|_| is_fit)?;
        if datagram.len() <= KEPT_BYTES && message.code().class() == 2 {
            self.withhold_member(cx, datagram, asked, &kept);
        }
        let response = datagram.bearing.response(message, datagram.token);
        if self.probes.may_wait(cx.now, response.client, false)
            || !self
                .exchanges
                .challenge_once(cx.now, &response, asked.server)
        {
            return None;
        }
        let way_out = cx.port.opposite();
        if !takes_any_proof(cx, rule) || self.probes.is_doubtful(cx.now, response.client) {
            let in_place = Envelope::in_place(message, room.alone);
            let challenge = self.cookie_for(cx.now, response.client, &in_place)?;
            let is_sent =
                self.tell_client(cx, datagram, &challenge, Towards::Receiver, Injected::Echo);
            return is_sent.then_some(Injected::Echo);
        }
        self.ask_for_proof(cx, datagram, (server, &kept), way_out, room)
    }

    /// Keeps a member's response for the proof of its client's address.
    fn withhold_member<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        asked: &Asked,
        kept: &Kept,
    ) {
        let message_id = datagram.message.message_id();
        let (client, server) = (datagram.bearing.client, datagram.bearing.server);
        if !self.probes.wait(cx.now, client, (server, message_id)) {
            return;
        }
        let parties = Parties::new(server, client, message_id);
        self.withheld.keep(cx.now, parties, kept);
        self.record(cx, datagram, Server::One(client), Kind::Response);
        // A CON comes again until it is acknowledged, which it is when it goes out.
        if datagram.message.message_type() == Type::NonConfirmable {
            self.note_answer(cx, datagram, asked);
        }
    }

    /// Asks a client for the proof of its address in the place of a member's response: with a challenge in a message to
    /// be acknowledged. Returns what was sent.
    pub(crate) fn ask_for_proof<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        (server, kept): (Endpoint, &Kept),
        way_out: Port,
        room: Allowance,
    ) -> Option<Injected> {
        let response = Message::decode(kept.response()).ok()?;
        let client = datagram.bearing.client;
        let ours = Envelope::to_acknowledge(&response, room);
        let Some(challenge) = self.cookie_for(cx.now, client, &ours) else {
            return self.challenge_plainly(cx, datagram, kept, way_out, room);
        };
        let about = (response.message_id(), kept.token());
        let message_id = self.begin_proof(cx, datagram, about)?;
        let mut challenge = challenge.encode();
        encode::set_message_id(&mut challenge, message_id);
        let probe = Sent::ours(cx.now, Kind::Probe, kept.token(), None);
        self.await_reply_to(cx, (server, client), message_id, probe);
        let way = (kept.path(), way_out);
        self.give_along(cx, datagram, way, Injected::Echo, &challenge)
            .then_some(Injected::Echo)
    }

    /// Challenges a client in the place of a member's response, in a message that proves nothing.
    fn challenge_plainly<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        kept: &Kept,
        way_out: Port,
        room: Allowance,
    ) -> Option<Injected> {
        let response = Message::decode(kept.response()).ok()?;
        let client = datagram.bearing.client;
        let in_place = Envelope {
            message_type: Type::NonConfirmable,
            ..Envelope::in_place(&response, room.alone)
        };
        let challenge = self.cookie_for(cx.now, client, &in_place)?.encode();
        let way = (kept.path(), way_out);
        self.give_along(cx, datagram, way, Injected::Echo, &challenge)
            .then_some(Injected::Echo)
    }

    /// A challenge in an envelope, if there is room for it.
    fn cookie_for<'e>(
        &self,
        now: Instant,
        client: Endpoint,
        envelope: &Envelope<'e>,
    ) -> Option<Answer<'e>> {
        let reply = Reply {
            message_type: envelope.message_type,
            message_id: envelope.message_id,
            token: envelope.token,
            towards: Towards::Receiver,
            room: envelope.room,
        };
        self.challenge_in(now, client, &reply)
    }

    /// A client has proved its address by a cookie: what waits for that goes out, but for what the server is asked for
    /// once more.
    pub(crate) fn release_asked<S: Sink>(&self, cx: &mut Context<'_, S>, datagram: &Datagram<'_>) {
        if self.withheld.is_empty() {
            return;
        }
        let asked = datagram.bearing.addressee();
        self.release_proved(cx, datagram, |kept| {
            matches!(asked, Server::One(_))
                && kept.asked() == asked
                && kept.token() == datagram.token
        });
    }
}
