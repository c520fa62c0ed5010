//! What a connection speaks, as its TCP stream sees it: bytes in order in, how many may pass out.

use policy::{Reason, Service};
use wire::Direction;
use wire::greeting::Spoken;

use crate::context::{Arrival, Context, Judgement};
use crate::greeting::{self, Greeting, Heard};
use crate::shared::Shared;
use crate::tls::Hello;
use crate::{Instant, Limits, Outcome, Sink, coap_tcp, mqtt};

/// What a connection speaks, or should.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all connections are of the largest kind, which shall cost no second allocation"
)]
pub(crate) enum App {
    Mqtt(Greeting, mqtt::Session),
    /// Once both ends have begun the way TLS does, and the client's hello was judged, the records pass unread.
    Tls(Greeting, Hello),
    /// Larger than the others, and rarer.
    Coap(Box<coap_tcp::Session>),
    /// Nothing to look at any more.
    Opaque,
}

/// What became of bytes handed to an [`App`].
#[derive(Debug)]
pub(crate) struct Passage {
    /// How many of them may pass.
    pub(crate) passed: usize,
    pub(crate) outcome: Outcome,
    /// What follows the bytes that may pass must not arrive, and the connection ends.
    pub(crate) denial: Option<Denial>,
}

/// How a connection ends.
#[derive(Debug, Default)]
pub(crate) struct Denial {
    /// What the client is told in its own protocol, in sequence, before it is let go of.
    pub(crate) refusal: Vec<u8>,
    /// The client has taken its leave before: what it says after that is all there is to stop, and both
    /// ends see the connection closed, not broken.
    pub(crate) is_leave: bool,
}

/// What is to be told of the end of an [`App`].
#[derive(Debug, Default)]
pub(crate) struct Closing {
    /// A session was open.
    pub(crate) was_open: bool,
    /// To remember it, another client had to be forgotten.
    pub(crate) evicted: bool,
}

impl Denial {
    /// An end with these words; without, it is a RST.
    pub(crate) fn saying(refusal: Vec<u8>) -> Self {
        Self {
            refusal,
            is_leave: false,
        }
    }
}

impl Passage {
    /// All `len` bytes pass, and nothing is to be said about them.
    pub(crate) fn all(len: usize) -> Self {
        Self {
            passed: len,
            outcome: Outcome::ACCEPT,
            denial: None,
        }
    }

    /// All `len` bytes pass, or none, as was judged.
    pub(crate) fn judged(judgement: &Judgement, len: usize) -> Self {
        let stops = judgement.action.stops();
        Self {
            passed: if stops { 0 } else { len },
            outcome: judgement.outcome,
            denial: stops.then(Denial::default),
        }
    }
}

impl App {
    /// The protocol of a connection seen from its beginning.
    pub(crate) fn new(service: Service, now: Instant) -> Self {
        match service {
            Service::Mqtt => Self::Mqtt(Greeting::default(), mqtt::Session::new(now)),
            Service::Mqtts => Self::Tls(Greeting::default(), Hello::default()),
            Service::CoapTcp => Self::Coap(Box::new(coap_tcp::Session::new())),
            Service::Coap | Service::Coaps => Self::Opaque,
        }
    }

    /// The protocol of a connection older than the gateway.
    pub(crate) fn midstream(service: Service) -> Self {
        match service {
            Service::Mqtt => Self::Mqtt(Greeting::unseen(), mqtt::Session::midstream()),
            Service::CoapTcp => Self::Coap(Box::new(coap_tcp::Session::midstream())),
            // Its hello is long past, and what follows can't be told from noise.
            Service::Mqtts | Service::Coap | Service::Coaps => Self::Opaque,
        }
    }

    /// Bytes of either direction may have gone by unseen.
    pub(crate) fn lose_sight(&mut self, shared: &Shared) {
        match self {
            Self::Mqtt(greeting, session) => {
                *greeting = Greeting::unseen();
                session.lose_sight(shared);
            }
            Self::Coap(session) => session.lose_sight(shared),
            Self::Tls(..) => *self = Self::Opaque,
            Self::Opaque => {}
        }
    }

    /// Judges the next bytes of one direction.
    pub(crate) fn handle_bytes<S: Sink>(
        &mut self,
        cx: &mut Context<'_, S>,
        arrival: &Arrival,
        shared: &Shared,
        bytes: &[u8],
    ) -> Passage {
        let direction = arrival.direction;
        let greeting = match self {
            Self::Mqtt(greeting, session) if greeting.is_over(direction) => {
                return session.handle_bytes(cx, arrival, shared, bytes);
            }
            Self::Tls(greeting, hello) if greeting.is_over(direction) => {
                return match direction {
                    Direction::ToServer => hello.handle_bytes(cx, arrival, &shared.pool, bytes),
                    Direction::ToClient => Passage::all(bytes.len()),
                };
            }
            Self::Coap(session) => return session.handle_bytes(cx, arrival, shared, bytes),
            Self::Opaque => return Passage::all(bytes.len()),
            Self::Mqtt(greeting, _) | Self::Tls(greeting, _) => greeting,
        };
        match greeting.hear(direction, bytes) {
            Heard::Little => Passage::all(bytes.len()),
            Heard::Speech(spoken, earlier) => {
                self.handle_speech(cx, arrival, shared, spoken, earlier, bytes)
            }
        }
    }

    /// One end has shown what it speaks.
    fn handle_speech<S: Sink>(
        &mut self,
        cx: &mut Context<'_, S>,
        arrival: &Arrival,
        shared: &Shared,
        spoken: Spoken,
        earlier: usize,
        bytes: &[u8],
    ) -> Passage {
        let mut outcome = Outcome::ACCEPT;
        if let Self::Tls(greeting, _) = self {
            if spoken == Spoken::Tls {
                return self.read_hello(cx, arrival, shared, earlier, bytes);
            }
            let begins_mqtt = greeting.begins_mqtt(arrival.direction, earlier, bytes);
            let judgement = greeting::judge_plaintext(cx, arrival, spoken, begins_mqtt);
            if judgement.action.stops() || arrival.direction == Direction::ToClient {
                return Passage::judged(&judgement, bytes.len());
            }
            // A client that may do without TLS speaks MQTT, or should.
            let mut session = mqtt::Session::new(cx.now);
            if greeting.is_over(Direction::ToClient) {
                session.lose(Direction::ToClient);
            }
            outcome = judgement.outcome;
            *self = Self::Mqtt(std::mem::take(greeting), session);
        }
        let mut passage = match greeting::reason_against(spoken) {
            None => self.read_from_start(cx, arrival, shared, earlier, bytes),
            Some(reason) => {
                let judgement = greeting::judge_foreign(cx, arrival, reason);
                outcome.add(&judgement.outcome);
                if judgement.action.stops() {
                    Passage::judged(&judgement, bytes.len())
                } else {
                    self.give_way_to(cx.now, spoken, arrival.direction, shared);
                    self.read_hello(cx, arrival, shared, earlier, bytes)
                }
            }
        };
        outcome.add(&passage.outcome);
        passage.outcome = outcome;
        passage
    }

    /// Hands a session the beginning of a direction, and what follows it.
    fn read_from_start<S: Sink>(
        &mut self,
        cx: &mut Context<'_, S>,
        arrival: &Arrival,
        shared: &Shared,
        earlier: usize,
        bytes: &[u8],
    ) -> Passage {
        let Self::Mqtt(greeting, session) = self else {
            return Passage::all(bytes.len());
        };
        let first = greeting.first(arrival.direction, earlier);
        let before = session.handle_bytes(cx, arrival, shared, &first[..earlier]);
        if before.denial.is_some() {
            return Passage {
                passed: 0,
                ..before
            };
        }
        let mut passage = session.handle_bytes(cx, arrival, shared, bytes);
        let mut outcome = before.outcome;
        outcome.add(&passage.outcome);
        passage.outcome = outcome;
        passage
    }

    /// Hands on the beginning of a client that speaks TLS. What else is let through passes.
    fn read_hello<S: Sink>(
        &mut self,
        cx: &mut Context<'_, S>,
        arrival: &Arrival,
        shared: &Shared,
        earlier: usize,
        bytes: &[u8],
    ) -> Passage {
        match (self, arrival.direction) {
            (Self::Tls(greeting, hello), Direction::ToServer) => {
                let first = greeting.first(Direction::ToServer, earlier);
                hello.begin(cx, arrival, &shared.pool, &first[..earlier], bytes)
            }
            _ => Passage::all(bytes.len()),
        }
    }

    /// Another protocol than MQTT is let through.
    fn give_way_to(&mut self, now: Instant, spoken: Spoken, direction: Direction, shared: &Shared) {
        match (self, direction) {
            (Self::Mqtt(_, session), Direction::ToClient) => session.lose(direction),
            (app, _) => {
                let former = std::mem::replace(app, Self::Opaque);
                if let Self::Mqtt(greeting, session) = former {
                    // No server has accepted it yet.
                    _ = session.close(now, shared);
                    if spoken == Spoken::Tls {
                        *app = Self::Tls(greeting, Hello::default());
                    }
                }
            }
        }
    }

    /// When its client has to have said something.
    #[inline]
    pub(crate) fn deadline(&self, limits: &Limits) -> Instant {
        match self {
            Self::Mqtt(_, session) => session.deadline(limits),
            Self::Tls(..) | Self::Coap(_) | Self::Opaque => Instant::FAR,
        }
    }

    /// What it means that its client hasn't, and what is known of the session.
    pub(crate) fn overdue(&self, limits: &Limits) -> Option<(Reason, policy::Session<'_>)> {
        match self {
            Self::Mqtt(_, session) => Some((
                session.overdue(limits),
                session.known(None, Direction::ToServer),
            )),
            Self::Tls(..) | Self::Coap(_) | Self::Opaque => None,
        }
    }

    /// When its client was last heard.
    pub(crate) fn heard(&self) -> Instant {
        match self {
            Self::Mqtt(_, session) => session.heard(),
            Self::Tls(..) | Self::Coap(_) | Self::Opaque => Instant::ZERO,
        }
    }

    /// Takes its client for heard, although it wasn't.
    pub(crate) fn excuse(&mut self, now: Instant) {
        if let Self::Mqtt(_, session) = self {
            session.excuse(now);
        }
    }

    /// Whether what travels this way isn't looked at any more, so that its order doesn't matter.
    pub(crate) fn is_opaque(&self, direction: Direction) -> bool {
        match self {
            Self::Mqtt(_, session) => session.is_lost(direction),
            Self::Tls(greeting, hello) => {
                let both = [Direction::ToServer, Direction::ToClient];
                hello.is_over() && both.iter().all(|way| greeting.is_over(*way))
            }
            Self::Coap(session) => session.is_lost(direction),
            Self::Opaque => true,
        }
    }

    /// Whether what travels this way passes unread until the beginning of a message is found.
    #[inline]
    pub(crate) fn is_seeking(&self, direction: Direction) -> bool {
        match self {
            Self::Mqtt(_, session) => session.is_seeking(direction),
            Self::Coap(session) => session.is_seeking(direction),
            Self::Tls(..) | Self::Opaque => false,
        }
    }

    /// Bytes of this direction are missing for good: what follows can't be read.
    pub(crate) fn lose(&mut self, direction: Direction) {
        match self {
            Self::Mqtt(_, session) => session.lose(direction),
            Self::Coap(session) => session.lose(direction),
            Self::Tls(..) => *self = Self::Opaque,
            Self::Opaque => {}
        }
    }

    /// One end has closed its side. True if a lasting session of somebody else had to be forgotten for it.
    pub(crate) fn note_closing(&mut self, now: Instant, shared: &Shared) -> bool {
        match self {
            Self::Mqtt(_, session) => session.end_membership(now, shared),
            Self::Tls(..) | Self::Coap(_) | Self::Opaque => false,
        }
    }

    /// Its client has vanished, and holds nothing until it is heard again. False if what its session has couldn't be
    /// remembered, or another's had to be forgotten for it.
    pub(crate) fn let_go(&mut self, now: Instant) -> bool {
        match self {
            Self::Mqtt(_, session) => session.fall_asleep(now),
            Self::Tls(..) | Self::Coap(_) | Self::Opaque => true,
        }
    }

    /// Ends it.
    pub(crate) fn close(&mut self, now: Instant, shared: &Shared) -> Closing {
        match std::mem::replace(self, Self::Opaque) {
            Self::Mqtt(_, session) => session.close(now, shared),
            Self::Coap(session) => {
                session.close(shared);
                Closing::default()
            }
            Self::Tls(..) | Self::Opaque => Closing::default(),
        }
    }
}
