//! Entry points for fuzzers: arbitrary bytes in, invariants asserted.

use super::packet::network;
use super::{Layout, Malformed, Packet, TcpFlags, Transport, build, checksum, edit};

/// Decodes a frame, and where it is TCP or UDP, edits copies of it and decodes those.
///
/// # Panics
/// When a layer lies outside its frame, or an edited frame is no longer well-formed.
pub fn fuzz_frame(data: &[u8]) {
    let packet = match Packet::decode(data) {
        Ok(packet) => packet,
        Err(Malformed::IpChecksum) => return fuzz_past_checksum(data),
        Err(malformed) => {
            assert!(malformed.code().contains(".malformed."));
            return;
        }
    };
    let Layout {
        l3,
        l4,
        payload,
        end,
        ..
    } = packet.layout;
    assert!(l3 <= l4 && l4 <= payload && payload <= end && end <= data.len());
    let payload_of_view = match packet.transport {
        Transport::Tcp(tcp) => {
            assert!(tcp.options.iter().count() <= tcp.options.as_bytes().len());
            tcp.payload
        }
        Transport::Udp(udp) => udp.payload,
        _ => {
            assert_eq!(checksum::verify(&packet), checksum::State::Valid);
            return;
        }
    };
    assert_eq!(payload_of_view, &data[payload..end]);
    edit_copy(data, &packet.layout);
    let path = build::Path::of(&packet).expect("TCP or UDP");
    assert_eq!(path.reversed().reversed(), path);
}

/// A checksum hardly ever comes right by chance: makes it fit, so that the rest is reached.
fn fuzz_past_checksum(data: &[u8]) {
    let (_, l3) = network(data).expect("an IPv4 header was there");
    let mut frame = data.to_vec();
    edit::refresh_ip_checksum(&mut frame, l3);
    assert_ne!(Packet::decode(&frame).err(), Some(Malformed::IpChecksum));
    fuzz_frame(&frame);
}

fn edit_copy(data: &[u8], layout: &Layout) {
    let mut frame = data.to_vec();
    edit::refresh_checksums(&mut frame, layout);
    expect_valid(&frame);
    let half = layout.payload_len() / 2;
    let is_tcp = match Packet::decode(&frame)
        .expect("edited, not broken")
        .transport
    {
        Transport::Tcp(tcp) => Some(tcp.seq),
        _ => None,
    };
    let Some(seq) = is_tcp else {
        let len = edit::set_payload_len(&mut frame, layout, half);
        expect_valid(&frame[..len]);
        return;
    };
    let mut front = frame.clone();
    let len = edit::truncate_tcp_payload(&mut frame, layout, half);
    let cut = expect_valid(&frame[..len]);
    let Transport::Tcp(tcp) = cut.transport else {
        panic!("still TCP")
    };
    assert_eq!(tcp.payload, &data[layout.payload..layout.payload + half]);
    assert!(half == layout.payload_len() || !tcp.flags.contains(TcpFlags::FIN));

    let len = edit::trim_tcp_front(&mut front, layout, half);
    let trimmed = expect_valid(&front[..len]);
    let Transport::Tcp(tcp) = trimmed.transport else {
        panic!("still TCP")
    };
    assert_eq!(tcp.payload, &data[layout.payload + half..layout.end]);
    assert_eq!(tcp.seq, seq.wrapping_add(half as u32));
}

fn expect_valid(frame: &[u8]) -> Packet<'_> {
    let packet = Packet::decode(frame).expect("edited, not broken");
    assert_eq!(checksum::verify(&packet), checksum::State::Valid);
    packet
}
