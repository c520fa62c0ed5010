//! From the workers to the writer, without anybody waiting.
//!
//! Two bounds protect the machine: the queue's length, when the writer is slower than the events,
//! and a rate, since a flood of a million bad frames a second must not become as many lines on a
//! router's flash. What exceeds either is dropped and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use inspect::{Event, Instant};

use super::line::{self, Place};

/// Lines that may wait for the writer.
const CAPACITY: usize = 8192;
/// Lines a second one worker may write for long.
const RATE_PER_SECOND: u64 = 2_000;
/// Lines one worker may write at once after a rest.
const BURST: u64 = 8_192;
/// Nanoseconds it takes to earn a line.
const NS_PER_LINE: u64 = 1_000_000_000 / RATE_PER_SECOND;

/// What became of the events.
#[derive(Debug, Default)]
pub struct EventCounts {
    /// Lines handed to the writer and not yet written.
    waiting: AtomicUsize,
    written: AtomicU64,
    dropped_queue: AtomicU64,
    dropped_rate: AtomicU64,
    dropped_write: AtomicU64,
}

impl EventCounts {
    /// Lines written to the destination.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Events that were lost, by cause: the queue was full, they came too fast, the destination
    /// couldn't be written.
    pub fn dropped(&self) -> [(&'static str, u64); 3] {
        [
            ("queue", self.dropped_queue.load(Ordering::Relaxed)),
            ("rate", self.dropped_rate.load(Ordering::Relaxed)),
            ("write", self.dropped_write.load(Ordering::Relaxed)),
        ]
    }

    /// The writer took `lines` out of the queue, and wrote them or failed to.
    pub(super) fn settle(&self, lines: usize, written: bool) {
        self.waiting.fetch_sub(lines, Ordering::Relaxed);
        let counter = if written {
            &self.written
        } else {
            &self.dropped_write
        };
        counter.fetch_add(lines as u64, Ordering::Relaxed);
    }
}

/// A worker's end of the queue.
#[derive(Debug)]
pub struct Queue {
    lines: SyncSender<Vec<u8>>,
    counts: Arc<EventCounts>,
    allowance: Allowance,
}

/// Makes a queue; clone its [`Queue`] for further workers.
pub(super) fn queue() -> (Queue, Receiver<Vec<u8>>, Arc<EventCounts>) {
    let (lines, waiting) = sync_channel(CAPACITY);
    let counts = Arc::new(EventCounts::default());
    let queue = Queue {
        lines,
        counts: Arc::clone(&counts),
        allowance: Allowance::default(),
    };
    (queue, waiting, counts)
}

/// Another worker's end, with an allowance of its own.
impl Clone for Queue {
    fn clone(&self) -> Self {
        Self {
            lines: self.lines.clone(),
            counts: Arc::clone(&self.counts),
            allowance: Allowance::default(),
        }
    }
}

impl Queue {
    /// Writes `event` down and hands it over; false when it was dropped (and counted) instead.
    pub fn offer(&mut self, event: &Event<'_>, place: &Place<'_>) -> bool {
        if !self.allowance.take(event.at) {
            self.counts.dropped_rate.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        // Asked before the line is made, which is the dear part.
        if self.counts.waiting.load(Ordering::Relaxed) >= CAPACITY {
            self.counts.dropped_queue.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        let mut line = Vec::with_capacity(512);
        line::write(event, place, &mut line);
        self.push(line)
    }

    /// Hands a line over; false when it was dropped (and counted) instead.
    pub(super) fn push(&mut self, line: Vec<u8>) -> bool {
        self.counts.waiting.fetch_add(1, Ordering::Relaxed);
        if self.lines.try_send(line).is_err() {
            self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
            self.counts.dropped_queue.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        true
    }
}

/// A token bucket on the events' own clock.
#[derive(Debug)]
struct Allowance {
    lines: u64,
    /// Up to when `lines` has been earned.
    earned_until: Instant,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            lines: BURST,
            earned_until: Instant::ZERO,
        }
    }
}

impl Allowance {
    fn take(&mut self, now: Instant) -> bool {
        let idle_ns = now.0.saturating_sub(self.earned_until.0);
        let earned = idle_ns / NS_PER_LINE;
        self.lines = self.lines.saturating_add(earned).min(BURST);
        self.earned_until.0 += earned * NS_PER_LINE;
        if self.lines == 0 {
            return false;
        }
        self.lines -= 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_spent_once_and_earned_again() {
        let mut allowance = Allowance::default();
        let taken = (0..2 * BURST)
            .filter(|_| allowance.take(Instant::from_secs(100)))
            .count();
        assert_eq!(taken as u64, BURST);
        let a_second_later = Instant::from_secs(101);
        let taken = (0..2 * BURST)
            .filter(|_| allowance.take(a_second_later))
            .count();
        assert_eq!(taken as u64, RATE_PER_SECOND);
    }

    #[test]
    fn a_clock_that_stands_still_earns_nothing() {
        let mut allowance = Allowance {
            lines: 0,
            earned_until: Instant::from_secs(5),
        };
        assert!(!allowance.take(Instant::from_secs(5)));
        assert!(!allowance.take(Instant::from_secs(4)));
        assert!(allowance.take(Instant(5_000_000_000 + NS_PER_LINE)));
    }
}
