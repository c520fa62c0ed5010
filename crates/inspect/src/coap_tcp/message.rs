//! One message under judgement.

use policy::{Action, Meters, Protocol, Reason, Subject};
use wire::coap::Malformed;
use wire::coap::tcp::{Header, Message};
use wire::{Decoded, Direction};

use super::{Reasons, Session, foreign, refusal};
use crate::app::Denial;
use crate::context::{Arrival, Context, Judgement};
use crate::framer::{Framer, Judge, Reading, Step};
use crate::shared::Shared;
use crate::{LimitKind, Outcome, Sink};

/// A session at work on some bytes.
pub(super) struct Scene<'a, 'c, S> {
    pub(super) session: &'a mut Session,
    pub(super) cx: &'a mut Context<'c, S>,
    pub(super) arrival: &'a Arrival,
    pub(super) shared: &'a Shared,
    /// What is to be said of the bytes so far.
    pub(super) outcome: Outcome,
}

impl<'a, S: Sink> Judge<'a> for Scene<'a, '_, S> {
    fn framer(&mut self) -> &mut Framer {
        self.session.framers.at_mut(self.arrival.direction)
    }

    fn shared(&self) -> &'a Shared {
        self.shared
    }

    /// Waits for the whole message where that is kept, else for as much as is.
    fn handle_message(&mut self, bytes: &[u8]) -> Step {
        let header = match Header::decode(bytes) {
            Ok(Decoded::Complete { message, .. }) => message,
            Ok(Decoded::Incomplete { need }) => return Step::Need(need),
            Err(malformed) => return self.unreadable(bytes, None, malformed),
        };
        let size = header.message_len();
        if size > self.cx.limits.coap_tcp_message_bytes {
            return self.unread(&[Reason::COAP_TOO_LARGE], Some(size), size);
        }
        let need = size.min(self.cx.limits.partial_bytes);
        if bytes.len() < need {
            return Step::Need(need);
        }
        match Message::decode_prefix(&bytes[..size.min(bytes.len())]) {
            Ok(Decoded::Complete { message, len }) => {
                self.judge_message(bytes, &message, size, len)
            }
            Ok(Decoded::Incomplete { .. }) => {
                self.cx.limit(LimitKind::Partial);
                self.unread(&[Reason::COAP_TOO_LARGE], Some(size), size)
            }
            Err(malformed) => self.unreadable(bytes, Some(size), malformed),
        }
    }
}

impl<S: Sink> Scene<'_, '_, S> {
    /// Judges a message of `size` bytes at the start of `bytes`, of which `len` are at hand.
    fn judge_message(
        &mut self,
        bytes: &[u8],
        message: &Message<'_>,
        size: usize,
        len: usize,
    ) -> Step {
        let mut reasons = self.reasons_against(message, size);
        if reasons.contains(&Reason::COAP_TCP_FIRST_NOT_CSM) {
            self.name_foreign(bytes, &mut reasons);
        }
        let judgement = self.ask(Some(message), &reasons, size, Action::Accept);
        if judgement.action.stops() {
            return Step::Denied(self.denial(judgement, Some(message)));
        }
        let (sender, receiver) = self.session.ends(self.arrival.direction);
        let is_first = sender.is_opening();
        receiver.note_heard(message);
        if sender.note_sent(&self.shared.bodies, message) {
            self.cx.limit(LimitKind::Exchanges);
        }
        self.note_held(is_first);
        self.framer().pass(size - len);
        Step::Passed(len)
    }

    /// What breaks a clause at the start of `bytes`, or isn't a message at all; `len` says where it ends, if that is
    /// known.
    fn unreadable(&mut self, bytes: &[u8], len: Option<usize>, malformed: Malformed) -> Step {
        let mut reasons = Reasons::new();
        reasons.push(Reason::from(malformed));
        let (sender, _) = self.session.ends(self.arrival.direction);
        if sender.is_opening() {
            self.name_foreign(bytes, &mut reasons);
        }
        self.unread(&reasons, len, len.unwrap_or(bytes.len()))
    }

    /// Puts what an end speaks before what is wrong with it as CoAP, if that can be told.
    fn name_foreign(&self, bytes: &[u8], reasons: &mut Reasons) {
        if let Some(reason) = foreign::reason_against(bytes, self.arrival.direction) {
            reasons.insert(0, reason);
        }
    }

    /// A message that nobody reads. If it is let through nonetheless, and it is known where it ends,
    /// reading goes on after it.
    fn unread(&mut self, reasons: &[Reason], len: Option<usize>, size: usize) -> Step {
        let judgement = self.ask(None, reasons, size, Action::Drop);
        if judgement.action.stops() {
            return Step::Denied(self.denial(judgement, None));
        }
        // Whatever it said may be relied upon from here on.
        self.session.ends = [super::End::unseen(), super::End::unseen()];
        match len {
            Some(len) => self.framer().pass(len),
            None => self.session.lose(self.arrival.direction),
        }
        Step::Passed(0)
    }

    fn ask(
        &mut self,
        message: Option<&Message<'_>>,
        reasons: &[Reason],
        size: usize,
        fallback: Action,
    ) -> Judgement {
        let subject = Subject {
            message: message.map_or(policy::Message::None, policy::Message::CoapTcp),
            // The handshake has shown it.
            address_validated: true,
            size,
            ..self.arrival.detection(Protocol::Coap, reasons)
        };
        let mut room = message.and_then(|message| self.room(message));
        let meters: &mut dyn Meters = match &mut room {
            Some(room) => room,
            None => &mut (),
        };
        let judgement = self.cx.judge_or(fallback, self.arrival, &subject, meters);
        self.outcome.add(&judgement.outcome);
        judgement
    }

    fn denial(&self, judgement: Judgement, message: Option<&Message<'_>>) -> Denial {
        let between_messages =
            self.session.framers.at(Direction::ToClient).reading == Reading::Boundary;
        let refusal = match judgement.action {
            Action::Refuse if between_messages => {
                let code = self.cx.refusal(judgement.outcome.rule);
                refusal::of(message, self.arrival.direction, self.session, code)
            }
            _ => Vec::new(),
        };
        Denial::saying(refusal)
    }
}
