//! By what is counted apart: whose share it is, and how much of an IPv6 address tells one from another.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};
use wire::Direction;

use super::{Limit, Per};
use crate::Subject;

/// `per`, and `ipv6_prefix` where it counts addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Apart {
    /// Whose share is counted.
    pub per: Per,
    /// How many IPv6 addresses are one.
    pub ipv6_prefix: Ipv6Prefix,
}

impl From<Per> for Apart {
    fn from(per: Per) -> Self {
        let ipv6_prefix = Ipv6Prefix::default();
        Self { per, ipv6_prefix }
    }
}

impl Apart {
    /// Whether what this tells apart, `other` does.
    pub(super) fn is_coarser_than(self, other: Self) -> bool {
        self.per == other.per && self.ipv6_prefix <= other.ipv6_prefix
    }
}

/// How many bits of IPv6 addresses tell those apart that are counted.
///
/// An IPv4 address is one, and so is an IPv6 address that begins with 000: it has no interface identifier behind 64
/// bits (RFC 4291 §2.5.1), and may well stand for an IPv4 address (RFC 4291 §2.5.5.2, RFC 6052 §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ipv6Prefix(u8);

impl Default for Ipv6Prefix {
    fn default() -> Self {
        Self(Self::MOST)
    }
}

impl Ipv6Prefix {
    /// Each address by itself.
    pub(super) const MOST: u8 = 128;

    /// Of so many bits, if addresses have them.
    #[must_use]
    pub fn new(bits: u8) -> Option<Self> {
        (1..=Self::MOST).contains(&bits).then_some(Self(bits))
    }

    /// How many bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether each address is counted by itself.
    #[must_use]
    pub const fn is_whole(self) -> bool {
        self.0 == Self::MOST
    }

    /// What is counted as one with this address.
    #[must_use]
    pub fn network(self, address: IpAddr) -> IpNet {
        match address {
            IpAddr::V6(v6) if !is_special(v6) => Ipv6Net::new(v6, self.0)
                .map_or_else(|_| address.into(), |network| network.trunc().into()),
            _ => address.into(),
        }
    }
}

/// Whether it begins with 000.
const fn is_special(address: Ipv6Addr) -> bool {
    address.octets()[0] >> 5 == 0
}

impl Limit {
    /// The address by which it counts a message, if it counts by one. What is held is the client's, whoever speaks.
    pub(crate) fn address(&self, subject: &Subject<'_>) -> Option<IpAddr> {
        let is_reversed = matches!(self, Self::Max(_)) && subject.direction == Direction::ToClient;
        let ends = &subject.endpoints;
        match (self.apart().per, is_reversed) {
            (Per::Client, _) => Some(subject.client()),
            (Per::Source, false) | (Per::Destination, true) => Some(ends.source),
            (Per::Destination, false) | (Per::Source, true) => Some(ends.destination),
            (Per::Flow | Per::ClientId | Per::Username | Per::Topic | Per::Zone, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_of_ipv6_alone() {
        for (bits, address, network) in [
            (64, "2001:db8:7:1:aaaa::9", "2001:db8:7:1::/64"),
            (56, "2001:db8:7:1:aaaa::9", "2001:db8:7::/56"),
            (1, "fd00:20::7", "8000::/1"),
            (128, "fd00:20::7", "fd00:20::7/128"),
            (64, "fe80::7", "fe80::/64"),
            (64, "10.20.0.7", "10.20.0.7/32"),
            (8, "10.20.0.7", "10.20.0.7/32"),
            (64, "::ffff:10.20.0.7", "::ffff:10.20.0.7/128"),
            (64, "64:ff9b::10.20.0.7", "64:ff9b::a14:7/128"),
            (64, "::", "::/128"),
        ] {
            let address = address.parse().expect("an address");
            let prefix = Ipv6Prefix::new(bits).expect("so many bits");
            let found = prefix.network(address);
            assert_eq!(
                found,
                network.parse().expect("a network"),
                "{address}/{bits}"
            );
        }
        assert_eq!(Ipv6Prefix::new(0), None);
        assert_eq!(Ipv6Prefix::new(129), None);
    }
}
