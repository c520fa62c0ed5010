//! A connection as what its client holds: itself, and what it observes.

use policy::{Protocol, Subject};
use wire::Direction;
use wire::coap::tcp::Message;

use super::message::Scene;
use crate::Sink;
use crate::holdings::{Held, HolderKeys, Room, Share, Slot};

impl<'c, S: Sink> Scene<'_, 'c, S> {
    /// The room for the session that the client's first message opens, and for an observation that one asks for,
    /// where rules ask.
    pub(super) fn room(&self, message: &Message<'_>) -> Option<Room<'c>> {
        let is_of_client = self.arrival.direction == Direction::ToServer;
        if !is_of_client || self.cx.policy.held_per().is_empty() {
            return None;
        }
        let client = &self.session.ends[Direction::ToServer as usize];
        let opens = Held::default()
            .with(Slot::Sessions, client.is_opening().into())
            .with(Slot::Observers, client.begins_to_observe(message).into());
        Some(self.cx.room(self.arrival, opens, None))
    }

    /// Takes note of a message that was let through: the first one of a client, or one under other rules
    /// than before.
    pub(super) fn note_held(&mut self, is_first: bool) {
        if self.cx.policy.held_per().is_empty() {
            self.session.share = None;
            return;
        }
        let generation = self.cx.generation;
        match &self.session.share {
            Some(share) if share.generation() == generation => {}
            Some(_) => {
                let keys = self.identify();
                if let Some(share) = &mut self.session.share {
                    share.move_to(generation, keys);
                }
            }
            None if is_first && self.arrival.direction == Direction::ToServer => {
                let mut share = Share::new(self.cx.holdings, generation, self.identify());
                share.set(Slot::Sessions, 1);
                self.session.share = Some(Box::new(share));
            }
            None => {}
        }
        let client = &self.session.ends[Direction::ToServer as usize];
        let observed = u32::try_from(client.observations()).unwrap_or(u32::MAX);
        if let Some(share) = &mut self.session.share {
            share.set(Slot::Observers, observed);
        }
    }

    /// The keys of the connection's client as a holder.
    fn identify(&self) -> HolderKeys {
        let subject = Subject {
            address_validated: true,
            ..self.arrival.detection(Protocol::Coap, &[])
        };
        let ends = &self.arrival.endpoints;
        let (flow, _) = self.arrival.carrier.key(self.cx.port.link, ends);
        self.cx.holdings.keys(self.cx.policy, &subject, &flow)
    }
}
