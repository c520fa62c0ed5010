//! CONs that come again because nobody has acknowledged them, to clients that have proved nothing and are owed no more.
//!
//! What stood for a response may have got lost, or the response itself, or only its acknowledgement. So whatever goes
//! out now is the same message for its client: one that has got it acknowledges it again, and does nothing else (RFC 7252
//! §4.2).

use policy::RuleIndex;
use wire::coap::Type;

use super::portion::{self, Envelope};
use super::{KEPT_BYTES, TOKEN_LEN_MAX, takes_any_proof};
use crate::coap::books::allowance::Allowance;
use crate::coap::exchange::Asked;
use crate::coap::exchange::bearing::Role;
use crate::coap::exchange::sent::Kind;
use crate::coap::proof::answer::Towards;
use crate::coap::{Datagram, Tracker};
use crate::context::Context;
use crate::{Injected, Sink};

impl Tracker {
    /// In what form a response that comes again went to its client before, if that wasn't its own: under its message ID, or
    /// as a CON of ours.
    pub(crate) fn form_before<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        datagram: &Datagram<'_>,
    ) -> Option<Kind> {
        let bearing = datagram.bearing;
        let id = datagram.message.message_id();
        if datagram.message.message_type() == Type::Acknowledgement {
            return datagram.is_known_answer().then_some(Kind::Replaced);
        }
        let sent = self
            .exchanges
            .sent(cx.now, bearing.server, bearing.client, id)?;
        let is_changed = matches!(sent.kind, Kind::Replaced | Kind::Probed);
        (is_changed && sent.is(datagram.digest)).then_some(sent.kind)
    }

    /// Whether a CON went to its client before as it is.
    pub(crate) fn has_gone_on<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        datagram: &Datagram<'_>,
    ) -> bool {
        let (client, server) = (datagram.bearing.client, datagram.bearing.server);
        let id = datagram.message.message_id();
        let sent = self.exchanges.sent(cx.now, server, client, id);
        datagram.message.message_type() == Type::Confirmable
            && sent.is_some_and(|sent| sent.kind == Kind::Response && sent.is(datagram.digest))
    }

    /// Makes of a CON that comes again what there is room for: its beginning. Returns what was sent.
    pub(crate) fn give_again<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        rule: Option<RuleIndex>,
        room: Allowance,
    ) -> Option<Injected> {
        let Role::Response(Some(asked)) = datagram.bearing.role else {
            return None;
        };
        self.begin_again(cx, datagram, rule, &asked, room)
            .then_some(Injected::Portion)
    }

    /// Whether a notification comes before the response to a registration that its client sends again till then: that grants
    /// it first.
    pub(crate) fn is_early<S: Sink>(
        &self,
        cx: &Context<'_, S>,
        datagram: &Datagram<'_>,
        rule: Option<RuleIndex>,
    ) -> bool {
        let (client, server) = (datagram.bearing.client, datagram.bearing.server);
        let Role::Response(Some(asked)) = &datagram.bearing.role else {
            return false;
        };
        let request = self
            .exchanges
            .sent(cx.now, client, server, asked.message_id);
        datagram.is_notification()
            && datagram.message.message_type() != Type::Acknowledgement
            && asked.is_owed
            && takes_any_proof(cx, rule)
            && !self.probes.is_doubtful(cx.now, client)
            && request.is_some_and(|request| request.is_confirmable())
    }

    /// Gives the client the first block of a response in the message that it came in.
    fn begin_again<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        datagram: &Datagram<'_>,
        rule: Option<RuleIndex>,
        asked: &Asked,
        room: Allowance,
    ) -> bool {
        let (message, client) = (datagram.message, datagram.bearing.client);
        let is_fit = self.has_gone_on(cx, datagram)
            && message.token().len() <= TOKEN_LEN_MAX
            && datagram.len() <= KEPT_BYTES
            && takes_any_proof(cx, rule)
            && !self.is_for_plain(cx.now, datagram, room)
            && !self.probes.is_doubtful(cx.now, client);
        let envelope = Envelope {
            message_type: Type::Confirmable,
            ..Envelope::in_place(message, room.alone)
        };
        let first = is_fit
            .then(|| portion::first_block(message, &envelope))
            .flatten();
        let Some(first) = first.filter(|_| self.probes.offer(cx.now, client, datagram.token))
        else {
            return false;
        };
        self.give(cx, datagram, &first, Towards::Receiver);
        self.portions.keep(cx.now, asked.body, datagram.bytes);
        self.note_begun(cx.now, asked.body);
        true
    }
}
