//! The system calls a bound socket needs.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send, sockopt};

use crate::io::Statistics;

/// What the rings need of a kernel, besides the shared memory.
pub trait Syscalls {
    /// Lets the kernel work on the TX ring, without waiting.
    ///
    /// # Errors
    /// As of sendto(2) on an AF_XDP socket: `EAGAIN` asks for another call.
    fn send(&mut self) -> Result<(), Errno>;

    /// Lets the kernel work on the fill ring, without waiting.
    fn wake_rx(&mut self);

    /// `XDP_STATISTICS`.
    ///
    /// # Errors
    /// Of the system call.
    fn statistics(&self) -> Result<Statistics, Errno>;

    /// What to wait on.
    fn fd(&self) -> Option<BorrowedFd<'_>>;
}

/// The system calls of a real socket.
#[derive(Debug)]
pub struct AfXdp {
    pub(crate) fd: OwnedFd,
}

impl Syscalls for AfXdp {
    fn send(&mut self) -> Result<(), Errno> {
        send(&self.fd, &[], SendFlags::DONTWAIT).map(drop)
    }

    fn wake_rx(&mut self) {
        let mut nothing: [u8; 0] = [];
        // The call is for its side effect; a failure (interface down) shows up elsewhere.
        let _ = recv(&self.fd, &mut nothing, RecvFlags::DONTWAIT);
    }

    fn statistics(&self) -> Result<Statistics, Errno> {
        let kernel = sockopt::xdp_statistics(&self.fd)?;
        Ok(Statistics {
            rx_dropped: kernel.rx_dropped,
            rx_ring_full: kernel.rx_ring_full.unwrap_or(0),
            rx_fill_ring_empty: kernel.rx_fill_ring_empty_descs.unwrap_or(0),
            rx_invalid_descriptors: kernel.rx_invalid_descs,
            tx_invalid_descriptors: kernel.tx_invalid_descs,
            tx_ring_empty: kernel.tx_ring_empty_descs.unwrap_or(0),
        })
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.fd.as_fd())
    }
}
