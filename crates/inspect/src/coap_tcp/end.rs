//! What is known of one end of a connection.

use wire::coap::signal::{Capabilities, MAX_MESSAGE_SIZE_BASE};
use wire::coap::tcp::Message;
use wire::coap::{PLAIN_TOKEN_LEN_MAX, number};

use super::asked::Asked;
use super::uploads::Uploads;

/// What an end has said so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing.
    Opening,
    /// What it takes.
    Open,
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
    /// What it sends in blocks.
    uploads: Uploads,
}

impl Default for End {
    fn default() -> Self {
        Self {
            stage: Stage::Opening,
            message_size: MAX_MESSAGE_SIZE_BASE as usize,
            token_len: PLAIN_TOKEN_LEN_MAX,
            asked: Asked::default(),
            uploads: Uploads::default(),
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
            uploads: Uploads::unknown(),
        }
    }

    /// Whether it hasn't said anything yet.
    pub(super) fn is_opening(&self) -> bool {
        self.stage == Stage::Opening
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

    /// Whether a request of its leaves out blocks of an upload.
    pub(super) fn leaves_hole(&self, request: &Message<'_>) -> bool {
        self.uploads.leaves_hole(request)
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
    pub(super) fn note_sent(&mut self, message: &Message<'_>) -> bool {
        if self.stage == Stage::Opening {
            self.stage = Stage::Open;
        }
        if let Some(capabilities) = Capabilities::of(message) {
            self.note_capabilities(&capabilities);
        }
        if !message.code().is_request() {
            return false;
        }
        self.uploads.note(message);
        let is_lasting = message.observe() == Some(0);
        self.asked.insert(message.token(), is_lasting)
    }

    /// It is told something. What answers a request settles it, but a notification leaves it open
    /// (RFC 7641 §4.1).
    pub(super) fn note_heard(&mut self, message: &Message<'_>) {
        if message.code().is_response() {
            let is_notification = message.option(number::OBSERVE).is_some();
            self.asked.settle(message.token(), is_notification);
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
