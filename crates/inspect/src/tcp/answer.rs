//! Segments of the inspector's own.

use wire::net::build::{self, Path, TcpSegment};
use wire::net::{Packet, TcpFlags};

use super::Work;
use super::seq::Seq;
use crate::{Count, Injected, Port, Sink};

/// Room for Ethernet, VLAN tag, IPv6 and TCP headers.
const HEADERS_BYTES: usize = 14 + 4 + 40 + 20;
/// Room for a refusal: one that is longer isn't sent.
pub(crate) const REFUSAL_BYTES: usize = 1024;

/// Which end of the connection a segment of Weir's own goes to, seen from the segment at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Toward {
    Sender,
    Receiver,
}

/// A segment to be made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    pub(super) toward: Toward,
    pub(super) seq: Seq,
    pub(super) ack: Seq,
    pub(super) flags: TcpFlags,
    /// Not scaled.
    pub(super) window: u16,
    pub(super) purpose: Injected,
}

impl<S: Sink> Work<'_, '_, '_, S> {
    /// Makes a segment by the addresses of the frame at hand, and sends it to one end.
    pub(super) fn inject(&mut self, answer: &Answer, payload: &[u8]) {
        let packet = Packet::decode(self.frame.as_slice()).expect("decoded by dispatch");
        let path = Path::of(&packet).expect("a whole segment");
        let (path, port) = match answer.toward {
            Toward::Receiver => (path, self.cx.port.opposite()),
            Toward::Sender => (path.reversed(), self.cx.port),
        };
        let segment = TcpSegment {
            seq: answer.seq.0,
            ack: answer.ack.0,
            flags: answer.flags,
            window: answer.window,
            options: &[],
            payload,
        };
        send(self.cx.sink, port, &path, &segment, answer.purpose);
    }
}

/// Has a segment leave by a port.
pub(super) fn send<S: Sink>(
    sink: &mut S,
    port: Port,
    path: &Path,
    segment: &TcpSegment<'_>,
    purpose: Injected,
) {
    let mut buffer = [0; HEADERS_BYTES + REFUSAL_BYTES];
    let Some(len) = build::tcp_segment(&mut buffer, path, segment) else {
        return;
    };
    sink.inject(port, &buffer[..len]);
    sink.count(Count::Injected(purpose));
}
