//! Which connections are known, which are taken up in the middle, and which give way.

use std::time::Duration;

use policy::Side;
use testkit::mqtt;
use testkit::network::{Ends, Gateway, Stream, policy_of, tcp_of};
use weir_inspect::{Count, FlowEnd, Limits, Verdict};
use wire::Direction::{ToClient, ToServer};
use wire::mqtt::Version;
use wire::net::TcpFlags;

const ACK: TcpFlags = TcpFlags::ACK;
const SYN: TcpFlags = TcpFlags::SYN;
const RST: TcpFlags = TcpFlags::RST;
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
fn a_denied_midstream_flow_stays_denied() {
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(1, 1883));
    assert!(stream.ack(&mut gateway, ToServer).outcome.forward);
    stream.passes(&mut gateway, ToClient, PUBLISH);
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
fn a_source_that_stands_on_the_other_side_is_forged() {
    let mut gateway = gateway();
    let stream = session(&mut gateway, Ends::v4(7, 1883));
    let forged = stream.segment(ToClient, 0, ACK, PUBLISH);
    gateway
        .carry(Side::Inside, &forged)
        .assert_dropped("ip.wrong-side");
    let mut land = Ends::v4(1, 1883);
    land.path.destination = land.path.source;
    land.path.source_port = 1883;
    let frame = Stream::new(land).segment(ToServer, 0, SYN, &[]);
    gateway
        .carry(Side::Inside, &frame)
        .assert_dropped("ip.wrong-side");
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
    stream.passes(&mut gateway, ToServer, PUBLISH);
    // From here on it is read.
    let malformed = stream.data(&mut gateway, ToServer, b"\x36\x00");
    assert_eq!(malformed.reason(), Some("mqtt.malformed.publish-qos"));
    assert!(!malformed.outcome.forward);
}

/// Nobody knows whose connection it is: it isn't cut, and its client isn't banned, for not being who it may be.
#[test]
fn rules_about_names_catch_no_client_of_an_older_flow() {
    let own = "[[rule]]\nid = \"own\"\nmatch = { packet = \"PUBLISH\", topic = \"!dev/{client_id}/#\", \
               direction = \"to_server\" }\naction = \"drop\"\nban = \"1m\"\n\
               [[rule]]\nid = \"plcs\"\nmatch = { client_id = \"!plc-*\" }\naction = \"reset\"\n";
    let mut gateway = Gateway::of("", own);
    let mut stream = Stream::new(Ends::v4(1, 1883));
    let publish = |topic| mqtt::publish(Version::V311, topic, b"1");
    for topic in ["dev/s1/state", "dev/s1/t"] {
        stream.passes(&mut gateway, ToServer, &publish(topic));
    }
    // That can't be its own.
    let passage = stream.data(&mut gateway, ToServer, &publish("site/alarm"));
    assert!(!passage.outcome.forward);
    // Who was seen to say another name is caught for it.
    let mut seen = Stream::session(&mut gateway, Ends::v4(2, 1883), Version::V311, "plc-2");
    let passage = seen.data(&mut gateway, ToServer, &publish("dev/s1/state"));
    assert!(!passage.outcome.forward);
}

/// What TCP carries twice is read once.
#[test]
fn a_segment_sent_again_is_counted_once() {
    let pack = "[[rule]]\nid = \"one\"\nmatch = { packet = \"PUBLISH\" }\n\
                limit = { count = 1, window = \"1m\", per = \"flow\" }\naction = \"drop\"\n";
    let mut gateway = Gateway::of("", pack);
    let mut stream = session(&mut gateway, Ends::v4(1, 1883));
    let segment = stream.segment(ToServer, 0, ACK, PUBLISH);
    for _ in 0..5 {
        assert!(gateway.carry(Side::Inside, &segment).outcome.forward);
    }
    stream.advance(ToServer, PUBLISH.len());
    assert!(!stream.data(&mut gateway, ToServer, PUBLISH).outcome.forward);
}

/// A PUBLISH of QoS 0 reads alike in all versions; what follows shows which one is spoken.
#[test]
fn the_version_of_an_older_flow_is_not_fixed_by_what_reads_in_several() {
    let version = Version::V5;
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(1, 1883));
    for packet in [
        mqtt::publish(version, "t", b"1"),
        mqtt::unsubscribe(version, 2, &["t"]),
        mqtt::disconnect(version),
    ] {
        stream.passes(&mut gateway, ToServer, &packet);
        stream.ack(&mut gateway, ToClient);
    }
    assert_eq!(gateway.record.reasons(), ["tcp.midstream"]);
}

#[test]
fn a_connection_that_went_on_unseen_is_taken_up_where_it_is() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Ends::v4(1, 1883));
    stream.advance(ToServer, 5000);
    stream.advance(ToClient, 900);
    gateway.wait(Duration::from_secs(1));
    gateway.inspector.lose_sight(gateway.now);
    stream.passes(&mut gateway, ToServer, PUBLISH);
    stream.passes(&mut gateway, ToClient, PUBLISH);
    assert_eq!(gateway.inspector.gauges().flows, 1);
    assert_eq!(gateway.record.reasons(), [""; 0]);
    // It is read as before, and who speaks is remembered.
    let forged = stream.data(&mut gateway, ToServer, b"\x90\x03\x00\x01\x00");
    assert_eq!(forged.reason(), Some("mqtt.spoofed.server-packet"));
}

#[test]
fn a_denied_connection_is_not_taken_up_again() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Ends::v4(1, 1883));
    stream.data(&mut gateway, ToServer, b"\x36\x00");
    gateway.wait(Duration::from_secs(1));
    gateway.inspector.lose_sight(gateway.now);
    assert!(!stream.data(&mut gateway, ToServer, PINGREQ).outcome.forward);
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
        stream.passes(&mut gateway, ToServer, payload);
        assert!(stream.ack(&mut gateway, ToClient).outcome.forward);
    }
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
        .map(|n| session(&mut gateway, Ends::v4(n, 1883)))
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
        stream.passes(&mut gateway, ToServer, PUBLISH);
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
    let mut old = session(&mut gateway, Ends::v4(1, 1883));
    gateway.wait(Duration::from_secs(40));
    session(&mut gateway, Ends::v4(2, 1883));
    gateway.wait(Duration::from_secs(40));
    // The first was heard of since it was entered, the second was not.
    old.data(&mut gateway, ToServer, PINGREQ);
    gateway.wait(Duration::from_secs(40));
    session(&mut gateway, Ends::v4(3, 1883));
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
    session(&mut gateway, Ends::v4(1, 1883));
    let mut late = Stream::new(Ends::v4(2, 1883));
    late.send(&mut gateway, ToServer, SYN, &[]);
    late.send(&mut gateway, ToClient, SYN | ACK, &[]);
    late.ack(&mut gateway, ToServer)
        .assert_dropped("limits.flow-table");
}

#[test]
fn flows_are_counted_in_and_out() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Ends::v4(7, 1883));
    stream.send(&mut gateway, ToServer, RST, &[]);
    gateway.wait(Limits::default().tcp_midstream_grace);
    let service = policy::Service::Mqtt;
    assert_eq!(gateway.record.counted(Count::FlowOpened(service)), 1);
    let closed = Count::FlowClosed(service, FlowEnd::Finished);
    assert_eq!(gateway.record.counted(closed), 1);
    assert_eq!(gateway.inspector.poll_timeout(), None);
}
