//! Tests over whole frames.

mod frames;
mod hostile;
mod rewriting;
mod violations;

use super::build::{self, Path, TcpSegment};
use super::{TcpFlags, Vlan, edit};

/// A path over IPv4, or over IPv6.
pub(crate) fn path(is_v4: bool) -> Path {
    let (source, destination) = match is_v4 {
        true => ([10, 0, 0, 1].into(), [10, 0, 0, 2].into()),
        false => ("fd00::1".parse().unwrap(), "fd00::2".parse().unwrap()),
    };
    Path {
        source_mac: [2, 0, 0, 0, 0, 1],
        destination_mac: [2, 0, 0, 0, 0, 2],
        vlan: None,
        source,
        destination,
        source_port: 40_000,
        destination_port: 1883,
        hop_limit: 64,
    }
}

pub(crate) const TAG: Vlan = Vlan {
    ethertype: 0x8100,
    control: 0x6064,
};

pub(crate) fn tcp(path: &Path, payload: &[u8]) -> Vec<u8> {
    let segment = TcpSegment {
        seq: 0xffff_fff0,
        ack: 7,
        flags: TcpFlags::ACK | TcpFlags::PSH,
        window: 512,
        options: &hex_literal::hex!("01 01 08 0a 00000001 00000002"),
        payload,
    };
    let mut frame = vec![0xaa; 2048];
    let len = build::tcp_segment(&mut frame, path, &segment).unwrap();
    frame.truncate(len);
    frame
}

pub(crate) fn udp(path: &Path, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0xaa; 2048];
    let len = build::udp_datagram(&mut frame, path, payload).unwrap();
    frame.truncate(len);
    frame
}

/// Changes bytes of the IPv4 header and makes its checksum fit again.
pub(crate) fn patched_v4(mut frame: Vec<u8>, changes: &[(usize, u8)]) -> Vec<u8> {
    for (at, byte) in changes {
        frame[*at] = *byte;
    }
    edit::refresh_ip_checksum(&mut frame, 14);
    frame
}

/// Puts bytes between the IPv6 header and what follows, announced as `next_header`.
pub(crate) fn with_extensions(frame: &[u8], next_header: u8, extensions: &[u8]) -> Vec<u8> {
    const L3: usize = 14;
    let mut out = [&frame[..L3 + 40], extensions, &frame[L3 + 40..]].concat();
    let payload_len = (out.len() - L3 - 40) as u16;
    out[L3 + 4..L3 + 6].copy_from_slice(&payload_len.to_be_bytes());
    out[L3 + 6] = next_header;
    out
}

/// Puts a VLAN tag in front of what the frame carries.
pub(crate) fn tagged(frame: &[u8], tag: Vlan) -> Vec<u8> {
    let tag = [tag.ethertype, tag.control].map(u16::to_be_bytes).concat();
    [&frame[..12], &tag, &frame[12..]].concat()
}
