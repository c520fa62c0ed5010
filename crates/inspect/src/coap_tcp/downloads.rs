//! The bodies that an end gets block by block (RFC 7959 §2.4, RFC 8323 §6).
//!
//! A client that puts blocks of two representations together has a third that nobody wrote; their ETags tell
//! them apart. TCP keeps the order of what one server says, but not of what it reads: a resource may change
//! halfway, and a proxy may ask another server for the rest.

use smallvec::SmallVec;

/// Bodies remembered per end. Of one that made room for others, any block is believed.
const DOWNLOADS: usize = 16;
/// An ETag has no more bytes than these (RFC 7252 §5.10.6).
const ETAG_BYTES: usize = 8;

/// Bodies of which a first block has come, and others follow.
#[derive(Debug, Default)]
pub(super) struct Downloads(Vec<Download>);

#[derive(Debug)]
struct Download {
    body: u64,
    etag: Option<ETag>,
}

type ETag = SmallVec<[u8; ETAG_BYTES]>;

impl Downloads {
    /// The first block of a body has come.
    pub(super) fn begin(&mut self, body: u64, etag: Option<&[u8]>) {
        let etag = etag.map(ETag::from_slice);
        match self.0.iter_mut().find(|known| known.body == body) {
            Some(known) => known.etag = etag,
            None => {
                if self.0.len() == DOWNLOADS {
                    self.0.remove(0);
                }
                self.0.push(Download { body, etag });
            }
        }
    }

    /// Whether a later block has another ETag than the first one had.
    pub(super) fn is_of_another_body(&self, body: u64, etag: Option<&[u8]>) -> bool {
        let known = self.0.iter().find(|known| known.body == body);
        known.is_some_and(|known| known.etag.as_deref() != etag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_one_body_carry_its_tag() {
        let mut downloads = Downloads::default();
        assert!(!downloads.is_of_another_body(9, Some(b"v1")));
        downloads.begin(9, Some(b"v1"));
        assert!(!downloads.is_of_another_body(9, Some(b"v1")));
        assert!(downloads.is_of_another_body(9, Some(b"v2")));
        assert!(downloads.is_of_another_body(9, None));
        assert!(!downloads.is_of_another_body(8, Some(b"v2")));
        downloads.begin(9, Some(b"v2"));
        assert!(!downloads.is_of_another_body(9, Some(b"v2")));
    }

    #[test]
    fn who_gets_more_than_is_remembered_is_believed() {
        let mut downloads = Downloads::default();
        for body in 0..=DOWNLOADS as u64 {
            downloads.begin(body, None);
        }
        assert_eq!(downloads.0.len(), DOWNLOADS);
        assert!(!downloads.is_of_another_body(0, Some(b"v1")));
        assert!(downloads.is_of_another_body(1, Some(b"v1")));
    }
}
