//! Loses datagrams to and from servers, by chance from a seed: of each client, the same ones by their number
//! in every run with that seed. Some come twice, and some late.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

use testkit::network::Random;
use wire::net::{Packet, Transport};

use super::{Fate, Fates};

/// What chance does to datagrams.
#[derive(Debug, Clone, Copy)]
pub struct Chance {
    /// What it starts from.
    pub seed: u64,
    /// Of a thousand, so many are lost.
    pub lost: usize,
    /// Of a thousand, so many come twice.
    pub twice: usize,
    /// Of a thousand, so many come late.
    pub late: usize,
}

impl Chance {
    /// What becomes of a client's datagram of this number.
    fn fate(&self, client: IpAddr, number: u64) -> Fate {
        // Addresses of both families, and numbers, spread over the whole seed.
        let address = match client {
            IpAddr::V4(address) => u64::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits() as u64,
        };
        let mut seed = Random::new(self.seed ^ Random::new(address).number());
        let drawn = Random::new(seed.number() ^ number).below(1000);
        match drawn {
            drawn if drawn < self.lost => Fate::IsLost,
            drawn if drawn < self.lost + self.twice => Fate::ArrivesTwice,
            drawn if drawn < self.lost + self.twice + self.late => Fate::IsLate,
            _ => Fate::Arrives,
        }
    }
}

/// How many datagrams there were, and what became of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// All of them.
    pub all: u64,
    /// Those whose sender had sent the same before.
    pub repeated: u64,
    /// Lost ones.
    pub lost: u64,
    /// Those that came twice.
    pub twice: u64,
    /// Those that came late.
    pub late: u64,
}

impl Tally {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            all: self.all + other.all,
            repeated: self.repeated + other.repeated,
            lost: self.lost + other.lost,
            twice: self.twice + other.twice,
            late: self.late + other.late,
        }
    }
}

/// What becomes of the datagrams of one direction.
#[derive(Debug)]
pub struct Datagrams {
    chance: Chance,
    /// Ports of the servers.
    ports: &'static [u16],
    /// How many there were of each client.
    counts: HashMap<IpAddr, u64>,
    /// What was said, by digests.
    said: HashSet<u64>,
    tally: Tally,
}

impl Datagrams {
    /// Of clients with servers at `ports`.
    #[must_use]
    pub fn new(chance: Chance, ports: &'static [u16]) -> Self {
        Self {
            chance,
            ports,
            counts: HashMap::new(),
            said: HashSet::new(),
            tally: Tally::default(),
        }
    }

    /// How many there were.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }
}

impl Fates for Datagrams {
    fn of(&mut self, frame: &[u8]) -> Fate {
        let packet = Packet::decode(frame).expect("made by a kernel");
        let (Transport::Udp(udp), Some(ends)) = (packet.transport, packet.endpoints()) else {
            return Fate::Arrives;
        };
        let (source, destination) = ends;
        let is_server = |end: SocketAddr| self.ports.contains(&end.port());
        let client = match (is_server(source), is_server(destination)) {
            (false, true) => source.ip(),
            (true, false) => destination.ip(),
            _ => return Fate::Arrives,
        };
        let mut digest = DefaultHasher::new();
        (ends, udp.payload).hash(&mut digest);
        let number = self.counts.entry(client).or_default();
        let fate = self.chance.fate(client, *number);
        *number += 1;
        let tally = &mut self.tally;
        tally.all += 1;
        tally.repeated += u64::from(!self.said.insert(digest.finish()));
        match fate {
            Fate::Arrives => {}
            Fate::IsLost => tally.lost += 1,
            Fate::ArrivesTwice => tally.twice += 1,
            Fate::IsLate => tally.late += 1,
        }
        fate
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn chance_is_the_same_in_every_run_and_another_for_each_client() {
        let chance = Chance {
            seed: 7,
            lost: 50,
            twice: 10,
            late: 10,
        };
        let fates = |client| (0..10_000).map(move |number| chance.fate(client, number));
        let clients: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        for client in clients {
            assert!(fates(client).eq(fates(client)));
            let count = |wanted| fates(client).filter(|fate| *fate == wanted).count();
            assert!((400..600).contains(&count(Fate::IsLost)));
            assert!((70..130).contains(&count(Fate::ArrivesTwice)));
            assert!((70..130).contains(&count(Fate::IsLate)));
        }
        assert!(!fates(clients[0]).eq(fates(clients[1])));
    }
}
