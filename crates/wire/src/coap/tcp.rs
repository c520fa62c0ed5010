//! Messages of a stream (RFC 8323): a length instead of type and message ID, since TCP delivers in
//! order and once.
//!
//! WebSockets (§4) are left out.

use std::ops::Deref;

use super::content::{Carrier, Content};
use super::token::{TokenLength, extended_len};
use super::{Code, Malformed};
use crate::Decoded;

/// What precedes the token (RFC 8323 §3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The code.
    pub code: Code,
    /// Bytes of the token.
    pub token_len: usize,
    /// Bytes of options and payload.
    pub body_len: usize,
    /// Bytes of the header itself.
    pub len: usize,
}

impl Header {
    /// The most bytes a header takes.
    pub const LEN_MAX: usize = 1 + 4 + 1 + 2;

    /// Reads the header at the start of `bytes`.
    ///
    /// # Errors
    /// The first rule it breaks.
    #[inline]
    pub fn decode(bytes: &[u8]) -> Result<Decoded<Self>, Malformed> {
        let Some((&first, rest)) = bytes.split_first() else {
            return Ok(Decoded::Incomplete { need: 2 });
        };
        let token = TokenLength::of(first & 0x0f)?;
        let length_len = [1, 2, 4]
            .get(usize::from(first >> 4).wrapping_sub(13))
            .map_or(0, |len| *len);
        let code_at = 1 + length_len;
        let Some(&code) = bytes.get(code_at) else {
            return Ok(Decoded::Incomplete { need: code_at + 1 });
        };
        let (token_len, extension_len) = match token {
            TokenLength::Plain(len) => (len, 0),
            TokenLength::Extended(extension) => {
                match bytes.get(code_at + 1..code_at + 1 + extension) {
                    Some(bytes) => (extended_len(bytes), extension),
                    None => {
                        let need = code_at + 1 + extension;
                        return Ok(Decoded::Incomplete { need });
                    }
                }
            }
        };
        let header = Self {
            code: Code(code),
            token_len,
            body_len: body_len(first >> 4, &rest[..length_len]),
            len: code_at + 1 + extension_len,
        };
        header.check()?;
        let message = header;
        let len = header.len;
        Ok(Decoded::Complete { message, len })
    }

    /// Bytes of the whole message.
    #[inline]
    #[must_use]
    pub fn message_len(&self) -> usize {
        (self.len + self.token_len).saturating_add(self.body_len)
    }

    /// Which codes there are (RFC 7252 §12.1, RFC 8323 §5.1), and that an empty message is just its
    /// header (RFC 7252 §4.1).
    #[inline]
    fn check(&self) -> Result<(), Malformed> {
        match self.code.class() {
            0 if self.code.is_empty() && self.token_len + self.body_len > 0 => {
                Err(Malformed::EmptyMessage)
            }
            0 | 2..=5 | 7 => Ok(()),
            _ => Err(Malformed::CodeClass),
        }
    }
}

/// The length that a nibble and its extension bytes stand for; what no memory can hold is as much as
/// it can.
#[inline]
fn body_len(nibble: u8, extension: &[u8]) -> usize {
    match *extension {
        [byte] => usize::from(byte) + 13,
        [high, low] => usize::from(u16::from_be_bytes([high, low])) + 269,
        [a, b, c, d] => {
            let len = u64::from(u32::from_be_bytes([a, b, c, d])) + 65_805;
            usize::try_from(len).unwrap_or(usize::MAX)
        }
        _ => usize::from(nibble),
    }
}

/// One message, viewed in its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    content: Content<'a>,
}

impl<'a> Message<'a> {
    /// Reads the message at the start of `bytes`.
    ///
    /// # Errors
    /// The first rule it breaks.
    #[inline]
    pub fn decode(bytes: &'a [u8]) -> Result<Decoded<Self>, Malformed> {
        let header = match Header::decode(bytes)? {
            Decoded::Complete { message, .. } => message,
            Decoded::Incomplete { need } => return Ok(Decoded::Incomplete { need }),
        };
        let len = header.message_len();
        match bytes.get(..len) {
            Some(bytes) => {
                let message = Self::of(&header, bytes)?;
                Ok(Decoded::Complete { message, len })
            }
            None => Ok(Decoded::Incomplete { need: len }),
        }
    }

    /// Reads a message of which `bytes` need only hold what precedes the payload.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn decode_prefix(bytes: &'a [u8]) -> Result<Decoded<Self>, Malformed> {
        let header = match Header::decode(bytes)? {
            Decoded::Complete { message, .. } => message,
            Decoded::Incomplete { need } => return Ok(Decoded::Incomplete { need }),
        };
        let need = header.message_len();
        let len = need.min(bytes.len());
        match Self::of(&header, &bytes[..len]) {
            Ok(message) => Ok(Decoded::Complete { message, len }),
            Err(malformed) if len < need && malformed.is_truncation() => {
                Ok(Decoded::Incomplete { need })
            }
            Err(malformed) => Err(malformed),
        }
    }

    #[inline]
    fn of(header: &Header, bytes: &'a [u8]) -> Result<Self, Malformed> {
        let split = bytes[header.len..].split_at_checked(header.token_len);
        let (token, body) = split.ok_or(Malformed::TokenTruncated)?;
        let content = Content::decode(header.code, token, body, header.body_len, Carrier::Stream)?;
        Ok(Self { content })
    }
}

impl<'a> Deref for Message<'a> {
    type Target = Content<'a>;

    #[inline]
    fn deref(&self) -> &Content<'a> {
        &self.content
    }
}
