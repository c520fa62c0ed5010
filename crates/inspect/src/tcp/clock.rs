//! The timestamps one end puts on its segments (RFC 7323 §3), if both have agreed on them.
//!
//! A receiver throws away what is older than the last it took (PAWS, RFC 7323 §5): so does Weir, or
//! else bytes that somebody off the path has guessed into the window would count as the first, and
//! the sender's own would contradict them from then on.

use super::segment::Segment;

/// The clock of one end, as far as its segments show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    /// The other end has seen this much of it: TS.Recent, or somewhat less.
    recent: u32,
    /// The latest seen.
    latest: u32,
}

impl Clock {
    /// The clock that a first segment shows, if it shows one.
    pub(super) fn started(segment: &Segment) -> Option<Self> {
        segment.timestamp.map(|value| Self {
            recent: value,
            latest: value,
        })
    }

    /// Notes a timestamp; `is_next` if it is on what the receiver expects next (RFC 7323 §4.3).
    pub(super) fn note(&mut self, value: u32, is_next: bool) {
        if is_before(self.latest, value) {
            self.latest = value;
        }
        if is_next && is_before(self.recent, value) {
            self.recent = value;
        }
    }

    /// Whether the other end would throw it away for its age. A flow that has been silent for the 24
    /// days after which no age can be told (RFC 7323 §5.5) is long forgotten.
    pub(super) fn is_outdated(self, value: u32) -> bool {
        is_before(value, self.recent)
    }

    /// The latest timestamp seen, for a segment in this end's name.
    pub(super) fn latest(self) -> u32 {
        self.latest
    }
}

/// Timestamps wrap as sequence numbers do (RFC 7323 §5.2).
fn is_before(earlier: u32, later: u32) -> bool {
    earlier.wrapping_sub(later).cast_signed() < 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_receiver_expects_next_makes_others_old() {
        let mut clock = Clock {
            recent: 10,
            latest: 10,
        };
        clock.note(20, false);
        assert!(!clock.is_outdated(15));
        clock.note(12, true);
        assert!(clock.is_outdated(11) && !clock.is_outdated(12));
        clock.note(5, true);
        assert_eq!((clock.recent, clock.latest()), (12, 20));
    }

    #[test]
    fn the_clock_wraps() {
        let mut clock = Clock {
            recent: u32::MAX,
            latest: u32::MAX,
        };
        clock.note(3, true);
        assert!(clock.is_outdated(u32::MAX) && !clock.is_outdated(3));
    }
}
