//! Connections that end because nothing is said: there is no segment at hand then, so that the little
//! it takes to speak to both ends is remembered from an earlier one.

use policy::{Action, Endpoints, Message, Protocol, Reason, Service, Subject};
use wire::Direction;
use wire::net::build::{Path, TcpSegment};
use wire::net::{MacAddr, Packet, TcpFlags, Vlan};

use super::answer;
use super::{Answers, Connection, Grounds, Phase};
use crate::context::{Carrier, Context};
use crate::shared::Shared;
use crate::{Injected, Instant, LimitKind, Limits, Sink};

/// Where the ends are on the link.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stations {
    client: MacAddr,
    server: MacAddr,
    vlan: Option<Vlan>,
}

impl Stations {
    /// Those of a frame that travels this way.
    pub(super) fn of(frame: &[u8], direction: Direction) -> Option<Self> {
        let path = Path::of(&Packet::decode(frame).ok()?)?;
        let (client, server) = match direction {
            Direction::ToServer => (path.source_mac, path.destination_mac),
            Direction::ToClient => (path.destination_mac, path.source_mac),
        };
        Some(Self {
            client,
            server,
            vlan: path.vlan,
        })
    }

    /// The path between two of a connection's addresses, by where its ends are known to be.
    pub(super) fn settle(self, path: Path, direction: Direction) -> Path {
        let (source_mac, destination_mac) = match direction {
            Direction::ToServer => (self.client, self.server),
            Direction::ToClient => (self.server, self.client),
        };
        Path {
            source_mac,
            destination_mac,
            vlan: self.vlan,
            ..path
        }
    }

    /// The path from the client, the source of `ends`, to the server.
    fn path(&self, ends: &Endpoints) -> Path {
        Path {
            source_mac: self.client,
            destination_mac: self.server,
            vlan: self.vlan,
            source: ends.source,
            destination: ends.destination,
            source_port: ends.source_port,
            destination_port: ends.destination_port,
            hop_limit: wire::net::build::HOP_LIMIT,
        }
    }
}

impl Connection {
    /// When something has to have been said.
    pub(crate) fn deadline(&self, limits: &Limits) -> Instant {
        match self.phase {
            Phase::Established => self.app.deadline(limits),
            _ => Instant::FAR,
        }
    }

    /// When the client last said something.
    pub(crate) fn heard(&self) -> Instant {
        self.app.heard()
    }

    /// Takes the client for heard, although it wasn't.
    pub(crate) fn excuse(&mut self, now: Instant) {
        self.app.excuse(now);
    }

    /// Nothing was said in time by the client, the source of `ends`. The connection ends if a rule
    /// says so.
    pub(crate) fn expire<S: Sink>(
        &mut self,
        cx: &mut Context<'_, S>,
        shared: &Shared,
        (carrier, service, ends): (Carrier, Service, &Endpoints),
    ) {
        if self.may_not_speak() {
            return self.excuse(cx.now);
        }
        let Some((reason, session)) = self.app.overdue(cx.limits) else {
            return;
        };
        let reasons = [reason];
        let subject = Subject {
            protocol: Protocol::Mqtt,
            service,
            direction: Direction::ToServer,
            endpoints: *ends,
            message: Message::None,
            session,
            reasons: &reasons,
            address_validated: false,
            unix_s: None,
            size: 0,
        };
        let judgement = cx.judge_at(carrier, Action::Accept, &subject, &mut ());
        if !judgement.action.stops() {
            // Its server closes now ([MQTT-3.1.2-24]; 5.0 [MQTT-3.1.2-22]): nobody holds its name any more.
            if self.app.note_closing(cx.now, shared) {
                cx.limit(LimitKind::Clients);
            }
            if reason == Reason::MQTT_SESSION_KEEP_ALIVE && !self.app.let_go(cx.now) {
                cx.limit(LimitKind::Clients);
            }
            self.excuse(cx.now);
            return;
        }
        self.reset_both(cx, ends);
        self.close(cx.now, shared, cx.sink);
        self.phase = Phase::Denied(Grounds {
            reason: judgement.outcome.reason,
            rule: judgement.outcome.rule,
            answers: [Answers::All; 2],
        });
    }

    /// Whether the server has no room for what its client would say (RFC 9293 §3.8.6.1).
    fn may_not_speak(&self) -> bool {
        self.halves[Direction::ToClient as usize].last_window == 0
    }

    /// A RST to each end, as the other would have sent it.
    fn reset_both<S: Sink>(&self, cx: &mut Context<'_, S>, ends: &Endpoints) {
        let Some(stations) = self.stations else {
            return;
        };
        let to_server = stations.path(ends);
        for (direction, path, port) in [
            (Direction::ToServer, to_server, cx.port.opposite()),
            (Direction::ToClient, to_server.reversed(), cx.port),
        ] {
            let segment = TcpSegment {
                seq: self.halves[direction as usize].next.0,
                ack: self.halves[direction.reverse() as usize].next.0,
                flags: TcpFlags::RST | TcpFlags::ACK,
                window: 0,
                options: &[],
                payload: &[],
            };
            answer::send(cx.sink, port, &path, &segment, Injected::Reset);
        }
    }
}
