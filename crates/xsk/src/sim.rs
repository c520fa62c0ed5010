//! A simulated kernel on the other side of the four rings, with failures on demand.
//!
//! It does what the AF_XDP code of Linux does in copy mode (net/xdp/xsk.c): receives into what the
//! fill ring offers, sends a bounded number of frames per system call, reserves room in the
//! completion ring first, skips descriptors that make no sense, completes in any order. What it
//! does at random follows from a seed.

use std::collections::VecDeque;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

use crate::io::Statistics;
use crate::memory::Memory;
use crate::ring::{Consumer, Descriptor, Producer, Ring};
use crate::socket::Socket;
use crate::syscalls::Syscalls;
use crate::umem::Umem;

/// Where the kernel puts a received frame in its chunk.
const HEADROOM: usize = 256;

/// What goes wrong, in thousandths of the occasions.
#[derive(Debug, Clone, Copy)]
pub struct Faults {
    /// Frames sent per system call before `EAGAIN`.
    pub tx_batch: usize,
    /// System calls that do nothing and return `EAGAIN`.
    pub again_permille: u32,
    /// System calls that do nothing and return `ENOBUFS`.
    pub no_buffers_permille: u32,
    /// Frames dropped below the socket, which ends the system call with `EBUSY`.
    pub busy_permille: u32,
    /// Sent frames that stay in flight at an occasion to complete them.
    pub delayed_permille: u32,
}

impl Faults {
    /// A kernel in a good mood.
    pub const NONE: Self = Self {
        tx_batch: 32,
        again_permille: 0,
        no_buffers_permille: 0,
        busy_permille: 0,
        delayed_permille: 0,
    };
}

/// The kernel's side of one simulated socket.
#[derive(Debug, Clone)]
pub struct Kernel(Arc<Mutex<State>>);

/// What a simulated socket calls.
#[derive(Debug)]
pub struct Calls(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    fill: Consumer<u64>,
    completion: Producer<u64>,
    rx: Producer<Descriptor>,
    tx: Consumer<Descriptor>,
    memory: Arc<Memory>,
    chunk: usize,
    /// Sent, or dropped below the socket, and not yet completed.
    in_flight: Vec<u64>,
    sent: VecDeque<Vec<u8>>,
    statistics: Statistics,
    faults: Faults,
    down: bool,
    random: Random,
}

/// A simulated socket on `umem`, and the kernel behind it. The ring indices start so that they wrap
/// around soon.
#[must_use]
pub fn socket(umem: &Umem, ring_size: u32, seed: u64, faults: Faults) -> (Socket<Calls>, Kernel) {
    let first = u32::MAX - 2 * ring_size;
    let (fill, kernel_fill) = Ring::pair(ring_size, first);
    let (completion, kernel_completion) = Ring::pair(ring_size, first);
    let (rx, kernel_rx) = Ring::pair(ring_size, first);
    let (tx, kernel_tx) = Ring::pair(ring_size, first);
    tx.set_needs_wakeup(true);
    let state = Arc::new(Mutex::new(State {
        fill: Consumer::new(kernel_fill),
        completion: Producer::new(kernel_completion),
        rx: Producer::new(kernel_rx),
        tx: Consumer::new(kernel_tx),
        memory: Arc::clone(umem.memory()),
        chunk: umem.chunk_size().bytes(),
        in_flight: Vec::new(),
        sent: VecDeque::new(),
        statistics: Statistics::default(),
        faults,
        down: false,
        random: Random(seed),
    }));
    let socket = Socket::over(
        Producer::new(fill),
        Consumer::new(completion),
        Consumer::new(rx),
        Producer::new(tx),
        Calls(Arc::clone(&state)),
    );
    (socket, Kernel(state))
}

impl Kernel {
    /// A frame comes in from the wire. Returns whether there was room for it.
    pub fn deliver(&self, frame: &[u8]) -> bool {
        self.state().deliver(frame)
    }

    /// The oldest frame sent and not yet looked at.
    pub fn sent(&self) -> Option<Vec<u8>> {
        self.state().sent.pop_front()
    }

    /// An occasion to complete what is in flight.
    pub fn complete(&self) {
        self.state().complete();
    }

    /// The interface goes down, or comes up.
    pub fn set_down(&self, down: bool) {
        self.state().down = down;
    }

    /// Changes what goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// Shows the socket a received descriptor with an address outside of the UMEM.
    pub fn deliver_nonsense(&self) {
        let mut state = self.state();
        if state.rx.room(1) > 0 {
            state.rx.stage(Descriptor {
                addr: u64::MAX,
                len: 60,
                options: 0,
            });
            state.rx.publish();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Syscalls for Calls {
    fn send(&mut self) -> Result<(), Errno> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).send()
    }

    fn wake_rx(&mut self) {}

    fn statistics(&self) -> Result<Statistics, Errno> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(state.statistics)
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

impl State {
    fn deliver(&mut self, frame: &[u8]) -> bool {
        if frame.len() > self.chunk - HEADROOM {
            self.statistics.rx_dropped += 1;
            return false;
        }
        if self.rx.room(1) == 0 {
            self.statistics.rx_ring_full += 1;
            return false;
        }
        let Some(chunk) = self.fill.pop() else {
            self.statistics.rx_fill_ring_empty += 1;
            return false;
        };
        self.fill.release();
        let addr = chunk + HEADROOM as u64;
        let to = self.at(addr, frame.len());
        // SAFETY: the chunk came from the fill ring, so that it is the kernel's to write to, and
        // `at` checked the bounds.
        unsafe { std::ptr::copy_nonoverlapping(frame.as_ptr(), to, frame.len()) };
        self.rx.stage(Descriptor {
            addr,
            len: u32::try_from(frame.len()).expect("fits a chunk"),
            options: 0,
        });
        self.rx.publish();
        true
    }

    fn send(&mut self) -> Result<(), Errno> {
        if self.down {
            return Err(Errno::NETDOWN);
        }
        if self.random.happens(self.faults.again_permille) {
            return Err(Errno::AGAIN);
        }
        if self.random.happens(self.faults.no_buffers_permille) {
            return Err(Errno::NOBUFS);
        }
        let mut result = Ok(());
        let mut budget = self.faults.tx_batch;
        while self.tx.available() > 0 {
            if budget == 0 || self.completion_room() == 0 {
                result = Err(Errno::AGAIN);
                break;
            }
            budget -= 1;
            let Some(descriptor) = self.tx.pop() else {
                break;
            };
            if !self.is_valid(descriptor) {
                self.statistics.tx_invalid_descriptors += 1;
                continue;
            }
            self.in_flight.push(descriptor.addr);
            if self.random.happens(self.faults.busy_permille) {
                result = Err(Errno::BUSY);
                break;
            }
            let bytes = self.read(descriptor);
            self.sent.push_back(bytes);
        }
        self.tx.release();
        result
    }

    /// Room in the completion ring that isn't spoken for by frames in flight.
    fn completion_room(&mut self) -> usize {
        let room = self.completion.room(u32::MAX) as usize;
        room - self.in_flight.len()
    }

    fn is_valid(&self, descriptor: Descriptor) -> bool {
        let offset = descriptor.addr % self.chunk as u64;
        let in_chunk = offset + u64::from(descriptor.len) <= self.chunk as u64;
        let in_umem = descriptor.addr < self.memory.len() as u64;
        in_chunk && in_umem && descriptor.len > 0 && descriptor.options == 0
    }

    fn complete(&mut self) {
        let mut at = 0;
        while at < self.in_flight.len() {
            if self.random.happens(self.faults.delayed_permille) {
                at += 1;
                continue;
            }
            // Takes the last one's place: out of order from the third frame on.
            let addr = self.in_flight.swap_remove(at);
            self.completion.stage(addr);
        }
        self.completion.publish();
    }

    fn read(&self, descriptor: Descriptor) -> Vec<u8> {
        let len = descriptor.len as usize;
        let from = self.at(descriptor.addr, len);
        // SAFETY: the chunk came from the TX ring, so that nobody writes to it before its
        // completion, and `at` checked the bounds.
        unsafe { std::slice::from_raw_parts(from, len) }.to_vec()
    }

    fn at(&self, addr: u64, len: usize) -> *mut u8 {
        let at = usize::try_from(addr).expect("an address in the UMEM");
        self.memory.at(at, len).as_ptr()
    }
}

/// A small generator of numbers that look random (SplitMix64).
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    /// The next number.
    #[expect(
        clippy::should_implement_trait,
        reason = "an endless sequence has no end to return"
    )]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Whether something of this probability happens now.
    pub fn happens(&mut self, permille: u32) -> bool {
        self.below(1000) < u64::from(permille)
    }
}
