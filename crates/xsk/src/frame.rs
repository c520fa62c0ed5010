//! A frame of the UMEM as a value: neither cloned nor copied, and noticed when it gets lost.

use std::sync::atomic::{AtomicU64, Ordering};

/// Frames dropped without having been given back, in this process.
static LEAKED: AtomicU64 = AtomicU64::new(0);

/// How many frames of this process were lost: dropped as a value instead of handed on. Always zero,
/// unless there is a bug; debug builds panic at the spot.
#[must_use]
pub fn leaked_frames() -> u64 {
    LEAKED.load(Ordering::Relaxed)
}

/// The right to one chunk of one UMEM.
///
/// Invariant: at any time at most one `Chunk` exists for an (`umem`, `index`), and none while the
/// chunk is in the pool or with the kernel. Only `Umem::issue` makes one, only [`Chunk::retire`]
/// ends one in an orderly way.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) umem: u32,
    pub(crate) index: u32,
}

impl Chunk {
    /// Gives the right up: the chunk goes to the pool or to the kernel.
    pub(crate) fn retire(self) -> u32 {
        let index = self.index;
        std::mem::forget(self);
        index
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        LEAKED.fetch_add(1, Ordering::Relaxed);
        debug_assert!(
            std::thread::panicking(),
            "chunk {} of UMEM {} dropped instead of handed on",
            self.index,
            self.umem
        );
    }
}

/// An empty frame: to be written into, or to be given to a fill ring.
#[derive(Debug)]
#[must_use = "a frame that isn't handed on is lost"]
pub struct Free(pub(crate) Chunk);

/// A frame that came in.
#[derive(Debug)]
#[must_use = "a frame that isn't handed on is lost"]
pub struct Received {
    pub(crate) chunk: Chunk,
    /// Where the frame begins in its chunk: the headroom XDP keeps is before it.
    pub(crate) offset: u16,
    pub(crate) len: u16,
}

/// A frame ready to go out.
#[derive(Debug)]
#[must_use = "a frame that isn't handed on is lost"]
pub struct ToSend {
    pub(crate) chunk: Chunk,
    pub(crate) offset: u16,
    pub(crate) len: u16,
}

impl Received {
    /// Bytes of the frame.
    #[expect(
        clippy::len_without_is_empty,
        reason = "the kernel delivers no empty frame"
    )]
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// The same frame on its way out, as its first `len` bytes after whatever was done to it in
    /// place ([`Umem::buffer_mut`](crate::Umem::buffer_mut)).
    pub fn into_send(self, len: u16) -> ToSend {
        ToSend {
            chunk: self.chunk,
            offset: self.offset,
            len,
        }
    }
}

impl ToSend {
    /// Bytes of the frame.
    #[expect(clippy::len_without_is_empty, reason = "an empty frame can't be sent")]
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }
}

impl From<Received> for Free {
    fn from(frame: Received) -> Self {
        Self(frame.chunk)
    }
}

impl From<ToSend> for Free {
    fn from(frame: ToSend) -> Self {
        Self(frame.chunk)
    }
}

#[cfg(test)]
mod tests {
    use crate::{ChunkSize, Umem, leaked_frames};

    #[test]
    fn a_frame_dropped_as_a_value_is_noticed() {
        let umem = Umem::simulated(ChunkSize::K2, 2);
        let before = leaked_frames();
        let frame = umem.take().expect("a full pool");
        let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(frame)));
        assert_eq!(dropped.is_err(), cfg!(debug_assertions));
        assert_eq!(leaked_frames(), before + 1);
        assert_eq!(umem.outstanding(), 1);
    }
}
