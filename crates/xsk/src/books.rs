//! Millions of frames through simulated sockets that fail in every way they can: no frame of the
//! UMEM gets lost, none is seen twice, and what went in came out or was dropped on purpose.

use crate::sim::{self, Faults, Kernel, Random};
use crate::{ChunkSize, Kick, PacketIo, Received, ToSend, Umem};

const RING: u32 = 256;
const BATCH: usize = 64;

/// The two sockets of a worker, the kernels behind them, and the books.
struct Bench<P> {
    umem: Umem,
    ends: [P; 2],
    kernels: [Kernel; 2],
    random: Random,
    batch: Vec<Received>,
    serial: u64,
    books: Books,
}

#[derive(Debug, Default)]
struct Books {
    delivered: u64,
    injected: u64,
    dropped: u64,
    discarded: u64,
    sent: u64,
}

fn bench(seed: u64, faults: Faults) -> Bench<impl PacketIo> {
    let umem = Umem::simulated(ChunkSize::K2, 4 * RING);
    let (inside, inside_kernel) = sim::socket(&umem, RING, seed, faults);
    let (outside, outside_kernel) = sim::socket(&umem, RING, seed ^ 1, faults);
    Bench {
        umem,
        ends: [inside, outside],
        kernels: [inside_kernel, outside_kernel],
        random: Random(seed),
        batch: Vec::new(),
        serial: 0,
        books: Books::default(),
    }
}

impl<P: PacketIo> Bench<P> {
    /// One round of a worker's loop, with a random fate for each frame.
    fn round(&mut self) {
        for side in [0, 1] {
            self.ends[side].complete(&self.umem);
            self.ends[side].refill(&self.umem);
        }
        for side in [0, 1] {
            let max = BATCH;
            let mut batch = std::mem::take(&mut self.batch);
            self.ends[side].receive(&self.umem, &mut batch, max);
            for frame in batch.drain(..) {
                self.handle(side, frame);
            }
            self.batch = batch;
        }
        for side in [0, 1] {
            self.flush(side);
        }
    }

    fn handle(&mut self, side: usize, mut frame: Received) {
        let len = frame.len();
        match self.random.below(10) {
            0 | 1 => {
                self.books.dropped += 1;
                self.umem.give(frame);
            }
            2 => {
                // A frame of our own in the other direction, and the received one cut short.
                self.serial += 1;
                self.inject(side, self.serial);
                self.umem.buffer_mut(&mut frame)[20] ^= 0xff;
                self.submit(1 - side, frame.into_send(21));
            }
            _ => self.submit(
                1 - side,
                frame.into_send(u16::try_from(len).expect("a frame")),
            ),
        }
    }

    fn inject(&mut self, side: usize, serial: u64) {
        let Some(free) = self.umem.take() else {
            return;
        };
        self.books.injected += 1;
        let frame = self
            .umem
            .write(free, &content(serial, 60))
            .expect("it fits");
        self.submit(side, frame);
    }

    fn submit(&mut self, side: usize, frame: ToSend) {
        if let Err(frame) = self.ends[side].submit(&self.umem, frame) {
            self.books.dropped += 1;
            self.umem.give(frame);
        }
    }

    fn flush(&mut self, side: usize) {
        for _ in 0..RING {
            match self.ends[side].kick() {
                Kick::Again => self.kernels[side].complete(),
                Kick::Down => {
                    let discarded = self.ends[side].discard_submitted(&self.umem);
                    self.books.discarded += discarded as u64;
                    break;
                }
                Kick::Done | Kick::Blocked => break,
                Kick::Failed(errno) => panic!("{errno}"),
            }
        }
    }

    fn deliver(&mut self, side: usize) {
        self.serial += 1;
        let len = 60 + self.random.below(1000) as usize;
        if self.kernels[side].deliver(&content(self.serial, len)) {
            self.books.delivered += 1;
        }
    }

    /// What the kernels sent, each frame once and whole.
    fn collect(&mut self, seen: &mut Vec<bool>) {
        for kernel in &self.kernels {
            while let Some(frame) = kernel.sent() {
                let serial = u64::from_be_bytes(frame[..8].try_into().expect("eight"));
                let cut = frame.len() == 21;
                let mut expected = content(serial, frame.len());
                if cut {
                    expected[20] ^= 0xff;
                }
                assert_eq!(frame, expected, "frame {serial} is as it was");
                let at = usize::try_from(serial).expect("a serial");
                if seen.len() <= at {
                    seen.resize(2 * at + 1, false);
                }
                assert!(!seen[at], "frame {serial} came out twice");
                seen[at] = true;
                self.books.sent += 1;
            }
        }
    }

    fn assert_balance(&self) {
        let held: usize = self.ends.iter().map(PacketIo::held).sum();
        assert_eq!(self.umem.outstanding(), held);
        assert_eq!(self.umem.available() + held, self.umem.capacity());
    }
}

/// A frame's bytes: its serial number, and a pattern that follows from it.
fn content(serial: u64, len: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..len)
        .map(|i| (serial as u8).wrapping_add(i as u8))
        .collect();
    bytes[..8].copy_from_slice(&serial.to_be_bytes());
    bytes
}

/// Runs `frames` frames through, and lets everything come to rest. Returns the books.
fn run(seed: u64, faults: Faults, frames: u64, flapping: bool) -> Books {
    let mut bench = bench(seed, faults);
    let mut seen = Vec::new();
    while bench.books.delivered < frames {
        for _ in 0..bench.random.below(2 * BATCH as u64) {
            let side = bench.random.below(2) as usize;
            bench.deliver(side);
        }
        if flapping && bench.random.happens(20) {
            let side = bench.random.below(2) as usize;
            let down = bench.random.happens(500);
            bench.kernels[side].set_down(down);
        }
        if flapping && bench.random.happens(5) {
            stall(&mut bench);
        }
        bench.round();
        if bench.random.happens(700) {
            bench.kernels.iter().for_each(Kernel::complete);
        }
        bench.collect(&mut seen);
        bench.assert_balance();
    }
    settle(&mut bench, &mut seen);
    bench.books
}

/// The worker was away: everything on its way is thrown out.
fn stall(bench: &mut Bench<impl PacketIo>) {
    for end in &mut bench.ends {
        let discarded = end.discard_received(&bench.umem) + end.discard_submitted(&bench.umem);
        bench.books.discarded += discarded as u64;
    }
    bench.assert_balance();
}

/// No more faults and no more input: what is left are the frames in the fill rings.
fn settle(bench: &mut Bench<impl PacketIo>, seen: &mut Vec<bool>) {
    for kernel in &bench.kernels {
        kernel.set_faults(Faults::NONE);
        kernel.set_down(false);
    }
    for _ in 0..100 {
        bench.round();
        bench.kernels.iter().for_each(Kernel::complete);
        bench.collect(seen);
    }
    bench.round();
    bench.assert_balance();
    assert_eq!(
        bench.umem.outstanding(),
        2 * RING as usize,
        "two full fill rings"
    );
    assert!(bench.ends.iter_mut().all(|end| end.unsent() == 0));
}

const HOSTILE: Faults = Faults {
    tx_batch: 7,
    again_permille: 200,
    no_buffers_permille: 100,
    busy_permille: 50,
    delayed_permille: 300,
};

#[test]
fn a_million_frames_through_a_kernel_in_a_good_mood() {
    let books = run(1, Faults::NONE, 1_000_000, false);
    let fates = books.sent + books.dropped + books.discarded;
    assert_eq!(books.delivered + books.injected, fates, "{books:?}");
}

#[test]
fn two_million_frames_through_failures_of_every_kind() {
    let books = run(2, HOSTILE, 1_000_000, false);
    let fates = books.sent + books.dropped + books.discarded;
    let in_total = books.delivered + books.injected;
    // What ended with EBUSY was dropped below the socket.
    let lost_below = in_total - fates;
    assert!(lost_below > 0 && lost_below < in_total / 5, "{books:?}");
    run(3, HOSTILE, 1_000_000, true);
}

#[test]
fn nothing_comes_out_that_was_taken_back() {
    let mut bench = bench(4, Faults::NONE);
    bench.round();
    for _ in 0..50 {
        bench.deliver(0);
    }
    bench.kernels[1].set_down(true);
    bench.round();
    bench.kernels[1].set_down(false);
    assert!(bench.books.discarded > 0);
    let mut seen = Vec::new();
    settle(&mut bench, &mut seen);
    assert_eq!(
        bench.books.sent + bench.books.dropped + bench.books.discarded,
        bench.books.delivered + bench.books.injected
    );
    assert!(bench.kernels[1].sent().is_none());
}

#[test]
fn a_descriptor_out_of_nowhere_is_ignored() {
    let mut bench = bench(5, Faults::NONE);
    bench.round();
    bench.kernels[0].deliver_nonsense();
    bench.deliver(0);
    bench.round();
    bench.assert_balance();
    assert_eq!(bench.books.delivered, 1);
}
