//! DTLS on `coaps`: is it that at all? (RFC 9147 §4)
//!
//! A plaintext client on an encrypted port is either misconfigured or probing. What looks like records
//! passes unread, but for a ClientHello. TLS on `mqtts` is told by its first bytes: see `greeting.rs`.

mod hello;

use policy::{Message, Protocol, Reason, Subject};
use wire::{Direction, dtls};

use crate::context::{Arrival, Context};
use crate::{Outcome, Sink};

pub(crate) use hello::Hello;

/// A datagram to or from a `coaps` service.
pub(crate) fn handle_datagram<S: Sink>(
    cx: &mut Context<'_, S>,
    arrival: &Arrival,
    payload: &[u8],
) -> Outcome {
    if dtls::decode(payload).is_ok() {
        return match arrival.direction {
            Direction::ToServer => handle_records(cx, arrival, payload),
            Direction::ToClient => Outcome::ACCEPT,
        };
    }
    let reasons = [Reason::TLS_REQUIRED];
    let subject = arrival.detection(Protocol::Dtls, &reasons);
    cx.judge(arrival, &subject, &mut ()).outcome
}

/// Records to a server: those that ask for a session are judged.
fn handle_records<S: Sink>(cx: &mut Context<'_, S>, arrival: &Arrival, payload: &[u8]) -> Outcome {
    let Some(hello) = dtls::client_hello(payload) else {
        return Outcome::ACCEPT;
    };
    let subject = Subject {
        message: Message::Hello(&hello),
        ..arrival.detection(Protocol::Dtls, &[])
    };
    cx.judge(arrival, &subject, &mut ()).outcome
}
