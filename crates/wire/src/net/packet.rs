//! A frame taken apart: Ethernet, one VLAN tag, IP, and the transport inside.

use std::net::{IpAddr, SocketAddr};

use pnet_packet::ethernet::{EtherTypes, EthernetPacket};
use pnet_packet::ip::IpNextHeaderProtocols;
use pnet_packet::vlan::VlanPacket;

use super::ip::{self, Ip};
use super::{Fragment, Malformed, Tcp, Udp};

/// A hardware address.
pub type MacAddr = [u8; 6];

/// Bytes of an untagged Ethernet header.
pub(crate) const ETHERNET_LEN: usize = 14;
/// Bytes a VLAN tag adds.
pub(crate) const TAG_LEN: usize = 4;

/// The Ethernet header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ethernet {
    /// The receiver.
    pub destination: MacAddr,
    /// The sender.
    pub source: MacAddr,
    /// The VLAN tag, if there is one.
    pub vlan: Option<Vlan>,
    /// The type of what follows the header and the tag.
    pub ethertype: u16,
}

/// A VLAN tag (IEEE 802.1Q).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vlan {
    /// The type that announced it: 0x8100, or 0x88a8 for a service tag.
    pub ethertype: u16,
    /// Priority, drop eligibility and identifier.
    pub control: u16,
}

impl Vlan {
    /// The VLAN identifier.
    #[must_use]
    pub fn id(self) -> u16 {
        self.control & 0x0fff
    }
}

/// Where the layers of an IP frame begin, in bytes from its start; survives the borrow, so that the
/// frame can be rewritten by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Layout {
    /// The IP header.
    pub l3: usize,
    /// The transport header, or the data of a fragment.
    pub l4: usize,
    /// The data of the transport; `l4` where the transport is not read.
    pub payload: usize,
    /// The end of the IP packet: padding follows.
    pub end: usize,
    /// Whether the packet is IPv4.
    pub is_v4: bool,
    /// The transport protocol's number.
    pub protocol: u8,
}

/// What an IP packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport<'a> {
    /// A whole TCP segment.
    Tcp(Tcp<'a>),
    /// A whole UDP datagram.
    Udp(Udp<'a>),
    /// A piece of a packet.
    Fragment(Fragment),
    /// Another protocol, by number.
    Other(u8),
    /// No IP at all: see [`Ethernet::ethertype`].
    NotIp,
}

/// One frame. See the [module](super) for the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Packet<'a> {
    /// The Ethernet header.
    pub ethernet: Ethernet,
    /// Where things are; all of it at the end of the Ethernet header if there is no IP.
    pub layout: Layout,
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    /// The hops left (TTL); 0 if there is no IP.
    pub hop_limit: u8,
    /// What it carries.
    pub transport: Transport<'a>,
    bytes: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Takes a frame apart.
    ///
    /// # Errors
    /// The first rule of the [module](super) the frame breaks.
    #[inline]
    pub fn decode(frame: &'a [u8]) -> Result<Self, Malformed> {
        let (ethernet, l3) = Ethernet::decode(frame)?;
        let is_v4 = match ethernet.ethertype {
            ETHERTYPE_V4 => true,
            ETHERTYPE_V6 => false,
            _ => return Ok(Self::without_ip(frame, ethernet, l3)),
        };
        let bytes = &frame[l3..];
        let ip = if is_v4 {
            ip::decode_v4(bytes)?
        } else {
            ip::decode_v6(bytes)?
        };
        let inner = &bytes[ip.payload..ip.end];
        let transport = match ip.fragment {
            Some(fragment) => Transport::Fragment(fragment),
            None if ip.protocol == IpNextHeaderProtocols::Tcp.0 => {
                Transport::Tcp(Tcp::decode(inner)?)
            }
            None if ip.protocol == IpNextHeaderProtocols::Udp.0 => {
                Transport::Udp(Udp::decode(inner)?)
            }
            None => Transport::Other(ip.protocol),
        };
        Ok(Self::with_ip(frame, ethernet, l3, &ip, transport))
    }

    #[inline]
    fn with_ip(
        bytes: &'a [u8],
        ethernet: Ethernet,
        l3: usize,
        ip: &Ip,
        transport: Transport<'a>,
    ) -> Self {
        let (l4, end) = (l3 + ip.payload, l3 + ip.end);
        let payload = match &transport {
            Transport::Tcp(tcp) => end - tcp.payload.len(),
            Transport::Udp(udp) => end - udp.payload.len(),
            _ => l4,
        };
        let is_v4 = ip.source.is_ipv4();
        Self {
            ethernet,
            layout: Layout {
                l3,
                l4,
                payload,
                end,
                is_v4,
                protocol: ip.protocol,
            },
            source: ip.source,
            destination: ip.destination,
            hop_limit: ip.hop_limit,
            transport,
            bytes,
        }
    }

    #[cold]
    fn without_ip(bytes: &'a [u8], ethernet: Ethernet, at: usize) -> Self {
        let layout = Layout {
            l3: at,
            l4: at,
            payload: at,
            end: bytes.len(),
            is_v4: false,
            protocol: 0,
        };
        Self {
            ethernet,
            layout,
            source: ip::UNSPECIFIED,
            destination: ip::UNSPECIFIED,
            hop_limit: 0,
            transport: Transport::NotIp,
            bytes,
        }
    }

    /// The sender's address; 0.0.0.0 if there is no IP.
    #[inline]
    #[must_use]
    pub fn source(&self) -> IpAddr {
        self.source
    }

    /// The receiver's address; 0.0.0.0 if there is no IP.
    #[inline]
    #[must_use]
    pub fn destination(&self) -> IpAddr {
        self.destination
    }

    /// The sender's and the receiver's port, of whole TCP segments and UDP datagrams.
    #[inline]
    #[must_use]
    pub fn ports(&self) -> Option<(u16, u16)> {
        match &self.transport {
            Transport::Tcp(tcp) => Some((tcp.source_port, tcp.destination_port)),
            Transport::Udp(udp) => Some((udp.source_port, udp.destination_port)),
            _ => None,
        }
    }

    /// The sender's and the receiver's address and port, of whole TCP segments and UDP datagrams.
    #[inline]
    #[must_use]
    pub fn endpoints(&self) -> Option<(SocketAddr, SocketAddr)> {
        let (source, destination) = self.ports()?;
        Some((
            SocketAddr::new(self.source, source),
            SocketAddr::new(self.destination, destination),
        ))
    }

    /// The frame, padding included.
    #[must_use]
    pub fn frame(&self) -> &'a [u8] {
        self.bytes
    }

    /// The transport header and its data.
    #[inline]
    pub(crate) fn l4_bytes(&self) -> &'a [u8] {
        &self.bytes[self.layout.l4..self.layout.end]
    }
}

impl Layout {
    /// Bytes of the transport's data.
    #[inline]
    #[must_use]
    pub fn payload_len(&self) -> usize {
        self.end - self.payload
    }

    /// Whether the transport is TCP.
    #[inline]
    pub(crate) fn is_tcp(&self) -> bool {
        self.protocol == IpNextHeaderProtocols::Tcp.0
    }

    /// Whether the transport is UDP.
    #[inline]
    pub(crate) fn is_udp(&self) -> bool {
        self.protocol == IpNextHeaderProtocols::Udp.0
    }

    /// Where the checksum of the transport stands.
    #[inline]
    pub(crate) fn checksum_at(&self) -> usize {
        const IN_TCP: usize = 16;
        const IN_UDP: usize = 6;
        self.l4 + if self.is_tcp() { IN_TCP } else { IN_UDP }
    }
}

pub(super) const ETHERTYPE_V4: u16 = EtherTypes::Ipv4.0;
pub(super) const ETHERTYPE_V6: u16 = EtherTypes::Ipv6.0;
const ETHERTYPE_TAG: u16 = EtherTypes::Vlan.0;
const ETHERTYPE_SERVICE_TAG: u16 = EtherTypes::PBridge.0;

impl Ethernet {
    /// Reads the header and one tag, and says where the rest begins.
    #[inline]
    pub(super) fn decode(frame: &[u8]) -> Result<(Self, usize), Malformed> {
        let header = EthernetPacket::new(frame).ok_or(Malformed::EthernetTruncated)?;
        let mut ethernet = Self {
            destination: header.get_destination().octets(),
            source: header.get_source().octets(),
            vlan: None,
            ethertype: header.get_ethertype().0,
        };
        let outer = ethernet.ethertype;
        if outer != ETHERTYPE_TAG && outer != ETHERTYPE_SERVICE_TAG {
            return Ok((ethernet, ETHERNET_LEN));
        }
        let tag = VlanPacket::new(&frame[ETHERNET_LEN..]).ok_or(Malformed::EthernetTruncated)?;
        let priority = u16::from(tag.get_priority_code_point().0) << 13;
        let eligible = u16::from(tag.get_drop_eligible_indicator()) << 12;
        let control = priority | eligible | tag.get_vlan_identifier();
        ethernet.vlan = Some(Vlan {
            ethertype: outer,
            control,
        });
        ethernet.ethertype = tag.get_ethertype().0;
        Ok((ethernet, ETHERNET_LEN + TAG_LEN))
    }
}
