//! Ethernet frames for tests: segments, datagrams, whole connections, tags and fragments.

use std::net::{IpAddr, SocketAddr};

use wire::net::build::{self, TcpSegment};
use wire::net::{Layout, MacAddr, Packet, TcpFlags, Vlan, edit};

pub use wire::net::build::Path;

/// Room for a tagged Ethernet header, an IPv6 header, and a TCP header with all its options.
const HEADERS_LEN_MAX: usize = 18 + 40 + 60;

/// The path from one socket address to another, such as `10.20.0.7:40000`; hardware addresses follow
/// from the IP addresses.
///
/// # Panics
/// When a text is no socket address, or the two are not of one family.
#[must_use]
pub fn path(source: &str, destination: &str) -> Path {
    let parse = |text: &str| -> SocketAddr {
        text.parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"))
    };
    let (source, destination) = (parse(source), parse(destination));
    assert_eq!(
        source.is_ipv4(),
        destination.is_ipv4(),
        "one address family"
    );
    Path {
        source_mac: mac(source.ip()),
        destination_mac: mac(destination.ip()),
        vlan: None,
        source: source.ip(),
        destination: destination.ip(),
        source_port: source.port(),
        destination_port: destination.port(),
        hop_limit: build::HOP_LIMIT,
    }
}

/// A locally administered hardware address with the last four bytes of the IP address in it.
fn mac(address: IpAddr) -> MacAddr {
    let [a, b, c, d] = match address {
        IpAddr::V4(address) => address.octets(),
        IpAddr::V6(address) => *address.octets().last_chunk().expect("sixteen bytes"),
    };
    [2, 0, a, b, c, d]
}

/// A frame with a TCP segment.
///
/// # Panics
/// When the packet is too large for IP.
#[must_use]
pub fn tcp(path: &Path, segment: &TcpSegment<'_>) -> Vec<u8> {
    written(segment.payload.len(), |buffer| {
        build::tcp_segment(buffer, path, segment)
    })
}

/// A frame with a UDP datagram.
///
/// # Panics
/// When the packet is too large for IP.
#[must_use]
pub fn udp(path: &Path, payload: &[u8]) -> Vec<u8> {
    written(payload.len(), |buffer| {
        build::udp_datagram(buffer, path, payload)
    })
}

fn written(payload_len: usize, write: impl FnOnce(&mut [u8]) -> Option<usize>) -> Vec<u8> {
    let mut frame = vec![0; HEADERS_LEN_MAX + payload_len];
    let len = write(&mut frame).expect("a packet that IP can carry");
    frame.truncate(len);
    frame
}

/// The tag of a VLAN, without a priority.
#[must_use]
pub fn vlan(id: u16) -> Vlan {
    Vlan {
        ethertype: 0x8100,
        control: id,
    }
}

/// The frame with a VLAN tag in front of everything it carries, whatever tags it has.
#[must_use]
pub fn tagged(frame: &[u8], tag: Vlan) -> Vec<u8> {
    const ADDRESSES: usize = 12;
    let tag = [tag.ethertype, tag.control].map(u16::to_be_bytes).concat();
    [&frame[..ADDRESSES], &tag, &frame[ADDRESSES..]].concat()
}

/// The frame padded with zeros to Ethernet's smallest, without its check sequence.
#[must_use]
pub fn padded(mut frame: Vec<u8>) -> Vec<u8> {
    const LEN_MIN: usize = 60;
    frame.resize(frame.len().max(LEN_MIN), 0);
    frame
}

/// The IPv4 packet in `frame` as two fragments, the first with `len` bytes of data.
///
/// # Panics
/// When the frame is not IPv4, or `len` no multiple of eight inside its data.
#[must_use]
pub fn fragments(frame: &[u8], len: usize) -> [Vec<u8>; 2] {
    let Layout {
        l3, l4, end, is_v4, ..
    } = layout(frame);
    assert!(
        is_v4 && len.is_multiple_of(8) && len < end - l4,
        "a cut inside IPv4 data"
    );
    let piece = |range: std::ops::Range<usize>, more: u16| {
        let mut piece = [&frame[..l4], &frame[l4..][range.clone()]].concat();
        let total = (piece.len() - l3) as u16;
        piece[l3 + 2..l3 + 4].copy_from_slice(&total.to_be_bytes());
        let flags = more | (range.start / 8) as u16;
        piece[l3 + 6..l3 + 8].copy_from_slice(&flags.to_be_bytes());
        edit::refresh_ip_checksum(&mut piece, l3);
        piece
    };
    const MORE_FRAGMENTS: u16 = 0x2000;
    [piece(0..len, MORE_FRAGMENTS), piece(len..end - l4, 0)]
}

/// The frame with the byte at `at` (from the start of the transport's data) changed and all
/// checksums correct again.
#[must_use]
pub fn with_payload_byte(mut frame: Vec<u8>, at: usize, byte: u8) -> Vec<u8> {
    let layout = layout(&frame);
    frame[layout.payload + at] = byte;
    edit::refresh_checksums(&mut frame, &layout);
    frame
}

fn layout(frame: &[u8]) -> Layout {
    Packet::decode(frame).expect("a well-formed frame").layout
}

/// Which end of a [`Connection`] speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The one that opened the connection.
    Client,
    /// The other.
    Server,
}

/// A TCP connection that keeps count of its sequence numbers, so that a test only says what is sent.
#[derive(Debug, Clone)]
pub struct Connection {
    /// From client to server.
    pub path: Path,
    /// What the client sends next.
    pub client_seq: u32,
    /// What the server sends next.
    pub server_seq: u32,
    /// The window both ends offer.
    pub window: u16,
}

impl Connection {
    /// A connection nobody has opened yet. The initial sequence numbers are close to their wrap,
    /// where mistakes show.
    #[must_use]
    pub fn new(path: Path) -> Self {
        Self {
            path,
            client_seq: u32::MAX - 20,
            server_seq: u32::MAX - 5,
            window: 64_240,
        }
    }

    /// SYN, SYN+ACK, ACK.
    #[must_use]
    pub fn open(&mut self) -> [Vec<u8>; 3] {
        let syn = self.segment(End::Client, TcpFlags::SYN, &[]);
        self.client_seq = self.client_seq.wrapping_add(1);
        let syn_ack = self.segment(End::Server, TcpFlags::SYN | TcpFlags::ACK, &[]);
        self.server_seq = self.server_seq.wrapping_add(1);
        [syn, syn_ack, self.ack(End::Client)]
    }

    /// A segment with data, counted as sent.
    #[must_use]
    pub fn send(&mut self, end: End, data: &[u8]) -> Vec<u8> {
        let frame = self.segment(end, TcpFlags::PSH | TcpFlags::ACK, data);
        let seq = self.seq_mut(end);
        *seq = seq.wrapping_add(data.len() as u32);
        frame
    }

    /// A bare acknowledgement of everything the other end has sent.
    #[must_use]
    pub fn ack(&self, end: End) -> Vec<u8> {
        self.segment(end, TcpFlags::ACK, &[])
    }

    /// A FIN, counted as sent.
    #[must_use]
    pub fn fin(&mut self, end: End) -> Vec<u8> {
        let frame = self.segment(end, TcpFlags::FIN | TcpFlags::ACK, &[]);
        let seq = self.seq_mut(end);
        *seq = seq.wrapping_add(1);
        frame
    }

    /// A RST in sequence.
    #[must_use]
    pub fn rst(&self, end: End) -> Vec<u8> {
        self.segment(end, TcpFlags::RST | TcpFlags::ACK, &[])
    }

    /// Any segment at the end's current position, not counted.
    #[must_use]
    pub fn segment(&self, end: End, flags: TcpFlags, payload: &[u8]) -> Vec<u8> {
        let (path, seq, other) = match end {
            End::Client => (self.path, self.client_seq, self.server_seq),
            End::Server => (self.path.reversed(), self.server_seq, self.client_seq),
        };
        let ack = if flags.contains(TcpFlags::ACK) {
            other
        } else {
            0
        };
        let segment = TcpSegment {
            seq,
            ack,
            flags,
            window: self.window,
            options: &[],
            payload,
        };
        tcp(&path, &segment)
    }

    fn seq_mut(&mut self, end: End) -> &mut u32 {
        match end {
            End::Client => &mut self.client_seq,
            End::Server => &mut self.server_seq,
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::net::{Transport, checksum};

    use super::*;

    #[test]
    fn a_connection_counts_what_it_sends() {
        for path in [
            path("10.0.0.1:40000", "10.0.0.2:1883"),
            path("[fd00::1]:4", "[fd00::2]:5"),
        ] {
            let mut connection = Connection::new(path);
            let mut frames = connection.open().to_vec();
            frames.push(connection.send(End::Client, &[1; 30]));
            frames.push(connection.send(End::Server, &[2; 10]));
            frames.push(connection.fin(End::Client));
            let packets: Vec<_> = frames.iter().map(|f| Packet::decode(f).unwrap()).collect();
            assert!(
                packets
                    .iter()
                    .all(|p| checksum::verify(p) == checksum::State::Valid)
            );
            let Transport::Tcp(fin) = packets[5].transport else {
                panic!("TCP")
            };
            assert_eq!(fin.seq, (u32::MAX - 20).wrapping_add(31));
            assert_eq!(fin.ack, (u32::MAX - 5).wrapping_add(11));
            assert_eq!(
                packets[1].endpoints().unwrap().1,
                packets[0].endpoints().unwrap().0
            );
        }
    }

    #[test]
    fn tags_padding_and_fragments() {
        let frame = udp(&path("10.0.0.1:5", "10.0.0.2:5683"), &[7; 20]);
        let tag = Vlan {
            ethertype: 0x8100,
            control: 0x2064,
        };
        let tagged = tagged(&frame, tag);
        let packet = Packet::decode(&tagged).unwrap();
        assert_eq!(packet.vlan(), Some(tag));
        assert_eq!(packet.ports(), Some((5, 5683)));
        let short = padded(udp(&path("10.0.0.1:5", "10.0.0.2:5683"), &[7; 2]));
        assert_eq!((short.len(), layout(&short).payload_len()), (60, 2));
        for (piece, offset) in fragments(&frame, 8).iter().zip([0, 8]) {
            let Transport::Fragment(found) = Packet::decode(piece).unwrap().transport else {
                panic!("a fragment");
            };
            assert_eq!((found.offset, found.more), (offset, offset == 0));
        }
        let changed = with_payload_byte(frame, 3, 9);
        let packet = Packet::decode(&changed).unwrap();
        assert_eq!(checksum::verify(&packet), checksum::State::Valid);
    }
}
