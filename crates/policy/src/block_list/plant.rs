//! Whom no feed is to keep out: networks that are the plant's own.
//!
//! Feeds of what no packet from the internet can bear list the private networks, too, FireHOL's first level among
//! them. Behind a gateway those are the devices.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::address::unmapped;

/// Less is a large part of all addresses.
const NARROWEST: (u8, u8) = (8, 16);
/// RFC 1918 §3, RFC 3927 §2.1, RFC 4193 §3.1 and §3.2, RFC 4291 §2.5.6.
const PRIVATE: [IpNet; 7] = [
    v4([10, 0, 0, 0], 8),
    v4([172, 16, 0, 0], 12),
    v4([192, 168, 0, 0], 16),
    v4([169, 254, 0, 0], 16),
    v6(0xfc00, 7),
    v6(0xfd00, 8),
    v6(0xfe80, 10),
];

/// The networks of `[zones]`, in order.
#[derive(Debug)]
pub(super) struct Plant<'a>(Vec<(IpNet, &'a str)>);

impl<'a> Plant<'a> {
    pub(super) fn new(zones: &'a BTreeMap<String, Vec<IpNet>>) -> Self {
        let named = zones.iter().flat_map(|(name, networks)| {
            let networks = networks.iter();
            networks.map(move |network| (unmapped(*network), name.as_str()))
        });
        let mut all: Vec<_> = named.collect();
        all.sort_unstable();
        Self(all)
    }

    /// The network as frames bear it, or why it has to be a slip.
    pub(super) fn lets_block(&self, network: IpNet) -> Result<IpNet, String> {
        let borne = unmapped(network);
        if borne.prefix_len() == 0 {
            return Err(format!("`{network}` would keep everybody out"));
        }
        if PRIVATE.iter().any(|private| borne.contains(private)) {
            return Err(format!(
                "`{network}` is where devices are, not the internet"
            ));
        }
        let narrowest = match borne {
            IpNet::V4(_) => NARROWEST.0,
            IpNet::V6(_) => NARROWEST.1,
        };
        if borne.prefix_len() < narrowest {
            return Err(format!("`{network}` is a large part of all addresses"));
        }
        match self.zone_within(borne) {
            Some(zone) => Err(format!(
                "`{network}` takes in the zone `{zone}`, or a part of it"
            )),
            None => Ok(borne),
        }
    }

    /// A zone with a network that is all within this larger one. In order, what is within follows at once.
    fn zone_within(&self, network: IpNet) -> Option<&'a str> {
        let at = self.0.partition_point(|(own, _)| *own <= network);
        let (own, zone) = self.0.get(at)?;
        network.contains(own).then_some(zone)
    }
}

const fn v4([a, b, c, d]: [u8; 4], len: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), len))
}

const fn v6(first: u16, len: u8) -> IpNet {
    let address = Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, 0);
    IpNet::V6(Ipv6Net::new_assert(address, len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_keeps_no_plant_out() {
        let network = |text: &str| -> IpNet { text.parse().expect("a network") };
        let zones = BTreeMap::from([
            (
                "hall".to_owned(),
                vec![network("10.20.0.0/16"), network("198.51.100.7/32")],
            ),
            ("yard".to_owned(), vec![network("2001:db8:7::/48")]),
        ]);
        let plant = Plant::new(&zones);
        for (line, problem) in [
            ("0.0.0.0/0", Some("everybody")),
            ("::/0", Some("everybody")),
            ("::ffff:0.0.0.0/96", Some("everybody")),
            ("224.0.0.0/3", Some("a large part")),
            ("2000::/3", Some("a large part")),
            ("10.0.0.0/8", Some("where devices are")),
            ("::ffff:192.168.0.0/112", Some("where devices are")),
            ("172.16.0.0/12", Some("where devices are")),
            ("fd00::/8", Some("where devices are")),
            ("10.16.0.0/12", Some("the zone `hall`")),
            ("198.51.100.0/24", Some("the zone `hall`")),
            ("2001:db8::/32", Some("the zone `yard`")),
            ("10.20.0.0/16", None),
            ("10.20.7.0/24", None),
            ("198.51.100.7/32", None),
            ("198.51.101.0/24", None),
            ("11.0.0.0/8", None),
            ("192.168.7.0/24", None),
            ("2001:db9::/32", None),
        ] {
            let found = plant.lets_block(network(line));
            match problem {
                Some(problem) => assert!(
                    found.as_ref().is_err_and(|found| found.contains(problem)),
                    "{line} {found:?}"
                ),
                None => assert_eq!(found, Ok(network(line)), "{line}"),
            }
        }
    }
}
