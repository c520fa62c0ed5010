//! Sets of addresses: sorted ranges, asked by binary search.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};
use wire::Direction;

use super::condition::Party;
use super::list::List;
use crate::Side;

/// All addresses of each family.
const FAMILIES: [IpNet; 2] = [
    IpNet::new_assert(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
    IpNet::new_assert(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0),
];

/// So many addresses are written one by one.
const FEW: u128 = 8;

/// A set of networks of both families.
///
/// IPv4-mapped IPv6 addresses are not IPv4 addresses here: on the wire they are a trick.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Networks {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
}

impl Networks {
    pub(crate) fn new(networks: &[IpNet]) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for network in networks {
            match network {
                IpNet::V4(net) => v4.push((net.network().to_bits(), net.broadcast().to_bits())),
                IpNet::V6(net) => v6.push((net.network().to_bits(), net.broadcast().to_bits())),
            }
        }
        Self {
            v4: Ranges::new(v4),
            v6: Ranges::new(v6),
        }
    }

    /// All addresses of IPv4, and all of IPv6.
    pub(crate) fn families() -> [Self; 2] {
        FAMILIES.map(|all| Self::new(&[all]))
    }

    /// The fewest networks that make up the set.
    pub(crate) fn subnets(&self) -> impl Iterator<Item = IpNet> {
        let v4 = self.v4.first.iter().zip(&self.v4.last);
        let v4 = v4.flat_map(|(first, last)| Ipv4Subnets::new((*first).into(), (*last).into(), 0));
        let v6 = self.v6.first.iter().zip(&self.v6.last);
        let v6 = v6.flat_map(|(first, last)| Ipv6Subnets::new((*first).into(), (*last).into(), 0));
        v4.map(IpNet::V4).chain(v6.map(IpNet::V6))
    }

    /// Whether all of `other` is in this set.
    pub(super) fn takes_in(&self, other: &Self) -> bool {
        self.v4.takes_in(&other.v4) && self.v6.takes_in(&other.v6)
    }

    /// Whether some address is in both sets.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.v4.meets(&other.v4) || self.v6.meets(&other.v6)
    }

    /// Whether all addresses of both families are in it.
    fn is_everything(&self) -> bool {
        self.v4.holds(0, u32::MAX) && self.v6.holds(0, u128::MAX)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.v4.first.is_empty() && self.v6.first.is_empty()
    }

    /// How many addresses are in it.
    fn count(&self) -> u128 {
        let v4 = self.v4.first.iter().zip(&self.v4.last);
        let v4 = v4.map(|(first, last)| u128::from(last - first) + 1);
        let v6 = self.v6.first.iter().zip(&self.v6.last);
        let v6 = v6.map(|(first, last)| (last - first).saturating_add(1));
        v4.chain(v6).fold(0, u128::saturating_add)
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.v4.contains(address.to_bits()),
            IpAddr::V6(address) => self.v6.contains(address.to_bits()),
        }
    }
}

/// The bits of an address.
trait Address: Copy + Ord {
    /// Those of the next one; there is none behind the last.
    fn next(self) -> Option<Self>;
}

impl Address for u32 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl Address for u128 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
}

/// Ranges with both ends, ascending, with room between them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct Ranges<T> {
    first: Box<[T]>,
    last: Box<[T]>,
}

impl<T: Address> Ranges<T> {
    fn new(mut ranges: Vec<(T, T)>) -> Self {
        ranges.sort_unstable();
        let mut apart: Vec<(T, T)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match apart.last_mut() {
                Some(before) if before.1.next().is_none_or(|next| first <= next) => {
                    before.1 = before.1.max(last);
                }
                _ => apart.push((first, last)),
            }
        }
        let (first, last): (Vec<T>, Vec<T>) = apart.into_iter().unzip();
        Self {
            first: first.into(),
            last: last.into(),
        }
    }

    fn contains(&self, value: T) -> bool {
        self.holds(value, value)
    }

    /// Whether one range holds both ends.
    fn holds(&self, first: T, last: T) -> bool {
        let after = self.first.partition_point(|mine| *mine <= first);
        after > 0 && last <= self.last[after - 1]
    }

    fn takes_in(&self, other: &Self) -> bool {
        let mut ranges = other.first.iter().zip(&other.last);
        ranges.all(|(first, last)| self.holds(*first, *last))
    }

    fn meets(&self, other: &Self) -> bool {
        let mut ranges = other.first.iter().zip(&other.last);
        ranges.any(|(first, last)| {
            let begun = self.first.partition_point(|mine| mine <= last);
            begun > 0 && *first <= self.last[begun - 1]
        })
    }
}

/// One entry of an address condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Addresses {
    /// `inside` or `outside`.
    Side(Side),
    /// A zone, shared by all rules that name it.
    Zone(Arc<Networks>),
    /// The networks the rule lists itself.
    Own(Networks),
}

impl Addresses {
    /// The zone, if it is one.
    pub(super) fn zone(&self) -> Option<&Arc<Networks>> {
        match self {
            Self::Zone(networks) => Some(networks),
            Self::Side(_) | Self::Own(_) => None,
        }
    }

    /// The networks, of what isn't a side.
    pub(super) fn networks(&self) -> Option<&Networks> {
        match self {
            Self::Side(_) => None,
            Self::Zone(networks) => Some(networks),
            Self::Own(networks) => Some(networks),
        }
    }

    fn holds(&self, address: IpAddr, side: Side) -> bool {
        match self {
            Self::Side(wanted) => *wanted == side,
            Self::Zone(networks) => networks.contains(address),
            Self::Own(networks) => networks.contains(address),
        }
    }
}

impl Party {
    /// Whether it is the sender of what goes in a direction.
    #[inline]
    pub(crate) fn sends(self, direction: Direction) -> bool {
        match self {
            Self::Source => true,
            Self::Destination => false,
            Self::Client => direction == Direction::ToServer,
            Self::Server => direction == Direction::ToClient,
        }
    }

    /// What else the same end is called of what goes in a direction.
    pub(crate) fn by_other_name(self, direction: Direction) -> Self {
        match (self, direction) {
            (Self::Client, _) if self.sends(direction) => Self::Source,
            (Self::Server, _) if self.sends(direction) => Self::Source,
            (Self::Client | Self::Server, _) => Self::Destination,
            (Self::Source, Direction::ToServer) | (Self::Destination, Direction::ToClient) => {
                Self::Client
            }
            (Self::Source | Self::Destination, _) => Self::Server,
        }
    }
}

impl List<Addresses> {
    pub(crate) fn holds_for(&self, address: IpAddr, side: Side) -> bool {
        self.holds(|entry| entry.holds(address, side))
    }

    /// Whether it names no more addresses than are written one by one. What only excludes names all others.
    pub(crate) fn is_of_few(&self) -> bool {
        let count = |entry: &Addresses| entry.networks().map_or(u128::MAX, Networks::count);
        let counts = self.any_of.iter().map(count);
        !self.any_of.is_empty() && counts.fold(0, u128::saturating_add) <= FEW
    }

    /// Whether every address fits, as far as two sides or one set of networks say it.
    pub(super) fn is_everywhere(&self) -> bool {
        let names_side = |side: &Side| self.any_of.contains(&Addresses::Side(*side));
        let mut networks = self.any_of.iter().filter_map(Addresses::networks);
        self.none_of.is_empty()
            && (Side::ALL.iter().all(names_side) || networks.any(Networks::is_everything))
    }

    /// Whether it excludes both sides.
    pub(crate) fn leaves_no_side(&self) -> bool {
        let mut sides = Side::ALL.iter();
        sides.all(|side| self.none_of.contains(&Addresses::Side(*side)))
    }

    /// Whether an address on a side may fit, as far as sides say it: networks may be on either.
    pub(crate) fn may_hold_on(&self, side: Side) -> bool {
        let may_be = |entry: &Addresses| !matches!(entry, Addresses::Side(other) if *other != side);
        (self.any_of.is_empty() || self.any_of.iter().any(may_be))
            && !self.none_of.contains(&Addresses::Side(side))
    }

    /// Whether an address of these may fit, as far as one entry says it. Zones may be filled later.
    pub(crate) fn may_hold_in(&self, family: &Networks) -> bool {
        let mut excluded = self.none_of.iter().filter_map(Addresses::networks);
        let meets = |entry: &Addresses| match entry {
            Addresses::Own(networks) => networks.meets(family),
            Addresses::Zone(_) | Addresses::Side(_) => true,
        };
        (self.any_of.is_empty() || self.any_of.iter().any(meets))
            && !excluded.any(|excluded| excluded.takes_in(family))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn networks(list: &[&str]) -> Networks {
        let nets: Vec<IpNet> = list.iter().map(|n| n.parse().expect("a network")).collect();
        Networks::new(&nets)
    }

    #[test]
    fn finds_members_of_both_families() {
        let set = networks(&[
            "10.20.0.0/16",
            "10.30.0.9/32",
            "fd00:20::/48",
            "10.20.1.0/24",
        ]);
        for (address, inside) in [
            ("10.20.0.0", true),
            ("10.20.255.255", true),
            ("10.21.0.0", false),
            ("10.19.255.255", false),
            ("10.30.0.9", true),
            ("10.30.0.8", false),
            ("fd00:20::1", true),
            ("fd00:21::1", false),
            ("::ffff:10.20.0.1", false),
        ] {
            let address = address.parse().expect("an address");
            assert_eq!(set.contains(address), inside, "{address}");
        }
        assert!(networks(&["0.0.0.0/0"]).contains("255.255.255.255".parse().expect("an address")));
        assert!(!networks(&["0.0.0.0/0"]).contains("::".parse().expect("an address")));
    }

    proptest! {
        #[test]
        fn agrees_with_asking_every_network(
            nets in prop::collection::vec((any::<u32>(), 0u8..=32), 0..20),
            probe in any::<u32>(),
        ) {
            let nets: Vec<IpNet> = nets
                .into_iter()
                .map(|(bits, len)| IpNet::new(IpAddr::V4(bits.into()), len).expect("a length"))
                .collect();
            let set = Networks::new(&nets);
            let probes = nets.iter().map(|n| n.network()).chain([IpAddr::V4(probe.into())]);
            for probe in probes {
                prop_assert_eq!(set.contains(probe), nets.iter().any(|n| n.contains(&probe)));
            }
        }
    }
}
