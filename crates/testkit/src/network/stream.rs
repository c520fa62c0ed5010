//! A scripted TCP connection through a gateway: every segment as the test says.

use std::net::{IpAddr, SocketAddr};

use policy::Side;
use wire::Direction;
use wire::mqtt::Version;
use wire::net::build::TcpSegment;
use wire::net::{Packet, Tcp, TcpFlags, Transport};

use super::{Gateway, Passage};
use crate::frames::{self, Connection, End, Path};
use crate::mqtt;

/// A client, a server, and where the client stands; the server stands on the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// From the client to the server.
    pub path: Path,
    /// The client's side.
    pub client_side: Side,
}

impl Ends {
    /// A device inside, number `n`, and a server of `port` outside, over IPv4.
    #[must_use]
    pub fn v4(n: u16, port: u16) -> Self {
        let [high, low] = n.to_be_bytes();
        let client = format!("10.20.{high}.{low}:40000");
        Self::of(&client, &format!("192.0.2.1:{port}"))
    }

    /// As [`Ends::v4`], over IPv6.
    #[must_use]
    pub fn v6(n: u16, port: u16) -> Self {
        let client = format!("[fd00:20::{n:x}]:40000");
        Self::of(&client, &format!("[fd00::1]:{port}"))
    }

    /// A client at one socket address inside, a server at another outside.
    #[must_use]
    pub fn of(client: &str, server: &str) -> Self {
        Self {
            path: frames::path(client, server),
            client_side: Side::Inside,
        }
    }

    /// A client at one address and port inside, a server at another outside.
    #[must_use]
    pub fn between(client: (IpAddr, u16), server: (IpAddr, u16)) -> Self {
        let [client, server] = [client, server].map(|end| SocketAddr::from(end).to_string());
        Self::of(&client, &server)
    }

    /// The path of a frame that goes this way.
    #[must_use]
    pub fn path(&self, direction: Direction) -> Path {
        match direction {
            Direction::ToServer => self.path,
            Direction::ToClient => self.path.reversed(),
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
    #[must_use]
    pub fn datagram(&self, direction: Direction, payload: &[u8]) -> Vec<u8> {
        frames::udp(&self.path(direction), payload)
    }
}

/// A TCP connection of which both ends are the test.
#[derive(Debug, Clone)]
pub struct Stream {
    /// Who talks.
    pub ends: Ends,
    connection: Connection,
}

impl Stream {
    /// A connection to be opened.
    #[must_use]
    pub fn new(ends: Ends) -> Self {
        let mut connection = Connection::new(ends.path);
        connection.window = WINDOW;
        Self { connection, ends }
    }

    /// The next sequence number of a direction.
    #[must_use]
    pub fn next(&self, direction: Direction) -> u32 {
        match sender(direction) {
            End::Client => self.connection.client_seq,
            End::Server => self.connection.server_seq,
        }
    }

    /// Moves a direction's sequence number on, as if bytes had been sent.
    pub fn advance(&mut self, direction: Direction, len: usize) {
        let next = match sender(direction) {
            End::Client => &mut self.connection.client_seq,
            End::Server => &mut self.connection.server_seq,
        };
        *next = next.wrapping_add(len as u32);
    }

    /// A segment `offset` bytes from the direction's next one; nothing moves on.
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
            window: self.connection.window,
            options: match flags.contains(TcpFlags::SYN) {
                true => &SYN_OPTIONS,
                false => &[],
            },
            payload,
        };
        self.raw(direction, &segment)
    }

    /// Any segment at all.
    #[must_use]
    pub fn raw(&self, direction: Direction, segment: &TcpSegment<'_>) -> Vec<u8> {
        frames::tcp(&self.ends.path(direction), segment)
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

    /// Carries data `offset` bytes from the next one; nothing moves on.
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

    /// Carries data that has to pass.
    ///
    /// # Panics
    /// When the gateway doesn't let it.
    pub fn passes(&mut self, gateway: &mut Gateway, direction: Direction, payload: &[u8]) {
        let passage = self.data(gateway, direction, payload);
        assert!(passage.outcome.forward, "{:?}", passage.outcome);
    }

    /// A connection whose MQTT session its server has accepted.
    ///
    /// # Panics
    /// When the gateway doesn't let it.
    #[must_use]
    pub fn session(gateway: &mut Gateway, ends: Ends, version: Version, client_id: &str) -> Self {
        let greetings = [mqtt::connect(version, client_id), mqtt::connack(version, 0)];
        Self::greeted(gateway, ends, greetings)
    }

    /// A connection past these two: the client's CONNECT and its server's CONNACK.
    ///
    /// # Panics
    /// When the gateway doesn't let them.
    #[must_use]
    pub fn greeted(gateway: &mut Gateway, ends: Ends, [connect, connack]: [Vec<u8>; 2]) -> Self {
        let mut stream = Self::new(ends);
        stream.open(gateway);
        stream.passes(gateway, Direction::ToServer, &connect);
        stream.passes(gateway, Direction::ToClient, &connack);
        stream
    }

    /// Opens the connection.
    ///
    /// # Panics
    /// When the gateway doesn't let it.
    pub fn open(&mut self, gateway: &mut Gateway) {
        for (direction, flags) in HANDSHAKE {
            let passage = self.send(gateway, direction, flags, &[]);
            assert!(passage.outcome.forward, "{flags:?}: {:?}", passage.outcome);
        }
    }
}

/// How a connection begins.
pub const HANDSHAKE: [(Direction, TcpFlags); 3] = [
    (Direction::ToServer, TcpFlags::SYN),
    (
        Direction::ToClient,
        TcpFlags(TcpFlags::SYN.0 | TcpFlags::ACK.0),
    ),
    (Direction::ToServer, TcpFlags::ACK),
];

/// Shifted by the scale below, 448 kB: as much as the inspector lets be offered.
const WINDOW: u16 = 3500;
/// MSS 1460, SACK permitted, window scale 7.
const SYN_OPTIONS: [u8; 12] = [2, 4, 5, 0xb4, 4, 2, 1, 1, 1, 3, 3, 7];

fn sender(direction: Direction) -> End {
    match direction {
        Direction::ToServer => End::Client,
        Direction::ToClient => End::Server,
    }
}

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
