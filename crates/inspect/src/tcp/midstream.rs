//! Connections older than the gateway, or forgotten by it (DESIGN section 4, point 5).

use policy::{Action, Midstream, Reason, Service};
use wire::Direction;
use wire::net::TcpFlags;

use super::{Connection, Phase, Work};
use crate::app::App;
use crate::shared::Shared;
use crate::{Instant, Outcome, Sink};

impl Connection {
    /// A connection of which nothing was seen so far, and how it is to be treated.
    pub(crate) fn midstream(service: Service, treatment: Midstream) -> Self {
        let app = match treatment {
            Midstream::Accept => App::midstream(service),
            Midstream::Bypass | Midstream::Reset => App::Opaque,
        };
        Self::new(Phase::Midstream, app)
    }

    /// A connection that was seen to begin, and forgotten to make room for others: it is read on from the
    /// beginning of a message, or not at all.
    pub(crate) fn evicted(service: Service, treatment: Midstream) -> Self {
        let mut connection = Self::midstream(service, treatment);
        connection.may_seek = false;
        for half in &mut connection.halves {
            half.start_afresh();
        }
        connection
    }

    /// A connection whose SYN was forgotten, or never seen, and of which nothing else can have passed:
    /// it is read from its beginning.
    pub(crate) fn answering(service: Service, treatment: Midstream, now: Instant) -> Self {
        let mut connection = Self::midstream(service, treatment);
        if treatment == Midstream::Accept {
            connection.app = App::new(service, now);
            connection.halves[Direction::ToServer as usize].start_afresh();
        }
        connection
    }

    /// Some of its segments went by unseen: it goes on where it is met next. False if nothing is known
    /// of it that would still hold.
    pub(crate) fn lose_sight(&mut self, shared: &Shared) -> bool {
        match self.phase {
            Phase::Handshake { .. } => return false,
            Phase::Finished | Phase::Denied(_) | Phase::Foreign { .. } => return true,
            Phase::Midstream | Phase::Established => {}
        }
        for half in &mut self.halves {
            half.clear(shared);
            half.begin_anew();
        }
        self.app.lose_sight(shared);
        self.may_seek = true;
        self.phase = Phase::Midstream;
        true
    }
}

impl<S: Sink> Work<'_, '_, '_, S> {
    /// The first segment seen of a connection.
    ///
    /// # Errors
    /// The outcome, when the connection isn't taken up at all.
    pub(crate) fn judge_midstream(&mut self, treatment: Midstream) -> Result<Outcome, Outcome> {
        let fallback = match treatment {
            Midstream::Accept | Midstream::Bypass => Action::Accept,
            Midstream::Reset => Action::Reset,
        };
        self.judge_first(Reason::TCP_MIDSTREAM, fallback)
    }

    /// A segment with data of a connection that can't have begun unseen, but was never seen to begin
    /// either. Nobody has read what came before it, so that its ends are told, by its numbers, that there
    /// is no such connection.
    ///
    /// # Errors
    /// The outcome, when the connection isn't taken up at all.
    pub(crate) fn judge_unknown(&mut self) -> Result<Outcome, Outcome> {
        self.judge_first(Reason::TCP_NO_CONNECTION, Action::Drop)
    }

    fn judge_first(&mut self, reason: Reason, fallback: Action) -> Result<Outcome, Outcome> {
        let judgement = self.judge_tcp(reason, fallback);
        self.place_halves();
        if judgement.action.stops() {
            return Err(self.carry_out(judgement));
        }
        let mut outcome = judgement.outcome;
        if self.segment.is_multipath {
            let multipath = self.handle_multipath();
            if !multipath.forward {
                return Err(multipath);
            }
            outcome.add(&multipath);
        }
        if self.segment.has(TcpFlags::SYN) {
            return Ok(outcome);
        }
        outcome.add(&self.handle_stream());
        Ok(outcome)
    }

    /// A segment of a connection that hasn't been heard from both ends yet.
    pub(super) fn handle_midstream(&mut self) -> Outcome {
        self.place_halves();
        let outcome = self.handle_stream();
        let is_heard = self.connection.halves.iter().all(|half| half.heard);
        if is_heard && self.connection.phase == Phase::Midstream {
            self.note_established();
        }
        outcome
    }

    /// Takes the numbers of the first segments for those of the connection.
    fn place_halves(&mut self) {
        let (segment, now) = (self.segment, self.cx.now);
        let (ours, theirs) = self.connection.split(self.arrival.direction);
        if segment.has(TcpFlags::SYN) {
            // The answer to a SYN that was forgotten, or never seen.
            ours.note_syn(segment, now);
            theirs.infer_syn(segment);
            ours.shift_first_window(theirs);
            self.connection.phase = Phase::HANDSHAKE;
            return;
        }
        if !ours.heard {
            ours.start_midstream(segment, now);
        }
        if !theirs.heard || segment.ack.is_after(theirs.next) {
            // Bytes that were acknowledged have passed, seen or unseen.
            theirs.resume_at(segment.ack);
        }
    }
}
