//! Tricks with the beginning of a connection.

use policy::Side;
use testkit::mqtt;
use testkit::network::{Ends, Gateway, Passage, Stream};
use weir_inspect::Verdict;
use wire::Direction::{self, ToClient, ToServer};
use wire::mqtt::Version;
use wire::net::build::TcpSegment;

use super::scene::{ACK, FIN, RST, SYN};

pub(super) const BASELINE: &str = include_str!("../../../../rules/baseline.toml");
pub(super) const FAMILIES: [fn(u16, u16) -> Ends; 2] = [Ends::v4, Ends::v6];

pub(super) fn gateway() -> Gateway {
    Gateway::of("", BASELINE)
}

/// What no broker may get to see as the first packet.
pub(super) fn publish() -> Vec<u8> {
    mqtt::publish(Version::V311, "t", b"data")
}

pub(super) fn connect() -> Vec<u8> {
    mqtt::connect(Version::V311, "device")
}

/// A segment with numbers of the test's own.
fn say(
    gateway: &mut Gateway,
    stream: &Stream,
    direction: Direction,
    segment: &TcpSegment<'_>,
) -> Passage {
    let frame = stream.raw(direction, segment);
    gateway.carry(stream.ends.side_of_sender(direction), &frame)
}

pub(super) fn assert_read_from_its_beginning(gateway: &mut Gateway, stream: &mut Stream) {
    let passage = stream.data(gateway, ToServer, &publish());
    let fate = (passage.verdict(), passage.reason());
    assert_eq!(
        fate,
        (Verdict::Reset, Some("mqtt.session.first-not-connect"))
    );
}

pub(super) fn assert_read_in_pieces(gateway: &mut Gateway, stream: &mut Stream) {
    let publish = publish();
    let (head, tail) = publish.split_at(1);
    assert!(stream.data(gateway, ToServer, head).outcome.forward);
    let passage = stream.data(gateway, ToServer, tail);
    assert_eq!(
        (passage.verdict(), passage.reason()),
        (Verdict::Reset, Some("mqtt.session.first-not-connect"))
    );
}

#[test]
fn tc_07_data_on_a_syn_waits_for_the_handshake() {
    for ends in FAMILIES.map(|of| of(1, 1883)) {
        let mut gateway = gateway();
        let mut stream = Stream::new(ends);
        let early = stream.segment(ToServer, 0, SYN, &publish());
        gateway
            .carry(Side::Inside, &early)
            .assert_dropped("tcp.data-on-syn");
        stream.open(&mut gateway);
        assert_read_from_its_beginning(&mut gateway, &mut stream);
    }
}

#[test]
fn tc_11_split_and_simultaneous_handshakes_are_read_alike() {
    for (splits, ends) in [false, true]
        .into_iter()
        .zip(FAMILIES.map(|of| of(1, 1883)))
    {
        let mut gateway = gateway();
        let mut stream = Stream::new(ends);
        stream.send(&mut gateway, ToServer, SYN, &[]);
        if splits {
            // The server acknowledges first, and sends its SYN apart.
            assert!(stream.ack(&mut gateway, ToClient).outcome.forward);
        }
        assert!(
            stream
                .send(&mut gateway, ToClient, SYN, &[])
                .outcome
                .forward
        );
        for direction in [ToServer, ToClient] {
            let answer = stream.segment(direction, -1, SYN | ACK, &[]);
            let side = ends.side_of_sender(direction);
            assert!(gateway.carry(side, &answer).outcome.forward);
        }
        assert_read_from_its_beginning(&mut gateway, &mut stream);
    }
}

#[test]
fn nobody_gets_in_without_the_number_of_the_servers_syn() {
    for ends in FAMILIES.map(|of| of(1, 1883)) {
        let mut gateway = gateway();
        let mut stream = Stream::new(ends);
        stream.send(&mut gateway, ToServer, SYN, &[]);
        let early = stream.data_at(&mut gateway, ToServer, 0, &connect());
        early.assert_dropped("tcp.out-of-window");
        stream.send(&mut gateway, ToClient, SYN | ACK, &[]);
        for guess in [-1_i32, 1, 5000, i32::MIN] {
            let blind = TcpSegment {
                seq: stream.next(ToServer),
                ack: stream.next(ToClient).wrapping_add_signed(guess),
                flags: ACK,
                payload: &connect(),
                ..TcpSegment::default()
            };
            say(&mut gateway, &stream, ToServer, &blind).assert_dropped("tcp.out-of-window");
        }
        assert_eq!(gateway.inspector.gauges().flows, 0);
    }
}

#[test]
fn a_syn_repeated_with_another_number_counts_and_the_answer_to_the_first_does_not() {
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(1, 1883));
    stream.send(&mut gateway, ToServer, SYN, &[]);
    let to_first = stream.segment(ToClient, 0, SYN | ACK, &[]);
    stream.advance(ToServer, 4000);
    stream.send(&mut gateway, ToServer, SYN, &[]);
    gateway
        .carry(Side::Outside, &to_first)
        .assert_dropped("tcp.out-of-window");
    assert!(
        stream
            .send(&mut gateway, ToClient, SYN | ACK, &[])
            .outcome
            .forward
    );
    assert_read_from_its_beginning(&mut gateway, &mut stream);
}

#[test]
fn a_server_without_memory_may_answer_each_syn_with_another_number() {
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(1, 1883));
    stream.send(&mut gateway, ToServer, SYN, &[]);
    stream.send(&mut gateway, ToClient, SYN | ACK, &[]);
    stream.advance(ToClient, 7_000_000);
    let again = stream.segment(ToServer, -1, SYN, &[]);
    assert!(gateway.carry(Side::Inside, &again).outcome.forward);
    assert!(
        stream
            .send(&mut gateway, ToClient, SYN | ACK, &[])
            .outcome
            .forward
    );
    assert!(
        stream
            .data(&mut gateway, ToServer, &connect())
            .outcome
            .forward
    );
    // Once the client has taken one, there is no other.
    stream.ack(&mut gateway, ToServer);
    stream.advance(ToClient, 100);
    let forged = stream.segment(ToClient, 0, SYN | ACK, &[]);
    gateway
        .carry(Side::Outside, &forged)
        .assert_dropped("tcp.blind-syn");
    assert_eq!(gateway.record.reasons(), ["tcp.blind-syn"]);
}

#[test]
fn a_device_that_restarted_gets_rid_of_the_connection_its_server_still_has() {
    for ends in FAMILIES.map(|of| of(1, 1883)) {
        let mut gateway = gateway();
        let mut stream = Stream::new(ends);
        stream.send(&mut gateway, ToServer, SYN, &[]);
        // RFC 9293 §3.5.1: the server says what it knows of the connection of before ...
        let old = TcpSegment {
            seq: 90_000,
            ack: 70_000,
            flags: ACK,
            window: 500,
            ..TcpSegment::default()
        };
        assert!(say(&mut gateway, &stream, ToClient, &old).outcome.forward);
        // ... and nobody but the device can know which number ends it.
        let rst = |seq| TcpSegment {
            seq,
            flags: RST,
            ..TcpSegment::default()
        };
        let blind = say(&mut gateway, &stream, ToServer, &rst(70_001));
        blind.assert_dropped("tcp.blind-reset");
        let exact = say(&mut gateway, &stream, ToServer, &rst(70_000));
        assert!(exact.outcome.forward);
        // What the server sends of the old connection doesn't pass for the new one's.
        let stale = TcpSegment {
            payload: b"\x30\x03\x00\x01t",
            ..old
        };
        say(&mut gateway, &stream, ToClient, &stale).assert_dropped("tcp.out-of-window");
        let again = stream.segment(ToServer, -1, SYN, &[]);
        assert!(gateway.carry(Side::Inside, &again).outcome.forward);
        assert!(
            stream
                .send(&mut gateway, ToClient, SYN | ACK, &[])
                .outcome
                .forward
        );
        assert_read_from_its_beginning(&mut gateway, &mut stream);
    }
}

#[test]
fn a_connection_after_another_of_the_same_ends_is_a_new_one() {
    for ends in FAMILIES.map(|of| of(1, 1883)) {
        let mut gateway = gateway();
        let mut stream = Stream::session(&mut gateway, ends, Version::V5, "device");
        for direction in [ToServer, ToClient] {
            stream.send(&mut gateway, direction, ACK | FIN, &[]);
        }
        stream.ack(&mut gateway, ToServer);
        stream.advance(ToServer, 1 << 20);
        stream.advance(ToClient, 1 << 25);
        stream.open(&mut gateway);
        assert_read_from_its_beginning(&mut gateway, &mut stream);
    }
}

#[test]
fn an_answer_to_a_syn_nobody_remembers_begins_a_connection() {
    for ends in FAMILIES.map(|of| of(1, 1883)) {
        let mut gateway = gateway();
        let mut stream = Stream::new(ends);
        stream.advance(ToServer, 1);
        assert!(
            stream
                .send(&mut gateway, ToClient, SYN | ACK, &[])
                .outcome
                .forward
        );
        assert!(stream.ack(&mut gateway, ToServer).outcome.forward);
        assert_read_in_pieces(&mut gateway, &mut stream);
    }
}

#[test]
fn tc_19_a_window_of_unknown_scale_is_taken_for_the_widest() {
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(1, 1883));
    stream.data(&mut gateway, ToServer, &publish());
    stream.ack(&mut gateway, ToClient);
    let far = stream.data_at(&mut gateway, ToServer, 1_000_000, &publish());
    assert_eq!(far.verdict(), Verdict::Hold);
    let further = stream.data_at(&mut gateway, ToServer, 1_100_000_000, &publish());
    further.assert_dropped("tcp.out-of-window");
}

#[test]
fn tc_20_what_only_one_end_is_heard_of_is_read_too() {
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(1, 1883));
    for _ in 0..3 {
        assert!(
            stream
                .data(&mut gateway, ToServer, &publish())
                .outcome
                .forward
        );
    }
    let spoofed = stream.data(&mut gateway, ToServer, &mqtt::connack(Version::V311, 0));
    assert_eq!(spoofed.reason(), Some("mqtt.spoofed.server-packet"));
    assert!(!spoofed.outcome.forward);
}
