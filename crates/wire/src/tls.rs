//! TLS records, as far as their headers: is this TLS at all, and where does the next record begin?
//! (RFC 8446 §5.1, RFC 5246 §6.2). Of handshake messages only the first is looked for: see [`crate::hello`].

mod handshake;

use crate::Decoded;
use crate::finding::findings;

pub use handshake::{FirstHandshake, first_handshake, join_records};

findings! {
    /// Bytes that are no TLS record.
    pub enum Malformed {
        /// The content type is unknown
        ContentType => "tls.malformed.content-type", "RFC 8446 §5.1";
        /// The major version is not 3
        Version => "tls.malformed.version", "RFC 8446 §5.1, RFC 6176 §3";
        /// The record is longer than any version allows
        Length => "tls.malformed.length", "RFC 8446 §5.2, RFC 5246 §6.2.3";
        /// A record that must not be empty is
        Empty => "tls.malformed.empty", "RFC 8446 §5.1, RFC 5246 §6.2.1";
    }
}

impl std::error::Error for Malformed {}

/// What a record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs, reason = "the variants are the registry's names")]
pub enum ContentType {
    ChangeCipherSpec = 20,
    Alert = 21,
    Handshake = 22,
    ApplicationData = 23,
    Heartbeat = 24,
}

impl ContentType {
    /// The content type with this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            20 => Self::ChangeCipherSpec,
            21 => Self::Alert,
            22 => Self::Handshake,
            23 => Self::ApplicationData,
            24 => Self::Heartbeat,
            _ => return None,
        })
    }
}

/// The first five bytes of every record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordHeader {
    /// What the record holds.
    pub content_type: ContentType,
    /// The record's version, 0x0300 to 0x03ff; says little about the connection's.
    pub version: u16,
    /// Bytes of the record after the header.
    pub len: usize,
}

impl RecordHeader {
    /// Bytes of the header itself.
    pub const LEN: usize = 5;

    /// TLS 1.2 lets a protected record grow by 2048 bytes, 1.3 by 256.
    const RECORD_LEN_MAX: usize = (1 << 14) + 2048;

    /// Reads a record's header; `len` of the result is the header's. What the bytes already show is
    /// refused before the header is whole.
    ///
    /// # Errors
    /// What keeps the bytes from being a record.
    pub fn decode(input: &[u8]) -> Result<Decoded<Self>, Malformed> {
        if input
            .first()
            .is_some_and(|number| ContentType::from_number(*number).is_none())
        {
            return Err(Malformed::ContentType);
        }
        if input.get(1).is_some_and(|major| *major != 3) {
            return Err(Malformed::Version);
        }
        let Some(&[number, major, minor, high, low]) = input.first_chunk() else {
            return Ok(Decoded::Incomplete { need: Self::LEN });
        };
        let message = Self {
            content_type: ContentType::from_number(number).ok_or(Malformed::ContentType)?,
            version: u16::from_be_bytes([major, minor]),
            len: usize::from(u16::from_be_bytes([high, low])),
        };
        if message.len > Self::RECORD_LEN_MAX {
            return Err(Malformed::Length);
        }
        if message.len == 0 && message.content_type != ContentType::ApplicationData {
            return Err(Malformed::Empty);
        }
        Ok(Decoded::Complete {
            message,
            len: Self::LEN,
        })
    }

    /// Whether a stream begins with a record of any content.
    pub(crate) fn probe(input: &[u8]) -> Probe {
        match Self::decode(input) {
            Ok(Decoded::Complete { .. }) => Probe::Yes,
            Ok(Decoded::Incomplete { need }) => Probe::More { need },
            Err(_) => Probe::No,
        }
    }
}

/// Whether a stream begins the way TLS does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// It does.
    Yes,
    /// It does not, whatever follows.
    No,
    /// This many bytes in total are needed to tell.
    More {
        /// Bytes from the start of the stream.
        need: usize,
    },
}

/// Whether the first bytes an end sends are a handshake record: the hello of a client or a server.
#[must_use]
pub fn is_handshake_record(input: &[u8]) -> Probe {
    match RecordHeader::decode(input) {
        Ok(Decoded::Complete { message, .. }) if message.content_type == ContentType::Handshake => {
            Probe::Yes
        }
        Ok(Decoded::Incomplete { .. })
            if input
                .first()
                .is_some_and(|first| *first != ContentType::Handshake as u8) =>
        {
            Probe::No
        }
        Ok(Decoded::Incomplete { need }) => Probe::More { need },
        Ok(Decoded::Complete { .. }) | Err(_) => Probe::No,
    }
}

/// Walks arbitrary bytes as a stream of records.
///
/// # Panics
/// When the walk stands still, or the probe and the header disagree.
pub fn fuzz_tls_record(data: &[u8]) {
    let mut at = 0;
    while let Some(input) = data.get(at..) {
        let probe = is_handshake_record(input);
        match RecordHeader::decode(input) {
            Ok(Decoded::Complete { message, len }) => {
                let is_handshake = message.content_type == ContentType::Handshake;
                assert_eq!(probe == Probe::Yes, is_handshake);
                at += len + message.len;
            }
            Ok(Decoded::Incomplete { need }) => {
                assert!(need > input.len() && probe != Probe::Yes);
                return;
            }
            Err(_) => return assert_eq!(probe, Probe::No),
        }
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    #[test]
    fn codes_are_unique_and_documented() {
        let rows = Malformed::ALL
            .iter()
            .map(|m| (m.code(), m.clause(), m.summary()));
        crate::finding::assert_table("tls.malformed.", &rows.collect::<Vec<_>>());
    }

    #[test]
    fn headers_of_all_content_types() {
        for number in 20..=24 {
            let input = [number, 3, 1, 0, 1];
            let Ok(Decoded::Complete { message, len: 5 }) = RecordHeader::decode(&input) else {
                panic!("content type {number}");
            };
            assert_eq!(
                (message.content_type as u8, message.version, message.len),
                (number, 0x301, 1)
            );
            for end in 0..5 {
                let decoded = RecordHeader::decode(&input[..end]);
                assert_eq!(decoded, Ok(Decoded::Incomplete { need: 5 }));
            }
        }
    }

    #[test]
    fn what_is_no_record_is_named() {
        let table: [(&[u8], Malformed); 8] = [
            (&hex!("10"), Malformed::ContentType), // an MQTT CONNECT
            (&hex!("13 03 01 0001"), Malformed::ContentType),
            (&hex!("19 03 01 0001"), Malformed::ContentType),
            (&hex!("80 2e 01 0002"), Malformed::ContentType), // an SSL 2.0 hello
            (&hex!("16 02"), Malformed::Version),
            (&hex!("17 03 03 ffff"), Malformed::Length),
            (&hex!("17 03 03 4801"), Malformed::Length),
            (&hex!("16 03 03 0000"), Malformed::Empty),
        ];
        for (input, expected) in table {
            assert_eq!(RecordHeader::decode(input), Err(expected), "{input:02x?}");
            assert_eq!(is_handshake_record(input), Probe::No);
        }
        assert!(RecordHeader::decode(&hex!("17 03 03 4800")).is_ok());
        assert!(RecordHeader::decode(&hex!("17 03 03 0000")).is_ok());
    }

    #[test]
    fn a_stream_is_told_by_its_first_bytes() {
        let hello = hex!("16 03 01 0033 01");
        assert_eq!(is_handshake_record(&hello), Probe::Yes);
        for end in 0..5 {
            assert_eq!(is_handshake_record(&hello[..end]), Probe::More { need: 5 });
        }
        assert_eq!(is_handshake_record(&hex!("17 03 03 0001")), Probe::No);
        assert_eq!(is_handshake_record(&hex!("15")), Probe::No);
    }

    #[test]
    fn exercise_fuzz_tls_record() {
        for data in [
            &hex!("16 03 01 0033 01")[..],
            &hex!("17 03 03 ffff"),
            &hex!("10"),
            &[],
        ] {
            fuzz_tls_record(data);
        }
    }
}
