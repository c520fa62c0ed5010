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
    /// It asks for notifications, and hasn't been taken back.
    is_lasting: bool,
    /// It has got some.
    is_notified: bool,
    /// How often it was made and not answered yet, notifications apart.
    owed: u8,
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
    /// Any number of responses may come of it: a proxy may ask a group (RFC 7252 §8.2.2), and so may blocks all at once
    /// (RFC 9177 §4.4).
    pub(super) draws_several: bool,
}

impl Wanted {
    pub(super) fn of(hashing: &Hashing, request: &Content<'_>) -> Self {
        let has = |numbers: [u16; 2]| {
            let mut numbers = numbers.into_iter();
            numbers.any(|number| request.option(number).is_some())
        };
        Self {
            body: (request.code() == Code::GET).then(|| body::wanted(hashing, request)),
            offset: request.block2().map_or(0, Block::offset),
            has_uploaded: has([number::BLOCK1, number::Q_BLOCK1]),
            draws_several: has([number::PROXY_URI, number::PROXY_SCHEME])
                || has([number::Q_BLOCK1, number::Q_BLOCK2]),
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

    /// Remembers a request, with its Observe option: one that has none, under the token of an observation, leaves that
    /// as it is. True if there was no room for it, the first time that happens.
    pub(super) fn insert(&mut self, token: &[u8], observe: Option<u32>, wanted: Wanted) -> bool {
        if self.is_incomplete {
            return false;
        }
        if let Some(at) = self.place(token) {
            self.requests[at].repeat(observe, wanted);
            return false;
        }
        if self.requests.len() == REQUESTS || token.len() > TOKEN_BYTES {
            *self = Self::unknown();
            return true;
        }
        self.requests.push(Request {
            token: SmallVec::from_slice(token),
            is_lasting: observe == Some(0),
            is_notified: false,
            owed: 1,
            wanted,
        });
        false
    }

    /// An answer has come; `notifies` says whether it has an Observe option.
    pub(super) fn settle(&mut self, token: &[u8], notifies: bool) {
        if let Some(at) = self.place(token)
            && self.requests[at].settle(notifies)
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

impl Request {
    /// It is made once more.
    fn repeat(&mut self, observe: Option<u32>, wanted: Wanted) {
        match observe {
            Some(0) => self.is_lasting = true,
            Some(1) => self.is_lasting = false,
            _ => {}
        }
        self.owed = self.owed.saturating_add(1);
        self.wanted = wanted;
    }

    /// An answer has come. Whether none is to follow. What was under way when an observation ended isn't the answer to
    /// what ended it (RFC 7641 §3.6), and what was asked under its token beside it ends nothing.
    fn settle(&mut self, notifies: bool) -> bool {
        if self.wanted.draws_several {
            return false;
        }
        if notifies && (self.is_lasting || self.is_notified) {
            if !self.is_notified {
                self.owed = self.owed.saturating_sub(1);
            }
            self.is_notified = true;
            return false;
        }
        let is_aside = self.is_lasting && self.is_notified && self.owed > 0;
        self.owed = self.owed.saturating_sub(1);
        !is_aside && (self.is_lasting || self.owed == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Wanted = Wanted {
        body: None,
        offset: 0,
        has_uploaded: false,
        draws_several: false,
    };

    #[test]
    fn a_request_is_answered_once() {
        let mut asked = Asked::default();
        asked.insert(&[1], None, WANTED);
        asked.insert(&[], None, WANTED);
        assert!(asked.contains(&[1]) && asked.contains(&[]) && !asked.contains(&[1, 0]));
        asked.settle(&[1], true);
        assert!(!asked.contains(&[1]) && asked.contains(&[]));
    }

    #[test]
    fn an_observation_is_answered_until_it_ends() {
        let mut asked = Asked::default();
        asked.insert(&[1], Some(0), WANTED);
        asked.settle(&[1], true);
        asked.settle(&[1], true);
        assert!(asked.contains(&[1]) && asked.is_lasting(&[1]));
        assert_eq!(asked.lasting(), Some(1));
        asked.settle(&[1], false);
        assert!(!asked.contains(&[1]));
    }

    /// TCP keeps the order: what the server said before it read that nobody observes any more comes first.
    #[test]
    fn what_was_under_way_when_an_observation_ended_is_no_answer() {
        let mut asked = Asked::default();
        asked.insert(&[1], Some(0), WANTED);
        asked.settle(&[1], true);
        asked.insert(&[1], Some(1), WANTED);
        assert_eq!(asked.lasting(), Some(0));
        asked.settle(&[1], true);
        asked.settle(&[1], true);
        assert!(asked.contains(&[1]));
        asked.settle(&[1], false);
        assert!(!asked.contains(&[1]));
    }

    #[test]
    fn what_is_asked_beside_an_observation_ends_nothing() {
        let mut asked = Asked::default();
        asked.insert(&[1], Some(0), WANTED);
        asked.settle(&[1], true);
        asked.insert(&[1], None, WANTED);
        asked.settle(&[1], true);
        asked.settle(&[1], false);
        assert!(asked.is_lasting(&[1]));
        asked.settle(&[1], false);
        assert!(!asked.contains(&[1]), "an answer without Observe ends it");
    }

    #[test]
    fn a_proxy_may_answer_more_than_once() {
        let mut asked = Asked::default();
        let draws_several = true;
        asked.insert(
            &[1],
            None,
            Wanted {
                draws_several,
                ..WANTED
            },
        );
        asked.settle(&[1], false);
        asked.settle(&[1], false);
        assert!(asked.contains(&[1]));
    }

    #[test]
    fn who_asks_more_than_is_remembered_is_believed() {
        let mut asked = Asked::default();
        let over = (0..=REQUESTS as u16).map(|n| asked.insert(&n.to_be_bytes(), None, WANTED));
        assert_eq!(over.filter(|over| *over).count(), 1);
        assert!(asked.contains(&[0xff; 3]) && asked.requests.is_empty());
        assert_eq!(asked.lasting(), None);
        let mut asked = Asked::default();
        assert!(asked.insert(&[0; TOKEN_BYTES + 1], None, WANTED));
        assert!(asked.contains(&[1]));
    }
}
