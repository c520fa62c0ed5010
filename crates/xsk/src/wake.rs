//! Sleeping until frames come in, somebody calls, or time is up.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;

/// Wakes a sleeping worker up, from any thread.
#[derive(Debug, Clone)]
pub struct Waker(Arc<OwnedFd>);

impl Waker {
    /// A waker nobody has called yet.
    ///
    /// # Errors
    /// Of eventfd(2).
    pub fn new() -> Result<Self, Errno> {
        let fd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self(Arc::new(fd)))
    }

    /// Ends the current or the next [`wait`] of the worker.
    pub fn wake(&self) {
        // A full counter (EAGAIN) means that the worker has been called 2^64 - 2 times already.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }

    fn reset(&self) {
        let mut count = [0; 8];
        // EAGAIN: nobody called.
        let _ = rustix::io::read(&self.0, &mut count);
    }
}

/// Waits for `fds` to become readable, for `waker`, or for `timeout` to pass.
///
/// # Errors
/// Of ppoll(2), interruption aside.
pub fn wait<'a>(
    fds: impl IntoIterator<Item = BorrowedFd<'a>>,
    waker: &Waker,
    timeout: Duration,
) -> Result<(), Errno> {
    let mut polled = vec![PollFd::from_borrowed_fd(waker.0.as_fd(), PollFlags::IN)];
    polled.extend(
        fds.into_iter()
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)),
    );
    let timeout = Timespec::try_from(timeout).unwrap_or(Timespec {
        tv_sec: i64::MAX,
        tv_nsec: 0,
    });
    match poll(&mut polled, Some(&timeout)) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(errno) => return Err(errno),
    }
    if !polled[0].revents().is_empty() {
        waker.reset();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn a_call_ends_the_wait_and_only_one() {
        let waker = Waker::new().expect("an eventfd");
        waker.clone().wake();
        waker.wake();
        let start = Instant::now();
        wait([], &waker, Duration::from_secs(20)).expect("a wait");
        assert!(start.elapsed() < Duration::from_secs(10));
        let start = Instant::now();
        wait([], &waker, Duration::from_millis(5)).expect("a wait");
        assert!(
            start.elapsed() >= Duration::from_millis(5),
            "reset by the first"
        );
    }

    #[test]
    fn a_readable_descriptor_ends_the_wait() {
        let waker = Waker::new().expect("an eventfd");
        let other = Waker::new().expect("an eventfd");
        other.wake();
        let start = Instant::now();
        wait([other.0.as_fd()], &waker, Duration::from_secs(20)).expect("a wait");
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}
