//! Who speaks: addresses and endpoints as compact keys.

use std::hash::{BuildHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr};

/// An IP address; an IPv4 address stands as its IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Address {
    high: u64,
    low: u64,
}

impl Address {
    /// Stands for the members of a group, who answer from addresses of their own (RFC 7252 §8.2).
    pub(crate) const ANY: Self = Self { high: 0, low: 0 };

    /// As much of it as one host can't choose: all of IPv4, and the first half of IPv6.
    fn network(self) -> Self {
        let is_v4 = self.high == 0 && self.low >> 32 == 0xffff;
        match is_v4 {
            true => self,
            false => Self { low: 0, ..self },
        }
    }

    #[inline]
    pub(crate) fn bits(self) -> u128 {
        u128::from(self.high) << 64 | u128::from(self.low)
    }
}

impl From<IpAddr> for Address {
    #[inline]
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self {
                high: 0,
                low: 0xffff << 32 | u64::from(v4.to_bits()),
            },
            IpAddr::V6(v6) => Self {
                high: (v6.to_bits() >> 64) as u64,
                low: v6.to_bits() as u64,
            },
        }
    }
}

impl Hash for Address {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(self.bits());
    }
}

/// An address and a UDP port (RFC 7252 §1.2: without security, that is an endpoint).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) address: Address,
    pub(crate) port: u16,
}

impl Endpoint {
    #[inline]
    pub(crate) fn new(address: IpAddr, port: u16) -> Self {
        Self {
            address: address.into(),
            port,
        }
    }

    /// Stands for all at its address that have proved nothing: nobody sends from port 0.
    #[inline]
    pub(crate) fn strangers(self) -> Self {
        Self { port: 0, ..self }
    }

    /// A hash of whom it belongs to: its address, or the /64 that this is in.
    pub(crate) fn owner(self, hasher: &impl BuildHasher) -> u64 {
        hasher.hash_one(self.address.network())
    }

    /// As bytes that no other endpoint has.
    pub(crate) fn bytes(self) -> [u8; 18] {
        let mut bytes = [0; 18];
        bytes[..16].copy_from_slice(&self.address.bits().to_be_bytes());
        bytes[16..].copy_from_slice(&self.port.to_be_bytes());
        bytes
    }
}

impl Hash for Endpoint {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(self.address.bits());
        state.write_u128(self.port.into());
    }
}

/// A token (RFC 7252 §5.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    bits: u64,
    len: u8,
}

impl Token {
    /// The token of these bytes; of more than eight (RFC 8974), the last eight count: as many as
    /// nobody guesses.
    #[inline]
    pub(crate) fn new(token: &[u8]) -> Self {
        let bits = match *token {
            [a, b, c, d] => u32::from_be_bytes([a, b, c, d]).into(),
            [a, b, c, d, e, f, g, h] => u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            _ => token
                .iter()
                .fold(0, |bits, byte| bits << 8 | u64::from(*byte)),
        };
        Self {
            bits,
            len: token.len().min(8) as u8,
        }
    }

    /// Its bytes, in the last [`Token::len`] of these.
    pub(crate) fn bytes(self) -> [u8; 8] {
        self.bits.to_be_bytes()
    }

    pub(crate) fn len(self) -> usize {
        usize::from(self.len)
    }
}

impl Hash for Token {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128((*self).into());
    }
}

/// 72 bits, which no other token has.
impl From<Token> for u128 {
    #[inline]
    fn from(token: Token) -> Self {
        Self::from(token.len) << 64 | Self::from(token.bits)
    }
}

/// Whether a request to this address goes to more than one server: a multicast group, or IPv4's
/// limited broadcast, which older devices use for the same purpose.
pub(crate) fn is_group(address: IpAddr) -> bool {
    address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    #[test]
    fn addresses_of_both_families_keep_apart() {
        let v4 = Address::from(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
        let v6 = Address::from(IpAddr::V6(Ipv6Addr::from_bits(0xc000_0201)));
        assert_ne!(v4, v6);
        let v4 = Endpoint {
            address: v4,
            port: 258,
        };
        assert_eq!(v4.bytes()[10..], [0xff, 0xff, 192, 0, 2, 1, 1, 2]);
    }

    #[test]
    fn a_network_of_ipv6_is_one_owner() {
        let owner = |address: &str| {
            let hasher = crate::hashing::hashing(1);
            Endpoint::new(address.parse().unwrap(), 5683).owner(&hasher)
        };
        assert_eq!(owner("2001:db8::1"), owner("2001:db8::2"));
        assert_ne!(owner("2001:db8::1"), owner("2001:db8:0:1::1"));
        assert_ne!(owner("192.0.2.1"), owner("192.0.2.2"));
    }

    #[test]
    fn tokens_differ_by_length_too() {
        assert_ne!(Token::new(&[]), Token::new(&[0]));
        assert_ne!(Token::new(&[0]), Token::new(&[0, 0]));
        assert_ne!(Token::new(&[1, 2]), Token::new(&[2, 1]));
        assert_eq!(Token::new(&[1; 8]), Token::new(&[1; 8]));
        let token = Token::new(&[0, 7, 0]);
        assert_eq!(token.bytes()[8 - token.len()..], [0, 7, 0]);
    }

    #[test]
    fn groups_are_multicast_and_broadcast() {
        for group in ["224.0.1.187", "255.255.255.255", "ff02::fd", "ff05::fd"] {
            assert!(is_group(group.parse().unwrap()), "{group}");
        }
        for single in ["10.0.0.1", "fe80::1", "::"] {
            assert!(!is_group(single.parse().unwrap()), "{single}");
        }
    }
}
