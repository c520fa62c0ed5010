//! What a worker needs of a socket.

use std::os::fd::BorrowedFd;

use rustix::io::Errno;

use crate::frame::{Received, ToSend};
use crate::umem::Umem;

/// Frames in and out of one queue of one interface, all of them of one UMEM.
///
/// The order of a round: [`complete`](Self::complete), [`refill`](Self::refill),
/// [`receive`](Self::receive), [`submit`](Self::submit) per frame, and
/// [`kick`](Self::kick) until it has nothing more to do.
pub trait PacketIo {
    /// Takes frames that have been sent back into the pool. Returns how many.
    fn complete(&mut self, umem: &Umem) -> usize;

    /// Gives frames of the pool to the kernel, to receive into. Returns how many.
    fn refill(&mut self, umem: &Umem) -> usize;

    /// Appends at most `max` frames that have come in. Returns how many.
    fn receive(&mut self, umem: &Umem, into: &mut Vec<Received>, max: usize) -> usize;

    /// Puts a frame into the TX ring; the kernel sees it at the next [`kick`](Self::kick).
    ///
    /// # Errors
    /// The frame, when the ring is full.
    fn submit(&mut self, umem: &Umem, frame: ToSend) -> Result<(), ToSend>;

    /// Shows the kernel what was submitted and wakes it up, if it wants to be, with one system call.
    fn kick(&mut self) -> Kick;

    /// Takes back every frame submitted and not yet taken by the kernel. Returns how many. A kernel
    /// that takes frames by itself (zero copy) gives none back.
    fn discard_submitted(&mut self, umem: &Umem) -> usize;

    /// Throws away every frame that has come in. Returns how many.
    fn discard_received(&mut self, umem: &Umem) -> usize;

    /// Frames of the UMEM that are with the kernel because of this socket.
    fn held(&self) -> usize;

    /// Frames submitted that the kernel hasn't taken yet, whether it has been shown them or not.
    fn unsent(&mut self) -> usize;

    /// What the kernel counted.
    ///
    /// # Errors
    /// Of the system call.
    fn statistics(&self) -> Result<Statistics, Errno>;

    /// What to wait on for frames to come in; none if there is no such thing.
    fn fd(&self) -> Option<BorrowedFd<'_>>;
}

/// What came of waking the kernel up for TX.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kick {
    /// Nothing is left for the caller to do.
    Done,
    /// The kernel took some frames, and is to be called again for the rest: in copy mode it takes
    /// 32 at a time.
    Again,
    /// The kernel takes no frames now: its buffers or the device's queue are full.
    Blocked,
    /// The interface is down or gone; what was submitted stays where it is.
    Down,
    /// The system call failed for another reason.
    Failed(Errno),
}

/// `XDP_STATISTICS`: frames the kernel could not hand over, since the socket was bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Dropped on receive for other reasons than those below: too large for a chunk, for one.
    pub rx_dropped: u64,
    /// Dropped because the RX ring was full: the worker was too slow.
    pub rx_ring_full: u64,
    /// Dropped because the fill ring was empty: the UMEM was too small.
    pub rx_fill_ring_empty: u64,
    /// Descriptors in the fill ring that made no sense.
    pub rx_invalid_descriptors: u64,
    /// Descriptors in the TX ring that made no sense; those of frames taken back are among them.
    pub tx_invalid_descriptors: u64,
    /// How often the kernel found the TX ring empty.
    pub tx_ring_empty: u64,
}
