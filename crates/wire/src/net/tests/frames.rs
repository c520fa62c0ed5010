//! Well-formed frames and what is in them.

use std::net::{IpAddr, SocketAddr};

use hex_literal::hex;

use super::{TAG, patched_v4, path, tagged, tcp, udp, with_extensions};
use crate::net::{
    EXTENSION_HEADERS_MAX, Fragment, Packet, TcpFlags, TcpOption, Transport, Vlan, checksum,
    sack_ranges,
};

/// A CoAP GET over Ethernet, IPv4 and UDP, written out by hand.
const COAP_GET: [u8; 63] = hex!(
    "02 00 00 00 00 02 02 00 00 00 00 01 08 00"
    "45 00 00 31 00 01 40 00 40 11 26 b9 0a 00 00 01 0a 00 00 02"
    "c3 50 16 33 00 1d 47 0c"
    "40 01 00 01 bb 2e 77 65 6c 6c 2d 6b 6e 6f 77 6e 04 63 6f 72 65"
);

#[test]
fn a_frame_written_out() {
    let packet = Packet::decode(&COAP_GET).unwrap();
    let Transport::Udp(udp) = packet.transport else {
        panic!("UDP")
    };
    assert_eq!((udp.source_port, udp.destination_port), (50_000, 5683));
    assert_eq!(packet.source(), IpAddr::from([10, 0, 0, 1]));
    assert_eq!(packet.hop_limit(), 64);
    assert_eq!(packet.ethernet().source, [2, 0, 0, 0, 0, 1]);
    assert_eq!(udp.payload.len(), 21);
    assert_eq!(checksum::verify(&packet), checksum::State::Valid);
}

#[test]
fn segments_of_both_families() {
    for is_v4 in [true, false] {
        let frame = tcp(&path(is_v4), b"abc");
        let packet = Packet::decode(&frame).unwrap();
        let Transport::Tcp(tcp) = packet.transport else {
            panic!("TCP")
        };
        assert_eq!((tcp.seq, tcp.ack, tcp.window), (0xffff_fff0, 7, 512));
        assert_eq!(tcp.flags, TcpFlags::ACK | TcpFlags::PSH);
        assert_eq!((tcp.payload, tcp.seq_len()), (&b"abc"[..], 3));
        let timestamps = TcpOption::Timestamps { value: 1, echo: 2 };
        assert_eq!(tcp.options.iter().collect::<Vec<_>>(), [timestamps]);
        let endpoints = packet.endpoints().unwrap();
        assert_eq!(endpoints.0, SocketAddr::new(path(is_v4).source, 40_000));
        assert_eq!(endpoints.1.port(), 1883);
        assert_eq!(&frame[packet.layout.payload..packet.layout.end], b"abc");
        assert_eq!(packet.frame(), frame);
    }
}

#[test]
fn padding_is_no_payload() {
    for is_v4 in [true, false] {
        let mut frame = udp(&path(is_v4), b"x");
        let end = frame.len();
        frame.extend([0xee; 40]);
        let packet = Packet::decode(&frame).unwrap();
        let Transport::Udp(udp) = packet.transport else {
            panic!("UDP")
        };
        assert_eq!((udp.payload, packet.layout.end), (&b"x"[..], end));
        assert_eq!(checksum::verify(&packet), checksum::State::Valid);
    }
}

#[test]
fn one_tag_is_taken() {
    for ethertype in [0x8100, 0x88a8] {
        let tag = Vlan { ethertype, ..TAG };
        let frame = tagged(&udp(&path(false), b"abc"), tag);
        let packet = Packet::decode(&frame).unwrap();
        assert_eq!(packet.vlan(), Some(tag));
        assert_eq!((tag.id(), packet.ethernet().ethertype), (Some(100), 0x86dd));
        assert_eq!(packet.ports(), Some((40_000, 1883)));
        let built = udp(
            &super::build::Path {
                vlan: Some(tag),
                ..path(false)
            },
            b"abc",
        );
        assert_eq!(built, frame);
        let twice = tagged(&frame, TAG);
        assert_eq!(Packet::decode(&twice).unwrap().transport, Transport::NotIp);
    }
}

#[test]
fn options_of_ipv4_are_skipped() {
    let plain = udp(&path(true), b"abc");
    let with_options = [&plain[..34], &hex!("94 04 0000 01 01 01 00"), &plain[34..]].concat();
    let total = (with_options.len() - 14) as u8;
    let frame = patched_v4(with_options, &[(14, 0x47), (17, total)]);
    let packet = Packet::decode(&frame).unwrap();
    assert_eq!(
        (packet.layout.l4, packet.ports()),
        (14 + 28, Some((40_000, 1883)))
    );
    assert_eq!(checksum::verify(&packet), checksum::State::Valid);
}

#[test]
fn extension_headers_are_walked() {
    let plain = udp(&path(false), b"abc");
    // Hop-by-hop options, destination options, routing, then destination options to the bound.
    let mut chain = vec![60, 0, 0, 0, 0, 0, 0, 0];
    chain.extend([43, 1].into_iter().chain([0; 14]));
    for _ in 3..EXTENSION_HEADERS_MAX {
        chain.extend([60, 0, 0, 0, 0, 0, 0, 0]);
    }
    chain.extend([17, 0, 0, 0, 0, 0, 0, 0]);
    let frame = with_extensions(&plain, 0, &chain);
    let packet = Packet::decode(&frame).unwrap();
    assert_eq!(packet.ports(), Some((40_000, 1883)));
    assert_eq!(checksum::verify(&packet), checksum::State::Valid);
    for next in [50, 51, 58, 59, 135, 139, 140] {
        let frame = with_extensions(&plain, 60, &[next, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(
            Packet::decode(&frame).unwrap().transport,
            Transport::Other(next)
        );
    }
}

#[test]
fn fragments_hide_what_they_carry() {
    let plain = udp(&path(true), b"abcdefgh");
    for (flags, offset, more) in [(0x2000, 0, true), (0x0001, 8, false), (0x2002, 16, true)] {
        let [high, low] = u16::to_be_bytes(flags);
        let frame = patched_v4(plain.clone(), &[(14 + 5, 9), (14 + 6, high), (14 + 7, low)]);
        let packet = Packet::decode(&frame).unwrap();
        let fragment = Fragment {
            protocol: 17,
            identification: 9,
            offset,
            more,
        };
        assert_eq!(packet.transport, Transport::Fragment(fragment));
        assert_eq!(
            (packet.ports(), packet.layout.payload),
            (None, packet.layout.l4)
        );
    }
    // Don't fragment, and the reserved bit, are no fragments.
    for high in [0x40, 0x80, 0xc0] {
        let frame = patched_v4(plain.clone(), &[(14 + 6, high)]);
        assert!(Packet::decode(&frame).unwrap().ports().is_some());
    }
    let plain = udp(&path(false), b"abcdefgh");
    for (offset_and_more, offset, more) in [(0, 0, false), (1, 0, true), (8, 8, false)] {
        let header = [17, 0, 0, offset_and_more, 0, 1, 2, 3];
        let frame = with_extensions(&plain, 44, &header);
        let fragment = Fragment {
            protocol: 17,
            identification: 0x01_0203,
            offset,
            more,
        };
        let packet = Packet::decode(&frame).unwrap();
        assert_eq!(packet.transport, Transport::Fragment(fragment));
        assert_eq!(packet.layout.l4, 14 + 40 + 8);
    }
}

#[test]
fn options_of_tcp() {
    let options = hex!(
        "02 04 05b4" "04 02" "03 03 07"
        "05 12 00000001 00000002 00000003 00000004" "fe 04 0102" "01 00 ff ff ff"
    );
    let segment = super::TcpSegment {
        flags: TcpFlags::SYN,
        options: &options[..options.len() / 4 * 4],
        ..Default::default()
    };
    let mut buffer = [0; 200];
    let len = super::build::tcp_segment(&mut buffer, &path(true), &segment).unwrap();
    let packet = Packet::decode(&buffer[..len]).unwrap();
    let Transport::Tcp(tcp) = packet.transport else {
        panic!("TCP")
    };
    let found: Vec<_> = tcp.options.iter().collect();
    let ranges = &hex!("00000001 00000002 00000003 00000004");
    let expected = [
        TcpOption::MaximumSegmentSize(1460),
        TcpOption::SackPermitted,
        TcpOption::WindowScale(7),
        TcpOption::Sack(ranges),
        TcpOption::Other {
            kind: 0xfe,
            data: &[1, 2],
        },
    ];
    assert_eq!(found, expected);
    assert_eq!(sack_ranges(ranges).collect::<Vec<_>>(), [(1, 2), (3, 4)]);
    assert_eq!(tcp.seq_len(), 1);
    assert_eq!(format!("{:?}", TcpFlags::SYN | TcpFlags::ACK), "SYN+ACK");
}
