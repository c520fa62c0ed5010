//! One exchange: what was asked, whether an answer is owed, and how far its observation has come.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use policy::Layer;

use super::endpoint::{Endpoint, Token};
use super::observation::{Observation, Observe, Sequence};
use super::parties::Server;
use super::sent::{EXCHANGE_LIFETIME, PROMISED_LIFETIME};
use crate::Instant;
use crate::coap::books::size::Size;
use crate::coap::books::window;
use crate::coap::delivery::enlarged::Enlarged;
use crate::holdings::{Share, Slot};
use crate::table::Aging;

/// A server has to send a CON notification at least once in 24 hours (RFC 7641 §4.5).
const OBSERVATION_LIFETIME: Duration = Duration::from_secs(24 * 3600 + 247);
/// Answers that are known again.
const ANSWERS: usize = 2;
/// Answers owed to a request that may draw any number of them.
const SEVERAL: u8 = u8::MAX;

/// A request on its way to a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request {
    pub(crate) client: Endpoint,
    pub(crate) server: Server,
    pub(crate) token: Token,
    pub(crate) message_id: u16,
    pub(crate) observe: Option<Observe>,
    /// Whether the address of the client was validated as it asked.
    pub(crate) trusted: bool,
    /// Whether any server may answer it.
    pub(crate) asks_anybody: bool,
    /// What it asks for, where the size of the answer matters.
    pub(crate) resource: Option<u64>,
    /// What makes the body of the answer.
    pub(crate) body: u64,
    /// What it does, if it isn't safe and its client may have to ask again.
    pub(crate) act: Option<u64>,
    /// Where the block of the answer begins that it asks for (RFC 7959 §2.4).
    pub(crate) offset: u64,
    /// If the server is asked for a larger block than that.
    pub(crate) enlarged: Option<Enlarged>,
    /// Whether it is to be acknowledged.
    pub(crate) confirmable: bool,
    /// Whether it is a block of an upload.
    pub(crate) uploads: bool,
    /// Whether more than one response may come of it.
    pub(crate) draws_several: bool,
    pub(crate) size: Size,
}

/// What a response says of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Response {
    pub(crate) client: Endpoint,
    pub(crate) server: Endpoint,
    pub(crate) token: Token,
    /// Of a piggybacked response: the message ID of the request.
    pub(crate) piggybacked_on: Option<u16>,
}

impl Response {
    /// One in a message of its own (RFC 7252 §5.2.2).
    pub(crate) fn separate(client: Endpoint, server: Endpoint, token: Token) -> Self {
        Self {
            client,
            server,
            token,
            piggybacked_on: None,
        }
    }
}

/// What is known of the request behind a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) server: Server,
    /// The message ID of the latest request.
    pub(crate) message_id: u16,
    /// Whether the client's address was validated when it asked, or of late where it observes.
    pub(crate) trusted: bool,
    /// Whether it is time for an observer to show its interest.
    pub(crate) is_to_confirm: bool,
    /// Whether any server may answer it.
    pub(crate) asks_anybody: bool,
    pub(crate) resource: Option<u64>,
    /// What makes the body of the response.
    pub(crate) body: u64,
    /// What the request does, if it isn't safe and its client may have to ask again.
    pub(crate) act: Option<u64>,
    /// Whether it asked to be notified, and that hasn't ended.
    pub(crate) observes: bool,
    /// Whether it did so at any time.
    pub(crate) has_observed: bool,
    /// When what it observed came to its end.
    pub(crate) ended: Option<Instant>,
    /// The latest notification.
    pub(crate) latest: Option<Sequence>,
    /// When its token was used for another request than before, if it was.
    pub(crate) renewed: Option<Instant>,
    /// Whether the response belongs to a request before that.
    pub(crate) is_earlier: bool,
    /// Where the block begins that it asked for last.
    pub(crate) offset: u64,
    /// If its server was asked for a larger block than that.
    pub(crate) enlarged: Option<Enlarged>,
    /// Whether it was asked before the books that are kept now.
    pub(crate) is_unbooked: bool,
    /// Since when its bytes stand in the books.
    pub(crate) booked: Instant,
    /// Whether an answer is still due.
    pub(crate) is_owed: bool,
    /// The latest answers that aren't known by their message ID, as digests.
    pub(crate) answers: [u32; ANSWERS],
    /// Whether the response is an acknowledgement of what wasn't to be acknowledged.
    pub(crate) acknowledges_non: bool,
    /// Whether it was ever a block of an upload.
    pub(crate) has_uploaded: bool,
    /// Whether its client was asked to prove its address, by the answer of a group's member.
    pub(crate) is_challenged: bool,
    /// Bytes of it.
    pub(crate) len: usize,
}

/// Bytes of a request that its answer finds in no books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unbooked {
    Nothing,
    /// The books were begun anew.
    Before(Size),
    /// They have left the window that the books are kept for.
    Overdue(Size),
}

/// An exchange under way.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) used: Instant,
    /// Since when the request stands in the books.
    booked: Instant,
    /// When another came under its token.
    renewed: Option<Instant>,
    resource: Option<u64>,
    body: u64,
    act: Option<u64>,
    offset: u64,
    enlarged: Option<Enlarged>,
    pub(crate) observation: Observation,
    /// Of the books that the request stands in.
    edition: u32,
    answers: [u32; ANSWERS],
    message_id: u16,
    /// Of the request.
    size: Size,
    /// Responses that may still come: one for each time that it was asked.
    owed: u8,
    trusted: bool,
    asks_anybody: bool,
    has_observed: bool,
    /// Whether the latest request was about an observation.
    observes: bool,
    confirmable: bool,
    /// The request was acknowledged, and the response comes when it comes.
    is_promised: bool,
    /// Its client was asked to prove its address, by the answer of a group's member.
    pub(crate) is_challenged: bool,
    has_uploaded: bool,
    /// Absent unless a rule counts what clients hold.
    pub(crate) share: Option<Box<Share>>,
}

impl Exchange {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            used: now,
            booked: now,
            renewed: None,
            resource: None,
            body: 0,
            act: None,
            offset: 0,
            enlarged: None,
            observation: Observation::None,
            edition: 0,
            answers: [0; ANSWERS],
            message_id: 0,
            size: Size::default(),
            owed: 0,
            trusted: false,
            asks_anybody: true,
            has_observed: false,
            observes: false,
            confirmable: true,
            is_promised: false,
            is_challenged: false,
            has_uploaded: false,
            share: None,
        }
    }

    /// It waits for no answer; an observation that was granted goes on.
    pub(crate) fn settle(&mut self) {
        if let Some(share) = &mut self.share {
            share.set(Slot::Exchanges, 0);
            let observes = self.observation.is_granted();
            share.set(Slot::Observers, u32::from(observes));
        }
    }

    pub(crate) fn ask(&mut self, now: Instant, request: &Request, edition: u32) {
        self.used = self.used.max(now);
        self.booked = now;
        self.edition = edition;
        if self.size != Size::default() && self.message_id != request.message_id {
            self.renewed = Some(now);
            // A client that has nothing but CONs asks one thing after the other under a token.
            if self.confirmable && request.confirmable && self.owed != SEVERAL {
                self.owed = 0;
            }
        }
        self.size = request.size;
        self.message_id = request.message_id;
        self.trusted = request.trusted;
        self.asks_anybody = request.asks_anybody;
        self.resource = request.resource;
        self.body = request.body;
        self.act = request.act;
        self.offset = request.offset;
        self.enlarged = request.enlarged;
        self.confirmable = request.confirmable;
        self.is_promised = false;
        self.is_challenged = false;
        self.has_uploaded |= request.uploads;
        self.observes = request.observe.is_some();
        self.has_observed |= request.observe == Some(Observe::Register);
        self.observation.ask(request.observe);
        if request.observe == Some(Observe::Register) && request.trusted {
            self.observation.trust(now);
        }
        self.owed = match request.draws_several {
            true => SEVERAL,
            // As often as it is repeated, a server that remembers nothing answers anew (RFC 7252 §4.5).
            false => self.owed.saturating_add(1),
        };
    }

    /// The request is acknowledged, without a response.
    pub(crate) fn promise(&mut self, now: Instant) {
        self.used = self.used.max(now);
        self.is_promised = self.is_owed();
    }

    /// A response is forwarded. `notifies` is its Observe option, if it tells of success.
    pub(crate) fn answer(
        &mut self,
        now: Instant,
        server: Server,
        notifies: Option<u32>,
        is_trusted: bool,
        number: &Arc<AtomicUsize>,
    ) {
        // One under an observation's token that answers another request leaves the observation as it is, and
        // one member of a group doesn't speak for the others.
        let is_aside = !self.observes && self.owed > 0 || matches!(server, Server::Group(_));
        if notifies.is_some() || !is_aside {
            let is_trusted = is_trusted || self.trusted && !self.observation.is_granted();
            self.observation.answer(now, notifies, is_trusted, number);
        }
        if self.owed != SEVERAL {
            self.owed = self.owed.saturating_sub(1);
        }
        self.is_promised = false;
        self.settle();
    }

    pub(crate) fn note_answer(&mut self, digest: u32) {
        if !self.answers.contains(&digest) {
            self.answers.rotate_right(1);
            self.answers[0] = digest;
        }
    }

    /// Whether an answer to a request is still due.
    pub(crate) fn is_owed(&self) -> bool {
        self.owed > 0
    }

    /// The request stands in the books of this edition from now on, if it doesn't yet, or has left their
    /// `window` while it waits for its one answer.
    pub(crate) fn book(&mut self, now: Instant, edition: u32, window: Duration) -> Unbooked {
        let waits = self.is_owed() && self.owed != SEVERAL;
        let is_overdue = waits && window::has_left(window, self.booked, now);
        let unbooked = if self.edition != edition {
            Unbooked::Before(self.size)
        } else if is_overdue {
            Unbooked::Overdue(self.size)
        } else {
            return Unbooked::Nothing;
        };
        self.edition = edition;
        self.booked = now;
        unbooked
    }

    /// How the request under that message ID, for the block at `offset`, was enlarged, if it was.
    pub(crate) fn enlarged(&self, message_id: u16, offset: u64) -> Option<Enlarged> {
        let is_it = self.message_id == message_id && self.offset == offset;
        self.enlarged.filter(|_| is_it)
    }

    /// What a response answers: the latest request, or as a notification the observation, which
    /// stays trusted when somebody registers again in the client's name.
    pub(crate) fn asked(
        &self,
        now: Instant,
        server: Server,
        response: &Response,
        edition: u32,
    ) -> Asked {
        let is_piggybacked = response.piggybacked_on.is_some();
        let notifies = self.observation.is_granted() && !is_piggybacked;
        Asked {
            server,
            message_id: self.message_id,
            trusted: match notifies {
                true => self.observation.is_trusted(),
                false => self.trusted,
            },
            is_to_confirm: notifies && self.observation.is_to_confirm(now),
            asks_anybody: self.asks_anybody,
            resource: self.resource,
            body: self.body,
            act: self.act,
            observes: self.observation.is_open(),
            has_observed: self.has_observed,
            ended: self.observation.ended(),
            latest: self.observation.latest(),
            renewed: self.renewed,
            is_earlier: false,
            offset: self.offset,
            enlarged: self.enlarged,
            is_unbooked: self.edition != edition,
            booked: self.booked,
            is_owed: self.is_owed(),
            answers: self.answers,
            acknowledges_non: !self.confirmable && response.piggybacked_on == Some(self.message_id),
            has_uploaded: self.has_uploaded,
            is_challenged: self.is_challenged,
            len: self.size.on(Layer::UdpPayload) as usize,
        }
    }
}

impl Aging for Exchange {
    fn used(&self) -> Instant {
        self.used
    }

    fn lifetime(&self) -> Duration {
        if self.observation.is_granted() {
            OBSERVATION_LIFETIME
        } else if self.is_promised {
            PROMISED_LIFETIME
        } else {
            EXCHANGE_LIFETIME
        }
    }

    fn is_established(&self, _: Instant) -> bool {
        self.observation.is_granted()
    }
}
