//! The Pings that an end waits for a Pong to (RFC 8323 §5.4).

use policy::Reason;
use smallvec::SmallVec;

/// Pings remembered per end. One that has more of them open is believed whatever Pong it gets.
const PINGS: usize = 16;
/// A token is remembered up to this many bytes; a longer one counts for more than are remembered.
const TOKEN_BYTES: usize = 64;

/// Pings under way, the oldest first. The same token may be among them several times.
#[derive(Debug, Default)]
pub(super) struct Pings {
    tokens: SmallVec<[Token; 1]>,
    /// Pings may be under way that aren't remembered.
    is_incomplete: bool,
}

type Token = SmallVec<[u8; 8]>;

impl Pings {
    /// Of an end whose Pings went by unseen.
    pub(super) fn unknown() -> Self {
        Self {
            tokens: SmallVec::new(),
            is_incomplete: true,
        }
    }

    /// What there is against a Pong with this token.
    pub(super) fn against_pong(&self, token: &[u8]) -> Option<Reason> {
        match self.place(token) {
            _ if self.is_incomplete => None,
            Some(_) => None,
            None if self.tokens.is_empty() => Some(Reason::COAP_TCP_PONG_UNASKED),
            None => Some(Reason::COAP_TCP_PONG_TOKEN),
        }
    }

    /// A Ping is on its way.
    pub(super) fn insert(&mut self, token: &[u8]) {
        if self.is_incomplete {
            return;
        }
        if self.tokens.len() == PINGS || token.len() > TOKEN_BYTES {
            *self = Self::unknown();
            return;
        }
        self.tokens.push(Token::from_slice(token));
    }

    /// A Pong has come. If its token is no Ping's, it is taken for the answer to the oldest.
    pub(super) fn settle(&mut self, token: &[u8]) {
        let at = self.place(token).unwrap_or(0);
        if at < self.tokens.len() {
            self.tokens.remove(at);
        }
    }

    fn place(&self, token: &[u8]) -> Option<usize> {
        self.tokens.iter().position(|known| **known == *token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_has_one_pong() {
        let mut pings = Pings::default();
        for token in [&[1][..], &[], &[]] {
            pings.insert(token);
        }
        for token in [&[][..], &[1], &[]] {
            assert_eq!(pings.against_pong(token), None);
            pings.settle(token);
        }
        let unasked = Some(Reason::COAP_TCP_PONG_UNASKED);
        assert_eq!(pings.against_pong(&[]), unasked);
        pings.settle(&[]);
        assert_eq!(pings.against_pong(&[1]), unasked);
    }

    #[test]
    fn a_pong_with_another_token_answers_the_oldest_ping() {
        let mut pings = Pings::default();
        pings.insert(&[1]);
        pings.insert(&[2]);
        assert_eq!(pings.against_pong(&[]), Some(Reason::COAP_TCP_PONG_TOKEN));
        pings.settle(&[]);
        assert_eq!(pings.against_pong(&[2]), None);
        pings.settle(&[2]);
        assert_eq!(
            pings.against_pong(&[2]),
            Some(Reason::COAP_TCP_PONG_UNASKED)
        );
    }

    #[test]
    fn who_pings_more_than_is_remembered_is_believed() {
        let mut pings = Pings::default();
        for number in 0..=PINGS as u8 {
            pings.insert(&[number]);
        }
        assert_eq!(pings.against_pong(&[0xff]), None);
        assert!(pings.tokens.is_empty());
        let mut pings = Pings::default();
        pings.insert(&[0; TOKEN_BYTES + 1]);
        assert_eq!(pings.against_pong(&[]), None);
    }
}
