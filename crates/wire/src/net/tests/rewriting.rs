//! Checksums, edits in place, and frames of our own.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{TAG, path, tagged, tcp, udp};
use crate::net::build::{self, Path, TcpSegment};
use crate::net::checksum::{self, State};
use crate::net::{Packet, TcpFlags, Transport, edit};

fn state(frame: &[u8]) -> State {
    checksum::verify(&Packet::decode(frame).unwrap())
}

/// The checksum as RFC 1071 §4.1 writes it, sixteen bits at a time.
fn plain_sum(bytes: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// The pseudo-header and the transport of a frame of ours, in one piece.
fn summed(frame: &[u8]) -> Vec<u8> {
    let packet = Packet::decode(frame).unwrap();
    let layout = packet.layout;
    let addresses = match layout.is_v4 {
        true => &frame[layout.l3 + 12..layout.l3 + 20],
        false => &frame[layout.l3 + 8..layout.l3 + 40],
    };
    let len = (layout.end - layout.l4) as u16;
    [
        addresses,
        &[0, layout.protocol],
        &len.to_be_bytes(),
        &frame[layout.l4..layout.end],
    ]
    .concat()
}

#[test]
fn a_stack_s_partial_checksum_is_found_and_completed() {
    for is_v4 in [true, false] {
        for whole in [tcp(&path(is_v4), b"hello"), udp(&path(is_v4), b"hello")] {
            let layout = Packet::decode(&whole).unwrap().layout;
            let mut frame = whole.clone();
            let at = layout.checksum_at();
            let pseudo_len = summed(&whole).len() - (layout.end - layout.l4);
            let partial = plain_sum(&summed(&whole)[..pseudo_len]);
            frame[at..at + 2].copy_from_slice(&partial.to_be_bytes());
            assert_eq!(state(&frame), State::Partial);
            checksum::complete(&mut frame, &layout);
            assert_eq!(frame, whole);
        }
    }
}

#[test]
fn a_missing_udp_checksum_is_legal_over_ipv4_only() {
    for (is_v4, expected) in [(true, State::Zero), (false, State::Wrong)] {
        let mut frame = udp(&path(is_v4), b"abc");
        let at = Packet::decode(&frame).unwrap().layout.checksum_at();
        frame[at..at + 2].fill(0);
        assert_eq!(state(&frame), expected);
    }
}

#[test]
fn a_udp_checksum_of_zero_is_written_as_all_ones() {
    // Data that brings the sum to 0xffff, whose complement is zero.
    let frame = udp(&path(true), &[0, 0]);
    let at = Packet::decode(&frame).unwrap().layout.checksum_at();
    let field = u16::from_be_bytes([frame[at], frame[at + 1]]);
    let frame = udp(&path(true), &field.to_be_bytes());
    assert_eq!(frame[at..at + 2], [0xff, 0xff]);
    assert_eq!(state(&frame), State::Valid);
}

proptest! {
    #[test]
    fn checksums_agree_with_the_plain_sum(
        is_v4: bool, payload in vec(any::<u8>(), 0..200), flip in any::<prop::sample::Index>(),
    ) {
        for mut frame in [tcp(&path(is_v4), &payload), udp(&path(is_v4), &payload)] {
            prop_assert_eq!(plain_sum(&summed(&frame)), 0xffff);
            prop_assert_eq!(state(&frame), State::Valid);
            let layout = Packet::decode(&frame).unwrap().layout;
            if !payload.is_empty() {
                frame[layout.payload + flip.index(payload.len())] ^= 0x10;
                // One in 65,536 looks like a checksum that was left to the interface.
                prop_assert!(matches!(state(&frame), State::Wrong | State::Partial));
            }
        }
    }

    #[test]
    fn a_cut_segment_is_a_shorter_one(
        is_v4: bool, payload in vec(any::<u8>(), 0..200), keep in any::<prop::sample::Index>(),
    ) {
        let keep = keep.index(payload.len() + 1);
        let mut frame = tcp(&path(is_v4), &payload);
        let layout = Packet::decode(&frame).unwrap().layout;
        let len = edit::truncate_tcp_payload(&mut frame, &layout, keep);
        prop_assert_eq!(&frame[..len], tcp(&path(is_v4), &payload[..keep]));
    }

    #[test]
    fn a_trimmed_segment_begins_later(
        is_v4: bool, payload in vec(any::<u8>(), 0..200), skip in any::<prop::sample::Index>(),
    ) {
        let skip = skip.index(payload.len() + 1);
        let mut frame = tcp(&path(is_v4), &payload);
        let layout = Packet::decode(&frame).unwrap().layout;
        let len = edit::trim_tcp_front(&mut frame, &layout, skip);
        let packet = Packet::decode(&frame[..len]).unwrap();
        prop_assert_eq!(checksum::verify(&packet), State::Valid);
        let Transport::Tcp(tcp) = packet.transport else { panic!("TCP") };
        prop_assert_eq!(tcp.payload, &payload[skip..]);
        prop_assert_eq!(tcp.seq, 0xffff_fff0_u32.wrapping_add(skip as u32));
    }

    #[test]
    fn datagrams_shrink_and_grow(is_v4: bool, len in 0_usize..100) {
        let mut frame = udp(&path(is_v4), &[0x41; 50]);
        let layout = Packet::decode(&frame).unwrap().layout;
        frame.resize(layout.payload + 100, 0x41);
        frame[layout.payload..].fill(0x41);
        let end = edit::set_payload_len(&mut frame, &layout, len);
        prop_assert_eq!(&frame[..end], udp(&path(is_v4), &vec![0x41; len]));
    }
}

#[test]
fn a_fin_goes_with_what_is_cut() {
    let segment = TcpSegment {
        flags: TcpFlags::FIN | TcpFlags::ACK,
        payload: b"abcd",
        ..TcpSegment::default()
    };
    for (keep, expected) in [(4, true), (3, false), (0, false)] {
        let mut frame = [0; 100];
        let len = build::tcp_segment(&mut frame, &path(true), &segment).unwrap();
        let layout = Packet::decode(&frame[..len]).unwrap().layout;
        let len = edit::truncate_tcp_payload(&mut frame, &layout, keep);
        let packet = Packet::decode(&frame[..len]).unwrap();
        let Transport::Tcp(tcp) = packet.transport else {
            panic!("TCP")
        };
        assert_eq!(tcp.flags.contains(TcpFlags::FIN), expected);
    }
}

#[test]
fn an_answer_takes_the_way_back() {
    for is_v4 in [true, false] {
        let request = tagged(&udp(&path(is_v4), b"ping"), TAG);
        let way = Path::of(&Packet::decode(&request).unwrap()).unwrap();
        let answer = udp(&way.reversed(), b"pong");
        let packet = Packet::decode(&answer).unwrap();
        assert_eq!(packet.ethernet().destination, [2, 0, 0, 0, 0, 1]);
        assert_eq!(packet.vlan(), Some(TAG));
        assert_eq!(packet.destination(), path(is_v4).source);
        assert_eq!(packet.ports(), Some((1883, 40_000)));
    }
}

#[test]
fn a_frame_that_does_not_fit_is_not_written() {
    let mut buffer = [0; 60];
    let fits = 60 - 14 - 20 - 8;
    assert_eq!(
        build::udp_datagram(&mut buffer, &path(true), &vec![0; fits]),
        Some(60)
    );
    assert_eq!(
        build::udp_datagram(&mut buffer, &path(true), &vec![0; fits + 1]),
        None
    );
    let mut large = vec![0; 70_000];
    assert_eq!(
        build::udp_datagram(&mut large, &path(true), &vec![0; 65_535 - 28]),
        Some(65_549)
    );
    assert_eq!(
        build::udp_datagram(&mut large, &path(true), &vec![0; 65_536 - 28]),
        None
    );
    let payload = vec![0; 65_536 - 40];
    let segment = TcpSegment {
        flags: TcpFlags::ACK,
        payload: &payload,
        ..Default::default()
    };
    assert_eq!(build::tcp_segment(&mut large, &path(true), &segment), None);
}

#[test]
fn multipath_gives_way_to_padding() {
    let join = [30, 16, 0x10, 1, 1, 2, 3, 4, 30, 30, 30, 30, 0, 0, 0, 0];
    let options = [&[2, 4, 5, 180, 1, 3, 3, 7][..], &join, &[30, 4, 1, 0x81]].concat();
    for is_v4 in [true, false] {
        let segment = TcpSegment {
            flags: TcpFlags::SYN,
            options: &options,
            payload: b"30",
            ..TcpSegment::default()
        };
        let mut frame = [0; 200];
        let len = build::tcp_segment(&mut frame, &path(is_v4), &segment).unwrap();
        let frame = &mut frame[..len];
        let layout = Packet::decode(frame).unwrap().layout;
        edit::blank_multipath(frame, &layout);
        let packet = Packet::decode(frame).unwrap();
        assert_eq!(checksum::verify(&packet), State::Valid);
        let Transport::Tcp(tcp) = packet.transport else {
            panic!("TCP")
        };
        assert_eq!(tcp.options.as_bytes()[..8], options[..8]);
        assert_eq!(tcp.options.as_bytes()[8..], [1; 20]);
        assert!(!tcp.options.has_multipath());
        assert_eq!(tcp.payload, b"30");
    }
}

#[test]
fn a_timestamp_is_set_wherever_it_stands() {
    let clock = [8, 10, 0, 0, 0, 8, 0, 0, 0, 10];
    for (before, after) in [
        (&[1, 1][..], &[][..]),
        (&[], &[1, 0]),
        (&[5, 10, 8, 10, 8, 10, 8, 10, 8, 10], &[]),
        (&[0, 0], &[]),
    ] {
        let options = [before, &clock, after].concat();
        let segment = TcpSegment {
            flags: TcpFlags::ACK,
            options: &options,
            payload: b"8",
            ..TcpSegment::default()
        };
        let mut frame = [0; 200];
        let len = build::tcp_segment(&mut frame, &path(true), &segment).unwrap();
        let frame = &mut frame[..len];
        let layout = Packet::decode(frame).unwrap().layout;
        edit::set_tcp_timestamp(frame, &layout, 0x0102_0304);
        let packet = Packet::decode(frame).unwrap();
        assert_eq!(checksum::verify(&packet), State::Valid);
        let Transport::Tcp(tcp) = packet.transport else {
            panic!("TCP")
        };
        let mut expected = options.clone();
        // What stands behind the end of the list is none.
        if before != [0, 0] {
            expected[before.len() + 2..][..4].copy_from_slice(&[1, 2, 3, 4]);
        }
        assert_eq!(tcp.options.as_bytes(), expected);
        assert_eq!(tcp.payload, b"8");
    }
}

#[test]
fn only_an_option_of_its_kind_is_multipath() {
    for (options, expected) in [
        (&[1, 1, 8, 10, 30, 4, 0, 0, 30, 4, 0, 0][..], false),
        (&[0, 30, 4, 0], false),
        (&[2, 4, 30, 30], false),
        (&[1, 1, 30, 2], true),
        (&[8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 30, 2], true),
    ] {
        let segment = TcpSegment {
            flags: TcpFlags::ACK,
            options,
            ..TcpSegment::default()
        };
        let mut frame = [0; 100];
        let len = build::tcp_segment(&mut frame, &path(true), &segment).unwrap();
        let packet = Packet::decode(&frame[..len]).unwrap();
        let Transport::Tcp(tcp) = packet.transport else {
            panic!("TCP")
        };
        assert_eq!(tcp.options.has_multipath(), expected, "{options:?}");
    }
}
