//! The fields of messages, by the keys of a `match`.

use wire::coap::number;
use wire::mqtt::{Property, QoS, ReasonCode, Version, encode};

use crate::ask::{Ask, Coap, Mqtt, policy};
use crate::dropping;

fn publish(topic: &str, payload: &[u8]) -> Mqtt {
    Mqtt::written(|out| {
        let publish = encode::Publish {
            topic,
            payload,
            properties: &[
                Property::ContentType("application/json"),
                Property::MessageExpiryInterval(60),
                Property::UserProperty(("site", "north")),
                Property::UserProperty(("site", "south-7")),
                Property::CorrelationData(&[1, 2, 3]),
            ],
            ..Default::default()
        };
        encode::publish(out, Version::V5, &publish);
    })
}

fn connect(expiry: Option<u32>, delay: Option<u32>) -> Mqtt {
    let expiry: Vec<_> = expiry
        .map(Property::SessionExpiryInterval)
        .into_iter()
        .collect();
    let of_will: Vec<_> = delay.map(Property::WillDelayInterval).into_iter().collect();
    Mqtt::written(|out| {
        let will = encode::Will {
            topic: "t",
            payload: b"gone",
            qos: QoS::AtMostOnce,
            retain: false,
            properties: &of_will,
        };
        let connect = encode::Connect {
            version: Version::V5,
            client_id: "s7",
            will: delay.map(|_| will),
            password: Some(b"secret"),
            properties: &expiry,
            ..Default::default()
        };
        encode::connect(out, &connect);
    })
}

#[track_caller]
fn check(conditions: &str, message: &impl Ask, matches: bool) {
    let answer = message.ask(&dropping(conditions));
    assert_eq!(answer.is_matched(), matches, "{conditions}");
}

#[test]
fn properties_are_asked_by_name() {
    let message = publish("t", b"x");
    for (conditions, matches) in [
        ("property = { content_type = \"*/json\" }", true),
        ("property = { content_type = [\"!*/json\", \"*\"] }", false),
        (
            "property = { content_type = true, message_expiry = true }",
            true,
        ),
        (
            "property = { content_type = true, response_topic = true }",
            false,
        ),
        ("property = { response_topic = false }", true),
        ("property = { message_expiry = { max = 59 } }", false),
        (
            "property = { message_expiry = { min = 60, max = 60 } }",
            true,
        ),
        ("property = { correlation_data = { max = 3 } }", true),
        ("property = { correlation_data = { min = 4 } }", false),
        (
            "property = { user_property = { site = \"south-*\" } }",
            true,
        ),
        ("property = { user_property = { site = \"west\" } }", false),
        ("property = { user_property = { zone = false } }", true),
        ("user_properties = { min = 2, max = 2 }", true),
        ("user_properties = { min = 3 }", false),
    ] {
        check(conditions, &message, matches);
    }
}

#[test]
fn a_connect_and_its_will_are_asked_together() {
    for (conditions, expiry, delay, matches) in [
        (
            "property = { session_expiry = { max = 10 } }",
            Some(10),
            None,
            true,
        ),
        (
            "property = { session_expiry = { max = 10 } }",
            None,
            None,
            false,
        ),
        (
            "property = { will_delay = { min = 5 } }",
            None,
            Some(5),
            true,
        ),
        ("property = { will_delay = true }", None, None, false),
        ("will_outlives_session = true", Some(4), Some(5), true),
        ("will_outlives_session = true", Some(5), Some(5), false),
        ("will_outlives_session = true", None, Some(0), false),
        ("will_outlives_session = true", Some(1), None, false),
        ("will = true", None, Some(1), true),
        ("will = false", None, Some(1), false),
        ("password = true, clean = true", None, None, true),
        ("clean = false", None, None, false),
    ] {
        check(conditions, &connect(expiry, delay), matches);
    }
}

#[test]
fn topics_are_asked_as_text_and_for_their_depth() {
    let deep = "a/".repeat(20);
    for (conditions, message, matches) in [
        ("topic_text = \"$*\"", publish("$x/y", b""), true),
        (
            "topic_text = \"$*\", topic = \"!$SYS/#\"",
            publish("$SYS/y", b""),
            false,
        ),
        ("topic_text = \"!*;*\"", publish("a;b", b""), false),
        ("levels = { min = 21 }", publish(&deep, b""), true),
        ("levels = { min = 22 }", publish(&deep, b""), false),
        (
            "levels = { max = 2 }",
            Mqtt::subscribe(&[&*deep, "a/b"]),
            true,
        ),
        (
            "levels = { max = 1 }",
            Mqtt::subscribe(&[&*deep, "$share/g/a"]),
            true,
        ),
        (
            "packet = \"UNSUBSCRIBE\", levels = { min = 21 }",
            Mqtt::unsubscribe(&[&deep]),
            true,
        ),
        ("filters = { min = 2 }", Mqtt::subscribe(&["a", "b"]), true),
        ("filters = { min = 3 }", Mqtt::subscribe(&["a", "b"]), false),
        (
            "filter = { text = \"$share/*\" }",
            Mqtt::subscribe(&["a", "b"]),
            false,
        ),
        (
            "filter = { text = \"*(*\" }",
            Mqtt::subscribe(&["a", "(a)"]),
            true,
        ),
        ("dup = true", publish("a", b""), false),
    ] {
        check(conditions, &message, matches);
    }
}

#[test]
fn reason_codes_are_numbers() {
    let suback = || {
        Mqtt::written(|out| {
            let codes = [ReasonCode(0), ReasonCode(0x87)];
            encode::suback(out, Version::V5, 1, &[], codes);
        })
        .sent_to_client(weir_policy::Side::Outside)
    };
    check("reason_code = 0x87", &suback(), true);
    check("reason_code = [1, 2]", &suback(), false);
    check("packet = \"SUBACK\", reason_code = 0", &suback(), true);
    check("reason_code = { min = 0x80 }", &suback(), true);
    check("reason_code = \"0x80-0x8f\"", &suback(), true);
    check("reason_code = [\"!0\", \"!0x87\"]", &suback(), false);
}

fn publish_qos(qos: QoS) -> Mqtt {
    Mqtt::written(|out| {
        let publish = encode::Publish {
            topic: "t",
            qos,
            packet_id: 300,
            ..Default::default()
        };
        encode::publish(out, Version::V5, &publish);
    })
}

#[test]
fn numbers_are_asked_as_lists_are() {
    let (plain, counted) = (publish_qos(QoS::AtMostOnce), publish_qos(QoS::AtLeastOnce));
    for (conditions, of_plain, of_counted) in [
        ("qos = \"!0\"", false, true),
        ("qos = [\"!1\", \"!2\"]", true, false),
        ("qos = { max = 1 }", true, true),
        ("qos = \"1-2\"", false, true),
        ("packet_id = 300", false, true),
        ("packet_id = \"!300\"", true, false),
        ("packet_id = [\"200-400\", \"!300\"]", false, false),
        ("packet_id = [0x100, \"0x120-0x130\", 7]", false, true),
        ("packet_id = true", false, true),
        ("packet_id = false", true, false),
        ("source_port = 40000", true, true),
        ("source_port = \"!40000\"", false, false),
        ("levels = \"!2\"", true, true),
    ] {
        check(conditions, &plain, of_plain);
        check(conditions, &counted, of_counted);
    }
}

#[test]
fn frames_without_a_tag_have_no_vlan() {
    for (conditions, untagged, of_12, of_300) in [
        ("vlan = 12", false, true, false),
        ("vlan = \"!12\"", true, false, true),
        ("vlan = [12, { min = 200, max = 299 }]", false, true, false),
        ("vlan = \"200-4094\"", false, false, true),
        ("vlan = [\"!200-4094\", \"!7\"]", true, true, false),
        ("vlan = true", false, true, true),
        ("vlan = false", true, false, false),
    ] {
        let message = publish("t", b"");
        check(conditions, &message, untagged);
        check(conditions, &message.clone().vlan(12), of_12);
        check(conditions, &message.vlan(300), of_300);
    }
}

#[test]
fn a_set_of_numbers_stands_for_its_entries() {
    let policy = |wanted: &str| {
        policy(&format!(
            "[sets]\nlow = [\"1-99\", \"300\"]\n[[rule]]\nid = \"r\"\nmatch = {{ packet_id = {wanted} }}\naction = \"drop\"\n"
        ))
    };
    let message = publish_qos(QoS::ExactlyOnce);
    assert!(message.ask(&policy("\"@low\"")).is_matched());
    assert!(!message.ask(&policy("\"!@low\"")).is_matched());
    assert!(!message.ask(&policy("[\"@low\", \"!300\"]")).is_matched());
}

#[test]
fn options_of_a_subscription_are_asked_of_one_and_the_same() {
    let subscribe = Mqtt::written(|out| {
        let filters = [("a", 0b10_1100), ("b", 0b01_0001)];
        encode::subscribe(out, Version::V5, 1, &[], &filters);
    });
    for (conditions, matches) in [
        ("filter = { no_local = true }", true),
        ("filter = { text = \"b\", no_local = true }", false),
        ("filter = { text = \"b\", no_local = false }", true),
        (
            "filter = { text = \"a\", retain_as_published = true }",
            true,
        ),
        ("filter = { text = \"b\", retain_handling = 1 }", true),
        ("filter = { text = \"a\", retain_handling = \"!2\" }", false),
        ("filter = { retain_handling = 0 }", false),
        ("filter = { retain_handling = 1, no_local = true }", false),
        ("filter = { retain_handling = 1 }, qos = 1", true),
        ("filter = { retain_handling = 1 }, qos = \"!1\"", false),
    ] {
        check(conditions, &subscribe, matches);
    }
    let unsubscribe = Mqtt::unsubscribe(&["a"]);
    for option in ["no_local = false", "retain_handling = 0"] {
        let conditions = format!("packet = \"UNSUBSCRIBE\", filter = {{ {option} }}");
        check(&conditions, &unsubscribe, false);
    }
}

#[test]
fn a_connack_says_whether_there_is_a_session() {
    for is_present in [false, true] {
        let connack = Mqtt::written(|out| {
            encode::connack(out, Version::V5, is_present, ReasonCode(0), &[]);
        });
        let connack = connack.sent_to_client(weir_policy::Side::Outside);
        check("session_present = true", &connack, is_present);
        check("session_present = false", &connack, !is_present);
    }
}

#[test]
fn message_ids_are_those_of_datagrams() {
    let message = Coap::new(wire::coap::Type::Confirmable, wire::coap::Code::GET, "a");
    for (conditions, matches) in [
        ("message_id = 1", true),
        ("message_id = \"!1\"", false),
        ("message_id = false", false),
        ("method = \"GET\", message_id = { min = 2 }", false),
    ] {
        check(conditions, &message, matches);
    }
}

#[test]
fn blocks_are_asked_by_their_size_and_number() {
    let with = |option: Option<(u16, u32)>| {
        Coap::built(|builder| {
            let option = option.into_iter();
            let builder = option.fold(builder, |builder, (number, value)| {
                builder.uint(number, value)
            });
            builder.payload(b"");
        })
    };
    for (option, conditions, matches) in [
        (Some((number::BLOCK2, 0x06)), "block_size = 1024", true),
        (Some((number::BLOCK2, 0x10)), "block_size = 1024", false),
        (
            Some((number::BLOCK2, 0x10)),
            "block_size = { max = 16 }",
            true,
        ),
        (Some((number::BLOCK1, 0x12)), "block_number = 1", true),
        (
            Some((number::Q_BLOCK1, 0xf2)),
            "block_number = { min = 15 }",
            true,
        ),
        (Some((number::BLOCK1, 0)), "block_number = false", false),
        (None, "block_number = false", true),
        (None, "block_size = { max = 1024 }", false),
        (Some((number::SIZE2, 6)), "block_size = false", true),
    ] {
        check(conditions, &with(option), matches);
    }
}

#[test]
fn options_are_asked_by_name_and_number() {
    let message = Coap::built(|builder| {
        builder
            .option(number::URI_QUERY, b"a=1")
            .option(number::URI_QUERY, b"b=2")
            .uint(number::ACCEPT, 50)
            .option(2050, &[1, 2])
            .payload(b"{}");
    });
    for (conditions, matches) in [
        ("option = { uri_query = \"b=*\" }", true),
        ("option = { uri_query = \"c=*\" }", false),
        ("option = { accept = { min = 50, max = 50 } }", true),
        ("option = { accept = true, proxy_uri = false }", true),
        ("option = { proxy_uri = true }", false),
        ("option = { 2050 = { min = 2 } }", true),
        ("option = { 2050 = { min = 3 } }", false),
        ("options = { min = 4, max = 4 }", true),
        ("options = { min = 5 }", false),
        ("token = { max = 1 }", false),
        ("token = { min = 2 }", true),
        ("type = [\"CON\", \"NON\"]", true),
        ("type = \"!CON\"", false),
        ("payload = { json = true }", true),
    ] {
        check(conditions, &message, matches);
    }
}

#[test]
fn payloads_are_looked_into() {
    for (conditions, payload, matches) in [
        ("payload = { size = { min = 3 } }", &b"ab"[..], false),
        ("payload = { utf8 = false }", b"\xff", true),
        (
            "payload = { starts_with = \"hex:1f8b\" }",
            b"\x1f\x8b\x08",
            true,
        ),
        ("payload = { contains = [\"$(\", \"`\"] }", b"x;$(id)", true),
        ("payload = { contains = \"!ok\" }", b"ok", false),
        ("payload = { regex = '\\d{3}' }", b"a123", true),
        ("payload = { regex = ['!^\\d+$'] }", b"21", false),
        ("payload = { json = false }", b"21 C", true),
        (
            "payload = { json = { \"/t\" = { max = 80.5 } } }",
            b"{\"t\": 80.5}",
            true,
        ),
        (
            "payload = { json = { \"/t\" = { max = 80.5 } } }",
            b"{\"t\": 81}",
            false,
        ),
        (
            "payload = { json = { \"/t\" = { exists = false } } }",
            b"{}",
            true,
        ),
        (
            "payload = { json = { \"/on\" = true, \"/m\" = \"a*\" } }",
            b"{\"on\":true,\"m\":\"ab\"}",
            true,
        ),
        (
            "payload = { json = { \"/on\" = true, \"/m\" = \"a*\" } }",
            b"{\"on\":true,\"m\":\"b\"}",
            false,
        ),
    ] {
        check(conditions, &publish("t", payload), matches);
    }
}

#[test]
fn an_exception_takes_out_of_a_rule_what_it_names() {
    let policy = policy(
        r#"
[sets]
valves = ["plant/+/valve", "plant/+/pump"]

[[rule]]
id     = "valves"
match  = { topic = "@valves" }
except = [
    { source = "192.0.2.7" },
    { payload = { json = { "/speed" = { min = 0, max = 100 } } } },
]
action = "drop"
"#,
    );
    assert!(policy.looks_into_payloads());
    let from = |source: &str, payload: &[u8]| publish("plant/7/pump", payload).from(source);
    for (message, matches) in [
        (from("192.0.2.7", b"{\"speed\":900}"), false),
        (from("192.0.2.8", b"{\"speed\":900}"), true),
        (from("192.0.2.8", b"{\"speed\":90}"), false),
        (publish("plant/7/state", b""), false),
    ] {
        assert_eq!(message.ask(&policy).is_matched(), matches, "{message:?}");
    }
}

#[test]
fn a_payload_that_is_to_be_logged_has_to_be_seen() {
    let logging = |conditions: &str| {
        policy(&format!(
            "[[rule]]\nid = \"r\"\nmatch = {{ {conditions} }}\naction = \"alert\"\nlog = \"payload\"\n"
        ))
    };
    assert!(logging("topic = \"valve/#\"").looks_into_payloads());
    assert!(!logging("packet = \"CONNECT\"").looks_into_payloads());
    assert!(!logging("protocol = \"coap\"").looks_into_payloads());
}

#[test]
fn sets_stand_for_their_entries() {
    let policy = |entry: &str| {
        policy(&format!(
            "[sets]\nown = [\"s-*\", \"plc-7\"]\n[[rule]]\nid = \"r\"\nmatch = {{ client_id = {entry} }}\naction = \"drop\"\n"
        ))
    };
    for (entry, client_id, matches) in [
        ("\"@own\"", "s-1", true),
        ("\"@own\"", "x", false),
        ("\"!@own\"", "x", true),
        ("\"!@own\"", "plc-7", false),
        ("[\"@own\", \"!s-1\"]", "s-1", false),
        ("'\\@own'", "@own", true),
    ] {
        let message = publish("t", b"").client_id(client_id);
        assert_eq!(
            message.ask(&policy(entry)).is_matched(),
            matches,
            "{entry} {client_id}"
        );
    }
}
