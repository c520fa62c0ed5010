//! The hosts, and which addresses are theirs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

/// The hosts with addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// Sensors and such, at work.
    Devices,
    /// Tries what an attacker on the field network may try, each time from another address.
    Attacker,
    /// A bystander, whose addresses the attacker writes on his datagrams.
    Victim,
    /// The broker, the CoAP server and others.
    Servers,
}

impl Host {
    pub(super) const ALL: [Self; 4] = [Self::Devices, Self::Attacker, Self::Victim, Self::Servers];

    /// The name of its namespace, after the run's label.
    pub(super) fn role(self) -> &'static str {
        match self {
            Self::Devices => "devices",
            Self::Attacker => "attacker",
            Self::Victim => "victim",
            Self::Servers => "servers",
        }
    }

    /// The last octets of its addresses.
    pub(super) fn octets(self) -> RangeInclusive<u8> {
        match self {
            Self::Servers => 2..=9,
            Self::Devices => 10..=19,
            Self::Attacker => 100..=119,
            Self::Victim => 130..=199,
        }
    }
}

/// A version of the Internet Protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// IPv4, subnet 10.77.0.0/24.
    V4,
    /// IPv6, subnet fd77::/64.
    V6,
}

/// The address number `index` of a host.
///
/// # Panics
/// When the host has fewer addresses.
pub fn address(host: Host, index: u8, family: Family) -> IpAddr {
    let octets = host.octets();
    let octet = octets.start() + index;
    assert!(octets.contains(&octet), "{host:?} has no address {index}");
    match family {
        Family::V4 => Ipv4Addr::new(10, 77, 0, octet).into(),
        // In the text form both families end alike: 10.77.0.100 and fd77::100.
        Family::V6 => {
            let shown = u16::from_str_radix(&octet.to_string(), 16).expect("decimal digits");
            Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, shown).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_both_families_end_alike() {
        let both = |host, index| {
            [Family::V4, Family::V6].map(|family| address(host, index, family).to_string())
        };
        assert_eq!(both(Host::Servers, 0), ["10.77.0.2", "fd77::2"]);
        assert_eq!(both(Host::Devices, 9), ["10.77.0.19", "fd77::19"]);
        assert_eq!(both(Host::Attacker, 19), ["10.77.0.119", "fd77::119"]);
    }

    #[test]
    #[should_panic(expected = "has no address")]
    fn no_host_borrows_an_address_of_another() {
        address(Host::Victim, 70, Family::V4);
    }
}
