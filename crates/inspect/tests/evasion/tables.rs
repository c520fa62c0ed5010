//! Tricks with what is remembered: floods, gaps, and handshakes that are forgotten.

use std::time::Duration;

use policy::Side;
use testkit::mqtt;
use testkit::network::{Ends, Gateway, Stream, policy_of};
use weir_inspect::{Limits, Verdict};
use wire::Direction::{ToClient, ToServer};
use wire::mqtt::Version;

use super::opening::*;
use super::scene::{ACK, FIN, SYN};

/// A gateway with room for few handshakes.
fn small_gateway() -> Gateway {
    let limits = Limits {
        half_open: 16,
        ..Limits::default()
    };
    Gateway::with_limits(policy_of("", BASELINE), limits)
}

/// A client's handshake that is forgotten before its last segment.
fn forgotten_by_a_flood(gateway: &mut Gateway, ends: Ends) -> Stream {
    let mut stream = Stream::new(ends);
    stream.send(gateway, ToServer, SYN, &[]);
    stream.send(gateway, ToClient, SYN | ACK, &[]);
    for n in 100..200 {
        let mut flood = Stream::new(Ends::v4(n, 1883));
        assert!(flood.send(gateway, ToServer, SYN, &[]).outcome.forward);
    }
    stream
}

#[test]
fn tc_16_a_handshake_that_a_flood_pushed_out_is_read_from_its_beginning() {
    for ends in FAMILIES.map(|of| of(1, 1883)) {
        for acknowledges in [false, true] {
            let mut gateway = small_gateway();
            let mut stream = forgotten_by_a_flood(&mut gateway, ends);
            if acknowledges {
                assert!(stream.ack(&mut gateway, ToServer).outcome.forward);
            }
            // Nor does a piece that reads as nothing yet get the rest through unread.
            assert_read_in_pieces(&mut gateway, &mut stream);
        }
        let mut gateway = small_gateway();
        let mut stream = forgotten_by_a_flood(&mut gateway, ends);
        stream.ack(&mut gateway, ToServer);
        for (direction, packet) in [
            (ToServer, connect()),
            (ToClient, mqtt::connack(Version::V311, 0)),
            (ToServer, publish()),
        ] {
            assert!(
                stream
                    .data(&mut gateway, direction, &packet)
                    .outcome
                    .forward
            );
        }
        assert_eq!(
            gateway.inspector.gauges().sessions,
            1,
            "an honest client's goes on"
        );
    }
}

#[test]
fn tc_16_the_beginning_can_t_be_kept_back_and_passed_for_a_repetition() {
    let mut gateway = small_gateway();
    let mut stream = forgotten_by_a_flood(&mut gateway, Ends::v4(1, 1883));
    let late = stream.data_at(&mut gateway, ToServer, 1, &connect());
    assert!(late.outcome.forward);
    let first = stream.data_at(&mut gateway, ToServer, 0, &publish()[..1]);
    first.assert_dropped("tcp.out-of-window");
    // Its server has it now, whatever it was: what is repeated does no harm.
    stream.advance(ToServer, 1 + connect().len());
    assert!(stream.ack(&mut gateway, ToClient).outcome.forward);
    let repeated = stream.data_at(&mut gateway, ToServer, -1, b"?");
    assert!(repeated.outcome.forward);
}

#[test]
fn tc_16_a_handshake_is_waited_for_as_long_as_its_server_does() {
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(1, 1883));
    stream.send(&mut gateway, ToServer, SYN, &[]);
    let syn_ack = stream.segment(ToClient, 0, SYN | ACK, &[]);
    stream.send(&mut gateway, ToClient, SYN | ACK, &[]);
    // It repeats its answer, at ever longer intervals, and then gives up.
    for seconds in [1, 2, 4, 8, 16] {
        gateway.wait(Duration::from_secs(seconds));
        assert!(gateway.carry(Side::Outside, &syn_ack).outcome.forward);
    }
    gateway.wait(Duration::from_secs(31));
    assert!(stream.ack(&mut gateway, ToServer).outcome.forward);
    assert_read_from_its_beginning(&mut gateway, &mut stream);
}

#[test]
fn tc_21_a_full_table_lets_nobody_in_unread() {
    let limits = Limits {
        flows: 4,
        ..Limits::default()
    };
    let mut gateway = Gateway::with_limits(policy_of("", BASELINE), limits);
    let mut known: Vec<_> = (0..4)
        .map(|n| Stream::session(&mut gateway, Ends::v4(n, 1883), Version::V311, "device"))
        .collect();
    for n in 10..100 {
        let mut stream = Stream::new(Ends::v6(n, 1883));
        stream.send(&mut gateway, ToServer, SYN, &[]);
        stream.send(&mut gateway, ToClient, SYN | ACK, &[]);
        let passage = stream.data(&mut gateway, ToServer, &connect());
        passage.assert_dropped("limits.flow-table");
    }
    for stream in &mut known {
        assert!(
            stream
                .data(&mut gateway, ToServer, &publish())
                .outcome
                .forward
        );
    }
}

#[test]
fn tc_02_a_gap_that_is_never_filled_costs_no_more_than_its_bound() {
    let mut gateway = gateway();
    let limits = Limits::default();
    let stream = Stream::session(&mut gateway, Ends::v4(1, 1883), Version::V311, "device");
    for at in 0..2000 {
        let passage = stream.data_at(&mut gateway, ToServer, 1 + at * 100, &[0xc0; 100]);
        let is_within = passage.verdict() == Verdict::Hold;
        assert!(
            is_within || passage.reason() == Some("tcp.hold-limit"),
            "{at}: {:?}",
            passage.reason()
        );
    }
    let gauges = gateway.inspector.gauges();
    assert_eq!(gauges.held_segments, limits.held_segments_per_flow);
    assert!(gauges.held_bytes <= limits.held_bytes_per_flow);
}

/// A gateway with room for two flows, which has just begun.
fn tiny_gateway() -> Gateway {
    let limits = Limits {
        flows: 2,
        ..Limits::default()
    };
    let gateway = Gateway::with_limits(policy_of("", BASELINE), limits);
    gateway.inspector.lose_sight(gateway.now);
    gateway
}

/// A session of a client that may be silent for as long as it likes: that is no reason to end it.
fn quiet_session(gateway: &mut Gateway, ends: Ends) -> Stream {
    let connect = mqtt::connect_with(&mqtt::Connect {
        client_id: "quiet",
        keep_alive_s: 0,
        ..mqtt::Connect::default()
    });
    Stream::greeted(gateway, ends, [connect, mqtt::connack(Version::V311, 0)])
}

/// Lets a client's flow make room for others.
fn push_out(gateway: &mut Gateway) {
    gateway.wait(Duration::from_secs(61));
    for n in 100..104 {
        let _other = quiet_session(gateway, Ends::v4(n, 1883));
        gateway.wait(Duration::from_secs(61));
    }
}

#[test]
fn tc_21_whoever_pushes_his_own_connection_out_is_none_that_began_unseen() {
    for ends in FAMILIES.map(|of| of(1, 1883)) {
        let mut gateway = tiny_gateway();
        let mut stream = quiet_session(&mut gateway, ends);
        let (head, tail) = (publish()[..1].to_vec(), publish()[1..].to_vec());
        stream.passes(&mut gateway, ToServer, &head);
        push_out(&mut gateway);
        let rotated = [tail, head].concat();
        let passage = stream.data(&mut gateway, ToServer, &rotated);
        assert_eq!(passage.reason(), Some("tcp.no-connection"));
        assert!(!passage.outcome.forward);
    }
}

#[test]
fn tc_21_a_bare_acknowledgement_after_that_makes_no_other_connection_of_it() {
    for (direction, pause_s) in [(ToServer, 66), (ToClient, 300)] {
        let mut gateway = tiny_gateway();
        let mut stream = quiet_session(&mut gateway, Ends::v4(1, 1883));
        let (head, tail) = (publish()[..1].to_vec(), publish()[1..].to_vec());
        stream.passes(&mut gateway, ToServer, &head);
        push_out(&mut gateway);
        // So that it finds no room.
        for n in 200..202 {
            let _busy = quiet_session(&mut gateway, Ends::v4(n, 1883));
        }
        assert!(stream.ack(&mut gateway, direction).outcome.forward);
        assert_eq!(gateway.inspector.gauges().half_open, 1);
        gateway.wait(Duration::from_secs(pause_s));
        let passage = stream.data(&mut gateway, ToServer, &[tail, head].concat());
        assert_eq!(passage.reason(), Some("tcp.no-connection"));
        assert!(!passage.outcome.forward);
    }
}

#[test]
fn tc_21_a_connection_that_was_pushed_out_goes_on_with_the_beginning_of_a_packet() {
    let mut gateway = tiny_gateway();
    let mut stream = quiet_session(&mut gateway, Ends::v4(1, 1883));
    push_out(&mut gateway);
    stream.passes(&mut gateway, ToServer, &publish());
    // Nor is a byte that was kept back taken for a repetition.
    let kept_back = stream.data_at(&mut gateway, ToServer, -(publish().len() as i64) - 1, b"0");
    kept_back.assert_dropped("tcp.out-of-window");
    stream.ack(&mut gateway, ToClient);
    stream.passes(&mut gateway, ToServer, &publish());
    let malformed = stream.data(&mut gateway, ToServer, b"\x36\x00");
    assert_eq!(malformed.reason(), Some("mqtt.malformed.publish-qos"));
}

#[test]
fn tc_21_the_ports_of_one_that_came_back_may_be_those_of_another_that_begins_unseen() {
    let mut gateway = tiny_gateway();
    let mut stream = quiet_session(&mut gateway, Ends::v4(1, 1883));
    push_out(&mut gateway);
    stream.passes(&mut gateway, ToServer, &publish());
    for direction in [ToClient, ToServer] {
        stream.ack(&mut gateway, direction);
    }
    for direction in [ToServer, ToClient] {
        stream.send(&mut gateway, direction, FIN | ACK, &[]);
    }
    stream.ack(&mut gateway, ToServer);
    gateway.wait(Limits::default().linger_timeout + Duration::from_secs(1));
    gateway.inspector.lose_sight(gateway.now);
    let mut another = Stream::new(Ends::v4(1, 1883));
    another.passes(&mut gateway, ToServer, &publish()[3..]);
}

#[test]
fn tc_21_one_that_really_began_unseen_may_still_be_in_the_middle_of_a_packet() {
    let mut gateway = tiny_gateway();
    let mut stream = Stream::new(Ends::v4(1, 1883));
    stream.passes(&mut gateway, ToServer, &publish()[3..]);
}
