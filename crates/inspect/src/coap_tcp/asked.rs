//! The requests an end waits for an answer to, by token (RFC 7252 §5.3.2, RFC 8323 §3.3).

use smallvec::SmallVec;

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
    pub(super) fn insert(&mut self, token: &[u8], is_lasting: bool) -> bool {
        if self.is_incomplete {
            return false;
        }
        if let Some(at) = self.place(token) {
            self.requests[at].is_lasting = is_lasting;
            return false;
        }
        if self.requests.len() == REQUESTS || token.len() > TOKEN_BYTES {
            *self = Self::unknown();
            return true;
        }
        let token = SmallVec::from_slice(token);
        self.requests.push(Request { token, is_lasting });
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

    fn place(&self, token: &[u8]) -> Option<usize> {
        let mut requests = self.requests.iter();
        requests.position(|request| *request.token == *token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_answered_once() {
        let mut asked = Asked::default();
        asked.insert(&[1], false);
        asked.insert(&[], false);
        assert!(asked.contains(&[1]) && asked.contains(&[]) && !asked.contains(&[1, 0]));
        asked.settle(&[1], true);
        assert!(!asked.contains(&[1]) && asked.contains(&[]));
    }

    #[test]
    fn an_observation_is_answered_until_it_ends() {
        let mut asked = Asked::default();
        asked.insert(&[1], true);
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
        let over = (0..=REQUESTS as u16).map(|n| asked.insert(&n.to_be_bytes(), false));
        assert_eq!(over.filter(|over| *over).count(), 1);
        assert!(asked.contains(&[0xff; 3]) && asked.requests.is_empty());
        assert_eq!(asked.lasting(), None);
        let mut asked = Asked::default();
        assert!(asked.insert(&[0; TOKEN_BYTES + 1], false));
        assert!(asked.contains(&[1]));
    }
}
