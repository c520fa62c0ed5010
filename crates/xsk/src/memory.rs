//! Memory that is mapped, or allocated for a simulated kernel, and freed with its last user.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;

use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// What the allocated variant is aligned to; a page, as mapped memory is.
const PAGE: usize = 4096;

/// A fixed piece of memory, readable and writable, shared with a kernel.
///
/// It hands out its address only: who may touch which bytes is decided by the ring protocol and by
/// the ownership of frames.
#[derive(Debug)]
pub(crate) struct Memory {
    start: NonNull<u8>,
    len: usize,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Mapped; the file is kept where it has to be handed on (a memfd).
    Mapped(Option<OwnedFd>),
    Allocated(Layout),
}

// SAFETY: a `Memory` is an address and a length; nothing in it is bound to the thread that made it,
// and it gives no access to its bytes by itself.
unsafe impl Send for Memory {}
// SAFETY: as above; all methods take `&self` and read immutable fields.
unsafe impl Sync for Memory {}

impl Memory {
    /// Maps `len` bytes of an anonymous file in memory, pages populated.
    pub(crate) fn memfd(len: usize) -> Result<Self, Errno> {
        let file = rustix::fs::memfd_create("weir-umem", rustix::fs::MemfdFlags::CLOEXEC)?;
        rustix::fs::ftruncate(&file, len as u64)?;
        let start = Self::map(file.as_fd(), 0, len)?;
        Ok(Self {
            start,
            len,
            kind: Kind::Mapped(Some(file)),
        })
    }

    /// Maps `len` bytes of `fd` at `offset`: a ring of a socket.
    pub(crate) fn of_socket(fd: BorrowedFd<'_>, offset: u64, len: usize) -> Result<Self, Errno> {
        let start = Self::map(fd, offset, len)?;
        Ok(Self {
            start,
            len,
            kind: Kind::Mapped(None),
        })
    }

    fn map(fd: BorrowedFd<'_>, offset: u64, len: usize) -> Result<NonNull<u8>, Errno> {
        // SAFETY: no address is asked for, so that the mapping replaces nothing.
        let start = unsafe {
            mmap(
                std::ptr::null_mut(),
                len,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED | MapFlags::POPULATE,
                fd,
                offset,
            )?
        };
        NonNull::new(start.cast()).ok_or(Errno::NOMEM)
    }

    /// Allocates `len` zero bytes.
    #[cfg_attr(
        not(any(test, feature = "sim")),
        expect(
            dead_code,
            reason = "only a simulated kernel shares memory of the heap"
        )
    )]
    pub(crate) fn allocated(len: usize) -> Self {
        let layout = Layout::from_size_align(len.max(1), PAGE).expect("a size that fits");
        // SAFETY: the layout's size is not zero.
        let start = unsafe { alloc_zeroed(layout) };
        let Some(start) = NonNull::new(start) else {
            handle_alloc_error(layout)
        };
        Self {
            start,
            len,
            kind: Kind::Allocated(layout),
        }
    }

    /// The address of byte `offset`, behind which at least `len` bytes lie.
    ///
    /// # Panics
    /// If that is outside of the memory.
    pub(crate) fn at(&self, offset: usize, len: usize) -> NonNull<u8> {
        let end = offset.checked_add(len);
        assert!(
            end.is_some_and(|end| end <= self.len),
            "{len} bytes at {offset} lie within {}",
            self.len
        );
        // SAFETY: just checked that the result stays inside of the same memory.
        unsafe { self.start.add(offset) }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The file behind it, if it has one of its own.
    pub(crate) fn file(&self) -> Option<BorrowedFd<'_>> {
        match &self.kind {
            Kind::Mapped(file) => file.as_ref().map(AsFd::as_fd),
            Kind::Allocated(_) => None,
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        match &self.kind {
            // SAFETY: mapped by `map` with this address and length, and unmapped once, here. An
            // error can only mean a wrong argument.
            Kind::Mapped(_) => unsafe {
                let result = munmap(self.start.as_ptr().cast(), self.len);
                debug_assert!(result.is_ok(), "munmap: {result:?}");
            },
            // SAFETY: allocated by `allocated` with this layout.
            Kind::Allocated(layout) => unsafe { dealloc(self.start.as_ptr(), *layout) },
        }
    }
}
