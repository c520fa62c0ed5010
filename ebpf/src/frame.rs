//! The frame as the program sees it: a range of memory in which every access is checked.

use core::marker::PhantomData;

/// The linear bytes of a frame.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    start: *const u8,
    end: *const u8,
    bytes: PhantomData<&'a [u8]>,
}

/// A header that can be viewed in place.
///
/// # Safety
///
/// The type is made of bytes and arrays of bytes alone: it has no padding, an alignment of one, and
/// any bytes are a value of it.
pub unsafe trait Header {}

impl<'a> Frame<'a> {
    /// The bytes from `start` up to `end`.
    ///
    /// # Safety
    ///
    /// They are readable for as long as `'a` lasts. (In the kernel the verifier proves each access
    /// by the comparison with `end` in [`Self::at`].)
    #[inline(always)]
    #[must_use]
    pub unsafe fn new(start: *const u8, end: *const u8) -> Self {
        Self {
            start,
            end,
            bytes: PhantomData,
        }
    }

    /// The bytes of a slice.
    #[must_use]
    pub fn of(bytes: &'a [u8]) -> Self {
        let range = bytes.as_ptr_range();
        // SAFETY: a slice is readable while it is borrowed.
        unsafe { Self::new(range.start, range.end) }
    }

    /// Length in bytes.
    #[inline(always)]
    #[must_use]
    pub fn len(&self) -> usize {
        self.end.addr() - self.start.addr()
    }

    /// Whether there is no byte.
    #[inline(always)]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The header at `offset`, if all of it is there.
    #[inline(always)]
    #[must_use]
    pub fn at<T: Header>(&self, offset: usize) -> Option<&'a T> {
        let header = self.start.wrapping_add(offset);
        if header.wrapping_add(size_of::<T>()) > self.end {
            return None;
        }
        // SAFETY: all its bytes lie within the frame, as just checked, and Header asks that any
        // bytes at any address be a T.
        Some(unsafe { &*header.cast::<T>() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Pair(u8, u8);
    // SAFETY: two bytes.
    unsafe impl Header for Pair {}

    #[test]
    fn a_header_is_seen_only_where_all_of_it_is() {
        let frame = Frame::of(&[1, 2, 3]);
        assert_eq!(frame.len(), 3);
        assert!(frame.at::<Pair>(0).is_some_and(|p| (p.0, p.1) == (1, 2)));
        assert!(frame.at::<Pair>(1).is_some_and(|p| (p.0, p.1) == (2, 3)));
        assert!(frame.at::<Pair>(2).is_none());
        assert!(frame.at::<Pair>(3).is_none());
        assert!(Frame::of(&[]).is_empty() && Frame::of(&[]).at::<Pair>(0).is_none());
    }
}
