//! One connection of a case: its lines as frames.

use policy::{Line, Service, Speech};
use wire::Direction;
use wire::net::TcpFlags;

use super::{Told, coap, hello, mqtt, proof, raw};
use crate::network::{Ends, Gateway, HANDSHAKE, Stream};

/// Bytes of a segment's payload at most.
const SEGMENT_BYTES: usize = 1460;
/// The same of one that is said as it is: IP carries no more, headers and options aside.
const RAW_SEGMENT_BYTES: usize = 65_400;
/// Bytes of a datagram's payload at most, over IPv4 (RFC 768).
const DATAGRAM_BYTES: usize = 65_507;

/// Both ends of a connection, or of an exchange of datagrams.
pub(super) struct Talker {
    service: Service,
    stream: Stream,
    is_open: bool,
    mqtt: mqtt::Speaker,
    coap: coap::Speaker,
}

impl Talker {
    pub(super) fn new(ends: Ends, service: Service) -> Self {
        Self {
            service,
            stream: Stream::new(ends),
            is_open: false,
            mqtt: mqtt::Speaker::default(),
            coap: coap::Speaker::default(),
        }
    }

    pub(super) fn say(&mut self, gateway: &mut Gateway, line: &Line) -> Told {
        let direction = match line.from_server {
            true => Direction::ToClient,
            false => Direction::ToServer,
        };
        match &line.speech {
            Speech::Hex(bytes) => self.send(gateway, direction, bytes),
            Speech::Mqtt { packet, fields } => {
                let bytes = self.mqtt.packet(*packet, fields);
                self.send(gateway, direction, &bytes)
            }
            Speech::Coap {
                code,
                resource,
                fields,
            } => {
                let carrier = match self.service.is_udp() {
                    true => coap::Carrier::Datagram,
                    false => coap::Carrier::Stream,
                };
                let proof = fields.flag("proven").unwrap_or(false).then(|| {
                    let path = self.stream.ends.path(direction);
                    let client = (path.source, path.source_port);
                    proof::echo(gateway.now, client, path.destination)
                });
                let what = coap::What {
                    code: *code,
                    resource,
                    fields,
                    proof,
                };
                let bytes = self.coap.message(carrier, direction, &what);
                self.send(gateway, direction, &bytes)
            }
            Speech::ClientHello { fields } => {
                let bytes = hello::client_hello(self.service, fields);
                self.send(gateway, direction, &bytes)
            }
            Speech::Tcp { flags, fields } => {
                // A SYN may be the first word; all else belongs to an open connection.
                let opened = match TcpFlags(*flags).contains(TcpFlags::SYN) {
                    true => {
                        self.is_open = true;
                        Told::default()
                    }
                    false => self.open(gateway),
                };
                if !opened.is_accepted() {
                    return opened;
                }
                if mqtt::payload(fields).len() > RAW_SEGMENT_BYTES {
                    return Told::unsent();
                }
                let frame = raw::segment(&mut self.stream, direction, TcpFlags(*flags), fields);
                self.carry(gateway, direction, &frame)
            }
            Speech::Fragment { fields } => {
                let path = self.stream.ends.path(direction);
                let frame = raw::fragment(&path, self.service.is_udp(), fields);
                self.carry(gateway, direction, &frame)
            }
            // These aren't said on a connection.
            Speech::Wait(_) | Speech::Reconnect => Told::default(),
        }
    }

    /// Ends the connection, if there is one. One that was ended by the gateway needs no RST of its client's.
    pub(super) fn hang_up(&mut self, gateway: &mut Gateway) -> Told {
        if !self.is_open {
            return Told::default();
        }
        let flags = TcpFlags::RST | TcpFlags::ACK;
        let frame = self.stream.segment(Direction::ToServer, 0, flags, &[]);
        let told = self.carry(gateway, Direction::ToServer, &frame);
        match told.is_accepted() {
            true => told,
            false => Told::default(),
        }
    }

    /// Sends bytes the way the service carries them. Of several segments, the first that isn't
    /// accepted is the one to tell of; those before the last are acknowledged, as long messages need.
    fn send(&mut self, gateway: &mut Gateway, direction: Direction, bytes: &[u8]) -> Told {
        if self.service.is_udp() {
            if bytes.len() > DATAGRAM_BYTES {
                return Told::unsent();
            }
            let frame = self.stream.ends.datagram(direction, bytes);
            return self.carry(gateway, direction, &frame);
        }
        let mut told = self.open(gateway);
        if !told.is_accepted() {
            return told;
        }
        for (at, chunk) in bytes.chunks(SEGMENT_BYTES).enumerate() {
            if at > 0 {
                let back = direction.reverse();
                let frame = self.stream.segment(back, 0, TcpFlags::ACK, &[]);
                self.carry(gateway, back, &frame);
            }
            let flags = TcpFlags::ACK | TcpFlags::PSH;
            let frame = self.stream.segment(direction, 0, flags, chunk);
            self.stream.advance(direction, chunk.len());
            told = self.carry(gateway, direction, &frame);
            if !told.is_accepted() {
                break;
            }
        }
        told
    }

    /// Opens the connection if need be: what became of the handshake, up to where it failed.
    fn open(&mut self, gateway: &mut Gateway) -> Told {
        let mut told = Told::default();
        if self.is_open {
            return told;
        }
        self.is_open = true;
        for (direction, flags) in HANDSHAKE {
            let frame = self.stream.segment(direction, 0, flags, &[]);
            let control = usize::from(flags.contains(TcpFlags::SYN));
            self.stream.advance(direction, control);
            told = self.carry(gateway, direction, &frame);
            if !told.is_accepted() {
                break;
            }
        }
        told
    }

    fn carry(&mut self, gateway: &mut Gateway, direction: Direction, frame: &[u8]) -> Told {
        let events = gateway.record.events.len();
        let side = self.stream.ends.side_of_sender(direction);
        let outcome = gateway.carry(side, frame).outcome;
        Told::new(&outcome, &gateway.record.events[events..])
    }
}
