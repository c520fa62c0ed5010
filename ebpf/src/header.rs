//! Headers of layers 2 to 4 as they stand in the frame.

use crate::frame::Header;

/// Ethernet (IEEE 802.3 clause 3).
#[repr(C)]
pub struct Ethernet {
    destination: [u8; 6],
    source: [u8; 6],
    ethertype: [u8; 2],
}

/// What follows a tag's own Ethertype (IEEE 802.1Q clause 9).
#[repr(C)]
pub struct VlanTag {
    control: [u8; 2],
    ethertype: [u8; 2],
}

/// IPv4 without options (RFC 791 section 3.1).
#[repr(C)]
pub struct Ipv4 {
    version_and_length: u8,
    type_of_service: u8,
    total_length: [u8; 2],
    identification: [u8; 2],
    flags_and_offset: [u8; 2],
    time_to_live: u8,
    pub(crate) protocol: u8,
    checksum: [u8; 2],
    /// Source address.
    pub source: [u8; 4],
    /// Destination address.
    pub destination: [u8; 4],
}

/// IPv6 (RFC 8200 section 3).
#[repr(C)]
pub struct Ipv6 {
    version_and_class: u8,
    class_and_flow: [u8; 3],
    payload_length: [u8; 2],
    pub(crate) next_header: u8,
    hop_limit: u8,
    /// Source address.
    pub source: [u8; 16],
    /// Destination address.
    pub destination: [u8; 16],
}

/// The start of an IPv6 extension header (RFC 8200 section 4).
#[repr(C)]
pub struct Extension {
    pub(crate) next_header: u8,
    pub(crate) length: u8,
}

/// The IPv6 fragment header (RFC 8200 section 4.5).
#[repr(C)]
pub struct Fragment {
    pub(crate) next_header: u8,
    reserved: u8,
    offset_and_more: [u8; 2],
    identification: [u8; 4],
}

/// What TCP and UDP headers begin with.
#[repr(C)]
pub struct Ports {
    source: [u8; 2],
    destination: [u8; 2],
}

/// TCP without options (RFC 9293 section 3.1).
#[repr(C)]
pub struct Tcp {
    ports: Ports,
    sequence: [u8; 4],
    acknowledgment: [u8; 4],
    data_offset: u8,
    flags: u8,
    window: [u8; 2],
    checksum: [u8; 2],
    urgent: [u8; 2],
}

/// UDP (RFC 768).
#[repr(C)]
pub struct Udp {
    ports: Ports,
    length: [u8; 2],
    checksum: [u8; 2],
}

/// CoAP (RFC 7252 section 3).
#[repr(C)]
pub struct Coap {
    version_type_and_length: u8,
    pub(crate) code: u8,
    message_id: [u8; 2],
}

// SAFETY: bytes and arrays of bytes, as all of these are.
unsafe impl Header for Ethernet {}
// SAFETY: as above.
unsafe impl Header for VlanTag {}
// SAFETY: as above.
unsafe impl Header for Ipv4 {}
// SAFETY: as above.
unsafe impl Header for Ipv6 {}
// SAFETY: as above.
unsafe impl Header for Extension {}
// SAFETY: as above.
unsafe impl Header for Fragment {}
// SAFETY: as above.
unsafe impl Header for Ports {}
// SAFETY: as above.
unsafe impl Header for Tcp {}
// SAFETY: as above.
unsafe impl Header for Udp {}
// SAFETY: as above.
unsafe impl Header for Coap {}

/// A fragment's place in its datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// The datagram is whole.
    Whole,
    /// The first fragment.
    First,
    /// A fragment after the first.
    Later,
}

impl Ethernet {
    #[inline(always)]
    pub(crate) fn ethertype(&self) -> u16 {
        u16::from_be_bytes(self.ethertype)
    }
}

impl VlanTag {
    #[inline(always)]
    pub(crate) fn ethertype(&self) -> u16 {
        u16::from_be_bytes(self.ethertype)
    }
}

impl Ipv4 {
    #[inline(always)]
    pub(crate) fn version(&self) -> u8 {
        self.version_and_length >> 4
    }

    /// Length of the header with its options, in bytes.
    #[inline(always)]
    pub(crate) fn header_len(&self) -> usize {
        usize::from(self.version_and_length & 0x0f) * 4
    }

    /// Length of the datagram with its header, in bytes.
    #[inline(always)]
    pub(crate) fn total_len(&self) -> usize {
        usize::from(u16::from_be_bytes(self.total_length))
    }

    #[inline(always)]
    pub(crate) fn place(&self) -> Place {
        let word = u16::from_be_bytes(self.flags_and_offset);
        match (word & 0x1fff, word & 0x2000) {
            (0, 0) => Place::Whole,
            (0, _) => Place::First,
            _ => Place::Later,
        }
    }
}

impl Ipv6 {
    #[inline(always)]
    pub(crate) fn version(&self) -> u8 {
        self.version_and_class >> 4
    }

    /// Length of what follows the header, in bytes.
    #[inline(always)]
    pub(crate) fn payload_len(&self) -> usize {
        usize::from(u16::from_be_bytes(self.payload_length))
    }
}

impl Fragment {
    /// A datagram with a fragment header counts as fragmented even if no more follow: senders have
    /// no use for that any more (RFC 8021), only evaders do.
    #[inline(always)]
    pub(crate) fn place(&self) -> Place {
        match u16::from_be_bytes(self.offset_and_more) >> 3 {
            0 => Place::First,
            _ => Place::Later,
        }
    }
}

impl Ports {
    /// Source port.
    #[inline(always)]
    #[must_use]
    pub fn source(&self) -> u16 {
        u16::from_be_bytes(self.source)
    }

    /// Destination port.
    #[inline(always)]
    #[must_use]
    pub fn destination(&self) -> u16 {
        u16::from_be_bytes(self.destination)
    }
}

impl Tcp {
    /// Length of the header with its options, in bytes.
    #[inline(always)]
    pub(crate) fn header_len(&self) -> usize {
        usize::from(self.data_offset >> 4) * 4
    }

    /// Whether the flags are a combination that a TCP ever sends (RFC 9293 section 3.10.7): what
    /// else there is are probes for how a stack copes.
    #[inline(always)]
    pub(crate) fn has_sound_flags(&self) -> bool {
        const FIN: u8 = 0x01;
        const SYN: u8 = 0x02;
        const RST: u8 = 0x04;
        const ACK: u8 = 0x10;
        const FIN_ACK: u8 = FIN | ACK;
        const SYN_ACK: u8 = SYN | ACK;
        const RST_ACK: u8 = RST | ACK;
        let flags = self.flags & (FIN | SYN | RST | ACK);
        matches!(flags, SYN | SYN_ACK | ACK | FIN_ACK | RST | RST_ACK)
    }
}

impl Udp {
    /// Length of the datagram with its header, in bytes.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        usize::from(u16::from_be_bytes(self.length))
    }
}

impl Coap {
    #[inline(always)]
    pub(crate) fn version(&self) -> u8 {
        self.version_type_and_length >> 6
    }

    #[inline(always)]
    pub(crate) fn message_type(&self) -> u8 {
        self.version_type_and_length >> 4 & 0b11
    }

    #[inline(always)]
    pub(crate) fn token_length(&self) -> u8 {
        self.version_type_and_length & 0x0f
    }
}
