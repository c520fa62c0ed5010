//! IPv4 (RFC 791) and IPv6 (RFC 8200) headers, extension headers and fragments.

use pnet_packet::ipv4::Ipv4Packet;
use pnet_packet::ipv6::Ipv6Packet;

use super::{Malformed, checksum};

/// How many IPv6 extension headers are walked.
pub const EXTENSION_HEADERS_MAX: usize = 8;

/// Bytes of an IPv4 header without options.
pub(crate) const V4_HEADER_LEN: usize = 20;
/// Bytes of the fixed IPv6 header.
pub(crate) const V6_HEADER_LEN: usize = 40;

const MORE_FRAGMENTS: u16 = 0x2000;
const FRAGMENT_OFFSET: u16 = 0x1fff;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION_OPTIONS: u8 = 60;

/// What the IP header (with its extension headers) says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ip {
    /// The protocol of what stands at `payload`.
    pub(crate) protocol: u8,
    /// Where the transport header or the fragment's data begins, from the start of the IP header.
    pub(crate) payload: usize,
    /// Where the IP packet ends, from the start of the IP header.
    pub(crate) end: usize,
    pub(crate) fragment: Option<Fragment>,
    /// The sender has chosen the way: the destination in the header may not be the last.
    pub(crate) is_source_routed: bool,
}

/// A piece of an IP packet: its ports, if it has any, can't be trusted before it is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// The protocol of the whole packet; over IPv6 possibly another extension header.
    pub protocol: u8,
    /// Ties the fragments of one packet together.
    pub identification: u32,
    /// Where its data belongs, in bytes.
    pub offset: usize,
    /// Whether more follow.
    pub more: bool,
}

impl Fragment {
    /// Checks what can be seen on one fragment alone.
    fn check(&self, data_len: usize) -> Result<(), Malformed> {
        if self.more && (data_len == 0 || !data_len.is_multiple_of(8)) {
            return Err(Malformed::FragmentSize);
        }
        if self.offset + data_len > usize::from(u16::MAX) {
            return Err(Malformed::FragmentOverrun);
        }
        Ok(())
    }
}

#[inline]
pub(crate) fn decode_v4(bytes: &[u8]) -> Result<Ip, Malformed> {
    let header = Ipv4Packet::new(bytes).ok_or(Malformed::IpTruncated)?;
    if header.get_version() != 4 {
        return Err(Malformed::IpVersion);
    }
    let header_len = usize::from(header.get_header_length()) * 4;
    if header_len < V4_HEADER_LEN {
        return Err(Malformed::IpHeaderLength);
    }
    let end = usize::from(header.get_total_length());
    if end < header_len {
        return Err(Malformed::IpTotalLength);
    }
    if end > bytes.len() {
        return Err(Malformed::IpTruncated);
    }
    let is_valid = match bytes.first_chunk::<V4_HEADER_LEN>() {
        // The usual length, spelled out because a sum of known length needs no loop.
        Some(plain) if header_len == V4_HEADER_LEN => checksum::is_valid(plain),
        _ => checksum::is_valid(&bytes[..header_len]),
    };
    if !is_valid {
        return Err(Malformed::IpChecksum);
    }
    let protocol = header.get_next_level_protocol().0;
    // One word holds the flags and the offset, in units of eight bytes.
    let word = u16::from_be_bytes([bytes[6], bytes[7]]);
    let more = word & MORE_FRAGMENTS != 0;
    let offset = usize::from(word & FRAGMENT_OFFSET) * 8;
    let mut fragment = None;
    if more || offset != 0 {
        let identification = u32::from(header.get_identification());
        let piece = Fragment {
            protocol,
            identification,
            offset,
            more,
        };
        piece.check(end - header_len)?;
        fragment = Some(piece);
    }
    Ok(Ip {
        protocol,
        payload: header_len,
        end,
        fragment,
        is_source_routed: header_len > V4_HEADER_LEN
            && has_source_route(&bytes[V4_HEADER_LEN..header_len]),
    })
}

/// Whether IPv4 options hold a loose or strict source route (RFC 791 §3.1). Nobody reads on behind one
/// whose length is impossible.
fn has_source_route(mut options: &[u8]) -> bool {
    const END: u8 = 0;
    const NOP: u8 = 1;
    const LOOSE: u8 = 131;
    const STRICT: u8 = 137;
    loop {
        options = match *options {
            [] | [END, ..] => return false,
            [LOOSE | STRICT, ..] => return true,
            [NOP, ref rest @ ..] => rest,
            [_, len, ..] if len >= 2 && usize::from(len) <= options.len() => {
                &options[usize::from(len)..]
            }
            [..] => return false,
        };
    }
}

#[inline]
pub(crate) fn decode_v6(bytes: &[u8]) -> Result<Ip, Malformed> {
    let header = Ipv6Packet::new(bytes).ok_or(Malformed::IpTruncated)?;
    if header.get_version() != 6 {
        return Err(Malformed::IpVersion);
    }
    let end = V6_HEADER_LEN + usize::from(header.get_payload_length());
    if end > bytes.len() {
        return Err(Malformed::IpTruncated);
    }
    let mut ip = Ip {
        protocol: header.get_next_header().0,
        payload: V6_HEADER_LEN,
        end,
        fragment: None,
        is_source_routed: false,
    };
    ip.walk_extensions(&bytes[..end])?;
    Ok(ip)
}

impl Ip {
    /// Steps over extension headers until a transport protocol, a fragment or something unknown.
    #[inline]
    fn walk_extensions(&mut self, packet: &[u8]) -> Result<(), Malformed> {
        let mut walked = 0;
        while matches!(
            self.protocol,
            HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS | FRAGMENT
        ) {
            if walked == EXTENSION_HEADERS_MAX {
                return Err(Malformed::ExtensionCount);
            }
            if self.protocol == HOP_BY_HOP && walked > 0 {
                return Err(Malformed::ExtensionOrder);
            }
            walked += 1;
            let rest = &packet[self.payload..];
            let header: &[u8; 8] = rest.first_chunk().ok_or(Malformed::ExtensionTruncated)?;
            if self.protocol == FRAGMENT {
                return self.take_fragment(header);
            }
            let len = (usize::from(header[1]) + 1) * 8;
            if len > rest.len() {
                return Err(Malformed::ExtensionTruncated);
            }
            let [next, _, routing_type, segments_left, ..] = *header;
            self.is_source_routed |=
                self.protocol == ROUTING && routing_type == 0 && segments_left > 0;
            self.protocol = next;
            self.payload += len;
        }
        Ok(())
    }

    /// The fragment header (RFC 8200 §4.5).
    fn take_fragment(&mut self, header: &[u8; 8]) -> Result<(), Malformed> {
        let [protocol, _, offset_high, offset_low, id @ ..] = *header;
        let offset = u16::from_be_bytes([offset_high, offset_low]);
        self.protocol = protocol;
        self.payload += header.len();
        let fragment = Fragment {
            protocol,
            identification: u32::from_be_bytes(id),
            offset: usize::from(offset & !0b111),
            more: offset & 1 != 0,
        };
        fragment.check(self.end - self.payload)?;
        self.fragment = Some(fragment);
        Ok(())
    }
}
