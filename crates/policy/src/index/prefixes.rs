//! Networks by their prefixes: one look for each length that occurs.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::FixedState;
use ipnet::IpNet;

/// Numbers by network. Networks are the operator's: addresses looked up can't pile up.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    numbers: HashMap<IpNet, Vec<u32>, FixedState>,
    /// The lengths that occur, of IPv4 and of IPv6.
    lengths: [Vec<u8>; 2],
}

impl Prefixes {
    pub(super) fn insert(&mut self, network: IpNet, number: u32) {
        let lengths = &mut self.lengths[usize::from(network.addr().is_ipv6())];
        if !lengths.contains(&network.prefix_len()) {
            lengths.push(network.prefix_len());
        }
        let numbers = self.numbers.entry(network.trunc()).or_default();
        numbers.push(number);
    }

    /// Tells the numbers of every network that holds the address.
    pub(super) fn find(&self, address: IpAddr, tell: &mut impl FnMut(u32)) {
        for len in &self.lengths[usize::from(address.is_ipv6())] {
            let network = IpNet::new_assert(address, *len).trunc();
            let numbers = self.numbers.get(&network).into_iter().flatten();
            numbers.copied().for_each(&mut *tell);
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
            prefixes.insert(network.parse().expect("a network"), rule);
        }
        for (address, rules) in [
            ("10.20.0.7", &[0, 1, 2, 4][..]),
            ("10.21.0.7", &[0, 4]),
            ("192.0.2.1", &[4]),
            ("fd00::1", &[3]),
            ("fe80::1", &[]),
        ] {
            let mut found = Vec::new();
            let address = address.parse().expect("an address");
            prefixes.find(address, &mut |rule| found.push(rule));
            found.sort_unstable();
            assert_eq!(found, rules, "{address}");
        }
    }
}
