//! Bodies in blocks (RFC 7959, RFC 9177): how far a transfer has come, and whether its blocks belong together.

pub(super) mod download;
pub(super) mod upload;
pub(super) mod want;
