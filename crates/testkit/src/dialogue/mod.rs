//! A reference client and a reference broker that talk by chance and by the book (MQTT 3.1, 3.1.1,
//! 5.0): what passes between them is legal, whatever crosses on the way.
//!
//! They share no code with the inspector's own idea of a session. A packet passes the gateway when it is
//! sent, and is heard by the other end some time later, so that each end acts on what it has heard.

mod peer;
mod terms;
mod words;

use std::collections::VecDeque;

use wire::Direction;
use wire::mqtt::Version;

use crate::network::Random;

pub use peer::{Out, Peer};
pub use terms::Takes;

/// What a packet says, for the end that hears it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meaning {
    Connect,
    ConnAck { accepts: bool },
    Publish { qos: u8, id: u16 },
    PubAck(u16),
    PubRec { id: u16, is_error: bool },
    PubRel(u16),
    PubComp(u16),
    Subscribe { id: u16, filters: usize },
    SubAck(u16),
    Unsubscribe { id: u16, filters: usize },
    UnsubAck(u16),
    PingReq,
    PingResp,
    Disconnect,
    Auth(u8),
}

/// A packet with its meaning.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) bytes: Vec<u8>,
    pub(crate) meaning: Meaning,
}

/// A client and its broker.
#[derive(Debug)]
pub struct Dialogue {
    /// What they speak.
    pub version: Version,
    /// By the direction of what they say: the client, the broker.
    pub peers: [Peer; 2],
    /// By direction: passed the gateway, and not heard yet.
    under_way: [VecDeque<Said>; 2],
    random: Random,
}

const DIRECTIONS: [Direction; 2] = [Direction::ToServer, Direction::ToClient];

impl Dialogue {
    /// A dialogue that hasn't begun.
    #[must_use]
    pub fn new(version: Version, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let takes = [(); 2].map(|()| Takes::by_chance(version, &mut random));
        let has_method = version == Version::V5 && random.once_in(4);
        let is_clean = random.once_in(2);
        let peer = |direction: Direction| {
            // What one end takes is what the other has to keep to.
            let [own, others] = [direction, direction.reverse()].map(|d| takes[d as usize]);
            let mut peer = Peer::new(version, direction, own, others);
            (peer.has_method, peer.is_clean) = (has_method, is_clean);
            peer
        };
        Self {
            version,
            peers: DIRECTIONS.map(peer),
            under_way: Default::default(),
            random,
        }
    }

    /// The next packet that passes the gateway; none if nobody has anything left to say.
    pub fn next_packet(&mut self) -> Option<(Direction, Vec<u8>)> {
        for _ in 0..1000 {
            let direction = DIRECTIONS[self.random.below(2)];
            if self.random.once_in(2) {
                self.hear(direction);
                continue;
            }
            let peer = &mut self.peers[direction as usize];
            if let Some(said) = peer.speak(&mut self.random) {
                let bytes = said.bytes.clone();
                self.under_way[direction as usize].push_back(said);
                return Some((direction, bytes));
            }
        }
        None
    }

    /// Has the receiver of a direction hear the next packet.
    fn hear(&mut self, direction: Direction) {
        if let Some(said) = self.under_way[direction as usize].pop_front() {
            let receiver = &mut self.peers[direction.reverse() as usize];
            receiver.hear(&said.meaning, &mut self.random);
        }
    }

    /// What still has to be said until both ends wait for nothing.
    pub fn wind_up(&mut self) -> Vec<(Direction, Vec<u8>)> {
        let mut passed = Vec::new();
        loop {
            let before = passed.len();
            for direction in DIRECTIONS {
                while !self.under_way[direction as usize].is_empty() {
                    self.hear(direction);
                }
                while let Some(said) = self.peers[direction as usize].answer() {
                    passed.push((direction, said.bytes.clone()));
                    self.under_way[direction as usize].push_back(said);
                }
            }
            let is_silent = self.under_way.iter().all(VecDeque::is_empty);
            if passed.len() == before && is_silent {
                return passed;
            }
        }
    }

    /// The connection is lost, and whatever was on its way; a session that isn't clean goes on with
    /// the next one. False if there is none to go on with.
    pub fn reconnect(&mut self) -> bool {
        self.under_way.iter_mut().for_each(VecDeque::clear);
        let [client, server] = &mut self.peers;
        client.lose_connection();
        server.lose_connection();
        let goes_on = !client.is_clean && server.knows_session;
        server.is_resumed = goes_on;
        goes_on
    }

    /// Whether the client is let in, and neither end has said goodbye.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.peers.iter().all(Peer::is_open)
    }

    /// Whether the client has asked for something, so that its server may send it messages.
    #[must_use]
    pub fn has_asked(&self) -> bool {
        self.peers[1].is_asked
    }

    /// Whether the session begins and ends with its connection.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.peers[0].is_clean
    }

    /// Whether the client names an authentication method.
    #[must_use]
    pub fn has_method(&self) -> bool {
        self.peers[0].has_method
    }
}
