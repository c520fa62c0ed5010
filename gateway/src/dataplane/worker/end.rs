//! One end of the link as a worker has it: the sockets of its queues, and sending by one of them.

use std::os::fd::BorrowedFd;

use policy::Side;
use xsk::{Kick, PacketIo, Received, Statistics, ToSend, Umem};

use crate::dataplane::stats::{PortStats, WorkerStats};

/// The sockets of one end. The first one sends; each receives the frames of its queue.
pub(super) struct End<P> {
    side: Side,
    sockets: Vec<P>,
    /// Whether frames may leave here.
    up: bool,
    /// What the kernel counted for earlier sockets of this end.
    counted_before: Statistics,
}

/// How far sending got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flushed {
    /// Everything submitted is out, or thrown away.
    Clean,
    /// The kernel took some and is to be asked again.
    Again,
    /// The kernel takes none at the moment.
    Blocked,
}

impl<P: PacketIo> End<P> {
    pub(super) fn new(side: Side, sockets: Vec<P>, stats: &WorkerStats) -> Self {
        assert!(!sockets.is_empty(), "an end has a socket");
        let port = stats.port(side);
        Self {
            side,
            sockets,
            up: true,
            counted_before: Statistics {
                rx_dropped: port.kernel_rx_dropped.value(),
                rx_ring_full: port.kernel_rx_ring_full.value(),
                rx_fill_ring_empty: port.kernel_fill_ring_empty.value(),
                tx_invalid_descriptors: port.kernel_invalid_descriptors.value(),
                ..Statistics::default()
            },
        }
    }

    pub(super) fn side(&self) -> Side {
        self.side
    }

    /// How many sockets there are to receive from.
    pub(super) fn queues(&self) -> usize {
        self.sockets.len()
    }

    /// Takes sent frames back and offers the kernel free ones.
    pub(super) fn recycle(&mut self, umem: &Umem) {
        for socket in &mut self.sockets {
            socket.complete(umem);
            socket.refill(umem);
        }
    }

    pub(super) fn receive(
        &mut self,
        queue: usize,
        umem: &Umem,
        into: &mut Vec<Received>,
        max: usize,
    ) -> usize {
        self.sockets[queue].receive(umem, into, max)
    }

    /// Puts a frame into the TX ring. What can't be sent is dropped, and counted.
    pub(super) fn send(&mut self, umem: &Umem, stats: &PortStats, frame: ToSend) {
        if !self.up {
            stats.tx_link_down.add(1);
            umem.give(frame);
            return;
        }
        let len = frame.len() as u64;
        let sender = &mut self.sockets[0];
        let submitted = sender.submit(umem, frame).or_else(|frame| {
            // A full ring: let the kernel take what is in it, then once more.
            sender.kick();
            sender.complete(umem);
            sender.submit(umem, frame)
        });
        match submitted {
            Ok(()) => {
                stats.tx_frames.add(1);
                stats.tx_bytes.add(len);
            }
            Err(frame) => {
                stats.tx_ring_full.add(1);
                umem.give(frame);
            }
        }
    }

    /// One step of getting the submitted frames out.
    pub(super) fn flush(&mut self, umem: &Umem, stats: &PortStats) -> Flushed {
        match self.sockets[0].kick() {
            Kick::Done => Flushed::Clean,
            Kick::Again => {
                self.sockets[0].complete(umem);
                Flushed::Again
            }
            Kick::Blocked => Flushed::Blocked,
            // Left in the ring, they would go out whenever the interface comes back.
            Kick::Down | Kick::Failed(_) => {
                let discarded = self.sockets[0].discard_submitted(umem);
                stats.tx_link_down.add(discarded as u64);
                Flushed::Clean
            }
        }
    }

    /// The interface went up or down. What waits to be sent when it goes down is dropped.
    pub(super) fn set_up(&mut self, umem: &Umem, stats: &PortStats, up: bool) {
        if self.up == up {
            return;
        }
        self.up = up;
        if !up {
            let discarded = self.sockets[0].discard_submitted(umem);
            stats.tx_link_down.add(discarded as u64);
        }
    }

    /// Throws away all frames on their way, in and out.
    pub(super) fn discard_all(&mut self, umem: &Umem, stats: &PortStats) {
        for socket in &mut self.sockets {
            let discarded = socket.discard_received(umem) + socket.discard_submitted(umem);
            stats.stale_frames.add(discarded as u64);
        }
    }

    /// Frames of the UMEM that the kernel has because of this end.
    pub(super) fn held(&self) -> usize {
        self.sockets.iter().map(PacketIo::held).sum()
    }

    /// Whether frames wait for the kernel to take them.
    pub(super) fn has_unsent(&mut self) -> bool {
        self.sockets[0].unsent() > 0
    }

    pub(super) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.sockets.iter().filter_map(PacketIo::fd)
    }

    /// Publishes what the kernel counted.
    pub(super) fn publish(&self, stats: &PortStats) {
        let mut sum = self.counted_before;
        for counted in self.sockets.iter().filter_map(|s| s.statistics().ok()) {
            sum.rx_dropped += counted.rx_dropped;
            sum.rx_ring_full += counted.rx_ring_full;
            sum.rx_fill_ring_empty += counted.rx_fill_ring_empty;
            sum.tx_invalid_descriptors +=
                counted.tx_invalid_descriptors + counted.rx_invalid_descriptors;
        }
        stats.kernel_rx_dropped.set(sum.rx_dropped);
        stats.kernel_rx_ring_full.set(sum.rx_ring_full);
        stats.kernel_fill_ring_empty.set(sum.rx_fill_ring_empty);
        stats
            .kernel_invalid_descriptors
            .set(sum.tx_invalid_descriptors);
    }
}
