//! Rewriting a frame in place: lengths and checksums follow.
//!
//! All functions take the [`Layout`] that [`Packet::decode`](super::Packet::decode) gave for the
//! frame, and return the new length of the frame, without Ethernet padding.

use super::checksum;
use super::ip::V6_HEADER_LEN;
use super::tcp::{self, HEADER_LEN};
use super::{Layout, TcpFlags};

/// Where the flags stand in a TCP header.
const TCP_FLAGS_AT: usize = 13;
/// Where the sequence number stands in a TCP header.
const TCP_SEQ_AT: usize = 4;
/// Where the window stands in a TCP header.
const TCP_WINDOW_AT: usize = 14;

/// Keeps the first `len` bytes of the segment's data. A FIN goes with what is cut, because its
/// sequence number is the one after the last byte.
///
/// # Panics
/// When the frame is not TCP or has less data.
pub fn truncate_tcp_payload(frame: &mut [u8], layout: &Layout, len: usize) -> usize {
    assert!(layout.is_tcp(), "a TCP segment");
    assert!(len <= layout.payload_len(), "cutting doesn't lengthen");
    if len < layout.payload_len() {
        let flags = &mut frame[layout.l4 + TCP_FLAGS_AT];
        *flags = TcpFlags(*flags).without(TcpFlags::FIN).0;
    }
    set_payload_len(frame, layout, len)
}

/// Takes the first `len` bytes off the segment's data: the rest moves up, and the sequence number
/// with it.
///
/// # Panics
/// When the frame is not TCP or has less data.
pub fn trim_tcp_front(frame: &mut [u8], layout: &Layout, len: usize) -> usize {
    assert!(layout.is_tcp(), "a TCP segment");
    assert!(len <= layout.payload_len(), "no more than there is");
    frame.copy_within(layout.payload + len..layout.end, layout.payload);
    let at = layout.l4 + TCP_SEQ_AT;
    let field: &mut [u8; 4] = frame[at..].first_chunk_mut().expect("a TCP header");
    *field = u32::from_be_bytes(*field)
        .wrapping_add(len as u32)
        .to_be_bytes();
    set_payload_len(frame, layout, layout.payload_len() - len)
}

/// Has the segment offer `window`, not yet shifted.
///
/// # Panics
/// When the frame is not TCP.
pub fn set_tcp_window(frame: &mut [u8], layout: &Layout, window: u16) {
    assert!(layout.is_tcp(), "a TCP segment");
    let at = layout.l4 + TCP_WINDOW_AT;
    frame[at..at + 2].copy_from_slice(&window.to_be_bytes());
    refresh_checksums(frame, layout);
}

/// Fills the segment's options of Multipath TCP with padding (RFC 9293 §3.1: kind 1).
///
/// # Panics
/// When the frame is not TCP.
pub fn blank_multipath(frame: &mut [u8], layout: &Layout) {
    assert!(layout.is_tcp(), "a TCP segment");
    tcp::blank_multipath(&mut frame[layout.l4 + HEADER_LEN..layout.payload]);
    refresh_checksums(frame, layout);
}

/// Has the segment bear `value` for its sender's timestamp (RFC 7323 §3.2), if it bears any.
///
/// # Panics
/// When the frame is not TCP.
pub fn set_tcp_timestamp(frame: &mut [u8], layout: &Layout, value: u32) {
    assert!(layout.is_tcp(), "a TCP segment");
    tcp::set_timestamp(&mut frame[layout.l4 + HEADER_LEN..layout.payload], value);
    refresh_checksums(frame, layout);
}

/// Says that the transport's data, which the caller has rewritten, is `len` bytes long from now on.
///
/// # Panics
/// When the frame is neither TCP nor UDP, the buffer is shorter, or the packet gets too large for IP.
pub fn set_payload_len(frame: &mut [u8], layout: &Layout, len: usize) -> usize {
    let end = layout.payload + len;
    let layout = Layout { end, ..*layout };
    let ip_len = end - layout.l3;
    let put = |frame: &mut [u8], at: usize, value: usize| {
        let value = u16::try_from(value).expect("an IP packet's length");
        frame[at..at + 2].copy_from_slice(&value.to_be_bytes());
    };
    if layout.is_v4 {
        put(frame, layout.l3 + 2, ip_len);
    } else {
        put(frame, layout.l3 + 4, ip_len - V6_HEADER_LEN);
    }
    if layout.is_udp() {
        put(frame, layout.l4 + 4, end - layout.l4);
    }
    refresh_checksums(frame, &layout);
    end
}

/// Computes all checksums anew, after the caller has changed bytes but no length.
///
/// # Panics
/// When the frame is neither TCP nor UDP.
pub fn refresh_checksums(frame: &mut [u8], layout: &Layout) {
    if layout.is_v4 {
        refresh_ip_checksum(frame, layout.l3);
    }
    checksum::complete(frame, layout);
}

/// Computes the checksum of the IPv4 header at `l3` anew.
///
/// # Panics
/// When the frame ends inside the header.
pub fn refresh_ip_checksum(frame: &mut [u8], l3: usize) {
    let header_len = usize::from(frame[l3] & 0x0f) * 4;
    checksum::complete_ipv4(&mut frame[l3..l3 + header_len]);
}
