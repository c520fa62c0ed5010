//! The bytes of an established connection: each inspected once, in order, and the first of each
//! kept until they are acknowledged (DESIGN section 4, points 1 and 2).

use std::ops::Range;

use policy::{Action, Reason};
use wire::net::{TcpFlags, edit};

use super::half::Place;
use super::held::Holding;
use super::{Phase, Standing, Work, exception};
use crate::context::Arrival;
use crate::{Count, Frame, Injected, LimitKind, Outcome, Sink, Verdict};

impl<S: Sink> Work<'_, '_, '_, S> {
    /// A segment that carries something, at a place where its receiver can take it.
    pub(super) fn handle_bytes(&mut self, place: Place) -> Outcome {
        if let Some(outcome) = self.check_repetition() {
            return outcome;
        }
        if self.connection.app.is_opaque(self.arrival.direction) {
            self.pass_whole();
            return Outcome::ACCEPT;
        }
        match place {
            Place::Repeated | Place::Outside => Outcome::ACCEPT,
            Place::Early => self.hold(),
            Place::InOrder => {
                let mut outcome = self.advance();
                self.release(&mut outcome);
                outcome
            }
        }
    }

    /// Compares what the segment repeats with the bytes first forwarded. An outcome if that settles it.
    #[inline]
    fn check_repetition(&mut self) -> Option<Outcome> {
        let (ours, _) = self.connection.split(self.arrival.direction);
        match self.segment.seq.is_before(ours.next) {
            true => self.compare_repetition(),
            false => None,
        }
    }

    fn compare_repetition(&mut self) -> Option<Outcome> {
        let (ours, _) = self.connection.split(self.arrival.direction);
        let recorded_from = ours.recorded_from();
        let seq = self.segment.seq;
        let payload = self.segment.payload();
        let start = payload.start + recorded_from.bytes_since(seq).min(payload.len());
        let offset = seq.bytes_since(recorded_from);
        let len = (payload.end - start).min(ours.unacked.len().saturating_sub(offset));
        let repeated = start..start + len;
        if ours
            .unacked
            .matches(offset, &self.frame.as_slice()[repeated.clone()])
        {
            return None;
        }
        self.handle_conflict(offset, repeated)
    }

    /// Other bytes than the first time: the first win.
    fn handle_conflict(&mut self, offset: usize, repeated: Range<usize>) -> Option<Outcome> {
        let judgement = self.judge_tcp(Reason::TCP_OVERLAP_CONFLICT, Action::Drop);
        if judgement.action.stops() {
            return Some(self.carry_out(judgement));
        }
        if judgement.outcome.would.is_none() && !self.cx.is_monitor() {
            let (ours, _) = self.connection.split(self.arrival.direction);
            let bytes = &mut self.frame.as_mut_slice()[repeated];
            ours.unacked.restore(offset, bytes);
            edit::refresh_checksums(self.frame.as_mut_slice(), &self.segment.layout);
        }
        None
    }

    /// Inspects the bytes that the segment adds, and forwards what may pass.
    fn advance(&mut self) -> Outcome {
        let direction = self.arrival.direction;
        let (ours, _) = self.connection.split(direction);
        let payload = self.segment.payload();
        let known = ours.next.bytes_since(self.segment.seq).min(payload.len());
        let fresh = payload.start + known..payload.end;
        let (kept, limits) = (ours.unacked.len(), self.cx.limits);
        let len = kept + fresh.len();
        let total = &self.shared.unacked;
        if len > limits.unacked_bytes_per_flow
            || !total.has_room(kept, len, limits.unacked_common_bytes)
        {
            self.cx.limit(LimitKind::Unacked);
            return self.overflow(Reason::LIMITS_UNACKED_BYTES);
        }
        let bytes = &self.frame.as_slice()[fresh];
        let passage = self
            .connection
            .app
            .handle_bytes(self.cx, self.arrival, self.shared, bytes);
        let may_seek = self.connection.may_seek && self.cx.now < self.cx.older_until;
        if passage.denial.is_none() && !may_seek && self.connection.app.is_seeking(direction) {
            return self.end_search();
        }
        let (ours, _) = self.connection.split(direction);
        let passed = &bytes[..passage.passed];
        ours.unacked
            .push(passed, &self.shared.pool, &self.shared.unacked);
        ours.pass_to(ours.next + passage.passed);
        match passage.denial {
            Some(denial) => {
                let kept = if passage.passed == 0 {
                    0
                } else {
                    known + passage.passed
                };
                self.deny(passage.outcome, &denial, kept)
            }
            None => {
                self.pass_fin();
                passage.outcome
            }
        }
    }

    /// A connection older than the gateway has had its time (one that was forgotten has none), and still shows
    /// no beginning of a message this way: it goes on unread no longer.
    #[cold]
    fn end_search(&mut self) -> Outcome {
        let judgement = self.judge_tcp(Reason::TCP_NO_CONNECTION, Action::Drop);
        match judgement.action.stops() {
            true => self.carry_out(judgement),
            false => self.give_up(judgement.outcome),
        }
    }

    /// Holds the segment until its turn. A monitor holds a copy: its receiver may have the segment itself.
    fn hold(&mut self) -> Outcome {
        let segment = self.segment;
        let (limits, held_total) = (self.cx.limits, &self.shared.held);
        let is_gone = self.cx.is_monitor();
        let held = match is_gone {
            true => Outcome::ACCEPT,
            false => Outcome::HOLD,
        };
        let (ours, _) = self.connection.split(self.arrival.direction);
        let frame = self.frame.as_slice();
        match ours
            .held_mut()
            .insert(segment, frame, is_gone, limits, held_total)
        {
            holding @ (Holding::Held | Holding::Known) => {
                if !is_gone {
                    self.tell_held(&holding);
                }
                held
            }
            Holding::Conflict => {
                let judgement = self.judge_tcp(Reason::TCP_OVERLAP_CONFLICT, Action::Drop);
                if judgement.action.stops() {
                    self.carry_out(judgement)
                } else if judgement.outcome.would.is_some() {
                    self.give_up(judgement.outcome)
                } else {
                    // Accepted, so that the sender isn't punished; its bytes stay those held first.
                    Outcome {
                        reason: judgement.outcome.reason,
                        rule: judgement.outcome.rule,
                        ..held
                    }
                }
            }
            Holding::Full(limit) => {
                self.cx.limit(limit);
                self.overflow(match limit {
                    LimitKind::Held => Reason::LIMITS_HELD_BYTES,
                    _ => Reason::TCP_HOLD_LIMIT,
                })
            }
        }
    }

    /// There is no room to remember the segment by: dropped, so that its sender repeats it, or the
    /// direction is let through unread from here on.
    fn overflow(&mut self, reason: Reason) -> Outcome {
        let judgement = self.judge_tcp(reason, exception(self.cx.limits.exception));
        match judgement.action.stops() {
            true => self.carry_out(judgement),
            false => self.give_up(judgement.outcome),
        }
    }

    /// Lets everything held go as it is, and reads this direction no more.
    fn give_up(&mut self, outcome: Outcome) -> Outcome {
        let direction = self.arrival.direction;
        self.connection.app.lose(direction);
        let (ours, _) = self.connection.split(direction);
        while let Some(segment) = ours
            .held()
            .and_then(|held| held.pop_first(&self.shared.held))
        {
            ours.pass_to(segment.segment.end());
            if segment.is_gone {
                continue;
            }
            self.cx.sink.inject(self.cx.port.opposite(), &segment.frame);
            self.cx.sink.count(Count::Injected(Injected::Released));
        }
        self.pass_whole();
        outcome
    }

    /// Inspects and lets go what is held and has its turn now.
    fn release(&mut self, outcome: &mut Outcome) {
        let mut timestamp = self.segment.timestamp;
        loop {
            let (ours, _) = self.connection.split(self.arrival.direction);
            let next = ours.next;
            let Some(mut held) = ours
                .held()
                .and_then(|h| h.pop_ready(next, &self.shared.held))
            else {
                ours.shed();
                return;
            };
            timestamp = held.freshen(timestamp);
            let released = self.release_one(&mut held);
            let forward = outcome.forward;
            if matches!(self.connection.phase, Phase::Denied(_)) {
                outcome.add(&Outcome {
                    forward,
                    ..released
                });
                return;
            }
            // The frame at hand has passed, whatever became of one that was held.
            let verdict = outcome.verdict;
            outcome.add(&Outcome {
                forward,
                verdict,
                ..released
            });
        }
    }

    fn release_one(&mut self, held: &mut super::held::HeldSegment) -> Outcome {
        let arrival = Arrival {
            layout: held.segment.layout,
            ..self.arrival.clone()
        };
        let mut frame = Frame::whole(&mut held.frame);
        let mut work = Work {
            cx: self.cx,
            shared: self.shared,
            arrival: &arrival,
            segment: &held.segment,
            frame: &mut frame,
            connection: self.connection,
            has_room: self.has_room,
            standing: match held.is_gone {
                true => Standing::Gone,
                false => Standing::Held,
            },
        };
        let (ours, _) = work.connection.split(arrival.direction);
        let is_outside = ours.place(work.segment) == Place::Outside;
        let outcome = if is_outside {
            // Held ahead of a FIN that has passed since.
            work.violation(Reason::TCP_OUT_OF_WINDOW)
        } else if let Some(outcome) = work.check_repetition() {
            outcome
        } else if work.connection.app.is_opaque(arrival.direction) {
            work.pass_whole();
            Outcome::ACCEPT
        } else {
            work.advance()
        };
        if outcome.verdict == Verdict::Accept {
            work.emit();
        }
        outcome
    }

    /// Sends a frame that was held on its way, if it isn't already.
    pub(super) fn emit(&mut self) {
        if self.standing == Standing::Gone {
            return;
        }
        self.cx
            .sink
            .inject(self.cx.port.opposite(), self.frame.as_slice());
        self.cx.sink.count(Count::Injected(Injected::Released));
    }

    /// Moves past all that the segment carries, unread.
    fn pass_whole(&mut self) {
        let end = self.segment.seq + self.segment.payload().len();
        let (ours, _) = self.connection.split(self.arrival.direction);
        ours.pass_to(end);
        self.pass_fin();
    }

    fn pass_fin(&mut self) {
        if self.segment.has(TcpFlags::FIN) {
            let at = self.segment.seq + self.segment.payload().len();
            let (ours, _) = self.connection.split(self.arrival.direction);
            ours.pass_fin(at);
            if self.connection.app.note_closing(self.cx.now, self.shared) {
                self.cx.limit(LimitKind::Clients);
            }
        }
    }
}
