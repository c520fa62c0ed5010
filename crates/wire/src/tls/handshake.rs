//! The first handshake message of a stream, in one record or in several (RFC 8446 §5.1).

use super::{ContentType, RecordHeader};
use crate::Decoded;

/// A hello in more records than these is made to be hard to read.
const RECORDS_MAX: usize = 32;
/// Bytes of a handshake message's own header.
const HEADER_LEN: usize = 4;

/// Where the first handshake message of a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstHandshake {
    /// It is there.
    Whole {
        /// Where its last record ends.
        end: usize,
        /// In how many records it comes.
        records: usize,
    },
    /// It takes this many bytes of the stream to go on, and perhaps more after them.
    More {
        /// Bytes from the start of the stream.
        need: usize,
    },
    /// It can't be read.
    Unreadable,
}

/// Looks for the end of the first handshake message.
#[must_use]
pub fn first_handshake(stream: &[u8]) -> FirstHandshake {
    let (mut at, mut len) = (0, 0);
    let mut header = [0; HEADER_LEN];
    for records in 1..=RECORDS_MAX {
        let record = match RecordHeader::decode(&stream[at..]) {
            Ok(Decoded::Complete { message, .. }) => message,
            Ok(Decoded::Incomplete { need }) => return FirstHandshake::More { need: at + need },
            Err(_) => return FirstHandshake::Unreadable,
        };
        if record.content_type != ContentType::Handshake {
            return FirstHandshake::Unreadable;
        }
        let start = at + RecordHeader::LEN;
        at = start + record.len;
        let Some(payload) = stream.get(start..at) else {
            return FirstHandshake::More { need: at };
        };
        for (own, byte) in header.iter_mut().skip(len).zip(payload) {
            *own = *byte;
        }
        len += record.len;
        let [_, body @ ..] = header;
        let body = body.iter().fold(0, |n, byte| n << 8 | usize::from(*byte));
        if len >= HEADER_LEN && len >= HEADER_LEN + body {
            return FirstHandshake::Whole { end: at, records };
        }
    }
    FirstHandshake::Unreadable
}

/// Moves together what whole records hold, and leaves their headers out.
#[must_use]
pub fn join_records(stream: &mut [u8]) -> &[u8] {
    let (mut from, mut to) = (0, 0);
    while let Ok(Decoded::Complete { message, len }) = RecordHeader::decode(&stream[from..]) {
        let payload = from + len..from + len + message.len;
        if payload.end > stream.len() {
            break;
        }
        from = payload.end;
        stream.copy_within(payload, to);
        to += message.len;
    }
    &stream[..to]
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    const WHOLE: [u8; 12] = hex!("16 0301 0007 01000003 aabbcc");
    /// The same in records of one, three and three bytes.
    const SPLIT: [u8; 22] = hex!("16 0301 0001 01 16 0301 0003 000003 16 0303 0003 aabbcc");

    #[test]
    fn a_message_ends_where_its_last_record_does() {
        for (stream, records) in [(&WHOLE[..], 1), (&SPLIT, 3)] {
            let whole = FirstHandshake::Whole {
                end: stream.len(),
                records,
            };
            assert_eq!(first_handshake(stream), whole);
            let followed = [stream, b"\x14"].concat();
            assert_eq!(first_handshake(&followed), whole);
            for end in 0..stream.len() {
                let found = first_handshake(&stream[..end]);
                let FirstHandshake::More { need } = found else {
                    panic!("{end}: {found:?}");
                };
                assert!((end + 1..=stream.len()).contains(&need), "{end} {need}");
            }
        }
    }

    #[test]
    fn records_are_joined_without_their_headers() {
        for stream in [&WHOLE[..], &SPLIT] {
            let mut stream = stream.to_vec();
            assert_eq!(join_records(&mut stream), &WHOLE[5..]);
        }
        let mut torn = SPLIT[..15].to_vec();
        assert_eq!(join_records(&mut torn), &WHOLE[5..9]);
    }

    #[test]
    fn what_is_no_handshake_is_unreadable() {
        let alert_between = hex!("16 0301 0001 01 15 0301 0002 0200");
        let many: Vec<u8> = hex!("16 0301 0001 01").repeat(RECORDS_MAX + 1);
        for stream in [
            &alert_between[..],
            &hex!("16 0301 0000"),
            &hex!("40"),
            &many,
        ] {
            assert_eq!(first_handshake(stream), FirstHandshake::Unreadable);
        }
    }
}
