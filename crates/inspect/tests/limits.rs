//! What is known across connections: names in use, refused credentials, what rules count.

use std::net::IpAddr;
use std::time::Duration;

use testkit::mqtt;
use testkit::network::{Ends, Gateway, Stream, policy_of};
use weir_inspect::{Count, LimitKind, Limits, Verdict};
use wire::Direction::{ToClient, ToServer};
use wire::mqtt::encode::Connect;
use wire::mqtt::{Property, ReasonCode, Version, encode};
use wire::net::TcpFlags;

const TAKEOVER: &str = "mqtt.takeover.client-id";
const GUESSING: &str = r#"
    [[rule]]
    id = "guessing"
    match = { reason = "mqtt.auth.failed" }
    limit = { count = 2, window = "10m", per = "client" }
    action = "reset"
    ban = "15m"
"#;

/// A device that connects and is answered with this code; how the answer went.
fn knock(gateway: &mut Gateway, device: u16, port: u16, code: u8) -> Verdict {
    let server = Ends::v4(device, 1883);
    let mut ends = server;
    ends.path.source_port = port;
    let mut stream = Stream::new(ends);
    stream.open(gateway);
    let connect = mqtt::connect(Version::V311, "device");
    let connected = stream.data(gateway, ToServer, &connect);
    assert_eq!(connected.verdict(), Verdict::Accept);
    stream
        .data(gateway, ToClient, &mqtt::connack(Version::V311, code))
        .verdict()
}

fn banned(gateway: &Gateway) -> Vec<IpAddr> {
    let bans = gateway.record.bans.iter();
    bans.map(|(ban, _)| ban.source.addr()).collect()
}

#[test]
fn who_guesses_is_banned_and_never_the_server_that_says_so() {
    let mut gateway = Gateway::of("", GUESSING);
    let verdicts = [1, 2, 3].map(|port| knock(&mut gateway, 7, 4000 + port, 5));
    assert_eq!(verdicts, [Verdict::Accept, Verdict::Accept, Verdict::Reset]);
    let banned = banned(&gateway);
    assert_eq!(banned, [Ends::v4(7, 1883).path.source]);
    assert_eq!(knock(&mut gateway, 8, 4000, 5), Verdict::Accept);
}

#[test]
fn who_guesses_from_one_network_after_another_is_banned_with_it() {
    let by_network = GUESSING.replace("\"client\" }", "\"client\", ipv6_prefix = 64 }");
    let guess = |gateway: &mut Gateway, client: &str| {
        let mut stream = Stream::new(Ends::of(client, "[fd00:30::1]:1883"));
        stream.open(gateway);
        stream.passes(gateway, ToServer, &mqtt::connect(Version::V311, "device"));
        let refusal = mqtt::connack(Version::V311, 5);
        stream.data(gateway, ToClient, &refusal).verdict()
    };
    let clients = ["fd00:20::7", "fd00:20::8", "fd00:20:0:1::7", "fd00:20::9"];
    for (rules, last, source) in [
        (GUESSING, Verdict::Accept, None),
        (&by_network, Verdict::Reset, Some("fd00:20::/64")),
    ] {
        let mut gateway = Gateway::of("", rules);
        let verdicts = clients.map(|client| guess(&mut gateway, &format!("[{client}]:4000")));
        assert_eq!(
            verdicts,
            [Verdict::Accept, Verdict::Accept, Verdict::Accept, last]
        );
        let bans = gateway.record.bans.iter();
        let banned: Vec<_> = bans.map(|(ban, _)| ban.source.to_string()).collect();
        assert_eq!(banned, Vec::from_iter(source));
    }
}

#[test]
fn what_a_network_holds_is_held_together() {
    const HOARDING: &str = r#"
        [[rule]]
        id = "hoarding"
        match = { packet = "CONNECT", direction = "to_server" }
        limit = { max = 2, of = "sessions", per = "client", ipv6_prefix = 64 }
        action = "reset"
        [[rule]]
        id = "hoarding-alone"
        match = { packet = "CONNECT", direction = "to_server" }
        limit = { max = 1, of = "sessions", per = "client" }
        action = "drop"
    "#;
    let mut gateway = Gateway::of("", HOARDING);
    let mut connects = |client: &str, name: &str| {
        let mut stream = Stream::new(Ends::of(client, "[fd00:30::1]:1883"));
        stream.open(&mut gateway);
        let connect = mqtt::connect(Version::V311, name);
        stream.data(&mut gateway, ToServer, &connect).verdict()
    };
    for (client, name, expected) in [
        ("[fd00:20::7]:4000", "a", Verdict::Accept),
        ("[fd00:20::7]:4001", "b", Verdict::Drop),
        ("[fd00:20::8]:4000", "c", Verdict::Accept),
        ("[fd00:20::9]:4000", "d", Verdict::Reset),
        ("[fd00:20:0:1::9]:4000", "e", Verdict::Accept),
    ] {
        assert_eq!(connects(client, name), expected, "{client}");
    }
}

#[test]
fn a_reload_goes_on_counting_where_the_old_policy_was() {
    let mut gateway = Gateway::of("", GUESSING);
    knock(&mut gateway, 7, 4001, 5);
    knock(&mut gateway, 7, 4002, 4);
    let with_another = format!(
        "[[rule]]\nid = \"first\"\nmatch = {{ packet = \"PUBLISH\" }}\naction = \"alert\"\n{GUESSING}"
    );
    gateway.inspector.install(policy_of("", &with_another));
    assert_eq!(knock(&mut gateway, 7, 4003, 5), Verdict::Reset);
    gateway
        .inspector
        .install(policy_of("", &GUESSING.replace("count = 2", "count = 3")));
    assert_eq!(knock(&mut gateway, 7, 4004, 5), Verdict::Accept);
}

#[test]
fn a_dry_run_counts_and_stops_nothing() {
    let mut gateway = Gateway::of("", &format!("{GUESSING}dry_run = true"));
    for port in 4000..4010 {
        assert_eq!(knock(&mut gateway, 7, port, 5), Verdict::Accept);
    }
    let tried = gateway.record.events.iter();
    let tried = tried.filter(|event| event.rule.is_some());
    let would: Vec<_> = tried.map(|event| event.would).collect();
    assert_eq!(would, [Some(Verdict::Reset); 8]);
    assert!(gateway.record.bans.is_empty());
}

#[test]
fn a_full_table_of_meters_is_counted_and_blames_nobody() {
    let limits = Limits {
        meters: 16,
        ..Limits::default()
    };
    let mut gateway = Gateway::with_limits(policy_of("", GUESSING), limits);
    for device in 0..200 {
        assert_eq!(knock(&mut gateway, device, 4000, 5), Verdict::Accept);
    }
    assert_eq!(gateway.inspector.gauges().meters, 16);
    let evicted = gateway.record.counted(Count::Limit(LimitKind::Meters));
    assert_eq!(evicted, 200 - 16);
}

/// Connects a device under no name of its own, and has the server name it.
fn assigned(gateway: &mut Gateway, device: u16, name: &str) -> Stream {
    let mut stream = Stream::new(Ends::v4(device, 1883));
    stream.open(gateway);
    stream.data(gateway, ToServer, &mqtt::connect(Version::V5, ""));
    let connack = mqtt::written(|out| {
        let properties = [Property::AssignedClientIdentifier(name)];
        encode::connack(out, Version::V5, false, ReasonCode::SUCCESS, &properties);
    });
    assert!(stream.data(gateway, ToClient, &connack).outcome.forward);
    stream
}

#[test]
fn a_name_the_server_gave_is_held_like_any_other() {
    let mut gateway = Gateway::of("", "");
    let _stream = assigned(&mut gateway, 7, "auto-1");
    assert_eq!(gateway.inspector.gauges().clients, 1);
    let mut stream = Stream::new(Ends::v4(8, 1883));
    stream.open(&mut gateway);
    let passage = stream.data(
        &mut gateway,
        ToServer,
        &mqtt::connect(Version::V5, "auto-1"),
    );
    assert_eq!(passage.reason(), Some(TAKEOVER));
}

#[test]
fn a_name_is_free_when_its_connection_was_torn_down_or_forgotten() {
    let limits = Limits::default();
    let idle_timeout = limits.idle_timeout;
    let mut gateway = Gateway::with_limits(policy_of("", ""), limits);
    let mut torn = Stream::session(&mut gateway, Ends::v4(7, 1883), Version::V311, "torn");
    let _idle = Stream::session(&mut gateway, Ends::v4(8, 1883), Version::V311, "idle");
    assert_eq!(gateway.inspector.gauges().clients, 2);
    torn.data(&mut gateway, ToServer, &[0xff, 0xff]);
    assert_eq!(gateway.inspector.gauges().clients, 1);
    gateway.wait(idle_timeout + Duration::from_secs(1));
    assert_eq!(gateway.inspector.gauges().clients, 0);
}

#[test]
fn a_name_is_free_when_one_end_has_said_that_it_leaves() {
    let goodbye = |direction| (direction, TcpFlags::ACK, mqtt::disconnect(Version::V5));
    let hang_up = |direction| (direction, TcpFlags::ACK | TcpFlags::FIN, Vec::new());
    for (direction, flags, payload) in [
        goodbye(ToServer),
        goodbye(ToClient),
        hang_up(ToServer),
        hang_up(ToClient),
    ] {
        let mut gateway = Gateway::of("", "");
        let mut first = Stream::session(&mut gateway, Ends::v4(7, 1883), Version::V5, "plc");
        let mut other = Stream::new(Ends::v4(8, 1883));
        other.open(&mut gateway);
        let passage = first.send(&mut gateway, direction, flags, &payload);
        assert!(passage.outcome.forward);
        assert_eq!(gateway.inspector.gauges().clients, 0);
        let connect = mqtt::connect(Version::V5, "plc");
        let passage = other.data(&mut gateway, ToServer, &connect);
        assert_eq!(passage.reason(), None, "{direction:?} {payload:?}");
        // The end of the first connection takes nothing from the second.
        other.passes(&mut gateway, ToClient, &mqtt::connack(Version::V5, 0));
        first.send(&mut gateway, ToClient, TcpFlags::RST | TcpFlags::ACK, &[]);
        assert_eq!(gateway.inspector.gauges().clients, 1);
    }
}

#[test]
fn a_name_is_free_when_its_client_has_fallen_silent() {
    let mut gateway = Gateway::of("", "");
    let connect = mqtt::connect_with(&Connect {
        client_id: "plc",
        keep_alive_s: 10,
        ..Connect::default()
    });
    let greetings = [connect, mqtt::connack(Version::V311, 0)];
    let _silent = Stream::greeted(&mut gateway, Ends::v4(7, 1883), greetings);
    gateway.wait(Duration::from_secs(14));
    assert_eq!(gateway.inspector.gauges().clients, 1);
    gateway.wait(Duration::from_secs(3));
    assert_eq!(gateway.inspector.gauges().clients, 0);
    assert_eq!(gateway.record.reasons(), ["mqtt.session.keep-alive"]);
}

#[test]
fn a_client_says_last_for_how_long_its_session_lasts() {
    for (seconds, reason) in [(0, None), (3600, Some("mqtt.takeover.session"))] {
        let mut gateway = Gateway::of("", "");
        let connect = mqtt::connect_with(&Connect {
            version: Version::V5,
            client_id: "plc",
            properties: &[Property::SessionExpiryInterval(60)],
            ..Connect::default()
        });
        let greetings = [connect, mqtt::connack(Version::V5, 0)];
        let mut first = Stream::greeted(&mut gateway, Ends::v4(7, 1883), greetings);
        let leave = mqtt::written(|out| {
            let properties = [Property::SessionExpiryInterval(seconds)];
            encode::disconnect(out, Version::V5, ReasonCode::SUCCESS, &properties);
        });
        first.passes(&mut gateway, ToServer, &leave);
        gateway.wait(Duration::from_secs(600));
        let mut other = Stream::new(Ends::v4(8, 1883));
        other.open(&mut gateway);
        let connect = mqtt::connect(Version::V5, "plc");
        let passage = other.data(&mut gateway, ToServer, &connect);
        assert_eq!(passage.reason(), reason, "{seconds}");
    }
}

/// How a CONNECT of `plc` from device 8 to `server` goes while device 7 has that name at 192.0.2.1:1883.
fn claimed_at(config: &str, server: &str) -> Option<&'static str> {
    let mut gateway = Gateway::of(config, "");
    let _first = Stream::session(&mut gateway, Ends::v4(7, 1883), Version::V311, "plc");
    let client = match server.starts_with('[') {
        true => "[fd00:20::8]:40000",
        false => "10.20.0.8:40000",
    };
    let mut other = Stream::new(Ends::of(client, server));
    other.open(&mut gateway);
    let connect = mqtt::connect(Version::V311, "plc");
    let passage = other.data(&mut gateway, ToServer, &connect);
    assert!(passage.outcome.forward);
    passage.reason()
}

#[test]
fn a_name_is_held_at_all_doors_of_its_broker() {
    const PORTS: &str = "[services]\nmqtt = [1883, 1884]\n";
    let claimed = |brokers: &str, server| claimed_at(&format!("{PORTS}{brokers}"), server);
    assert_eq!(claimed("", "192.0.2.1:1884"), Some(TAKEOVER));
    assert_eq!(claimed("", "192.0.2.2:1883"), None);
    assert_eq!(claimed("", "[fd00::1]:1883"), None);
    let both = "[mqtt]\nbrokers = [[\"192.0.2.9\"], [\"fd00::1\", \"192.0.2.1\"]]\n";
    assert_eq!(claimed(both, "[fd00::1]:1884"), Some(TAKEOVER));
    assert_eq!(claimed(both, "192.0.2.9:1883"), None);
    let apart = "[mqtt]\nbrokers = [[\"192.0.2.1:1884\"]]\n";
    assert_eq!(claimed(apart, "192.0.2.1:1884"), None);
}

#[test]
fn a_name_longer_than_is_remembered_is_held_all_the_same() {
    let mut gateway = Gateway::of("", "");
    let name = "n".repeat(1500);
    let _first = Stream::session(&mut gateway, Ends::v4(7, 1883), Version::V311, &name);
    let mut other = Stream::new(Ends::v4(8, 1883));
    other.open(&mut gateway);
    let connect = mqtt::connect(Version::V311, &name);
    let passage = other.data(&mut gateway, ToServer, &connect);
    assert_eq!(passage.reason(), Some(TAKEOVER));
}

#[test]
fn the_loser_of_a_race_for_a_name_is_told_of_once_and_its_client_is_blamed() {
    const STAYS: &str = r#"
        [[rule]]
        id = "names-stay"
        match = { reason = "mqtt.takeover.*" }
        action = "reset"
        ban = "15m"
    "#;
    let connect = mqtt::connect(Version::V311, "plc");
    let connack = mqtt::connack(Version::V311, 0);
    let mut gateway = Gateway::of("", STAYS);
    let [mut first, mut second] = [7, 8].map(|device| Stream::new(Ends::v4(device, 1883)));
    for stream in [&mut first, &mut second] {
        stream.open(&mut gateway);
        stream.passes(&mut gateway, ToServer, &connect);
    }
    first.passes(&mut gateway, ToClient, &connack);
    let passage = second.data(&mut gateway, ToClient, &connack);
    assert_eq!(passage.reason(), Some(TAKEOVER));
    assert_eq!(passage.verdict(), Verdict::Reset);
    let banned = banned(&gateway);
    assert_eq!(banned, [Ends::v4(8, 1883).path.source]);
}

#[test]
fn a_takeover_told_of_at_the_connect_is_not_told_of_again() {
    let mut gateway = Gateway::of("", "");
    let _first = Stream::session(&mut gateway, Ends::v4(7, 1883), Version::V311, "plc");
    let _second = Stream::session(&mut gateway, Ends::v4(8, 1883), Version::V311, "plc");
    assert_eq!(gateway.record.reasons(), [TAKEOVER]);
}

#[test]
fn no_race_is_lost_to_oneself_or_to_who_was_refused_or_has_left() {
    let connect = mqtt::connect(Version::V311, "plc");
    for (port, code, leaves) in [(40_001, 0, false), (40_000, 5, false), (40_000, 0, true)] {
        let mut gateway = Gateway::of("", "");
        let mut first = Stream::new(Ends::v4(7, 1883));
        let mut ends = Ends::v4(if port == 40_001 { 7 } else { 8 }, 1883);
        ends.path.source_port = port;
        let mut second = Stream::new(ends);
        for stream in [&mut first, &mut second] {
            stream.open(&mut gateway);
            stream.passes(&mut gateway, ToServer, &connect);
        }
        first.data(&mut gateway, ToClient, &mqtt::connack(Version::V311, code));
        if leaves {
            first.passes(&mut gateway, ToServer, &mqtt::disconnect(Version::V311));
        }
        let connack = mqtt::connack(Version::V311, 0);
        let passage = second.data(&mut gateway, ToClient, &connack);
        assert_eq!(passage.reason(), None, "{port} {code} {leaves}");
    }
}

#[test]
fn a_name_whose_grant_is_stopped_is_held_by_nobody() {
    const STOPPED: &str = r#"
        [[rule]]
        id = "stopped"
        match = { packet = "CONNACK" }
        action = "reset"
    "#;
    let connect = mqtt::connect_with(&Connect {
        client_id: "plc",
        clean_start: false,
        ..Connect::default()
    });
    let connack = mqtt::connack(Version::V311, 0);
    let mut gateway = Gateway::of("", "");
    let greetings = [connect.clone(), connack.clone()];
    let mut owner = Stream::greeted(&mut gateway, Ends::v4(7, 1883), greetings);
    owner.passes(&mut gateway, ToServer, &mqtt::disconnect(Version::V311));
    gateway.inspector.install(policy_of("", STOPPED));
    let [mut other, mut third] = [8, 9].map(|device| Stream::new(Ends::v4(device, 1883)));
    other.open(&mut gateway);
    other.passes(&mut gateway, ToServer, &connect);
    let passage = other.data(&mut gateway, ToClient, &connack);
    assert_eq!(passage.verdict(), Verdict::Reset);
    // What the owner has left is remembered as before.
    assert_eq!(gateway.inspector.gauges().clients, 1);
    third.open(&mut gateway);
    let passage = third.data(&mut gateway, ToServer, &connect);
    assert_eq!(passage.reason(), Some("mqtt.takeover.session"));
}

#[test]
fn what_went_on_unseen_makes_no_takeover() {
    let mut gateway = Gateway::of("", "");
    let _first = Stream::session(&mut gateway, Ends::v4(7, 1883), Version::V311, "plc");
    gateway.wait(Duration::from_secs(1));
    gateway.inspector.lose_sight(gateway.now);
    let mut stream = Stream::new(Ends::v4(8, 1883));
    stream.open(&mut gateway);
    let passage = stream.data(&mut gateway, ToServer, &mqtt::connect(Version::V311, "plc"));
    assert_eq!(passage.reason(), None);
}

#[test]
fn a_refused_connect_holds_no_name() {
    let mut gateway = Gateway::of("", "");
    assert_eq!(knock(&mut gateway, 7, 4000, 5), Verdict::Accept);
    assert_eq!(gateway.inspector.gauges().clients, 0);
    assert_eq!(gateway.record.reasons(), ["mqtt.auth.failed"]);
}
