//! What becomes of a message: order, negation, lists, limits, dry runs, monitor mode, defaults.

mod ask;
mod disguises;
mod fields;
mod payloads;
mod several;
mod unseen;

use std::time::Duration;

use ask::{Ask, Coap, Mqtt, policy, policy_with};
use weir_policy::{
    Action, Layer, Limit, Meters, Protocol, Reason, RuleIndex, Service, Side, Subject,
};
use wire::coap::{Code, Type};
use wire::mqtt::{self, Malformed};

/// A policy of one rule that drops.
fn dropping(conditions: &str) -> weir_policy::Policy {
    policy(&format!(
        "[[rule]]\nid = \"r\"\nmatch = {{ {conditions} }}\naction = \"drop\"\n"
    ))
}

#[test]
fn what_is_always_stopped_needs_no_look() {
    let version = Reason::from_code("coap.malformed.version").expect("a code");
    let (rules, none) = (policy, policy(""));
    assert!(none.always_stops(version));
    assert!(!none.always_stops(Reason::COAP_TOO_LARGE));
    let exempt = |conditions: &str, more: &str| {
        rules(&format!(
            "[[rule]]\nid = \"r\"\nmatch = {{ {conditions} }}\naction = \"accept\"\n{more}"
        ))
    };
    assert!(!exempt("reason = \"coap.*\", source = \"10.0.0.7\"", "").always_stops(version));
    assert!(
        exempt(
            "reason = \"coap.*\", source = \"10.0.0.7\"",
            "dry_run = true"
        )
        .always_stops(version)
    );
    assert!(exempt("source = \"10.0.0.7\"", "").always_stops(version));
    assert!(exempt("reason = \"mqtt.*\"", "").always_stops(version));
    let large = dropping("reason = \"coap.too-large\"");
    assert!(large.always_stops(Reason::COAP_TOO_LARGE));
    let from_some = dropping("reason = \"coap.too-large\", source = \"10.0.0.7\"");
    assert!(!from_some.always_stops(Reason::COAP_TOO_LARGE));
    let default = policy_with("mode = \"monitor\"", "");
    assert!(!default.always_stops(version));
}

#[test]
fn the_first_matching_final_rule_decides() {
    let policy = policy(
        r#"
        [[rule]]
        id = "other"
        match = { packet = "SUBSCRIBE" }
        action = "refuse"
        [[rule]]
        id = "noted"
        match = { packet = "PUBLISH" }
        action = "alert"
        [[rule]]
        id = "on-trial"
        match = { topic = "a/#" }
        action = "reset"
        dry_run = true
        [[rule]]
        id = "decides"
        match = { topic = "a/b" }
        action = "drop"
        ban = "15m"
        [[rule]]
        id = "too-late"
        match = { packet = "PUBLISH" }
        action = "accept"
        "#,
    );
    let answer = Mqtt::publish("a/b").ask(&policy);
    assert_eq!(answer.noted, ["alert noted", "dry run on-trial"]);
    assert_eq!(answer.ruling.action, Action::Drop);
    assert_eq!(answer.ruling.rule, Some(RuleIndex(3)));
    let ban = answer.ruling.ban.map(|ban| ban.duration);
    assert_eq!(ban, Some(Duration::from_secs(900)));
    assert!(answer.ruling.enforced);

    let answer = Mqtt::publish("c").ask(&policy);
    assert_eq!(answer.noted, ["alert noted"]);
    assert_eq!(answer.ruling.action, Action::Accept);
    assert_eq!(answer.ruling.rule, Some(RuleIndex(4)));
}

#[test]
fn nothing_matching_the_default_decides() {
    for (default, action) in [
        ("accept", Action::Accept),
        ("drop", Action::Drop),
        ("reset", Action::Reset),
    ] {
        let config = format!("[policy]\ndefault = \"{default}\"\n");
        let answer = Mqtt::publish("a").ask(&policy_with(&config, ""));
        assert_eq!(answer.ruling.action, action);
        assert_eq!((answer.ruling.rule, answer.ruling.reason), (None, None));
    }
}

#[test]
fn a_monitor_says_what_it_would_have_done() {
    let rules =
        "[[rule]]\nid = \"r\"\nmatch = { protocol = \"mqtt\" }\naction = \"drop\"\nban = \"1h\"\n";
    let answer = Mqtt::publish("a").ask(&policy_with("mode = \"monitor\"", rules));
    assert_eq!(answer.ruling.action, Action::Drop);
    assert_eq!(answer.ruling.rule, Some(RuleIndex(0)));
    assert!(!answer.ruling.enforced);
    assert_eq!(answer.ruling.ban, None);
}

#[test]
fn what_cannot_be_parsed_is_stopped_where_no_rule_speaks_of_it() {
    let none = policy("");
    let malformed = [Reason::from(Malformed::PublishQos)];
    for (protocol, action) in [
        (Protocol::Mqtt, Action::Reset),
        (Protocol::Tls, Action::Reset),
        (Protocol::Tcp, Action::Drop),
        (Protocol::Coap, Action::Drop),
        (Protocol::Dtls, Action::Drop),
        (Protocol::Ip, Action::Drop),
    ] {
        let ruling = ask::detection(protocol, &malformed).ask(&none).ruling;
        assert_eq!((ruling.action, ruling.rule), (action, None), "{protocol:?}");
        assert_eq!(ruling.reason, Some(malformed[0]));
    }
    let spoofed = [Reason::MQTT_SPOOFED_SERVER_PACKET];
    let ruling = ask::detection(Protocol::Mqtt, &spoofed).ask(&none).ruling;
    assert_eq!((ruling.action, ruling.reason), (Action::Accept, None));
}

#[test]
fn only_a_rule_that_names_it_accepts_what_cannot_be_parsed() {
    let accepting = |conditions: &str| {
        policy(&format!(
            "[[rule]]\nid = \"r\"\nmatch = {{ {conditions} }}\naction = \"accept\"\n"
        ))
    };
    let (qos, utf8) = (
        Reason::from(Malformed::PublishQos),
        Reason::from(Malformed::Utf8),
    );
    for (conditions, reasons, action) in [
        ("protocol = \"mqtt\"", &[qos][..], Action::Reset),
        ("", &[qos], Action::Reset),
        (
            "reason = \"mqtt.malformed.publish-qos\"",
            &[qos],
            Action::Accept,
        ),
        ("reason = \"mqtt.malformed.*\"", &[qos], Action::Accept),
        (
            "reason = \"mqtt.malformed.publish-qos\"",
            &[utf8],
            Action::Reset,
        ),
        (
            "reason = \"mqtt.malformed.publish-qos\"",
            &[qos, utf8],
            Action::Reset,
        ),
        (
            "reason = \"mqtt.spoofed.*\"",
            &[Reason::MQTT_SPOOFED_CLIENT_PACKET, qos],
            Action::Reset,
        ),
    ] {
        let answer = ask::detection(Protocol::Mqtt, reasons).ask(&accepting(conditions));
        assert_eq!(answer.ruling.action, action, "{conditions} {reasons:?}");
    }
}

#[test]
fn a_reason_is_asked_by_glob_list_and_negation() {
    let spoofed = [Reason::MQTT_SPOOFED_SERVER_PACKET];
    let both = [Reason::MQTT_SPOOFED_SERVER_PACKET, Reason::TLS_REQUIRED];
    for (conditions, reasons, by) in [
        (
            "reason = \"mqtt.spoofed.*\"",
            &spoofed[..],
            Some(spoofed[0]),
        ),
        ("reason = [\"tls.*\", \"coap.*\"]", &spoofed, None),
        (
            "reason = [\"tls.*\", \"coap.*\"]",
            &both,
            Some(Reason::TLS_REQUIRED),
        ),
        ("reason = [\"mqtt.*\", \"!mqtt.spoofed.*\"]", &spoofed, None),
        (
            "reason = \"!mqtt.spoofed.*\"",
            &both,
            Some(Reason::TLS_REQUIRED),
        ),
        ("reason = \"!tls.required\"", &[], None),
    ] {
        let ruling = ask::detection(Protocol::Mqtt, reasons)
            .ask(&dropping(conditions))
            .ruling;
        assert_eq!(
            ruling.rule.is_some(),
            by.is_some(),
            "{conditions} {reasons:?}"
        );
        assert_eq!(ruling.reason, by, "{conditions} {reasons:?}");
    }
    // A rule without `reason` matches whether something was detected or not, and blames nothing.
    let ruling = ask::detection(Protocol::Mqtt, &spoofed)
        .ask(&dropping("protocol = \"mqtt\""))
        .ruling;
    assert_eq!((ruling.action, ruling.reason), (Action::Drop, None));
}

#[test]
fn addresses_are_those_of_the_right_end() {
    let zones =
        "[zones]\nsensors = [\"10.20.0.0/16\", \"fd00:20::/48\"]\nhistorian = [\"10.30.0.9\"]\n";
    // A sensor inside speaks to a broker outside.
    let up = Mqtt::publish("a").from("10.20.0.7").to("192.0.2.1");
    let down = Mqtt::publish("a")
        .from("192.0.2.1")
        .to("10.20.0.7")
        .sent_to_client(Side::Outside);
    for (conditions, matches_up, matches_down) in [
        ("source = \"sensors\"", true, false),
        ("destination = \"sensors\"", false, true),
        ("client = \"sensors\"", true, true),
        ("server = \"192.0.2.1\"", true, true),
        ("client = \"!historian\"", true, true),
        ("source = \"!sensors\"", false, true),
        ("client = [\"sensors\", \"!10.20.0.0/24\"]", false, false),
        ("client = [\"10.20.0.7\", \"10.20.0.9\"]", true, true),
        ("source = \"inside\"", true, false),
        ("source = \"outside\"", false, true),
        ("client = \"inside\"", true, true),
        ("server = \"!outside\"", false, false),
        ("direction = \"to_client\"", false, true),
        ("direction = \"!to_client\"", true, false),
    ] {
        let rules =
            format!("[[rule]]\nid = \"r\"\nmatch = {{ {conditions} }}\naction = \"drop\"\n");
        let policy = policy_with(zones, &rules);
        assert_eq!(
            up.ask(&policy).is_matched(),
            matches_up,
            "{conditions} to the server"
        );
        assert_eq!(
            down.ask(&policy).is_matched(),
            matches_down,
            "{conditions} to the client"
        );
    }
}

#[test]
fn mqtt_is_asked_by_its_fields() {
    let will = || Mqtt::connect("s7", Some("plant/s7/will"));
    for (conditions, message, matches) in [
        ("packet = \"PUBLISH\"", Mqtt::publish("a"), true),
        (
            "packet = [\"CONNECT\", \"SUBSCRIBE\"]",
            Mqtt::publish("a"),
            false,
        ),
        ("packet = \"!PUBLISH\"", Mqtt::publish("a"), false),
        ("packet = \"!PUBLISH\"", Mqtt::subscribe(&["a"]), true),
        // A will is asked about as a PUBLISH of its own, unless the rule names the CONNECT.
        ("topic = \"plant/+/will\"", will(), false),
        (
            "packet = \"CONNECT\", topic = \"plant/+/will\"",
            will(),
            true,
        ),
        ("packet = \"CONNECT\", topic = \"!plant/#\"", will(), false),
        (
            "packet = \"CONNECT\", topic = \"!plant/#\"",
            Mqtt::connect("s7", None),
            false,
        ),
        (
            "packet = \"CONNECT\", qos = 0, retain = false",
            will(),
            true,
        ),
        ("keep_alive = { max = 59 }", will(), false),
        ("source_port = { min = 49152 }", will(), false),
        ("source_port = { min = 1024, max = 49151 }", will(), true),
        ("destination_port = { max = 1023 }", will(), false),
        (
            "destination_port = { min = 1883, max = 1883 }",
            will(),
            true,
        ),
        ("keep_alive = { min = 60 }", will(), true),
        ("keep_alive = { min = 1, max = 60 }", will(), true),
        ("keep_alive = { max = 0 }", will(), false),
        ("keep_alive = { max = 600 }", Mqtt::publish("a"), false),
        (
            "topic = \"devices/{client_id}/#\"",
            Mqtt::publish("devices/s7/t").client_id("s7"),
            true,
        ),
        (
            "topic = \"devices/{client_id}/#\"",
            Mqtt::publish("devices/s8/t").client_id("s7"),
            false,
        ),
        (
            "client_id = \"!plc-{source}\"",
            Mqtt::publish("a").client_id("plc-192.0.2.7"),
            false,
        ),
        (
            "client_id = \"!plc-{source}\"",
            Mqtt::publish("a").client_id("plc-192.0.2.70"),
            true,
        ),
        (
            "topic = \"!devices/{client_id}/#\"",
            Mqtt::publish("devices/x/t").client_id("+"),
            true,
        ),
        ("topic = [\"a/#\", \"!a/b\"]", Mqtt::publish("a/b"), false),
        ("topic = [\"a/#\", \"!a/b\"]", Mqtt::publish("a/c"), true),
        ("topic = \"#\"", Mqtt::publish("$SYS/x"), false),
        (
            "filter = { covers = \"#\" }",
            Mqtt::subscribe(&["a", "#"]),
            true,
        ),
        (
            "filter = { covers = \"#\" }",
            Mqtt::subscribe(&["a/#"]),
            false,
        ),
        (
            "filter = { overlaps = \"$SYS/#\" }",
            Mqtt::subscribe(&["$SYS/+/load"]),
            true,
        ),
        (
            "filter = { overlaps = \"secret/#\" }",
            Mqtt::subscribe(&["+/key"]),
            true,
        ),
        (
            "filter = { overlaps = \"secret/#\" }",
            Mqtt::subscribe(&["$share/g/secret/x"]),
            true,
        ),
        (
            "filter = { within = \"!devices/{client_id}/#\" }",
            Mqtt::subscribe(&["devices/s7/#"]).client_id("s7"),
            false,
        ),
        (
            "filter = { within = \"!devices/{client_id}/#\" }",
            Mqtt::subscribe(&["devices/s7/#", "x"]).client_id("s7"),
            true,
        ),
        (
            "filter = { overlaps = \"a/#\", within = \"!a/b/#\" }",
            Mqtt::subscribe(&["a/b/c", "x"]),
            false,
        ),
        (
            "filter = { overlaps = \"a\" }",
            Mqtt::unsubscribe(&["a"]),
            false,
        ),
        (
            "packet = \"UNSUBSCRIBE\", filter = { overlaps = \"a\" }",
            Mqtt::unsubscribe(&["a"]),
            true,
        ),
        ("qos = 1", Mqtt::publish("a"), false),
        ("qos = [0, 2]", Mqtt::publish("a"), true),
        ("retain = true", Mqtt::publish("a"), false),
        ("retain = false", Mqtt::publish("a"), true),
        (
            "client_id = \"s-*\"",
            Mqtt::publish("a").client_id("s-7"),
            true,
        ),
        (
            "client_id = \"s-??\"",
            Mqtt::publish("a").client_id("s-7"),
            false,
        ),
        ("client_id = \"*\"", Mqtt::publish("a"), false),
        ("username = \"!*\"", Mqtt::publish("a"), true),
        (
            "username = [\"admin\", \"root\"]",
            Mqtt::publish("a").username("root"),
            true,
        ),
        ("version = \"3.1.1\"", Mqtt::publish("a"), true),
        (
            "version = [\"3.1\", \"5\"]",
            Mqtt::connect("s7", None),
            false,
        ),
        ("size = { max = 5 }", Mqtt::publish("a"), true),
        ("size = { min = 6 }", Mqtt::publish("a"), false),
        ("protocol = \"coap\"", Mqtt::publish("a"), false),
        (
            "service = [\"mqtts\", \"coaps\"]",
            Mqtt::publish("a"),
            false,
        ),
        ("tls = true", Mqtt::publish("a"), false),
        (
            "tls = true",
            Mqtt::publish("a").service(Service::Mqtts),
            true,
        ),
    ] {
        let answer = message.ask(&dropping(conditions));
        assert_eq!(answer.is_matched(), matches, "{conditions} {message:?}");
    }
}

#[test]
fn a_topic_alias_is_seen_through() {
    let policy = dropping("topic = \"plant/valve\"");
    let aliased = Mqtt::aliased(3);
    assert!(!aliased.ask(&policy).is_matched());
    assert!(aliased.stands_for("plant/valve").ask(&policy).is_matched());
    // What nobody knows isn't in the allowed tree.
    assert!(
        Mqtt::aliased(3)
            .ask(&dropping("topic = \"!plant/#\""))
            .is_matched()
    );
}

#[test]
fn one_filter_has_to_meet_all_that_is_asked_of_a_filter() {
    let policy = dropping("filter = { covers = \"a\" }, qos = 2");
    let (zero, two) = (mqtt::QoS::AtMostOnce, mqtt::QoS::ExactlyOnce);
    assert!(
        Mqtt::subscribe_qos(&[("a", two), ("b", zero)])
            .ask(&policy)
            .is_matched()
    );
    assert!(
        !Mqtt::subscribe_qos(&[("a", zero), ("b", two)])
            .ask(&policy)
            .is_matched()
    );
}

#[test]
fn coap_is_asked_by_its_fields() {
    let get = |path| Coap::new(Type::Confirmable, Code::GET, path);
    let content = || Coap::new(Type::Acknowledgement, Code::CONTENT, "").sent_to_client();
    for (conditions, message, matches) in [
        ("method = \"GET\"", get("a"), true),
        ("method = \"!GET\"", get("a"), false),
        ("method = \"!GET\"", content(), false),
        ("method = [\"PUT\", \"iPATCH\"]", get("a"), false),
        ("code = \"2.05\"", content(), true),
        ("code = [\"4.xx\", \"2.04\"]", content(), false),
        ("code = \"!2.xx\"", content(), false),
        ("code = \"!2.xx\"", get("a"), true),
        (
            "path = \"/.well-known/core\"",
            get(".well-known/core"),
            true,
        ),
        ("path = \"/*/state\"", get("a/state"), true),
        ("path = \"!/public/**\"", get("a"), true),
        ("path = \"!/public/**\"", get("public/x"), false),
        ("path = \"/**\"", content(), false),
        ("address_validated = false", get("a"), true),
        ("address_validated = true", get("a"), false),
        (
            "protocol = \"coap\", direction = \"to_client\"",
            get("a"),
            false,
        ),
        ("protocol = \"!mqtt\"", get("a"), true),
    ] {
        let answer = message.ask(&dropping(conditions));
        assert_eq!(answer.is_matched(), matches, "{conditions} {message:?}");
    }
}

/// Remembers what it was asked.
struct Asked {
    exceeded: bool,
    asked: Vec<(RuleIndex, u32)>,
}

impl Meters for Asked {
    fn exceeds(&mut self, rule: RuleIndex, limit: &Limit, _: &Subject<'_>) -> bool {
        if let Limit::Ratio(ratio) = limit {
            self.asked.push((rule, ratio.ratio_milli));
        }
        self.exceeded
    }
}

#[test]
fn a_limit_is_asked_last_and_gives_its_reason() {
    let policy = policy(
        r#"
        [[rule]]
        id = "elsewhere"
        match = { protocol = "coap", source = "203.0.113.1" }
        limit = { ratio = 1, per = "client", window = "10s" }
        action = "drop"
        [[rule]]
        id = "of-the-line"
        match = { protocol = "coap", source = "203.0.113.1" }
        limit = { ratio = 2, of = "frame_bytes", per = "client", window = "1s" }
        action = "drop"
        [[rule]]
        id = "amplification"
        match = { protocol = "coap", direction = "to_client", address_validated = false }
        limit = { ratio = 2.5, of = "udp_payload_bytes", per = "client", window = "60s" }
        action = "challenge"
        "#,
    );
    let ratios = policy.ratios().iter();
    let ratios: Vec<_> = ratios
        .map(|ratio| (ratio.ratio_milli, ratio.of, ratio.window))
        .collect();
    let [least, short, long] = [1, 10, 60].map(Duration::from_secs);
    let (payload, frame) = (Layer::UdpPayload, Layer::Frame);
    let expected = [
        (1000, payload, short),
        (2500, payload, long),
        (2000, frame, least),
    ];
    assert_eq!(ratios, expected);
    let content = Coap::new(Type::Acknowledgement, Code::CONTENT, "").sent_to_client();
    for (exceeded, action, reason) in [
        (
            true,
            Action::Challenge,
            Some(Reason::COAP_AMPLIFICATION_RATIO),
        ),
        (false, Action::Accept, None),
    ] {
        let mut meters = Asked {
            exceeded,
            asked: Vec::new(),
        };
        let answer = content.ask_with(&policy, &mut meters);
        assert_eq!(
            (answer.ruling.action, answer.ruling.reason),
            (action, reason)
        );
        assert_eq!(meters.asked, [(RuleIndex(2), 2500)]);
    }
}

#[test]
fn a_ratio_is_exceeded_by_more_than_it_allows() {
    let policy = policy(
        "[[rule]]\nid = \"r\"\nmatch = { protocol = \"coap\" }\naction = \"drop\"\nlimit = { ratio = 3.0, of = \"udp_payload_bytes\", per = \"client\", window = \"60s\" }\n",
    );
    let Some(Limit::Ratio(ratio)) = policy.rules()[0].limit else {
        panic!("the rule has a ratio");
    };
    assert!(!ratio.is_exceeded(100, 300));
    assert!(ratio.is_exceeded(100, 301));
    assert!(ratio.is_exceeded(0, 1));
    assert!(!ratio.is_exceeded(0, 0));
    assert!(!ratio.is_exceeded(u64::MAX, u64::MAX));
}

#[test]
fn tls_is_required_from_sides_and_zones() {
    let address = |text: &str| text.parse().expect("an address");
    let policy = policy_with(
        "[zones]\nsensors = [\"10.20.0.0/16\"]\n[tls]\nrequired_from = [\"sensors\", \"outside\"]\n",
        "",
    );
    assert!(policy.requires_tls(address("10.20.0.1"), Side::Inside));
    assert!(!policy.requires_tls(address("10.30.0.1"), Side::Inside));
    assert!(policy.requires_tls(address("10.30.0.1"), Side::Outside));
    assert!(!policy_with("", "").requires_tls(address("10.20.0.1"), Side::Outside));
}
