//! How a message is denied: what is cut off, who is told what, and what becomes of the rest.

use policy::Side;
use testkit::mqtt;
use testkit::network::{Ends, Gateway, Passage, Stream, policy_of, tcp_of};
use weir_inspect::Verdict;
use wire::Direction::{ToClient, ToServer};
use wire::mqtt::Version;
use wire::net::TcpFlags;
use wire::net::build::TcpSegment;

/// One rule for each way to say no.
const PACK: &str = r#"
[[rule]]
id     = "unasked"
match  = { reason = "mqtt.session.not-subscribed" }
action = "accept"

[[rule]]
id     = "leave"
match  = { reason = "mqtt.session.after-disconnect", direction = "to_server" }
action = "drop"

[[rule]]
id     = "spoofed"
match  = { reason = ["mqtt.spoofed.*", "mqtt.session.*"] }
action = "reset"
ban    = "10m"

[[rule]]
id     = "malformed"
match  = { reason = ["mqtt.malformed.*", "mqtt.too-large", "mqtt.wrong-protocol.*", "tls.required"] }
action = "reset"

[[rule]]
id     = "secret"
match  = { packet = "PUBLISH", topic = "secret/#" }
action = "reset"

[[rule]]
id     = "silent"
match  = { packet = "PUBLISH", topic = "silent/#" }
action = "drop"

[[rule]]
id     = "polite"
match  = { packet = ["PUBLISH"], topic = "polite/#" }
action = "refuse"

[[rule]]
id     = "harvest"
match  = { packet = "SUBSCRIBE", filter = { overlaps = ["secret/#"] } }
action = "refuse"

[[rule]]
id     = "stranger"
match  = { packet = "CONNECT", client_id = "stranger" }
action = "refuse"

[[rule]]
id      = "trial"
match   = { packet = "PUBLISH", topic = "trial/#" }
action  = "reset"
dry_run = true
"#;

fn gateway() -> Gateway {
    Gateway::of("", PACK)
}

fn session(gateway: &mut Gateway, version: Version, client_id: &str) -> Stream {
    Stream::session(gateway, Ends::v4(7, 1883), version, client_id)
}

fn publish(topic: &str) -> Vec<u8> {
    mqtt::publish(Version::V311, topic, b"payload")
}

fn assert_denied(passage: &Passage, verdict: Verdict, rule: &str) {
    assert_eq!(passage.verdict(), verdict, "{:?}", passage.outcome);
    let policy = policy_of("", PACK);
    let decided = passage
        .outcome
        .rule
        .map(|rule| &*policy.rules()[rule.as_usize()].id);
    assert_eq!(decided, Some(rule));
}

/// The flags of what left by `side`.
fn flags(passage: &Passage, side: Side) -> Vec<TcpFlags> {
    let frames = passage.toward(side).into_iter();
    frames.map(|frame| tcp_of(frame).flags).collect()
}

const RST: TcpFlags = TcpFlags(TcpFlags::RST.0 | TcpFlags::ACK.0);

/// A rule that asked for no detection tells of none that there is beside.
#[test]
fn a_rule_tells_no_reason_that_it_did_not_ask_for() {
    let pack = "[[rule]]\nid = \"deliveries\"\nmatch = { packet = \"PUBLISH\", direction = \"to_client\" }\naction = \"drop\"\n";
    for (pack, reason) in [(pack, None), ("", Some("mqtt.session.not-subscribed"))] {
        let mut gateway = Gateway::of("", pack);
        let mut stream = Stream::session(&mut gateway, Ends::v4(1, 1883), Version::V311, "a");
        let publish = mqtt::publish(Version::V311, "t", b"1");
        let passage = stream.data(&mut gateway, ToClient, &publish);
        assert_eq!(
            (passage.outcome.forward, passage.reason()),
            (pack.is_empty(), reason)
        );
    }
}

#[test]
fn a_denied_packet_is_cut_off_and_both_ends_are_reset_with_numbers_they_accept() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Version::V311, "a");
    let good = publish("open/1");
    let segment = [&good[..], &publish("secret/1"), &publish("open/2")].concat();
    let before = stream.next(ToServer);
    let passage = stream.data(&mut gateway, ToServer, &segment);
    assert_denied(&passage, Verdict::Reset, "secret");

    let outside = passage.toward(Side::Outside);
    assert_eq!(
        tcp_of(outside[0]).payload,
        good,
        "what precedes it still arrives"
    );
    let rst = tcp_of(outside[1]);
    assert_eq!(
        (rst.flags, rst.seq),
        (RST, before.wrapping_add(good.len() as u32))
    );
    let [back] = &passage.toward(Side::Inside)[..] else {
        panic!("{passage:?}")
    };
    let rst = tcp_of(back);
    assert_eq!((rst.flags, rst.seq), (RST, stream.next(ToClient)));
    assert_eq!(gateway.inspector.gauges().sessions, 0);
}

#[test]
fn what_follows_on_a_denied_connection_is_dropped_and_answered_as_by_a_closed_port() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Version::V311, "a");
    stream.data(&mut gateway, ToServer, &publish("secret/1"));
    let passage = stream.data(&mut gateway, ToServer, &publish("open/1"));
    assert_denied(&passage, Verdict::Drop, "secret");
    assert_eq!(flags(&passage, Side::Inside), [RST]);
    assert!(passage.toward(Side::Outside).is_empty());
    for _ in 0..100 {
        stream.data(&mut gateway, ToServer, &publish("open/1"));
    }
    let resets = gateway.record.injected.len();
    assert!(resets < 25, "an ended connection draws {resets} answers");
}

#[test]
fn drop_keeps_the_message_from_arriving_and_leaves_no_end_waiting() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Version::V311, "a");
    let (next, back) = (stream.next(ToServer), stream.next(ToClient));
    let passage = stream.data(&mut gateway, ToServer, &publish("silent/1"));
    assert_denied(&passage, Verdict::Drop, "silent");
    let to_client = tcp_of(passage.toward(Side::Inside)[0]);
    assert_eq!(
        (to_client.flags, to_client.seq, to_client.ack),
        (RST, back, next)
    );
    let to_server = tcp_of(passage.toward(Side::Outside)[0]);
    assert_eq!(
        (to_server.flags, to_server.seq, to_server.ack),
        (RST, next, back)
    );
    assert_eq!(passage.out.len(), 2, "and nothing more");
    let later = stream.data(&mut gateway, ToServer, &publish("open/1"));
    assert_eq!(flags(&later, Side::Inside), [RST], "the first may get lost");
    assert!(later.toward(Side::Outside).is_empty());
}

/// Clients are known to acknowledge or ping once more after their DISCONNECT.
#[test]
fn who_goes_on_after_a_disconnect_sees_the_connection_close() {
    const FIN: TcpFlags = TcpFlags(TcpFlags::FIN.0 | TcpFlags::ACK.0);
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Version::V311, "a");
    let (next, back) = (stream.next(ToServer), stream.next(ToClient));
    let leave = mqtt::disconnect(Version::V311);
    let segment = [&leave[..], &mqtt::pingreq()].concat();
    let passage = stream.data(&mut gateway, ToServer, &segment);
    assert_denied(&passage, Verdict::Drop, "leave");

    // The server hears the DISCONNECT and a FIN in its place in the stream,
    let outside = passage.toward(Side::Outside);
    let (heard, fin) = (tcp_of(outside[0]), tcp_of(outside[1]));
    assert_eq!(heard.payload, leave);
    let end = next.wrapping_add(leave.len() as u32);
    assert_eq!((fin.flags, fin.seq, fin.ack), (FIN, end, back));
    // the client that all it said has arrived, and a FIN.
    let fin = tcp_of(passage.toward(Side::Inside)[0]);
    assert_eq!(
        (fin.flags, fin.seq, fin.ack),
        (FIN, back, stream.next(ToServer))
    );
    assert!(fin.window > 0);

    // What either says now is acknowledged and goes nowhere.
    let ack = TcpFlags::ACK;
    let more = stream.data(&mut gateway, ToServer, &mqtt::pingreq());
    assert!(more.toward(Side::Outside).is_empty());
    let told = tcp_of(more.toward(Side::Inside)[0]);
    assert_eq!((told.flags, told.ack), (ack, stream.next(ToServer)));

    let closed = stream.send(&mut gateway, ToClient, FIN, &[]);
    assert!(closed.toward(Side::Inside).is_empty());
    let told = tcp_of(closed.toward(Side::Outside)[0]);
    assert_eq!((told.flags, told.ack), (ack, back.wrapping_add(1)));
    assert_eq!(gateway.inspector.gauges().sessions, 0);
}

/// What was forwarded and is lost can't be repeated any more: both ends have to know.
#[test]
fn a_client_that_repeats_its_lost_disconnect_has_a_broken_connection() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Version::V311, "a");
    let (next, leave) = (stream.next(ToServer), mqtt::disconnect(Version::V311));
    let lost = stream.data(&mut gateway, ToServer, &leave);
    assert!(lost.outcome.forward);
    let denied = stream.data(&mut gateway, ToServer, &mqtt::pingreq());
    assert_denied(&denied, Verdict::Drop, "leave");
    let repeated = stream.data_at(&mut gateway, ToServer, -4, &leave);
    assert!(!repeated.outcome.forward);
    let to_server = tcp_of(repeated.toward(Side::Outside)[0]);
    assert!(to_server.flags.contains(TcpFlags::RST));
    assert_eq!(to_server.seq, next, "what the server expects");
    let to_client = tcp_of(repeated.toward(Side::Inside)[0]);
    assert!(to_client.flags.contains(TcpFlags::RST));
}

#[test]
fn a_packet_over_several_segments_is_denied_before_it_is_whole() {
    for cut in 1..15 {
        let mut gateway = gateway();
        let mut stream = session(&mut gateway, Version::V311, "a");
        let packet = publish("secret/1");
        let first = stream.data(&mut gateway, ToServer, &packet[..cut]);
        let second = stream.data(&mut gateway, ToServer, &packet[cut..]);
        let verdicts = [first.verdict(), second.verdict()];
        assert!(
            verdicts.contains(&Verdict::Reset),
            "cut at {cut}: {verdicts:?}"
        );
        let passed: usize = [&first, &second]
            .iter()
            .flat_map(|passage| passage.toward(Side::Outside))
            .map(|frame| tcp_of(frame).payload.len())
            .sum();
        assert!(passed < packet.len(), "cut at {cut}");
    }
}

#[test]
fn a_refused_connect_gets_its_connack_and_an_end() {
    for (version, code) in [(Version::V31, 5), (Version::V311, 5), (Version::V5, 0x87)] {
        let mut gateway = gateway();
        let mut stream = Stream::new(Ends::v4(7, 1883));
        stream.open(&mut gateway);
        let connect = mqtt::connect(version, "stranger");
        let passage = stream.data(&mut gateway, ToServer, &connect);
        assert_denied(&passage, Verdict::Refuse, "stranger");
        let [answer] = &passage.toward(Side::Inside)[..] else {
            panic!("{passage:?}")
        };
        let answer = tcp_of(answer);
        assert_eq!(answer.payload, mqtt::connack(version, code));
        assert!(answer.flags.contains(TcpFlags::FIN));
        assert_eq!(answer.seq, stream.next(ToClient));
        assert_eq!(
            answer.ack,
            stream.next(ToServer),
            "all it said is acknowledged"
        );
        assert_eq!(flags(&passage, Side::Outside), [RST]);
    }
}

#[test]
fn a_refusal_bears_the_timestamps_its_receiver_expects() {
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(7, 1883));
    let connect = mqtt::connect(Version::V311, "stranger");
    let timestamps = |value: u32, echo: u32| {
        let [value, echo] = [value, echo].map(u32::to_be_bytes);
        [&[1, 1, 8, 10][..], &value, &echo].concat()
    };
    let script = [
        (ToServer, TcpFlags::SYN, timestamps(10, 0), &[][..]),
        (
            ToClient,
            TcpFlags::SYN | TcpFlags::ACK,
            timestamps(700, 10),
            &[],
        ),
        (ToServer, TcpFlags::ACK, timestamps(11, 700), &[]),
        (ToServer, TcpFlags::ACK, timestamps(12, 700), &connect),
    ];
    let mut out = Vec::new();
    for (direction, flags, options, payload) in script {
        let ack = stream.next(direction.reverse());
        let segment = TcpSegment {
            seq: stream.next(direction),
            ack: if flags == TcpFlags::SYN { 0 } else { ack },
            flags,
            window: 0xffff,
            options: &options,
            payload,
        };
        let frame = stream.raw(direction, &segment);
        let syn = usize::from(flags.contains(TcpFlags::SYN));
        stream.advance(direction, payload.len() + syn);
        out = gateway
            .carry(stream.ends.side_of_sender(direction), &frame)
            .out;
    }
    let toward_client = out.iter().find(|departed| departed.side == Side::Inside);
    let refusal = tcp_of(&toward_client.expect("a refusal").frame);
    assert_eq!(refusal.payload, mqtt::connack(Version::V311, 5));
    assert_eq!(refusal.options.as_bytes(), timestamps(700, 11));
}

#[test]
fn a_refused_subscription_gets_a_failure_for_each_filter() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Version::V311, "a");
    let subscribe = mqtt::subscribe(Version::V311, 9, &["open/#", "#"]);
    let passage = stream.data(&mut gateway, ToServer, &subscribe);
    assert_denied(&passage, Verdict::Refuse, "harvest");
    let answer = tcp_of(passage.toward(Side::Inside)[0]).payload.to_vec();
    assert_eq!(answer, mqtt::suback(Version::V311, 9, &[0x80, 0x80]));

    let mut gateway = self::gateway();
    let mut stream = session(&mut gateway, Version::V5, "a");
    let subscribe = mqtt::subscribe(Version::V5, 9, &["#"]);
    let passage = stream.data(&mut gateway, ToServer, &subscribe);
    let answer = tcp_of(passage.toward(Side::Inside)[0]).payload.to_vec();
    let suback = mqtt::suback(Version::V5, 9, &[0x87]);
    assert_eq!(answer, [&suback[..], &[0xe0, 1, 0x87]].concat());
}

#[test]
fn a_refusal_never_breaks_into_a_packet_on_its_way_to_the_client() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Version::V5, "a");
    let towards_client = mqtt::publish(Version::V5, "news", &[0; 100]);
    stream.passes(&mut gateway, ToClient, &towards_client[..50]);
    let refused = mqtt::publish(Version::V5, "polite/1", b"");
    let passage = stream.data(&mut gateway, ToServer, &refused);
    assert_denied(&passage, Verdict::Refuse, "polite");
    assert_eq!(flags(&passage, Side::Inside), [RST]);
}

#[test]
fn a_dry_run_says_what_it_would_have_done_and_forwards() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Version::V311, "a");
    let passage = stream.data(&mut gateway, ToServer, &publish("trial/1"));
    assert_eq!(
        (passage.verdict(), passage.outcome.would),
        (Verdict::Accept, Some(Verdict::Reset))
    );
    assert_eq!(gateway.record.events.len(), 1);
    assert_eq!(gateway.record.events[0].would, Some(Verdict::Reset));
}

#[test]
fn monitor_mode_lets_a_whole_attack_through_and_tells_of_it() {
    let mut gateway = Gateway::of("mode = \"monitor\"", PACK);
    let mut stream = Stream::new(Ends::v4(7, 1883));
    stream.open(&mut gateway);
    let reset = Some(Verdict::Reset);
    let attack = [
        (publish("open/1"), reset),
        (mqtt::connect(Version::V311, "a"), None),
        (mqtt::connect(Version::V311, "b"), reset),
        (publish("secret/1"), reset),
        (mqtt::pingresp(), reset),
        (mqtt::raw(0x36, b"\0\x01t\0\x01"), reset),
        // Nobody knows where the next packet begins.
        (publish("secret/1"), None),
    ];
    for (packet, would) in &attack {
        let frame = stream.segment(ToServer, 0, TcpFlags::ACK | TcpFlags::PSH, packet);
        let passage = stream.data(&mut gateway, ToServer, packet);
        assert_eq!(passage.out[0].frame, frame);
        assert_eq!(passage.outcome.would, *would, "{packet:02x?}");
    }
    assert!(gateway.record.bans.is_empty());
}

/// Whoever offends chooses to which station its frame goes: the other end hears of the end all the same.
#[test]
fn the_other_end_is_told_wherever_the_offending_frame_was_sent_to() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Version::V311, "dev");
    let server = stream.ends.path.destination_mac;
    stream.ends.path.destination_mac = [2, 0, 0, 0, 0xde, 0xad];
    let passage = stream.data(&mut gateway, ToServer, &publish("secret/x"));
    assert_denied(&passage, Verdict::Reset, "secret");
    let resets = passage.toward(Side::Outside);
    assert_eq!(resets.len(), 1);
    assert_eq!(resets[0][..6], server);
    assert!(tcp_of(resets[0]).flags.contains(TcpFlags::RST));
}
