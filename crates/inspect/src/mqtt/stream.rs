//! Control packets out of in-order bytes.

use wire::Direction;

use super::framer::Reading;
use super::packet::Scene;
use super::{Session, resync};
use crate::app::{Denial, Passage};
use crate::context::{Arrival, Context};
use crate::shared::Shared;
use crate::{Outcome, Sink};

/// What became of the control packet at the start of some bytes.
#[derive(Debug)]
pub(super) enum Step {
    /// That many bytes may pass; the framer knows what follows them.
    Passed(usize),
    /// It can be judged once that many bytes of it are there.
    Need(usize),
    /// It must not arrive.
    Denied(Denial),
}

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
        let mut at = 0;
        while at < bytes.len() {
            match scene.step(&bytes[at..]) {
                Ok(passed) => at += passed,
                Err(denial) => {
                    return Passage {
                        passed: at,
                        outcome: scene.outcome,
                        denial: Some(denial),
                    };
                }
            }
        }
        Passage {
            passed: bytes.len(),
            outcome: scene.outcome,
            denial: None,
        }
    }

    /// Starts reading, if `bytes` read as control packets.
    fn seek(&mut self, arrival: &Arrival, bytes: &[u8]) {
        let Some(version) = resync::version_of(bytes, self.version, arrival.direction) else {
            return;
        };
        self.version = version;
        self.framers.at_mut(arrival.direction).reading = Reading::Boundary;
    }
}

impl<S: Sink> Scene<'_, '_, S> {
    /// Takes in what it can from `bytes`, which aren't empty: how many bytes pass.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, Denial> {
        let framer = self.session.framers.at_mut(self.arrival.direction);
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
            Reading::Boundary => match self.handle_packet(bytes) {
                Step::Passed(len) => Ok(len),
                Step::Need(need) => {
                    let framer = self.session.framers.at_mut(self.arrival.direction);
                    framer.keep(bytes, &self.shared.pool);
                    framer.reading = Reading::Partial { need };
                    Ok(bytes.len())
                }
                Step::Denied(denial) => Err(denial),
            },
            Reading::Partial { need } => self.complete(bytes, need),
        }
    }

    /// Goes on with a packet whose beginning is kept.
    fn complete(&mut self, bytes: &[u8], need: usize) -> Result<usize, Denial> {
        let pool = &self.shared.pool;
        let framer = self.session.framers.at_mut(self.arrival.direction);
        let earlier = framer.kept_len();
        let taken = bytes.len().min(need.saturating_sub(earlier));
        framer.keep(&bytes[..taken], pool);
        if framer.kept_len() < need {
            return Ok(taken);
        }
        let kept = framer.take_kept();
        match self.handle_packet(&kept) {
            // What is read never ends before the bytes it took to read it, but for a packet that is
            // let through although it can't be read: then all that is kept belongs to it.
            Step::Passed(len) => {
                self.skip_kept(kept.len() - len);
                pool.give(kept);
                Ok(taken)
            }
            Step::Need(need) => {
                let framer = self.session.framers.at_mut(self.arrival.direction);
                framer.put_back(kept);
                framer.reading = Reading::Partial { need };
                Ok(taken)
            }
            Step::Denied(denial) => {
                pool.give(kept);
                Err(denial)
            }
        }
    }

    /// Counts `len` kept bytes as part of the body of a packet that is let through.
    fn skip_kept(&mut self, len: usize) {
        let framer = self.session.framers.at_mut(self.arrival.direction);
        if let Reading::Body { remaining } = framer.reading {
            framer.reading = match remaining.saturating_sub(len) {
                0 => Reading::Boundary,
                remaining => Reading::Body { remaining },
            };
        }
    }
}
