//! What a connection speaks, as its TCP stream sees it: bytes in order in, how many may pass out.

use policy::{Action, Service};
use wire::Direction;

use crate::context::{Arrival, Context};
use crate::shared::Shared;
use crate::{Outcome, Sink, coap_tcp, mqtt, tls};

/// The protocol of a connection's service.
#[derive(Debug)]
pub(crate) enum App {
    Mqtt(mqtt::Session),
    Tls(tls::Guard),
    Coap(coap_tcp::Session),
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
#[derive(Debug)]
pub(crate) struct Denial {
    pub(crate) action: Action,
    /// What the client is told in its own protocol, in sequence, before it is let go of.
    pub(crate) refusal: Vec<u8>,
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
}

impl App {
    /// The protocol of a connection seen from its beginning.
    pub(crate) fn new(service: Service) -> Self {
        match service {
            Service::Mqtt => Self::Mqtt(mqtt::Session::new()),
            Service::Mqtts => Self::Tls(tls::Guard::default()),
            Service::CoapTcp => Self::Coap(coap_tcp::Session::new()),
            Service::Coap | Service::Coaps => Self::Opaque,
        }
    }

    /// The protocol of a connection older than the gateway.
    pub(crate) fn midstream(service: Service) -> Self {
        match service {
            Service::Mqtt => Self::Mqtt(mqtt::Session::midstream()),
            Service::CoapTcp => Self::Coap(coap_tcp::Session::midstream()),
            // Its hello is long past, and what follows can't be told from noise.
            Service::Mqtts | Service::Coap | Service::Coaps => Self::Opaque,
        }
    }

    /// Bytes of either direction may have gone by unseen.
    pub(crate) fn lose_sight(&mut self, shared: &Shared) {
        match self {
            Self::Mqtt(session) => session.lose_sight(shared),
            Self::Coap(session) => session.lose_sight(shared),
            Self::Tls(_) => *self = Self::Opaque,
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
        match self {
            Self::Mqtt(session) => session.handle_bytes(cx, arrival, shared, bytes),
            Self::Tls(guard) => guard.handle_bytes(cx, arrival, bytes),
            Self::Coap(session) => session.handle_bytes(cx, arrival, shared, bytes),
            Self::Opaque => Passage::all(bytes.len()),
        }
    }

    /// Whether what travels this way isn't looked at any more, so that its order doesn't matter.
    pub(crate) fn is_opaque(&self, direction: Direction) -> bool {
        match self {
            Self::Mqtt(session) => session.is_lost(direction),
            Self::Tls(guard) => guard.is_opaque(),
            Self::Coap(session) => session.is_lost(direction),
            Self::Opaque => true,
        }
    }

    /// Bytes of this direction are missing for good: what follows can't be read.
    pub(crate) fn lose(&mut self, direction: Direction) {
        match self {
            Self::Mqtt(session) => session.lose(direction),
            Self::Coap(session) => session.lose(direction),
            Self::Tls(_) => *self = Self::Opaque,
            Self::Opaque => {}
        }
    }

    /// Ends it. True if a session was open.
    pub(crate) fn close(&mut self, shared: &Shared) -> bool {
        match std::mem::replace(self, Self::Opaque) {
            Self::Mqtt(session) => session.close(shared),
            Self::Coap(session) => {
                session.close(shared);
                false
            }
            Self::Tls(_) | Self::Opaque => false,
        }
    }
}
