//! The timestamps one end puts on its segments (RFC 7323 §3), if both have agreed on them.
//!
//! A receiver throws away what is older than the last it took (PAWS, RFC 7323 §5): so does Weir, or
//! else bytes that somebody off the path has guessed into the window would count as the first, and
//! the sender's own would contradict them from then on.

use super::segment::Segment;
use crate::Instant;

/// After so long a silence no age can be told any more, in units of 2^30 ns: half the time in which a clock of
/// microseconds, the fastest that systems have, wraps. RFC 7323 §5.5 says 24 days, of one of milliseconds.
const FORGOTTEN_AFTER: u32 = 2000;

/// The clock of one end, as far as its segments show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    /// The other end has seen this much of it: TS.Recent, or somewhat less.
    recent: u32,
    /// The latest seen.
    latest: u32,
    /// When `recent` was shown last, in units of 2^30 ns.
    shown: u32,
}

impl Clock {
    /// The clock that a first segment shows, if it shows one.
    pub(super) fn started(segment: &Segment, now: Instant) -> Option<Self> {
        segment.timestamp.map(|value| Self {
            recent: value,
            latest: value,
            shown: coarse(now),
        })
    }

    /// Notes a timestamp; `is_next` if it is on what the receiver expects next (RFC 7323 §4.3).
    pub(super) fn note(&mut self, value: u32, is_next: bool, now: Instant) {
        let is_anew = is_next && self.is_forgotten(now);
        if is_anew || is_before(self.latest, value) {
            self.latest = value;
        }
        if is_anew || (is_next && is_before(self.recent, value)) {
            self.recent = value;
        }
        if is_next {
            self.shown = coarse(now);
        }
    }

    /// Whether the other end would throw it away for its age.
    pub(super) fn is_outdated(self, value: u32, now: Instant) -> bool {
        is_before(value, self.recent) && !self.is_forgotten(now)
    }

    fn is_forgotten(self, now: Instant) -> bool {
        coarse(now).wrapping_sub(self.shown) >= FORGOTTEN_AFTER
    }

    /// What the other end echoes, until it has what it misses (RFC 7323 §4.3).
    pub(super) fn recent(self) -> u32 {
        self.recent
    }

    /// The latest timestamp seen, for a segment in this end's name.
    pub(super) fn latest(self) -> u32 {
        self.latest
    }
}

/// A time in units of 2^30 ns.
fn coarse(at: Instant) -> u32 {
    (at.0 >> 30) as u32
}

/// Timestamps wrap as sequence numbers do (RFC 7323 §5.2).
pub(super) fn is_before(earlier: u32, later: u32) -> bool {
    earlier.wrapping_sub(later).cast_signed() < 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_secs(100);

    fn clock(value: u32) -> Clock {
        Clock {
            recent: value,
            latest: value,
            shown: coarse(NOW),
        }
    }

    #[test]
    fn only_what_the_receiver_expects_next_makes_others_old() {
        let mut clock = clock(10);
        clock.note(20, false, NOW);
        assert!(!clock.is_outdated(15, NOW));
        clock.note(12, true, NOW);
        assert!(clock.is_outdated(11, NOW) && !clock.is_outdated(12, NOW));
        clock.note(5, true, NOW);
        assert_eq!((clock.recent, clock.latest()), (12, 20));
    }

    #[test]
    fn the_clock_wraps() {
        let mut clock = clock(u32::MAX);
        clock.note(3, true, NOW);
        assert!(clock.is_outdated(u32::MAX, NOW) && !clock.is_outdated(3, NOW));
    }

    /// Forty minutes of a clock of microseconds are more than half its wrap.
    #[test]
    fn after_a_long_silence_nothing_is_old() {
        let mut clock = clock(1000);
        let later = 1000_u32.wrapping_add(2_400_000_000);
        assert!(clock.is_outdated(later, Instant::from_secs(2000)));
        let now = Instant::from_secs(2500);
        assert!(!clock.is_outdated(later, now));
        clock.note(later, true, now);
        assert_eq!(clock.latest(), later);
        assert!(!clock.is_outdated(later, now) && clock.is_outdated(later - 1, now));
    }
}
