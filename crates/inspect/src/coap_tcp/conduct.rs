//! What a connection has against a message that reads well by itself.

use policy::Reason;
use wire::Direction;
use wire::coap::tcp::Message;
use wire::coap::{Anomaly, Code};

use super::Reasons;
use super::asked::Wanted;
use super::end::End;
use super::message::Scene;
use crate::Sink;

impl<S: Sink> Scene<'_, '_, S> {
    /// The reasons against a message of `size` bytes, the gravest first.
    pub(super) fn reasons_against(&mut self, message: &Message<'_>, size: usize) -> Reasons {
        let mut reasons = Reasons::new();
        let needs_tls = self.arrival.direction == Direction::ToServer && self.needs_tls();
        let hashing = &self.shared.bodies;
        let (sender, receiver) = self.session.ends(self.arrival.direction);
        let is_first = sender.is_opening();
        if is_first && message.code() != Code::CSM {
            reasons.push(Reason::COAP_TCP_FIRST_NOT_CSM);
        }
        reasons.extend(against_farewell(sender, message));
        match message.code() {
            code if code.is_request() && sender.uploads().leaves_hole(hashing, message) => {
                reasons.push(Reason::COAP_BLOCK_GAP);
            }
            code if code.is_response() => against_response(receiver, message, &mut reasons),
            Code::PONG => reasons.extend(receiver.pings().against_pong(message.token())),
            _ => {}
        }
        if !receiver.takes(size) {
            reasons.push(Reason::COAP_TCP_MESSAGE_SIZE);
        }
        if is_first && needs_tls {
            reasons.push(Reason::TLS_REQUIRED);
        }
        if !message.anomalies().is_empty() {
            against_oddities(receiver, message, &mut reasons);
        }
        reasons
    }

    fn needs_tls(&self) -> bool {
        let endpoints = &self.arrival.endpoints;
        self.cx
            .policy
            .requires_tls(endpoints.source, endpoints.from)
    }
}

/// What is said by an end that has taken its leave. Nobody has to read it, but what keeps alive never
/// matters (RFC 8323 §5.4).
fn against_farewell(sender: &End, message: &Message<'_>) -> Option<Reason> {
    let code = message.code();
    if sender.has_aborted() && !code.is_empty() {
        return Some(Reason::COAP_TCP_AFTER_ABORT);
    }
    (sender.has_released() && code.is_request()).then_some(Reason::COAP_TCP_REQUEST_AFTER_RELEASE)
}

fn against_response(receiver: &End, message: &Message<'_>, reasons: &mut Reasons) {
    if !receiver.awaits(message.token()) {
        reasons.push(Reason::COAP_SPOOFED_UNMATCHED_RESPONSE);
    }
    if let Some(wanted) = receiver.wanted(message.token())
        && message.code().class() == 2
    {
        against_block(receiver, message, wanted, reasons);
    }
}

/// What there is against a response as a block of what was asked for.
fn against_block(receiver: &End, message: &Message<'_>, wanted: Wanted, reasons: &mut Reasons) {
    if message.code() == Code::CONTINUE && !wanted.has_uploaded {
        reasons.push(Reason::COAP_BLOCK_CONTINUE);
    }
    let Some(block) = message.block2() else {
        return;
    };
    if block.offset() > wanted.offset {
        reasons.push(Reason::COAP_BLOCK_UNASKED);
    }
    if block.number > 0 && receiver.gets_another_body(message, wanted) {
        reasons.push(Reason::COAP_BLOCK_MIXED_BODIES);
    }
}

/// A long token isn't odd where its receiver has asked for it (RFC 8974 §2.2.1), and a critical option of a
/// signal is more than odd: whoever doesn't know it has to abort (RFC 8323 §5.2).
fn against_oddities(receiver: &End, message: &Message<'_>, reasons: &mut Reasons) {
    let takes_token = receiver.takes_token(message.token().len());
    let is_signal = message.code().is_signal();
    let odd = message.anomalies().iter();
    reasons.extend(odd.filter_map(|anomaly| match anomaly {
        Anomaly::ExtendedToken if takes_token => None,
        Anomaly::UnknownCriticalOption if is_signal => Some(Reason::COAP_TCP_CRITICAL_OPTION),
        anomaly => Some(Reason::from(anomaly)),
    }));
}
