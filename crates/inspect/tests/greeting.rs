//! Connections are told by what they say first, not by their port alone.

use policy::Side;
use proptest::prelude::*;
use testkit::mqtt;
use testkit::network::{Ends, Gateway, Passage, Stream, tcp_of};
use weir_inspect::Verdict;
use wire::Direction::{ToClient, ToServer};
use wire::mqtt::Version;
use wire::net::TcpFlags;

const BASELINE: &str = include_str!("../../../rules/baseline.toml");

const HELLO: &[u8] = b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03";
const ALERT: &[u8] = b"\x15\x03\x03\x00\x02\x02\x28";
const UPGRADE: &[u8] = b"GET /mqtt HTTP/1.1\r\nHost: broker\r\nUpgrade: websocket\r\n\r\n";

const FOREIGN: &[(&[u8], &str)] = &[
    (HELLO, "mqtt.wrong-protocol.tls"),
    (b"GET / HTTP/1.1\r\n\r\n", "mqtt.wrong-protocol.http"),
    (UPGRADE, "mqtt.wrong-protocol.websocket"),
    (b"SSH-2.0-x\r\n", "mqtt.wrong-protocol.ssh"),
    (b"EHLO there\r\n", "mqtt.wrong-protocol.smtp"),
    (
        b"OPTIONS rtsp://cam RTSP/1.0\r\n",
        "mqtt.wrong-protocol.rtsp",
    ),
    (b"INVITE sip:a SIP/2.0\r\n", "mqtt.wrong-protocol.sip"),
    (b"AMQP\0\x01\0\0", "mqtt.wrong-protocol.amqp"),
    (b"STOMP\naccept-version:1.2\n", "mqtt.wrong-protocol.stomp"),
    (b"*1\r\n$4\r\nINFO\r\n", "mqtt.wrong-protocol.redis"),
    (
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c",
        "mqtt.wrong-protocol.proxy",
    ),
    (b"\xff\xfd\x18", "mqtt.wrong-protocol.telnet"),
    (b"\x03\0\0\x13\x0e\xe0", "mqtt.wrong-protocol.tpkt"),
    (b"\x05\x01\x00", "mqtt.wrong-protocol.socks"),
    (b"who are you\r\n", "mqtt.wrong-protocol.text"),
];

fn opened(pack: &str, port: u16) -> (Gateway, Stream) {
    let mut gateway = Gateway::of("", &[pack, BASELINE].concat());
    let mut stream = Stream::new(Ends::v4(7, port));
    stream.open(&mut gateway);
    (gateway, stream)
}

fn accepting(reason: &str) -> String {
    format!(
        "[[rule]]\nid = \"exception\"\nmatch = {{ reason = \"{reason}\" }}\naction = \"accept\"\n"
    )
}

fn arrived(passage: &Passage, side: Side) -> Vec<u8> {
    let frames = passage.toward(side);
    frames
        .iter()
        .flat_map(|frame| tcp_of(frame).payload.to_vec())
        .collect()
}

#[test]
fn other_protocols_on_the_mqtt_port_are_named_and_stopped() {
    for (bytes, code) in FOREIGN {
        let (mut gateway, mut stream) = opened("", 1883);
        let passage = stream.data(&mut gateway, ToServer, bytes);
        assert_eq!(passage.reason(), Some(*code), "{bytes:02x?}");
        assert_eq!(passage.outcome.verdict, Verdict::Reset);
        assert!(arrived(&passage, Side::Outside).is_empty());
    }
}

#[test]
fn other_protocols_on_the_tls_port_lack_tls_whatever_they_are() {
    for (bytes, code) in FOREIGN.iter().filter(|(bytes, _)| *bytes != HELLO) {
        let (mut gateway, mut stream) = opened("", 8883);
        let passage = stream.data(&mut gateway, ToServer, bytes);
        assert_eq!(passage.reason(), Some("tls.required"), "{bytes:02x?}");
        let counted = weir_inspect::Count::Reason(policy::Reason::from_code(code).expect(code));
        assert_eq!(gateway.record.counted(counted), 1, "{code}");
    }
}

#[test]
fn mqtt_on_the_tls_port_is_named_and_what_nobody_knows_is_not() {
    let connect = mqtt::connect(Version::V311, "old");
    let connack = mqtt::connack(Version::V311, 0);
    let table: [(_, &[u8], _); 3] = [
        (ToServer, &connect, 1),
        (ToClient, &connack, 1),
        (ToServer, &[0; 20], 0),
    ];
    for (direction, bytes, named) in table {
        let (mut gateway, mut stream) = opened("", 8883);
        let passage = stream.data(&mut gateway, direction, bytes);
        assert_eq!(passage.reason(), Some("tls.required"), "{bytes:02x?}");
        let counted = weir_inspect::Count::Reason(policy::Reason::TLS_PLAINTEXT_MQTT);
        assert_eq!(gateway.record.counted(counted), named, "{bytes:02x?}");
    }
}

#[test]
fn a_server_of_another_protocol_that_speaks_first_is_named_too() {
    let table: [(&[u8], &str); 3] = [
        (b"SSH-2.0-x\r\n", "mqtt.wrong-protocol.ssh"),
        (b"220 mail ESMTP\r\n", "mqtt.wrong-protocol.smtp"),
        (b"HTTP/1.1 400 Bad\r\n", "mqtt.wrong-protocol.http"),
    ];
    for (bytes, code) in table {
        let (mut gateway, mut stream) = opened("", 1883);
        let passage = stream.data(&mut gateway, ToClient, bytes);
        assert_eq!(passage.reason(), Some(code), "{bytes:02x?}");
        assert!(arrived(&passage, Side::Inside).is_empty());
    }
}

#[test]
fn tls_that_a_rule_lets_onto_the_mqtt_port_has_to_stay_tls() {
    let pack = accepting("mqtt.wrong-protocol.tls");
    let (mut gateway, mut stream) = opened(&pack, 1883);
    for (direction, bytes) in [
        (ToServer, HELLO),
        (ToClient, HELLO),
        (ToServer, b"\x17\x03\x03"),
    ] {
        let passage = stream.data(&mut gateway, direction, bytes);
        assert!(passage.outcome.forward, "{:?}", passage.outcome);
    }

    let (mut gateway, mut stream) = opened(&pack, 1883);
    assert!(stream.data(&mut gateway, ToServer, HELLO).outcome.forward);
    let passage = stream.data(&mut gateway, ToClient, ALERT);
    assert!(passage.outcome.forward, "a server may refuse");

    let (mut gateway, mut stream) = opened(&pack, 1883);
    assert!(stream.data(&mut gateway, ToServer, HELLO).outcome.forward);
    let connack = mqtt::connack(Version::V311, 0);
    let passage = stream.data(&mut gateway, ToClient, &connack);
    assert_eq!(passage.reason(), Some("tls.required"));
}

#[test]
fn a_protocol_that_a_rule_accepts_passes_unread() {
    let pack = accepting("mqtt.wrong-protocol.websocket");
    let (mut gateway, mut stream) = opened(&pack, 1883);
    for (direction, bytes) in [
        (ToServer, UPGRADE),
        (ToClient, b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        (ToServer, b"\x82\x8e\x00\x00\x00\x00\x10"),
    ] {
        let passage = stream.data(&mut gateway, direction, bytes);
        assert!(passage.outcome.forward, "{:?}", passage.outcome);
    }
}

#[test]
fn plaintext_that_a_rule_lets_onto_the_tls_port_is_judged_as_mqtt_from_its_first_byte() {
    let pack = accepting("tls.required");
    let connect = mqtt::connect(Version::V5, "old");
    let (mut gateway, mut stream) = opened(&pack, 8883);
    for (direction, bytes) in [
        (ToServer, &connect[..]),
        (ToClient, &mqtt::connack(Version::V5, 0)),
        (ToServer, &mqtt::publish(Version::V5, "a", b"x")),
    ] {
        let passage = stream.data(&mut gateway, direction, bytes);
        assert!(passage.outcome.forward, "{:?}", passage.outcome);
    }
    assert_eq!(gateway.inspector.gauges().sessions, 1);
    let passage = stream.data(&mut gateway, ToServer, &mqtt::pingresp());
    assert_eq!(passage.reason(), Some("mqtt.spoofed.server-packet"));

    let table: [(&[u8], &str); 3] = [
        (&mqtt::pingreq(), "mqtt.session.first-not-connect"),
        (b"\x16\x03\x09\x80\x01", "mqtt.malformed.flags"),
        (b"GET / HTTP/1.1\r\n", "mqtt.wrong-protocol.http"),
    ];
    for (bytes, code) in table {
        let (mut gateway, mut stream) = opened(&pack, 8883);
        let passage = stream.data(&mut gateway, ToServer, bytes);
        assert_eq!(passage.reason(), Some(code), "{bytes:02x?}");
    }
}

/// What became of a stream cut like this: the last verdict and reason, and what arrived.
fn judged_in_pieces(
    pack: &str,
    port: u16,
    bytes: &[u8],
    cuts: &[usize],
) -> (Verdict, Option<&'static str>, usize) {
    let (mut gateway, mut stream) = opened(pack, port);
    let mut arrived = 0;
    let mut at = 0;
    let ends = cuts
        .iter()
        .map(|cut| cut % bytes.len())
        .chain([bytes.len()]);
    let mut ends: Vec<usize> = ends.collect();
    ends.sort_unstable();
    for end in ends {
        if end <= at {
            continue;
        }
        let passage = stream.data(&mut gateway, ToServer, &bytes[at..end]);
        arrived += self::arrived(&passage, Side::Outside).len();
        at = end;
        if passage.outcome.verdict != Verdict::Accept {
            return (passage.outcome.verdict, passage.reason(), arrived);
        }
    }
    (Verdict::Accept, None, arrived)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_connection_is_named_alike_however_its_beginning_is_cut(
        which in 0..FOREIGN.len(),
        tls_port in any::<bool>(),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
    ) {
        let (bytes, code) = FOREIGN[which];
        prop_assume!(!(tls_port && bytes == HELLO));
        let port = if tls_port { 8883 } else { 1883 };
        let (verdict, reason, arrived) = judged_in_pieces("", port, bytes, &cuts);
        prop_assert_eq!(verdict, Verdict::Reset);
        let expected = if tls_port { "tls.required" } else { code };
        // A request in pieces is an HTTP request, whatever it would have asked for in the end.
        let is_piece = code.ends_with("websocket") && reason == Some("mqtt.wrong-protocol.http");
        prop_assert!(reason == Some(expected) || is_piece, "{reason:?}");
        prop_assert!(arrived < wire::greeting::GREETING_BYTES);
    }

    #[test]
    fn mqtt_is_followed_alike_however_its_beginning_is_cut(
        tls_port in any::<bool>(),
        good in any::<bool>(),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
    ) {
        let port = if tls_port { 8883 } else { 1883 };
        let mut bytes = mqtt::connect(Version::V311, "device");
        let len = bytes.len();
        bytes.extend(if good { mqtt::pingreq() } else { mqtt::pingresp() });
        let (verdict, reason, arrived) =
            judged_in_pieces(&accepting("tls.required"), port, &bytes, &cuts);
        if good {
            prop_assert_eq!((verdict, arrived), (Verdict::Accept, bytes.len()));
        } else {
            prop_assert_eq!((verdict, reason), (Verdict::Reset, Some("mqtt.spoofed.server-packet")));
            prop_assert!(arrived <= len + 1);
        }
    }
}

#[test]
fn a_connection_from_a_service_s_port_to_none_is_nobody_s() {
    let mut gateway = Gateway::of("", BASELINE);
    let mut stream = Stream::new(Ends::of("10.20.0.7:1883", "192.0.2.1:80"));
    stream.open(&mut gateway);
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for (direction, bytes) in [
        (ToServer, &request[..]),
        (ToClient, b"HTTP/1.1 200 OK\r\n\r\n"),
    ] {
        assert!(stream.data(&mut gateway, direction, bytes).outcome.forward);
    }
    assert!(gateway.record.events.is_empty());
}

#[test]
fn a_server_s_own_syn_hides_nothing_of_its_client_s() {
    let mut gateway = Gateway::of("", BASELINE);
    let mut stream = Stream::new(Ends::v4(7, 1883));
    assert!(
        stream
            .send(&mut gateway, ToClient, TcpFlags::SYN, &[])
            .outcome
            .forward
    );
    let mut stream = Stream::new(Ends::v4(7, 1883));
    stream.open(&mut gateway);
    let passage = stream.data(&mut gateway, ToServer, &mqtt::pingreq());
    assert_eq!(passage.reason(), Some("mqtt.session.first-not-connect"));
}
