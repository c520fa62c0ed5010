//! TCP in the packet path, one trick a case (DESIGN section 4; Ptacek and Newsham 1998; RFC 5961).

use std::time::Duration;

use policy::Side;
use testkit::network::{Ends, Gateway, Passage, Stream, policy_of, tcp_of};
use weir_inspect::{Count, FlowEnd, Limits, Verdict};
use wire::Direction::{ToClient, ToServer};
use wire::net::TcpFlags;
use wire::net::build::TcpSegment;

const ACK: TcpFlags = TcpFlags::ACK;
const SYN: TcpFlags = TcpFlags::SYN;
const RST: TcpFlags = TcpFlags::RST;
const FIN: TcpFlags = TcpFlags::FIN;

const CONNECT: &[u8] = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a";
const CONNACK: &[u8] = b"\x20\x02\x00\x00";
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
fn session(gateway: &mut Gateway) -> Stream {
    session_of(gateway, Ends::v4(7, 1883))
}

fn session_of(gateway: &mut Gateway, ends: Ends) -> Stream {
    let mut stream = Stream::new(ends);
    stream.open(gateway);
    assert!(stream.data(gateway, ToServer, CONNECT).outcome.forward);
    assert!(stream.data(gateway, ToClient, CONNACK).outcome.forward);
    stream
}

fn assert_dropped(passage: &Passage, reason: &str) {
    assert_eq!(
        (passage.verdict(), passage.reason()),
        (Verdict::Drop, Some(reason))
    );
    assert!(!passage.outcome.forward);
}

#[test]
fn a_conversation_passes_untouched_over_both_families() {
    for ends in [Ends::v4(1, 1883), Ends::v6(1, 1883)] {
        let mut gateway = gateway();
        let mut stream = session_of(&mut gateway, ends);
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
    let mut stream = session(&mut gateway);
    let late = stream.data_at(&mut gateway, ToServer, 9, PINGREQ);
    assert_eq!(late.verdict(), Verdict::Hold);
    assert!(late.out.is_empty());
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

#[test]
fn holding_is_bounded_and_what_is_over_the_bound_is_repeated_by_its_sender() {
    let limits = Limits {
        held_segments_per_flow: 2,
        ..Limits::default()
    };
    let mut gateway = gateway_with(limits);
    let stream = session(&mut gateway);
    for offset in [2, 4] {
        assert_eq!(
            stream
                .data_at(&mut gateway, ToServer, offset, PINGREQ)
                .verdict(),
            Verdict::Hold
        );
    }
    assert_dropped(
        &stream.data_at(&mut gateway, ToServer, 6, PINGREQ),
        "tcp.hold-limit",
    );
}

#[test]
fn a_retransmission_passes_and_a_forged_one_does_not() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway);
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
    assert_dropped(&forged, "tcp.overlap-conflict");
    // Neither may new bytes ride on a forged repetition.
    let forged = stream.data_at(&mut gateway, ToServer, -3, b"ATA\xc0\x00");
    assert_dropped(&forged, "tcp.overlap-conflict");
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
    let stream = session(&mut gateway);
    stream.data_at(&mut gateway, ToServer, 2, PINGREQ);
    let forged = stream.data_at(&mut gateway, ToServer, 1, b"\x00\xe0\x00");
    assert_dropped(&forged, "tcp.overlap-conflict");
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
    let stream = session(&mut gateway);
    // The ends agreed on a shift of 7.
    let beyond = (0xffff << 7) + 5;
    assert_dropped(
        &stream.data_at(&mut gateway, ToServer, beyond, PUBLISH),
        "tcp.out-of-window",
    );
    let ancient = -(0xffff << 7) - 100;
    assert_dropped(
        &stream.data_at(&mut gateway, ToServer, ancient, PUBLISH),
        "tcp.out-of-window",
    );
}

#[test]
fn an_acknowledgement_of_what_was_never_sent_is_dropped() {
    let mut gateway = gateway();
    let stream = session(&mut gateway);
    let segment = TcpSegment {
        seq: stream.next(ToServer),
        ack: stream.next(ToClient).wrapping_add(1),
        flags: ACK,
        window: 0xffff,
        payload: PUBLISH,
        ..TcpSegment::default()
    };
    let frame = stream.raw(ToServer, &segment);
    assert_dropped(&gateway.carry(Side::Inside, &frame), "tcp.out-of-window");
}

#[test]
fn a_wrong_checksum_is_dropped_and_a_partial_one_completed() {
    let mut gateway = gateway();
    let stream = session(&mut gateway);
    let good = stream.segment(ToServer, 0, ACK, PUBLISH);
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    assert_dropped(&gateway.carry(Side::Inside, &bad), "tcp.malformed.checksum");

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
    let mut stream = session(&mut gateway);
    let passage = stream.send(&mut gateway, ToServer, ACK | TcpFlags::URG, PUBLISH);
    assert_dropped(&passage, "tcp.urgent");
}

#[test]
fn data_on_a_syn_is_dropped_and_a_plain_syn_follows() {
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(1, 1883));
    let early = stream.segment(ToServer, 0, SYN, CONNECT);
    assert_dropped(&gateway.carry(Side::Inside, &early), "tcp.data-on-syn");
    stream.open(&mut gateway);
    assert!(stream.data(&mut gateway, ToServer, CONNECT).outcome.forward);
}

#[test]
fn impossible_flags_are_dropped_on_services_only() {
    for flags in [SYN | FIN, SYN | RST, TcpFlags(0), FIN, FIN | RST] {
        let mut gateway = gateway();
        let service = Stream::new(Ends::v4(1, 1883)).segment(ToServer, 0, flags, &[]);
        let passage = gateway.carry(Side::Inside, &service);
        assert_dropped(&passage, "tcp.malformed.flags");
        let other = Stream::new(Ends::v4(1, 80)).segment(ToServer, 0, flags, &[]);
        assert!(gateway.carry(Side::Inside, &other).outcome.forward);
    }
}

#[test]
fn a_blind_reset_is_dropped_and_challenged() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway);
    let blind = stream.segment(ToServer, 1000, RST, &[]);
    let passage = gateway.carry(Side::Inside, &blind);
    assert_dropped(&passage, "tcp.blind-reset");
    let [challenge] = &passage.toward(Side::Inside)[..] else {
        panic!("{passage:?}")
    };
    let tcp = tcp_of(challenge);
    assert_eq!((tcp.flags, tcp.seq), (ACK, stream.next(ToClient)));
    assert!(tcp.window > 0, "a live end must not stop sending");
    assert!(stream.data(&mut gateway, ToServer, PUBLISH).outcome.forward);

    // Far outside of the window there isn't even a challenge.
    gateway.wait(Duration::from_secs(1));
    let far = stream.segment(ToServer, 1 << 30, RST, &[]);
    assert!(gateway.carry(Side::Inside, &far).out.is_empty());
}

#[test]
fn an_exact_reset_ends_the_flow_and_a_new_one_may_begin() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway);
    assert!(
        stream
            .send(&mut gateway, ToClient, RST, &[])
            .outcome
            .forward
    );
    assert_eq!(gateway.inspector.gauges().sessions, 0);
    let mut again = Stream::new(stream.ends);
    again.advance(ToServer, 100_000);
    again.open(&mut gateway);
    assert!(again.data(&mut gateway, ToServer, CONNECT).outcome.forward);
}

#[test]
fn data_after_a_reset_goes_on_without_its_bytes() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway);
    stream.send(&mut gateway, ToClient, RST, &[]);
    let passage = stream.data(&mut gateway, ToServer, PUBLISH);
    assert!(passage.outcome.forward);
    assert!(tcp_of(&passage.out[0].frame).payload.is_empty());
}

#[test]
fn a_reset_that_only_the_gateway_sees_opens_no_door() {
    // The sender makes its CONNECT and its RST die behind the gateway, then "repeats" other bytes.
    let mut gateway = gateway();
    let mut stream = session(&mut gateway);
    stream.ack(&mut gateway, ToClient);
    stream.data(&mut gateway, ToServer, PUBLISH);
    stream.send(&mut gateway, ToServer, RST, &[]);
    let passage = stream.data_at(&mut gateway, ToServer, -9, b"\x30\x07\x00\x01xEVIL");
    assert!(tcp_of(&passage.out[0].frame).payload.is_empty());
}

#[test]
fn early_words_of_a_server_survive_its_repeated_syn_ack() {
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(1, 1883));
    stream.send(&mut gateway, ToServer, SYN, &[]);
    let syn_ack = stream.segment(ToClient, 0, SYN | ACK, &[]);
    stream.send(&mut gateway, ToClient, SYN | ACK, &[]);
    assert!(stream.data(&mut gateway, ToClient, PUBLISH).outcome.forward);
    assert!(gateway.carry(Side::Outside, &syn_ack).outcome.forward);
    assert!(
        stream
            .data_at(&mut gateway, ToClient, -9, PUBLISH)
            .outcome
            .forward
    );
    let forged = stream.data_at(&mut gateway, ToClient, -3, b"ATA");
    assert_dropped(&forged, "tcp.overlap-conflict");
}

#[test]
fn a_denied_midstream_flow_stays_denied() {
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(1, 1883));
    assert!(stream.ack(&mut gateway, ToServer).outcome.forward);
    assert!(stream.data(&mut gateway, ToClient, PUBLISH).outcome.forward);
    let malformed = [PINGREQ, b"\x36\x00"].concat();
    let passage = stream.data(&mut gateway, ToServer, &malformed);
    assert!(
        passage.outcome.forward,
        "it doesn't read as control packets"
    );
    stream.data(&mut gateway, ToServer, PINGREQ);
    assert!(
        stream
            .data(&mut gateway, ToServer, &malformed)
            .outcome
            .reason
            .is_some()
    );
    assert!(!stream.data(&mut gateway, ToServer, PINGREQ).outcome.forward);
}

#[test]
fn both_ends_may_open_at_once() {
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(1, 1883));
    for direction in [ToServer, ToClient] {
        assert!(
            stream
                .send(&mut gateway, direction, SYN, &[])
                .outcome
                .forward
        );
    }
    for direction in [ToServer, ToClient] {
        let answer = stream.segment(direction, -1, SYN | ACK, &[]);
        let side = stream.ends.side_of_sender(direction);
        assert!(gateway.carry(side, &answer).outcome.forward);
    }
    assert!(stream.data(&mut gateway, ToServer, CONNECT).outcome.forward);
    assert_eq!(gateway.inspector.gauges().flows, 1);
}

#[test]
fn a_syn_in_a_live_flow_is_challenged_and_a_rebooted_device_gets_in() {
    let mut gateway = gateway();
    let stream = session(&mut gateway);
    let mut rebooted = stream.clone();
    rebooted.advance(ToServer, 1 << 20);
    let syn = rebooted.segment(ToServer, 0, SYN, &[]);
    let passage = gateway.carry(Side::Inside, &syn);
    assert_dropped(&passage, "tcp.blind-syn");
    let challenge = tcp_of(passage.toward(Side::Inside)[0]).ack;
    // The device knows nothing of a connection, and says so with the number it was told.
    let segment = TcpSegment {
        seq: challenge,
        flags: RST,
        ..TcpSegment::default()
    };
    let rst = stream.raw(ToServer, &segment);
    assert!(gateway.carry(Side::Inside, &rst).outcome.forward);
    rebooted.open(&mut gateway);
}

#[test]
fn a_challenge_acknowledges_only_what_its_receiver_has_acknowledged() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway);
    stream.ack(&mut gateway, ToClient);
    let acknowledged = stream.next(ToServer);
    stream.data(&mut gateway, ToServer, PUBLISH);
    let blind = stream.segment(ToServer, 500, RST, &[]);
    let passage = gateway.carry(Side::Inside, &blind);
    assert_eq!(tcp_of(passage.toward(Side::Inside)[0]).ack, acknowledged);
}

#[test]
fn a_refused_connection_ends_without_fuss() {
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(1, 1883));
    stream.send(&mut gateway, ToServer, SYN, &[]);
    let refused = TcpSegment {
        ack: stream.next(ToServer),
        flags: RST | ACK,
        ..TcpSegment::default()
    };
    let frame = stream.raw(ToClient, &refused);
    assert!(gateway.carry(Side::Outside, &frame).outcome.forward);
    assert!(gateway.record.events.is_empty());
}

#[test]
fn an_answer_to_another_syn_is_dropped() {
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(1, 1883));
    stream.send(&mut gateway, ToServer, SYN, &[]);
    stream.advance(ToServer, 1);
    let answer = stream.segment(ToClient, 0, SYN | ACK, &[]);
    assert_dropped(&gateway.carry(Side::Outside, &answer), "tcp.out-of-window");
}

#[test]
fn repeated_handshake_segments_pass() {
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(1, 1883));
    let syn = stream.segment(ToServer, 0, SYN, &[]);
    stream.send(&mut gateway, ToServer, SYN, &[]);
    assert!(gateway.carry(Side::Inside, &syn).outcome.forward);
    let syn_ack = stream.segment(ToClient, 0, SYN | ACK, &[]);
    stream.send(&mut gateway, ToClient, SYN | ACK, &[]);
    assert!(gateway.carry(Side::Outside, &syn_ack).outcome.forward);
    stream.ack(&mut gateway, ToServer);
    assert!(gateway.carry(Side::Outside, &syn_ack).outcome.forward);
    assert!(gateway.record.events.is_empty());
}

#[test]
fn a_source_that_stands_on_the_other_side_is_forged() {
    let mut gateway = gateway();
    let stream = session(&mut gateway);
    let forged = stream.segment(ToClient, 0, ACK, PUBLISH);
    assert_dropped(&gateway.carry(Side::Inside, &forged), "ip.wrong-side");
    let mut land = Ends::v4(1, 1883);
    land.path.destination = land.path.source;
    land.path.source_port = 1883;
    let frame = Stream::new(land).segment(ToServer, 0, SYN, &[]);
    assert_dropped(&gateway.carry(Side::Inside, &frame), "ip.wrong-side");
}

#[test]
fn keep_alive_probes_and_zero_window_probes_pass() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway);
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
    let mut stream = session(&mut gateway);
    assert!(
        stream
            .send(&mut gateway, ToServer, ACK | FIN, &[])
            .outcome
            .forward
    );
    assert!(stream.data(&mut gateway, ToClient, PUBLISH).outcome.forward);
    let after_fin = stream.data_at(&mut gateway, ToServer, 0, PINGREQ);
    assert_dropped(&after_fin, "tcp.out-of-window");
    let again = stream.segment(ToServer, -1, ACK | FIN, &[]);
    assert!(gateway.carry(Side::Inside, &again).outcome.forward);
}

#[test]
fn a_fin_that_comes_early_is_held_too() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway);
    let fin = stream.segment(ToServer, 2, ACK | FIN, PINGREQ);
    assert_eq!(gateway.carry(Side::Inside, &fin).verdict(), Verdict::Hold);
    let passage = stream.data(&mut gateway, ToServer, PINGREQ);
    assert_eq!(passage.out.len(), 2);
    assert!(tcp_of(&passage.out[1].frame).flags.contains(FIN));
    let after = stream.data_at(&mut gateway, ToServer, 3, PINGREQ);
    assert_dropped(&after, "tcp.out-of-window");
}

#[test]
fn a_byte_at_a_time_is_as_good_as_one_segment() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway);
    for byte in PUBLISH {
        assert!(
            stream
                .data(&mut gateway, ToServer, &[*byte])
                .outcome
                .forward
        );
    }
    assert!(stream.data(&mut gateway, ToServer, PINGREQ).outcome.forward);
    assert!(gateway.record.events.is_empty());
}

#[test]
fn more_in_flight_than_is_remembered_slows_the_sender_down() {
    let limits = Limits {
        unacked_bytes_per_flow: 64,
        ..Limits::default()
    };
    let mut gateway = gateway_with(limits);
    let mut stream = session(&mut gateway);
    stream.ack(&mut gateway, ToClient);
    let big = [&b"\x30\x32\x00\x01t"[..], &[b'x'; 47]].concat();
    assert!(stream.data(&mut gateway, ToServer, &big).outcome.forward);
    let over = stream.data_at(&mut gateway, ToServer, 0, &big);
    assert_dropped(&over, "limits.unacked-bytes");
    stream.ack(&mut gateway, ToClient);
    assert!(stream.data(&mut gateway, ToServer, &big).outcome.forward);
}

#[test]
fn a_flow_older_than_the_gateway_is_taken_up_at_a_control_packet() {
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(1, 1883));
    let passage = stream.data(&mut gateway, ToServer, b"the end of some payload");
    assert!(passage.outcome.forward);
    assert_eq!(gateway.record.reasons(), ["tcp.midstream"]);
    assert_eq!(gateway.inspector.gauges().half_open, 1);
    assert!(stream.ack(&mut gateway, ToClient).outcome.forward);
    assert_eq!(gateway.inspector.gauges().flows, 1);
    assert!(stream.data(&mut gateway, ToServer, PUBLISH).outcome.forward);
    // From here on it is read.
    let malformed = stream.data(&mut gateway, ToServer, b"\x36\x00");
    assert_eq!(malformed.reason(), Some("mqtt.malformed.publish-qos"));
    assert!(!malformed.outcome.forward);
}

#[test]
fn midstream_flows_are_reset_or_bypassed_as_configured() {
    let mut gateway = Gateway::of("[tcp]\nmidstream = \"reset\"", "");
    let mut stream = Stream::new(Ends::v4(1, 1883));
    let passage = stream.data(&mut gateway, ToServer, PUBLISH);
    assert_eq!(passage.verdict(), Verdict::Reset);
    let resets = passage
        .out
        .iter()
        .map(|out| tcp_of(&out.frame).flags.contains(RST));
    assert_eq!(resets.collect::<Vec<_>>(), [true, true]);

    let mut gateway = Gateway::of("[tcp]\nmidstream = \"bypass\"", "");
    let mut stream = Stream::new(Ends::v4(1, 1883));
    for payload in [PUBLISH, b"\x36\x00", b"anything"] {
        assert!(stream.data(&mut gateway, ToServer, payload).outcome.forward);
        assert!(stream.ack(&mut gateway, ToClient).outcome.forward);
    }
}

#[test]
fn monitor_mode_forwards_everything_and_says_what_it_would_have_done() {
    let mut gateway = Gateway::of("mode = \"monitor\"", "");
    let mut stream = session(&mut gateway);
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
fn a_flood_of_syns_evicts_no_established_flow() {
    let limits = Limits {
        flows: 8,
        half_open: 64,
        ..Limits::default()
    };
    let mut gateway = gateway_with(limits);
    let mut streams: Vec<_> = (0..8)
        .map(|n| session_of(&mut gateway, Ends::v4(n, 1883)))
        .collect();
    for n in 100..4000 {
        let mut flood = Stream::new(Ends::v4(n, 1883));
        assert!(flood.send(&mut gateway, ToServer, SYN, &[]).outcome.forward);
        let mut bare = Stream::new(Ends::v6(n, 1883));
        assert!(bare.ack(&mut gateway, ToServer).outcome.forward);
    }
    let gauges = gateway.inspector.gauges();
    assert_eq!((gauges.flows, gauges.half_open), (8, 64));
    for stream in &mut streams {
        assert!(stream.data(&mut gateway, ToServer, PUBLISH).outcome.forward);
        let malformed = stream.data(&mut gateway, ToServer, b"\x36\x00");
        assert_eq!(
            malformed.reason(),
            Some("mqtt.malformed.publish-qos"),
            "still inspected"
        );
    }
}

#[test]
fn a_full_table_lets_go_of_the_longest_idle_flow_or_of_none() {
    let limits = Limits {
        flows: 2,
        ..Limits::default()
    };
    let mut gateway = gateway_with(limits);
    let mut old = session_of(&mut gateway, Ends::v4(1, 1883));
    gateway.wait(Duration::from_secs(40));
    session_of(&mut gateway, Ends::v4(2, 1883));
    gateway.wait(Duration::from_secs(40));
    // The first was heard of since it was entered, the second was not.
    old.data(&mut gateway, ToServer, PINGREQ);
    gateway.wait(Duration::from_secs(40));
    session_of(&mut gateway, Ends::v4(3, 1883));
    assert_eq!(gateway.inspector.gauges().flows, 2);
    let malformed = old.data(&mut gateway, ToServer, b"\x36\x00");
    assert_eq!(
        malformed.reason(),
        Some("mqtt.malformed.publish-qos"),
        "the first is still known"
    );

    // Nobody has been idle for long enough to give way.
    let mut gateway = gateway_with(Limits {
        flows: 1,
        ..Limits::default()
    });
    session_of(&mut gateway, Ends::v4(1, 1883));
    let mut late = Stream::new(Ends::v4(2, 1883));
    late.send(&mut gateway, ToServer, SYN, &[]);
    late.send(&mut gateway, ToClient, SYN | ACK, &[]);
    assert_dropped(&late.ack(&mut gateway, ToServer), "limits.flow-table");
}

#[test]
fn flows_are_counted_in_and_out() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway);
    stream.send(&mut gateway, ToServer, RST, &[]);
    gateway.wait(Duration::from_secs(60));
    let service = policy::Service::Mqtt;
    assert_eq!(gateway.record.counted(Count::FlowOpened(service)), 1);
    let closed = Count::FlowClosed(service, FlowEnd::Finished);
    assert_eq!(gateway.record.counted(closed), 1);
    assert_eq!(gateway.inspector.poll_timeout(), None);
}
