//! SYNs: the handshake, and those that have no place in a live connection (RFC 5961 §4).

use policy::{Action, Reason};

use super::{Phase, Work};
use crate::{Outcome, Sink};

impl<S: Sink> Work<'_, '_, '_, S> {
    /// A segment with SYN.
    pub(super) fn handle_syn(&mut self) -> Outcome {
        let phase = self.connection.phase;
        let (ours, theirs) = self.connection.split(self.arrival.direction);
        let segment = self.segment;
        // Only the SYN of this very handshake is answered by this SYN, if any is.
        let answers = segment.is_opening() || (theirs.heard && segment.ack == theirs.isn + 1);
        let is_repeated = ours.heard && segment.seq == ours.isn;
        let is_retry = segment.is_opening() && !theirs.heard;
        // A server that keeps no state of handshakes (SYN cookies) answers each SYN with a number of its
        // own, and the last is the likeliest to have arrived.
        let is_other_answer = !segment.is_opening() && !ours.syn_acknowledged();
        match phase {
            Phase::Handshake { .. } if !answers => self.violation(Reason::TCP_OUT_OF_WINDOW),
            Phase::Handshake { .. } if !ours.heard => self.note_syn(),
            Phase::Handshake { .. } if !is_repeated && (is_retry || is_other_answer) => {
                self.note_syn()
            }
            _ if is_repeated && answers => {
                self.note_syn_ack();
                Outcome::ACCEPT
            }
            _ => self.handle_blind_syn(),
        }
    }

    fn note_syn(&mut self) -> Outcome {
        let segment = self.segment;
        let mut outcome = Outcome::ACCEPT;
        if !segment.payload().is_empty() {
            let judgement = self.judge_tcp(Reason::TCP_DATA_ON_SYN, Action::Drop);
            if judgement.action.stops() {
                return self.carry_out(judgement);
            }
            outcome = judgement.outcome;
        }
        let (ours, theirs) = self.connection.split(self.arrival.direction);
        ours.note_syn(segment, self.cx.now);
        theirs.note_first_window(segment.window);
        if !segment.is_opening() {
            ours.shift_first_window(theirs);
        }
        self.note_syn_ack();
        // Data that a rule lets through with a SYN isn't taken in: its sender repeats it after the
        // handshake unless the server took it, and then it is read as the start of the stream.
        outcome
    }

    /// What a SYN acknowledges, which may be the other's SYN.
    fn note_syn_ack(&mut self) {
        let segment = self.segment;
        let (_, theirs) = self.connection.split(self.arrival.direction);
        if !segment.is_opening() && theirs.accepts_ack(segment.ack) {
            theirs.note_ack(segment.ack, u32::from(segment.window), self.shared);
        }
    }

    /// A segment without SYN while only one end has said SYN. The other may still have a connection of
    /// before (RFC 9293 §3.5.1): then it acknowledges what it knows, and is told by a RST with that
    /// number that the connection is no more.
    pub(super) fn handle_unopened(&mut self) -> Outcome {
        let segment = self.segment;
        let (ours, theirs) = self.connection.split(self.arrival.direction);
        if ours.heard || !theirs.heard || segment.len() > 0 {
            return self.violation(Reason::TCP_OUT_OF_WINDOW);
        }
        self.connection.phase = Phase::Handshake {
            disowned: Some(segment.ack),
        };
        Outcome::ACCEPT
    }

    /// A SYN in a live connection. The receiver would answer it with a challenge ACK if it has
    /// RFC 5961, and fall for it if not: so Weir answers. A peer that really has restarted then says
    /// RST with the number it was told, and its next SYN goes through.
    fn handle_blind_syn(&mut self) -> Outcome {
        let outcome = self.violation(Reason::TCP_BLIND_SYN);
        if !outcome.forward {
            self.challenge();
        }
        outcome
    }
}
