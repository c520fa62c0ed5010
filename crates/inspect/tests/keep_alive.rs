//! Clients that say nothing: when it is noticed, and how the connection ends.

use std::time::Duration;

use policy::Side;
use testkit::mqtt;
use testkit::network::{Ends, Gateway, Stream, tcp_of};
use weir_inspect::{Count, FlowEnd, Limits, Verdict};
use wire::Direction::{ToClient, ToServer};
use wire::mqtt::encode::Connect;
use wire::mqtt::{Property, ReasonCode, Version, encode};
use wire::net::TcpFlags;
use wire::net::build::TcpSegment;

const BASELINE: &str = include_str!("../../../rules/baseline.toml");

fn session(gateway: &mut Gateway, ends: Ends, keep_alive_s: u16) -> Stream {
    let connect = mqtt::connect_with(&Connect {
        client_id: "s7",
        keep_alive_s,
        ..Connect::default()
    });
    let connack = mqtt::connack(Version::V311, 0);
    let mut stream = Stream::greeted(gateway, ends, [connect, connack]);
    assert!(stream.ack(gateway, ToServer).outcome.forward);
    stream
}

fn wait(gateway: &mut Gateway, secs: u64) {
    gateway.wait(Duration::from_secs(secs));
}

#[test]
fn at_the_deadline_both_ends_get_a_reset_they_accept() {
    for ends in [Ends::v4(7, 1883), Ends::v6(7, 1883)] {
        let mut gateway = Gateway::of("", BASELINE);
        let mut stream = session(&mut gateway, ends, 60);
        wait(&mut gateway, 90);
        assert!(gateway.record.events.is_empty());
        wait(&mut gateway, 2);
        assert_eq!(gateway.record.reasons(), ["mqtt.session.keep-alive"]);
        assert_eq!(gateway.record.events[0].client_id.as_deref(), Some("s7"));
        assert_eq!(gateway.record.events[0].verdict, Verdict::Reset);
        let resets: Vec<_> = gateway.record.injected.drain(..).collect();
        assert_eq!(resets.len(), 2);
        for (port, frame) in &resets {
            let (from, path) = match port.side {
                Side::Outside => (ToServer, stream.ends.path(ToServer)),
                Side::Inside => (ToClient, stream.ends.path(ToClient)),
            };
            let tcp = tcp_of(frame);
            assert!(tcp.flags.contains(TcpFlags::RST));
            let numbers = (stream.next(from), stream.next(from.reverse()));
            assert_eq!((tcp.seq, tcp.ack), numbers, "{from:?}");
            let packet = wire::net::Packet::decode(frame).expect("a frame of the gateway's own");
            let found = wire::net::build::Path::of(&packet).expect("a segment");
            assert_eq!(
                (found.source, found.destination),
                (path.source, path.destination)
            );
            assert_eq!(found.source_mac, path.source_mac);
            assert_eq!(found.destination_mac, path.destination_mac);
        }
        assert_eq!(gateway.inspector.gauges().sessions, 0);
        // What comes later doesn't arrive, and is answered.
        let passage = stream.data(&mut gateway, ToServer, &mqtt::pingreq());
        assert_eq!(
            (passage.verdict(), passage.outcome.forward),
            (Verdict::Drop, false)
        );
        assert_eq!(passage.reason(), Some("mqtt.session.keep-alive"));
        assert_eq!(passage.toward(Side::Inside).len(), 1);
        // An end may not know: it is remembered while it could be taken for older than the gateway.
        gateway.wait(Limits::default().tcp_midstream_grace);
        let closed = Count::FlowClosed(policy::Service::Mqtt, FlowEnd::Denied);
        assert_eq!(gateway.record.counted(closed), 1);
    }
}

#[test]
fn whatever_the_client_says_moves_the_deadline_and_the_server_s_words_don_t() {
    let mut gateway = Gateway::of("", BASELINE);
    let mut stream = session(&mut gateway, Ends::v4(7, 1883), 60);
    for _ in 0..10 {
        wait(&mut gateway, 85);
        stream.passes(&mut gateway, ToServer, &mqtt::pingreq());
    }
    for _ in 0..9 {
        wait(&mut gateway, 9);
        let publish = mqtt::publish(Version::V311, "$SYS/broker/uptime", b"x");
        stream.passes(&mut gateway, ToClient, &publish);
        // An acknowledgement of TCP's is no word of MQTT's.
        assert!(stream.ack(&mut gateway, ToServer).outcome.forward);
    }
    assert!(gateway.record.events.is_empty());
    wait(&mut gateway, 11);
    assert_eq!(gateway.record.reasons(), ["mqtt.session.keep-alive"]);
}

#[test]
fn a_connect_in_drops_is_none_in_time() {
    let mut gateway = Gateway::of("", BASELINE);
    let mut stream = Stream::new(Ends::v4(7, 1883));
    stream.open(&mut gateway);
    let connect = mqtt::connect(Version::V311, "a-device-with-a-long-name");
    for byte in &connect[..3] {
        wait(&mut gateway, 15);
        let passage = stream.data(&mut gateway, ToServer, &[*byte]);
        assert!(passage.outcome.forward);
    }
    assert!(gateway.record.events.is_empty());
    wait(&mut gateway, 17);
    assert_eq!(gateway.record.reasons(), ["mqtt.session.connect-timeout"]);
}

#[test]
fn a_packet_in_drops_is_no_sign_of_life_and_an_upload_is() {
    let mut gateway = Gateway::of("", BASELINE);
    let mut stream = session(&mut gateway, Ends::v4(7, 1883), 60);
    let publish = mqtt::publish(Version::V311, "camera/7", &[0; 20_000]);
    let pieces = publish.chunks_exact(1000);
    let rest = pieces.remainder();
    for piece in pieces {
        wait(&mut gateway, 80);
        assert!(stream.data(&mut gateway, ToServer, piece).outcome.forward);
    }
    assert!(gateway.record.events.is_empty());
    for byte in &rest[..9] {
        wait(&mut gateway, 10);
        assert!(
            stream
                .data(&mut gateway, ToServer, &[*byte])
                .outcome
                .forward
        );
    }
    wait(&mut gateway, 10);
    assert_eq!(gateway.record.reasons(), ["mqtt.session.keep-alive"]);
}

#[test]
fn a_packet_that_isn_t_finished_is_told_of_whatever_the_keep_alive() {
    for keep_alive_s in [0, u16::MAX] {
        let mut gateway = Gateway::of("", BASELINE);
        let mut stream = session(&mut gateway, Ends::v4(7, 1883), keep_alive_s);
        wait(&mut gateway, 3600);
        let publish = mqtt::publish(Version::V311, "camera/7", &[0; 20_000]);
        for piece in publish[..1000].chunks(100) {
            wait(&mut gateway, 9);
            assert!(stream.data(&mut gateway, ToServer, piece).outcome.forward);
        }
        assert!(gateway.record.events.is_empty());
        wait(&mut gateway, 301);
        assert_eq!(
            gateway.record.reasons()[0],
            "mqtt.session.packet-stalled",
            "{keep_alive_s}"
        );
        // The baseline ends nothing, and what is left comes through.
        stream.passes(&mut gateway, ToServer, &publish[1000..]);
        gateway.record.events.clear();
        wait(&mut gateway, 3600);
        assert!(gateway.record.events.is_empty());
    }
}

#[test]
fn a_client_whose_server_takes_nothing_may_say_nothing() {
    let mut gateway = Gateway::of("", BASELINE);
    let mut stream = session(&mut gateway, Ends::v4(7, 1883), 60);
    let publish = mqtt::publish(Version::V311, "camera/7", &[0; 20_000]);
    stream.passes(&mut gateway, ToServer, &publish[..1000]);
    let full = TcpSegment {
        seq: stream.next(ToClient),
        ack: stream.next(ToServer),
        flags: TcpFlags::ACK,
        window: 0,
        options: &[],
        payload: &[],
    };
    let full = stream.raw(ToClient, &full);
    let side = stream.ends.side_of_sender(ToClient);
    assert!(gateway.carry(side, &full).outcome.forward);
    wait(&mut gateway, 1000);
    assert!(gateway.record.events.is_empty());
    assert!(stream.ack(&mut gateway, ToClient).outcome.forward);
    wait(&mut gateway, 92);
    assert_eq!(gateway.record.reasons(), ["mqtt.session.keep-alive"]);
}

#[test]
fn a_keep_alive_shorter_than_the_wait_for_a_connect_is_met_in_time() {
    let mut gateway = Gateway::of("", BASELINE);
    let _stream = session(&mut gateway, Ends::v4(7, 1883), 2);
    wait(&mut gateway, 5);
    assert_eq!(gateway.record.reasons(), ["mqtt.session.keep-alive"]);
}

#[test]
fn before_its_connack_a_client_waits_for_its_server() {
    let connect = mqtt::connect_with(&Connect {
        version: Version::V5,
        client_id: "s7",
        keep_alive_s: 2,
        ..Connect::default()
    });
    let connack = mqtt::connack(Version::V5, 0);
    let open = |gateway: &mut Gateway, secs| {
        let mut stream = Stream::new(Ends::v4(7, 1883));
        stream.open(gateway);
        stream.passes(gateway, ToServer, &connect);
        wait(gateway, secs);
        stream
    };
    let mut gateway = Gateway::of("", BASELINE);
    let mut stream = open(&mut gateway, 50);
    stream.passes(&mut gateway, ToClient, &connack);
    wait(&mut gateway, 3);
    assert!(gateway.record.events.is_empty());
    wait(&mut gateway, 2);
    assert_eq!(gateway.record.reasons(), ["mqtt.session.keep-alive"]);

    let mut gateway = Gateway::of("", BASELINE);
    open(&mut gateway, 61);
    assert_eq!(gateway.record.reasons(), ["mqtt.session.keep-alive"]);
}

#[test]
fn who_may_have_spoken_unseen_is_taken_for_heard() {
    let mut gateway = Gateway::of("", BASELINE);
    let mut stream = session(&mut gateway, Ends::v4(7, 1883), 60);
    wait(&mut gateway, 80);
    gateway.inspector.lose_sight(gateway.now);
    wait(&mut gateway, 80);
    assert!(gateway.record.events.is_empty());
    stream.passes(&mut gateway, ToServer, &mqtt::pingreq());
    stream.passes(&mut gateway, ToClient, &mqtt::pingresp());
}

#[test]
fn an_answer_to_no_question_is_told_of_where_all_was_seen() {
    let mut gateway = Gateway::of("", BASELINE);
    let mut stream = session(&mut gateway, Ends::v4(7, 1883), 60);
    let is_told_of = |gateway: &Gateway| {
        let reasons = gateway.record.reasons();
        reasons.contains(&"mqtt.session.pingresp-unexpected")
    };
    stream.passes(&mut gateway, ToServer, &mqtt::pingreq());
    stream.passes(&mut gateway, ToClient, &mqtt::pingresp());
    assert!(!is_told_of(&gateway));
    stream.passes(&mut gateway, ToClient, &mqtt::pingresp());
    assert!(is_told_of(&gateway));
    gateway.record.events.clear();
    wait(&mut gateway, 1);
    gateway.inspector.lose_sight(gateway.now);
    stream.passes(&mut gateway, ToServer, &mqtt::pingreq());
    for _ in 0..2 {
        stream.passes(&mut gateway, ToClient, &mqtt::pingresp());
    }
    assert!(!is_told_of(&gateway));
}

#[test]
fn who_has_said_goodbye_or_was_refused_is_waited_for_no_more() {
    let goodbyes = [
        (ToServer, mqtt::disconnect(Version::V311)),
        (ToClient, mqtt::connack(Version::V311, 5)),
    ];
    for (direction, packet) in goodbyes {
        let mut gateway = Gateway::of("", BASELINE);
        let mut stream = Stream::new(Ends::v4(7, 1883));
        stream.open(&mut gateway);
        stream.passes(&mut gateway, ToServer, &mqtt::connect(Version::V311, "s7"));
        stream.passes(&mut gateway, direction, &packet);
        let told = gateway.record.events.len();
        wait(&mut gateway, 600);
        assert_eq!(gateway.record.events.len(), told);
    }
}

#[test]
fn where_no_rule_ends_it_silence_is_told_of_again_and_again() {
    let pack =
        "[[rule]]\nid = \"told\"\nmatch = { reason = \"mqtt.session.*\" }\naction = \"alert\"";
    let mut gateway = Gateway::of("", pack);
    let mut stream = session(&mut gateway, Ends::v4(7, 1883), 60);
    wait(&mut gateway, 1);
    for _ in 0..3 {
        wait(&mut gateway, 91);
    }
    let told = gateway.record.events.iter();
    assert_eq!(told.filter(|event| event.rule.is_some()).count(), 3);
    assert!(gateway.record.injected.is_empty());
    stream.passes(&mut gateway, ToServer, &mqtt::pingreq());
}

#[test]
fn the_server_s_keep_alive_takes_the_place_of_the_client_s() {
    for (server_s, silent_s, is_over) in [(10, 17, true), (600, 300, false), (0, 3600, false)] {
        let mut gateway = Gateway::of("", BASELINE);
        let connect = mqtt::connect_with(&Connect {
            version: Version::V5,
            client_id: "s7",
            keep_alive_s: 60,
            ..Connect::default()
        });
        let connack = mqtt::written(|out| {
            let properties = [Property::ServerKeepAlive(server_s)];
            encode::connack(out, Version::V5, false, ReasonCode::SUCCESS, &properties);
        });
        let _stream = Stream::greeted(&mut gateway, Ends::v4(7, 1883), [connect, connack]);
        wait(&mut gateway, silent_s);
        assert_eq!(!gateway.record.events.is_empty(), is_over, "{server_s}");
    }
}
