//! The thread that watches over the links: it notices interfaces that go away and come back, and
//! workers that end, and sees to it that what can run does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::error;
use xsk::Waker;

use super::Observer;
use super::hold::keep_pins;
use super::link::Link;
use super::netlink::Monitor;
use super::worker::Phase;
use super::workshop::Workshop;
use super::xdp::Xdp;

/// How often links are looked at without cause: what failed to start is tried again.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long to hold back when the kernel can't be listened to.
const DEAF_PAUSE: Duration = Duration::from_millis(100);

/// The XDP side of the data plane: the supervisor changes it, others ask it.
#[derive(Clone)]
pub(super) struct SharedXdp(Arc<Mutex<Xdp>>);

impl SharedXdp {
    pub(super) fn new(xdp: Xdp) -> Self {
        Self(Arc::new(Mutex::new(xdp)))
    }

    /// Every change is whole by itself, so that a panic elsewhere doesn't make it unusable.
    pub(super) fn lock(&self) -> MutexGuard<'_, Xdp> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn into_inner(self) -> Option<Xdp> {
        let mutex = Arc::into_inner(self.0)?;
        Some(mutex.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Watches over all links until stopped.
pub(super) struct Supervisor<O> {
    pub(super) links: Vec<Link>,
    pub(super) xdp: SharedXdp,
    pub(super) workshop: Workshop<O>,
    pub(super) monitor: Monitor,
    pub(super) waker: Waker,
    pub(super) stop: Arc<AtomicBool>,
    /// What is wrong with the pins.
    pub(super) complaint: Option<String>,
}

impl<O: Observer> Supervisor<O> {
    pub(super) fn run(mut self) {
        while !self.stop.load(Ordering::Acquire) {
            self.look();
            if let Err(problem) = self.monitor.wait(&self.waker, LOOK_EVERY) {
                error!("interfaces can't be watched: {problem}");
                std::thread::sleep(DEAF_PAUSE);
            }
        }
        let mut xdp = self.xdp.lock();
        for link in &mut self.links {
            link.stop(&mut xdp, Phase::Drain);
        }
    }

    fn look(&mut self) {
        let mut xdp = self.xdp.lock();
        let pinned = keep_pins(&mut xdp, &mut self.complaint);
        for link in &mut self.links {
            link.hold().tell_pinned(pinned);
            link.follow(&mut xdp, &mut self.workshop);
        }
    }
}
