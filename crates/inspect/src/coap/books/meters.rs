//! A client's standing as the policy's rules ask about it.

use std::time::Duration;

use policy::{Action, Limit, Meters, Policy, RuleIndex, Subject};

use super::budget::{Balance, Standing};
use super::size::Size;
use crate::Counted;
use crate::coap::DEFAULT_RATIO;
use crate::holdings::Room;

/// The books opened at one client's page, for one message.
///
/// The message is entered already if it goes towards the client, so its bytes aren't added.
#[derive(Debug)]
pub(crate) struct Books<'a> {
    policy: &'a Policy,
    standing: &'a Standing,
    promise: Promise,
    room: Option<&'a Room<'a>>,
}

/// What a message entails beyond its own bytes, as long as the client's address isn't validated. Only
/// rules that would challenge the client ask: now it can still be afforded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promise {
    Nothing,
    /// So many bytes more: an answer foreseen, or a challenge of what follows an empty ACK.
    Bytes(Size),
    /// Notifications, and nobody knows how many (draft-irtf-t2trg-amplification-attacks §2.2). A
    /// client that sends nothing for a window could not even be challenged any more.
    Endless,
}

impl<'a> Books<'a> {
    pub(crate) fn new(policy: &'a Policy, standing: &'a Standing, promise: Promise) -> Self {
        Self {
            policy,
            standing,
            promise,
            room: None,
        }
    }

    /// Of a message that entails nothing, with what it would open, where rules ask.
    pub(crate) fn with_room(
        policy: &'a Policy,
        standing: &'a Standing,
        room: Option<&'a Room<'a>>,
    ) -> Self {
        Self {
            policy,
            standing,
            promise: Promise::Nothing,
            room,
        }
    }

    fn challenges(&self, rule: RuleIndex) -> bool {
        let rule = self.policy.rules().get(rule.as_usize());
        rule.is_some_and(|rule| rule.action == Action::Challenge)
    }
}

impl Meters for Books<'_> {
    fn exceeds(&mut self, rule: RuleIndex, limit: &Limit, subject: &Subject<'_>) -> bool {
        let ratio = match limit {
            Limit::Ratio(ratio) => ratio,
            Limit::Max(max) => {
                return self.room.is_some_and(|room| room.is_exceeded(max, subject));
            }
            // What isn't of CoAP alone is metered elsewhere.
            Limit::Count(_) | Limit::Rate(_) | Limit::Distinct(_) => return false,
        };
        let page = self.policy.ratios().iter().position(|kept| kept == ratio);
        let balance = page.and_then(|page| self.standing.balances.get(page));
        let Some(balance) = balance else {
            // No books, no credit; but the books are kept for every ratio of the policy.
            return true;
        };
        let looks_ahead = !subject.address_validated && self.challenges(rule);
        let promised = match self.promise {
            Promise::Endless if looks_ahead => return true,
            Promise::Bytes(size) if looks_ahead => size.on(ratio.of).into(),
            _ => 0,
        };
        ratio.is_exceeded(balance.received, balance.sent.saturating_add(promised))
    }
}

/// What a rule went by that counts bytes, of a client that stands so.
pub(crate) fn counted(
    policy: &Policy,
    rule: Option<RuleIndex>,
    standing: &Standing,
) -> Option<Counted> {
    let Some(Limit::Ratio(ratio)) = policy.rules().get(rule?.as_usize())?.limit else {
        return None;
    };
    let page = policy.ratios().iter().position(|kept| *kept == ratio)?;
    let Balance { received, sent } = *standing.balances.get(page)?;
    Some(Counted {
        of: ratio.of,
        received,
        sent,
        budget: received.saturating_mul(ratio.ratio_milli.into()) / 1000,
    })
}

/// Over what the longest books are kept.
pub(crate) fn longest_window(policy: &Policy) -> Duration {
    let windows = policy.ratios().iter().map(|ratio| ratio.window);
    windows.max().unwrap_or(DEFAULT_RATIO.window)
}

impl Standing {
    /// Bytes towards the client for a thousand from it, over the first window.
    pub(crate) fn permille(&self) -> u32 {
        let Some(balance) = self.balances.first() else {
            return 0;
        };
        let permille = balance.sent.saturating_mul(1000) / balance.received.max(1);
        u32::try_from(permille).unwrap_or(u32::MAX)
    }
}
