//! Frames from the inside out: each function puts one header before a payload. Every field that a
//! test wants wrong can be overwritten in the bytes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Ethertype of IPv4.
pub const IPV4: u16 = 0x0800;
/// Ethertype of IPv6.
pub const IPV6: u16 = 0x86dd;
/// Ethertype of a VLAN tag (802.1Q).
pub const VLAN: u16 = 0x8100;
/// Ethertype of a service VLAN tag (802.1ad).
pub const SERVICE_VLAN: u16 = 0x88a8;

/// Protocol number of TCP.
pub const TCP: u8 = 6;
/// Protocol number of UDP.
pub const UDP: u8 = 17;

/// Length of an Ethernet header: where the next one begins.
pub const ETHERNET_LEN: usize = 14;

/// An Ethernet frame.
#[must_use]
pub fn ethernet(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x02, 0, 0, 0, 0, 0x01, 0x02, 0, 0, 0, 0, 0x02];
    frame.extend(ethertype.to_be_bytes());
    frame.extend(payload);
    frame
}

/// What follows the Ethertype of a VLAN tag.
#[must_use]
pub fn tag(vlan: u16, ethertype: u16, payload: &[u8]) -> Vec<u8> {
    [&vlan.to_be_bytes(), &ethertype.to_be_bytes(), payload].concat()
}

/// An IPv4 datagram. The header checksum is left at zero.
#[must_use]
pub fn ipv4(source: Ipv4Addr, destination: Ipv4Addr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_with_options(source, destination, &[], protocol, payload)
}

/// An IPv4 datagram with options, in words of four bytes.
#[must_use]
pub fn ipv4_with_options(
    source: Ipv4Addr,
    destination: Ipv4Addr,
    options: &[[u8; 4]],
    protocol: u8,
    payload: &[u8],
) -> Vec<u8> {
    let header_len = 20 + 4 * options.len();
    let total_len =
        u16::try_from(header_len + payload.len()).expect("a datagram of 64 KiB at most");
    let mut datagram = vec![0x40 | (header_len / 4) as u8, 0];
    datagram.extend(total_len.to_be_bytes());
    datagram.extend([0, 1, 0, 0, 64, protocol, 0, 0]);
    datagram.extend(source.octets());
    datagram.extend(destination.octets());
    datagram.extend(options.concat());
    datagram.extend(payload);
    datagram
}

/// Makes a fragment of an IPv4 datagram: `offset` in units of eight bytes.
#[must_use]
pub fn ipv4_fragment(mut datagram: Vec<u8>, offset: u16, more: bool) -> Vec<u8> {
    let word = offset | if more { 0x2000 } else { 0 };
    datagram[6..8].copy_from_slice(&word.to_be_bytes());
    datagram
}

/// An IPv6 datagram; `next_header` may be an extension header's.
#[must_use]
pub fn ipv6(source: Ipv6Addr, destination: Ipv6Addr, next_header: u8, payload: &[u8]) -> Vec<u8> {
    let payload_len = u16::try_from(payload.len()).expect("a datagram of 64 KiB at most");
    let mut datagram = vec![0x60, 0, 0, 0];
    datagram.extend(payload_len.to_be_bytes());
    datagram.extend([next_header, 64]);
    datagram.extend(source.octets());
    datagram.extend(destination.octets());
    datagram.extend(payload);
    datagram
}

/// An IPv6 extension header of eight bytes (hop-by-hop, routing or destination options).
#[must_use]
pub fn extension(next_header: u8, payload: &[u8]) -> Vec<u8> {
    [&[next_header, 0, 1, 4, 0, 0, 0, 0], payload].concat()
}

/// An IPv6 fragment header: `offset` in units of eight bytes.
#[must_use]
pub fn fragment_header(next_header: u8, offset: u16, more: bool, payload: &[u8]) -> Vec<u8> {
    let word = (offset << 3 | u16::from(more)).to_be_bytes();
    [&[next_header, 0, word[0], word[1], 0, 0, 0, 7], payload].concat()
}

/// A TCP segment with the flag ACK. The checksum is left at zero.
#[must_use]
pub fn tcp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let mut segment = Vec::new();
    segment.extend(source.to_be_bytes());
    segment.extend(destination.to_be_bytes());
    segment.extend([0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 0x20, 0, 0, 0, 0, 0]);
    segment.extend(payload);
    segment
}

/// A UDP datagram. The checksum is left at zero.
#[must_use]
pub fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(8 + payload.len()).expect("a datagram of 64 KiB at most");
    let mut datagram = Vec::new();
    datagram.extend(source.to_be_bytes());
    datagram.extend(destination.to_be_bytes());
    datagram.extend(len.to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    datagram
}

/// A frame with a datagram from `source`, to an address of the same family.
#[must_use]
pub fn from(source: IpAddr, protocol: u8, transport: &[u8]) -> Vec<u8> {
    match source {
        IpAddr::V4(source) => {
            let destination = Ipv4Addr::new(10, 30, 0, 9);
            ethernet(IPV4, &ipv4(source, destination, protocol, transport))
        }
        IpAddr::V6(source) => {
            let destination = Ipv6Addr::new(0xfd00, 0x30, 0, 0, 0, 0, 0, 9);
            ethernet(IPV6, &ipv6(source, destination, protocol, transport))
        }
    }
}
