//! The memory frames live in, the pool of those not in use, and the books.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Error;
use crate::frame::{Chunk, Free, Received, ToSend};
use crate::memory::Memory;

/// `XDP_PACKET_HEADROOM`: what the kernel keeps free in front of a received frame.
const HEADROOM: usize = 256;
/// Ethernet header, one VLAN tag, and no frame check sequence: what the MTU doesn't count.
const LINK_OVERHEAD: usize = 18;
/// What is fetched of a frame ahead of its being read, and in what pieces.
const PREFETCHED_BYTES: usize = 512;
const CACHE_LINE_BYTES: usize = 64;

/// How large the chunks of a UMEM are: room for one frame and what XDP keeps in front of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChunkSize {
    /// 2048 bytes: frames up to 1792 bytes.
    K2,
    /// 4096 bytes: frames up to 3840 bytes.
    K4,
}

impl ChunkSize {
    /// The smallest that takes the frames of an interface of this MTU.
    ///
    /// # Errors
    /// [`Error::Mtu`] when none does.
    pub fn for_mtu(mtu: u32) -> Result<Self, Error> {
        let needed = (mtu as usize).saturating_add(LINK_OVERHEAD + HEADROOM);
        [Self::K2, Self::K4]
            .into_iter()
            .find(|size| needed <= size.bytes())
            .ok_or(Error::Mtu { mtu })
    }

    /// In bytes.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::K2 => 2048,
            Self::K4 => 4096,
        }
    }
}

/// Memory divided in chunks, shared with the kernel by every socket that is opened on it.
///
/// All methods take `&self`: a frame in the caller's hands is the right to its bytes, so that one
/// can be written while another is read. One thread at a time uses a UMEM (it isn't `Sync`).
#[derive(Debug)]
pub struct Umem {
    memory: Arc<Memory>,
    /// Tells the chunks of one UMEM from those of another.
    id: u32,
    chunk: ChunkSize,
    chunks: u32,
    /// Indices of the chunks in the pool. Last in, first out: what was used last is in the cache.
    pool: RefCell<Vec<u32>>,
    /// Debug builds follow where every chunk is, and notice a kernel or a ring code that gives one
    /// back twice.
    #[cfg(debug_assertions)]
    places: RefCell<Vec<Place>>,
}

/// Where a chunk can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Pool,
    Held,
    Kernel,
}

impl Umem {
    /// A UMEM of `chunks` chunks.
    ///
    /// # Errors
    /// [`Error::Memory`] when there isn't that much.
    pub fn new(chunk: ChunkSize, chunks: u32) -> Result<Self, Error> {
        let len = chunk.bytes() * chunks as usize;
        let memory = Memory::own(len).map_err(|errno| Error::Memory { len, errno })?;
        Ok(Self::over(memory, chunk, chunks))
    }

    /// A UMEM on the heap, for a simulated kernel.
    #[cfg(any(test, feature = "sim"))]
    #[must_use]
    pub fn simulated(chunk: ChunkSize, chunks: u32) -> Self {
        Self::over(
            Memory::allocated(chunk.bytes() * chunks as usize),
            chunk,
            chunks,
        )
    }

    fn over(memory: Memory, chunk: ChunkSize, chunks: u32) -> Self {
        static NEXT_ID: AtomicU32 = AtomicU32::new(0);
        Self {
            memory: Arc::new(memory),
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            chunk,
            chunks,
            pool: RefCell::new((0..chunks).rev().collect()),
            #[cfg(debug_assertions)]
            places: RefCell::new(vec![Place::Pool; chunks as usize]),
        }
    }

    /// Takes an empty frame out of the pool.
    pub fn take(&self) -> Option<Free> {
        let index = self.pool.borrow_mut().pop()?;
        self.moves(index, Place::Pool, Place::Held);
        Some(Free(self.issue(index)))
    }

    /// Gives a frame back to the pool, whatever state it is in.
    pub fn give(&self, frame: impl Into<Free>) {
        let chunk = frame.into().0;
        self.check_owner(&chunk);
        let index = chunk.retire();
        self.moves(index, Place::Held, Place::Pool);
        self.pool.borrow_mut().push(index);
    }

    /// Frames in the pool.
    #[must_use]
    pub fn available(&self) -> usize {
        self.pool.borrow().len()
    }

    /// Frames that are not in the pool: with the kernel or held by the caller. When the books
    /// balance, that is the sum of [`PacketIo::held`](crate::PacketIo::held) over all sockets plus
    /// the frames in the caller's hands.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.chunks as usize - self.pool.borrow().len()
    }

    /// All frames.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.chunks as usize
    }

    /// How large the chunks are.
    #[must_use]
    pub fn chunk_size(&self) -> ChunkSize {
        self.chunk
    }

    /// Has the processor fetch the beginning of a frame that is about to be read, up to 512 bytes: another
    /// processor has written it, and a cache miss takes as long as much of an inspection. Of what follows
    /// it sees by itself that it is read in a row.
    #[inline]
    pub fn prefetch(&self, frame: &Received) {
        let start = self.locate(frame.chunk.index, frame.offset, frame.len());
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            for at in (0..frame.len().min(PREFETCHED_BYTES)).step_by(CACHE_LINE_BYTES) {
                // SAFETY: a prefetch reads nothing the program could observe, and faults at no address.
                unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(at).cast()) };
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = start;
    }

    /// The content of a frame that came in.
    #[must_use]
    pub fn bytes<'a>(&'a self, frame: &'a Received) -> &'a [u8] {
        self.check_owner(&frame.chunk);
        self.slice(frame.chunk.index, frame.offset, frame.len())
    }

    /// The content of a frame about to go out.
    #[must_use]
    pub fn bytes_to_send<'a>(&'a self, frame: &'a ToSend) -> &'a [u8] {
        self.check_owner(&frame.chunk);
        self.slice(frame.chunk.index, frame.offset, frame.len())
    }

    /// The frame's bytes and all room behind them in its chunk, to be rewritten in place; the frame
    /// is the first [`Received::len`] bytes.
    pub fn buffer_mut<'a>(&'a self, frame: &'a mut Received) -> &'a mut [u8] {
        self.check_owner(&frame.chunk);
        let room = self.chunk.bytes() - usize::from(frame.offset);
        let start = self.locate(frame.chunk.index, frame.offset, room);
        // SAFETY: `locate` checked that the bytes lie in one chunk of this memory. The frame is
        // borrowed exclusively and is the only right to that chunk (`Chunk`'s invariant).
        unsafe { std::slice::from_raw_parts_mut(start, room) }
    }

    /// Makes an empty frame one of `bytes`; gives it back when they are none, or don't fit.
    ///
    /// # Errors
    /// The frame, untouched.
    pub fn write(&self, frame: Free, bytes: &[u8]) -> Result<ToSend, Free> {
        self.check_owner(&frame.0);
        let Ok(len) = u16::try_from(bytes.len()) else {
            return Err(frame);
        };
        if len == 0 || bytes.len() > self.chunk.bytes() {
            return Err(frame);
        }
        let start = self.locate(frame.0.index, 0, bytes.len());
        // SAFETY: `locate` checked that the bytes lie in one chunk of this memory; the frame is the
        // only right to it, and `bytes` borrows another frame, if it is one of this UMEM at all.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), start, bytes.len()) };
        Ok(ToSend {
            chunk: frame.0,
            offset: 0,
            len,
        })
    }

    pub(crate) fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    /// The address, within the UMEM, of a chunk that goes to the kernel.
    pub(crate) fn lend(&self, chunk: Chunk, offset: u16, len: u16) -> u64 {
        self.check_owner(&chunk);
        assert!(
            usize::from(offset) + usize::from(len) <= self.chunk.bytes(),
            "a frame lies within its chunk"
        );
        let index = chunk.retire();
        self.moves(index, Place::Held, Place::Kernel);
        self.address(index) + u64::from(offset)
    }

    /// The frame at an address that came back from the kernel, and where in its chunk that points;
    /// nothing when it lies outside of the UMEM.
    pub(crate) fn accept_back(&self, address: u64) -> Option<(Chunk, u16)> {
        let size = self.chunk.bytes() as u64;
        let index = u32::try_from(address / size)
            .ok()
            .filter(|&index| index < self.chunks)?;
        self.moves(index, Place::Kernel, Place::Held);
        let offset = u16::try_from(address % size).expect("chunks are of 4096 bytes at most");
        Some((self.issue(index), offset))
    }

    /// An address no chunk has, which the kernel skips as invalid.
    pub(crate) fn invalid_address(&self) -> u64 {
        self.address(self.chunks)
    }

    fn address(&self, index: u32) -> u64 {
        u64::from(index) * self.chunk.bytes() as u64
    }

    fn issue(&self, index: u32) -> Chunk {
        Chunk {
            umem: self.id,
            index,
        }
    }

    fn check_owner(&self, chunk: &Chunk) {
        assert_eq!(chunk.umem, self.id, "a frame of another UMEM");
    }

    fn slice(&self, index: u32, offset: u16, len: usize) -> &[u8] {
        let start = self.locate(index, offset, len);
        // SAFETY: `locate` checked that the bytes lie in one chunk of this memory. Callers hold a
        // borrow of the only right to that chunk (`Chunk`'s invariant) for as long as the result
        // lives: neither the kernel nor a `&mut` slice writes there meanwhile.
        unsafe { std::slice::from_raw_parts(start, len) }
    }

    fn locate(&self, index: u32, offset: u16, len: usize) -> *mut u8 {
        assert!(
            usize::from(offset) + len <= self.chunk.bytes(),
            "a frame lies within its chunk"
        );
        let at = index as usize * self.chunk.bytes() + usize::from(offset);
        self.memory.at(at, len).as_ptr()
    }

    #[cfg(debug_assertions)]
    fn moves(&self, index: u32, from: Place, to: Place) {
        let place = &mut self.places.borrow_mut()[index as usize];
        assert_eq!(*place, from, "chunk {index} is not where it should be");
        *place = to;
    }

    #[cfg(not(debug_assertions))]
    #[inline(always)]
    fn moves(&self, _index: u32, _from: Place, _to: Place) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_takes_the_largest_frame_of_its_mtu() {
        for (mtu, expected) in [
            (1500, Some(ChunkSize::K2)),
            (1774, Some(ChunkSize::K2)),
            (1775, Some(ChunkSize::K4)),
            (3822, Some(ChunkSize::K4)),
            (3823, None),
            (u32::MAX, None),
        ] {
            assert_eq!(ChunkSize::for_mtu(mtu).ok(), expected, "MTU {mtu}");
        }
    }

    #[test]
    fn what_is_written_is_what_goes_out() {
        let umem = Umem::simulated(ChunkSize::K2, 1);
        let free = umem.take().expect("a full pool");
        assert!(umem.take().is_none());
        let free = umem.write(free, &[]).expect_err("nothing to send");
        let free = umem.write(free, &[0; 2049]).expect_err("too large");
        let frame = umem.write(free, &[7; 2048]).expect("it fits exactly");
        assert_eq!(umem.bytes_to_send(&frame), [7; 2048]);
        assert_eq!(umem.outstanding(), 1);
        umem.give(frame);
        assert_eq!(umem.outstanding(), 0);
    }

    #[test]
    fn addresses_beyond_the_memory_are_nobodys() {
        let umem = Umem::simulated(ChunkSize::K4, 2);
        for address in [2 * 4096, u64::MAX, umem.invalid_address()] {
            assert!(umem.accept_back(address).is_none(), "{address:#x}");
        }
    }

    #[test]
    fn mapped_memory_is_ones_own() {
        for chunks in [1, 4, 1024, 1025] {
            let umem = Umem::new(ChunkSize::K2, chunks).expect("memory");
            let frames: Vec<_> = (0..chunks)
                .map(|number| {
                    let free = umem.take().expect("as many as asked for");
                    umem.write(free, &[number as u8; 2048]).expect("it fits")
                })
                .collect();
            for (number, frame) in (0..chunks).zip(&frames) {
                assert_eq!(umem.bytes_to_send(frame), [number as u8; 2048]);
            }
            frames.into_iter().for_each(|frame| umem.give(frame));
        }
    }
}
