//! When a worker goes on at once, when it sleeps, and when it is done.

use std::time::Duration;

use abi::OnFailure;
use inspect::Instant;
use rustix::io::Errno;
use xsk::PacketIo;

use super::{End, Inspection, Observer, Phase, Pulse, Worker, clock};

/// How long a worker that drains goes on without seeing a frame.
const DRAIN_QUIET: Duration = Duration::from_millis(5);
/// How long it goes on at most.
const DRAIN_MAX: Duration = Duration::from_millis(200);
/// How long it sleeps while the kernel takes no frames.
pub(super) const BLOCKED_PAUSE: Duration = Duration::from_micros(200);

/// How a worker goes about it.
#[derive(Debug, Clone, Copy)]
pub struct Tempo {
    /// How long to look for frames without sleeping after the last one.
    pub busy_poll: Duration,
    /// How often to say that it lives.
    pub heartbeat: Duration,
    /// Age of a heartbeat from which on the XDP program takes the worker for hung.
    pub stale_after: Duration,
    /// What it does then.
    pub on_failure: OnFailure,
}

impl<P: PacketIo, O: Observer, B: Pulse> Worker<P, O, B> {
    /// Whether a draining worker has nothing left to do.
    pub(super) fn is_drained(&mut self, now: Instant, since: Instant) -> bool {
        let quiet = now.since(self.last_frame.max(since)) >= DRAIN_QUIET && !self.blocked;
        quiet || now.since(since) >= DRAIN_MAX
    }

    /// Goes on at once while frames come or came a moment ago; else sleeps.
    pub(super) fn rest(&mut self) -> Result<(), Errno> {
        if !self.idle {
            return Ok(());
        }
        let now = clock::now();
        if now.since(self.last_frame) < self.tempo.busy_poll || self.control.phase() != Phase::Run {
            std::hint::spin_loop();
            return Ok(());
        }
        let timeout = self.sleep_time(now);
        if timeout.is_zero() {
            return Ok(());
        }
        self.stats.sleeps.add(1);
        // Polling a socket has the kernel send what is submitted, without our looking at the clock.
        let listening = !self.blocked;
        let fds = self.ends.iter().filter(|_| listening).flat_map(End::fds);
        xsk::wait(fds, self.control.waker(), timeout)
    }

    /// How long nothing is due.
    pub(super) fn sleep_time(&self, now: Instant) -> Duration {
        let next_beat = self.last_beat + self.tempo.heartbeat;
        let mut until = next_beat;
        if let Inspection::Full(inspector) = &self.inspection
            && let Some((due, _)) = inspector.poll_timeout()
        {
            until = until.min(due);
        }
        if self.blocked {
            until = until.min(now + BLOCKED_PAUSE);
        }
        until.since(now)
    }
}
