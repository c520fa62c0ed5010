//! TCP sequence numbers: 32 bits that wrap (RFC 9293 §3.4).

use std::ops::{Add, AddAssign};

/// A sequence number. Comparisons hold for numbers less than 2^31 apart, as RFC 9293 §3.4 has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Seq(pub(super) u32);

impl Seq {
    /// How far `self` lies past `earlier`; negative when it lies before.
    pub(super) fn since(self, earlier: Self) -> i32 {
        self.0.wrapping_sub(earlier.0).cast_signed()
    }

    /// Whether it lies before `other`.
    pub(super) fn is_before(self, other: Self) -> bool {
        self.since(other) < 0
    }

    /// Whether it lies past `other`.
    pub(super) fn is_after(self, other: Self) -> bool {
        self.since(other) > 0
    }

    /// The one further on.
    pub(super) fn max(self, other: Self) -> Self {
        if self.is_before(other) { other } else { self }
    }

    /// The bytes from `earlier` to here, none when it lies ahead.
    pub(super) fn bytes_since(self, earlier: Self) -> usize {
        usize::try_from(self.since(earlier)).unwrap_or(0)
    }
}

impl Add<usize> for Seq {
    type Output = Self;

    fn add(self, len: usize) -> Self {
        Self(self.0.wrapping_add(len as u32))
    }
}

impl AddAssign<usize> for Seq {
    fn add_assign(&mut self, len: usize) {
        *self = *self + len;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_wraps() {
        let (before, after) = (Seq(u32::MAX - 1), Seq(3));
        assert!(before.is_before(after));
        assert!(after.is_after(before));
        assert_eq!(after.since(before), 5);
        assert_eq!(after.bytes_since(before), 5);
        assert_eq!(before.bytes_since(after), 0);
        assert_eq!(before + 5, after);
        assert_eq!(before.max(after), after);
    }
}
