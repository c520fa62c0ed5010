//! Requests that a server sends to an address which has asked it something: a resource directory reads
//! what has registered with it (RFC 9176 §5.1), a LwM2M server writes to a device. The first request may
//! have been forged, so what it draws counts towards that address's budget, retransmissions included.
//! Whoever has asked nothing lately is asked by the server's own will, and that counts for nobody.
//!
//! An address that answers such requests is spared: a stranger has no success to tell of, but in discovery,
//! and the one who forges an answer would have to guess 32 bits. That says nothing of what the address itself asks for, so
//! it isn't validated by it. A request that is too large is held. That something resets a ping at an address wouldn't tell
//! that it has asked: a CoAP endpoint that is somebody's victim does so, too. So a server that asks back more than there is
//! room for is remembered, and what it answers to addresses that have proved nothing goes out in a message to be
//! acknowledged ([`early`](crate::coap::delivery::early)), as far as there is room for that: by what it asks next, or by
//! the time it asks again, they have proved themselves.

use policy::{Action, Limit, RuleIndex, Subject};
use wire::Direction;
use wire::coap::{Message, Type};

use super::bearing::Bearing;
use super::endpoint::{Address, Endpoint};
use crate::coap::books::budget::{Entry, Validation};
use crate::coap::books::meters::{Books, Promise, counted};
use crate::coap::exchange::Asked;
use crate::coap::lately::Lately;
use crate::coap::{Datagram, Tracker};
use crate::context::Context;
use crate::{Limits, Outcome, Seed, Sink};

/// How long after a request of its own an address may owe to it what it is asked, in seconds: as long as
/// a budget usually reaches back.
const DRAWN_S: i32 = 60;
/// How long an address that answers a server is spared, in seconds: as long as a proof lasts.
const SPARED_S: i32 = 30 * 60;
/// How long a server is remembered for having asked back, in seconds: a device registers once in that time at the least
/// (LwM2M 1.2 §6.2.3 has a day as the usual lifetime).
const ASKING_S: i32 = 2 * 86_400;
/// Bytes of token and message ID that nobody guesses.
const SECRET_LEN: usize = 4;

/// Who has asked whom, who has answered whom, and which servers ask back.
#[derive(Debug)]
pub(crate) struct Counters {
    drawn: Lately<(Address, Address), DRAWN_S>,
    spared: Lately<(Address, Address), SPARED_S>,
    asking: Lately<Endpoint, ASKING_S>,
}

impl Counters {
    pub(crate) fn new(limits: &Limits, seed: &Seed) -> Self {
        Self {
            drawn: Lately::new(limits.endpoints, seed.hash_seed("coap.drawn")),
            spared: Lately::new(limits.endpoints, seed.hash_seed("coap.spared")),
            asking: Lately::new(limits.endpoints / 256, seed.hash_seed("coap.asking")),
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

    /// Whether a server has asked back lately, more than there was room for.
    pub(crate) fn asks_back<S: Sink>(&self, cx: &Context<'_, S>, server: Endpoint) -> bool {
        self.counters.asking.is_noted(cx.now, server)
    }

    /// Charges what a server asks of an address that may have drawn it (`is_drawn`). The outcome is there if that is
    /// more than the budget allows.
    #[cold]
    pub(crate) fn charge_drawn<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        subject: &Subject<'_>,
    ) -> Option<Outcome> {
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
        if ruling.action == Action::Accept && ruling.rule.is_some() {
            // A rule that lets it through says that it wasn't forged.
            self.enter(cx, addressee, Entry::Refund, size);
            return None;
        }
        if !ruling.action.stops() || !is_by_ratio(cx, ruling.rule) {
            return None;
        }
        let counted = counted(cx.policy, ruling.rule, &standing);
        if ruling.enforced {
            self.enter(cx, addressee, Entry::Refund, size);
            self.counters.asking.note(cx.now, datagram.bearing.client);
        }
        let outcome = cx.overrule(datagram.arrival, &towards, ruling, counted, None);
        ruling.enforced.then_some(outcome)
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
