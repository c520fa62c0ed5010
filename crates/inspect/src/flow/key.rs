//! What tells flows apart: the five-tuple, normalised, with its link and VLAN.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use siphasher::sip::SipHasher13;

/// Both directions of a flow have the same key: the lower of the two ends comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FlowKey {
    low: [u64; 2],
    high: [u64; 2],
    /// Port of the lower end, port of the higher end, link, and VLAN plus one (0: untagged).
    rest: u64,
    /// IP version and protocol number.
    family: u16,
}

impl FlowKey {
    /// The key of what travels between two ends, and whether the source is the lower of them.
    pub(crate) fn new(
        (source, source_port): (IpAddr, u16),
        (destination, destination_port): (IpAddr, u16),
        link: u16,
        vlan: Option<u16>,
        protocol: u8,
    ) -> (Self, bool) {
        let a = (words(source), source_port);
        let b = (words(destination), destination_port);
        let source_is_low = a <= b;
        let (low, high) = if source_is_low { (a, b) } else { (b, a) };
        let version: u16 = if source.is_ipv4() { 4 } else { 6 };
        let key = Self {
            low: low.0,
            high: high.0,
            rest: u64::from(low.1) << 48
                | u64::from(high.1) << 32
                | u64::from(link) << 16
                | u64::from(vlan.map_or(0, |vlan| (vlan & 0x0fff) + 1)),
            family: version << 8 | u16::from(protocol),
        };
        (key, source_is_low)
    }

    /// Its ends with their ports, the lower one first.
    pub(crate) fn ends(&self) -> [(IpAddr, u16); 2] {
        let is_v4 = self.family >> 8 == 4;
        let ports = [(self.rest >> 48) as u16, (self.rest >> 32) as u16];
        [
            (address(self.low, is_v4), ports[0]),
            (address(self.high, is_v4), ports[1]),
        ]
    }

    /// The link it travels on.
    pub(crate) fn link(&self) -> u16 {
        (self.rest >> 16) as u16
    }

    /// The VLAN it travels in.
    pub(crate) fn vlan(&self) -> Option<u16> {
        (self.rest as u16).checked_sub(1)
    }

    /// A number for people and logs, the same for both directions and for one seed.
    pub(crate) fn id(&self, key: &[u8; 16]) -> u64 {
        let mut hasher = SipHasher13::new_with_key(key);
        self.hash(&mut hasher);
        // EVE consumers read the number as a signed integer.
        hasher.finish() >> 1
    }
}

impl Hash for FlowKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for [high, low] in [self.low, self.high] {
            state.write_u128(u128::from(high) << 64 | u128::from(low));
        }
        state.write_u128(u128::from(self.family) << 64 | u128::from(self.rest));
    }
}

fn words(address: IpAddr) -> [u64; 2] {
    match address {
        IpAddr::V4(v4) => [0, u64::from(u32::from(v4))],
        IpAddr::V6(v6) => {
            let bits = u128::from(v6);
            [(bits >> 64) as u64, bits as u64]
        }
    }
}

fn address([high, low]: [u64; 2], is_v4: bool) -> IpAddr {
    match is_v4 {
        true => IpAddr::V4(Ipv4Addr::from(low as u32)),
        false => IpAddr::V6(Ipv6Addr::from(u128::from(high) << 64 | u128::from(low))),
    }
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use super::*;
    use crate::hashing::hashing;

    fn key(
        a: (IpAddr, u16),
        b: (IpAddr, u16),
        link: u16,
        vlan: Option<u16>,
        protocol: u8,
    ) -> FlowKey {
        FlowKey::new(a, b, link, vlan, protocol).0
    }

    fn end(address: &str, port: u16) -> (IpAddr, u16) {
        (address.parse().expect("an address"), port)
    }

    #[test]
    fn both_directions_share_a_key() {
        let (a, b) = (end("10.0.0.2", 4000), end("10.0.0.1", 1883));
        let there = key(a, b, 0, None, 6);
        assert_eq!(there, key(b, a, 0, None, 6));
        assert!(!FlowKey::new(a, b, 0, None, 6).1 && FlowKey::new(b, a, 0, None, 6).1);
        assert_eq!(there.id(&[1; 16]), key(b, a, 0, None, 6).id(&[1; 16]));
    }

    #[test]
    fn a_key_names_its_ends_and_its_link() {
        for (a, b) in [
            (end("10.0.0.2", 4000), end("10.0.0.1", 1883)),
            (end("fd00::2", 4000), end("fd00::1", 1883)),
        ] {
            let key = key(a, b, 300, Some(7), 6);
            assert_eq!(key.ends(), [b, a]);
            assert_eq!((key.link(), key.vlan()), (300, Some(7)));
        }
    }

    #[test]
    fn everything_in_the_tuple_tells_flows_apart() {
        let (a, b) = (end("10.0.0.2", 4000), end("10.0.0.1", 1883));
        let mapped = (end("::10.0.0.2", 4000), end("::10.0.0.1", 1883));
        let keys = [
            key(a, b, 0, None, 6),
            key(a, b, 1, None, 6),
            key(a, b, 0, Some(0), 6),
            key(a, b, 0, Some(1), 6),
            key(a, b, 0, None, 17),
            key(mapped.0, mapped.1, 0, None, 6),
            key(end("10.0.0.2", 1883), end("10.0.0.1", 4000), 0, None, 6),
        ];
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
        let hasher = hashing(1);
        let hashes: std::collections::BTreeSet<_> =
            keys.iter().map(|key| hasher.hash_one(key)).collect();
        assert_eq!(hashes.len(), keys.len());
    }

    #[test]
    fn the_seed_decides_the_hash() {
        let key = key(end("10.0.0.2", 4000), end("10.0.0.1", 1883), 0, None, 6);
        let hash = |secret| hashing(secret).hash_one(key);
        assert_eq!(hash(1), hash(1));
        assert_ne!(hash(1), hash(2));
    }
}
