//! CoAP exchanges, byte budgets and address validation (RFC 7252, 7641, 7959, 9175).
//!
//! A datagram's way: [`exchange`] finds out who of its ends is the client and what it belongs to, and tells
//! what exchanges and the transfers of [`blocks`] have against it; [`books`] enter its bytes at the client's
//! address; the policy judges it, with the books open; and what comes of that is done by `to_server` and
//! `to_client`. By [`proof`] an address shows that it is its own: challenges with their cookies, and probes
//! for those who follow none, which go out by [`delivery`] with what the client asked for. All that is
//! remembered lives in bounded [tables](crate::table), or in slots that forget.
//!
//! # What validates an address
//!
//! It is the endpoint's that has proved it, and not that of others there (`books`).
//! A fresh cookie of ours, or the acknowledgement of a response that went out under a message ID of ours, by
//! an endpoint that resets a response to nothing, and nothing else. The alternatives were weighed and found forgeable:
//! - An ACK of a server's CON: message IDs have 16 bits, and many stacks count them up for all peers, so
//!   whoever asks the server once knows the next ones.
//! - The acknowledgement alone: a server of libcoap 4.3.1 acknowledges whatever response it gets.
//! - A RST, or the answer to a ping: it tells that something at the address speaks CoAP, not that it
//!   asked. With a CoAP server as the victim, it comes by itself.
//! - A token: the one who forges a request has chosen it.
//! - A server's own Echo value: it may be the same for everybody (RFC 9175 appendix A).

mod aged;
mod blocks;
mod books;
mod delivery;
mod exchange;
mod facts;
mod lately;
mod proof;
mod rewrite;
mod to_client;
mod to_server;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use policy::{Action, Layer, Per, Policy, Protocol, Ratio, Reason, Session, Subject};
use smallvec::SmallVec;
use wire::Direction;
use wire::coap::{Malformed, Message, Type};
use wire::net::edit;

use crate::context::{Arrival, Context};
use crate::table::{SWEEP_ENTRIES, Sweeps};
use crate::{Frame, Injected, Instant, LimitKind, Limits, Outcome, Seed, Sink};

use blocks::download::Downloads;
use blocks::upload::Uploads;
use blocks::want::Wants;
use books::budget::{Entry, Ledger, Standing};
use books::meters::{Books, Promise};
use books::size::Size;
use delivery::done::Done;
use delivery::plain::Habits;
use delivery::portion::Portions;
use delivery::promised::Promised;
use delivery::withheld::Withheld;
use exchange::Exchanges;
use exchange::bearing::{Bearing, Role};
use exchange::counter::Counters;
use exchange::endpoint::{Endpoint, Token};
use facts::Facts;
use lately::Lately;
use proof::answer::{Answer, Towards};
use proof::echo::Mint;
use proof::probe::Probes;
use proof::resource::Resources;

/// What the books are kept for while no rule asks, for answers of our own and for the histogram: three bytes for
/// one (RFC 9175 §2.4).
const DEFAULT_RATIO: Ratio = Ratio {
    ratio_milli: 3000,
    of: Layer::UdpPayload,
    per: Per::Client,
    window: Duration::from_secs(60),
};
/// For how many endpoints there is a client and a token that is told from others.
const ENDPOINTS_PER_ASKER: usize = 4;

/// Reasons raised on one message.
type Reasons = SmallVec<[Reason; 4]>;

/// Everything remembered about CoAP endpoints. Shared by the workers.
#[derive(Debug)]
pub(crate) struct Tracker {
    ledger: Ledger,
    exchanges: Exchanges,
    resources: Resources,
    wants: Wants,
    uploads: Uploads,
    downloads: Downloads,
    /// Who asked anybody anything under a token (EXCHANGE_LIFETIME, RFC 7252 §4.8.2): tells an answer from
    /// an endpoint that wasn't asked (§5.3.2, rule 1) from an answer to nothing.
    askers: Lately<(Endpoint, Token), 247>,
    /// Requests that were answered in their servers' name, as digests (NON_LIFETIME, RFC 7252 §4.8.2).
    served: Lately<(Endpoint, u32), 145>,
    counters: Counters,
    portions: Portions,
    done: Done,
    withheld: Withheld,
    promised: Promised,
    habits: Habits,
    probes: Probes,
    mint: Mint,
    /// Until when a response may be older than the gateway, as nanoseconds of [`Instant`].
    midstream_until: AtomicU64,
    sweeps: Sweeps,
}

/// A message under judgement, and the frame it came in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Datagram<'a> {
    arrival: &'a Arrival,
    frame: &'a Frame<'a>,
    /// The UDP payload.
    bytes: &'a [u8],
    message: &'a Message<'a>,
    token: Token,
    /// What it says, as a number.
    digest: u32,
    facts: &'a Facts<'a>,
    bearing: &'a Bearing,
}

/// How full a [`Tracker`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Fill {
    pub(crate) endpoints: usize,
    pub(crate) exchanges: usize,
    pub(crate) observations: usize,
}

impl Tracker {
    /// Draws its keys from `seed`, by purposes of its own.
    pub(crate) fn new(limits: &Limits, seed: &Seed) -> Self {
        Self {
            ledger: Ledger::new(limits.endpoints, seed.hash_seed("coap.ledger")),
            exchanges: Exchanges::new(limits.exchanges, seed.hash_seed("coap.exchanges")),
            resources: Resources::new(limits.exchanges / 16, seed.hash_seed("coap.resources")),
            wants: Wants::new(seed.hash_seed("coap.wants")),
            uploads: Uploads::new(limits.exchanges / 4, seed.hash_seed("coap.uploads")),
            downloads: Downloads::new(limits.exchanges / 4, seed.hash_seed("coap.downloads")),
            askers: Lately::new(
                limits.endpoints / ENDPOINTS_PER_ASKER,
                seed.hash_seed("coap.askers"),
            ),
            served: Lately::new(
                limits.endpoints / ENDPOINTS_PER_ASKER,
                seed.hash_seed("coap.served"),
            ),
            counters: Counters::new(limits, seed),
            portions: Portions::new(limits.exchanges / 256, seed.hash_seed("coap.portions")),
            done: Done::new(limits.exchanges / 256, seed.hash_seed("coap.done")),
            withheld: Withheld::new(limits.exchanges / 256, seed.hash_seed("coap.withheld")),
            promised: Promised::new(limits.exchanges / 256, seed.hash_seed("coap.promised")),
            habits: Habits::new(limits.endpoints / ENDPOINTS_PER_ASKER, seed),
            probes: Probes::new(limits, seed, seed.hash_seed("coap.probes")),
            mint: Mint::new(seed),
            midstream_until: AtomicU64::new(0),
            sweeps: Sweeps::new(),
        }
    }

    /// Until then, a response that answers nothing may belong to a request older than the gateway:
    /// it raises [`Reason::COAP_MIDSTREAM`] and not the reason of a forged one.
    pub(crate) fn expect_midstream(&self, until: Instant) {
        self.midstream_until.store(until.0, Ordering::Relaxed);
        self.uploads.expect_unknown(until);
    }

    /// What was counted towards clients' budgets so far is forgotten.
    pub(crate) fn begin_books_anew(&self) {
        self.ledger.begin_anew();
        self.exchanges.begin_anew();
    }

    /// A datagram to or from a `coap` service: UDP length and checksum are right (or completed), and
    /// `frame.as_slice()[arrival.payload.clone()]` is its payload.
    pub(crate) fn handle_datagram<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        arrival: &Arrival,
        frame: &mut Frame<'_>,
    ) -> Outcome {
        self.sweeps.start(cx.now);
        let payload = &frame.as_slice()[arrival.payload()];
        let decoded = Message::decode(payload);
        let message = match &decoded {
            Ok(message) => message,
            Err(malformed) => return self.handle_malformed(cx, arrival, frame, *malformed),
        };
        let token = Token::new(message.token());
        let facts = Facts::of(message, &self.wants);
        let bearing = Bearing::find(cx.now, arrival, message, token, &self.exchanges);
        let datagram = Datagram {
            arrival,
            frame,
            bytes: payload,
            message,
            token,
            digest: self.exchanges.digest(payload),
            facts: &facts,
            bearing: &bearing,
        };
        let (outcome, rewritten) = match bearing.direction {
            Direction::ToServer => self.handle_to_server(cx, &datagram),
            Direction::ToClient => self.handle_to_client(cx, &datagram),
        };
        if let Some(payload) = rewritten {
            let buffer = frame.buffer_mut();
            buffer[arrival.layout.payload..][..payload.len()].copy_from_slice(&payload);
            let len = edit::set_payload_len(buffer, &arrival.layout, payload.len());
            frame.set_len(len);
        }
        outcome
    }

    fn handle_malformed<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        arrival: &Arrival,
        frame: &Frame<'_>,
        malformed: Malformed,
    ) -> Outcome {
        let reasons = [Reason::from(malformed)];
        let subject = arrival.detection(Protocol::Coap, &reasons);
        let ends = &arrival.endpoints;
        let (entry, client) = match arrival.direction {
            Direction::ToServer => (Entry::Credit, Endpoint::new(ends.source, ends.source_port)),
            Direction::ToClient => {
                let client = Endpoint::new(ends.destination, ends.destination_port);
                (Entry::Charge, client)
            }
        };
        let size = Size::of(&arrival.layout, frame.as_slice().len());
        let standing = self.enter(cx, client, entry, size);
        let mut books = Books::new(cx.policy, &standing, Promise::Nothing);
        let ruled = cx.rule(arrival.carrier, Action::Drop, &subject, &mut books);
        let judgement = &ruled.judgement;
        let mut reply = None;
        if judgement.action.stops() {
            if entry == Entry::Charge {
                self.enter(cx, client, Entry::Refund, size);
            }
            if judgement.action == Action::Reset {
                let datagram = &frame.as_slice()[arrival.payload()];
                let is_reset = confirmable_id(datagram).is_some_and(|message_id| {
                    let reset = Answer::reset(message_id);
                    reset.send(cx, frame, Towards::Sender, Injected::Reset)
                });
                reply = is_reset.then_some(Injected::Reset);
            }
        }
        cx.tell(arrival.carrier, &subject, &ruled, reply);
        judgement.outcome
    }

    /// Enters bytes into the books, and tells of a client that had to be forgotten for it.
    #[inline]
    fn enter<S: Sink>(
        &self,
        cx: &mut Context<'_, S>,
        client: Endpoint,
        entry: Entry,
        size: Size,
    ) -> Standing {
        let ratios = booked(cx.policy);
        let standing = self.ledger.enter(cx.now, client, entry, size, ratios);
        if standing.evicted {
            cx.limit(LimitKind::Endpoints);
        }
        standing
    }

    /// Forgets what is due, a bounded amount of it.
    pub(crate) fn handle_timeout(&self, now: Instant) {
        if !self.sweeps.is_due(now) {
            return;
        }
        let more = self.ledger.sweep(now, SWEEP_ENTRIES)
            | self.exchanges.sweep(now, SWEEP_ENTRIES)
            | self.resources.sweep(now, SWEEP_ENTRIES)
            | self.uploads.sweep(now, SWEEP_ENTRIES)
            | self.downloads.sweep(now, SWEEP_ENTRIES)
            | self.portions.sweep(now, SWEEP_ENTRIES)
            | self.done.sweep(now, SWEEP_ENTRIES)
            | self.withheld.sweep(now, SWEEP_ENTRIES)
            | self.promised.sweep(now, SWEEP_ENTRIES)
            | self.probes.sweep(now, SWEEP_ENTRIES);
        self.sweeps.done(now, more);
    }

    /// When [`Tracker::handle_timeout`] has something to do, and what.
    pub(crate) fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.sweeps.next().map(|next| (next, "CoAP expiry"))
    }

    /// How full it is.
    pub(crate) fn fill(&self) -> Fill {
        Fill {
            endpoints: self.ledger.len(),
            exchanges: self.exchanges.len(),
            observations: self.exchanges.observations(),
        }
    }
}

impl<'a> Datagram<'a> {
    /// It, saying the same in another envelope.
    fn with<'b>(&'b self, message: &'b Message<'b>, bytes: &'b [u8]) -> Datagram<'b>
    where
        'a: 'b,
    {
        Datagram {
            bytes,
            message,
            ..*self
        }
    }

    /// Bytes of UDP payload.
    fn len(&self) -> usize {
        self.arrival.payload().len()
    }

    #[inline]
    fn size(&self) -> Size {
        Size::of(&self.arrival.layout, self.frame.as_slice().len())
    }

    /// Of it with so many bytes of payload.
    fn size_with(&self, len: usize) -> Size {
        let mut layout = self.arrival.layout;
        layout.end = layout.payload + len;
        Size::of(&layout, layout.end)
    }

    /// Of a message of our own with that many bytes, on the way of this one or back.
    fn own_size(&self, len: usize) -> Size {
        Size::own(&self.arrival.layout, len)
    }

    fn subject<'s>(&'s self, reasons: &'s [Reason], address_validated: bool) -> Subject<'s> {
        Subject {
            protocol: Protocol::Coap,
            service: self.arrival.service,
            direction: self.bearing.direction,
            endpoints: self.arrival.endpoints,
            message: policy::Message::Coap(self.message),
            session: Session::default(),
            reasons,
            address_validated,
            unix_s: None,
            size: self.len(),
        }
    }

    /// Whether it is an answer that its client was given, or something for it.
    fn is_known_answer(&self) -> bool {
        matches!(&self.bearing.role, Role::Response(Some(asked)) if asked.answers.contains(&self.digest))
    }

    /// Whether it is the answer to a registration, or a notification (RFC 7641 §2).
    fn is_notification(&self) -> bool {
        self.notifies().is_some()
    }

    /// Its place among the notifications, if it is one.
    fn notifies(&self) -> Option<u32> {
        self.facts
            .observe
            .filter(|_| self.message.code().class() == 2)
    }
}

/// The ratios that books are kept for.
#[inline]
fn booked(policy: &Policy) -> &[Ratio] {
    match policy.ratios() {
        [] => &[DEFAULT_RATIO],
        ratios => ratios,
    }
}

/// The message ID of a CON that can't be read beyond its header.
fn confirmable_id(datagram: &[u8]) -> Option<u16> {
    let &[first, _, high, low] = datagram.first_chunk()?;
    let is_confirmable = first >> 6 == 1 && Type::from_bits(first >> 4) == Type::Confirmable;
    is_confirmable.then(|| u16::from_be_bytes([high, low]))
}
