//! Tricks with Multipath TCP (RFC 8684): the receiver would put the bytes in another order.

use policy::Side;
use testkit::network::{Ends, Gateway, Passage, Stream, policy_of};
use weir_inspect::{Limits, Verdict};
use wire::Direction::{self, ToClient, ToServer};
use wire::net::build::TcpSegment;
use wire::net::{Packet, TcpFlags, Transport};

use super::opening::*;
use super::scene::{ACK, PSH, SYN};

/// MP_CAPABLE as on a SYN, and with both keys as on the third segment (§3.1).
const CAPABLE: [u8; 4] = [30, 4, 0x01, 0x81];
const CAPABLE_KEYS: [u8; 20] = [
    30, 20, 0x01, 0x81, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2,
];
/// MP_JOIN as on a SYN (§3.2).
const JOIN: [u8; 12] = [30, 12, 0x10, 1, 9, 9, 9, 9, 8, 8, 8, 8];
/// A mapping of eight bytes onto the first data number (§3.3).
const MAPPING: [u8; 20] = [
    30, 18, 0x20, 0x04, 0, 0, 0, 1, 0, 0, 0, 1, 0, 8, 0, 0, 0, 0, 1, 1,
];

/// Carries a segment with these options, and moves on.
fn say(
    gateway: &mut Gateway,
    stream: &mut Stream,
    direction: Direction,
    (flags, options): (TcpFlags, &[u8]),
    payload: &[u8],
) -> Passage {
    let segment = TcpSegment {
        seq: stream.next(direction),
        ack: match flags.contains(ACK) {
            true => stream.next(direction.reverse()),
            false => 0,
        },
        flags,
        window: 0xffff,
        options,
        payload,
    };
    let frame = stream.raw(direction, &segment);
    stream.advance(direction, payload.len() + usize::from(flags.contains(SYN)));
    gateway.carry(stream.ends.side_of_sender(direction), &frame)
}

/// Whether what left the gateway still speaks of more than one path.
fn is_multipath(passage: &Passage) -> bool {
    let [departed] = &*passage.out else {
        panic!("one frame goes in and one out: {passage:?}")
    };
    let packet = Packet::decode(&departed.frame).expect("a frame");
    let Transport::Tcp(tcp) = packet.transport else {
        panic!("TCP")
    };
    tcp.options.has_multipath()
}

#[test]
fn what_asks_for_several_paths_leaves_no_handshake() {
    for ends in FAMILIES.map(|of| of(1, 1883)) {
        for asks in [&CAPABLE[..], &JOIN] {
            let mut gateway = gateway();
            let mut stream = Stream::new(ends);
            for (direction, flags) in [(ToServer, SYN), (ToClient, SYN | ACK)] {
                let passage = say(&mut gateway, &mut stream, direction, (flags, asks), &[]);
                assert!(!is_multipath(&passage));
            }
            let third = (ACK, &CAPABLE_KEYS[..]);
            let passage = say(&mut gateway, &mut stream, ToServer, third, &[]);
            assert!(!is_multipath(&passage));
            let told = ["tcp.multipath"; 2];
            assert_eq!(gateway.record.reasons(), told, "an alert, once");
            assert_read_from_its_beginning(&mut gateway, &mut stream);
        }
    }
}

#[test]
fn no_mapping_gets_through_to_a_server_that_keeps_no_state_of_handshakes() {
    for ends in FAMILIES.map(|of| of(1, 1883)) {
        let mut gateway = gateway();
        let mut stream = Stream::new(ends);
        stream.open(&mut gateway);
        let head = (ACK | PSH, &CAPABLE_KEYS[..]);
        let passage = say(&mut gateway, &mut stream, ToServer, head, &connect());
        assert!(!is_multipath(&passage));
        let mapped = (ACK | PSH, &MAPPING[..]);
        let passage = say(
            &mut gateway,
            &mut stream,
            ToServer,
            mapped,
            b"\x30\x08\0\x01t",
        );
        assert!(!is_multipath(&passage));
    }
}

#[test]
fn a_handshake_that_was_forgotten_or_never_seen_gets_no_paths_either() {
    let limits = Limits {
        half_open: 1,
        ..Limits::default()
    };
    let mut gateway = Gateway::with_limits(policy_of("", BASELINE), limits);
    let mut stream = Stream::new(Ends::v4(1, 1883));
    stream.send(&mut gateway, ToServer, SYN, &[]);
    stream.send(&mut gateway, ToClient, SYN | ACK, &[]);
    Stream::new(Ends::v4(2, 1883)).send(&mut gateway, ToServer, SYN, &[]);
    let third = (ACK, &CAPABLE_KEYS[..]);
    let passage = say(&mut gateway, &mut stream, ToServer, third, &[]);
    assert!(!is_multipath(&passage));

    gateway.wait(std::time::Duration::from_hours(3));
    let mut unknown = Stream::new(Ends::v4(3, 1883));
    let passage = say(&mut gateway, &mut unknown, ToServer, third, &[]);
    assert!(!is_multipath(&passage));
}

#[test]
fn a_segment_held_until_its_turn_goes_without_the_option_too() {
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(1, 1883));
    stream.open(&mut gateway);
    let (head, tail) = (&connect()[..5], &connect()[5..]);
    let mut ahead = stream.clone();
    ahead.advance(ToServer, head.len());
    let mapped = (ACK | PSH, &MAPPING[..]);
    let held = say(&mut gateway, &mut ahead, ToServer, mapped, tail);
    assert_eq!(held.verdict(), Verdict::Hold);
    let passage = stream.data(&mut gateway, ToServer, head);
    let frames = passage.toward(Side::Outside);
    assert_eq!(frames.len(), 2);
    for frame in frames {
        let packet = Packet::decode(frame).expect("a frame");
        let Transport::Tcp(tcp) = packet.transport else {
            panic!("TCP")
        };
        assert!(!tcp.options.has_multipath());
    }
}

#[test]
fn a_rule_may_want_none_and_a_monitor_changes_nothing() {
    let forbids = r#"
        [[rule]]
        id = "none"
        match = { reason = "tcp.multipath" }
        action = "reset"
    "#;
    let mut gateway = Gateway::of("", forbids);
    let mut stream = Stream::new(Ends::v4(1, 1883));
    let asks = (SYN, &CAPABLE[..]);
    let passage = say(&mut gateway, &mut stream, ToServer, asks, &[]);
    passage.assert_dropped("tcp.multipath");
    // Anybody may have sent it: a connection doesn't suffer for it.
    let mut stream = Stream::new(Ends::v4(2, 1883));
    stream.open(&mut gateway);
    let mapped = (ACK | PSH, &MAPPING[..]);
    let passage = say(
        &mut gateway,
        &mut stream.clone(),
        ToServer,
        mapped,
        &connect(),
    );
    passage.assert_dropped("tcp.multipath");
    stream.passes(&mut gateway, ToServer, &connect());

    for (pack, events) in [(BASELINE, 2), (forbids, 1)] {
        let mut gateway = Gateway::of("mode = \"monitor\"", pack);
        let mut stream = Stream::new(Ends::v4(1, 1883));
        let passage = say(&mut gateway, &mut stream, ToServer, asks, &[]);
        assert!(is_multipath(&passage));
        assert_eq!(gateway.record.reasons(), vec!["tcp.multipath"; events]);
    }
}

#[test]
fn a_connection_of_no_service_keeps_its_paths() {
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(1, 1883));
    let asks = (SYN, &CAPABLE[..]);
    let passage = say(&mut gateway, &mut stream, ToClient, asks, &[]);
    assert!(is_multipath(&passage));
}
