//! The message of a datagram: header, token, options, payload (RFC 7252 §3), and which types may
//! carry which codes (§4).

use std::ops::Deref;

use super::content::{Carrier, Content};
use super::token::{self, TokenLength};
use super::{Code, Malformed, Type};

/// Bytes of the fixed header.
pub const HEADER_LEN: usize = 4;

const VERSION: u8 = 1;

/// One CoAP message, viewed in its datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    message_type: Type,
    message_id: u16,
    content: Content<'a>,
}

impl<'a> Message<'a> {
    /// Reads a datagram. A datagram is whole: there is no incomplete message.
    ///
    /// # Errors
    /// The first rule the message breaks.
    #[inline]
    pub fn decode(datagram: &'a [u8]) -> Result<Self, Malformed> {
        let split = datagram.split_first_chunk::<HEADER_LEN>();
        let (&[first, code, id_high, id_low], rest) = split.ok_or(Malformed::TooShort)?;
        if first >> 6 != VERSION {
            return Err(Malformed::Version);
        }
        let (message_type, code) = (Type::from_bits(first >> 4), Code(code));
        let nibble = first & 0x0f;
        check_code(message_type, code, usize::from(nibble) + rest.len())?;
        let (token, body) = match TokenLength::of(nibble)? {
            TokenLength::Plain(len) => rest.split_at_checked(len),
            TokenLength::Extended(extension) => token::split_extended(rest, extension),
        }
        .ok_or(Malformed::TokenTruncated)?;
        Ok(Self {
            message_type,
            message_id: u16::from_be_bytes([id_high, id_low]),
            content: Content::decode(code, token, body, body.len(), Carrier::Datagram)?,
        })
    }

    /// The message type.
    #[inline]
    #[must_use]
    pub fn message_type(&self) -> Type {
        self.message_type
    }

    /// The message ID.
    #[inline]
    #[must_use]
    pub fn message_id(&self) -> u16 {
        self.message_id
    }
}

impl<'a> Deref for Message<'a> {
    type Target = Content<'a>;

    #[inline]
    fn deref(&self) -> &Content<'a> {
        &self.content
    }
}

/// Which codes a message type may carry (RFC 7252 §4.2, §4.3, table 1), and that an empty message
/// is just its header (§4.1).
#[inline]
fn check_code(message_type: Type, code: Code, body_len: usize) -> Result<(), Malformed> {
    if code.class() != 0 && !code.is_response() {
        return Err(Malformed::CodeClass);
    }
    match message_type {
        Type::Reset if !code.is_empty() => return Err(Malformed::ResetNotEmpty),
        Type::Acknowledgement if code.is_request() => return Err(Malformed::AckRequest),
        Type::NonConfirmable if code.is_empty() => return Err(Malformed::EmptyNonConfirmable),
        _ => {}
    }
    if code.is_empty() && body_len != 0 {
        return Err(Malformed::EmptyMessage);
    }
    Ok(())
}
