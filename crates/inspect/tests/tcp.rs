//! The bytes of a TCP stream, one trick a case (DESIGN section 4; Ptacek and Newsham 1998).

use std::time::Duration;

use policy::Side;
use testkit::mqtt;
use testkit::network::{Ends, Gateway, Stream, policy_of, tcp_of};
use weir_inspect::{Limits, Verdict};
use wire::Direction::{ToClient, ToServer};
use wire::mqtt::Version;
use wire::net::TcpFlags;
use wire::net::build::TcpSegment;

const ACK: TcpFlags = TcpFlags::ACK;
const RST: TcpFlags = TcpFlags::RST;
const FIN: TcpFlags = TcpFlags::FIN;
const PUBLISH: &[u8] = b"\x30\x07\x00\x01tdata";
const PINGREQ: &[u8] = b"\xc0\x00";

/// A gateway without rules: the integrity of the stream doesn't depend on any.
fn gateway() -> Gateway {
    Gateway::of("", "")
}

fn gateway_with(limits: Limits) -> Gateway {
    Gateway::with_limits(policy_of("", ""), limits)
}

/// An established connection whose session is open.
fn session(gateway: &mut Gateway, ends: Ends) -> Stream {
    Stream::session(gateway, ends, Version::V311, "a")
}

#[test]
fn a_conversation_passes_untouched_over_both_families() {
    for ends in [Ends::v4(1, 1883), Ends::v6(1, 1883)] {
        let mut gateway = gateway();
        let mut stream = session(&mut gateway, ends);
        let sent = stream.segment(ToServer, 0, ACK, PUBLISH);
        let passage = stream.data(&mut gateway, ToServer, PUBLISH);
        let [departed] = &passage.out[..] else {
            panic!("{passage:?}")
        };
        assert_eq!(departed.side, Side::Outside);
        assert_eq!(departed.frame.len(), sent.len());
        assert_eq!(tcp_of(&departed.frame).payload, PUBLISH);
        assert!(stream.ack(&mut gateway, ToClient).outcome.forward);
        assert_eq!(gateway.inspector.gauges().flows, 1);
        assert_eq!(gateway.inspector.gauges().sessions, 1);
        for direction in [ToServer, ToClient] {
            assert!(
                stream
                    .send(&mut gateway, direction, ACK | FIN, &[])
                    .outcome
                    .forward
            );
        }
        assert!(stream.ack(&mut gateway, ToServer).outcome.forward);
        assert_eq!(gateway.inspector.gauges().sessions, 0);
        assert!(
            gateway.record.events.is_empty(),
            "{:?}",
            gateway.record.events
        );
        gateway.wait(Duration::from_secs(31));
        assert_eq!(gateway.inspector.gauges().flows, 0);
    }
}

#[test]
fn other_ports_and_protocols_pass_unseen() {
    let mut gateway = gateway();
    let stream = Stream::new(Ends::v4(1, 80));
    let frame = stream.segment(ToServer, 0, ACK, b"GET /");
    assert_eq!(gateway.carry(Side::Inside, &frame).out[0].frame, frame);
    let arp = [&[0xff; 12][..], &[8, 6], &[0; 46]].concat();
    assert_eq!(gateway.carry(Side::Inside, &arp).out[0].frame, arp);
    assert_eq!(gateway.inspector.gauges().half_open, 0);
}

#[test]
fn segments_out_of_order_are_held_and_leave_in_order() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Ends::v4(7, 1883));
    let late = stream.data_at(&mut gateway, ToServer, 9, PINGREQ);
    assert_eq!(late.verdict(), Verdict::Hold);
    assert!(late.toward(Side::Outside).is_empty());
    assert_eq!(gateway.inspector.gauges().held_segments, 1);
    let first = stream.data(&mut gateway, ToServer, PUBLISH);
    let payloads: Vec<_> = first
        .out
        .iter()
        .map(|out| tcp_of(&out.frame).payload)
        .collect();
    assert_eq!(payloads, [PUBLISH, PINGREQ]);
    assert_eq!(gateway.inspector.gauges().held_bytes, 0);
}

/// Of what the server offers, almost as much as it may by default, the first segment is lost: what follows waits.
#[test]
fn a_lost_segment_of_a_full_window_is_all_that_is_sent_again() {
    const SEGMENT_BYTES: usize = 536;
    let window = 448_000;
    assert!(window > Limits::default().unacked_bytes_per_flow * 5 / 6);
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Ends::v4(7, 1883));
    let publish = mqtt::publish(Version::V311, "t", &vec![b'1'; window - 7]);
    for (at, bytes) in publish.chunks(SEGMENT_BYTES).enumerate().skip(1) {
        let at = (at * SEGMENT_BYTES) as i64;
        let passage = stream.data_at(&mut gateway, ToServer, at, bytes);
        assert_eq!(
            passage.verdict(),
            Verdict::Hold,
            "at {at}: {:?}",
            passage.reason()
        );
    }
    let first = stream.data(&mut gateway, ToServer, &publish[..SEGMENT_BYTES]);
    assert_eq!(first.out.len(), publish.len().div_ceil(SEGMENT_BYTES));
    assert_eq!(first.reason(), None);
}

#[test]
fn holding_is_bounded_and_what_is_over_the_bound_is_repeated_by_its_sender() {
    let limits = Limits {
        held_segments_per_flow: 2,
        ..Limits::default()
    };
    let mut gateway = gateway_with(limits);
    let stream = session(&mut gateway, Ends::v4(7, 1883));
    for offset in [2, 4] {
        assert_eq!(
            stream
                .data_at(&mut gateway, ToServer, offset, PINGREQ)
                .verdict(),
            Verdict::Hold
        );
    }
    stream
        .data_at(&mut gateway, ToServer, 6, PINGREQ)
        .assert_dropped("tcp.hold-limit");
}

#[test]
fn a_retransmission_passes_and_a_forged_one_does_not() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Ends::v4(7, 1883));
    stream.data(&mut gateway, ToServer, PUBLISH);
    let len = PUBLISH.len() as i64;
    assert!(
        stream
            .data_at(&mut gateway, ToServer, -len, PUBLISH)
            .outcome
            .forward
    );
    assert!(
        stream
            .data_at(&mut gateway, ToServer, -3, b"ata")
            .outcome
            .forward
    );
    let forged = stream.data_at(&mut gateway, ToServer, -3, b"ATA");
    forged.assert_dropped("tcp.overlap-conflict");
    // Neither may new bytes ride on a forged repetition.
    let forged = stream.data_at(&mut gateway, ToServer, -3, b"ATA\xc0\x00");
    forged.assert_dropped("tcp.overlap-conflict");
    assert!(
        stream
            .data_at(&mut gateway, ToServer, -3, b"ata\xc0\x00")
            .outcome
            .forward
    );
}

#[test]
fn what_is_held_can_t_be_overwritten_either() {
    let mut gateway = gateway();
    let stream = session(&mut gateway, Ends::v4(7, 1883));
    stream.data_at(&mut gateway, ToServer, 2, PINGREQ);
    let forged = stream.data_at(&mut gateway, ToServer, 1, b"\x00\xe0\x00");
    forged.assert_dropped("tcp.overlap-conflict");
    // Bytes whose turn it is win over bytes that were held: nobody can block a stream by guessing
    // ahead. What was held is dropped then.
    let passage = stream.data_at(&mut gateway, ToServer, 0, b"\xc0\x00\xe0");
    assert!(passage.outcome.forward);
    assert_eq!(passage.out.len(), 1);
    assert_eq!(passage.reason(), Some("tcp.overlap-conflict"));
}

#[test]
fn data_outside_the_window_is_dropped() {
    let mut gateway = gateway();
    let stream = session(&mut gateway, Ends::v4(7, 1883));
    // The ends agreed on a shift of 7.
    let beyond = (0xffff << 7) + 5;
    stream
        .data_at(&mut gateway, ToServer, beyond, PUBLISH)
        .assert_dropped("tcp.out-of-window");
    let ancient = -(0xffff << 7) - 100;
    stream
        .data_at(&mut gateway, ToServer, ancient, PUBLISH)
        .assert_dropped("tcp.out-of-window");
}

#[test]
fn an_acknowledgement_of_what_was_never_sent_is_dropped() {
    let mut gateway = gateway();
    let stream = session(&mut gateway, Ends::v4(7, 1883));
    let segment = TcpSegment {
        seq: stream.next(ToServer),
        ack: stream.next(ToClient).wrapping_add(1),
        flags: ACK,
        window: 0xffff,
        payload: PUBLISH,
        ..TcpSegment::default()
    };
    let frame = stream.raw(ToServer, &segment);
    gateway
        .carry(Side::Inside, &frame)
        .assert_dropped("tcp.out-of-window");
}

#[test]
fn a_wrong_checksum_is_dropped_and_a_partial_one_completed() {
    let mut gateway = gateway();
    let stream = session(&mut gateway, Ends::v4(7, 1883));
    let good = stream.segment(ToServer, 0, ACK, PUBLISH);
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    gateway
        .carry(Side::Inside, &bad)
        .assert_dropped("tcp.malformed.checksum");

    let mut partial = good.clone();
    let pseudo_header = partial_checksum(&partial);
    partial[50..52].copy_from_slice(&pseudo_header);
    let passage = gateway.carry(Side::Inside, &partial);
    assert_eq!(passage.out[0].frame, good);
}

/// What a local stack leaves in the checksum field of an IPv4 segment: the folded pseudo-header.
fn partial_checksum(frame: &[u8]) -> [u8; 2] {
    let tcp_len = (frame.len() - 34) as u16;
    let words = frame[26..34]
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
    let sum: u32 = words.sum::<u32>() + 6 + u32::from(tcp_len);
    let folded = (sum & 0xffff) + (sum >> 16);
    (folded as u16).to_be_bytes()
}

#[test]
fn urgent_data_is_dropped() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Ends::v4(7, 1883));
    let passage = stream.send(&mut gateway, ToServer, ACK | TcpFlags::URG, PUBLISH);
    passage.assert_dropped("tcp.urgent");
}

#[test]
fn keep_alive_probes_and_zero_window_probes_pass() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Ends::v4(7, 1883));
    stream.data(&mut gateway, ToServer, PUBLISH);
    stream.ack(&mut gateway, ToClient);
    // One byte of garbage before the next, as some stacks send it.
    assert!(
        stream
            .data_at(&mut gateway, ToServer, -1, b"\0")
            .outcome
            .forward
    );
    assert!(
        stream
            .data_at(&mut gateway, ToServer, -1, b"")
            .outcome
            .forward
    );
}

#[test]
fn half_closed_connections_go_on_in_the_other_direction() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Ends::v4(7, 1883));
    assert!(
        stream
            .send(&mut gateway, ToServer, ACK | FIN, &[])
            .outcome
            .forward
    );
    stream.passes(&mut gateway, ToClient, PUBLISH);
    let after_fin = stream.data_at(&mut gateway, ToServer, 0, PINGREQ);
    after_fin.assert_dropped("tcp.out-of-window");
    let again = stream.segment(ToServer, -1, ACK | FIN, &[]);
    assert!(gateway.carry(Side::Inside, &again).outcome.forward);
}

#[test]
fn a_fin_that_comes_early_is_held_too() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Ends::v4(7, 1883));
    let fin = stream.segment(ToServer, 2, ACK | FIN, PINGREQ);
    assert_eq!(gateway.carry(Side::Inside, &fin).verdict(), Verdict::Hold);
    let passage = stream.data(&mut gateway, ToServer, PINGREQ);
    assert_eq!(passage.out.len(), 2);
    assert!(tcp_of(&passage.out[1].frame).flags.contains(FIN));
    let after = stream.data_at(&mut gateway, ToServer, 3, PINGREQ);
    after.assert_dropped("tcp.out-of-window");
}

#[test]
fn a_byte_at_a_time_is_as_good_as_one_segment() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Ends::v4(7, 1883));
    for byte in PUBLISH {
        stream.passes(&mut gateway, ToServer, &[*byte]);
    }
    stream.passes(&mut gateway, ToServer, PINGREQ);
    assert!(gateway.record.events.is_empty());
}

#[test]
fn more_in_flight_than_is_remembered_slows_the_sender_down() {
    let limits = Limits {
        unacked_bytes_per_flow: 64,
        ..Limits::default()
    };
    let mut gateway = gateway_with(limits);
    let mut stream = session(&mut gateway, Ends::v4(7, 1883));
    stream.ack(&mut gateway, ToClient);
    let big = [&b"\x30\x32\x00\x01t"[..], &[b'x'; 47]].concat();
    stream.passes(&mut gateway, ToServer, &big);
    let over = stream.data_at(&mut gateway, ToServer, 0, &big);
    over.assert_dropped("limits.unacked-bytes");
    stream.ack(&mut gateway, ToClient);
    stream.passes(&mut gateway, ToServer, &big);
}

#[test]
fn clients_that_acknowledge_nothing_take_no_more_than_all_have_in_common() {
    let limits = Limits {
        unacked_common_bytes: 3000,
        ..Limits::default()
    };
    let mut gateway = gateway_with(limits);
    let [mut greedy, mut other] = [7, 8].map(|n| session(&mut gateway, Ends::v4(n, 1883)));
    let payload = [b'x'; 1389];
    let publish = mqtt::publish(Version::V311, "t", &payload);
    // Of its own 8192 bytes, and of the common ones; the CONNACK isn't acknowledged either.
    for _ in 0..8 {
        greedy.passes(&mut gateway, ToClient, &publish);
    }
    for _ in 0..5 {
        other.passes(&mut gateway, ToClient, &publish);
    }
    for stream in [&mut greedy, &mut other] {
        let over = stream.data_at(&mut gateway, ToClient, 0, &publish);
        over.assert_dropped("limits.unacked-bytes");
    }
    greedy.ack(&mut gateway, ToServer);
    other.passes(&mut gateway, ToClient, &publish);
}

#[test]
fn monitor_mode_forwards_everything_and_says_what_it_would_have_done() {
    let mut gateway = Gateway::of("mode = \"monitor\"", "");
    let mut stream = session(&mut gateway, Ends::v4(7, 1883));
    let blind = stream.segment(ToServer, 1000, RST, &[]);
    let passage = gateway.carry(Side::Inside, &blind);
    assert_eq!(passage.outcome.would, Some(Verdict::Drop));
    assert_eq!(passage.out.len(), 1);
    stream.data(&mut gateway, ToServer, PUBLISH);
    let forged = stream.segment(ToServer, -3, ACK, b"ATA");
    assert_eq!(gateway.carry(Side::Inside, &forged).out[0].frame, forged);
    let malformed = stream.segment(ToServer, 0, ACK, b"\x36\x00");
    assert_eq!(
        gateway.carry(Side::Inside, &malformed).out[0].frame,
        malformed
    );
}

#[test]
fn no_larger_window_is_offered_than_can_be_remembered() {
    let limits = Limits {
        unacked_bytes_per_flow: 64 << 10,
        ..Limits::default()
    };
    for (offered, forwarded) in [(100, 100), (448, 448), (449, 448), (u16::MAX, 448)] {
        let mut gateway = gateway_with(limits);
        let stream = session(&mut gateway, Ends::v6(1, 1883));
        let ack = TcpSegment {
            seq: stream.next(ToClient),
            ack: stream.next(ToServer),
            flags: ACK,
            window: offered,
            options: &[],
            payload: &[],
        };
        let passage = gateway.carry(Side::Outside, &stream.raw(ToClient, &ack));
        // Shifted by 7: 448 of them are seven eighths of 64 KiB.
        assert_eq!(tcp_of(&passage.out[0].frame).window, forwarded, "{offered}");
        let expected = TcpSegment {
            window: forwarded,
            ..ack
        };
        assert_eq!(passage.out[0].frame, stream.raw(ToClient, &expected));
    }
}

#[test]
fn a_sender_that_fills_its_window_is_never_cut_short() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Ends::v4(1, 1883));
    let publish = mqtt::raw(0x30, &[&b"\x00\x01t"[..], &[0; 4 << 20]].concat());
    let mut rest = &publish[..];
    while !rest.is_empty() {
        let offer = TcpSegment {
            seq: stream.next(ToClient),
            ack: stream.next(ToServer),
            flags: ACK,
            window: u16::MAX,
            options: &[],
            payload: &[],
        };
        let passage = gateway.carry(Side::Outside, &stream.raw(ToClient, &offer));
        let window = usize::from(tcp_of(&passage.out[0].frame).window) << 7;
        let (burst, later) = rest.split_at(rest.len().min(window));
        for piece in burst.chunks(1460) {
            stream.passes(&mut gateway, ToServer, piece);
        }
        rest = later;
    }
    let events = &gateway.record.events;
    assert!(events.is_empty(), "{events:?}");
}
