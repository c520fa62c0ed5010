//! What becomes of a response to somebody who has proved nothing, if there is no room for it: whatever else there is goes
//! before a challenge, which not every client follows.

use std::ops::ControlFlow;

use policy::RuleIndex;
use wire::coap::Type;

use crate::coap::books::allowance::Allowance;
use crate::coap::exchange::bearing::Role;
use crate::coap::exchange::observation::Sequence;
use crate::coap::{Datagram, Tracker};
use crate::context::Context;
use crate::{Injected, Instant, Sink};

impl Tracker {
    /// Sees to a response in some other way than by a challenge, if there is one: what was sent for it.
    pub(crate) fn give_instead<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        rule: Option<RuleIndex>,
        room: Allowance,
    ) -> ControlFlow<Option<Injected>> {
        if self.is_idle_repetition(cx, datagram) {
            return ControlFlow::Break(None);
        }
        if datagram.is_notification() && self.awaits_proof(cx, datagram) {
            // Whatever the client misses till then comes again, or is out of date by the next one;
            // a reset would end what it has registered for.
            return ControlFlow::Break(None);
        }
        self.learn(cx, datagram);
        if !self.has_gone_on(cx, datagram) && self.deliver(cx, datagram, rule, room) {
            return ControlFlow::Break(Some(Injected::Portion));
        }
        let is_confirmable = datagram.message.message_type() == Type::Confirmable;
        if is_confirmable && self.is_retransmission(cx, datagram) {
            return ControlFlow::Break(self.give_again(cx, datagram, rule, room));
        }
        if self.is_early(cx, datagram, rule) || self.give_later(cx, datagram, rule) {
            return ControlFlow::Break(None);
        }
        if self.is_for_plain(cx.now, datagram, room) {
            // What it asks for next may have room.
            return ControlFlow::Break(None);
        }
        match self.tell_failure(cx, datagram, room) {
            true => ControlFlow::Break(Some(Injected::Portion)),
            false => ControlFlow::Continue(()),
        }
    }

    /// Withholds a response until its client has made room for it by asking again, or has proved its address. Returns
    /// whether it does.
    fn give_later<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        rule: Option<RuleIndex>,
    ) -> bool {
        let (message, bearing) = (datagram.message, datagram.bearing);
        let is_separate = message.message_type() != Type::Acknowledgement;
        // What its client may have got isn't given in a message of its own.
        let is_again = datagram.is_known_answer() || is_overtaken(cx.now, datagram);
        let may_wait = !is_again && self.probes.may_wait(cx.now, bearing.client, is_separate);
        let is_withheld = self.withhold(cx, datagram, rule, may_wait);
        // If it comes again, it is there for the one who asks again, and hasn't got it.
        if is_withheld && !is_again {
            let waiting = (bearing.server, message.message_id());
            self.probes.wait(cx.now, bearing.client, waiting);
        }
        is_withheld
    }
}

/// Whether it is the answer to a registration that was overtaken by a notification: its client has a newer state.
fn is_overtaken(now: Instant, datagram: &Datagram<'_>) -> bool {
    let Role::Response(Some(asked)) = &datagram.bearing.role else {
        return false;
    };
    let place = datagram.notifies().zip(asked.latest);
    datagram.message.message_type() == Type::Acknowledgement
        && place.is_some_and(|(number, latest)| Sequence::new(now, number).is_before(latest))
}
