//! An observation from its registration to its end (RFC 7641 §3, §4).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::Instant;
use crate::coap::books::budget::VALIDATION;

/// Half of the numbers there are: those further ahead lie behind.
const HALF: u32 = 1 << 23;
/// After that, any number is newer.
const RESTART: Duration = Duration::from_secs(128);

/// How often an observer is asked for its interest, until it shows that, and how often in vain.
const ASKING_INTERVAL: Duration = Duration::from_secs(60);
const UNANSWERED_MAX: u8 = 5;

/// The Observe option of a request (RFC 7641 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Observe {
    Register,
    Deregister,
}

/// How far an observation has come.
#[derive(Debug)]
pub(crate) enum Observation {
    None,
    /// The client registered, the server has not answered yet.
    Asked,
    /// The server notifies.
    Granted {
        /// Of a client that is known to be at its address.
        interest: Option<Interest>,
        latest: Sequence,
        _counted: Counted,
    },
    /// The client has rejected a notification, which its server may not have heard.
    Rejected,
    /// The server declined or has ended it, then, by its own will or as the client asked for.
    Ended(Instant),
}

/// Since when a client hasn't shown that it wants to be notified.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Interest {
    asked_next: Instant,
    /// How often it was asked in vain.
    unanswered: u8,
}

/// A notification's place among the others: the Observe option of a response, and when it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sequence {
    number: u32,
    at: Instant,
}

/// One observation in the number of observations.
#[derive(Debug)]
pub(crate) struct Counted(Arc<AtomicUsize>);

impl Observation {
    /// A request goes to the server. Registering again, or its retransmission, leaves what was granted in
    /// force, and deregistering does until it is answered: it may get lost.
    pub(crate) fn ask(&mut self, observe: Option<Observe>) {
        if observe == Some(Observe::Register) && !self.is_open() {
            *self = Self::Asked;
        }
    }

    /// Its client has rejected a notification: that comes to nothing if it gets lost, and is said again to the next one.
    pub(crate) fn reject(&mut self) {
        *self = Self::Rejected;
    }

    /// A response goes to the client, which is known to be at its address or not. With an Observe
    /// option and a code of success it grants the observation; without, it declines or ends it.
    pub(crate) fn answer(
        &mut self,
        now: Instant,
        notifies: Option<u32>,
        is_trusted: bool,
        number: &Arc<AtomicUsize>,
    ) {
        let next = notifies.map(|number| Sequence::new(now, number));
        match (next, &mut *self) {
            (Some(latest), Self::Asked) => {
                *self = Self::Granted {
                    interest: is_trusted.then(|| Interest::new(now)),
                    latest,
                    _counted: Counted::new(number),
                };
            }
            (
                Some(next),
                Self::Granted {
                    interest, latest, ..
                },
            ) => {
                if is_trusted && interest.is_none() {
                    *interest = Some(Interest::new(now));
                }
                if !next.is_before(*latest) {
                    *latest = next;
                }
            }
            (None, Self::Asked | Self::Granted { .. } | Self::Rejected) => *self = Self::Ended(now),
            (_, Self::None | Self::Rejected | Self::Ended(_)) => {}
        }
    }

    /// The newest notification so far.
    pub(crate) fn latest(&self) -> Option<Sequence> {
        match self {
            Self::Granted { latest, .. } => Some(*latest),
            Self::None | Self::Asked | Self::Rejected | Self::Ended(_) => None,
        }
    }

    /// When it came to its end, for its server too.
    pub(crate) fn ended(&self) -> Option<Instant> {
        match self {
            Self::Ended(at) => Some(*at),
            Self::None | Self::Asked | Self::Granted { .. } | Self::Rejected => None,
        }
    }

    /// Whether notifications were asked for, and may come.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Asked | Self::Granted { .. })
    }

    /// Whether the server notifies.
    pub(crate) fn is_granted(&self) -> bool {
        matches!(self, Self::Granted { .. })
    }

    /// Whether its client is known to be at its address, and was interested when it was last asked.
    pub(crate) fn is_trusted(&self) -> bool {
        matches!(self, Self::Granted { interest: Some(interest), .. } if interest.unanswered < UNANSWERED_MAX)
    }

    /// Whether it is time to ask such a client for its interest (RFC 7641 §4.5, §7).
    pub(crate) fn is_to_confirm(&self, now: Instant) -> bool {
        match self {
            Self::Granted {
                interest: Some(interest),
                ..
            } if self.is_trusted() => now >= interest.asked_next,
            _ => false,
        }
    }

    /// Its client is asked for its interest.
    pub(crate) fn ask_for_interest(&mut self, now: Instant) {
        if let Self::Granted {
            interest: Some(interest),
            ..
        } = self
        {
            interest.unanswered = interest.unanswered.saturating_add(1);
            interest.asked_next = now + ASKING_INTERVAL;
        }
    }

    /// A client that is trusted shows its interest, or that it has none.
    pub(crate) fn note_interest(&mut self, now: Instant, is_interested: bool) {
        let is_trusted = self.is_trusted();
        if let Self::Granted { interest, .. } = self
            && is_trusted
        {
            *interest = is_interested.then(|| Interest::new(now));
        }
    }

    /// A client known to be at its address registers again.
    pub(crate) fn trust(&mut self, now: Instant) {
        if let Self::Granted { interest, .. } = self {
            *interest = Some(Interest::new(now));
        }
    }
}

impl Interest {
    /// It was shown.
    fn new(now: Instant) -> Self {
        Self {
            asked_next: now + VALIDATION,
            unanswered: 0,
        }
    }
}

impl Sequence {
    pub(crate) fn new(at: Instant, number: u32) -> Self {
        Self { number, at }
    }

    /// Whether it is older than `latest` (RFC 7641 §3.4); a repetition isn't.
    pub(crate) fn is_before(self, latest: Self) -> bool {
        let ahead = self.number.wrapping_sub(latest.number) % (2 * HALF);
        ahead >= HALF && self.at.since(latest.at) <= RESTART
    }
}

impl Counted {
    fn new(number: &Arc<AtomicUsize>) -> Self {
        number.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(number))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notifications_are_ordered_around_the_end_of_numbers() {
        let at = |secs| Instant::from_secs(secs);
        for (latest, next, secs, is_before) in [
            (5, 6, 1, false),
            (5, 5, 1, false),
            (6, 5, 1, true),
            (6, 5, 129, false),
            ((1 << 24) - 1, 0, 1, false),
            (0, (1 << 24) - 1, 1, true),
            (0, HALF - 1, 1, false),
            (0, HALF + 1, 1, true),
        ] {
            let latest = Sequence::new(at(0), latest);
            let next = Sequence::new(at(secs), next);
            assert_eq!(next.is_before(latest), is_before, "{latest:?} {next:?}");
        }
    }
}
