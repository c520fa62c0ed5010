//! Memory that is mapped, or allocated for a simulated kernel, and freed with its last user.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;

use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, mmap_anonymous, munmap};

/// What the allocated variant is aligned to; a page, as mapped memory is.
const PAGE: usize = 4096;
/// What a huge page begins at a multiple of.
const HUGE_PAGE: usize = 2 << 20;

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
    Mapped,
    Allocated(Layout),
}

// SAFETY: a `Memory` is an address and a length; nothing in it is bound to the thread that made it,
// and it gives no access to its bytes by itself.
unsafe impl Send for Memory {}
// SAFETY: as above; all methods take `&self` and read immutable fields.
unsafe impl Sync for Memory {}

impl Memory {
    /// Maps `len` bytes of its own, in huge pages where the kernel has them: hardly two frames lie in one
    /// small page, and looking a page up takes as long as a tenth of an inspection.
    pub(crate) fn own(len: usize) -> Result<Self, Errno> {
        let used = len.next_multiple_of(PAGE);
        // SAFETY: no address is asked for, so that the mapping replaces nothing.
        let begin = unsafe {
            mmap_anonymous(
                std::ptr::null_mut(),
                used + HUGE_PAGE,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE | MapFlags::NORESERVE,
            )?
        };
        let before = begin.align_offset(HUGE_PAGE);
        let start = begin.wrapping_byte_add(before);
        // SAFETY: what lies before and behind belongs to the mapping, and nobody uses it.
        unsafe {
            if before > 0 {
                munmap(begin, before)?;
            }
            munmap(start.wrapping_byte_add(used), HUGE_PAGE - before)?;
        }
        let memory = Self {
            start: NonNull::new(start.cast()).ok_or(Errno::NOMEM)?,
            len,
            kind: Kind::Mapped,
        };
        memory.populate()?;
        Ok(memory)
    }

    /// Has the kernel find the pages now, huge ones if it can; one that knows no such advice finds small ones
    /// when they are first used. A child process gets none of them: they stay where the kernel knows them.
    fn populate(&self) -> Result<(), Errno> {
        for advice in [
            Advice::LinuxHugepage,
            Advice::LinuxDontFork,
            Advice::LinuxPopulateWrite,
        ] {
            // SAFETY: none of them changes what the memory holds.
            match unsafe { madvise(self.start.as_ptr().cast(), self.len, advice) } {
                Ok(()) | Err(Errno::INVAL) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Maps `len` bytes of `fd` at `offset`: a ring of a socket.
    pub(crate) fn of_socket(fd: BorrowedFd<'_>, offset: u64, len: usize) -> Result<Self, Errno> {
        let start = Self::map(fd, offset, len)?;
        Ok(Self {
            start,
            len,
            kind: Kind::Mapped,
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
}

impl Drop for Memory {
    fn drop(&mut self) {
        match &self.kind {
            // SAFETY: mapped by `map` with this address and length, and unmapped once, here. An
            // error can only mean a wrong argument.
            Kind::Mapped => unsafe {
                let result = munmap(self.start.as_ptr().cast(), self.len);
                debug_assert!(result.is_ok(), "munmap: {result:?}");
            },
            // SAFETY: allocated by `allocated` with this layout.
            Kind::Allocated(layout) => unsafe { dealloc(self.start.as_ptr(), *layout) },
        }
    }
}
