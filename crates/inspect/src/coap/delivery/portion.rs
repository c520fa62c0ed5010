//! Responses given out in portions: what a client may get before it has shown its address, the rest in
//! blocks as it asks for them (RFC 7252 §11.3, RFC 7959 §2.4).
//!
//! A server that answered with the whole may not have the blocks (it may make each answer anew, or keep
//! none), so the response is kept here for a while, and the blocks are cut from it.

use wire::coap::encode::Builder;
use wire::coap::{Block, Message, Type, number};

use crate::Instant;
use crate::coap::aged::Aged;
use crate::coap::books::allowance::Allowance;
use crate::table::Table;

/// How long a client may take between two blocks.
const LIFETIME_S: u64 = 120;
/// The largest size exponent of a block over UDP: 1024 bytes.
pub(crate) const SZX_MAX: u8 = 6;

/// Responses kept.
#[derive(Debug)]
pub(crate) struct Portions {
    kept: Table<u64, Kept>,
}

type Kept = Aged<Portioned, LIFETIME_S>;

/// A response given out in portions.
#[derive(Debug)]
struct Portioned {
    response: Box<[u8]>,
    /// Whether a later portion has been asked for.
    is_taken: bool,
    /// Where that began, in the body.
    taken: u64,
}

/// A message to be built around a portion.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Envelope<'a> {
    pub(crate) message_type: Type,
    pub(crate) message_id: u16,
    pub(crate) token: &'a [u8],
    /// How long it may be.
    pub(crate) room: usize,
}

impl Portions {
    pub(crate) fn new(capacity: usize, hash_seed: u64) -> Self {
        Self {
            kept: Table::new(capacity, hash_seed),
        }
    }

    /// Keeps a response, of which a portion has been given out.
    pub(crate) fn keep(&self, now: Instant, id: u64, response: &[u8]) {
        let kept = || Kept::new(now, Portioned::new(response));
        self.kept.with_or_insert(now, id, kept, |known| {
            let known = known.touch(now);
            if *known.response != *response {
                *known = Portioned::new(response);
            }
        });
    }

    /// Whether there are none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.kept.len() == 0
    }

    /// If that response is kept, another has come in its place by now.
    pub(crate) fn renew(&self, now: Instant, id: u64, response: &[u8]) {
        self.kept
            .with(now, &id, |kept| *kept.touch(now) = Portioned::new(response));
    }

    /// A later block of a body comes, and takes the place of the response kept. One that was on its way for long, of
    /// another body maybe, doesn't.
    pub(crate) fn go_on(&self, now: Instant, id: u64, response: &Message<'_>, bytes: &[u8]) {
        let kept = || Kept::new(now, Portioned::new(bytes));
        self.kept.with_or_insert(now, id, kept, |known| {
            let known = known.touch(now);
            let decoded = Message::decode(&known.response);
            if *known.response != *bytes
                && decoded.ok().is_none_or(|known| goes_on(&known, response))
            {
                *known = Portioned::new(bytes);
            }
        });
    }

    /// In what size the server of a response kept gives out its blocks, if that is more than is asked for, and one of
    /// them begins where that does: anew, or further on than what is kept.
    pub(crate) fn larger(&self, now: Instant, id: u64, asked: Block) -> Option<u8> {
        if self.is_empty() {
            return None;
        }
        let larger = |kept: &mut Kept| {
            let response = Message::decode(&kept.touch(now).response).ok()?;
            let own = response.block2()?;
            let is_next = own.more && asked.offset() >= end(&response);
            let begins = asked.offset().is_multiple_of(own.size() as u64);
            let is_larger = own.szx > asked.szx && begins && (asked.number == 0 || is_next);
            is_larger.then_some(own.szx)
        };
        self.kept.with(now, &id, larger)?
    }

    /// Whether that response is kept.
    pub(crate) fn keeps(&self, now: Instant, id: u64) -> bool {
        !self.is_empty() && self.kept.with(now, &id, |_| ()).is_some()
    }

    /// Whether its client goes on with that response: it has got its beginning.
    pub(crate) fn is_taken(&self, now: Instant, id: u64, response: &[u8]) -> bool {
        let is_taken = |kept: &mut Kept| kept.value.is_taken && *kept.value.response == *response;
        !self.is_empty() && self.kept.with(now, &id, is_taken).unwrap_or(false)
    }

    /// Whether a request asks for a block of that response which hasn't been asked for, nor any behind it.
    pub(crate) fn is_next(&self, now: Instant, id: u64, asked: Block) -> bool {
        let is_next = |kept: &mut Kept| {
            let kept = &kept.value;
            let has_it = |response: Message<'_>| place(&response, asked).is_some();
            (!kept.is_taken || asked.offset() > kept.taken)
                && Message::decode(&kept.response).is_ok_and(has_it)
        };
        !self.is_empty() && self.kept.with(now, &id, is_next).unwrap_or(false)
    }

    /// The block that a request asks for of a response kept, as a message; a smaller one from the same
    /// place if there is no room for it. None if none is kept that has it; an error if there is no room
    /// for the smallest.
    pub(crate) fn block(
        &self,
        now: Instant,
        id: u64,
        asked: Block,
        envelope: &Envelope<'_>,
    ) -> Option<Result<Vec<u8>, NoRoom>> {
        let cut = |kept: &mut Kept| {
            let kept = kept.touch(now);
            kept.is_taken = true;
            kept.taken = kept.taken.max(asked.offset());
            let response = Message::decode(&kept.response).ok()?;
            block(&response, asked, envelope)
        };
        self.kept.with(now, &id, cut)?
    }

    /// Forgets what is over, looking at about `at_most`. Returns whether there may be more.
    pub(crate) fn sweep(&self, now: Instant, at_most: usize) -> bool {
        self.kept.sweep(now, at_most)
    }
}

impl Portioned {
    fn new(response: &[u8]) -> Self {
        Self {
            response: response.into(),
            is_taken: false,
            taken: 0,
        }
    }
}

/// A block is larger than what may go towards its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoRoom;

/// The block that a request asks for of a response, which may be a block itself: as [`Portions::block`].
pub(crate) fn block(
    response: &Message<'_>,
    asked: Block,
    envelope: &Envelope<'_>,
) -> Option<Result<Vec<u8>, NoRoom>> {
    let start = place(response, asked)?;
    let mut messages = (0..=asked.szx.min(szx_max(response)))
        .rev()
        .map(|szx| portion(response, start, szx, envelope));
    Some(
        messages
            .find(|message| message.len() <= envelope.room)
            .ok_or(NoRoom),
    )
}

/// Where in the payload of `response` a block begins, if it has that.
fn place(response: &Message<'_>, asked: Block) -> Option<usize> {
    let start = asked.offset().checked_sub(base(response))?;
    usize::try_from(start)
        .ok()
        .filter(|start| *start < response.payload().len())
}

/// All of `response`, if there is room for it.
pub(crate) fn whole(response: &Message<'_>, envelope: &Envelope<'_>) -> Option<Vec<u8>> {
    Some(rewrap(response, response.payload(), envelope))
        .filter(|whole| whole.len() <= envelope.room)
}

/// The first block of `response`, as large as can be. None if there is no room for the smallest, or
/// nothing to cut: a failure isn't asked for in blocks.
pub(crate) fn first_block(response: &Message<'_>, envelope: &Envelope<'_>) -> Option<Vec<u8>> {
    if response.code().is_error() {
        return None;
    }
    (0..=szx_max(response))
        .rev()
        .filter(|szx| response.payload().len() > 16 << szx)
        .map(|szx| portion(response, 0, szx, envelope))
        .find(|message| message.len() <= envelope.room)
}

/// The largest block of a response that can be given out: what it is itself, if it is one.
fn szx_max(response: &Message<'_>) -> u8 {
    let own = response.block2();
    own.map_or(SZX_MAX, |block| block.szx.min(SZX_MAX))
}

/// A failure without what is said about it to people (RFC 7252 §5.5.2), if there is room for that. None if it is
/// something else that is said.
pub(crate) fn bare(response: &Message<'_>, envelope: &Envelope<'_>) -> Option<Vec<u8>> {
    let is_diagnostic = response.code().is_error() && response.content_format().is_none();
    is_diagnostic
        .then(|| rewrap(response, &[], envelope))
        .filter(|bare| bare.len() <= envelope.room)
}

/// Where the payload of a response begins in its body.
fn base(response: &Message<'_>) -> u64 {
    response.block2().map_or(0, Block::offset)
}

/// Where it ends there.
fn end(response: &Message<'_>) -> u64 {
    base(response) + response.payload().len() as u64
}

/// Whether `response` goes on where `known` ends, or later in the same body.
fn goes_on(known: &Message<'_>, response: &Message<'_>) -> bool {
    let [before, after] = [known, response].map(|message| {
        let mut options = message.options();
        let etag = options.find(|option| option.number == number::ETAG);
        etag.map(|option| option.value)
    });
    base(response) == end(known) || base(response) >= base(known) && before == after
}

/// The response with a header of ours, and that payload.
fn rewrap(response: &Message<'_>, payload: &[u8], envelope: &Envelope<'_>) -> Vec<u8> {
    let mut message = Vec::new();
    response
        .options()
        .fold(envelope.open(&mut message, response), |builder, option| {
            builder.option(option.number, option.value)
        })
        .payload(payload);
    message
}

/// The block of a response that begins `start` bytes into its payload.
fn portion(response: &Message<'_>, start: usize, szx: u8, envelope: &Envelope<'_>) -> Vec<u8> {
    let payload = response.payload();
    let end = payload.len().min(start + (16 << szx));
    let more = end < payload.len() || response.block2().is_some_and(|block| block.more);
    let at = base(response) + start as u64;
    let value = ((at >> (szx + 4)) as u32) << 4 | u32::from(more) << 3 | u32::from(szx);
    let mut message = Vec::new();
    let builder = envelope.open(&mut message, response);
    let mut options = response
        .options()
        .filter(|option| option.number != number::BLOCK2)
        // Only what comes first notifies (RFC 7959 §2.6).
        .filter(|option| start == 0 || option.number != number::OBSERVE)
        .peekable();
    let mut builder = builder;
    while let Some(option) = options.next_if(|option| option.number < number::BLOCK2) {
        builder = builder.option(option.number, option.value);
    }
    let builder = builder.uint(number::BLOCK2, value);
    options
        .fold(builder, |builder, option| {
            builder.option(option.number, option.value)
        })
        .payload(&payload[start..end]);
    message
}

impl<'a> Envelope<'a> {
    /// Of an answer to `request`, however long.
    pub(crate) fn of_answer(request: &Message<'a>) -> Self {
        Self {
            message_type: match request.message_type() {
                Type::Confirmable => Type::Acknowledgement,
                _ => Type::NonConfirmable,
            },
            message_id: request.message_id(),
            token: request.token(),
            room: usize::MAX,
        }
    }

    /// Of `response` under its own message ID; in the place of a CON, whose server has its reply from us, a NON.
    pub(crate) fn in_place(response: &Message<'a>, room: usize) -> Self {
        Self {
            message_type: match response.message_type() {
                Type::Confirmable => Type::NonConfirmable,
                as_it_is => as_it_is,
            },
            message_id: response.message_id(),
            token: response.token(),
            room,
        }
    }

    /// Of `response` as a message to be acknowledged, which leaves room for a decoy.
    pub(crate) fn to_acknowledge(response: &Message<'a>, room: Allowance) -> Self {
        Self {
            message_type: Type::Confirmable,
            ..Self::in_place(response, room.before_decoy)
        }
    }

    fn open<'m>(&self, message: &'m mut Vec<u8>, response: &Message<'_>) -> Builder<'m> {
        Builder::new(
            message,
            self.message_type,
            response.code(),
            self.message_id,
            self.token,
        )
    }
}

#[cfg(test)]
mod tests;
