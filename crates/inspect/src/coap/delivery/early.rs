//! Proofs that are asked for before there is anything that needs them.

use super::DECOY_LEN;
use crate::Sink;
use crate::coap::books::allowance::Allowance;
use crate::coap::books::budget::{Standing, Validation};
use crate::coap::exchange::Asked;
use crate::coap::exchange::parties::Server;
use crate::coap::proof::challenge::allowance;
use crate::coap::{Datagram, Tracker};
use crate::context::Context;

impl Tracker {
    /// Gives a response that there is room for in a message that its client has to acknowledge, if that will have to have proved
    /// its address: it takes no blocks, or is asked something back. Returns whether that takes the place of the response.
    pub(crate) fn deliver_early<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        asked: &Asked,
        standing: &Standing,
    ) -> bool {
        let client = datagram.bearing.client;
        let is_meant = (self.is_plain(cx.now, client)
            || self.asks_back(cx, datagram.bearing.server))
            && standing.validation != Validation::Fresh
            && !asked.trusted
            && asked.server == Server::One(datagram.bearing.server)
            && !datagram.is_notification()
            // Of a larger block than its client has asked for, that gets its own.
            && self.block_asked_for(datagram).is_none()
            && !self.has_gone_on(cx, datagram);
        if !is_meant {
            return false;
        }
        // The response stands in the books already.
        let room = allowance(cx.policy, None, standing, &datagram.arrival.layout);
        let whole = Allowance {
            alone: datagram.len(),
            before_decoy: datagram.len(),
        };
        room.alone >= DECOY_LEN && self.deliver(cx, datagram, None, whole)
    }
}
