//! Runs the cases of rule packs: their lines, as frames, through a real inspector.

mod coap;
mod hello;
mod mqtt;
mod properties;
mod raw;
mod report;

use std::sync::Arc;

use policy::{Case, Line, Policy, Service, Speech};
use wire::Direction;
use wire::net::TcpFlags;

use crate::network::{Ends, Gateway, Stream};

pub use report::{Failure, Told};

/// The client's port.
const CLIENT_PORT: u16 = 40_000;
/// Bytes of a segment's payload at most.
const SEGMENT_BYTES: usize = 1460;

/// Runs a case and compares what became of it with what it expects.
///
/// # Errors
/// The first line that didn't go as it should, with what became of it instead.
pub fn check(policy: &Arc<Policy>, case: &Case) -> Result<(), Failure> {
    let told = run(policy, case)?;
    report::compare(policy, case, &told)
}

/// Runs a case: what became of its last line.
///
/// # Errors
/// The first line before the last that wasn't accepted.
pub fn run(policy: &Arc<Policy>, case: &Case) -> Result<Told, Failure> {
    let mut conversation = Conversation::new(policy, case);
    let mut told = Told::default();
    for (at, line) in case.say.iter().enumerate() {
        let alerts = std::mem::take(&mut told.alerts);
        told = conversation.say(line);
        told.alerts.splice(..0, alerts);
        let is_last = at + 1 == case.say.len();
        if !is_last && !told.is_accepted() {
            return Err(Failure::early(policy, line, &told));
        }
    }
    Ok(told)
}

/// A case under way.
struct Conversation {
    gateway: Gateway,
    service: Service,
    stream: Stream,
    is_open: bool,
    mqtt: mqtt::Speaker,
    coap: coap::Speaker,
}

impl Conversation {
    fn new(policy: &Arc<Policy>, case: &Case) -> Self {
        let mut ends = Ends::between(
            (case.from, CLIENT_PORT),
            (case.to, port_of(policy, case.service)),
        );
        ends.client_side = case.side;
        Self {
            gateway: Gateway::new(Arc::clone(policy)),
            service: case.service,
            stream: Stream::new(ends),
            is_open: false,
            mqtt: mqtt::Speaker::default(),
            coap: coap::Speaker::default(),
        }
    }

    fn say(&mut self, line: &Line) -> Told {
        let direction = match line.from_server {
            true => Direction::ToClient,
            false => Direction::ToServer,
        };
        match &line.speech {
            Speech::Hex(bytes) => self.send(direction, bytes),
            Speech::Mqtt { packet, fields } => {
                let bytes = self.mqtt.packet(*packet, fields);
                self.send(direction, &bytes)
            }
            Speech::Coap { code, path, fields } => {
                let carrier = match self.service.is_udp() {
                    true => coap::Carrier::Datagram,
                    false => coap::Carrier::Stream,
                };
                let bytes = self.coap.message(carrier, direction, *code, path, fields);
                self.send(direction, &bytes)
            }
            Speech::ClientHello { fields } => {
                let bytes = hello::client_hello(self.service, fields);
                self.send(direction, &bytes)
            }
            Speech::Tcp { flags, fields } => {
                // A SYN may be the first word; all else belongs to an open connection.
                if !TcpFlags(*flags).contains(TcpFlags::SYN) {
                    self.open();
                }
                let frame = raw::segment(&mut self.stream, direction, TcpFlags(*flags), fields);
                self.carry(direction, &frame)
            }
            Speech::Fragment { fields } => {
                let path = self.stream.ends.path(direction);
                let frame = raw::fragment(&path, self.service.is_udp(), fields);
                self.carry(direction, &frame)
            }
            Speech::Wait(duration) => {
                self.gateway.wait(*duration);
                Told::default()
            }
        }
    }

    /// Sends bytes the way the service carries them. Of several segments, the first that isn't
    /// accepted is the one to tell of.
    fn send(&mut self, direction: Direction, bytes: &[u8]) -> Told {
        if self.service.is_udp() {
            let frame = self.stream.ends.datagram(direction, bytes);
            return self.carry(direction, &frame);
        }
        self.open();
        let mut told = Told::default();
        for chunk in bytes.chunks(SEGMENT_BYTES) {
            let flags = TcpFlags::ACK | TcpFlags::PSH;
            let frame = self.stream.segment(direction, 0, flags, chunk);
            self.stream.advance(direction, chunk.len());
            told = self.carry(direction, &frame);
            if !told.is_accepted() {
                break;
            }
        }
        told
    }

    fn open(&mut self) {
        if !self.is_open {
            self.is_open = true;
            self.stream.open(&mut self.gateway);
        }
    }

    fn carry(&mut self, direction: Direction, frame: &[u8]) -> Told {
        let events = self.gateway.record.events.len();
        let side = self.stream.ends.side_of_sender(direction);
        let outcome = self.gateway.carry(side, frame).outcome;
        let new = &self.gateway.record.events[events..];
        Told::new(&outcome, new)
    }
}

/// A port of the service; the usual one where the configuration has none.
fn port_of(policy: &Policy, service: Service) -> u16 {
    let services = policy.services();
    let (ports, usual) = match service {
        Service::Mqtt => (&services.mqtt, 1883),
        Service::Mqtts => (&services.mqtts, 8883),
        Service::Coap => (&services.coap, 5683),
        Service::Coaps => (&services.coaps, 5684),
        Service::CoapTcp => (&services.coap_tcp, 5683),
    };
    ports.first().copied().unwrap_or(usual)
}
