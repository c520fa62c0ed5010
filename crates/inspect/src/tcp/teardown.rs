//! The end of a connection by Weir's hand, and what is said to those who go on with one that is over.

use policy::Reason;
use wire::Direction;
use wire::net::{TcpFlags, edit};

use super::answer::{Answer, Toward};
use super::{Answers, Grounds, Phase, Standing, Work};
use crate::app::Denial;
use crate::{Injected, Outcome, Sink, Verdict};

impl<S: Sink> Work<'_, '_, '_, S> {
    /// Cuts the segment after `kept` bytes of its payload and ends the connection: what was denied
    /// never arrives whole. The numbers in the RSTs are those the ends expect once they have what was
    /// forwarded so far.
    pub(super) fn deny(&mut self, mut outcome: Outcome, denial: &Denial, kept: usize) -> Outcome {
        outcome.forward = kept > 0;
        if kept > 0 {
            self.cut(kept);
        }
        if self.standing != Standing::Arrived {
            // The RSTs below have to find what precedes them delivered.
            if kept > 0 {
                self.emit();
            }
            outcome.forward = false;
        }
        let answers = match denial.is_leave {
            true => self.close_both(),
            false => self.tear_down(denial),
        };
        self.connection
            .close(self.cx.now, self.shared, self.cx.sink);
        self.connection.phase = Phase::Denied(Grounds {
            reason: outcome.reason,
            rule: outcome.rule,
            answers,
        });
        outcome
    }

    /// Shortens the frame to `kept` bytes of payload. A FIN lay beyond them.
    fn cut(&mut self, kept: usize) {
        let frame = self.frame.as_mut_slice();
        let len = edit::truncate_tcp_payload(frame, &self.segment.layout, kept);
        self.frame.set_len(len);
    }

    /// Ends a connection whose client has taken its leave: to each end as if the other had closed it. A RST
    /// could take from the client what it hasn't read yet, and report as broken what ended well. Nothing
    /// can be left out of the stream and the rest go on: the server waits for the missing numbers.
    fn close_both(&mut self) -> [Answers; 2] {
        for toward in [Toward::Sender, Toward::Receiver] {
            let (ours, theirs) = self.connection.split(self.arrival.direction);
            let has_closed = match toward {
                Toward::Sender => theirs.has_closed(),
                Toward::Receiver => ours.has_closed(),
            };
            let flags = match has_closed {
                true => TcpFlags::ACK,
                false => TcpFlags::FIN | TcpFlags::ACK,
            };
            let mut answer = Answer {
                window: self.window_of(toward),
                ..self.next_toward(toward, flags, Injected::Close)
            };
            if toward == Toward::Sender {
                answer.ack = answer.ack.max(self.segment.end());
            }
            self.inject(&answer, &[]);
        }
        [Answers::Taken; 2]
    }

    fn tear_down(&mut self, denial: &Denial) -> [Answers; 2] {
        let mut answers = [Answers::All; 2];
        for toward in [Toward::Sender, Toward::Receiver] {
            let direction = match toward {
                Toward::Sender => self.arrival.direction,
                Toward::Receiver => self.arrival.direction.reverse(),
            };
            let is_client = direction == Direction::ToServer;
            answers[direction as usize] = if is_client && !denial.refusal.is_empty() {
                self.refuse(toward, &denial.refusal);
                Answers::Data
            } else {
                self.reset(toward);
                Answers::All
            };
        }
        answers
    }

    fn reset(&mut self, toward: Toward) {
        let flags = TcpFlags::RST | TcpFlags::ACK;
        let answer = self.next_toward(toward, flags, Injected::Reset);
        self.inject(&answer, &[]);
    }

    /// The last words to a client: in sequence, acknowledging all it has said, and with a FIN, so that
    /// it reads them before it learns that the connection is over.
    fn refuse(&mut self, toward: Toward, refusal: &[u8]) {
        let flags = TcpFlags::PSH | TcpFlags::FIN | TcpFlags::ACK;
        let mut answer = self.next_toward(toward, flags, Injected::Refusal);
        if toward == Toward::Sender {
            answer.ack = answer.ack.max(self.segment.end());
        }
        self.inject(&answer, refusal);
    }

    /// A segment towards one end that carries on where the other has stopped.
    fn next_toward(&mut self, toward: Toward, flags: TcpFlags, purpose: Injected) -> Answer {
        let (ours, theirs) = self.connection.split(self.arrival.direction);
        let (seq, ack) = match toward {
            Toward::Receiver => (ours.next, theirs.next),
            Toward::Sender => (theirs.next, ours.next),
        };
        Answer {
            toward,
            seq,
            ack,
            flags,
            window: 0,
            purpose,
        }
    }

    /// A segment of a connection that Weir has ended: dropped, and answered as far as its sender is
    /// to be.
    pub(super) fn handle_denied(&mut self, grounds: Grounds) -> Outcome {
        let segment = self.segment;
        let answers = grounds.answers[self.arrival.direction as usize];
        if answers == Answers::Taken {
            self.note_taken();
        }
        match answers {
            _ if segment.is_rst() => {}
            Answers::Taken if self.repeats_what_is_missing() => self.give_up_closing(grounds),
            Answers::All if segment.has(TcpFlags::ACK) => self.answer_as_closed(),
            Answers::Data if segment.len() > 0 => self.answer_as_closed(),
            Answers::Taken if segment.len() > 0 => self.acknowledge(),
            Answers::All | Answers::Data | Answers::Taken => {}
        }
        Outcome {
            verdict: Verdict::Drop,
            forward: false,
            reason: grounds.reason,
            rule: grounds.rule,
            would: None,
        }
    }

    /// Notes what the other end has of a connection that is closing.
    fn note_taken(&mut self) {
        let segment = self.segment;
        let (_, theirs) = self.connection.split(self.arrival.direction);
        if segment.has(TcpFlags::ACK) && theirs.heard && theirs.accepts_ack(segment.ack) {
            theirs.note_ack(segment.ack, 0, self.shared);
        }
    }

    /// Whether the segment at hand brings again what was forwarded and got lost on its way.
    fn repeats_what_is_missing(&mut self) -> bool {
        let segment = self.segment;
        let (ours, _) = self.connection.split(self.arrival.direction);
        segment.len() > 0 && ours.next.is_after(segment.seq) && ours.next.is_after(ours.una)
    }

    /// Ends a close that can't come to its end: what its receiver misses is not repeated to it.
    fn give_up_closing(&mut self, grounds: Grounds) {
        let (ours, _) = self.connection.split(self.arrival.direction);
        let missing = ours.una;
        let flags = TcpFlags::RST | TcpFlags::ACK;
        for toward in [Toward::Sender, Toward::Receiver] {
            let mut answer = self.next_toward(toward, flags, Injected::Reset);
            if toward == Toward::Receiver {
                answer.seq = missing;
            }
            self.inject(&answer, &[]);
        }
        self.connection.phase = Phase::Denied(Grounds {
            answers: [Answers::All; 2],
            ..grounds
        });
    }

    /// Acknowledges what doesn't arrive, so that its sender can close.
    fn acknowledge(&mut self) {
        if self.segment.has(TcpFlags::ACK) && self.may_answer() {
            let answer = Answer {
                window: self.window_of(Toward::Sender),
                ..self.answer(TcpFlags::ACK, Injected::Close)
            };
            self.inject(&answer, &[]);
        }
    }

    /// What the end opposite to one has last had room for, but never none: a FIN needs room as well.
    fn window_of(&mut self, toward: Toward) -> u16 {
        let (ours, theirs) = self.connection.split(self.arrival.direction);
        let last = match toward {
            Toward::Sender => theirs.last_window,
            Toward::Receiver => ours.last_window,
        };
        last.max(1)
    }

    /// Answers the segment at hand as a closed port does (RFC 9293 §3.10.7.1): so many times.
    fn answer_as_closed(&mut self) {
        if self.may_answer() {
            let answer = self.answer(TcpFlags::RST | TcpFlags::ACK, Injected::Reset);
            self.inject(&answer, &[]);
        }
    }

    /// Counts an answer to the sender of the segment at hand. False once it has had its share.
    fn may_answer(&mut self) -> bool {
        let answers_left = &mut self.connection.answers_left[self.arrival.direction as usize];
        let may = *answers_left > 0;
        *answers_left = answers_left.saturating_sub(1);
        may
    }

    fn answer(&self, flags: TcpFlags, purpose: Injected) -> Answer {
        Answer {
            toward: Toward::Sender,
            seq: self.segment.ack,
            ack: self.segment.end(),
            flags,
            window: 0,
            purpose,
        }
    }

    /// A segment of a connection that its ends have closed. What was acknowledged may be repeated;
    /// everything else goes on without its bytes, so that an end which still has the connection open is
    /// told otherwise, and nothing uninspected arrives there; past a monitor it goes on as it came.
    pub(super) fn handle_finished(&mut self) -> Outcome {
        let segment = self.segment;
        if segment.is_rst() {
            return match self.is_exact_rst() || self.is_harmless_rst() {
                true => Outcome::ACCEPT,
                false => self.violation(Reason::TCP_BLIND_RESET),
            };
        }
        let (_, theirs) = self.connection.split(self.arrival.direction);
        if segment.has(TcpFlags::ACK) && theirs.heard && theirs.accepts_ack(segment.ack) {
            theirs.note_ack(segment.ack, 0, self.shared);
            // The RST got lost, or came ahead of what its receiver expects.
            let is_broken = self.connection.broken_off == Some(self.arrival.direction.reverse());
            if is_broken && !self.cx.is_monitor() {
                self.answer_as_closed();
            }
        }
        let (ours, _) = self.connection.split(self.arrival.direction);
        if segment.len() == 0 || !segment.end().is_after(ours.una) {
            return Outcome::ACCEPT;
        }
        if self.cx.is_monitor() {
            return Outcome {
                reason: Some(Reason::TCP_NO_CONNECTION),
                would: Some(Verdict::Drop),
                ..Outcome::ACCEPT
            };
        }
        self.cut(0);
        Outcome {
            forward: true,
            ..Outcome::dropped(Reason::TCP_NO_CONNECTION)
        }
    }
}
