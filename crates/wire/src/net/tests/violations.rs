//! Every violation has its frame, and every truncation of a frame is one.

use std::collections::BTreeSet;

use hex_literal::hex;

use super::{TAG, patched_v4, path, tagged, tcp, udp, with_extensions};
use crate::net::Malformed as M;
use crate::net::{Packet, Transport, build, checksum};

const TCP: u8 = 6;
const UDP: u8 = 17;
const V4: usize = 14;

/// A frame with one byte changed.
fn patched(mut frame: Vec<u8>, at: usize, byte: u8) -> Vec<u8> {
    frame[at] = byte;
    frame
}

fn cut(mut frame: Vec<u8>, len: usize) -> Vec<u8> {
    frame.truncate(len);
    frame
}

/// An IPv4 packet of `protocol` with this data.
fn v4(protocol: u8, data: &[u8]) -> Vec<u8> {
    let frame = [&udp(&path(true), &[])[..V4 + 20], data].concat();
    let len = ((20 + data.len()) as u16).to_be_bytes();
    patched_v4(
        frame,
        &[(V4 + 2, len[0]), (V4 + 3, len[1]), (V4 + 9, protocol)],
    )
}

/// An IPv4 packet with options in its header, in whole words.
fn with_options(frame: &[u8], options: &[u8]) -> Vec<u8> {
    let frame = [&frame[..V4 + 20], options, &frame[V4 + 20..]].concat();
    let len = ((frame.len() - V4) as u16).to_be_bytes();
    let words = 0x45 + (options.len() / 4) as u8;
    patched_v4(frame, &[(V4, words), (V4 + 2, len[0]), (V4 + 3, len[1])])
}

#[rustfmt::skip]
fn table() -> Vec<(M, Vec<u8>)> {
    let (udp4, udp6) = (udp(&path(true), b"abcdefgh"), udp(&path(false), b"abcdefgh"));
    let (tcp4, tcp6) = (tcp(&path(true), b"abcdefgh"), tcp(&path(false), b"abcdefgh"));
    let hop_by_hop = |next: u8| [next, 0, 0, 0, 0, 0, 0, 0];
    let destination = [60, 0, 0, 0, 0, 0, 0, 0];
    let last_of = |next: u8, times: usize| {
        let mut chain = destination.repeat(times);
        chain[(times - 1) * 8] = next;
        chain
    };
    vec![
        (M::EthernetTruncated, vec![]),
        (M::EthernetTruncated, cut(udp4.clone(), 13)),
        (M::EthernetTruncated, cut(tagged(&udp4, TAG), 17)),
        (M::IpTruncated, cut(udp4.clone(), V4)),
        (M::IpTruncated, cut(udp4.clone(), V4 + 19)),
        (M::IpTruncated, cut(udp4.clone(), udp4.len() - 1)),
        (M::IpTruncated, cut(udp6.clone(), V4 + 39)),
        (M::IpTruncated, cut(udp6.clone(), udp6.len() - 1)),
        (M::IpVersion, patched(udp4.clone(), V4, 0x65)),
        (M::IpVersion, patched(udp6.clone(), V4, 0x40)),
        (M::IpHeaderLength, patched(udp4.clone(), V4, 0x44)),
        (M::IpTotalLength, patched_v4(udp4.clone(), &[(V4 + 2, 0), (V4 + 3, 19)])),
        (M::IpTotalLength, patched(udp4.clone(), V4, 0x4f)),
        (M::IpChecksum, patched(udp4.clone(), V4 + 10, 0x12)),
        (M::FragmentSize, patched_v4(cut(udp4.clone(), V4 + 20 + 15), &[(V4 + 3, 35), (V4 + 6, 0x20)])),
        (M::FragmentSize, patched_v4(cut(udp4.clone(), V4 + 20), &[(V4 + 3, 20), (V4 + 6, 0x20)])),
        (M::FragmentSize, with_extensions(&udp6[..V4 + 40 + 15], 44, &hex!("11 00 0001 00000001"))),
        (M::FragmentOverrun, patched_v4(udp4.clone(), &[(V4 + 6, 0x1f), (V4 + 7, 0xff)])),
        (M::FragmentOverrun, with_extensions(&udp6, 44, &hex!("11 00 fff8 00000001"))),
        (M::ExtensionTruncated, with_extensions(&udp6[..V4 + 40], 60, &[UDP, 0, 0, 0, 0, 0, 0])),
        (M::ExtensionTruncated, with_extensions(&udp6[..V4 + 40], 43, &[UDP, 1, 0, 0, 0, 0, 0, 0])),
        (M::ExtensionTruncated, with_extensions(&udp6[..V4 + 40], 0, &[])),
        (M::ExtensionTruncated, with_extensions(&udp6[..V4 + 40], 44, &[UDP, 0, 0])),
        (M::ExtensionOrder, with_extensions(&udp6, 60, &[[0; 8], hop_by_hop(UDP)].concat())),
        (M::ExtensionCount, with_extensions(&udp6, 60, &last_of(UDP, 9))),
        (M::ExtensionCount, with_extensions(&udp6, 60, &[&last_of(44, 8)[..], &[UDP; 8]].concat())),
        (M::IpSourceRoute, with_options(&udp4, &hex!("01 83 07 04 0a000009"))),
        (M::IpSourceRoute, with_options(&udp4, &hex!("94 04 0000 89 03 04 00"))),
        (M::IpSourceRoute, with_extensions(&udp6, 43, &[&[UDP, 2, 0, 1][..], &[0; 20]].concat())),
        (M::TcpTruncated, v4(TCP, &[0; 19])),
        (M::TcpTruncated, v4(TCP, &tcp4[V4 + 20..V4 + 51])),
        (M::TcpTruncated, with_extensions(&tcp6[..V4 + 40], TCP, &[])),
        (M::TcpHeaderLength, patched(tcp4.clone(), V4 + 32, 0x40)),
        (M::TcpHeaderLength, patched(tcp4.clone(), V4 + 32, 0x00)),
        (M::TcpOptions, patched(tcp4.clone(), V4 + 20 + 23, 1)),
        (M::TcpOptions, patched(tcp4.clone(), V4 + 20 + 23, 11)),
        (M::TcpOptions, patched(tcp4.clone(), V4 + 20 + 23, 0)),
        (M::TcpOptions, patched(tcp4, V4 + 20 + 22, 3)),
        (M::UdpTruncated, v4(UDP, &[0; 7])),
        (M::UdpLength, v4(UDP, &hex!("0001 0002 0007 0000"))),
        (M::UdpLength, v4(UDP, &hex!("0001 0002 0009 0000"))),
        (M::UdpLength, v4(UDP, &hex!("0001 0002 0000 0000"))),
        (M::UdpLength, v4(UDP, &hex!("0001 0002 0008 0000 00"))),
    ]
}

#[test]
fn every_violation_is_seen_as_itself() {
    for (expected, frame) in table() {
        assert_eq!(Packet::decode(&frame).err(), Some(expected), "{frame:02x?}");
    }
}

#[test]
fn options_and_routing_headers_that_choose_no_way_are_fine() {
    let (udp4, udp6) = (
        udp(&path(true), b"abcdefgh"),
        udp(&path(false), b"abcdefgh"),
    );
    let fine = [
        with_options(&udp4, &hex!("94 04 0000")),
        with_options(&udp4, &hex!("00 83 03 04")),
        with_extensions(&udp6, 43, &[UDP, 0, 0, 0, 0, 0, 0, 0]),
        with_extensions(&udp6, 43, &[UDP, 0, 4, 1, 0, 0, 0, 0]),
    ];
    for frame in fine {
        assert!(Packet::decode(&frame).is_ok(), "{frame:02x?}");
    }
}

#[test]
fn no_violation_is_without_a_frame() {
    let mut shown: BTreeSet<_> = table()
        .iter()
        .map(|(malformed, _)| malformed.code())
        .collect();
    // The flags have a table of their own below; checksums are looked at after decoding.
    shown.extend([M::TcpFlags, M::TcpChecksum, M::UdpChecksum].map(M::code));
    let known: BTreeSet<_> = M::ALL.iter().map(|malformed| malformed.code()).collect();
    assert_eq!(shown, known);
}

#[test]
fn only_six_combinations_of_flags_are_possible() {
    let frame = tcp(&path(true), &[]);
    let possible = [0x02, 0x12, 0x04, 0x14, 0x10, 0x11];
    for flags in 0..=255 {
        let found = Packet::decode(&patched(frame.clone(), V4 + 33, flags)).err();
        let expected = (!possible.contains(&(flags & 0x17))).then_some(M::TcpFlags);
        assert_eq!(found, expected, "{flags:#04x}");
    }
}

#[test]
fn a_frame_cut_short_anywhere_is_malformed() {
    for is_v4 in [true, false] {
        for frame in [tcp(&path(is_v4), b"abc"), udp(&path(is_v4), b"abc")] {
            for end in 0..frame.len() {
                assert!(
                    Packet::decode(&frame[..end]).is_err(),
                    "{end} of {frame:02x?}"
                );
            }
        }
    }
}

#[test]
fn wrong_checksums_are_named_by_their_layer() {
    for is_v4 in [true, false] {
        let mut segment = tcp(&path(is_v4), b"abc");
        *segment.last_mut().unwrap() ^= 1;
        let packet = Packet::decode(&segment).unwrap();
        assert_eq!(checksum::check(&packet), Err(M::TcpChecksum));
        let mut datagram = udp(&path(is_v4), b"abc");
        *datagram.last_mut().unwrap() ^= 1;
        let packet = Packet::decode(&datagram).unwrap();
        assert_eq!(checksum::check(&packet), Err(M::UdpChecksum));
    }
}

#[test]
fn what_is_not_ip_is_never_malformed() {
    #[rustfmt::skip]
    let table: &[&[u8]] = &[
        &hex!("ffffffffffff 020000000001 0806 0001"),           // ARP, cut short
        &hex!("ffffffffffff 020000000001 0003 424203"),         // an 802.3 length
        &hex!("ffffffffffff 020000000001 8100 0064 8100 0065"), // a second tag
        &hex!("ffffffffffff 020000000001 8100 0064 88a8"),
        &hex!("ffffffffffff 020000000001 88cc"),                // LLDP without anything
    ];
    for frame in table {
        let packet = Packet::decode(frame).unwrap();
        assert_eq!(packet.transport, Transport::NotIp);
        assert_eq!((packet.ports(), build::Path::of(&packet)), (None, None));
        assert!(packet.source().is_unspecified() && packet.destination().is_unspecified());
    }
}

#[test]
fn arithmetic_is_told_from_structure() {
    let others = [
        M::IpChecksum,
        M::IpSourceRoute,
        M::TcpOptions,
        M::TcpChecksum,
        M::UdpChecksum,
    ];
    for malformed in M::ALL {
        assert_eq!(malformed.is_structural(), !others.contains(malformed));
    }
}
