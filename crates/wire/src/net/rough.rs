//! What can be told of a frame that [`Packet::decode`](super::Packet::decode) refuses: enough to say
//! whose it is, and never to be inspected by.

use std::net::IpAddr;

use pnet_packet::ip::IpNextHeaderProtocols;

use super::ip::{V4_HEADER_LEN, V6_HEADER_LEN};
use super::packet::{ETHERTYPE_V4, ETHERTYPE_V6, Ethernet, network};

/// The addresses of a refused frame, and its ports where they stand where they should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rough {
    /// The sender's address.
    pub source: IpAddr,
    /// The receiver's address.
    pub destination: IpAddr,
    /// The protocol number in the IP header.
    pub protocol: u8,
    /// The sender's and the receiver's port, if the protocol is TCP or UDP and they are there.
    pub ports: Option<(u16, u16)>,
    /// The VLAN it is in.
    pub vlan: Option<u16>,
}

impl Rough {
    /// Reads fixed fields at their fixed places; none if the frame is no IP or ends before its
    /// addresses do.
    #[must_use]
    pub fn read(frame: &[u8]) -> Option<Self> {
        let (ethertype, l3) = network(frame).ok()?;
        let ip = &frame[l3..];
        let (source, destination, protocol, l4) = match ethertype {
            ETHERTYPE_V4 => {
                let header = ip.get(..V4_HEADER_LEN)?;
                let at = |at: usize| header[at..].first_chunk::<4>().map(|b| IpAddr::from(*b));
                let header_len = usize::from(header[0] & 0x0f) * 4;
                (at(12)?, at(16)?, header[9], header_len.max(V4_HEADER_LEN))
            }
            ETHERTYPE_V6 => {
                let header = ip.get(..V6_HEADER_LEN)?;
                let at = |at: usize| header[at..].first_chunk::<16>().map(|b| IpAddr::from(*b));
                (at(8)?, at(24)?, header[6], V6_HEADER_LEN)
            }
            _ => return None,
        };
        let has_ports = [IpNextHeaderProtocols::Tcp.0, IpNextHeaderProtocols::Udp.0];
        let ports = ip.get(l4..l4 + 4).filter(|_| has_ports.contains(&protocol));
        Some(Self {
            source,
            destination,
            protocol,
            ports: ports.map(|p| {
                (
                    u16::from_be_bytes([p[0], p[1]]),
                    u16::from_be_bytes([p[2], p[3]]),
                )
            }),
            vlan: Ethernet::read(frame).vlan.and_then(super::Vlan::id),
        })
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    /// A SYN+FIN from 10.0.0.2:4000 to 10.0.0.1:1883.
    const SYN_FIN: [u8; 54] = hex!(
        "020000000001 020000000002 0800"
        "4500 0028 0000 4000 40 06 26cc 0a000002 0a000001"
        "0fa0 075b 00000000 00000000 50 03 0400 0000 0000"
    );

    #[test]
    fn addresses_and_ports_of_a_refused_frame_are_told() {
        assert!(super::super::Packet::decode(&SYN_FIN).is_err());
        let rough = Rough::read(&SYN_FIN).expect("an IPv4 frame");
        assert_eq!(rough.source, IpAddr::from([10, 0, 0, 2]));
        assert_eq!(rough.destination, IpAddr::from([10, 0, 0, 1]));
        assert_eq!(rough.ports, Some((4000, 1883)));
        assert_eq!((rough.protocol, rough.vlan), (6, None));
    }

    #[test]
    fn a_frame_cut_short_is_told_as_far_as_it_goes() {
        for len in 0..SYN_FIN.len() {
            let rough = Rough::read(&SYN_FIN[..len]);
            assert_eq!(rough.is_some(), len >= 34, "{len}");
            let ports = rough.and_then(|rough| rough.ports);
            assert_eq!(ports.is_some(), len >= 38, "{len}");
        }
        assert_eq!(Rough::read(&[0; 60]), None);
    }
}
