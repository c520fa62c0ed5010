//! A session as one among others: what it takes from them, and its entry in the registry.

use std::net::IpAddr;
use std::time::Duration;

use policy::Reason;
use wire::Direction;
use wire::mqtt::{ConnAck, Connect, ControlPacket, Disconnect, ReasonCode, Version};

use super::Session;
use super::packet::Scene;
use super::registry::{Lease, Name, Ticket};
use super::session::{Stage, as_remembered};
use crate::context::Arrival;
use crate::shared::Shared;
use crate::{Instant, LimitKind, Sink};

/// What a session is among others. Small, because every session has one.
#[derive(Debug, Default)]
pub(super) struct Membership {
    /// The name it holds, once its server has accepted it.
    name: Option<Name>,
    /// When it came to hold that; before, when it asked.
    ticket: Option<Ticket>,
    /// For how long the session outlasts its connection, as its client asks.
    lasts_s: u32,
}

impl Membership {
    /// For how long the session outlasts its connection, as far as is known.
    pub(super) fn lasts_s(&self) -> u32 {
        self.lasts_s
    }

    /// The connection is over. True if a lasting session of somebody else had to be forgotten.
    pub(super) fn end(self, now: Instant, shared: &Shared) -> bool {
        let lasts = Duration::from_secs(self.lasts_s.into());
        self.name.zip(self.ticket).is_some_and(|(name, ticket)| {
            let lease = Lease { name, ticket };
            shared.registry.release(now, &lease, lasts)
        })
    }
}

impl Session {
    /// One end has closed: nobody holds the client identifier any more, even if the other never answers. True
    /// as [`Membership::end`].
    pub(crate) fn end_membership(&mut self, now: Instant, shared: &Shared) -> bool {
        std::mem::take(&mut self.membership).end(now, shared)
    }
}

impl<S: Sink> Scene<'_, '_, S> {
    /// What a packet does beyond its own connection.
    pub(super) fn reason_across(&mut self, packet: &ControlPacket<'_>) -> Option<Reason> {
        match (packet, self.arrival.direction) {
            (ControlPacket::Connect(connect), Direction::ToServer) => self.takeover(connect),
            (ControlPacket::ConnAck(connack), Direction::ToClient) => {
                let is_answer = self.session.stage == Stage::Connecting;
                is_answer.then(|| self.answer(connack)).flatten()
            }
            _ => None,
        }
    }

    fn takeover(&mut self, connect: &Connect<'_>) -> Option<Reason> {
        if connect.client_id.is_empty() {
            return None;
        }
        let name = self.name(connect.client_id);
        let client = self.arrival.endpoints.source;
        let (asked, reason) = self.shared.registry.ask(self.cx.now, &name, client);
        self.session.membership.ticket.get_or_insert(asked);
        // On a connection older than the gateway, the name may be its own.
        reason.filter(|_| self.session.stage == Stage::Opening)
    }

    /// What a server says of its client by its answer to the CONNECT.
    fn answer(&mut self, connack: &ConnAck<'_>) -> Option<Reason> {
        if !connack.is_accepted() {
            let refuses = refuses_credentials(self.session.version, connack.reason_code);
            return refuses.then_some(Reason::MQTT_AUTH_FAILED);
        }
        let asked = self.session.membership.ticket?;
        let name = self.name(self.session.client_id()?);
        let client = self.arrival.endpoints.destination;
        self.claim = self.shared.registry.claim(asked, name, client);
        match &self.claim {
            Some(_) => None,
            None => Some(Reason::MQTT_TAKEOVER_CLIENT_ID),
        }
    }

    /// A packet isn't let through: what it was to take isn't held.
    pub(super) fn give_up_claim(&mut self) {
        if let Some(lease) = self.claim.take() {
            let registry = &self.shared.registry;
            registry.release(self.cx.now, &lease, Duration::ZERO);
        }
    }

    /// The name of a client identifier at the session's broker.
    fn name(&self, client_id: &str) -> Name {
        let (address, port) = server(self.arrival);
        let broker = self.cx.policy.brokers().of(address, port);
        let client_id = as_remembered(client_id);
        self.shared.registry.name(broker, &client_id)
    }

    /// Takes note of a packet that was let through and noted by the session.
    pub(super) fn note_across(&mut self, packet: &ControlPacket<'_>) {
        match packet {
            ControlPacket::Connect(connect) if self.session.stage == Stage::Connecting => {
                self.session.membership.lasts_s = lasts_s(connect);
            }
            ControlPacket::ConnAck(connack) if self.session.stage == Stage::Open => {
                self.enlist(connack);
            }
            ControlPacket::Disconnect(disconnect) => self.note_leave(disconnect),
            _ => {}
        }
    }

    /// An end has said that it is over, whenever its connection closes ([MQTT-3.14.4-1]). A client may say anew
    /// how long its session lasts (5.0 §3.14.2.2.2).
    fn note_leave(&mut self, disconnect: &Disconnect<'_>) {
        if let Some(seconds) = disconnect.properties.session_expiry_s() {
            self.session.membership.lasts_s = seconds;
        }
        if self.session.end_membership(self.cx.now, self.shared) {
            self.cx.limit(LimitKind::Clients);
        }
    }

    fn enlist(&mut self, connack: &ConnAck<'_>) {
        let membership = &mut self.session.membership;
        if membership.name.is_some() {
            return;
        }
        if let Some(seconds) = connack.properties.session_expiry_s() {
            membership.lasts_s = seconds;
        }
        let Some(client_id) = self.session.client_id() else {
            return;
        };
        let name = self.name(client_id);
        let lease = self.hold(name);
        self.shared.registry.note_live(self.cx.now, &name);
        let membership = &mut self.session.membership;
        (membership.name, membership.ticket) = (Some(lease.name), Some(lease.ticket));
    }

    /// The claim to that name, made good whoever has it. A server may give its client another than it asked for.
    fn hold(&mut self, name: Name) -> Lease {
        let claim = self.claim.take_if(|lease| lease.name == name);
        self.give_up_claim();
        let client = self.arrival.endpoints.destination;
        claim.unwrap_or_else(|| self.shared.registry.hold(name, client))
    }
}

/// The server's end of a connection.
fn server(arrival: &Arrival) -> (IpAddr, u16) {
    let ends = &arrival.endpoints;
    match arrival.direction {
        Direction::ToServer => (ends.destination, ends.destination_port),
        Direction::ToClient => (ends.source, ends.source_port),
    }
}

/// For how long the session outlasts its connection (3.1.1 §3.1.2.4, 5.0 §3.1.2.11.2).
fn lasts_s(connect: &Connect<'_>) -> u32 {
    match connect.version {
        Version::V5 => connect.properties.session_expiry_s().unwrap_or(0),
        _ if connect.clean_start => 0,
        _ => u32::MAX,
    }
}

/// Whether a CONNACK with this code refuses who the client says it is (3.1.1 §3.2.2.3, 5.0 §3.2.2.2).
/// "Banned" (0x8a) is none: it says nothing about the credentials.
fn refuses_credentials(version: Version, code: ReasonCode) -> bool {
    match version {
        Version::V31 | Version::V311 => matches!(code.0, 4 | 5),
        Version::V5 => matches!(code.0, 0x86 | 0x87 | 0x8c),
    }
}
