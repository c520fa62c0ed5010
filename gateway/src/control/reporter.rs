//! A worker's ear in the control plane: events into the queue, bans to their keeper.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use inspect::{Event, Port};
use jiff::Timestamp;
use policy::Side;

use super::bans::Order;
use super::events::{Place, Policies, Queue};
use crate::dataplane::{Ban, Observer};

/// What a worker tells the control plane through. Each worker has a clone of its own.
#[derive(Debug, Clone)]
pub struct Reporter {
    events: Queue,
    bans: SyncSender<Order>,
    policies: Arc<Policies>,
    interfaces: Arc<Interfaces>,
}

impl Reporter {
    /// A reporter on these channels.
    #[must_use]
    pub fn new(
        events: Queue,
        bans: SyncSender<Order>,
        policies: Arc<Policies>,
        interfaces: Arc<Interfaces>,
    ) -> Self {
        Self {
            events,
            bans,
            policies,
            interfaces,
        }
    }
}

impl Observer for Reporter {
    fn event(&mut self, event: &Event<'_>) -> bool {
        let place = Place {
            time: Timestamp::now(),
            interface: self.interfaces.name(event.port),
            policies: &self.policies,
        };
        self.events.offer(event, &place)
    }

    fn ban(&mut self, ban: Ban) -> bool {
        self.bans.try_send(Order::Ban(ban)).is_ok()
    }
}

/// Names of the interfaces of every link, as events show them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interfaces {
    links: Vec<[String; 2]>,
}

impl Interfaces {
    /// Those of a configuration.
    #[must_use]
    pub fn of(links: &[policy::Link]) -> Self {
        let names = |link: &policy::Link| [link.inside.clone(), link.outside.clone()];
        Self {
            links: links.iter().map(names).collect(),
        }
    }

    /// The interface at a port; the side's name where no link is configured.
    #[must_use]
    pub fn name(&self, port: Port) -> &str {
        let (at, side) = match port.side {
            Side::Inside => (0, "inside"),
            Side::Outside => (1, "outside"),
        };
        self.links
            .get(usize::from(port.link))
            .map_or(side, |link| &link[at])
    }
}
