//! Frames of our own, written into a caller's buffer: resets, refusals, challenges, and tests.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pnet_packet::MutablePacket;
use pnet_packet::ethernet::{EtherType, EtherTypes, MutableEthernetPacket};
use pnet_packet::ip::{IpNextHeaderProtocol, IpNextHeaderProtocols};
use pnet_packet::ipv4::{Ipv4Flags, MutableIpv4Packet};
use pnet_packet::ipv6::MutableIpv6Packet;
use pnet_packet::tcp::MutableTcpPacket;
use pnet_packet::udp::MutableUdpPacket;

use super::ip::{V4_HEADER_LEN, V6_HEADER_LEN};
use super::packet::{ETHERNET_LEN, TAG_LEN};
use super::{Layout, MacAddr, Packet, TcpFlags, Vlan, edit, tcp, udp};

/// The hop limit of frames of our own (RFC 1700).
pub const HOP_LIMIT: u8 = 64;

/// From where to where a frame goes, on every layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path {
    /// The sending hardware address.
    pub source_mac: MacAddr,
    /// The receiving hardware address.
    pub destination_mac: MacAddr,
    /// The VLAN tag.
    pub vlan: Option<Vlan>,
    /// The sender's address.
    pub source: IpAddr,
    /// The receiver's address, of the same family.
    pub destination: IpAddr,
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
    /// The hops it may go.
    pub hop_limit: u8,
}

impl Path {
    /// The path `packet` is on; none unless it is a whole TCP segment or UDP datagram.
    #[must_use]
    pub fn of(packet: &Packet<'_>) -> Option<Self> {
        let (source_port, destination_port) = packet.ports()?;
        let ethernet = packet.ethernet();
        Some(Self {
            source_mac: ethernet.source,
            destination_mac: ethernet.destination,
            vlan: ethernet.vlan,
            source: packet.source(),
            destination: packet.destination(),
            source_port,
            destination_port,
            hop_limit: HOP_LIMIT,
        })
    }

    /// The way back.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self {
            source_mac: self.destination_mac,
            destination_mac: self.source_mac,
            source: self.destination,
            destination: self.source,
            source_port: self.destination_port,
            destination_port: self.source_port,
            ..self
        }
    }

    /// Where the layers of a frame on this path lie.
    fn layout(&self, protocol: IpNextHeaderProtocol, header_len: usize, payload: usize) -> Layout {
        let l3 = ETHERNET_LEN + if self.vlan.is_some() { TAG_LEN } else { 0 };
        layout((l3, self.source.is_ipv4()), protocol, header_len, payload)
    }

    /// Writes everything below the transport, lengths and checksums apart.
    fn write(&self, frame: &mut [u8], layout: &Layout) {
        let ethertype = if layout.is_v4 {
            EtherTypes::Ipv4
        } else {
            EtherTypes::Ipv6
        };
        let mut ethernet = MutableEthernetPacket::new(frame).expect("room for the header");
        ethernet.set_destination(self.destination_mac.into());
        ethernet.set_source(self.source_mac.into());
        ethernet.set_ethertype(
            self.vlan
                .map_or(ethertype, |vlan| EtherType(vlan.ethertype)),
        );
        if let Some(vlan) = self.vlan {
            let [control, inner] = [vlan.control, ethertype.0].map(u16::to_be_bytes);
            ethernet.payload_mut()[..2].copy_from_slice(&control);
            ethernet.payload_mut()[2..TAG_LEN].copy_from_slice(&inner);
        }
        let ip = &mut frame[layout.l3..layout.l4];
        ip.fill(0);
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                self.write_v4(ip, layout, source, destination);
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                self.write_v6(ip, layout, source, destination);
            }
            _ => panic!("both ends of a path are of one address family"),
        }
    }

    fn write_v4(&self, ip: &mut [u8], layout: &Layout, source: Ipv4Addr, destination: Ipv4Addr) {
        let mut header = MutableIpv4Packet::new(ip).expect("room for the header");
        header.set_version(4);
        header.set_header_length((V4_HEADER_LEN / 4) as u8);
        header.set_flags(Ipv4Flags::DontFragment);
        header.set_ttl(self.hop_limit);
        header.set_next_level_protocol(IpNextHeaderProtocol(layout.protocol));
        header.set_source(source);
        header.set_destination(destination);
    }

    fn write_v6(&self, ip: &mut [u8], layout: &Layout, source: Ipv6Addr, destination: Ipv6Addr) {
        let mut header = MutableIpv6Packet::new(ip).expect("room for the header");
        header.set_version(6);
        header.set_hop_limit(self.hop_limit);
        header.set_next_header(IpNextHeaderProtocol(layout.protocol));
        header.set_source(source);
        header.set_destination(destination);
    }
}

/// What a TCP segment says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TcpSegment<'a> {
    /// The sequence number.
    pub seq: u32,
    /// The acknowledgement number.
    pub ack: u32,
    /// The control flags.
    pub flags: TcpFlags,
    /// The window, not scaled.
    pub window: u16,
    /// The options, padded to a multiple of four bytes; at most 40.
    pub options: &'a [u8],
    /// The data.
    pub payload: &'a [u8],
}

/// Writes a TCP segment and returns the length of the frame; none if `buffer` is too small or the
/// packet too large for IP.
///
/// # Panics
/// When the options are no multiple of four bytes or more than 40, or the addresses of two families.
pub fn tcp_segment(buffer: &mut [u8], path: &Path, segment: &TcpSegment<'_>) -> Option<usize> {
    let options_len = segment.options.len();
    assert!(
        options_len.is_multiple_of(4) && options_len <= 40,
        "options fill whole words"
    );
    let header_len = tcp::HEADER_LEN + options_len;
    let layout = path.layout(
        IpNextHeaderProtocols::Tcp,
        header_len,
        segment.payload.len(),
    );
    let frame = room(buffer, &layout)?;
    path.write(frame, &layout);
    frame[layout.l4..layout.payload].fill(0);
    let mut header = MutableTcpPacket::new(&mut frame[layout.l4..]).expect("room for the header");
    header.set_source(path.source_port);
    header.set_destination(path.destination_port);
    header.set_sequence(segment.seq);
    header.set_acknowledgement(segment.ack);
    header.set_data_offset((header_len / 4) as u8);
    header.set_flags(segment.flags.0);
    header.set_window(segment.window);
    frame[layout.l4 + tcp::HEADER_LEN..layout.payload].copy_from_slice(segment.options);
    frame[layout.payload..].copy_from_slice(segment.payload);
    Some(edit::set_payload_len(frame, &layout, segment.payload.len()))
}

/// Writes a UDP datagram and returns the length of the frame; none if `buffer` is too small or the
/// packet too large for IP.
///
/// # Panics
/// When the addresses are of two families.
pub fn udp_datagram(buffer: &mut [u8], path: &Path, payload: &[u8]) -> Option<usize> {
    let layout = path.layout(IpNextHeaderProtocols::Udp, udp::HEADER_LEN, payload.len());
    let frame = room(buffer, &layout)?;
    path.write(frame, &layout);
    let mut header = MutableUdpPacket::new(&mut frame[layout.l4..]).expect("room for the header");
    header.set_source(path.source_port);
    header.set_destination(path.destination_port);
    frame[layout.payload..].copy_from_slice(payload);
    Some(edit::set_payload_len(frame, &layout, payload.len()))
}

/// Where the layers of a UDP datagram of our own lie that goes the way of a frame with this layout, or back.
#[must_use]
pub fn udp_layout(way: &Layout, payload_len: usize) -> Layout {
    let protocol = IpNextHeaderProtocols::Udp;
    layout((way.l3, way.is_v4), protocol, udp::HEADER_LEN, payload_len)
}

/// Where the layers of a frame lie whose IP header begins at `l3` and has nothing beyond the least.
fn layout(
    (l3, is_v4): (usize, bool),
    protocol: IpNextHeaderProtocol,
    header_len: usize,
    payload: usize,
) -> Layout {
    let l4 = l3 + if is_v4 { V4_HEADER_LEN } else { V6_HEADER_LEN };
    let start = l4 + header_len;
    Layout {
        l3,
        l4,
        payload: start,
        end: start + payload,
        is_v4,
        protocol: protocol.0,
    }
}

fn room<'a>(buffer: &'a mut [u8], layout: &Layout) -> Option<&'a mut [u8]> {
    let fits = layout.end - layout.l3 <= usize::from(u16::MAX);
    if fits {
        buffer.get_mut(..layout.end)
    } else {
        None
    }
}
