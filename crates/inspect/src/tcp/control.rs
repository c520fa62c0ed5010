//! RSTs: only those that their receiver would take for exact end a connection (RFC 5961 §3).

use std::time::Duration;

use policy::Reason;
use wire::net::build::{self, Path, TcpSegment};
use wire::net::{Packet, TcpFlags};

use super::answer::{Answer, Toward};
use super::half::Place;
use super::{Phase, Work};
use crate::{Injected, Outcome, Sink};

/// A connection draws a challenge ACK no more often than this (RFC 5961 §7).
const CHALLENGE_EVERY: Duration = Duration::from_millis(100);

impl<S: Sink> Work<'_, '_, '_, S> {
    /// A RST in a connection that isn't over.
    pub(super) fn handle_rst(&mut self) -> Outcome {
        if self.is_exact_rst() {
            self.break_off();
            return Outcome::ACCEPT;
        }
        if self.is_harmless_rst() {
            return Outcome::ACCEPT;
        }
        let (ours, _) = self.connection.split(self.arrival.direction);
        let is_in_window = ours.heard && ours.place(self.segment) != Place::Outside;
        let outcome = self.violation(Reason::TCP_BLIND_RESET);
        if is_in_window && !outcome.forward {
            self.challenge();
        }
        outcome
    }

    /// Ends the connection by the RST at hand. It goes on as Weir would make it: one that ended behind the
    /// gateway, by its hop limit, by an option its receiver rejects or by the address of a station that isn't
    /// there, would leave a connection open that nobody watches. A monitor stops none of that.
    fn break_off(&mut self) {
        self.connection.broken_off = Some(self.arrival.direction);
        self.finish();
        if self.cx.is_monitor() {
            return;
        }
        let packet = Packet::decode(self.frame.as_slice()).expect("decoded by dispatch");
        let path = self.settled(Path::of(&packet).expect("a whole segment"));
        let segment = TcpSegment {
            seq: self.segment.seq.0,
            ack: self.segment.ack.0,
            flags: self.segment.flags,
            ..TcpSegment::default()
        };
        let len = build::tcp_segment(self.frame.buffer_mut(), &path, &segment);
        self.frame.set_len(len.expect("no longer than it was"));
    }

    /// Whether the receiver of a RST takes it: it names the next byte expected, or answers a SYN.
    pub(super) fn is_exact_rst(&mut self) -> bool {
        let segment = self.segment;
        let (ours, theirs) = self.connection.split(self.arrival.direction);
        if !ours.heard {
            // "Connection refused" (RFC 9293 §3.10.7.3), or an end of a connection older than the
            // gateway, of which nothing is known but what the other end acknowledges.
            return segment.has(TcpFlags::ACK) && segment.ack == theirs.next
                || self.connection.phase == Phase::Midstream;
        }
        // What is in flight may not have reached the receiver, which then expects `una`.
        segment.seq == ours.next || (ours.syn_acknowledged() && segment.seq == ours.una)
    }

    /// Whether no receiver takes a RST for one of this connection. The kernel of a process that was
    /// killed answers all that was under way to it by RSTs, with numbers that are acknowledged since;
    /// and a device that has restarted disowns its connection of before.
    pub(super) fn is_harmless_rst(&mut self) -> bool {
        let seq = self.segment.seq;
        let disowned = Phase::Handshake {
            disowned: Some(seq),
        };
        let is_disowned = self.connection.phase == disowned;
        let (ours, theirs) = self.connection.split(self.arrival.direction);
        match theirs.heard {
            true => ours.heard && ours.is_past(seq),
            false => is_disowned,
        }
    }

    /// Asks the sender of a doubtful segment, on its receiver's behalf, to say RST again with the
    /// number that only one who hears this can know.
    pub(super) fn challenge(&mut self) {
        let now = self.cx.now;
        let (ours, theirs) = self.connection.split(self.arrival.direction);
        let answer = Answer {
            toward: Toward::Sender,
            seq: theirs.next,
            // What is in flight may be lost yet: nothing is acknowledged that the receiver hasn't.
            ack: ours.una,
            flags: TcpFlags::ACK,
            window: theirs.last_window,
            purpose: Injected::ChallengeAck,
        };
        let is_first = self.connection.challenged == crate::Instant::ZERO;
        if !is_first && now.since(self.connection.challenged) < CHALLENGE_EVERY {
            return;
        }
        self.connection.challenged = now;
        self.inject(&answer, &[]);
    }
}
