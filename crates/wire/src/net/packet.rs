//! A frame taken apart: Ethernet, one VLAN tag, IP, and the transport inside.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use pnet_packet::ethernet::{EtherTypes, EthernetPacket};
use pnet_packet::ip::IpNextHeaderProtocols;
use pnet_packet::vlan::VlanPacket;

use super::{Fragment, Malformed, Tcp, Udp, ip, udp};

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
    /// The VLAN identifier. None for 0: such a tag carries a priority and nothing else, and the frame
    /// is in the network that untagged ones are in (IEEE 802.1Q §9.6).
    #[must_use]
    pub fn id(self) -> Option<u16> {
        let id = self.control & 0x0fff;
        (id != 0).then_some(id)
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

/// What stands for an address where there is none.
const UNSPECIFIED: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

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
    /// No IP at all: see [`Packet::ethernet`] for its type.
    NotIp,
}

/// One frame. See the [module](super) for the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Packet<'a> {
    /// Where things are; if there is no IP, everything is at the end of the Ethernet header.
    pub layout: Layout,
    /// What it carries.
    pub transport: Transport<'a>,
    bytes: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Takes a frame apart.
    ///
    /// # Errors
    /// The first rule of the [module](super) the frame breaks.
    // Always, because a packet is large to hand over, and most of its fields go straight on.
    #[inline(always)]
    pub fn decode(frame: &'a [u8]) -> Result<Self, Malformed> {
        let (ethertype, l3) = network(frame)?;
        let bytes = &frame[l3..];
        let (ip, is_v4) = match ethertype {
            ETHERTYPE_V4 => (ip::decode_v4(bytes)?, true),
            ETHERTYPE_V6 => (ip::decode_v6(bytes)?, false),
            _ => return Ok(Self::without_ip(frame, l3)),
        };
        let inner = &bytes[ip.payload..ip.end];
        let (l4, end) = (l3 + ip.payload, l3 + ip.end);
        let (transport, payload) = match (ip.fragment, ip.protocol) {
            (Some(fragment), _) => (Transport::Fragment(fragment), l4),
            (None, TCP) => {
                let tcp = Tcp::decode(inner)?;
                (Transport::Tcp(tcp), end - tcp.payload.len())
            }
            (None, UDP) => (Transport::Udp(Udp::decode(inner)?), l4 + udp::HEADER_LEN),
            (None, other) => (Transport::Other(other), l4),
        };
        if ip.is_source_routed && matches!(transport, Transport::Tcp(_) | Transport::Udp(_)) {
            return Err(Malformed::IpSourceRoute);
        }
        let layout = Layout {
            l3,
            l4,
            payload,
            end,
            is_v4,
            protocol: ip.protocol,
        };
        Ok(Self {
            layout,
            transport,
            bytes: frame,
        })
    }

    #[cold]
    fn without_ip(bytes: &'a [u8], at: usize) -> Self {
        let end = bytes.len();
        let layout = Layout {
            l3: at,
            l4: at,
            payload: at,
            end,
            is_v4: false,
            protocol: 0,
        };
        Self {
            layout,
            transport: Transport::NotIp,
            bytes,
        }
    }

    /// The Ethernet header.
    #[must_use]
    pub fn ethernet(&self) -> Ethernet {
        Ethernet::read(self.bytes)
    }

    /// The VLAN tag, if there is one.
    #[inline]
    #[must_use]
    pub fn vlan(&self) -> Option<Vlan> {
        let is_tagged = self.layout.l3 > ETHERNET_LEN;
        is_tagged.then(|| Vlan {
            ethertype: self.word(TYPE_AT),
            control: self.word(CONTROL_AT),
        })
    }

    /// What stands behind the first of two tags or more, as a frame whose first tag is the second and
    /// whose addresses aren't any.
    #[must_use]
    pub fn behind_tag(&self) -> Option<&'a [u8]> {
        let is_stacked = self.layout.l3 > ETHERNET_LEN && is_tag(self.ethernet().ethertype);
        is_stacked.then(|| &self.bytes[TAG_LEN..])
    }

    /// The sender's address; 0.0.0.0 if there is no IP.
    #[inline]
    #[must_use]
    pub fn source(&self) -> IpAddr {
        self.addresses().0
    }

    /// The receiver's address; 0.0.0.0 if there is no IP.
    #[inline]
    #[must_use]
    pub fn destination(&self) -> IpAddr {
        self.addresses().1
    }

    #[inline]
    fn addresses(&self) -> (IpAddr, IpAddr) {
        match self.transport {
            Transport::NotIp => (UNSPECIFIED, UNSPECIFIED),
            _ => self.layout.addresses(self.bytes),
        }
    }

    /// The hops left (TTL); 0 if there is no IP.
    #[must_use]
    pub fn hop_limit(&self) -> u8 {
        match (self.transport, self.layout.is_v4) {
            (Transport::NotIp, _) => 0,
            (_, true) => self.bytes[self.layout.l3 + 8],
            (_, false) => self.bytes[self.layout.l3 + 7],
        }
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
        let (source_port, destination_port) = self.ports()?;
        let (source, destination) = self.addresses();
        Some((
            SocketAddr::new(source, source_port),
            SocketAddr::new(destination, destination_port),
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

    #[inline]
    fn word(&self, at: usize) -> u16 {
        u16::from_be_bytes([self.bytes[at], self.bytes[at + 1]])
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
        self.protocol == TCP
    }

    /// Whether the transport is UDP.
    #[inline]
    pub(crate) fn is_udp(&self) -> bool {
        self.protocol == UDP
    }

    /// The addresses in the IP header of `frame`, which this is the layout of.
    #[inline]
    pub(crate) fn addresses(&self, frame: &[u8]) -> (IpAddr, IpAddr) {
        #[inline]
        fn two<const N: usize>(frame: &[u8], at: usize) -> (IpAddr, IpAddr)
        where
            IpAddr: From<[u8; N]>,
        {
            let octets = |at: usize| -> [u8; N] {
                frame[at..at + N]
                    .try_into()
                    .expect("a slice of that length")
            };
            (octets(at).into(), octets(at + N).into())
        }
        match self.is_v4 {
            true => two::<4>(frame, self.l3 + 12),
            false => two::<16>(frame, self.l3 + 8),
        }
    }

    /// Where the checksum of the transport stands.
    #[inline]
    pub(crate) fn checksum_at(&self) -> usize {
        const IN_TCP: usize = 16;
        const IN_UDP: usize = 6;
        self.l4 + if self.is_tcp() { IN_TCP } else { IN_UDP }
    }
}

/// Where the type stands in an untagged header, and the tag's control field in a tagged one.
const TYPE_AT: usize = 12;
const CONTROL_AT: usize = 14;

pub(super) const ETHERTYPE_V4: u16 = EtherTypes::Ipv4.0;
pub(super) const ETHERTYPE_V6: u16 = EtherTypes::Ipv6.0;
const ETHERTYPE_TAG: u16 = EtherTypes::Vlan.0;
const ETHERTYPE_SERVICE_TAG: u16 = EtherTypes::PBridge.0;

const TCP: u8 = IpNextHeaderProtocols::Tcp.0;
const UDP: u8 = IpNextHeaderProtocols::Udp.0;

fn is_tag(ethertype: u16) -> bool {
    matches!(ethertype, ETHERTYPE_TAG | ETHERTYPE_SERVICE_TAG)
}

/// Steps over the Ethernet header and one tag: what follows, and where.
#[inline]
pub(super) fn network(frame: &[u8]) -> Result<(u16, usize), Malformed> {
    let header = EthernetPacket::new(frame).ok_or(Malformed::EthernetTruncated)?;
    match header.get_ethertype().0 {
        ETHERTYPE_TAG | ETHERTYPE_SERVICE_TAG => {
            let tag = VlanPacket::new(&frame[ETHERNET_LEN..]);
            let tag = tag.ok_or(Malformed::EthernetTruncated)?;
            Ok((tag.get_ethertype().0, ETHERNET_LEN + TAG_LEN))
        }
        ethertype => Ok((ethertype, ETHERNET_LEN)),
    }
}

impl Ethernet {
    /// Reads the header of a frame that [`network`] has accepted.
    pub(super) fn read(frame: &[u8]) -> Self {
        let header = EthernetPacket::new(frame).expect("checked by decode");
        let outer = header.get_ethertype().0;
        let mut ethernet = Self {
            destination: header.get_destination().octets(),
            source: header.get_source().octets(),
            vlan: None,
            ethertype: outer,
        };
        if is_tag(outer) {
            let tag = VlanPacket::new(&frame[ETHERNET_LEN..]).expect("checked by decode");
            let priority = u16::from(tag.get_priority_code_point().0) << 13;
            let eligible = u16::from(tag.get_drop_eligible_indicator()) << 12;
            let control = priority | eligible | tag.get_vlan_identifier();
            ethernet.vlan = Some(Vlan {
                ethertype: outer,
                control,
            });
            ethernet.ethertype = tag.get_ethertype().0;
        }
        ethernet
    }
}
