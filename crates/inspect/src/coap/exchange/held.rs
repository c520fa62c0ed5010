//! What a client's requests hold at once, as rules with a `max` count it.

use policy::Subject;
use wire::coap::Type;

use super::bearing::Role;
use super::sent::Kind;
use crate::coap::exchange::Request;
use crate::coap::{Datagram, Tracker};
use crate::context::Context;
use crate::holdings::{Room, Share};

impl Tracker {
    /// The room for what a message would open, where rules ask and it is a request.
    pub(crate) fn room<'c, S>(
        &self,
        cx: &Context<'c, S>,
        datagram: &Datagram<'_>,
    ) -> Option<Room<'c>>
    where
        S: crate::Sink,
    {
        if cx.policy.held_per().is_empty() || !datagram.bearing.role.is_request() {
            return None;
        }
        let opens = self.exchanges.opens(cx.now, &datagram.request());
        Some(cx.room(datagram.arrival, opens, None))
    }

    /// A request goes on to its server.
    pub(crate) fn hold<S>(
        &self,
        cx: &Context<'_, S>,
        datagram: &Datagram<'_>,
        subject: &Subject<'_>,
        request: &Request,
    ) {
        if cx.policy.held_per().is_empty() {
            return;
        }
        let arrival = datagram.arrival;
        let (flow, _) = arrival.carrier.key(cx.port.link, &arrival.endpoints);
        let keys = cx.holdings.keys(cx.policy, subject, &flow);
        let share = Share::new(cx.holdings, cx.generation, keys);
        self.exchanges.hold(cx.now, request, share);
    }

    /// A request that its server resets gets no answer (RFC 7252 §4.2); after an acknowledgement, the answer may take
    /// any time (§5.2.2).
    pub(crate) fn note_reply<S>(&self, cx: &Context<'_, S>, datagram: &Datagram<'_>) {
        let bearing = datagram.bearing;
        if let Role::Reply(Some(sent)) = bearing.role
            && sent.kind == Kind::Request
        {
            let (client, server) = (bearing.client, bearing.server);
            match datagram.message.message_type() {
                Type::Reset => self.exchanges.end(cx.now, client, server, sent.token),
                _ => {
                    self.exchanges.promise(cx.now, client, server, sent.token);
                    self.ledger.promise(cx.now, client);
                }
            }
        }
    }
}

impl Datagram<'_> {
    /// The request that it is, as far as it says so itself.
    #[inline]
    pub(crate) fn request(&self) -> Request {
        Request {
            client: self.bearing.client,
            server: self.bearing.addressee(),
            token: self.token,
            message_id: self.message.message_id(),
            observe: self.facts.asks_to_observe(),
            trusted: false,
            asks_anybody: self.facts.asks_anybody(),
            resource: None,
            body: 0,
            act: None,
            offset: self.facts.offset(),
            enlarged: None,
            confirmable: self.message.message_type() == Type::Confirmable,
            uploads: self.facts.uploads,
            draws_several: self.facts.draws_several,
            size: self.size(),
        }
    }
}
