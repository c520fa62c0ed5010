//! Who has no budget left.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use abi::Outcome;
use abi::budget::{self, Bucket};
use aya::maps::{Array, MapData};
use ipnet::{IpNet, Ipv6Net};

use super::heartbeat::monotonic_ns;
use super::pins::Pins;
use super::{Error, maps};

/// Whose budgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Whose {
    /// Of those who send.
    Sources,
    /// Of those who are sent responses.
    Clients,
}

impl Whose {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Sources, Self::Clients];

    /// What becomes of a frame when nothing is left.
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Sources => Outcome::OverBudget,
            Self::Clients => Outcome::OverClientBudget,
        }
    }

    const fn map(self) -> &'static str {
        match self {
            Self::Sources => budget::BUCKETS,
            Self::Clients => budget::CLIENT_BUCKETS,
        }
    }
}

/// A reader of the packet budgets, independent of the rest of the data plane.
pub struct Budgets {
    maps: [Array<MapData, Bucket>; 2],
}

impl Budgets {
    pub(super) fn open(pins: &Pins) -> Result<Self, Error> {
        let [sources, clients] = Whose::ALL.map(|whose| maps::open(pins, whose.map()));
        Ok(Self {
            maps: [sources?, clients?],
        })
    }

    /// Sources or clients, `max` at most, whose frames were dropped lately: whose buckets were as good
    /// as empty within the `last` time. Where two share a bucket, it is the one that was dropped last.
    /// Reads all buckets, which takes some ten milliseconds.
    ///
    /// # Errors
    /// The map can't be read.
    pub fn exhausted(
        &self,
        whose: Whose,
        last: Duration,
        burst_ns: u64,
        max: usize,
    ) -> Result<Vec<IpNet>, Error> {
        let last = u64::try_from(last.as_nanos()).unwrap_or(u64::MAX);
        let empty_at = monotonic_ns().saturating_sub(last).saturating_add(burst_ns);
        let mut addresses = Vec::new();
        for bucket in self.maps[whose as usize].iter() {
            let [full_at, address] = bucket.map_err(|error| Error::map(whose.map(), error))?;
            if address != 0 && full_at >= empty_at && addresses.len() < max {
                addresses.push(network(address));
            }
        }
        Ok(addresses)
    }
}

/// The address or network that a bucket's word stands for.
fn network(word: u64) -> IpNet {
    if let Ok(address) = u32::try_from(word) {
        return IpNet::V4(Ipv4Addr::from(address).into());
    }
    let prefix = Ipv6Addr::from(u128::from(word) << 64);
    IpNet::V6(Ipv6Net::new_assert(prefix, 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_sources_they_came_from() {
        assert_eq!(
            network(budget::of_ipv4([192, 0, 2, 7])).to_string(),
            "192.0.2.7/32"
        );
        let address: Ipv6Addr = "2001:db8:1:2:3:4:5:6".parse().expect("an address");
        let word = budget::of_ipv6(address.octets());
        assert_eq!(network(word).to_string(), "2001:db8:1:2::/64");
    }
}
