//! Reason codes.

/// A stable reason code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reason(u16);
