//! Connections that a service's port takes part in, but as the one that opened them.
//!
//! Who opens a connection is its client, whatever its port: any may be taken for that, and old systems
//! take those of services. So what is opened from a service's port to a port of none is none of Weir's
//! business, and crosses as it is. It is told by its SYN alone. To use that for reaching a broker, one
//! would have to stand where the broker does: a SYN to a service's port always begins a connection that is
//! read, and none that is read gives way to a SYN from one.

use wire::net::TcpFlags;

use super::{Connection, Phase, Work};
use crate::app::App;
use crate::{Outcome, Sink};

impl Connection {
    /// A connection whose SYN, from a service's port, is at hand.
    pub(crate) fn foreign() -> Self {
        Self::new(Phase::Foreign { is_over: false }, App::Opaque)
    }
}

impl<S: Sink> Work<'_, '_, '_, S> {
    /// A segment of a connection that belongs to no service.
    pub(super) fn handle_foreign(&mut self) -> Outcome {
        let segment = self.segment;
        let (ours, theirs) = self.connection.split(self.arrival.direction);
        ours.heard = true;
        if segment.has(TcpFlags::FIN) {
            ours.pass_fin(segment.seq + segment.payload().len());
        }
        if segment.is_rst() || (ours.has_closed() && theirs.has_closed()) {
            self.connection.phase = Phase::Foreign { is_over: true };
        }
        Outcome::ACCEPT
    }
}
