//! A scripted TCP connection: every segment as the test says.

use std::net::IpAddr;

use policy::Side;
use wire::Direction;
use wire::net::build::{self, Path, TcpSegment};
use wire::net::{MacAddr, Packet, Tcp, TcpFlags, Transport};

use super::{Gateway, Passage};

/// One end of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Hardware address.
    pub mac: MacAddr,
    /// Address.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
}

/// A client, a server, and where the client stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// The client.
    pub client: End,
    /// The server.
    pub server: End,
    /// The client's side; the server stands on the other.
    pub client_side: Side,
}

impl Ends {
    /// A device inside, number `n`, and a server of `port` outside, over IPv4.
    #[must_use]
    pub fn v4(n: u16, port: u16) -> Self {
        let [high, low] = n.to_be_bytes();
        Self::of([10, 20, high, low].into(), [192, 0, 2, 1].into(), n, port)
    }

    /// As [`Ends::v4`], over IPv6.
    #[must_use]
    pub fn v6(n: u16, port: u16) -> Self {
        let client = [0xfd00, 0x20, 0, 0, 0, 0, 0, n];
        Self::of(client.into(), [0xfd00, 0, 0, 0, 0, 0, 0, 1].into(), n, port)
    }

    /// A device at `client` inside and a server at `server` outside.
    #[must_use]
    pub fn of(client: IpAddr, server: IpAddr, n: u16, port: u16) -> Self {
        let [high, low] = n.to_be_bytes();
        Self {
            client: End {
                mac: [2, 0, 0, 1, high, low],
                address: client,
                port: 40_000 | (n & 0x0fff),
            },
            server: End {
                mac: [2, 0, 0, 2, 0, 1],
                address: server,
                port,
            },
            client_side: Side::Inside,
        }
    }

    /// The path of a frame that goes this way.
    #[must_use]
    pub fn path(&self, direction: Direction) -> Path {
        let path = Path {
            source_mac: self.client.mac,
            destination_mac: self.server.mac,
            vlan: None,
            source: self.client.address,
            destination: self.server.address,
            source_port: self.client.port,
            destination_port: self.server.port,
            hop_limit: build::HOP_LIMIT,
        };
        match direction {
            Direction::ToServer => path,
            Direction::ToClient => path.reversed(),
        }
    }

    /// The side a frame that goes this way comes in at.
    #[must_use]
    pub fn side_of_sender(&self, direction: Direction) -> Side {
        match direction {
            Direction::ToServer => self.client_side,
            Direction::ToClient => self.client_side.opposite(),
        }
    }

    /// A UDP datagram that goes this way.
    ///
    /// # Panics
    /// When the payload is too large for IP.
    #[must_use]
    pub fn datagram(&self, direction: Direction, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; payload.len() + 100];
        let len = build::udp_datagram(&mut frame, &self.path(direction), payload);
        frame.truncate(len.expect("a payload that fits IP"));
        frame
    }
}

/// A TCP connection of which both ends are the test.
#[derive(Debug, Clone, Copy)]
pub struct Stream {
    /// Who talks.
    pub ends: Ends,
    /// The next sequence number of each direction.
    next: [u32; 2],
}

const DIRECTIONS: [Direction; 2] = [Direction::ToServer, Direction::ToClient];

impl Stream {
    /// A connection to be opened, with initial sequence numbers that wrap soon.
    #[must_use]
    pub fn new(ends: Ends) -> Self {
        Self {
            ends,
            next: [u32::MAX - 20, u32::MAX - 7],
        }
    }

    /// The next sequence number of a direction.
    #[must_use]
    pub fn next(&self, direction: Direction) -> u32 {
        self.next[direction as usize]
    }

    /// Moves a direction's sequence number on, as if bytes had been sent.
    pub fn advance(&mut self, direction: Direction, len: usize) {
        let next = &mut self.next[direction as usize];
        *next = next.wrapping_add(len as u32);
    }

    /// A segment `offset` bytes from the direction's next one; nothing moves on.
    ///
    /// # Panics
    /// When the payload is too large for IP.
    #[must_use]
    pub fn segment(
        &self,
        direction: Direction,
        offset: i64,
        flags: TcpFlags,
        payload: &[u8],
    ) -> Vec<u8> {
        let ack = match flags.contains(TcpFlags::ACK) {
            true => self.next(direction.reverse()),
            false => 0,
        };
        let segment = TcpSegment {
            seq: self.next(direction).wrapping_add(offset as u32),
            ack,
            flags,
            window: 0xffff,
            options: if flags.contains(TcpFlags::SYN) {
                &SYN_OPTIONS
            } else {
                &[]
            },
            payload,
        };
        self.raw(direction, &segment)
    }

    /// Any segment at all.
    ///
    /// # Panics
    /// When the payload is too large for IP.
    #[must_use]
    pub fn raw(&self, direction: Direction, segment: &TcpSegment<'_>) -> Vec<u8> {
        let mut frame = vec![0; segment.payload.len() + 120];
        let len = build::tcp_segment(&mut frame, &self.ends.path(direction), segment);
        frame.truncate(len.expect("a payload that fits IP"));
        frame
    }

    /// Carries a segment through the gateway and moves on past it.
    pub fn send(
        &mut self,
        gateway: &mut Gateway,
        direction: Direction,
        flags: TcpFlags,
        payload: &[u8],
    ) -> Passage {
        let frame = self.segment(direction, 0, flags, payload);
        let control = [TcpFlags::SYN, TcpFlags::FIN].map(|flag| usize::from(flags.contains(flag)));
        self.advance(direction, payload.len() + control[0] + control[1]);
        gateway.carry(self.ends.side_of_sender(direction), &frame)
    }

    /// Carries data.
    pub fn data(&mut self, gateway: &mut Gateway, direction: Direction, payload: &[u8]) -> Passage {
        self.send(gateway, direction, TcpFlags::ACK | TcpFlags::PSH, payload)
    }

    /// Carries a pure acknowledgement.
    pub fn ack(&mut self, gateway: &mut Gateway, direction: Direction) -> Passage {
        self.send(gateway, direction, TcpFlags::ACK, &[])
    }

    /// Carries a segment `offset` bytes from the next one.
    pub fn data_at(
        &self,
        gateway: &mut Gateway,
        direction: Direction,
        offset: i64,
        payload: &[u8],
    ) -> Passage {
        let frame = self.segment(direction, offset, TcpFlags::ACK | TcpFlags::PSH, payload);
        gateway.carry(self.ends.side_of_sender(direction), &frame)
    }

    /// Opens the connection.
    ///
    /// # Panics
    /// When the gateway doesn't let it.
    pub fn open(&mut self, gateway: &mut Gateway) {
        let handshake = [
            (Direction::ToServer, TcpFlags::SYN),
            (Direction::ToClient, TcpFlags::SYN | TcpFlags::ACK),
            (Direction::ToServer, TcpFlags::ACK),
        ];
        for (direction, flags) in handshake {
            let passage = self.send(gateway, direction, flags, &[]);
            assert!(passage.outcome.forward, "{flags:?}: {:?}", passage.outcome);
        }
    }

    /// Takes over the numbers of both directions from another script of the same connection.
    pub fn catch_up(&mut self, other: &Self) {
        for direction in DIRECTIONS {
            self.next[direction as usize] = other.next(direction);
        }
    }
}

/// MSS 1460, SACK permitted, window scale 7.
const SYN_OPTIONS: [u8; 12] = [2, 4, 5, 0xb4, 4, 2, 1, 1, 1, 3, 3, 7];

/// The TCP segment in a frame.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn tcp_of(frame: &[u8]) -> Tcp<'_> {
    let packet = Packet::decode(frame).expect("a well-formed frame");
    match packet.transport {
        Transport::Tcp(tcp) => tcp,
        other => panic!("not TCP: {other:?}"),
    }
}
