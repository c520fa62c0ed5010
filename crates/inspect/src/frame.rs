//! A frame on its way through: where it came in, and its bytes, which the inspector may rewrite.

use std::fmt;

use policy::Side;

/// One end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Port {
    /// Index of the `[[link]]` in the configuration.
    pub link: u16,
    /// Which end of it.
    pub side: Side,
}

impl Port {
    /// The other end of the same link.
    #[must_use]
    pub fn opposite(self) -> Self {
        Self {
            side: self.side.opposite(),
            ..self
        }
    }
}

/// The bytes of one Ethernet frame inside a buffer that may be larger.
///
/// The inspector may rewrite the frame in place, shorten it, or (within the buffer) lengthen it.
/// What is in [`Frame::as_slice`] after the call is what goes out, if anything does.
pub struct Frame<'a> {
    buffer: &'a mut [u8],
    len: usize,
}

impl<'a> Frame<'a> {
    /// A frame of the first `len` bytes of `buffer`.
    ///
    /// # Panics
    /// If `len` exceeds the buffer.
    #[must_use]
    pub fn new(buffer: &'a mut [u8], len: usize) -> Self {
        assert!(len <= buffer.len(), "a frame lies within its buffer");
        Self { buffer, len }
    }

    /// A frame that fills `bytes` exactly.
    #[must_use]
    pub fn whole(bytes: &'a mut [u8]) -> Self {
        let len = bytes.len();
        Self { buffer: bytes, len }
    }

    /// The frame as it stands.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    /// The frame as it stands, to be rewritten.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.buffer[..self.len]
    }

    /// Bytes of the frame.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is left of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How long the frame could become.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.buffer.len()
    }

    /// The whole buffer: to write a longer frame into, before [`Frame::set_len`].
    pub fn buffer_mut(&mut self) -> &mut [u8] {
        self.buffer
    }

    /// Makes the first `len` bytes of the buffer the frame.
    ///
    /// # Panics
    /// If `len` exceeds the buffer.
    pub fn set_len(&mut self, len: usize) {
        assert!(len <= self.buffer.len(), "a frame lies within its buffer");
        self.len = len;
    }
}

impl fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({} of {} bytes)", self.len, self.buffer.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shrinks_and_grows_within_its_buffer() {
        let mut buffer = [1, 2, 3, 4];
        let mut frame = Frame::new(&mut buffer, 2);
        assert_eq!(frame.as_slice(), [1, 2]);
        frame.set_len(4);
        assert_eq!(frame.as_slice(), [1, 2, 3, 4]);
        frame.set_len(0);
        assert!(frame.is_empty());
        assert_eq!(frame.capacity(), 4);
    }

    #[test]
    fn the_other_end_of_a_port_is_on_the_same_link() {
        let port = Port {
            link: 3,
            side: Side::Inside,
        };
        assert_eq!(port.opposite().side, Side::Outside);
        assert_eq!(port.opposite().opposite(), port);
    }
}
