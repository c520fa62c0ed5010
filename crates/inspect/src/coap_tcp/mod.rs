//! CoAP over TCP: messages out of in-order bytes, judged one by one (RFC 8323).
//!
//! A connection has a client that opened it, but either end may ask the other. Each begins by saying
//! what it takes (CSM, §5.3), and answers requests by their token; there are no types, message IDs or
//! duplicates, and no budgets, since the handshake has shown that both ends hear each other.

mod asked;
mod body;
mod conduct;
mod downloads;
mod end;
mod foreign;
mod held;
mod message;
mod pings;
mod refusal;
mod resync;
mod uploads;

use policy::Reason;
use wire::Direction;

use crate::app::Passage;
use crate::context::{Arrival, Context};
use crate::framer::{Framers, Judge, Reading};
use crate::holdings::Share;
use crate::shared::Shared;
use crate::{Outcome, Sink};

use end::End;
use message::Scene;

/// Reasons raised on one message.
type Reasons = smallvec::SmallVec<[Reason; 4]>;

/// One CoAP connection.
#[derive(Debug)]
pub(crate) struct Session {
    framers: Framers,
    /// By the direction in which they speak.
    ends: [End; 2],
    /// Absent unless a rule counts what clients hold.
    share: Option<Box<Share>>,
}

impl Session {
    /// A connection seen from its beginning.
    pub(crate) fn new() -> Self {
        Self {
            framers: Framers::new(Reading::Boundary),
            ends: [End::default(), End::default()],
            share: None,
        }
    }

    /// A connection older than the gateway.
    pub(crate) fn midstream() -> Self {
        Self {
            framers: Framers::new(Reading::Seeking),
            ends: [End::unseen(), End::unseen()],
            share: None,
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
        let framer = self.framers.at_mut(arrival.direction);
        if framer.reading == Reading::Seeking && resync::are_messages(bytes) {
            framer.reading = Reading::Boundary;
        }
        let mut scene = Scene {
            session: self,
            cx,
            arrival,
            shared,
            outcome: Outcome::ACCEPT,
        };
        let (passed, denial) = scene.handle_stream(bytes);
        Passage {
            passed,
            outcome: scene.outcome,
            denial,
        }
    }

    /// Bytes of either direction may have gone by unseen, requests among them.
    pub(crate) fn lose_sight(&mut self, shared: &Shared) {
        self.framers.seek(shared);
        self.ends = [End::unseen(), End::unseen()];
    }

    /// Nothing that travels this way can be read any more, requests included.
    pub(crate) fn lose(&mut self, direction: Direction) {
        self.framers.at_mut(direction).reading = Reading::Lost;
        self.ends[direction as usize] = End::unseen();
    }

    pub(crate) fn is_seeking(&self, direction: Direction) -> bool {
        self.framers.at(direction).reading == Reading::Seeking
    }

    pub(crate) fn is_lost(&self, direction: Direction) -> bool {
        self.framers.at(direction).reading == Reading::Lost
    }

    /// Gives up its memory.
    pub(crate) fn close(mut self, shared: &Shared) {
        self.framers.clear(shared);
    }

    /// The end that speaks in this direction, and the one that hears it.
    fn ends(&mut self, direction: Direction) -> (&mut End, &mut End) {
        let [client, server] = &mut self.ends;
        match direction {
            Direction::ToServer => (client, server),
            Direction::ToClient => (server, client),
        }
    }
}
