//! Multipath TCP (RFC 8684): its option leaves no segment, so that both ends fall back to plain TCP.
//!
//! Where it was agreed on, the order of a connection's bytes is that of its mappings, not of the sequence
//! numbers, and part of them may come over other paths: what Weir reads isn't what the receiver does.
//! Ends whose SYNs lose the option talk on without (§3.7). It goes from every other segment, too: a
//! server that keeps no state of handshakes (SYN cookies) takes it from the third one (§3.1), and a
//! connection older than the gateway that can't fall back any more is reset by its own ends.

use policy::{Action, Protocol, Reason};
use wire::net::edit;

use super::Work;
use crate::context::{Arrival, Context, Judgement};
use crate::{Frame, Outcome, Sink};

/// What becomes of a connection's options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Multipath {
    /// None was seen.
    Unheard,
    /// They are taken out.
    Blanked,
    /// They stay: the gateway is a monitor, or the rule a dry run.
    Left,
}

impl<S: Sink> Work<'_, '_, '_, S> {
    /// A segment with the option, which is told of once a connection. It may be anybody's, so that a
    /// rule that wants none drops the segment alone.
    pub(super) fn handle_multipath(&mut self) -> Outcome {
        let mut outcome = Outcome::ACCEPT;
        if self.connection.multipath == Multipath::Unheard {
            let judgement = judge(self.cx, self.arrival);
            if judgement.action.stops() {
                return Outcome::dropped_by(&judgement.outcome);
            }
            outcome = judgement.outcome;
            self.connection.multipath = fate(self.cx, &judgement);
        }
        if self.connection.multipath == Multipath::Blanked {
            edit::blank_multipath(self.frame.as_mut_slice(), &self.segment.layout);
        }
        outcome
    }
}

/// A segment with the option that carries nothing, of a connection nobody knows.
#[cold]
pub(crate) fn handle_stray<S: Sink>(
    cx: &mut Context<'_, S>,
    arrival: &Arrival,
    frame: &mut Frame<'_>,
) -> Outcome {
    let judgement = judge(cx, arrival);
    if judgement.action.stops() {
        return Outcome::dropped_by(&judgement.outcome);
    }
    if fate(cx, &judgement) == Multipath::Blanked {
        edit::blank_multipath(frame.as_mut_slice(), &arrival.layout);
    }
    judgement.outcome
}

fn judge<S: Sink>(cx: &mut Context<'_, S>, arrival: &Arrival) -> Judgement {
    let reasons = [Reason::TCP_MULTIPATH];
    let subject = arrival.detection(Protocol::Tcp, &reasons);
    cx.judge_or(Action::Accept, arrival, &subject, &mut ())
}

fn fate<S: Sink>(cx: &Context<'_, S>, judgement: &Judgement) -> Multipath {
    match judgement.outcome.would.is_some() || cx.is_monitor() {
        true => Multipath::Left,
        false => Multipath::Blanked,
    }
}
