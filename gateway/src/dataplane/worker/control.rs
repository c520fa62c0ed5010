//! What the control plane tells a worker: a few flags it looks at, never waiting for anyone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use policy::Side;
use rustix::io::Errno;
use xsk::Waker;

/// What a worker is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Work.
    Run,
    /// No more frames will come: send out what is there, then end.
    Drain,
    /// End.
    Stop,
}

/// The control plane's hold on a worker.
#[derive(Debug, Clone)]
pub struct Control(Arc<Flags>);

#[derive(Debug)]
struct Flags {
    phase: AtomicU8,
    inside_up: AtomicBool,
    outside_up: AtomicBool,
    waker: Waker,
}

impl Control {
    /// For a worker whose ends are both up.
    ///
    /// # Errors
    /// Of eventfd(2).
    pub fn new() -> Result<Self, Errno> {
        Ok(Self(Arc::new(Flags {
            phase: AtomicU8::new(Phase::Run as u8),
            inside_up: AtomicBool::new(true),
            outside_up: AtomicBool::new(true),
            waker: Waker::new()?,
        })))
    }

    /// Tells the worker what to do from now on, and wakes it up.
    pub fn set_phase(&self, phase: Phase) {
        self.0.phase.store(phase as u8, Ordering::Release);
        self.0.waker.wake();
    }

    /// Tells the worker whether frames may leave by this end, and wakes it up if that is news.
    /// Returns what it was told before.
    pub fn set_up(&self, side: Side, up: bool) -> bool {
        let before = self.flag(side).swap(up, Ordering::AcqRel);
        if before != up {
            self.0.waker.wake();
        }
        before
    }

    pub(super) fn phase(&self) -> Phase {
        match self.0.phase.load(Ordering::Acquire) {
            phase if phase == Phase::Run as u8 => Phase::Run,
            phase if phase == Phase::Drain as u8 => Phase::Drain,
            _ => Phase::Stop,
        }
    }

    pub(super) fn is_up(&self, side: Side) -> bool {
        self.flag(side).load(Ordering::Acquire)
    }

    pub(super) fn waker(&self) -> &Waker {
        &self.0.waker
    }

    fn flag(&self, side: Side) -> &AtomicBool {
        match side {
            Side::Inside => &self.0.inside_up,
            Side::Outside => &self.0.outside_up,
        }
    }
}
