//! The requests an end waits for an answer to, by token (RFC 7252 §5.3.2, RFC 8323 §3.3).

use smallvec::SmallVec;
use wire::coap::{Block, Code, Content, number};

use super::body;
use crate::hashing::Hashing;

/// Requests remembered per end. One that has more of them open is believed whatever it is answered.
const REQUESTS: usize = 128;
/// A token is remembered up to this many bytes; a longer one counts for more than are remembered.
const TOKEN_BYTES: usize = 64;

/// Requests under way.
#[derive(Debug, Default)]
pub(super) struct Asked {
    requests: Vec<Request>,
    /// Requests may be under way that aren't remembered.
    is_incomplete: bool,
}

#[derive(Debug)]
struct Request {
    token: SmallVec<[u8; 8]>,
    /// It asks for notifications.
    is_lasting: bool,
    wanted: Wanted,
}

/// What a request wants, as far as its response has to fit.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted {
    /// The body that answers it, as a number. Only of a GET it is known by the options alone.
    pub(super) body: Option<u64>,
    /// Where in that the block begins that it asks for.
    pub(super) offset: u64,
    /// It brings a block of an upload.
    pub(super) has_uploaded: bool,
}

impl Wanted {
    pub(super) fn of(hashing: &Hashing, request: &Content<'_>) -> Self {
        Self {
            body: (request.code() == Code::GET).then(|| body::wanted(hashing, request)),
            offset: request.block2().map_or(0, Block::offset),
            has_uploaded: [number::BLOCK1, number::Q_BLOCK1]
                .into_iter()
                .any(|number| request.option(number).is_some()),
        }
    }
}

impl Asked {
    /// Of an end whose requests went by unseen.
    pub(super) fn unknown() -> Self {
        Self {
            requests: Vec::new(),
            is_incomplete: true,
        }
    }

    /// Whether an answer with this token may be waited for.
    pub(super) fn contains(&self, token: &[u8]) -> bool {
        self.is_incomplete || self.place(token).is_some()
    }

    /// Remembers a request. True if there was no room for it, the first time that happens.
    pub(super) fn insert(&mut self, token: &[u8], is_lasting: bool, wanted: Wanted) -> bool {
        if self.is_incomplete {
            return false;
        }
        if let Some(at) = self.place(token) {
            let request = &mut self.requests[at];
            (request.is_lasting, request.wanted) = (is_lasting, wanted);
            return false;
        }
        if self.requests.len() == REQUESTS || token.len() > TOKEN_BYTES {
            *self = Self::unknown();
            return true;
        }
        let token = SmallVec::from_slice(token);
        self.requests.push(Request {
            token,
            is_lasting,
            wanted,
        });
        false
    }

    /// An answer has come; `goes_on` says whether it is one of several.
    pub(super) fn settle(&mut self, token: &[u8], goes_on: bool) {
        if let Some(at) = self.place(token)
            && !(goes_on && self.requests[at].is_lasting)
        {
            self.requests.swap_remove(at);
        }
    }

    /// How many of them ask for notifications, as far as that is known.
    pub(super) fn lasting(&self) -> Option<usize> {
        let lasting = self.requests.iter().filter(|request| request.is_lasting);
        (!self.is_incomplete).then(|| lasting.count())
    }

    /// Whether one with this token asks for notifications.
    pub(super) fn is_lasting(&self, token: &[u8]) -> bool {
        let known = self.place(token).map(|at| &self.requests[at]);
        known.is_some_and(|request| request.is_lasting)
    }

    /// What the one with this token wants, if it is remembered.
    pub(super) fn wanted(&self, token: &[u8]) -> Option<Wanted> {
        self.place(token).map(|at| self.requests[at].wanted)
    }

    fn place(&self, token: &[u8]) -> Option<usize> {
        let mut requests = self.requests.iter();
        requests.position(|request| *request.token == *token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Wanted = Wanted {
        body: None,
        offset: 0,
        has_uploaded: false,
    };

    #[test]
    fn a_request_is_answered_once() {
        let mut asked = Asked::default();
        asked.insert(&[1], false, WANTED);
        asked.insert(&[], false, WANTED);
        assert!(asked.contains(&[1]) && asked.contains(&[]) && !asked.contains(&[1, 0]));
        asked.settle(&[1], true);
        assert!(!asked.contains(&[1]) && asked.contains(&[]));
    }

    #[test]
    fn an_observation_is_answered_until_it_ends() {
        let mut asked = Asked::default();
        asked.insert(&[1], true, WANTED);
        asked.settle(&[1], true);
        asked.settle(&[1], true);
        assert!(asked.contains(&[1]) && asked.is_lasting(&[1]));
        assert_eq!(asked.lasting(), Some(1));
        asked.settle(&[1], false);
        assert!(!asked.contains(&[1]));
    }

    #[test]
    fn who_asks_more_than_is_remembered_is_believed() {
        let mut asked = Asked::default();
        let over = (0..=REQUESTS as u16).map(|n| asked.insert(&n.to_be_bytes(), false, WANTED));
        assert_eq!(over.filter(|over| *over).count(), 1);
        assert!(asked.contains(&[0xff; 3]) && asked.requests.is_empty());
        assert_eq!(asked.lasting(), None);
        let mut asked = Asked::default();
        assert!(asked.insert(&[0; TOKEN_BYTES + 1], false, WANTED));
        assert!(asked.contains(&[1]));
    }
}
