//! The Internet checksum (RFC 1071) of IP headers, TCP and UDP.
//!
//! Sums are kept in the machine's own byte order, in which the one's complement sum is the same up
//! to a final swap that storing the result undoes (RFC 1071 §2).

use super::{Layout, Malformed, Packet, Transport};

/// What the checksum of a segment or datagram says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It fits the bytes.
    Valid,
    /// It is the sum of the pseudo-header alone: a local stack left the rest to its interface
    /// (CHECKSUM_PARTIAL), and it has to be completed before the frame goes out.
    Partial,
    /// A UDP datagram over IPv4 without one.
    Zero,
    /// It does not fit the bytes; a UDP datagram over IPv6 without one counts.
    Wrong,
}

/// Looks at the checksum of a whole TCP segment or UDP datagram; anything else has none to be wrong.
#[inline]
#[must_use]
pub fn verify(packet: &Packet<'_>) -> State {
    let is_udp = match packet.transport {
        Transport::Tcp(_) => false,
        Transport::Udp(_) => true,
        _ => return State::Valid,
    };
    let at = packet.layout.checksum_at() - packet.layout.l4;
    let bytes = packet.l4_bytes();
    let field = u16::from_ne_bytes([bytes[at], bytes[at + 1]]);
    if is_udp && field == 0 {
        return if packet.layout.is_v4 {
            State::Zero
        } else {
            State::Wrong
        };
    }
    let pseudo = pseudo_header(packet.frame(), &packet.layout, bytes.len());
    if fold(pseudo + sum(bytes)) == u16::MAX {
        State::Valid
    } else if field == fold(pseudo) {
        State::Partial
    } else {
        State::Wrong
    }
}

/// [`verify`], with a wrong checksum as the violation it is.
///
/// # Errors
/// [`Malformed::TcpChecksum`] or [`Malformed::UdpChecksum`].
#[inline]
pub fn check(packet: &Packet<'_>) -> Result<State, Malformed> {
    match verify(packet) {
        State::Wrong if matches!(packet.transport, Transport::Tcp(_)) => {
            Err(Malformed::TcpChecksum)
        }
        State::Wrong => Err(Malformed::UdpChecksum),
        state => Ok(state),
    }
}

/// Computes the checksum of the TCP segment or UDP datagram in `frame` anew.
///
/// # Panics
/// When `layout` is not that of `frame`, or of a frame that is neither.
pub fn complete(frame: &mut [u8], layout: &Layout) {
    assert!(
        layout.is_tcp() || layout.is_udp(),
        "only TCP and UDP have this checksum"
    );
    let at = layout.checksum_at();
    frame[at..at + 2].fill(0);
    let l4 = &frame[layout.l4..layout.end];
    let pseudo = pseudo_header(frame, layout, l4.len());
    let mut value = !fold(pseudo + sum(l4));
    if value == 0 && layout.is_udp() {
        // Zero would say that there is none (RFC 768).
        value = u16::MAX;
    }
    frame[at..at + 2].copy_from_slice(&value.to_ne_bytes());
}

/// Computes the header checksum of the IPv4 header in `header` anew.
pub(crate) fn complete_ipv4(header: &mut [u8]) {
    const AT: std::ops::Range<usize> = 10..12;
    header[AT].fill(0);
    let value = !fold(sum(header));
    header[AT].copy_from_slice(&value.to_ne_bytes());
}

/// Whether bytes that hold their own checksum sum up.
#[inline]
pub(crate) fn is_valid(bytes: &[u8]) -> bool {
    fold(sum(bytes)) == u16::MAX
}

/// The sum over addresses, protocol and length (RFC 9293 §3.1, RFC 8200 §8.1). The addresses stand
/// side by side at the end of both IP headers.
#[inline]
fn pseudo_header(frame: &[u8], layout: &Layout, len: usize) -> u64 {
    let addresses = match layout.is_v4 {
        true => sum(&frame[layout.l3 + 12..layout.l3 + 20]),
        false => sum(&frame[layout.l3 + 8..layout.l3 + 40]),
    };
    addresses + word([0, 0, 0, layout.protocol]) + word((len as u32).to_be_bytes())
}

#[inline]
fn word(bytes: [u8; 4]) -> u64 {
    u64::from(u32::from_ne_bytes(bytes))
}

/// The sum of all 32-bit words, the last one padded with zeros; can't overflow below 16 GiB.
#[inline]
fn sum(bytes: &[u8]) -> u64 {
    let (blocks, rest) = bytes.as_chunks::<32>();
    let (words, rest) = rest.as_chunks::<4>();
    let last = match *rest {
        [a, b, c] => [a, b, c, 0],
        [a, b] => [a, b, 0, 0],
        [a] => [a, 0, 0, 0],
        _ => [0; 4],
    };
    let rest: u64 = words.iter().map(|bytes| word(*bytes)).sum();
    sum_of_blocks(blocks) + rest + word(last)
}

/// The sum of all 32-bit words of whole blocks: in lanes that don't wait for each other, which the
/// processor adds side by side.
#[inline]
fn sum_of_blocks(blocks: &[[u8; 32]]) -> u64 {
    let mut lanes = [0; 4];
    for block in blocks {
        for (lane, bytes) in lanes.iter_mut().zip(block.as_chunks::<8>().0) {
            let pair = u64::from_ne_bytes(*bytes);
            *lane += (pair & 0xffff_ffff) + (pair >> 32);
        }
    }
    lanes.iter().sum()
}

/// Folds a sum to 16 bits, carries added back in.
#[inline]
fn fold(sum: u64) -> u16 {
    let sum = (sum >> 32) + (sum & 0xffff_ffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    sum as u16
}
