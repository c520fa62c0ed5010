//! Connections nobody has seen begin: those older than the gateway, those it forgot, those it should know, and
//! those that are no business of its own.

use std::time::Duration;

use policy::Side;
use testkit::network::{Departed, Ends, Gateway, Passage, Stream, policy_of, tcp_of};
use testkit::{frames, mqtt};
use weir_inspect::{Limits, Verdict};
use wire::Direction::{ToClient, ToServer};
use wire::mqtt::Version;
use wire::mqtt::encode::Connect;
use wire::net::{Packet, TcpFlags, Vlan};

const BASELINE: &str = include_str!("../../../rules/baseline.toml");
const SECRETS: &str = r#"
    [[rule]]
    id = "secrets"
    match = { packet = "PUBLISH", topic = "secret/#" }
    action = "drop"
"#;
const ACK: TcpFlags = TcpFlags::ACK;
const SYN: TcpFlags = TcpFlags::SYN;
const FIN: TcpFlags = TcpFlags::FIN;
const RST: TcpFlags = TcpFlags::RST;
const NO_CONNECTION: &str = "tcp.no-connection";
/// The time for which a connection may be older than the gateway, and a little more.
const LATER: Duration = Duration::from_secs(2 * 3600 + 60);

fn gateway() -> Gateway {
    Gateway::of("", &format!("{SECRETS}{BASELINE}"))
}

/// A gateway whose beginning is long past.
fn settled() -> Gateway {
    let mut gateway = gateway();
    session(&mut gateway, Ends::v4(99, 1883));
    gateway.wait(LATER);
    gateway
}

/// A session whose client may say nothing for ever.
fn session(gateway: &mut Gateway, ends: Ends) -> Stream {
    let mut stream = Stream::new(ends);
    stream.open(gateway);
    assert!(stream.data(gateway, ToServer, &connect()).outcome.forward);
    let connack = mqtt::connack(Version::V311, 0);
    assert!(stream.data(gateway, ToClient, &connack).outcome.forward);
    stream
}

fn connect() -> Vec<u8> {
    mqtt::connect_with(&Connect {
        version: Version::V311,
        client_id: "a",
        keep_alive_s: 0,
        ..Connect::default()
    })
}

fn secret() -> Vec<u8> {
    mqtt::publish(Version::V311, "secret/x", b"1")
}

/// A secret cut at odd places, so that no segment begins or ends where a packet does.
fn shifted() -> Vec<u8> {
    let secret = secret();
    [&secret[1..], &secret[..1]].concat()
}

/// Of a shifted secret, a beginning may have passed while it could be anything, but not its payload.
fn assert_cut(passage: &Passage) {
    let leaves = passage.toward(Side::Outside);
    let len: usize = leaves.iter().map(|frame| tcp_of(frame).payload.len()).sum();
    assert!(len < secret().len() - 1, "{len} bytes left");
}

fn resets(passage: &Passage) -> Vec<(Side, u32)> {
    let resets = passage.out.iter().map(|Departed { side, frame }| {
        let tcp = tcp_of(frame);
        assert!(tcp.flags.contains(RST), "{:?}", tcp.flags);
        (*side, tcp.seq)
    });
    resets.collect()
}

fn tag(control: u16) -> Vlan {
    Vlan {
        ethertype: 0x8100,
        control,
    }
}

#[test]
fn data_without_a_connection_is_reset_at_both_ends() {
    let mut gateway = settled();
    let mut stream = Stream::new(Ends::v4(1, 1883));
    let expected = [
        (Side::Outside, stream.next(ToServer)),
        (Side::Inside, stream.next(ToClient)),
    ];
    let passage = stream.data(&mut gateway, ToServer, &secret());
    assert_eq!(passage.verdict(), Verdict::Reset);
    assert_eq!(passage.reason(), Some(NO_CONNECTION));
    let mut resets = resets(&passage);
    resets.sort_by_key(|(side, _)| *side == Side::Inside);
    assert_eq!(resets, expected, "with the numbers that each end expects");
    let from_server = stream.data(&mut gateway, ToClient, b"x");
    assert_eq!(from_server.reason(), Some(NO_CONNECTION));
    assert_eq!(gateway.inspector.gauges().half_open, 0, "nothing is kept");

    // The next one is seen to begin.
    let mut stream = session(&mut gateway, Ends::v4(1, 1883));
    assert!(
        !stream
            .data(&mut gateway, ToServer, &secret())
            .outcome
            .forward
    );
}

#[test]
fn what_carries_nothing_passes_and_is_not_taken_up() {
    let mut gateway = settled();
    for flags in [ACK, ACK | FIN, RST, RST | ACK] {
        for direction in [ToServer, ToClient] {
            let mut stream = Stream::new(Ends::v4(1, 1883));
            let passage = stream.send(&mut gateway, direction, flags, &[]);
            assert_eq!(passage.verdict(), Verdict::Accept, "{flags:?}");
            assert_eq!(passage.out.len(), 1);
        }
    }
    assert_eq!(gateway.inspector.gauges().half_open, 0);
    assert_eq!(gateway.record.reasons(), [""; 0]);
}

#[test]
fn a_monitor_only_tells() {
    let mut gateway = Gateway::of("mode = \"monitor\"", BASELINE);
    session(&mut gateway, Ends::v4(99, 1883));
    gateway.wait(LATER);
    let mut stream = Stream::new(Ends::v4(1, 1883));
    let passage = stream.data(&mut gateway, ToServer, &secret());
    assert_eq!(passage.outcome.would, Some(Verdict::Reset));
    assert!(passage.outcome.forward && passage.out.len() == 1);
    assert!(stream.ack(&mut gateway, ToClient).outcome.forward);
    assert_eq!(gateway.inspector.gauges().flows, 2, "and goes on reading");
}

#[test]
fn a_session_that_says_nothing_for_days_is_still_read() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Ends::v4(1, 1883));
    stream.data(&mut gateway, ToServer, &secret()[..1]);
    gateway.wait(Duration::from_secs(4 * 24 * 3600));
    let passage = stream.data(&mut gateway, ToServer, &shifted());
    assert_eq!(passage.verdict(), Verdict::Drop);
    assert_cut(&passage);
}

/// A RST that its receiver never got: the connection lives on, and isn't older than the gateway for that.
#[test]
fn a_reset_makes_nobody_forget() {
    for begin in [gateway, settled] {
        for patience in [1, 31, 120, 3600] {
            let mut gateway = begin();
            let mut stream = session(&mut gateway, Ends::v4(1, 1883));
            stream.send(&mut gateway, ToServer, RST, &[]);
            for _ in 0..3 {
                gateway.wait(Duration::from_secs(patience));
                let passage = stream.data(&mut gateway, ToServer, &shifted());
                assert_ne!(passage.verdict(), Verdict::Accept);
                let leaves = passage.toward(Side::Outside);
                let mut payloads = leaves.iter().map(|frame| tcp_of(frame).payload.len());
                assert!(payloads.all(|len| len == 0), "after {patience} s");
            }
        }
    }
}

#[test]
fn a_denial_makes_nobody_forget() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Ends::v4(1, 1883));
    stream.data(&mut gateway, ToServer, &secret());
    gateway.wait(Duration::from_secs(60));
    let passage = stream.data(&mut gateway, ToServer, &shifted());
    assert_eq!(passage.verdict(), Verdict::Drop);
    assert_eq!(passage.toward(Side::Outside), [[0; 0]; 0]);
}

#[test]
fn a_connection_that_made_room_is_taken_up_again_once() {
    let limits = Limits {
        flows: 1,
        ..Limits::default()
    };
    let mut gateway = Gateway::with_limits(policy_of("", BASELINE), limits);
    let mut old = session(&mut gateway, Ends::v4(1, 1883));
    gateway.wait(LATER);
    let mut new = session(&mut gateway, Ends::v4(2, 1883));
    new.send(&mut gateway, ToServer, RST, &[]);
    let passage = old.data(&mut gateway, ToServer, &mqtt::pingreq());
    assert_eq!(passage.reason(), Some("tcp.midstream"));
    assert!(passage.outcome.forward);
    let stranger = Stream::new(Ends::v4(3, 1883)).data(&mut gateway, ToServer, &mqtt::pingreq());
    assert_eq!(stranger.reason(), Some(NO_CONNECTION));
}

#[test]
fn what_is_older_than_the_gateway_goes_unread_for_a_time_only() {
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(1, 1883));
    assert!(
        stream
            .data(&mut gateway, ToServer, &shifted())
            .outcome
            .forward
    );
    assert!(stream.ack(&mut gateway, ToClient).outcome.forward);
    let mut read = Stream::new(Ends::v4(2, 1883));
    assert!(
        read.data(&mut gateway, ToServer, &mqtt::pingreq())
            .outcome
            .forward
    );
    assert!(
        read.data(&mut gateway, ToClient, &mqtt::pingresp())
            .outcome
            .forward
    );
    gateway.wait(LATER);
    assert_eq!(
        stream.data(&mut gateway, ToServer, &shifted()).reason(),
        Some(NO_CONNECTION)
    );
    assert!(
        read.data(&mut gateway, ToServer, &mqtt::pingreq())
            .outcome
            .forward
    );
    assert!(
        read.data(&mut gateway, ToClient, &mqtt::pingresp())
            .outcome
            .forward
    );
}

#[test]
fn a_busy_connection_older_than_the_gateway_is_read_from_the_middle_of_a_segment() {
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(1, 1883));
    let plain = mqtt::publish(Version::V311, "plain/x", b"1");
    let busy = [&plain[3..], &plain.repeat(4), &secret()[..5]].concat();
    assert!(stream.data(&mut gateway, ToServer, &busy).outcome.forward);
    let rest = [&secret()[5..], &plain[..2]].concat();
    let passage = stream.data(&mut gateway, ToServer, &rest);
    assert_eq!(passage.verdict(), Verdict::Drop, "{:?}", passage.outcome);
}

/// The end of one PUBLISH and the beginning of the next in every segment, for ever: none shows a whole one.
#[test]
fn packets_shifted_against_their_segments_are_found_soon() {
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(1, 1883));
    let mut say = || stream.data(&mut gateway, ToServer, &shifted()).verdict();
    let passed = (0..100).take_while(|_| say() == Verdict::Accept).count();
    assert!(passed <= 5, "{passed} forbidden messages passed");
}

/// Pictures fill segments wherever they end, and no segment holds one of them whole.
#[test]
fn packets_longer_than_segments_are_found_where_one_ends_and_the_next_begins() {
    for shift in [0, 1] {
        let mut gateway = gateway();
        let mut stream = Stream::new(Ends::v4(1, 1883));
        let picture = mqtt::publish(Version::V311, "plain/camera", &[b'0'; 10_000]);
        let forbidden = mqtt::publish(Version::V311, "secret/camera", &[b'0'; 10_000]);
        stream.data(&mut gateway, ToServer, &picture[5000..]);
        let bytes = [&picture[..], &picture, &picture].concat();
        for segment in bytes.chunks(1448 + shift) {
            let passage = stream.data(&mut gateway, ToServer, segment);
            assert!(passage.outcome.forward, "{:?}", passage.outcome);
        }
        let passage = stream.data(&mut gateway, ToServer, &forbidden[..1448]);
        assert_eq!(passage.verdict(), Verdict::Drop);
    }
}

/// Whatever is in them: bytes of a payload are no packets.
#[test]
fn payloads_met_in_their_middle_are_taken_for_nothing_else() {
    let mut random = testkit::network::Random::new(7);
    for kind in 0..3 {
        let mut gateway = gateway();
        let mut stream = Stream::new(Ends::v4(1, 1883));
        for _ in 0..2000 {
            let byte = |_| match kind {
                0 => random.number() as u8,
                1 => b"0123456789,. \n"[random.below(14)],
                _ => [0x30, 0x00, 0x01, 0x02, 0x31][random.below(5)],
            };
            let payload: Vec<u8> = (0..1448).map(byte).collect();
            let passage = stream.data(&mut gateway, ToServer, &payload);
            assert!(passage.outcome.forward, "{kind}: {:?}", passage.reason());
            stream.ack(&mut gateway, ToClient);
        }
    }
}

#[test]
fn a_port_that_becomes_a_service_s_has_connections_already() {
    let mut gateway = settled();
    let config = "[services]\nmqtt = [1883, 1884]";
    gateway.inspector.install(policy_of(config, BASELINE));
    let mut stream = Stream::new(Ends::v4(1, 1884));
    let passage = stream.data(&mut gateway, ToServer, &mqtt::pingreq());
    assert_eq!(passage.reason(), Some("tcp.midstream"));
    gateway.wait(LATER);
    let late = Stream::new(Ends::v4(2, 1884)).data(&mut gateway, ToServer, &mqtt::pingreq());
    assert_eq!(late.reason(), Some(NO_CONNECTION));
}

/// A tag with VLAN 0 carries a priority, and leaves the frame where it is (IEEE 802.1Q §9.6).
#[test]
fn a_priority_tag_hides_nothing() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Ends::v4(1, 1883));
    assert!(
        stream
            .data(&mut gateway, ToServer, &secret()[..1])
            .outcome
            .forward
    );
    let frame = stream.segment(ToServer, 0, ACK, &shifted());
    let passage = gateway.carry(Side::Inside, &frames::tagged(&frame, tag(0xa000)));
    assert_eq!(passage.verdict(), Verdict::Drop);
    assert_cut(&passage);
}

#[test]
fn a_client_that_tags_by_priority_is_answered_untagged() {
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(1, 1883));
    let (connect, connack) = (connect(), mqtt::connack(Version::V311, 0));
    let (ping, pong) = (mqtt::pingreq(), mqtt::pingresp());
    let script: [(_, _, &[u8]); 7] = [
        (ToServer, SYN, &[]),
        (ToClient, SYN | ACK, &[]),
        (ToServer, ACK, &[]),
        (ToServer, ACK, &connect),
        (ToClient, ACK, &connack),
        (ToServer, ACK, &ping),
        (ToClient, ACK, &pong),
    ];
    for (direction, flags, payload) in script {
        let plain = stream.segment(direction, 0, flags, payload);
        let frame = match direction {
            ToServer => frames::tagged(&plain, tag(0xa000)),
            ToClient => plain,
        };
        stream.advance(direction, payload.len() + usize::from(flags.contains(SYN)));
        let passage = gateway.carry(stream.ends.side_of_sender(direction), &frame);
        assert_eq!(passage.verdict(), Verdict::Accept, "{:?}", passage.outcome);
        assert_eq!(passage.out[0].frame, frame);
    }
    assert_eq!(gateway.record.reasons(), [""; 0]);
    assert_eq!(gateway.inspector.gauges().flows, 1);
}

#[test]
fn another_vlan_is_another_network() {
    let mut gateway = gateway();
    let stream = session(&mut gateway, Ends::v4(1, 1883));
    gateway.wait(LATER);
    let frame = stream.segment(ToServer, 0, ACK, &secret());
    let passage = gateway.carry(Side::Inside, &frames::tagged(&frame, tag(7)));
    assert_eq!(passage.reason(), Some(NO_CONNECTION));
}

/// As the program in the kernel has it.
#[test]
fn a_second_tag_hides_no_service() {
    let mut gateway = gateway();
    let stream = session(&mut gateway, Ends::v4(1, 1883));
    let frame = stream.segment(ToServer, 0, ACK, &secret());
    let service_tag = Vlan {
        ethertype: 0x88a8,
        control: 5,
    };
    for outer in [tag(0), tag(5), service_tag] {
        let stacked = frames::tagged(&frames::tagged(&frame, tag(0)), outer);
        let passage = gateway.carry(Side::Inside, &stacked);
        passage.assert_dropped("ethernet.stacked-tags");
        let thrice = frames::tagged(&stacked, outer);
        let passage = gateway.carry(Side::Inside, &thrice);
        passage.assert_dropped("ethernet.stacked-tags");
    }
    let web = Stream::new(Ends::v4(1, 80)).segment(ToServer, 0, ACK, b"GET");
    let stacked = frames::tagged(&frames::tagged(&web, tag(0)), tag(0));
    assert!(gateway.carry(Side::Inside, &stacked).outcome.forward);
}

/// A client may have any port, a broker's among them.
#[test]
fn a_connection_opened_from_a_service_s_port_is_nobody_s() {
    for port in [1883, 8883] {
        let mut gateway = settled();
        let ends = Ends::of(&format!("10.20.0.1:{port}"), "192.0.2.1:80");
        let mut web = Stream::new(ends);
        web.open(&mut gateway);
        for (direction, payload) in [
            (ToServer, &b"GET / HTTP/1.1\r\n\r\n"[..]),
            (ToClient, b"HTTP/1.1 200 OK\r\n\r\n"),
            (ToServer, b"\x10\x00"),
        ] {
            let passage = web.data(&mut gateway, direction, payload);
            assert_eq!(passage.verdict(), Verdict::Accept);
            assert_eq!(tcp_of(&passage.out[0].frame).payload, payload);
        }
        gateway.wait(LATER);
        assert!(web.data(&mut gateway, ToServer, b"GET").outcome.forward);
        for direction in [ToServer, ToClient] {
            let end = web.send(&mut gateway, direction, ACK | FIN, &[]);
            assert!(end.outcome.forward);
        }
        assert!(web.ack(&mut gateway, ToServer).outcome.forward);
        assert_eq!(gateway.record.reasons(), [""; 0]);
        gateway.wait(Duration::from_secs(60));
        assert_eq!(gateway.inspector.gauges().flows, 1);
    }
}

/// A SYN in a broker's name opens no way past the rules for whoever sends it.
#[test]
fn a_syn_from_a_broker_s_port_opens_no_way_to_the_broker() {
    let mut gateway = settled();
    let port_80 = Ends::of("10.20.0.7:80", "192.0.2.1:1883");
    let mut stream = Stream::new(port_80);
    let forged = stream.segment(ToClient, 0, SYN, &[]);
    gateway.carry(Side::Inside, &forged);
    // It is taken for the broker's, which stands elsewhere: what the device says is forged then.
    let passage = stream.data(&mut gateway, ToServer, &secret());
    passage.assert_dropped("ip.wrong-side");
    // What really begins at the broker's port is read.
    let mut stream = session(&mut gateway, port_80);
    gateway.carry(Side::Inside, &forged);
    gateway.carry(Side::Outside, &forged);
    let passage = stream.data(&mut gateway, ToServer, &secret());
    assert_eq!(passage.verdict(), Verdict::Drop);
    // Nor does it once the connection was broken off, which the broker may not know.
    stream.send(&mut gateway, ToServer, RST, &[]);
    for side in [Side::Inside, Side::Outside] {
        gateway.carry(side, &forged);
    }
    let passage = stream.data(&mut gateway, ToServer, &shifted());
    assert_ne!(passage.verdict(), Verdict::Accept);
}

#[test]
fn between_two_services_ports_the_receiver_s_counts() {
    let mut gateway = settled();
    let ends = Ends::of("10.20.0.7:1883", "192.0.2.1:1883");
    let mut stream = session(&mut gateway, ends);
    assert!(
        !stream
            .data(&mut gateway, ToServer, &secret())
            .outcome
            .forward
    );
}

#[test]
fn a_frame_tells_its_network() {
    let stream = Stream::new(Ends::v4(1, 1883));
    let frame = frames::tagged(&stream.segment(ToServer, 0, SYN, &[]), tag(0xe000));
    let packet = Packet::decode(&frame).expect("a frame");
    assert_eq!(packet.vlan().and_then(Vlan::id), None);
    assert!(packet.behind_tag().is_none());
}
