//! DTLS on `coaps`: is it that at all? (RFC 9147 §4)
//!
//! A plaintext client on an encrypted port is either misconfigured or probing. What looks like records
//! passes unread. TLS on `mqtts` is told by its first bytes: see `greeting.rs`.

use policy::{Protocol, Reason};
use wire::dtls;

use crate::context::{Arrival, Context};
use crate::{Outcome, Sink};

/// A datagram to or from a `coaps` service.
pub(crate) fn handle_datagram<S: Sink>(
    cx: &mut Context<'_, S>,
    arrival: &Arrival,
    payload: &[u8],
) -> Outcome {
    if dtls::decode(payload).is_ok() {
        return Outcome::ACCEPT;
    }
    let reasons = [Reason::TLS_REQUIRED];
    let subject = arrival.detection(Protocol::Dtls, &reasons);
    cx.judge(arrival, &subject, &mut ()).outcome
}
