//! SYN, RST and FIN, one trick a case (RFC 9293, RFC 5961).

use std::time::Duration;

use policy::Side;
use testkit::network::{Ends, Gateway, Stream, tcp_of};
use wire::Direction::{ToClient, ToServer};
use wire::mqtt::Version;
use wire::net::TcpFlags;
use wire::net::build::TcpSegment;

const ACK: TcpFlags = TcpFlags::ACK;
const SYN: TcpFlags = TcpFlags::SYN;
const RST: TcpFlags = TcpFlags::RST;
const FIN: TcpFlags = TcpFlags::FIN;
const CONNECT: &[u8] = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a";
const PUBLISH: &[u8] = b"\x30\x07\x00\x01tdata";

/// A gateway without rules: the integrity of the stream doesn't depend on any.
fn gateway() -> Gateway {
    Gateway::of("", "")
}

/// An established connection whose session is open.
fn session(gateway: &mut Gateway, ends: Ends) -> Stream {
    Stream::session(gateway, ends, Version::V311, "a")
}

#[test]
fn data_on_a_syn_is_dropped_and_a_plain_syn_follows() {
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(1, 1883));
    let early = stream.segment(ToServer, 0, SYN, CONNECT);
    gateway
        .carry(Side::Inside, &early)
        .assert_dropped("tcp.data-on-syn");
    stream.open(&mut gateway);
    stream.passes(&mut gateway, ToServer, CONNECT);
}

#[test]
fn impossible_flags_are_dropped_on_services_only() {
    for flags in [SYN | FIN, SYN | RST, TcpFlags(0), FIN, FIN | RST] {
        let mut gateway = gateway();
        let service = Stream::new(Ends::v4(1, 1883)).segment(ToServer, 0, flags, &[]);
        let passage = gateway.carry(Side::Inside, &service);
        passage.assert_dropped("tcp.malformed.flags");
        let other = Stream::new(Ends::v4(1, 80)).segment(ToServer, 0, flags, &[]);
        assert!(gateway.carry(Side::Inside, &other).outcome.forward);
    }
}

#[test]
fn a_blind_reset_is_dropped_and_challenged() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Ends::v4(7, 1883));
    let blind = stream.segment(ToServer, 1000, RST, &[]);
    let passage = gateway.carry(Side::Inside, &blind);
    passage.assert_dropped("tcp.blind-reset");
    let [challenge] = &passage.toward(Side::Inside)[..] else {
        panic!("{passage:?}")
    };
    let tcp = tcp_of(challenge);
    assert_eq!((tcp.flags, tcp.seq), (ACK, stream.next(ToClient)));
    assert!(tcp.window > 0, "a live end must not stop sending");
    stream.passes(&mut gateway, ToServer, PUBLISH);

    // Far outside of the window there isn't even a challenge.
    gateway.wait(Duration::from_secs(1));
    let far = stream.segment(ToServer, 1 << 30, RST, &[]);
    assert!(gateway.carry(Side::Inside, &far).out.is_empty());
}

#[test]
fn late_resets_of_a_killed_client_are_nobody_s_attack() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Ends::v4(7, 1883));
    let known = stream.next(ToServer);
    stream.data(&mut gateway, ToServer, PUBLISH);
    stream.ack(&mut gateway, ToClient);
    // What was under way to the client acknowledged less, and is answered by that (RFC 9293 §3.10.7.1).
    let late = TcpSegment {
        seq: known,
        flags: RST,
        ..TcpSegment::default()
    };
    let late = stream.raw(ToServer, &late);
    assert!(gateway.carry(Side::Inside, &late).outcome.forward);
    assert_eq!(gateway.inspector.gauges().sessions, 1, "it ends nothing");
    stream.send(&mut gateway, ToServer, RST, &[]);
    assert!(gateway.carry(Side::Inside, &late).outcome.forward);
    assert!(gateway.record.events.is_empty());
}

#[test]
fn an_exact_reset_ends_the_flow_and_a_new_one_may_begin() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Ends::v4(7, 1883));
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
    again.passes(&mut gateway, ToServer, CONNECT);
}

#[test]
fn data_after_a_reset_goes_on_without_its_bytes() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Ends::v4(7, 1883));
    stream.send(&mut gateway, ToClient, RST, &[]);
    let passage = stream.data(&mut gateway, ToServer, PUBLISH);
    assert!(passage.outcome.forward);
    assert!(tcp_of(&passage.out[0].frame).payload.is_empty());
}

#[test]
fn a_reset_that_only_the_gateway_sees_opens_no_door() {
    // The sender makes its CONNECT and its RST die behind the gateway, then "repeats" other bytes.
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Ends::v4(7, 1883));
    stream.ack(&mut gateway, ToClient);
    stream.data(&mut gateway, ToServer, PUBLISH);
    stream.send(&mut gateway, ToServer, RST, &[]);
    let passage = stream.data_at(&mut gateway, ToServer, -9, b"\x30\x07\x00\x01xEVIL");
    assert!(tcp_of(&passage.out[0].frame).payload.is_empty());
}

#[test]
fn a_reset_goes_on_as_the_gateway_would_make_it() {
    for ends in [Ends::v4(7, 1883), Ends::v6(7, 1883)] {
        let mut gateway = gateway();
        let mut stream = session(&mut gateway, ends);
        let known = stream.next(ToServer);
        stream.data(&mut gateway, ToServer, PUBLISH);
        // A hop limit that ends behind the gateway, and a signature its receiver rejects.
        let mut short = stream.clone();
        short.ends.path.hop_limit = 1;
        let signature = [&[1, 1, 19, 18][..], &[7; 16]].concat();
        let rst = TcpSegment {
            seq: stream.next(ToServer),
            flags: RST,
            options: &signature,
            payload: b"good bye",
            ..TcpSegment::default()
        };
        let passage = gateway.carry(Side::Inside, &short.raw(ToServer, &rst));
        let plain = TcpSegment {
            options: &[],
            payload: &[],
            ..rst
        };
        assert_eq!(
            passage.toward(Side::Outside),
            [stream.raw(ToServer, &plain)]
        );

        // The server hasn't got what precedes it, and asks (RFC 5961 §3): it is told the number it expects.
        let challenge = TcpSegment {
            seq: stream.next(ToClient),
            ack: known,
            flags: ACK,
            ..TcpSegment::default()
        };
        let passage = gateway.carry(Side::Outside, &stream.raw(ToClient, &challenge));
        let answer = tcp_of(passage.toward(Side::Outside)[0]);
        assert_eq!((answer.flags, answer.seq), (RST | ACK, known));
        assert!(gateway.record.events.is_empty());
    }
}

#[test]
fn a_syn_that_is_dropped_replaces_nothing() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Ends::v4(7, 1883));
    stream.data(&mut gateway, ToServer, PUBLISH);
    stream.send(&mut gateway, ToServer, RST, &[]);
    let opening = stream.segment(ToServer, 0, SYN, PUBLISH);
    let passage = gateway.carry(Side::Inside, &opening);
    passage.assert_dropped("tcp.data-on-syn");
    // Were the connection forgotten now, this would pass for one older than the gateway.
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
    stream.passes(&mut gateway, ToClient, PUBLISH);
    assert!(gateway.carry(Side::Outside, &syn_ack).outcome.forward);
    assert!(
        stream
            .data_at(&mut gateway, ToClient, -9, PUBLISH)
            .outcome
            .forward
    );
    let forged = stream.data_at(&mut gateway, ToClient, -3, b"ATA");
    forged.assert_dropped("tcp.overlap-conflict");
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
    stream.passes(&mut gateway, ToServer, CONNECT);
    assert_eq!(gateway.inspector.gauges().flows, 1);
}

#[test]
fn a_syn_in_a_live_flow_is_challenged_and_a_rebooted_device_gets_in() {
    let mut gateway = gateway();
    let stream = session(&mut gateway, Ends::v4(7, 1883));
    let mut rebooted = stream.clone();
    rebooted.advance(ToServer, 1 << 20);
    let syn = rebooted.segment(ToServer, 0, SYN, &[]);
    let passage = gateway.carry(Side::Inside, &syn);
    passage.assert_dropped("tcp.blind-syn");
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
    let mut stream = session(&mut gateway, Ends::v4(7, 1883));
    stream.ack(&mut gateway, ToClient);
    let acknowledged = stream.next(ToServer);
    stream.data(&mut gateway, ToServer, PUBLISH);
    let blind = stream.segment(ToServer, 500, RST, &[]);
    let passage = gateway.carry(Side::Inside, &blind);
    assert_eq!(tcp_of(passage.toward(Side::Inside)[0]).ack, acknowledged);
}

#[test]
fn both_ends_may_close_at_once() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Ends::v6(7, 1883));
    let fins = [ToServer, ToClient].map(|direction| {
        let fin = stream.segment(direction, 0, ACK | FIN, &[]);
        (stream.ends.side_of_sender(direction), fin)
    });
    for (side, fin) in &fins {
        assert!(gateway.carry(*side, fin).outcome.forward);
    }
    for direction in [ToServer, ToClient] {
        stream.advance(direction, 1);
    }
    for direction in [ToServer, ToClient] {
        assert_eq!(gateway.inspector.gauges().sessions, 1);
        assert!(stream.ack(&mut gateway, direction).outcome.forward);
    }
    assert_eq!(gateway.inspector.gauges().sessions, 0);
    assert!(gateway.record.events.is_empty());
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
    gateway
        .carry(Side::Outside, &answer)
        .assert_dropped("tcp.out-of-window");
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
