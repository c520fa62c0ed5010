//! Control packets out of in-order bytes.

use wire::Direction;

use super::packet::Scene;
use super::{Session, resync};
use crate::app::Passage;
use crate::context::{Arrival, Context};
use crate::framer::{Framer, Judge, Reading, Step};
use crate::pool::Pool;
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
        if arrival.direction == Direction::ToServer {
            self.heard = cx.now;
        }
        if self.framers.at(arrival.direction).reading == Reading::Seeking {
            self.seek(arrival, bytes);
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

    /// Starts reading, where in `bytes` a control packet begins.
    fn seek(&mut self, arrival: &Arrival, bytes: &[u8]) {
        let Some((at, version)) = resync::boundary(bytes, self.version, arrival.direction) else {
            return;
        };
        self.version = version;
        self.framers.at_mut(arrival.direction).pass(at);
    }
}

impl<'a, S: Sink> Judge<'a> for Scene<'a, '_, S> {
    fn framer(&mut self) -> &mut Framer {
        self.session.framers.at_mut(self.arrival.direction)
    }

    fn pool(&self) -> &'a Pool {
        &self.shared.pool
    }

    fn handle_message(&mut self, bytes: &[u8]) -> Step {
        self.handle_packet(bytes)
    }
}
