//! Segments of the inspector's own.

use wire::net::build::{self, Path, TcpSegment};
use wire::net::{Packet, TcpFlags};

use super::Work;
use super::seq::Seq;
use crate::{Count, Injected, Port, Sink};

/// Room for Ethernet, VLAN tag, IPv6 and TCP headers, options included.
const HEADERS_BYTES: usize = 14 + 4 + 40 + 20 + OPTIONS_BYTES;
/// All options that a segment has room for (RFC 9293 §3.1).
pub(super) const OPTIONS_BYTES: usize = 40;
/// The timestamps option, padded to whole words (RFC 7323, appendix A).
pub(super) const TIMESTAMPS_BYTES: usize = 12;
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
    /// Makes a segment by the addresses of the frame at hand, and sends it to one end: to its sender where it came
    /// from, to the other where that is known to be. What the frame says of it is its sender's to choose: sent to
    /// a station that isn't there, it would leave the other end with an open connection.
    pub(super) fn inject(&mut self, answer: &Answer, payload: &[u8]) {
        let timestamps = self.timestamps(answer);
        let options: &[u8] = timestamps.as_ref().map_or(&[], |options| options);
        self.inject_with(answer, options, payload);
    }

    /// As [`Work::inject`], with these options.
    pub(super) fn inject_with(&mut self, answer: &Answer, options: &[u8], payload: &[u8]) {
        let packet = Packet::decode(self.frame.as_slice()).expect("decoded by dispatch");
        let path = Path::of(&packet).expect("a whole segment");
        let (path, port) = match answer.toward {
            Toward::Receiver => (self.settled(path), self.cx.port.opposite()),
            Toward::Sender => (path.reversed(), self.cx.port),
        };
        let segment = TcpSegment {
            seq: answer.seq.0,
            ack: answer.ack.0,
            flags: answer.flags,
            window: answer.window,
            options,
            payload,
        };
        send(self.cx.sink, port, &path, &segment, answer.purpose);
    }

    /// The path of the frame at hand, by where the connection's ends are known to be.
    pub(super) fn settled(&self, path: Path) -> Path {
        match self.connection.stations {
            Some(stations) => stations.settle(path, self.arrival.direction),
            None => path,
        }
    }

    /// Timestamps, where both ends use them: without, a receiver may drop everything but a RST
    /// (RFC 7323 §3.2).
    fn timestamps(&mut self, answer: &Answer) -> Option<[u8; TIMESTAMPS_BYTES]> {
        if answer.flags.contains(TcpFlags::RST) {
            return None;
        }
        let (ours, theirs) = self.connection.split(self.arrival.direction);
        let (ours, theirs) = (ours.clock?.latest(), theirs.clock?.latest());
        let (value, echo) = match answer.toward {
            Toward::Receiver => (ours, theirs),
            Toward::Sender => (theirs, ours),
        };
        Some(timestamps(value, echo))
    }
}

/// The timestamps option.
pub(super) fn timestamps(value: u32, echo: u32) -> [u8; TIMESTAMPS_BYTES] {
    let mut options = [1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0];
    options[4..8].copy_from_slice(&value.to_be_bytes());
    options[8..].copy_from_slice(&echo.to_be_bytes());
    options
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
