//! A message as what replies to it, or repeats it, may refer to: by its ID, between its two ends (RFC 7252 §4.2,
//! §4.4).

use std::time::Duration;

use super::endpoint::Token;
use crate::Instant;
use crate::table::Aging;

/// How long a message ID of a CON is taken, and how long a token may be answered.
pub(crate) const EXCHANGE_LIFETIME: Duration = Duration::from_secs(247);
/// How long a response is awaited whose request was acknowledged: RFC 7252 §5.2.2 sets no time.
pub(crate) const PROMISED_LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// How long the sender of a CON waits for it to be acknowledged, from its first transmission on (§4.8.2): no
/// longer than that is anything sent again that was under way.
pub(crate) const MAX_TRANSMIT_WAIT: Duration = Duration::from_secs(93);
/// After how long a CON is sent again, and how often (§4.8).
const ACK_TIMEOUT: Duration = Duration::from_secs(2);
const MAX_RETRANSMIT: u8 = 4;
/// How long a message ID of a NON is taken.
const NON_LIFETIME: Duration = Duration::from_secs(145);

/// Marks the message ID of what a message of ours stands for.
const IN_PLACE: u32 = 1 << 16;

/// What sort of message a CON or NON was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Request,
    Response,
    /// A response that something else went to its client for, under its ID, or as a CON of ours.
    Replaced,
    Probed,
    /// An Empty CON, "CoAP ping" (RFC 7252 §4.3).
    Ping,
    /// A response under a message ID of ours.
    Probe,
    /// The first block of one that comes so: that it is cut, not every client takes.
    Opening,
    /// A part of a response, which isn't to be acknowledged, in the place of what its server would say.
    Portion,
    /// A response to nothing, under a message ID of ours.
    Decoy,
    /// A notification under a message ID of ours, for its client to show that it is interested.
    Interest,
}

/// A CON or NON that may be acknowledged or reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sent {
    at: Instant,
    /// When it was sent for the first time.
    first: Instant,
    /// What it says, byte for byte; of ours, the message ID of the CON it answers, or stands for.
    digest: u32,
    confirmable: bool,
    /// Whether it may have been drawn by a request to its sender ([`super::counter`]).
    is_drawn: bool,
    /// How often it went on, or was sent, if it is ours.
    times: u8,
    pub(crate) kind: Kind,
    /// Of a decoy, that of the response before it.
    pub(crate) token: Token,
}

/// What a CON or NON is to those sent before it under its message ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repetition {
    /// There was none of its sender's, or it repeats one in time.
    Fair,
    /// It repeats one that its sender must have given up long ago (MAX_TRANSMIT_SPAN and
    /// MAX_LATENCY, RFC 7252 §4.8.2).
    Late,
    /// It says something else (RFC 7252 §4.4).
    Other,
}

impl Sent {
    pub(crate) fn new(
        now: Instant,
        kind: Kind,
        confirmable: bool,
        token: Token,
        digest: u32,
    ) -> Self {
        Self {
            at: now,
            first: now,
            digest,
            confirmable,
            is_drawn: false,
            times: 0,
            kind,
            token,
        }
    }

    /// A probe or a decoy, for a request that has to be acknowledged in the end if it is a CON: `answers`
    /// is its message ID then.
    pub(crate) fn ours(now: Instant, kind: Kind, token: Token, answers: Option<u16>) -> Self {
        let digest = answers.map_or(u32::MAX, u32::from);
        Self::new(now, kind, true, token, digest)
    }

    /// A NON in its server's name.
    pub(crate) fn portion(now: Instant, token: Token) -> Self {
        Self::new(now, Kind::Portion, false, token, u32::MAX)
    }

    /// Of a message of ours: the message ID of the request that has to be acknowledged.
    pub(crate) fn answers(&self) -> Option<u16> {
        u16::try_from(self.digest).ok().filter(|_| self.is_ours())
    }

    /// It, standing for a CON of that message ID, which is to be replied to as it is.
    pub(crate) fn in_place_of(self, message_id: u16) -> Self {
        Self {
            digest: IN_PLACE | u32::from(message_id),
            ..self
        }
    }

    /// Of a message of ours: the message ID of the CON that it stands for.
    pub(crate) fn stands_for(&self) -> Option<u16> {
        let stands = self.is_ours() && self.digest & !u32::from(u16::MAX) == IN_PLACE;
        stands.then_some(self.digest as u16)
    }

    /// Whether it is a response of its server's.
    pub(crate) fn is_response(&self) -> bool {
        matches!(self.kind, Kind::Response | Kind::Replaced | Kind::Probed)
    }

    /// It may have been drawn by a request to its sender.
    pub(crate) fn note_drawn(&mut self) {
        self.is_drawn = true;
    }

    /// Whether it is what `digest` stands for, and was sent by its sender's own will.
    pub(crate) fn is_of_own_will(&self, digest: u32) -> bool {
        self.is(digest) && !self.is_drawn
    }

    /// Whether it is to be acknowledged.
    pub(crate) fn is_confirmable(&self) -> bool {
        self.confirmable
    }

    /// Whether its sender knows nothing of it.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(
            self.kind,
            Kind::Probe | Kind::Opening | Kind::Portion | Kind::Decoy | Kind::Interest
        )
    }

    /// Whether it was sent by then.
    pub(crate) fn was_sent_before(&self, at: Instant) -> bool {
        self.first < at
    }

    /// What it says, as a number.
    pub(crate) fn digest(&self) -> u32 {
        self.digest
    }

    /// Whether it is what `digest` stands for.
    pub(crate) fn is(&self, digest: u32) -> bool {
        self.digest == digest
    }

    /// How often its sender is yet to send it again, which does so after two seconds, and takes twice as long each time
    /// (RFC 7252 §4.2, §4.8).
    pub(crate) fn repetitions_left(&self, now: Instant) -> usize {
        let age = now.since(self.first);
        let is_to_come = |nth: &u8| age < ACK_TIMEOUT * ((1 << nth) - 1);
        match self.confirmable {
            true => (1..=MAX_RETRANSMIT).filter(is_to_come).count(),
            false => 0,
        }
    }

    /// Whether its sender may send it once more, for want of an answer.
    pub(crate) fn may_be_repeated(&self, now: Instant) -> bool {
        self.times <= MAX_RETRANSMIT && now.since(self.first) <= NON_LIFETIME
    }

    /// Of a message of ours: whether it was sent more than once.
    pub(crate) fn was_repeated(&self) -> bool {
        self.is_ours() && self.times > 1
    }

    fn is_same_as(&self, other: &Self) -> bool {
        (self.kind, self.token, self.digest) == (other.kind, other.token, other.digest)
    }

    /// Takes the place of what was sent before.
    pub(crate) fn follow(&mut self, next: Self) -> Repetition {
        let before = std::mem::replace(self, next);
        if before.is_ours() {
            let is_again = before.is_same_as(&next);
            self.times = if is_again {
                before.times.saturating_add(1)
            } else {
                1
            };
            return Repetition::Fair;
        }
        if before.digest != next.digest {
            self.times = 1;
            return Repetition::Other;
        }
        self.first = before.first;
        self.is_drawn = before.is_drawn;
        self.times = before.times.saturating_add(1);
        match next.at.since(before.first) > NON_LIFETIME {
            true => Repetition::Late,
            false => Repetition::Fair,
        }
    }
}

impl Aging for Sent {
    fn used(&self) -> Instant {
        self.at
    }

    fn lifetime(&self) -> Duration {
        if self.confirmable {
            EXCHANGE_LIFETIME
        } else {
            NON_LIFETIME
        }
    }

    fn is_established(&self, _: Instant) -> bool {
        false
    }
}
