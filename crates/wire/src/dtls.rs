//! DTLS records, as far as their headers: is this datagram DTLS? (RFC 6347 §4.1, RFC 9147 §4,
//! RFC 9146 §4). Of handshake messages only a ClientHello is read.

use crate::finding::findings;
use crate::hello::{CLIENT_HELLO, ClientHello};

findings! {
    /// A datagram that is no sequence of DTLS records.
    pub enum Malformed {
        /// The content type is unknown
        ContentType => "dtls.malformed.content-type", "RFC 6347 §4.1, RFC 9147 §4";
        /// The version is no version of DTLS
        Version => "dtls.malformed.version", "RFC 6347 §4.1";
        /// The datagram ends inside a record
        Truncated => "dtls.malformed.truncated", "RFC 6347 §4.1.1";
        /// The record is longer than any version allows
        Length => "dtls.malformed.length", "RFC 6347 §4.1";
    }
}

impl std::error::Error for Malformed {}

/// The header of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    /// A record with the header of DTLS 1.0 and 1.2, which the plaintext records of 1.3 share.
    Plain {
        /// The content type: 20 to 24, 26 (ACK of 1.3).
        content_type: u8,
        /// 0xfeff for 1.0, 0xfefd for 1.2 and later.
        version: u16,
        /// Changes with the keys; 0 in the clear.
        epoch: u16,
    },
    /// A protected record with a connection identifier, whose length only the ends know.
    ConnectionId,
    /// A protected record of DTLS 1.3.
    Unified,
}

/// Bytes of the long header.
const HEADER_LEN: usize = 13;
const RECORD_LEN_MAX: usize = (1 << 14) + 2048;
/// The content type of handshake messages.
const HANDSHAKE: u8 = 22;
const TLS12_CID: u8 = 25;

/// Walks the records of a datagram and returns the first. The walk ends at a record that does not
/// say its length to outsiders; it fills the datagram.
///
/// # Errors
/// What keeps the datagram from being DTLS; an empty one is truncated.
pub fn decode(datagram: &[u8]) -> Result<Record, Malformed> {
    let (first, mut rest) = next_record(datagram)?;
    while !rest.is_empty() {
        (_, rest) = next_record(rest)?;
    }
    Ok(first)
}

/// The ClientHello in a datagram, in the clear as it always is. One in fragments isn't put together, and so
/// isn't readable.
#[must_use]
pub fn client_hello(datagram: &[u8]) -> Option<ClientHello<'_>> {
    let mut rest = datagram;
    while !rest.is_empty() {
        let (record, after) = next_record(rest).ok()?;
        let len = rest.len() - after.len();
        if let Record::Plain {
            content_type: HANDSHAKE,
            epoch: 0,
            ..
        } = record
            && let Some(hello) = hello_of(&rest[HEADER_LEN..len])
        {
            return Some(hello);
        }
        rest = after;
    }
    None
}

/// The ClientHello that a record's first message is, after a header with a place among fragments (RFC 6347 §4.2.2).
fn hello_of(handshake: &[u8]) -> Option<ClientHello<'_>> {
    let (header, fragment) = handshake.split_first_chunk::<12>()?;
    let [kind, len @ .., _, _, o2, o1, o0, f2, f1, f0] = *header;
    if kind != CLIENT_HELLO {
        return None;
    }
    let is_whole = [o2, o1, o0] == [0; 3] && [f2, f1, f0] == len;
    let hello = is_whole.then(|| ClientHello::body(fragment, true));
    Some(hello.flatten().unwrap_or(ClientHello::UNREADABLE))
}

fn next_record(input: &[u8]) -> Result<(Record, &[u8]), Malformed> {
    let &first = input.first().ok_or(Malformed::Truncated)?;
    match first {
        20..=26 => long_record(first, input),
        0x20..=0x3f => unified_record(first, input),
        _ => Err(Malformed::ContentType),
    }
}

fn long_record(content_type: u8, input: &[u8]) -> Result<(Record, &[u8]), Malformed> {
    let split = input
        .split_first_chunk::<HEADER_LEN>()
        .ok_or(Malformed::Truncated)?;
    let (&[_, v1, v0, e1, e0, .., l1, l0], rest) = split;
    let version = u16::from_be_bytes([v1, v0]);
    if !matches!(version, 0xfeff | 0xfefd) {
        return Err(Malformed::Version);
    }
    if content_type == TLS12_CID {
        return Ok((Record::ConnectionId, &[]));
    }
    let len = usize::from(u16::from_be_bytes([l1, l0]));
    if len > RECORD_LEN_MAX {
        return Err(Malformed::Length);
    }
    let rest = rest.get(len..).ok_or(Malformed::Truncated)?;
    let epoch = u16::from_be_bytes([e1, e0]);
    Ok((
        Record::Plain {
            content_type,
            version,
            epoch,
        },
        rest,
    ))
}

/// The short header: flags for connection identifier, sequence number size and length.
fn unified_record(first: u8, input: &[u8]) -> Result<(Record, &[u8]), Malformed> {
    const HAS_CONNECTION_ID: u8 = 0b1_0000;
    const LONG_SEQUENCE: u8 = 0b1000;
    const HAS_LENGTH: u8 = 0b100;
    // The sequence number is encrypted with a sample of 16 bytes (RFC 9147 §4.2.3).
    const CIPHERTEXT_MIN: usize = 16;
    let sequence_len = if first & LONG_SEQUENCE != 0 { 2 } else { 1 };
    let rest = input.get(1 + sequence_len..).ok_or(Malformed::Truncated)?;
    if first & HAS_CONNECTION_ID != 0 || first & HAS_LENGTH == 0 {
        let fits = rest.len() >= CIPHERTEXT_MIN;
        return if fits {
            Ok((Record::Unified, &[]))
        } else {
            Err(Malformed::Truncated)
        };
    }
    let (len, rest) = rest.split_first_chunk().ok_or(Malformed::Truncated)?;
    let len = usize::from(u16::from_be_bytes(*len));
    if len > RECORD_LEN_MAX {
        return Err(Malformed::Length);
    }
    let rest = rest.get(len..).ok_or(Malformed::Truncated)?;
    Ok((Record::Unified, rest))
}

/// Feeds arbitrary bytes to the record walk.
pub fn fuzz_dtls_datagram(data: &[u8]) {
    if let Ok(Record::Plain { content_type, .. }) = decode(data) {
        assert!(data.len() >= HEADER_LEN && data[0] == content_type);
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    const HELLO: [u8; 16] = hex!("16 fefd 0000 000000000000 0003 010000");

    #[test]
    fn codes_are_unique_and_documented() {
        let rows = Malformed::ALL
            .iter()
            .map(|m| (m.code(), m.clause(), m.summary()));
        crate::finding::assert_table("dtls.malformed.", &rows.collect::<Vec<_>>());
    }

    #[test]
    fn records_fill_the_datagram() {
        let hello = Record::Plain {
            content_type: 22,
            version: 0xfefd,
            epoch: 0,
        };
        assert_eq!(decode(&HELLO), Ok(hello));
        assert_eq!(decode(&[HELLO, HELLO].concat()), Ok(hello));
        for end in 0..HELLO.len() {
            assert_eq!(decode(&HELLO[..end]), Err(Malformed::Truncated), "{end}");
            let second = [&HELLO[..], &HELLO[..end]].concat();
            assert_eq!(decode(&second).is_ok(), end == 0, "{end}");
        }
    }

    #[test]
    fn protected_records() {
        let cid = hex!("19 fefd 0001 000000000001 aabb 0010 00112233445566778899aabbccddeeff");
        assert_eq!(decode(&cid), Ok(Record::ConnectionId));
        let with_len = hex!("2e 0001 0010 00112233445566778899aabbccddeeff");
        assert_eq!(decode(&with_len), Ok(Record::Unified));
        let cut = with_len.len() - 1;
        assert_eq!(decode(&with_len[..cut]), Err(Malformed::Truncated));
        let without_len = hex!("22 01 00112233445566778899aabbccddeeff");
        assert_eq!(decode(&without_len), Ok(Record::Unified));
        let cut = without_len.len() - 1;
        assert_eq!(decode(&without_len[..cut]), Err(Malformed::Truncated));
    }

    #[test]
    fn what_is_no_dtls_is_named() {
        let table: [(&[u8], Malformed); 6] = [
            (&hex!("40010001"), Malformed::ContentType), // a CoAP GET
            (&hex!("13"), Malformed::ContentType),
            (&hex!("16 0303 0000 000000000000 0000"), Malformed::Version),
            (
                &hex!("16 fefd 0000 000000000000 ffff 01"),
                Malformed::Length,
            ),
            (&hex!("2c 0001 ffff"), Malformed::Length),
            (
                &hex!("16 fefd 0000 000000000000 0002 01"),
                Malformed::Truncated,
            ),
        ];
        for (input, expected) in table {
            assert_eq!(decode(input), Err(expected), "{input:02x?}");
        }
    }

    #[test]
    fn exercise_fuzz_dtls_datagram() {
        for data in [&HELLO[..], &hex!("2c 0001 ffff"), &hex!("40010001"), &[]] {
            fuzz_dtls_datagram(data);
        }
    }
}
