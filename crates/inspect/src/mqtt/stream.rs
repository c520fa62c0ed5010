//! Control packets out of in-order bytes.

use wire::Direction;

use super::Session;
use super::packet::Scene;
use crate::app::Passage;
use crate::context::{Arrival, Context};
use crate::framer::{Framer, Judge, Reading, Step};
use crate::shared::Shared;
use crate::{Outcome, Sink};

impl Session {
    /// Judges the next bytes of one direction.
    pub(crate) fn handle_bytes<S: Sink>(
        &mut self,
        cx: &mut Context<'_, S>,
        arrival: &Arrival,
        shared: &Shared,
        bytes: &[u8],
    ) -> Passage {
        if self.framers.at(arrival.direction).reading == Reading::Seeking {
            self.seek(cx.now, arrival.direction, bytes, shared);
        }
        let mut scene = Scene {
            session: self,
            cx,
            arrival,
            shared,
            outcome: Outcome::ACCEPT,
            claim: None,
        };
        let (passed, denial) = scene.handle_stream(bytes);
        let outcome = scene.outcome;
        if arrival.direction == Direction::ToServer {
            self.note_progress(cx.now, passed);
        }
        Passage {
            passed,
            outcome,
            denial,
        }
    }
}

impl<'a, S: Sink> Judge<'a> for Scene<'a, '_, S> {
    fn framer(&mut self) -> &mut Framer {
        self.session.framers.at_mut(self.arrival.direction)
    }

    fn shared(&self) -> &'a Shared {
        self.shared
    }

    fn make_room(&mut self, len: usize) -> Option<Step> {
        let total = &self.shared.partial;
        match self.framer().make_room(len, total) {
            true => None,
            false => self.handle_unkept(),
        }
    }

    fn handle_message(&mut self, bytes: &[u8]) -> Step {
        if self.arrival.direction == Direction::ToServer
            && self.framer().reading == Reading::Boundary
        {
            self.session.note_begun(self.cx.now);
        }
        self.handle_packet(bytes)
    }
}
