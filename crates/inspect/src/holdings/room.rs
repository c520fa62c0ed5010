//! Whether there is room for what a message would open.

use policy::{Holding, Limit, MaxLimit, Meters, Policy, RuleIndex, Subject};
use wire::Direction;

use super::{Held, Holdings, SessionPart, Slot, lock};
use crate::flow::FlowKey;

/// What a message would open, as rules ask about it.
#[derive(Debug)]
pub(crate) struct Room<'a> {
    pub(crate) holdings: &'a Holdings,
    pub(crate) policy: &'a Policy,
    pub(crate) flow: FlowKey,
    pub(crate) opens: Held,
    /// The session that its server ends for this one.
    pub(crate) replaces: Option<SessionPart>,
}

impl Room<'_> {
    /// Whether what `subject` opens is more than `limit` has room for. What opens nothing fits.
    pub(crate) fn is_exceeded(&self, limit: &MaxLimit, subject: &Subject<'_>) -> bool {
        let slot = slot(limit.of, subject.direction);
        let opens = self.opens.of(slot);
        if opens == 0 {
            return false;
        }
        let key = self
            .holdings
            .key(self.policy, limit.apart, subject, &self.flow);
        let Some(key) = key else {
            return false;
        };
        let replaced = self.replaces.as_ref();
        let replaced = replaced.map_or(0, |part| lock(part).held_under(key).of(slot));
        let held = self.holdings.total(key).of(slot).saturating_sub(replaced);
        held.saturating_add(opens) > limit.max
    }
}

impl Meters for Room<'_> {
    fn exceeds(&mut self, _: RuleIndex, limit: &Limit, subject: &Subject<'_>) -> bool {
        match limit {
            Limit::Max(limit) => self.is_exceeded(limit, subject),
            // MQTT has no ratio, and what is counted is metered elsewhere.
            Limit::Ratio(_) | Limit::Count(_) | Limit::Rate(_) | Limit::Distinct(_) => false,
        }
    }
}

fn slot(of: Holding, direction: Direction) -> Slot {
    match (of, direction) {
        (Holding::Sessions, _) => Slot::Sessions,
        (Holding::Subscriptions, _) => Slot::Subscriptions,
        (Holding::InFlight, direction) => Slot::in_flight(direction),
        (Holding::Observers, _) => Slot::Observers,
        (Holding::Exchanges, _) => Slot::Exchanges,
    }
}
