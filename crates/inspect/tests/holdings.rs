//! What clients hold at once: through reloads, evictions and timeouts, by random conversations.

use std::time::Duration;

use proptest::prelude::*;
use testkit::mqtt;
use testkit::network::{Ends, Gateway, Stream, policy_of};
use weir_inspect::{Limits, Verdict};
use wire::Direction::{ToClient, ToServer};
use wire::mqtt::{PacketType, Property, QoS, ReasonCode, Version, encode};
use wire::net::TcpFlags;

const TWO_EACH: &str = r#"
    [[rule]]
    id = "two-each"
    match = { packet = "CONNECT" }
    limit = { max = 2, of = "sessions", per = "destination" }
    action = "refuse"
"#;

/// How a device's CONNECT under this name goes.
fn knock(gateway: &mut Gateway, device: u16, name: &str) -> Verdict {
    let mut stream = Stream::new(Ends::v4(device, 1883));
    stream.open(gateway);
    let connect = mqtt::connect(Version::V311, name);
    stream.data(gateway, ToServer, &connect).verdict()
}

fn session(gateway: &mut Gateway, device: u16) -> Stream {
    let name = format!("device-{device}");
    Stream::session(gateway, Ends::v4(device, 1883), Version::V311, &name)
}

/// A session that may be silent for ever: no keep alive ends it (MQTT 5.0 §3.1.2.10).
fn patient(gateway: &mut Gateway, device: u16) -> Stream {
    let connect = encode::Connect {
        client_id: &format!("device-{device}"),
        keep_alive_s: 0,
        ..encode::Connect::default()
    };
    let greetings = [
        mqtt::connect_with(&connect),
        mqtt::connack(connect.version, 0),
    ];
    Stream::greeted(gateway, Ends::v4(device, 1883), greetings)
}

#[test]
fn what_is_held_survives_a_reload_and_is_found_by_rules_that_are_new_to_it() {
    let mut gateway = Gateway::of("", TWO_EACH);
    let mut streams = [1, 2].map(|device| session(&mut gateway, device));
    let renamed = TWO_EACH.replace("two-each", "another");
    gateway.inspector.install(policy_of("", &renamed));
    assert_eq!(knock(&mut gateway, 3, "a"), Verdict::Refuse);
    // No session was counted by its zone before: each is as soon as it is heard.
    let zones = format!(
        "[zones]\nfloor = [\"10.20.0.0/16\"]\n{}",
        TWO_EACH.replace("destination", "zone")
    );
    gateway.inspector.install(policy_of("", &zones));
    assert_eq!(knock(&mut gateway, 4, "b"), Verdict::Accept);
    for stream in &mut streams {
        let passage = stream.data(&mut gateway, ToServer, &mqtt::pingreq());
        assert!(passage.outcome.forward);
    }
    assert_eq!(knock(&mut gateway, 5, "c"), Verdict::Refuse);
    gateway.inspector.install(policy_of("", ""));
    for stream in &mut streams {
        stream.data(&mut gateway, ToServer, &mqtt::pingreq());
    }
    assert_eq!(knock(&mut gateway, 6, "d"), Verdict::Accept);
}

#[test]
fn what_times_out_is_evicted_or_goes_by_unread_is_given_back() {
    let limits = Limits {
        flows: 8,
        ..Limits::default()
    };
    let idle_timeout = limits.idle_timeout;
    let pack = TWO_EACH.replace("max = 2", "max = 1000");
    let mut gateway = Gateway::with_limits(policy_of("", &pack), limits);
    for device in 0..40 {
        patient(&mut gateway, device);
        gateway.wait(Duration::from_secs(10));
    }
    let held = gateway.inspector.gauges();
    assert!(held.flows <= 8 && held.holdings == 1, "{held:?}");
    gateway.wait(idle_timeout - Duration::from_secs(20));
    let held = gateway.inspector.gauges();
    assert!(held.flows > 0 && held.holdings == 1, "{held:?}");
    gateway.wait(Duration::from_secs(22));
    let held = gateway.inspector.gauges();
    assert_eq!((held.flows, held.holdings), (0, 0));
}

/// Those that their server keeps, and of which something is known: until they are over, or their client is back.
#[test]
fn sessions_without_a_connection_are_counted() {
    let pack = r#"
        [[rule]]
        id = "ten-filters"
        match = { packet = "SUBSCRIBE" }
        limit = { max = 10, of = "subscriptions", per = "client_id" }
        action = "refuse"
    "#;
    let mut gateway = Gateway::of("", pack);
    let greeted = |gateway: &mut Gateway, device: u16, name: &str, expiry_s: u32| {
        let connect = encode::Connect {
            version: Version::V5,
            clean_start: false,
            client_id: name,
            properties: &[Property::SessionExpiryInterval(expiry_s)],
            ..encode::Connect::default()
        };
        let connack = mqtt::written(|out| {
            encode::connack(out, Version::V5, true, ReasonCode::SUCCESS, &[]);
        });
        let greetings = [mqtt::connect_with(&connect), connack];
        Stream::greeted(gateway, Ends::v4(device, 1883), greetings)
    };
    let fall_asleep = |gateway: &mut Gateway, stream: &mut Stream, filters: &[&str]| {
        if !filters.is_empty() {
            let subscribe = mqtt::subscribe(Version::V5, 1, filters);
            stream.data(gateway, ToServer, &subscribe);
            let suback = mqtt::suback(Version::V5, 1, &vec![0; filters.len()]);
            stream.data(gateway, ToClient, &suback);
        }
        let frame = stream.segment(ToServer, 0, TcpFlags::RST | TcpFlags::ACK, &[]);
        gateway.carry(stream.ends.side_of_sender(ToServer), &frame);
    };
    let asleep = |gateway: &Gateway| gateway.inspector.gauges().asleep;
    for (device, name, expiry_s, filters) in [
        (1, "a", 600, &["a", "b"][..]),
        (2, "b", 60, &["a"]),
        (3, "c", 0, &["a"]),
        (4, "d", 600, &[]),
    ] {
        let mut stream = greeted(&mut gateway, device, name, expiry_s);
        fall_asleep(&mut gateway, &mut stream, filters);
    }
    assert_eq!(asleep(&gateway), 2);
    let mut back = greeted(&mut gateway, 5, "a", 600);
    assert_eq!(asleep(&gateway), 1);
    fall_asleep(&mut gateway, &mut back, &["c"]);
    assert_eq!(asleep(&gateway), 2);
    gateway.wait(Duration::from_secs(90));
    assert_eq!(asleep(&gateway), 1, "one is over");
    gateway.wait(Duration::from_secs(600));
    assert_eq!(asleep(&gateway), 0);
}

#[test]
fn who_is_silent_past_its_keep_alive_holds_nothing_whatever_the_rules_make_of_it() {
    let mut gateway = Gateway::of("", TWO_EACH);
    let mut streams = [1, 2].map(|device| session(&mut gateway, device));
    gateway.wait(Duration::from_secs(80));
    assert_eq!(knock(&mut gateway, 3, "a"), Verdict::Refuse);
    gateway.wait(Duration::from_secs(20));
    assert_eq!(gateway.inspector.gauges().holdings, 0);
    // Who comes back is there again.
    for stream in &mut streams {
        let passage = stream.data(&mut gateway, ToServer, &mqtt::pingreq());
        assert!(passage.outcome.forward);
    }
    assert_eq!(knock(&mut gateway, 4, "b"), Verdict::Refuse);
}

const TWO_FILTERS: &str = r#"
    [[rule]]
    id = "two-filters"
    match = { packet = "SUBSCRIBE" }
    limit = { max = 2, of = "subscriptions", per = "client_id" }
    action = "reset"
"#;

/// A device's connection to a lasting session, which its server knows or doesn't.
fn lasting(gateway: &mut Gateway, device: u16, is_there: bool) -> Stream {
    let connect = encode::Connect {
        client_id: &format!("device-{device}"),
        clean_start: false,
        ..encode::Connect::default()
    };
    let mut connack = mqtt::connack(connect.version, 0);
    connack[2] = is_there.into();
    let greetings = [mqtt::connect_with(&connect), connack];
    Stream::greeted(gateway, Ends::v4(device, 1883), greetings)
}

/// Subscribes to a filter, which its server grants.
fn subscribe(gateway: &mut Gateway, stream: &mut Stream, filter: &str) -> Verdict {
    let mut bytes = Vec::new();
    encode::subscribe(&mut bytes, Version::V311, 7, &[], &[(filter, 0)]);
    let passage = stream.data(gateway, ToServer, &bytes);
    if passage.outcome.forward {
        stream.data(gateway, ToClient, &[0x90, 3, 0, 7, 0]);
    }
    passage.verdict()
}

fn hang_up(gateway: &mut Gateway, stream: &mut Stream) {
    let frame = stream.segment(ToServer, 0, TcpFlags::RST | TcpFlags::ACK, &[]);
    gateway.carry(stream.ends.side_of_sender(ToServer), &frame);
}

/// Has a session subscribe to two filters, and its client leave; then come back after `meanwhile`, and ask for one more.
fn third_filter_after(meanwhile: impl FnOnce(&mut Gateway)) -> Verdict {
    let mut gateway = Gateway::of("", TWO_FILTERS);
    gateway.wait(Duration::from_secs(1));
    let mut stream = lasting(&mut gateway, 1, false);
    for filter in ["a", "b"] {
        let verdict = subscribe(&mut gateway, &mut stream, filter);
        assert_eq!(verdict, Verdict::Accept);
    }
    hang_up(&mut gateway, &mut stream);
    gateway.wait(Duration::from_secs(1));
    meanwhile(&mut gateway);
    gateway.wait(Duration::from_secs(1));
    let mut stream = lasting(&mut gateway, 1, true);
    subscribe(&mut gateway, &mut stream, "c")
}

#[test]
fn a_lasting_session_keeps_its_subscriptions_as_far_as_all_was_seen() {
    assert_eq!(third_filter_after(|_| {}), Verdict::Reset);
    let reloaded = third_filter_after(|gateway| {
        gateway.inspector.install(policy_of("", TWO_FILTERS));
    });
    assert_eq!(reloaded, Verdict::Reset);
    let week = third_filter_after(|gateway| gateway.wait(Duration::from_secs(8 * 86_400)));
    assert_eq!(week, Verdict::Accept, "nobody is remembered for ever");
}

/// It may have been told otherwise meanwhile: what isn't known catches nobody.
#[test]
fn subscriptions_that_may_have_changed_unseen_count_for_nothing() {
    let unseen = third_filter_after(|gateway| gateway.inspector.lose_sight(gateway.now));
    assert_eq!(unseen, Verdict::Accept);
    let unasked = third_filter_after(|gateway| {
        gateway.inspector.install(policy_of("", ""));
        let mut stream = lasting(gateway, 1, true);
        stream.data(gateway, ToServer, &mqtt::pingreq());
        hang_up(gateway, &mut stream);
        gateway.inspector.install(policy_of("", TWO_FILTERS));
    });
    assert_eq!(unasked, Verdict::Accept);
    let given_back = third_filter_after(|gateway| {
        let mut stream = lasting(gateway, 1, true);
        stream.data(gateway, ToServer, &mqtt::pingreq());
        stream.data(gateway, ToServer, &[0xa2, 5, 0, 1, 0, 1, b'a']);
        hang_up(gateway, &mut stream);
    });
    assert_eq!(given_back, Verdict::Accept);
}

const STILL_SHARED: &str = r#"
    [[rule]]
    id = "still-shared"
    match = { reason = "mqtt.session.still-shared" }
    action = "reset"
"#;

/// Subscribes to many filters, a hundred a packet, all granted.
fn subscribe_many(gateway: &mut Gateway, stream: &mut Stream, filters: &[String]) {
    for some in filters.chunks(100) {
        let some: Vec<_> = some.iter().map(String::as_str).collect();
        let packet = mqtt::subscribe(Version::V311, 9, &some);
        stream.passes(gateway, ToServer, &packet);
        let suback = mqtt::suback(Version::V311, 9, &vec![0; some.len()]);
        stream.passes(gateway, ToClient, &suback);
    }
}

fn unsubscribe(gateway: &mut Gateway, stream: &mut Stream, filter: &str) -> Verdict {
    let packet = mqtt::unsubscribe(Version::V311, 10, &[filter]);
    stream.data(gateway, ToServer, &packet).verdict()
}

/// However many filters stand before those that matter, also on an earlier connection; while nobody who has nothing shared
/// is stopped for having many.
#[test]
fn what_is_shared_is_found_among_more_filters_than_are_known_apart() {
    let many: Vec<_> = (0..1500).map(|n| format!("line/{n}")).collect();
    for (comes_back, filters, left, expected) in [
        (false, &["$share/g/t", "t"][..], "t", Verdict::Reset),
        (true, &["t", "$share/g/t"], "t", Verdict::Reset),
        (false, &["$share/g/t"], "$share/g/t", Verdict::Accept),
        (false, &["t"], "t", Verdict::Accept),
        (true, &["t"], "line/1400", Verdict::Accept),
    ] {
        let mut gateway = Gateway::of("", STILL_SHARED);
        let mut stream = lasting(&mut gateway, 1, false);
        subscribe_many(&mut gateway, &mut stream, &many);
        for filter in filters {
            subscribe(&mut gateway, &mut stream, filter);
        }
        if comes_back {
            hang_up(&mut gateway, &mut stream);
            stream = lasting(&mut gateway, 1, true);
        }
        let verdict = unsubscribe(&mut gateway, &mut stream, left);
        assert_eq!(verdict, expected, "{comes_back} {filters:?} {left}");
    }
}

/// The answer to the first is none to the second, whatever it says.
#[test]
fn a_refusal_leaves_what_was_asked_for_later_under_the_same_identifier() {
    let mut gateway = Gateway::of("", STILL_SHARED);
    let mut stream = session(&mut gateway, 1);
    for filter in ["forbidden", "$share/g/t"] {
        let packet = mqtt::subscribe(Version::V311, 1, &[filter]);
        stream.passes(&mut gateway, ToServer, &packet);
    }
    for code in [0x80, 0] {
        let suback = mqtt::suback(Version::V311, 1, &[code]);
        stream.passes(&mut gateway, ToClient, &suback);
    }
    subscribe(&mut gateway, &mut stream, "t");
    assert_eq!(unsubscribe(&mut gateway, &mut stream, "t"), Verdict::Reset);
}

/// No rule asks: nothing is kept for it, and nothing said.
#[test]
fn filters_are_followed_where_a_rule_asks() {
    for (pack, is_followed) in [("", false), (STILL_SHARED, true)] {
        let mut gateway = Gateway::of("", pack);
        let mut stream = lasting(&mut gateway, 1, false);
        for filter in ["$share/g/t", "t"] {
            subscribe(&mut gateway, &mut stream, filter);
        }
        hang_up(&mut gateway, &mut stream);
        let asleep = gateway.inspector.gauges().asleep;
        assert_eq!(asleep, usize::from(is_followed));
        let mut stream = lasting(&mut gateway, 1, true);
        let packet = mqtt::unsubscribe(Version::V311, 10, &["t"]);
        let passage = stream.data(&mut gateway, ToServer, &packet);
        let expected = is_followed.then_some("mqtt.session.still-shared");
        assert_eq!(passage.reason(), expected);
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Connect(u16),
    Accept(u16),
    Refuse(u16),
    Publish(u16, u16),
    Acknowledge(u16, u16),
    Unread(u16),
    Reset(u16),
    Reload,
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let (device, id) = (0..6u16, 1..5u16);
    prop_oneof![
        device.clone().prop_map(Step::Connect),
        device.clone().prop_map(Step::Accept),
        device.clone().prop_map(Step::Refuse),
        (device.clone(), id.clone()).prop_map(|(d, id)| Step::Publish(d, id)),
        (device.clone(), id).prop_map(|(d, id)| Step::Acknowledge(d, id)),
        device.clone().prop_map(Step::Unread),
        device.prop_map(Step::Reset),
        Just(Step::Reload),
        (1..100u64).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever clients, servers and reloads do: when all flows are gone, nothing is held.
    #[test]
    fn in_the_end_all_is_given_back(steps in prop::collection::vec(step(), 1..80)) {
        const ALL: &str = r#"
            [[rule]]
            id = "malformed"
            match = { reason = "mqtt.malformed.*" }
            action = "accept"
            [[rule]]
            id = "sessions"
            match = { packet = "CONNECT" }
            limit = { max = 3, of = "sessions", per = "destination" }
            action = "drop"
            [[rule]]
            id = "in-flight"
            match = { packet = "PUBLISH" }
            limit = { max = 2, of = "in_flight", per = "client_id" }
            action = "alert"
            [[rule]]
            id = "on-a-topic"
            match = { packet = "PUBLISH" }
            limit = { max = 3, of = "in_flight", per = "topic" }
            action = "alert"
        "#;
        let by_flow = ALL.replace("destination", "flow");
        let policies = [policy_of("", ALL), policy_of("", &by_flow), policy_of("", "")];
        let mut gateway = Gateway::new(policies[0].clone());
        let mut streams: [Option<Stream>; 6] = Default::default();
        let (mut reloads, version) = (0, Version::V311);
        for step in steps {
            let mut say = |device: u16, direction, bytes: &[u8]| {
                if let Some(stream) = &mut streams[usize::from(device)] {
                    stream.data(&mut gateway, direction, bytes);
                }
            };
            match step {
                Step::Connect(device) => {
                    let mut stream = Stream::new(Ends::v4(device, 1883));
                    stream.open(&mut gateway);
                    // Three names for six devices: they throw each other out.
                    let name = format!("name-{}", device / 2);
                    stream.data(&mut gateway, ToServer, &mqtt::connect(version, &name));
                    streams[usize::from(device)] = Some(stream);
                }
                Step::Accept(device) => say(device, ToClient, &mqtt::connack(version, 0)),
                Step::Refuse(device) => say(device, ToClient, &mqtt::connack(version, 5)),
                Step::Publish(device, id) => {
                    let topic = format!("t/{}", device % 3);
                    let publish = mqtt::publish_qos(version, QoS::AtLeastOnce, id, &topic, b"x");
                    say(device, ToServer, &publish);
                }
                Step::Acknowledge(device, id) => {
                    say(device, ToClient, &mqtt::ack(version, PacketType::PubAck, id));
                }
                Step::Unread(device) => say(device, ToServer, &[0x36, 2, 0, 0]),
                Step::Reset(device) => {
                    if let Some(stream) = streams[usize::from(device)].take() {
                        let flags = TcpFlags::RST | TcpFlags::ACK;
                        let frame = stream.segment(ToServer, 0, flags, &[]);
                        gateway.carry(stream.ends.side_of_sender(ToServer), &frame);
                    }
                }
                Step::Reload => {
                    reloads += 1;
                    gateway.inspector.install(policies[reloads % 3].clone());
                }
                Step::Wait(ms) => gateway.wait(Duration::from_millis(ms)),
            }
            let held = gateway.inspector.gauges();
            // The keys of each, and three topics.
            let most = 2 * (held.flows + held.half_open) + 3;
            prop_assert!(held.holdings <= most, "{:?}", held);
        }
        gateway.wait(Limits::default().idle_timeout + Duration::from_secs(2));
        let held = gateway.inspector.gauges();
        prop_assert_eq!((held.flows, held.holdings), (0, 0));
    }
}
