//! The uploads an end has under way, block by block (RFC 7959 §2.5, RFC 8323 §6).

use smallvec::SmallVec;
use wire::coap::{Content, number};

/// Uploads remembered per end. One that has more of them under way is believed where it goes on.
const UPLOADS: usize = 16;
/// What an upload is known by is remembered up to this many bytes; a longer one counts for more than are
/// remembered.
const NAME_BYTES: usize = 256;

/// Uploads under way.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    uploads: Vec<Upload>,
    /// Uploads may be under way that aren't remembered.
    is_incomplete: bool,
}

#[derive(Debug)]
struct Upload {
    name: Name,
    /// Bytes that came without a hole.
    len: u64,
}

type Name = SmallVec<[u8; 32]>;

impl Uploads {
    /// Of an end whose blocks went by unseen.
    pub(super) fn unknown() -> Self {
        Self {
            uploads: Vec::new(),
            is_incomplete: true,
        }
    }

    /// Whether bytes are missing before the block that a request brings.
    pub(super) fn leaves_hole(&self, request: &Content<'_>) -> bool {
        let Some(block) = request.block1().filter(|block| block.number > 0) else {
            return false;
        };
        match self.place(&name(request)) {
            Some(at) => block.offset() > self.uploads[at].len,
            None => !self.is_incomplete,
        }
    }

    /// A request was let through.
    pub(super) fn note(&mut self, request: &Content<'_>) {
        let Some(block) = request.block1() else {
            return;
        };
        let name = name(request);
        let end = block.offset() + request.payload_len() as u64;
        match self.place(&name) {
            Some(at) if block.number == 0 => self.uploads[at].len = end,
            Some(at) => self.uploads[at].len = self.uploads[at].len.max(end),
            None if name.len() > NAME_BYTES => self.is_incomplete = true,
            None => {
                if self.uploads.len() == UPLOADS {
                    self.uploads.remove(0);
                    self.is_incomplete = true;
                }
                self.uploads.push(Upload { name, len: end });
            }
        }
    }

    fn place(&self, name: &Name) -> Option<usize> {
        self.uploads.iter().position(|upload| upload.name == *name)
    }
}

/// What an upload is known by: its method, what it writes to, and its Request-Tag (RFC 9175 §3).
fn name(request: &Content<'_>) -> Name {
    let mut name = Name::new();
    name.push(request.code().0);
    for option in request.options() {
        let names_body = matches!(
            option.number,
            number::URI_HOST
                | number::URI_PORT
                | number::URI_PATH
                | number::URI_QUERY
                | number::REQUEST_TAG
        );
        if names_body && name.len() <= NAME_BYTES {
            name.extend_from_slice(&option.number.to_be_bytes());
            name.extend_from_slice(&(option.value.len() as u16).to_be_bytes());
            name.extend_from_slice(option.value);
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use wire::Decoded;
    use wire::coap::tcp::Message;
    use wire::coap::{Code, encode};

    use super::*;

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
        let leaves_hole = uploads.leaves_hole(&message);
        if !leaves_hole {
            uploads.note(&message);
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
