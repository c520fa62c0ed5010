//! Segments for the tests of this module.

use wire::net::build::{self, Path, TcpSegment};
use wire::net::{Packet, TcpFlags, Transport};

use super::Segment;

/// A segment from a device to a broker, and its frame.
pub(super) fn segment(seq: u32, flags: TcpFlags, payload: &[u8]) -> (Segment, Vec<u8>) {
    let path = Path {
        source_mac: [2, 0, 0, 0, 0, 2],
        destination_mac: [2, 0, 0, 0, 0, 1],
        vlan: None,
        source: [10, 0, 0, 2].into(),
        destination: [10, 0, 0, 1].into(),
        source_port: 4000,
        destination_port: 1883,
        hop_limit: build::HOP_LIMIT,
    };
    let segment = TcpSegment {
        seq,
        flags,
        payload,
        ..TcpSegment::default()
    };
    let mut frame = vec![0; 54 + payload.len()];
    build::tcp_segment(&mut frame, &path, &segment).expect("room for the segment");
    let packet = Packet::decode(&frame).expect("a frame of our own");
    let Transport::Tcp(tcp) = packet.transport else {
        unreachable!("built as TCP");
    };
    (Segment::new(&tcp, packet.layout), frame)
}
