//! CoAP messages written: refusals and challenges on a server's behalf, and tests.

use super::token::announce;
use super::{Code, PAYLOAD_MARKER, Type};

/// Appends one message to a `Vec` the caller may reuse. It writes what it is told; options have to
/// come in the order of their numbers, because that is all the wire can say.
#[derive(Debug)]
pub struct Builder<'b> {
    out: &'b mut Vec<u8>,
    last: u16,
}

impl<'b> Builder<'b> {
    /// Begins a message with its header and token.
    ///
    /// # Panics
    /// When the token is longer than the 65,804 bytes of RFC 8974 §2.1.
    pub fn new(
        out: &'b mut Vec<u8>,
        message_type: Type,
        code: Code,
        message_id: u16,
        token: &[u8],
    ) -> Self {
        let (nibble, extension) = announce(token);
        out.push(1 << 6 | (message_type as u8) << 4 | nibble);
        out.push(code.0);
        out.extend(message_id.to_be_bytes());
        out.extend(extension);
        out.extend(token);
        Self { out, last: 0 }
    }

    /// Appends an option.
    ///
    /// # Panics
    /// When the number is below that of the option before, or the value longer than 65,804 bytes.
    pub fn option(self, number: u16, value: &[u8]) -> Self {
        let delta = number
            .checked_sub(self.last)
            .expect("options in the order of their numbers");
        let (delta, delta_more) = nibble(usize::from(delta));
        let (len, len_more) = nibble(value.len());
        self.out.push(delta << 4 | len);
        self.out.extend(delta_more.bytes());
        self.out.extend(len_more.bytes());
        self.out.extend(value);
        Self {
            last: number,
            ..self
        }
    }

    /// Appends an option with a number in its shortest form (RFC 7252 §3.2).
    pub fn uint(self, number: u16, value: u32) -> Self {
        let bytes = value.to_be_bytes();
        let zeros = value.leading_zeros() as usize / 8;
        self.option(number, &bytes[zeros..])
    }

    /// Appends an option for each segment of a path such as `sensors/temperature`; none for "".
    pub fn path(self, number: u16, path: &str) -> Self {
        let segments = path.split('/').filter(|_| !path.is_empty());
        segments.fold(self, |builder, segment| {
            builder.option(number, segment.as_bytes())
        })
    }

    /// Ends the message with a payload; an empty one has no marker.
    pub fn payload(self, payload: &[u8]) {
        if !payload.is_empty() {
            self.out.push(PAYLOAD_MARKER);
            self.out.extend(payload);
        }
    }
}

/// Puts a written message under another ID.
pub fn set_message_id(message: &mut [u8], message_id: u16) {
    if let Some(field) = message.get_mut(2..4) {
        field.copy_from_slice(&message_id.to_be_bytes());
    }
}

/// Bytes a token takes, with what announces it beyond the header.
#[must_use]
pub fn token_len(token: &[u8]) -> usize {
    let (_, extension) = announce(token);
    extension.len() + token.len()
}

/// Appends a message for a stream (RFC 8323 §3.2): `build` gives it its options and payload.
///
/// # Panics
/// When the token is longer than the 65,804 bytes of RFC 8974 §2.1, or the rest than 4 GiB.
pub fn tcp(out: &mut Vec<u8>, code: Code, token: &[u8], build: impl FnOnce(Builder<'_>)) {
    let mut body = Vec::new();
    build(Builder {
        out: &mut body,
        last: 0,
    });
    let (token_nibble, token_extension) = announce(token);
    let (nibble, extension) = stream_len(body.len());
    out.push(nibble << 4 | token_nibble);
    out.extend(extension);
    out.push(code.0);
    out.extend(token_extension);
    out.extend(token);
    out.extend(body);
}

/// The nibble and extension bytes of the length of options and payload.
fn stream_len(len: usize) -> (u8, Vec<u8>) {
    match len {
        0..=12 => (len as u8, Vec::new()),
        13..=268 => (13, vec![(len - 13) as u8]),
        269..=65_804 => (14, ((len - 269) as u16).to_be_bytes().to_vec()),
        _ => {
            let rest = u32::try_from(len - 65_805).expect("at most 4 GiB");
            (15, rest.to_be_bytes().to_vec())
        }
    }
}

/// The extension bytes of a delta or length.
enum Extension {
    None,
    One(u8),
    Two(u16),
}

impl Extension {
    fn bytes(&self) -> impl Iterator<Item = u8> {
        let (bytes, taken) = match *self {
            Self::None => ([0, 0], 0),
            Self::One(byte) => ([byte, 0], 1),
            Self::Two(word) => (word.to_be_bytes(), 2),
        };
        bytes.into_iter().take(taken)
    }
}

/// The nibble and extension that say `value` (RFC 7252 §3.1).
fn nibble(value: usize) -> (u8, Extension) {
    match value {
        0..=12 => (value as u8, Extension::None),
        13..=268 => (13, Extension::One((value - 13) as u8)),
        _ => {
            let rest = u16::try_from(value - 269).expect("at most 65,804");
            (14, Extension::Two(rest))
        }
    }
}
