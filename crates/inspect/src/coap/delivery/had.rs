//! Responses that come again to a client that had them before, and resets them: it has forgotten that (aiocoap 0.4.17,
//! node-coap 1.5.0).
//!
//! What got lost is its acknowledgement, which it won't send any more, or what came of that. The reset of a repetition is
//! no sign of one that never asked: that one resets the first, too.

use crate::coap::books::budget::Entry;
use crate::coap::books::size::Size;
use crate::coap::exchange::sent::Sent;
use crate::coap::proof::answer::{Answer, Towards};
use crate::coap::proof::challenge::allowance;
use crate::coap::proof::probe::DECOY_LEN;
use crate::coap::{Datagram, Tracker};
use crate::context::Context;
use crate::{Injected, Sink};

impl Tracker {
    /// A client resets a response of ours that was sent again. If it acknowledged that, the decoy comes again; else its
    /// request is acknowledged, so that it goes on: what it asks for next, it may acknowledge.
    pub(crate) fn note_had<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        probe: &Sent,
    ) {
        let client = datagram.bearing.client;
        let standing = self.enter(cx, client, Entry::Credit, Size::default());
        let room = allowance(cx.policy, None, &standing, &datagram.arrival.layout).alone;
        if room < DECOY_LEN {
            return;
        }
        if self.probes.has_acknowledged(cx.now, client) {
            self.send_decoy(cx, datagram, probe);
        } else if let Some(request) = probe.answers() {
            let ack = Answer::acknowledge(request);
            self.tell_client(cx, datagram, &ack, Towards::Sender, Injected::Portion);
        }
    }
}
