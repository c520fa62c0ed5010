//! TLS on `mqtts` and DTLS on `coaps`: is it that at all? (RFC 8446 §5.1, RFC 9147 §4)
//!
//! A plaintext client on an encrypted port is either misconfigured or probing. Once both hellos look
//! like hellos, the records pass unread.

use policy::{Action, Protocol, Reason};
use wire::tls::{Probe, RecordHeader};
use wire::{Direction, dtls};

use crate::app::{Denial, Passage};
use crate::context::{Arrival, Context};
use crate::{Outcome, Sink};

/// The first bytes of a TCP connection that has to be TLS.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    to_server: Start,
    to_client: Start,
}

/// The beginning of one direction, until it can be told what it is.
#[derive(Debug, Default)]
struct Start {
    bytes: [u8; RecordHeader::LEN],
    len: usize,
    is_tls: bool,
}

impl Guard {
    /// Whether both ends have begun the way TLS does.
    pub(crate) fn is_opaque(&self) -> bool {
        self.to_server.is_tls && self.to_client.is_tls
    }

    /// Looks at the next bytes of one direction.
    pub(crate) fn handle_bytes<S: Sink>(
        &mut self,
        cx: &mut Context<'_, S>,
        arrival: &Arrival,
        bytes: &[u8],
    ) -> Passage {
        let start = match arrival.direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        };
        if start.is_tls || start.is_tls_so_far(bytes, arrival.direction) {
            return Passage::all(bytes.len());
        }
        let reasons = [Reason::TLS_REQUIRED];
        let subject = arrival.detection(Protocol::Tls, &reasons);
        let judgement = cx.judge_or(Action::Accept, arrival, &subject, &mut ());
        if !judgement.action.stops() {
            start.is_tls = true;
            let outcome = judgement.outcome;
            return Passage {
                outcome,
                ..Passage::all(bytes.len())
            };
        }
        Passage {
            passed: 0,
            outcome: judgement.outcome,
            denial: Some(Denial {
                action: judgement.action,
                refusal: Vec::new(),
            }),
        }
    }
}

impl Start {
    /// Takes in more of the beginning.
    fn is_tls_so_far(&mut self, bytes: &[u8], direction: Direction) -> bool {
        let taken = bytes.len().min(self.bytes.len() - self.len);
        self.bytes[self.len..self.len + taken].copy_from_slice(&bytes[..taken]);
        self.len += taken;
        let probe = match direction {
            Direction::ToServer => wire::tls::is_handshake_record(&self.bytes[..self.len]),
            // A server may begin with an alert.
            Direction::ToClient => record(&self.bytes[..self.len]),
        };
        self.is_tls = probe == Probe::Yes;
        probe != Probe::No
    }
}

fn record(bytes: &[u8]) -> Probe {
    match RecordHeader::decode(bytes) {
        Ok(wire::Decoded::Complete { .. }) => Probe::Yes,
        Ok(wire::Decoded::Incomplete { need }) => Probe::More { need },
        Err(_) => Probe::No,
    }
}

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
