//! The four rings of a socket, and frames on their way through them.

use std::os::fd::BorrowedFd;

use rustix::io::Errno;

use crate::frame::{Free, Received, ToSend};
use crate::io::{Kick, PacketIo, Statistics};
use crate::ring::{Consumer, Descriptor, Producer};
use crate::syscalls::{AfXdp, Syscalls};
use crate::umem::Umem;

/// A socket bound to one queue of one interface.
///
/// Dropping it closes it; the frames it held stay out of the UMEM's pool, since the kernel lets go
/// of them at an unknown time. A UMEM ends with its last socket.
#[derive(Debug)]
pub struct Socket<S = AfXdp> {
    pub(crate) fill: Producer<u64>,
    pub(crate) completion: Consumer<u64>,
    pub(crate) rx: Consumer<Descriptor>,
    pub(crate) tx: Producer<Descriptor>,
    /// Whether the driver reads the rings by itself, at any time.
    pub(crate) zero_copy: bool,
    /// Frames lent to the kernel and not yet back.
    pub(crate) held: usize,
    /// Addresses from the kernel that no chunk has.
    pub(crate) invalid: u64,
    pub(crate) syscalls: S,
}

impl<S> Socket<S> {
    pub(crate) fn over(
        fill: Producer<u64>,
        completion: Consumer<u64>,
        rx: Consumer<Descriptor>,
        tx: Producer<Descriptor>,
        syscalls: S,
    ) -> Self {
        Self {
            fill,
            completion,
            rx,
            tx,
            zero_copy: false,
            held: 0,
            invalid: 0,
            syscalls,
        }
    }

    /// Whether the driver works on the UMEM itself, without copying.
    #[must_use]
    pub fn is_zero_copy(&self) -> bool {
        self.zero_copy
    }

    /// Takes one received descriptor off its ring; nothing when the kernel named no chunk of ours.
    fn take_received(&mut self, umem: &Umem, descriptor: Descriptor) -> Option<Received> {
        let back = umem.accept_back(descriptor.addr);
        let len = u16::try_from(descriptor.len).ok();
        let Some(((chunk, offset), len)) = back.zip(len) else {
            self.invalid += 1;
            return None;
        };
        self.held -= 1;
        Some(Received { chunk, offset, len })
    }
}

impl<S: Syscalls> PacketIo for Socket<S> {
    fn complete(&mut self, umem: &Umem) -> usize {
        let mut completed = 0;
        while let Some(address) = self.completion.pop() {
            let Some((chunk, _)) = umem.accept_back(address) else {
                self.invalid += 1;
                continue;
            };
            umem.give(Free(chunk));
            completed += 1;
        }
        self.completion.release();
        self.held -= completed;
        completed
    }

    fn refill(&mut self, umem: &Umem) -> usize {
        let wanted = self.fill.room(u32::MAX) as usize;
        let mut filled = 0;
        while filled < wanted {
            let Some(Free(chunk)) = umem.take() else {
                break;
            };
            self.fill.stage(umem.lend(chunk, 0, 0));
            filled += 1;
        }
        if filled > 0 {
            self.held += filled;
            self.fill.publish();
            if self.fill.needs_wakeup() {
                self.syscalls.wake_rx();
            }
        }
        filled
    }

    fn receive(&mut self, umem: &Umem, into: &mut Vec<Received>, max: usize) -> usize {
        let before = into.len();
        while into.len() - before < max {
            let Some(descriptor) = self.rx.pop() else {
                break;
            };
            into.extend(self.take_received(umem, descriptor));
        }
        self.rx.release();
        into.len() - before
    }

    fn submit(&mut self, umem: &Umem, frame: ToSend) -> Result<(), ToSend> {
        if self.tx.room(1) == 0 {
            return Err(frame);
        }
        let len = frame.len;
        let addr = umem.lend(frame.chunk, frame.offset, len);
        self.tx.stage(Descriptor {
            addr,
            len: u32::from(len),
            options: 0,
        });
        self.held += 1;
        Ok(())
    }

    fn kick(&mut self) -> Kick {
        self.tx.publish();
        let before = self.tx.pending();
        if before == 0 || !self.tx.needs_wakeup() {
            return Kick::Done;
        }
        let result = self.syscalls.send();
        let progress = self.tx.pending() < before;
        match result {
            Ok(()) => Kick::Done,
            Err(Errno::INTR) => Kick::Again,
            // EBUSY: a frame was dropped below us, and there may be more behind it.
            Err(Errno::AGAIN | Errno::BUSY) if progress => Kick::Again,
            Err(Errno::AGAIN | Errno::BUSY | Errno::NOBUFS) => Kick::Blocked,
            Err(Errno::NETDOWN | Errno::NXIO | Errno::NODEV | Errno::BADF) => Kick::Down,
            Err(errno) => Kick::Failed(errno),
        }
    }

    fn discard_submitted(&mut self, umem: &Umem) -> usize {
        // A driver in zero-copy mode may be reading the ring right now, and needs no call to send.
        if self.zero_copy {
            return 0;
        }
        let invalid = Descriptor {
            addr: umem.invalid_address(),
            len: 1,
            options: 0,
        };
        let mut discarded = 0;
        self.tx.rewrite_pending(|descriptor| {
            // One taken back before is still in the ring when the kernel wasn't called since.
            if let Some((chunk, _)) = umem.accept_back(descriptor.addr) {
                umem.give(Free(chunk));
                discarded += 1;
            }
            invalid
        });
        self.held -= discarded;
        discarded
    }

    fn discard_received(&mut self, umem: &Umem) -> usize {
        let mut discarded = 0;
        while let Some(descriptor) = self.rx.pop() {
            if let Some(frame) = self.take_received(umem, descriptor) {
                umem.give(frame);
                discarded += 1;
            }
        }
        self.rx.release();
        discarded
    }

    fn held(&self) -> usize {
        self.held
    }

    fn unsent(&mut self) -> usize {
        self.tx.unconsumed() as usize
    }

    fn statistics(&self) -> Result<Statistics, Errno> {
        self.syscalls.statistics()
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.syscalls.fd()
    }
}
