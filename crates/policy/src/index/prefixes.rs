//! Networks by their prefixes: one look for each length that occurs.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::Found;

/// Rules by network.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    rules: HashMap<IpNet, Vec<u32>>,
    /// The lengths that occur, of IPv4 and of IPv6.
    lengths: [Vec<u8>; 2],
}

impl Prefixes {
    pub(super) fn insert(&mut self, network: &IpNet, rule: u32) {
        let lengths = &mut self.lengths[usize::from(network.addr().is_ipv6())];
        if !lengths.contains(&network.prefix_len()) {
            lengths.push(network.prefix_len());
        }
        self.rules.entry(network.trunc()).or_default().push(rule);
    }

    pub(super) fn find(&self, address: IpAddr, found: &mut Found) {
        for len in &self.lengths[usize::from(address.is_ipv6())] {
            let network = IpNet::new_assert(address, *len).trunc();
            if let Some(rules) = self.rules.get(&network) {
                found.extend_from_slice(rules);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_network_that_holds_an_address() {
        let mut prefixes = Prefixes::default();
        let networks = [
            "10.0.0.0/8",
            "10.20.0.0/16",
            "10.20.0.7/32",
            "fd00::/8",
            "0.0.0.0/0",
        ];
        for (rule, network) in (0..).zip(networks) {
            prefixes.insert(&network.parse().expect("a network"), rule);
        }
        for (address, rules) in [
            ("10.20.0.7", &[0, 1, 2, 4][..]),
            ("10.21.0.7", &[0, 4]),
            ("192.0.2.1", &[4]),
            ("fd00::1", &[3]),
            ("fe80::1", &[]),
        ] {
            let mut found = Found::new();
            prefixes.find(address.parse().expect("an address"), &mut found);
            found.sort_unstable();
            assert_eq!(&*found, rules, "{address}");
        }
    }
}
