//! UDP headers (RFC 768).

use pnet_packet::udp::UdpPacket;

use super::Malformed;

/// Bytes of the header.
pub(crate) const HEADER_LEN: usize = 8;

/// One UDP datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Udp<'a> {
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
    /// The data.
    pub payload: &'a [u8],
}

impl<'a> Udp<'a> {
    /// Reads a datagram that fills `bytes`.
    #[inline]
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let header = UdpPacket::new(bytes).ok_or(Malformed::UdpTruncated)?;
        if usize::from(header.get_length()) != bytes.len() {
            return Err(Malformed::UdpLength);
        }
        Ok(Self {
            source_port: header.get_source(),
            destination_port: header.get_destination(),
            payload: &bytes[HEADER_LEN..],
        })
    }
}
