//! What is known of one end of a connection.

use wire::coap::signal::{Capabilities, MAX_MESSAGE_SIZE_BASE};
use wire::coap::tcp::Message;
use wire::coap::{Block, Code, PLAIN_TOKEN_LEN_MAX, number};

use super::asked::{Asked, Wanted};
use super::downloads::Downloads;
use super::pings::Pings;
use super::uploads::Uploads;
use crate::hashing::Hashing;

/// What an end has said so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing.
    Opening,
    /// What it takes.
    Open,
    /// That it has no more to ask (RFC 8323 §5.5).
    Released,
    /// That the connection is over (RFC 8323 §5.6).
    Aborted,
    /// Anything: some of it went by unseen.
    Unseen,
}

/// One end of a connection.
#[derive(Debug)]
pub(super) struct End {
    stage: Stage,
    /// The largest message it takes.
    message_size: usize,
    /// The longest token it takes.
    token_len: usize,
    /// The requests it waits for an answer to.
    asked: Asked,
    /// The Pings it waits for a Pong to.
    pings: Pings,
    /// What it sends in blocks.
    uploads: Uploads,
    /// What it gets in blocks.
    downloads: Downloads,
}

impl Default for End {
    fn default() -> Self {
        Self {
            stage: Stage::Opening,
            message_size: MAX_MESSAGE_SIZE_BASE as usize,
            token_len: PLAIN_TOKEN_LEN_MAX,
            asked: Asked::default(),
            pings: Pings::default(),
            uploads: Uploads::default(),
            downloads: Downloads::default(),
        }
    }
}

impl End {
    /// An end that may have said anything.
    pub(super) fn unseen() -> Self {
        Self {
            stage: Stage::Unseen,
            message_size: usize::MAX,
            token_len: usize::MAX,
            asked: Asked::unknown(),
            pings: Pings::unknown(),
            uploads: Uploads::unknown(),
            downloads: Downloads::default(),
        }
    }

    /// Whether it hasn't said anything yet.
    pub(super) fn is_opening(&self) -> bool {
        self.stage == Stage::Opening
    }

    /// Whether it has said that it asks for nothing more.
    pub(super) fn has_released(&self) -> bool {
        self.stage == Stage::Released
    }

    /// Whether it has said that the connection is over.
    pub(super) fn has_aborted(&self) -> bool {
        self.stage == Stage::Aborted
    }

    /// Whether it has said that it takes a message of so many bytes.
    pub(super) fn takes(&self, size: usize) -> bool {
        size <= self.message_size
    }

    /// Whether it has said that it takes a token of so many bytes.
    pub(super) fn takes_token(&self, len: usize) -> bool {
        len <= self.token_len
    }

    /// Whether it may wait for an answer with this token.
    pub(super) fn awaits(&self, token: &[u8]) -> bool {
        self.asked.contains(token)
    }

    /// What a response with this token answers, as far as that is known.
    pub(super) fn wanted(&self, token: &[u8]) -> Option<Wanted> {
        self.asked.wanted(token)
    }

    /// The Pings it waits for a Pong to.
    pub(super) fn pings(&self) -> &Pings {
        &self.pings
    }

    /// What it sends in blocks.
    pub(super) fn uploads(&self) -> &Uploads {
        &self.uploads
    }

    /// Whether a later block of what it wanted is of another body than the first one.
    pub(super) fn gets_another_body(&self, block: &Message<'_>, wanted: Wanted) -> bool {
        let is_other = |body| self.downloads.is_of_another_body(body, etag(block));
        wanted.body.is_some_and(is_other)
    }

    /// Whether a message asks for notifications that it doesn't get already.
    pub(super) fn begins_to_observe(&self, message: &Message<'_>) -> bool {
        let asks = message.code().is_request() && message.observe() == Some(0);
        asks && !self.asked.is_lasting(message.token())
    }

    /// What it observes, or has asked to; nothing if that isn't known.
    pub(super) fn observations(&self) -> usize {
        self.asked.lasting().unwrap_or(0)
    }

    /// It has said something that was let through. True if it waits for more answers than are
    /// remembered.
    pub(super) fn note_sent(&mut self, hashing: &Hashing, message: &Message<'_>) -> bool {
        self.note_stage(message.code());
        if let Some(capabilities) = Capabilities::of(message) {
            self.note_capabilities(&capabilities);
        }
        if message.code() == Code::PING {
            self.pings.insert(message.token());
        }
        if !message.code().is_request() {
            return false;
        }
        self.uploads.note(hashing, message);
        let wanted = Wanted::of(hashing, message);
        self.asked
            .insert(message.token(), message.observe(), wanted)
    }

    /// What some of was unseen stays so: it may be read from the wrong place.
    fn note_stage(&mut self, code: Code) {
        self.stage = match (self.stage, code) {
            (Stage::Unseen | Stage::Aborted, _) => return,
            (_, Code::ABORT) => Stage::Aborted,
            (_, Code::RELEASE) => Stage::Released,
            (Stage::Opening, _) => Stage::Open,
            (stage, _) => stage,
        };
    }

    /// It is told something. What answers a request settles it, but a notification leaves it open
    /// (RFC 7641 §4.1).
    pub(super) fn note_heard(&mut self, message: &Message<'_>) {
        if message.code() == Code::PONG {
            self.pings.settle(message.token());
        }
        if message.code().is_response() {
            self.note_download(message);
            let is_notification = message.option(number::OBSERVE).is_some();
            self.asked.settle(message.token(), is_notification);
        }
    }

    /// Takes note of a body whose first block has come.
    fn note_download(&mut self, message: &Message<'_>) {
        let begins = |block: &Block| block.number == 0 && block.more;
        if message.block2().is_some_and(|block| begins(&block))
            && let Some(wanted) = self.wanted(message.token())
            && let Some(body) = wanted.body
        {
            self.downloads.begin(body, etag(message));
        }
    }

    /// Later announcements add to earlier ones (RFC 8323 §5.3). What was on the way when one of them
    /// took something back isn't held against its sender.
    fn note_capabilities(&mut self, capabilities: &Capabilities) {
        let larger = |known: usize, announced: Option<u32>| {
            announced.map_or(known, |announced| known.max(announced as usize))
        };
        self.message_size = larger(self.message_size, capabilities.max_message_size);
        self.token_len = larger(self.token_len, capabilities.extended_token_len);
    }
}

/// The ETag of a response, which has one at most (RFC 7252 §5.10.6.1).
fn etag<'m>(response: &Message<'m>) -> Option<&'m [u8]> {
    response.option(number::ETAG).map(|option| option.value)
}
