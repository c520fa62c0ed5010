//! The sources that the program keeps out.

mod family;
mod lengths;

use std::net::{Ipv4Addr, Ipv6Addr};

use abi::ban::{self, V4, V6};
use aya::maps::{Map, MapError};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::pins::Pins;
use super::{Error, maps};

use family::{Family, Names};

const FAMILY_V4: Names = Names {
    entries: ban::ENTRIES_V4,
    lengths: ban::LENGTHS_V4,
};
const FAMILY_V6: Names = Names {
    entries: ban::ENTRIES_V6,
    lengths: ban::LENGTHS_V6,
};

/// Addresses and prefixes whose frames of services the program drops.
///
/// Of services only: Weir stands before those, other traffic shall not pay for the look-up, and no
/// rule gone wrong can lock anyone out of the rest of a network.
///
/// An entry holds until its expiry, in nanoseconds of `CLOCK_MONOTONIC`, and takes room until it is
/// lifted. Of those that cover a source the longest that holds counts. Only one list at a time may
/// change the maps: it knows how many prefixes of each length there are.
pub struct BlockList {
    v4: Family<1>,
    v6: Family<3>,
}

impl BlockList {
    pub(super) fn open(pins: &Pins) -> Result<Self, Error> {
        Self::over(|name| maps::pinned(pins, name))
    }

    /// The list that these maps are, with what is on it.
    ///
    /// # Errors
    /// A map isn't there, or can't be read or written.
    pub fn over(mut map: impl FnMut(&'static str) -> Result<Map, MapError>) -> Result<Self, Error> {
        Ok(Self {
            v4: Family::open(FAMILY_V4, ban::SLOT_BITS_V4, &mut map)?,
            v6: Family::open(FAMILY_V6, ban::SLOT_BITS_V6, &mut map)?,
        })
    }

    /// Keeps `source` out until `expires_ns` ([`ban::FOREVER_NS`]: for good).
    ///
    /// # Errors
    /// The list is full or can't be written.
    pub fn place(&mut self, source: IpNet, expires_ns: u64) -> Result<(), Error> {
        match source {
            IpNet::V4(net) => self.v4.place(of_v4(net), expires_ns),
            IpNet::V6(net) => self.v6.place(of_v6(net), expires_ns),
        }
    }

    /// Lets `source` in again; false if it wasn't kept out.
    ///
    /// # Errors
    /// The list can't be written.
    pub fn lift(&mut self, source: IpNet) -> Result<bool, Error> {
        match source {
            IpNet::V4(net) => self.v4.lift(of_v4(net)),
            IpNet::V6(net) => self.v6.lift(of_v6(net)),
        }
    }

    /// All entries with their expiries, those that are over included.
    ///
    /// # Errors
    /// The list can't be read.
    pub fn entries(&self) -> Result<Vec<(IpNet, u64)>, Error> {
        let mut entries = Vec::new();
        for entry in self.v4.entries() {
            let (prefix, expires_ns) = entry?;
            entries.extend(to_v4(&prefix).map(|net| (net, expires_ns)));
        }
        for entry in self.v6.entries() {
            let (prefix, expires_ns) = entry?;
            entries.extend(to_v6(&prefix).map(|net| (net, expires_ns)));
        }
        Ok(entries)
    }
}

fn of_v4(net: Ipv4Net) -> V4 {
    let (at, end) = ban::end(net.prefix_len().into());
    ban::prefix(&ban::v4(net.addr().octets()), at, end)
}

fn of_v6(net: Ipv6Net) -> V6 {
    let (at, end) = ban::end(net.prefix_len().into());
    ban::prefix(&ban::v6(net.addr().octets()), at, end)
}

/// The network of a prefix; none for a length no address has.
fn to_v4(prefix: &V4) -> Option<IpNet> {
    let ([bits], length) = ban::parts(prefix);
    let address = Ipv4Addr::from((bits >> 32) as u32);
    Ipv4Net::new(address, u8::try_from(length).ok()?)
        .ok()
        .map(IpNet::V4)
}

fn to_v6(prefix: &V6) -> Option<IpNet> {
    let ([high, low, _], length) = ban::parts(prefix);
    let address = Ipv6Addr::from(u128::from(high) << 64 | u128::from(low));
    Ipv6Net::new(address, u8::try_from(length).ok()?)
        .ok()
        .map(IpNet::V6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_the_networks_they_came_from() {
        for text in [
            "0.0.0.0/0",
            "10.20.30.40/32",
            "10.20.0.0/15",
            "255.255.255.254/31",
        ] {
            let net: Ipv4Net = text.parse().expect("a network");
            assert_eq!(to_v4(&of_v4(net)), Some(IpNet::V4(net)));
        }
        for text in [
            "::/0",
            "::/64",
            "::/128",
            "fd00::/16",
            "fd00:20::1:0:0:0/65",
            "ffff::1/128",
        ] {
            let net: Ipv6Net = text.parse().expect("a network");
            assert_eq!(to_v6(&of_v6(net)), Some(IpNet::V6(net)));
        }
        let untidy = "10.20.30.40/16".parse().expect("a network");
        let tidy = "10.20.0.0/16".parse().expect("a network");
        assert_eq!(of_v4(untidy), of_v4(tidy));
        assert_eq!(to_v4(&[1]), None, "longer than an address");
    }
}
