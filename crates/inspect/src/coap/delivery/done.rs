//! What has been done already: responses to requests that aren't safe, which couldn't go to a client before it
//! had shown its address, in blocks or otherwise.
//!
//! The challenge that took their place has the client send its request once more, with the proof (RFC 9175
//! §2.3). The server has carried it out, so it isn't asked again: the response kept here is the answer. It
//! answers one message. What the client sends after that, it means.

use crate::Instant;
use crate::coap::aged::Aged;
use crate::coap::exchange::endpoint::Token;
use crate::table::Table;

/// As long as a cookie may be good.
const LIFETIME_S: u64 = 120;

/// Responses kept, by what was done.
#[derive(Debug)]
pub(crate) struct Done {
    kept: Table<u64, Aged<Kept, LIFETIME_S>>,
}

#[derive(Debug)]
struct Kept {
    response: Box<[u8]>,
    /// The message that it has answered.
    given: Option<(u16, Token)>,
}

impl Done {
    pub(crate) fn new(capacity: usize, hash_seed: u64) -> Self {
        Self {
            kept: Table::new(capacity, hash_seed),
        }
    }

    /// `act` has been done, with this response, which its client hasn't got.
    pub(crate) fn keep(&self, now: Instant, act: u64, response: &[u8]) {
        let kept = || {
            let response = response.into();
            let given = None;
            Aged::new(now, Kept { response, given })
        };
        self.kept
            .with_or_insert(now, act, kept, |known| *known = kept());
    }

    /// The response to `act`, for the first message that asks for it, and for its repetitions.
    pub(crate) fn response(
        &self,
        now: Instant,
        act: u64,
        message: (u16, Token),
    ) -> Option<Box<[u8]>> {
        if self.kept.len() == 0 {
            return None;
        }
        let give = |kept: &mut Aged<Kept, LIFETIME_S>| {
            let given = *kept.value.given.get_or_insert(message);
            (given == message).then(|| kept.value.response.clone())
        };
        self.kept.with(now, &act, give)?
    }

    /// Forgets what is over, looking at about `at_most`. Returns whether there may be more.
    pub(crate) fn sweep(&self, now: Instant, at_most: usize) -> bool {
        self.kept.sweep(now, at_most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_answers_one_message_as_often_as_it_comes() {
        let (done, now) = (Done::new(10, 1), Instant::from_secs(1));
        let message = |id| (id, Token::new(&[7]));
        assert_eq!(done.response(now, 5, message(1)), None);
        done.keep(now, 5, b"done");
        for _ in 0..2 {
            assert_eq!(
                done.response(now, 5, message(1)).as_deref(),
                Some(&b"done"[..])
            );
        }
        assert_eq!(done.response(now, 5, message(2)), None, "that is meant");
        assert_eq!(done.response(now, 6, message(1)), None);
        done.keep(now, 5, b"again");
        let later = Instant::from_secs(121);
        assert_eq!(done.response(later, 5, message(2)), None);
    }
}
