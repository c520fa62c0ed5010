//! A cursor over one control packet's body: every read checks, every failure names its clause.

use super::utf8;
use super::{Anomalies, Malformed};

/// What is left of a packet, and the oddities met so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    pub(crate) anomalies: Anomalies,
}

/// A string, and whether `+` or `#` occurs in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    pub(crate) text: &'a str,
    pub(crate) has_wildcard: bool,
}

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn new(body: &'a [u8], anomalies: Anomalies) -> Self {
        Self {
            rest: body,
            anomalies,
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.rest.len()
    }

    /// Everything not read yet.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Everything not read yet, leaving nothing.
    #[inline]
    pub(crate) fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Fails unless everything was read.
    #[inline]
    pub(crate) fn finish(&self) -> Result<(), Malformed> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Malformed::TrailingBytes)
        }
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(*head)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(u8::from_be_bytes)
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    /// A variable byte integer, at most four bytes and no longer than needed (§1.5.5).
    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u32, Malformed> {
        let mut value = 0;
        for shift in [0, 7, 14, 21] {
            let byte = self.u8()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return if byte == 0 && shift > 0 {
                    Err(Malformed::LengthNotMinimal)
                } else {
                    Ok(value)
                };
            }
        }
        Err(Malformed::RemainingLength)
    }

    /// The next `len` bytes, or `beyond` if there are fewer.
    #[inline]
    pub(crate) fn bytes(&mut self, len: usize, beyond: Malformed) -> Result<&'a [u8], Malformed> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(beyond)?;
        self.rest = rest;
        Ok(head)
    }

    /// Binary data with its two-byte length (§1.5.6).
    #[inline]
    pub(crate) fn binary(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.u16()?;
        self.bytes(usize::from(len), Malformed::FieldLength)
    }

    /// The bytes of a UTF-8 encoded string with its two-byte length (§1.5.4), checked, and whether it
    /// has wildcards. Where nobody asks for the text, making it would cost as much again.
    #[inline(always)]
    pub(crate) fn checked(&mut self) -> Result<(&'a [u8], bool), Malformed> {
        let bytes = self.binary()?;
        let marks = utf8::check(bytes)?;
        self.anomalies.extend(marks.anomalies);
        Ok((bytes, marks.has_wildcard))
    }

    /// A UTF-8 encoded string.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Text<'a>, Malformed> {
        let (bytes, has_wildcard) = self.checked()?;
        let text = std::str::from_utf8(bytes).map_err(|_| Malformed::Utf8)?;
        Ok(Text { text, has_wildcard })
    }

    /// A UTF-8 encoded string that [`Reader::checked`] found to be one before.
    #[inline]
    pub(crate) fn known_string(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.binary()?).map_err(|_| Malformed::Utf8)
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    #[test]
    fn variable_byte_integers_are_minimal_and_short() {
        let table: [(&[u8], Result<u32, Malformed>); 10] = [
            (&hex!("00"), Ok(0)),
            (&hex!("7f"), Ok(127)),
            (&hex!("8001"), Ok(128)),
            (&hex!("ff7f"), Ok(16_383)),
            (&hex!("ffffff7f"), Ok(268_435_455)),
            (&hex!("8000"), Err(Malformed::LengthNotMinimal)),
            (&hex!("ff8000"), Err(Malformed::LengthNotMinimal)),
            (&hex!("80808000"), Err(Malformed::LengthNotMinimal)),
            (&hex!("ffffffff01"), Err(Malformed::RemainingLength)),
            (&hex!("ffff"), Err(Malformed::Truncated)),
        ];
        for (bytes, expected) in table {
            let mut reader = Reader::new(bytes, Anomalies::EMPTY);
            assert_eq!(reader.varint(), expected, "{bytes:02x?}");
        }
    }

    #[test]
    fn lengths_beyond_the_packet_are_told_from_missing_lengths() {
        let mut reader = Reader::new(&hex!("00"), Anomalies::EMPTY);
        assert_eq!(reader.binary(), Err(Malformed::Truncated));
        let mut reader = Reader::new(&hex!("0003 6162"), Anomalies::EMPTY);
        assert_eq!(reader.binary(), Err(Malformed::FieldLength));
        let mut reader = Reader::new(&hex!("0002 6162 63"), Anomalies::EMPTY);
        assert_eq!(reader.binary(), Ok(&b"ab"[..]));
        assert_eq!(reader.finish(), Err(Malformed::TrailingBytes));
    }
}
