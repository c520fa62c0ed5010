//! Messages out of in-order bytes: where one direction of a stream stands between two of them.
//!
//! Messages are read from the segment they came in, without copying, where they lie in it whole. Of one
//! that spans segments only the beginning is kept until it can be judged, and what follows it passes
//! without being kept.

use std::sync::atomic::{AtomicUsize, Ordering};

use wire::Direction;

use crate::Limits;
use crate::app::Denial;
use crate::pool::Pool;
use crate::shared::Shared;

/// One direction of a flow gets this part of what all of them have in common.
const SHARE: usize = 256;

/// Bytes kept of messages beyond what each direction has for itself, over all flows.
#[derive(Debug)]
pub(crate) struct PartialTotal {
    /// What each direction has for itself.
    own: usize,
    common: usize,
    taken: AtomicUsize,
}

impl PartialTotal {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            own: limits.partial_bytes,
            common: limits.partial_common_bytes,
            taken: AtomicUsize::new(0),
        }
    }

    /// What a direction may keep without asking.
    pub(crate) fn own(&self) -> usize {
        self.own
    }

    /// The most that is ever kept of a message.
    pub(crate) fn largest(&self) -> usize {
        self.own + self.common / SHARE
    }

    /// Makes room for `len` bytes of a message of which `kept` are kept. Its first segment always has some.
    fn grow(&self, kept: usize, len: usize) -> bool {
        let more = self.borrowed(len) - self.borrowed(kept);
        let add = |taken: usize| {
            let grown = taken + more;
            (grown <= self.common || kept == 0).then_some(grown)
        };
        let order = Ordering::Relaxed;
        more == 0 || self.taken.fetch_update(order, order, add).is_ok()
    }

    fn give_back(&self, kept: usize) {
        let borrowed = self.borrowed(kept);
        if borrowed > 0 {
            self.taken.fetch_sub(borrowed, Ordering::Relaxed);
        }
    }

    fn borrowed(&self, kept: usize) -> usize {
        kept.saturating_sub(self.own)
    }
}

/// What became of the message at the start of some bytes.
#[derive(Debug)]
pub(super) enum Step {
    /// That many bytes may pass; the framer knows what follows them.
    Passed(usize),
    /// It can be judged once that many bytes of it are there.
    Need(usize),
    /// It must not arrive.
    Denied(Denial),
}

/// Whoever judges the messages of one direction.
pub(super) trait Judge<'a> {
    /// The direction's place in its stream.
    fn framer(&mut self) -> &mut Framer;

    /// Where buffers come from.
    fn shared(&self) -> &'a Shared;

    /// Judges the message at the start of `bytes`, which aren't empty.
    fn handle_message(&mut self, bytes: &[u8]) -> Step;

    /// Makes room for `len` bytes of a message. What becomes of it instead, if there is none.
    fn make_room(&mut self, _len: usize) -> Option<Step> {
        None
    }

    /// Takes in the next bytes: how many of them may pass, and whether what follows them must not.
    fn handle_stream(&mut self, bytes: &[u8]) -> (usize, Option<Denial>) {
        let mut at = 0;
        while at < bytes.len() {
            match self.step(&bytes[at..]) {
                Ok(passed) => at += passed,
                Err(denial) => return (at, Some(denial)),
            }
        }
        (at, None)
    }

    /// Takes in what it can from `bytes`, which aren't empty: how many bytes pass.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, Denial> {
        let framer = self.framer();
        match framer.reading {
            Reading::Lost | Reading::Seeking => Ok(bytes.len()),
            Reading::Body { remaining } if remaining > bytes.len() => {
                let remaining = remaining - bytes.len();
                framer.reading = Reading::Body { remaining };
                Ok(bytes.len())
            }
            Reading::Body { remaining } => {
                framer.reading = Reading::Boundary;
                Ok(remaining)
            }
            Reading::Boundary => match self.handle_message(bytes) {
                Step::Passed(len) => Ok(len),
                Step::Need(need) => {
                    self.framer().reading = Reading::Partial { need };
                    self.complete(bytes, need)
                }
                Step::Denied(denial) => Err(denial),
            },
            Reading::Partial { need } => self.complete(bytes, need),
        }
    }

    /// Goes on with a message whose beginning is kept.
    fn complete(&mut self, bytes: &[u8], need: usize) -> Result<usize, Denial> {
        let shared = self.shared();
        let earlier = self.framer().kept_len();
        let taken = bytes.len().min(need.saturating_sub(earlier));
        if let Some(step) = self.make_room(earlier + taken) {
            return self.conclude(step, 0);
        }
        let framer = self.framer();
        framer.keep(&bytes[..taken], &shared.pool);
        if framer.kept_len() < need {
            return Ok(taken);
        }
        let kept = framer.take_kept();
        let step = self.handle_message(&kept);
        self.framer().put_back(kept);
        self.conclude(step, taken)
    }

    /// What becomes of the kept bytes, and of `taken` more, once they were judged.
    fn conclude(&mut self, step: Step, taken: usize) -> Result<usize, Denial> {
        let shared = self.shared();
        let framer = self.framer();
        match step {
            // What is read never ends before the bytes it took to read it, but for a message that is
            // let through although it can't be read: then all that is kept belongs to it.
            Step::Passed(len) => {
                framer.skip_kept(framer.kept_len() - len);
                framer.give_up(shared);
                Ok(taken)
            }
            Step::Need(need) => {
                framer.reading = Reading::Partial { need };
                Ok(taken)
            }
            Step::Denied(denial) => {
                framer.give_up(shared);
                Err(denial)
            }
        }
    }
}

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// A new message.
    Boundary,
    /// A message whose beginning is kept, until that much of it is there.
    Partial { need: usize },
    /// A message already judged, of which that much is still to come.
    Body { remaining: usize },
    /// A connection older than the gateway: anything, until a segment reads as messages.
    Seeking,
    /// Nothing that could be known.
    Lost,
}

/// One direction's place in its stream.
#[derive(Debug)]
pub(super) struct Framer {
    pub(super) reading: Reading,
    /// The beginning of a message that spans segments.
    kept: Vec<u8>,
}

impl Framer {
    fn new(reading: Reading) -> Self {
        Self {
            reading,
            kept: Vec::new(),
        }
    }

    /// Keeps more of a message's beginning. Memory follows the bytes that came, not those announced.
    pub(super) fn keep(&mut self, bytes: &[u8], pool: &Pool) {
        let len = self.kept.len() + bytes.len();
        if self.kept.capacity() < len {
            let mut larger = pool.take(len);
            larger.extend_from_slice(&self.kept);
            pool.give(std::mem::replace(&mut self.kept, larger));
        }
        self.kept.extend_from_slice(bytes);
    }

    /// Keeps the last `most` bytes of what passes unread.
    pub(super) fn keep_tail(&mut self, bytes: &[u8], most: usize, pool: &Pool) {
        let bytes = &bytes[bytes.len().saturating_sub(most)..];
        let too_many = (self.kept.len() + bytes.len()).saturating_sub(most);
        self.kept.drain(..too_many);
        self.keep(bytes, pool);
    }

    /// How many bytes are kept.
    pub(super) fn kept_len(&self) -> usize {
        self.kept.len()
    }

    /// The kept bytes.
    pub(super) fn kept(&self) -> &[u8] {
        &self.kept
    }

    /// Makes room for `len` bytes in all, where there is any.
    pub(super) fn make_room(&self, len: usize, total: &PartialTotal) -> bool {
        total.grow(self.kept.len(), len)
    }

    /// Gives up the kept bytes, and the room they took.
    fn give_up(&mut self, shared: &Shared) {
        shared.partial.give_back(self.kept.len());
        shared.pool.give(self.take_kept());
    }

    /// Takes the kept bytes out, to be read.
    pub(super) fn take_kept(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.kept)
    }

    /// Counts `len` kept bytes as part of the body of a message that is let through.
    fn skip_kept(&mut self, len: usize) {
        if let Reading::Body { remaining } = self.reading {
            self.reading = match remaining.saturating_sub(len) {
                0 => Reading::Boundary,
                remaining => Reading::Body { remaining },
            };
        }
    }

    /// Lets a message's first bytes through, and after them `remaining` bytes of the same.
    pub(super) fn pass(&mut self, remaining: usize) {
        self.reading = match remaining {
            0 => Reading::Boundary,
            _ => Reading::Body { remaining },
        };
    }

    /// Puts back what [`Framer::take_kept`] took.
    pub(super) fn put_back(&mut self, kept: Vec<u8>) {
        self.kept = kept;
    }
}

/// Both directions of a connection.
#[derive(Debug)]
pub(super) struct Framers([Framer; 2]);

impl Framers {
    pub(super) fn new(reading: Reading) -> Self {
        Self([Framer::new(reading), Framer::new(reading)])
    }

    pub(super) fn at(&self, direction: Direction) -> &Framer {
        &self.0[direction as usize]
    }

    pub(super) fn at_mut(&mut self, direction: Direction) -> &mut Framer {
        &mut self.0[direction as usize]
    }

    /// Whether the messages of both directions are read.
    pub(super) fn are_read(&self) -> bool {
        self.0
            .iter()
            .all(|framer| !matches!(framer.reading, Reading::Seeking | Reading::Lost))
    }

    /// Looks for the next message in each direction that was being read.
    pub(super) fn seek(&mut self, shared: &Shared) {
        self.clear(shared);
        for framer in &mut self.0 {
            if framer.reading != Reading::Lost {
                framer.reading = Reading::Seeking;
            }
        }
    }

    /// Gives up all memory.
    pub(super) fn clear(&mut self, shared: &Shared) {
        for framer in &mut self.0 {
            framer.give_up(shared);
        }
    }
}
