//! The uploads an end has under way, block by block (RFC 7959 §2.5, RFC 8323 §6).

use wire::coap::Content;

use super::body;
use crate::hashing::Hashing;

/// Uploads remembered per end. One that has more of them under way is believed where it goes on.
const UPLOADS: usize = 16;

/// Uploads under way.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    uploads: Vec<Upload>,
    /// Uploads may be under way that aren't remembered.
    is_incomplete: bool,
}

#[derive(Debug)]
struct Upload {
    body: u64,
    /// Bytes that came without a hole.
    len: u64,
}

impl Uploads {
    /// Of an end whose blocks went by unseen.
    pub(super) fn unknown() -> Self {
        Self {
            uploads: Vec::new(),
            is_incomplete: true,
        }
    }

    /// Whether bytes are missing before the block that a request brings.
    pub(super) fn leaves_hole(&self, hashing: &Hashing, request: &Content<'_>) -> bool {
        let Some(block) = request.block1().filter(|block| block.number > 0) else {
            return false;
        };
        match self.place(body::uploaded(hashing, request)) {
            Some(at) => block.offset() > self.uploads[at].len,
            None => !self.is_incomplete,
        }
    }

    /// A request was let through.
    pub(super) fn note(&mut self, hashing: &Hashing, request: &Content<'_>) {
        let Some(block) = request.block1() else {
            return;
        };
        let body = body::uploaded(hashing, request);
        let end = block.offset() + request.payload_len() as u64;
        match self.place(body) {
            Some(at) if block.number == 0 => self.uploads[at].len = end,
            Some(at) => self.uploads[at].len = self.uploads[at].len.max(end),
            None => {
                if self.uploads.len() == UPLOADS {
                    self.uploads.remove(0);
                    self.is_incomplete = true;
                }
                self.uploads.push(Upload { body, len: end });
            }
        }
    }

    fn place(&self, body: u64) -> Option<usize> {
        self.uploads.iter().position(|upload| upload.body == body)
    }
}

#[cfg(test)]
mod tests {
    use wire::Decoded;
    use wire::coap::tcp::Message;
    use wire::coap::{Code, encode, number};

    use super::*;
    use crate::hashing::hashing;

    fn put(path: &str, block: u32, len: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode::tcp(&mut bytes, Code::PUT, &[1], |builder| {
            builder
                .path(number::URI_PATH, path)
                .uint(number::BLOCK1, block)
                .payload(&vec![7; len]);
        });
        bytes
    }

    /// Whether a block leaves a hole; if not, it is let through.
    fn leaves_hole(uploads: &mut Uploads, bytes: &[u8]) -> bool {
        let Ok(Decoded::Complete { message, .. }) = Message::decode(bytes) else {
            panic!("a message");
        };
        let hashing = hashing(1);
        let leaves_hole = uploads.leaves_hole(&hashing, &message);
        if !leaves_hole {
            uploads.note(&hashing, &message);
        }
        leaves_hole
    }

    #[test]
    fn blocks_follow_one_another() {
        let mut uploads = Uploads::default();
        assert!(
            leaves_hole(&mut uploads, &put("a", 0x1a, 64)),
            "no beginning"
        );
        assert!(!leaves_hole(&mut uploads, &put("a", 0x0a, 64)));
        assert!(
            leaves_hole(&mut uploads, &put("b", 0x1a, 64)),
            "another one"
        );
        assert!(leaves_hole(&mut uploads, &put("a", 0x2a, 64)));
        assert!(!leaves_hole(&mut uploads, &put("a", 0x1a, 64)));
        assert!(!leaves_hole(&mut uploads, &put("a", 0x22, 3)));
    }

    #[test]
    fn several_blocks_at_once_count_by_1024_bytes() {
        let mut uploads = Uploads::default();
        assert!(!leaves_hole(&mut uploads, &put("a", 0x0f, 3072)));
        assert!(!leaves_hole(&mut uploads, &put("a", 0x3f, 1024)));
        assert!(leaves_hole(&mut uploads, &put("a", 0x57, 10)));
        assert!(!leaves_hole(&mut uploads, &put("a", 0x47, 10)));
    }

    #[test]
    fn who_uploads_more_than_is_remembered_is_believed() {
        let mut uploads = Uploads::default();
        for number in 0..=UPLOADS {
            leaves_hole(&mut uploads, &put(&number.to_string(), 0x0a, 64));
        }
        assert_eq!(uploads.uploads.len(), UPLOADS);
        assert!(!leaves_hole(&mut uploads, &put("0", 0x1a, 64)));
        assert!(!leaves_hole(&mut Uploads::unknown(), &put("0", 0x1a, 64)));
    }
}
