//! How long a token is (RFC 7252 §3, RFC 8974 §2.1).

use super::Malformed;

/// The longest token that RFC 7252 §3 knows.
pub const PLAIN_TOKEN_LEN_MAX: usize = 8;
/// The longest token that RFC 8974 §2.1 can announce.
pub const TOKEN_LEN_MAX: usize = 269 + u16::MAX as usize;

/// What the token length nibble says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenLength {
    /// So many bytes; above eight by RFC 8974 only.
    Plain(usize),
    /// So many bytes of extension precede the token.
    Extended(usize),
}

impl TokenLength {
    /// # Errors
    /// The nibble 15 is reserved.
    #[inline]
    pub(super) fn of(nibble: u8) -> Result<Self, Malformed> {
        match nibble {
            0..=12 => Ok(Self::Plain(usize::from(nibble))),
            13 => Ok(Self::Extended(1)),
            14 => Ok(Self::Extended(2)),
            _ => Err(Malformed::TokenLength),
        }
    }
}

/// The length that extension bytes stand for: one or two of them.
pub(super) fn extended_len(extension: &[u8]) -> usize {
    match *extension {
        [byte] => usize::from(byte) + 13,
        [high, low] => usize::from(u16::from_be_bytes([high, low])) + 269,
        _ => 0,
    }
}

/// The token behind its extension bytes, and what follows it.
#[cold]
pub(super) fn split_extended(bytes: &[u8], extension: usize) -> Option<(&[u8], &[u8])> {
    let (extension, rest) = bytes.split_at_checked(extension)?;
    rest.split_at_checked(extended_len(extension))
}

/// The nibble and the extension bytes that announce a token.
pub(super) fn announce(token: &[u8]) -> (u8, Vec<u8>) {
    match token.len() {
        len @ 0..=12 => (len as u8, Vec::new()),
        len @ 13..=268 => (13, vec![(len - 13) as u8]),
        len => {
            let rest = u16::try_from(len - 269).expect("at most 65,804 bytes of token");
            (14, rest.to_be_bytes().to_vec())
        }
    }
}
