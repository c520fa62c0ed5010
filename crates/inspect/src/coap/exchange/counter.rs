//! Requests that a server sends to an address which has asked it something: a resource directory reads
//! what has registered with it (RFC 9176 §5.1), a LwM2M server writes to a device. The first request may
//! have been forged, so what it draws counts towards that address's budget, retransmissions included.
//! Whoever has asked nothing lately is asked by the server's own will, and that counts for nobody.
//!
//! An address that answers such requests is spared: a stranger has no success to tell of, but in discovery,
//! and the one who forges an answer would have to guess 32 bits. That says nothing of what the address itself asks for, so
//! it isn't validated by it. A request that is too large is held, and the gateway pings first: where no
//! service is, only somebody who has opened that port resets what comes there (RFC 7252 §4.3), under a
//! message ID that one can't guess. By the time the request is sent again, the way is free; one that isn't goes out then
//! ([`knocked`](crate::coap::delivery::knocked)).

use policy::{Limit, RuleIndex, Subject};
use wire::Direction;
use wire::coap::{HEADER_LEN, Message, Type};

use super::bearing::{Bearing, Role};
use super::endpoint::Address;
use super::parties::Server;
use super::sent::{Kind, Sent};
use crate::coap::books::budget::{Entry, Standing, Validation};
use crate::coap::books::meters::{Books, Promise, counted};
use crate::coap::exchange::Asked;
use crate::coap::lately::Lately;
use crate::coap::proof::answer::{Answer, Towards};
use crate::coap::proof::challenge::allowance;
use crate::coap::{Datagram, Tracker};
use crate::context::Context;
use crate::{Injected, LimitKind, Limits, Outcome, Seed, Sink};

/// How long after a request of its own an address may owe to it what it is asked, in seconds: as long as
/// a budget usually reaches back.
const DRAWN_S: i32 = 60;
/// How long an address that answers a server is spared, in seconds: as long as a proof lasts.
const SPARED_S: i32 = 30 * 60;
/// Bytes of token and message ID that nobody guesses.
const SECRET_LEN: usize = 4;

/// Who has asked whom, and who has answered whom.
#[derive(Debug)]
pub(crate) struct Counters {
    drawn: Lately<(Address, Address), DRAWN_S>,
    spared: Lately<(Address, Address), SPARED_S>,
}

impl Counters {
    pub(crate) fn new(limits: &Limits, seed: &Seed) -> Self {
        Self {
            drawn: Lately::new(limits.endpoints, seed.hash_seed("coap.drawn")),
            spared: Lately::new(limits.endpoints, seed.hash_seed("coap.spared")),
        }
    }
}

impl Tracker {
    /// An address that has proved nothing sends a request on to its server, or to a group of them.
    #[inline]
    pub(crate) fn note_asking<S: Sink>(&self, cx: &Context<'_, S>, datagram: &Datagram<'_>) {
        let bearing = datagram.bearing;
        let server = bearing.addressee().endpoint().address;
        let pair = (bearing.client.address, server);
        self.counters.drawn.note(cx.now, pair);
    }

    /// A response goes on to the one who asked.
    pub(crate) fn note_answering<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        datagram: &Datagram<'_>,
        asked: &Asked,
    ) {
        let (bearing, message) = (datagram.bearing, datagram.message);
        let is_telling = message.code().class() == 2 && !asked.asks_anybody;
        if is_telling && secret_len(message) >= SECRET_LEN {
            let pair = (bearing.server.address, bearing.client.address);
            self.counters.spared.note(cx.now, pair);
        }
    }

    /// Charges what a server asks of an address that may have drawn it (`is_drawn`). The outcome is there if that is
    /// more than the budget allows, and whether it is kept to go out later.
    #[cold]
    pub(crate) fn charge_drawn<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        subject: &Subject<'_>,
    ) -> Option<(Outcome, bool)> {
        let (addressee, size) = (datagram.bearing.server, datagram.size());
        let standing = self.enter(cx, addressee, Entry::Charge, size);
        if standing.validation != Validation::None {
            self.enter(cx, addressee, Entry::Refund, size);
            return None;
        }
        // What was detected on the request has been told already.
        let towards = Subject {
            direction: Direction::ToClient,
            reasons: &[],
            address_validated: false,
            ..*subject
        };
        let mut books = Books::new(cx.policy, &standing, Promise::Nothing);
        let timed = cx.timed(&towards).unwrap_or(towards);
        let ruling = cx.policy.decide(&timed, &mut books, &mut |_| {});
        if !ruling.action.stops() || !is_by_ratio(cx, ruling.rule) {
            return None;
        }
        let counted = counted(cx.policy, ruling.rule, &standing);
        let mut is_kept = false;
        if ruling.enforced {
            let standing = self.enter(cx, addressee, Entry::Refund, size);
            is_kept = self.knock(cx, datagram, ruling.rule, &standing)
                && datagram.bearing.role.is_request()
                && self.keep_knocked(cx, datagram);
        }
        let outcome = cx.overrule(datagram.arrival, &towards, ruling, counted, None);
        ruling.enforced.then_some((outcome, is_kept))
    }

    /// Whether a message to an address may have been drawn by what that has asked. One that was on its way before, and comes
    /// again, isn't.
    #[inline]
    pub(crate) fn is_drawn<S: Sink>(&self, cx: &Context<'_, S>, datagram: &Datagram<'_>) -> bool {
        let Bearing { client, server, .. } = *datagram.bearing;
        let counters = &self.counters;
        let has_asked = |whom| counters.drawn.is_noted(cx.now, (server.address, whom));
        (has_asked(client.address) || has_asked(Address::ANY))
            && !datagram.bearing.is_to_group
            && !counters
                .spared
                .is_noted(cx.now, (server.address, client.address))
            && !self.is_of_own_will(cx, datagram)
    }

    fn is_of_own_will<S: Sink>(&self, cx: &Context<'_, S>, datagram: &Datagram<'_>) -> bool {
        let Bearing { client, server, .. } = *datagram.bearing;
        let id = datagram.message.message_id();
        let before = self.exchanges.sent(cx.now, client, server, id);
        before.is_some_and(|sent| sent.is_of_own_will(datagram.digest))
    }

    /// Pings, in the server's name, an address that its request is too large for: unless a service may
    /// be there, which resets a ping whether it has asked for something or not. Returns whether it does.
    fn knock<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        rule: Option<RuleIndex>,
        standing: &Standing,
    ) -> bool {
        let bearing = datagram.bearing;
        let (server, addressee) = (bearing.client, bearing.server);
        if datagram.arrival.direction == Direction::ToServer
            || allowance(cx.policy, rule, standing, &datagram.arrival.layout).alone < HEADER_LEN
        {
            return false;
        }
        let Some(message_id) = self.probes.knock(cx.now, addressee) else {
            return false;
        };
        let ping = Answer::ping(message_id);
        if !ping.send(cx, datagram.frame, Towards::Receiver, Injected::Ping) {
            return false;
        }
        self.enter(cx, addressee, Entry::Charge, datagram.own_size(ping.len()));
        let sent = Sent::ours(cx.now, Kind::Knock, datagram.token, None);
        let to = Server::One(addressee);
        if self.exchanges.note(cx.now, server, to, message_id, sent).1 {
            cx.limit(LimitKind::Exchanges);
        }
        true
    }

    /// Somebody has replied to a ping of ours.
    pub(crate) fn open_door<S: Sink>(&self, cx: &mut Context<'_, S>, datagram: &Datagram<'_>) {
        debug_assert!(matches!(datagram.bearing.role, Role::Reply(Some(_))));
        let Bearing { client, server, .. } = *datagram.bearing;
        if self.probes.pass(cx.now, client) {
            let pair = (client.address, server.address);
            self.counters.spared.note(cx.now, pair);
            self.release_knocked(cx, datagram);
        }
    }
}

/// Bytes of a response that only the one who got the request knows.
fn secret_len(response: &Message<'_>) -> usize {
    let is_piggybacked = response.message_type() == Type::Acknowledgement;
    response.token().len() + if is_piggybacked { 2 } else { 0 }
}

fn is_by_ratio<S>(cx: &Context<'_, S>, rule: Option<RuleIndex>) -> bool {
    let rule = rule.and_then(|rule| cx.policy.rules().get(rule.as_usize()));
    rule.is_some_and(|rule| matches!(rule.limit, Some(Limit::Ratio(_))))
}
