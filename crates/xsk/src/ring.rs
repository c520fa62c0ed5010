//! The producer's and the consumer's end of a ring shared with a kernel.
//!
//! Both indices run freely and wrap at 2^32; an entry stands at `index & (size - 1)`. Each end
//! writes its own index only, with release order after the entries it covers, and reads the other's
//! with acquire order before touching entries (Documentation/networking/af_xdp.rst, "Rings"). Each
//! end keeps a copy of the other's index and looks again only when the copy doesn't suffice: the
//! shared cache line is what a ring costs.

use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering, fence};

use crate::memory::Memory;

/// `XDP_RING_NEED_WAKEUP`: the kernel wants a system call before it looks at the ring again.
pub(crate) const NEED_WAKEUP: u32 = 1;

/// `struct xdp_desc`: an entry of an RX or TX ring.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Descriptor {
    pub(crate) addr: u64,
    pub(crate) len: u32,
    pub(crate) options: u32,
}

/// Where the parts of a ring lie in its memory, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) producer: usize,
    pub(crate) consumer: usize,
    pub(crate) flags: Option<usize>,
    pub(crate) entries: usize,
}

/// A ring in memory: what both ends have in common.
#[derive(Debug)]
pub(crate) struct Ring<T> {
    producer: NonNull<AtomicU32>,
    consumer: NonNull<AtomicU32>,
    flags: Option<NonNull<AtomicU32>>,
    entries: NonNull<T>,
    size: u32,
    /// Keeps the addresses above valid.
    _memory: Arc<Memory>,
}

// SAFETY: the addresses stay valid wherever the `Arc` is, and an end of a ring is used by one
// thread at a time (`&mut self`); the entries are plain values.
unsafe impl<T: Copy + Send> Send for Ring<T> {}

impl<T: Copy> Ring<T> {
    /// A ring of `size` entries (a power of two) laid out in `memory`.
    pub(crate) fn new(memory: Arc<Memory>, layout: Layout, size: u32) -> Self {
        assert!(size.is_power_of_two(), "{size} is a power of two");
        let index = |at: usize| memory.at(at, size_of::<u32>()).cast::<AtomicU32>();
        let entries = memory
            .at(layout.entries, size as usize * size_of::<T>())
            .cast::<T>();
        assert!(entries.is_aligned() && index(layout.producer).is_aligned());
        assert!(index(layout.consumer).is_aligned());
        Self {
            producer: index(layout.producer),
            consumer: index(layout.consumer),
            flags: layout.flags.map(index),
            entries,
            size,
            _memory: memory,
        }
    }

    fn producer(&self) -> &AtomicU32 {
        // SAFETY: `new` made it of memory that `_memory` keeps; aligned there; only ever accessed
        // as an atomic, by us and by the other end.
        unsafe { self.producer.as_ref() }
    }

    fn consumer(&self) -> &AtomicU32 {
        // SAFETY: as for `producer`.
        unsafe { self.consumer.as_ref() }
    }

    fn flags(&self) -> u32 {
        // A kernel before 5.4 has no flags, and wants to be woken up always.
        self.flags.map_or(NEED_WAKEUP, |flags| {
            // SAFETY: as for `producer`.
            unsafe { flags.as_ref() }.load(Ordering::Relaxed)
        })
    }

    fn entry(&self, index: u32) -> NonNull<T> {
        // SAFETY: the mask keeps the index within the `size` entries that `new` checked for.
        unsafe { self.entries.add((index & (self.size - 1)) as usize) }
    }

    fn read(&self, index: u32) -> T {
        // SAFETY: `entry` lies in the ring and is aligned; callers read only what the other end has
        // published and doesn't touch until it is released, or what they wrote themselves.
        unsafe { self.entry(index).read() }
    }

    fn write(&self, index: u32, value: T) {
        // SAFETY: `entry` lies in the ring and is aligned; callers write only what the other end
        // has released, or hasn't been shown yet.
        unsafe { self.entry(index).write(value) }
    }
}

/// The end that puts entries in.
#[derive(Debug)]
pub(crate) struct Producer<T> {
    ring: Ring<T>,
    /// Behind the last entry staged.
    staged: u32,
    /// Behind the last entry shown to the other end.
    published: u32,
    /// How far the consumer was when last looked.
    consumed: u32,
}

impl<T: Copy> Producer<T> {
    /// The producing end; what the ring already holds counts as published.
    pub(crate) fn new(ring: Ring<T>) -> Self {
        let published = ring.producer().load(Ordering::Relaxed);
        let consumed = ring.consumer().load(Ordering::Acquire);
        Self {
            ring,
            staged: published,
            published,
            consumed,
        }
    }

    /// How many entries can be staged; looks at the other end when it seems to be fewer than
    /// `wanted`.
    pub(crate) fn room(&mut self, wanted: u32) -> u32 {
        let room = self.room_seen();
        if room >= wanted {
            return room;
        }
        self.consumed = self.ring.consumer().load(Ordering::Acquire);
        self.room_seen()
    }

    fn room_seen(&self) -> u32 {
        self.ring.size - self.staged.wrapping_sub(self.consumed)
    }

    /// Puts an entry in, unseen by the other end until [`Producer::publish`].
    ///
    /// # Panics
    /// Without [`Producer::room`].
    pub(crate) fn stage(&mut self, entry: T) {
        assert!(self.room_seen() > 0, "room was asked for first");
        self.ring.write(self.staged, entry);
        self.staged = self.staged.wrapping_add(1);
    }

    /// Shows the other end everything staged.
    pub(crate) fn publish(&mut self) {
        if self.staged != self.published {
            self.published = self.staged;
            self.ring
                .producer()
                .store(self.published, Ordering::Release);
        }
    }

    /// Entries published and not yet consumed.
    pub(crate) fn pending(&mut self) -> u32 {
        self.consumed = self.ring.consumer().load(Ordering::Acquire);
        self.published.wrapping_sub(self.consumed)
    }

    /// Entries staged or published, and not yet consumed.
    pub(crate) fn unconsumed(&mut self) -> u32 {
        self.consumed = self.ring.consumer().load(Ordering::Acquire);
        self.staged.wrapping_sub(self.consumed)
    }

    /// Whether the other end asks for a system call to go on.
    pub(crate) fn needs_wakeup(&self) -> bool {
        // Our index must be visible before we look at the flag, else both sides may wait for each
        // other: the kernel sets it, and then looks at the index once more.
        fence(Ordering::SeqCst);
        self.ring.flags() & NEED_WAKEUP != 0
    }

    /// Replaces every entry not yet consumed by `with(entry)`.
    ///
    /// Only sound as a protocol while the other end can't be consuming: the caller has to know.
    pub(crate) fn rewrite_pending(&mut self, mut with: impl FnMut(T) -> T) {
        self.consumed = self.ring.consumer().load(Ordering::Acquire);
        let mut index = self.consumed;
        while index != self.staged {
            self.ring.write(index, with(self.ring.read(index)));
            index = index.wrapping_add(1);
        }
    }
}

/// The end that takes entries out.
#[derive(Debug)]
pub(crate) struct Consumer<T> {
    ring: Ring<T>,
    /// The next entry to be taken.
    taken: u32,
    /// Behind the last entry given back to the producer.
    released: u32,
    /// How far the producer was when last looked.
    produced: u32,
}

impl<T: Copy> Consumer<T> {
    /// The consuming end.
    pub(crate) fn new(ring: Ring<T>) -> Self {
        let taken = ring.consumer().load(Ordering::Relaxed);
        let produced = ring.producer().load(Ordering::Acquire);
        Self {
            ring,
            taken,
            released: taken,
            produced,
        }
    }

    /// How many entries can be taken; looks at the other end when none is known of.
    pub(crate) fn available(&mut self) -> u32 {
        if self.produced == self.taken {
            self.produced = self.ring.producer().load(Ordering::Acquire);
        }
        self.produced.wrapping_sub(self.taken)
    }

    /// Takes the next entry out.
    pub(crate) fn pop(&mut self) -> Option<T> {
        if self.available() == 0 {
            return None;
        }
        let entry = self.ring.read(self.taken);
        self.taken = self.taken.wrapping_add(1);
        Some(entry)
    }

    /// Lets the producer reuse what was taken.
    pub(crate) fn release(&mut self) {
        if self.taken != self.released {
            self.released = self.taken;
            self.ring.consumer().store(self.released, Ordering::Release);
        }
    }
}

#[cfg(any(test, feature = "sim"))]
impl<T: Copy> Ring<T> {
    /// Both ends of a new ring on the heap, its indices starting at `first`.
    pub(crate) fn pair(size: u32, first: u32) -> (Self, Self) {
        let layout = Layout {
            producer: 0,
            consumer: 64,
            flags: Some(128),
            entries: 192,
        };
        let memory = Arc::new(Memory::allocated(192 + size as usize * size_of::<T>()));
        let ring = Self::new(Arc::clone(&memory), layout, size);
        ring.producer().store(first, Ordering::Relaxed);
        ring.consumer().store(first, Ordering::Relaxed);
        (ring, Self::new(memory, layout, size))
    }

    /// Sets or clears the flag that asks for a system call.
    pub(crate) fn set_needs_wakeup(&self, needed: bool) {
        let flags = self.flags.expect("laid out by `pair`");
        // SAFETY: as for `producer`.
        unsafe { flags.as_ref() }.store(u32::from(needed), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(size: u32, first: u32) -> (Producer<u64>, Consumer<u64>) {
        let (ours, theirs) = Ring::pair(size, first);
        (Producer::new(ours), Consumer::new(theirs))
    }

    #[test]
    fn what_is_staged_is_unseen_until_published() {
        let (mut producer, mut consumer) = ends(8, 0);
        producer.stage(7);
        assert_eq!(consumer.available(), 0);
        producer.publish();
        assert_eq!(producer.pending(), 1);
        assert_eq!(consumer.pop(), Some(7));
        assert_eq!(producer.pending(), 1, "taken, but not yet released");
        consumer.release();
        assert_eq!(producer.pending(), 0);
        assert_eq!(consumer.pop(), None);
    }

    #[test]
    fn a_full_ring_has_no_room_until_something_is_released() {
        let (mut producer, mut consumer) = ends(4, 0);
        for value in 0..4 {
            assert!(producer.room(1) > 0);
            producer.stage(value);
        }
        producer.publish();
        assert_eq!(producer.room(1), 0);
        assert_eq!(consumer.pop(), Some(0));
        assert_eq!(producer.room(1), 0);
        consumer.release();
        assert_eq!(producer.room(1), 1);
    }

    #[test]
    fn indices_wrap_at_two_to_the_thirty_second() {
        let (mut producer, mut consumer) = ends(4, u32::MAX - 5);
        for round in 0..20_u64 {
            for value in 0..3 {
                assert!(producer.room(1) > 0);
                producer.stage(round * 3 + value);
            }
            producer.publish();
            assert_eq!(producer.pending(), 3);
            assert_eq!(consumer.available(), 3);
            for value in 0..3 {
                assert_eq!(consumer.pop(), Some(round * 3 + value));
            }
            consumer.release();
        }
    }

    #[test]
    fn pending_entries_can_be_rewritten() {
        let (mut producer, mut consumer) = ends(4, u32::MAX);
        for value in [10, 11, 12] {
            producer.stage(value);
        }
        producer.publish();
        assert_eq!(consumer.pop(), Some(10));
        consumer.release();
        let mut seen = Vec::new();
        producer.rewrite_pending(|value| {
            seen.push(value);
            0
        });
        assert_eq!(seen, [11, 12]);
        assert_eq!((consumer.pop(), consumer.pop()), (Some(0), Some(0)));
    }

    #[test]
    fn the_flag_asks_for_a_system_call() {
        let (producer, consumer) = ends(4, 0);
        assert!(!producer.needs_wakeup());
        consumer.ring.set_needs_wakeup(true);
        assert!(producer.needs_wakeup());
    }

    #[test]
    fn two_threads_agree_on_order_and_content() {
        let (mut producer, mut consumer) = ends(64, u32::MAX - 1000);
        let count: u64 = if cfg!(miri) { 500 } else { 500_000 };
        let sender = std::thread::spawn(move || {
            for value in 0..count {
                while producer.room(1) == 0 {
                    std::hint::spin_loop();
                }
                producer.stage(value);
                if value % 3 == 0 || value + 1 == count {
                    producer.publish();
                }
                if producer.room_seen() == 0 {
                    producer.publish();
                }
            }
        });
        let mut expected = 0;
        while expected < count {
            match consumer.pop() {
                Some(value) => {
                    assert_eq!(value, expected);
                    expected += 1;
                }
                None => std::thread::yield_now(),
            }
            consumer.release();
        }
        sender.join().expect("the sender ends");
    }
}
