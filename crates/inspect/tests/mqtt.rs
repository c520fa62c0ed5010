//! MQTT sessions: what is raised against a control packet, and what is remembered.

use testkit::mqtt;
use testkit::network::{Ends, Gateway, Passage, Stream, policy_of};
use weir_inspect::{Count, LimitKind, Limits, Verdict};
use wire::Direction::{ToClient, ToServer};
use wire::mqtt::encode::{Connect, Publish, Will};
use wire::mqtt::{Property, QoS, Version};

/// What the shipped baseline says of MQTT in short, and rules by topic.
const PACK: &str = r#"
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
id      = "trial"
match   = { packet = "PUBLISH", topic = "trial/#" }
action  = "reset"
dry_run = true

[[rule]]
id     = "own-topics"
match  = { packet = "PUBLISH", topic = "!devices/{client_id}/#", client_id = "strict" }
action = "reset"
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

#[test]
fn spoofing_is_named_and_its_source_banned() {
    let spoofed = [
        mqtt::suback(Version::V311, 1, &[0]),
        mqtt::pingresp(),
        mqtt::connack(Version::V311, 0),
        mqtt::unsuback(Version::V311, 1, 1),
    ];
    for packet in spoofed {
        let mut gateway = gateway();
        let mut stream = session(&mut gateway, Version::V311, "a");
        let passage = stream.data(&mut gateway, ToServer, &packet);
        assert_eq!(
            passage.reason(),
            Some("mqtt.spoofed.server-packet"),
            "{packet:02x?}"
        );
        let (ban, _) = gateway.record.bans[0];
        assert_eq!(ban.source, stream.ends.path.source.into());
        assert_eq!(ban.duration.as_secs(), 600);
    }
    for packet in [mqtt::connect(Version::V311, "b"), mqtt::pingreq()] {
        let mut gateway = gateway();
        let mut stream = session(&mut gateway, Version::V311, "a");
        let passage = stream.data(&mut gateway, ToClient, &packet);
        assert_eq!(
            passage.reason(),
            Some("mqtt.spoofed.client-packet"),
            "{packet:02x?}"
        );
    }
}

#[test]
fn order_of_packets_is_kept() {
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(7, 1883));
    stream.open(&mut gateway);
    let passage = stream.data(&mut gateway, ToServer, &mqtt::pingreq());
    assert_eq!(passage.reason(), Some("mqtt.session.first-not-connect"));

    let mut gateway = self::gateway();
    let mut stream = session(&mut gateway, Version::V311, "a");
    let passage = stream.data(&mut gateway, ToServer, &mqtt::connect(Version::V311, "b"));
    assert_eq!(passage.reason(), Some("mqtt.session.second-connect"));
}

#[test]
fn the_version_of_the_connect_decides_how_the_rest_is_read() {
    // An empty property list in 5.0; payload in 3.1.1.
    let publish_5 = mqtt::publish(Version::V5, "open/1", b"x");
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Version::V5, "a");
    stream.passes(&mut gateway, ToServer, &publish_5);
    // A property list that reaches beyond the packet.
    let passage = stream.data(&mut gateway, ToServer, b"\x30\x04\x00\x01t\x7f");
    assert!(
        passage
            .reason()
            .is_some_and(|reason| reason.starts_with("mqtt.malformed."))
    );

    let mut gateway = self::gateway();
    let mut stream = session(&mut gateway, Version::V311, "a");
    stream.passes(&mut gateway, ToServer, b"\x30\x04\x00\x01t\x7f");
}

#[test]
fn a_topic_alias_doesn_t_hide_a_topic() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Version::V5, "a");
    let aliased = |topic, alias| {
        mqtt::publish_with(
            Version::V5,
            &Publish {
                topic,
                properties: &[Property::TopicAlias(alias)],
                ..Publish::default()
            },
        )
    };
    stream.passes(&mut gateway, ToServer, &aliased("open/1", 1));
    stream.passes(&mut gateway, ToServer, &aliased("", 1));
    let passage = stream.data(&mut gateway, ToServer, &aliased("trial/x", 1));
    assert_eq!(passage.outcome.would, Some(Verdict::Reset));
    let passage = stream.data(&mut gateway, ToServer, &aliased("", 1));
    assert_eq!(
        passage.outcome.would,
        Some(Verdict::Reset),
        "the alias means the new topic"
    );
    // The server's aliases are others.
    let asks = mqtt::subscribe(Version::V5, 1, &["open/#"]);
    stream.passes(&mut gateway, ToServer, &asks);
    assert_eq!(
        stream
            .data(&mut gateway, ToClient, &aliased("open/1", 1))
            .outcome
            .would,
        None
    );
    let passage = stream.data(&mut gateway, ToServer, &aliased("", 1));
    assert_eq!(passage.outcome.would, Some(Verdict::Reset));
}

#[test]
fn rules_know_the_client_id_of_the_session_also_where_the_server_gave_it() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Version::V311, "strict");
    stream.passes(&mut gateway, ToServer, &publish("devices/strict/t"));
    let passage = stream.data(&mut gateway, ToServer, &publish("devices/other/t"));
    assert_denied(&passage, Verdict::Reset, "own-topics");

    let mut gateway = self::gateway();
    let mut stream = Stream::new(Ends::v4(7, 1883));
    stream.open(&mut gateway);
    let connect = mqtt::connect_with(&Connect {
        version: Version::V5,
        ..Connect::default()
    });
    stream.passes(&mut gateway, ToServer, &connect);
    let assigned = mqtt::written(|out| {
        let properties = [Property::AssignedClientIdentifier("strict")];
        let code = wire::mqtt::ReasonCode::SUCCESS;
        wire::mqtt::encode::connack(out, Version::V5, false, code, &properties);
    });
    stream.passes(&mut gateway, ToClient, &assigned);
    let publish = mqtt::publish(Version::V5, "devices/other/t", b"");
    let passage = stream.data(&mut gateway, ToServer, &publish);
    assert_denied(&passage, Verdict::Reset, "own-topics");
    assert_eq!(
        gateway.record.events[0].client_id.as_deref(),
        Some("strict")
    );
}

#[test]
fn a_huge_publish_passes_with_constant_memory() {
    let limits = Limits {
        partial_bytes: 512,
        ..Limits::default()
    };
    let mut gateway = Gateway::with_limits(policy_of("", PACK), limits);
    let mut stream = session(&mut gateway, Version::V311, "a");
    let huge = mqtt::publish(Version::V311, "open/firmware", &vec![7; 3_000_000]);
    for chunk in huge.chunks(1460) {
        stream.passes(&mut gateway, ToServer, chunk);
        stream.ack(&mut gateway, ToClient);
    }
    stream.passes(&mut gateway, ToServer, &mqtt::pingreq());
    let accepted = |kind| {
        let (direction, verdict) = (ToServer, Verdict::Accept);
        let count = Count::Message {
            kind,
            direction,
            verdict,
        };
        gateway.record.counted(count)
    };
    use wire::mqtt::PacketType::{PingReq, Publish};
    assert_eq!(accepted(weir_inspect::MessageKind::Mqtt(Publish)), 1);
    assert_eq!(accepted(weir_inspect::MessageKind::Mqtt(PingReq)), 1);
}

#[test]
fn a_huge_publish_on_a_forbidden_topic_is_stopped_at_its_header() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Version::V311, "a");
    let huge = mqtt::publish(Version::V311, "secret/firmware", &vec![7; 100_000]);
    let passage = stream.data(&mut gateway, ToServer, &huge[..1460]);
    assert_denied(&passage, Verdict::Reset, "secret");
    assert!(!passage.outcome.forward);
}

#[test]
fn what_would_have_to_be_kept_whole_is_bounded() {
    let limits = Limits {
        partial_bytes: 512,
        partial_common_bytes: 0,
        mqtt_packet_bytes: 4096,
        ..Limits::default()
    };
    let over = [
        mqtt::subscribe(Version::V311, 1, &vec!["a/long/filter/of/many"; 50]),
        mqtt::publish(Version::V311, &"t".repeat(600), b"x"),
        mqtt::publish(Version::V311, "t", &[0; 5000]),
    ];
    for packet in over {
        let mut gateway = Gateway::with_limits(policy_of("", PACK), limits);
        let mut stream = session(&mut gateway, Version::V311, "a");
        let passage = stream.data(&mut gateway, ToServer, &packet[..20]);
        assert_eq!(passage.reason(), Some("mqtt.too-large"));
        assert!(!passage.outcome.forward);
    }
}

/// Says a packet in segments of the usual size; how the last of them went.
fn say_in_segments(gateway: &mut Gateway, stream: &mut Stream, packet: &[u8]) -> Passage {
    let mut last = None;
    for segment in packet.chunks(1460) {
        last = Some(stream.data(gateway, ToServer, segment));
        stream.ack(gateway, ToClient);
    }
    last.expect("a packet isn't empty")
}

/// A CONNECT all of whose fields are as long as they get.
fn largest_connect() -> Vec<u8> {
    let long = "x".repeat(65_535);
    mqtt::connect_with(&Connect {
        client_id: &long,
        username: Some(&long),
        password: Some(long.as_bytes()),
        will: Some(Will {
            topic: &long,
            payload: long.as_bytes(),
            qos: QoS::AtMostOnce,
            retain: false,
            properties: &[],
        }),
        ..Connect::default()
    })
}

#[test]
fn whatever_is_legal_passes_however_long_it_is() {
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(7, 1883));
    stream.open(&mut gateway);
    let connected = say_in_segments(&mut gateway, &mut stream, &largest_connect());
    assert_eq!(connected.reason(), None);
    stream.passes(&mut gateway, ToClient, &mqtt::connack(Version::V311, 0));
    let filters: Vec<_> = (0..20_000)
        .map(|n| format!("plant/line/{n:05}/machine"))
        .collect();
    let filters: Vec<_> = filters.iter().map(String::as_str).collect();
    for packet in [
        mqtt::subscribe(Version::V311, 1, &filters),
        mqtt::publish(Version::V311, &"t".repeat(65_535), b"x"),
    ] {
        let passage = say_in_segments(&mut gateway, &mut stream, &packet);
        assert_eq!(
            (passage.verdict(), passage.reason()),
            (Verdict::Accept, None)
        );
    }
}

#[test]
fn a_denied_packet_is_found_however_long_it_is() {
    let mut gateway = gateway();
    let mut stream = session(&mut gateway, Version::V311, "a");
    let topic = ["secret/", &"t".repeat(65_000)].concat();
    let packet = mqtt::publish(Version::V311, &topic, b"x");
    let passage = say_in_segments(&mut gateway, &mut stream, &packet);
    assert!(!passage.outcome.forward);
}

#[test]
fn what_precedes_a_payload_hides_it_from_no_rule() {
    const SHELL: &str = r#"
        [[rule]]
        id = "shell"
        match = { packet = "PUBLISH", payload = { contains = "EVIL" } }
        action = "drop"
    "#;
    let topic = "t".repeat(65_535);
    for (payload, verdict) in [(&b"xxEVIL"[..], Verdict::Drop), (b"fine", Verdict::Accept)] {
        let mut gateway = Gateway::of("", SHELL);
        let mut stream = session(&mut gateway, Version::V311, "a");
        let packet = mqtt::publish(Version::V311, &topic, payload);
        let passage = say_in_segments(&mut gateway, &mut stream, &packet);
        assert_eq!(passage.verdict(), verdict);
    }
}

#[test]
fn many_long_packets_at_once_find_no_more_room_than_there_is() {
    // The share of one direction is 8 KiB.
    let limits = Limits {
        partial_bytes: 4096,
        partial_common_bytes: 256 << 13,
        ..Limits::default()
    };
    let mut gateway = Gateway::with_limits(policy_of("", PACK), limits);
    let topic = "t".repeat(12_200);
    let packet = mqtt::publish(Version::V311, &topic, b"x");
    let (head, tail) = packet.split_at(12_200);
    let mut streams: Vec<_> = (0..300)
        .map(|n| Stream::session(&mut gateway, Ends::v4(n, 1883), Version::V311, "a"))
        .collect();
    let passed = |passage: Passage| passage.outcome.forward;
    let begun: Vec<_> = streams
        .iter_mut()
        .map(|stream| passed(say_in_segments(&mut gateway, stream, head)))
        .collect();
    let refused = begun.iter().filter(|passed| !**passed).count();
    assert_eq!(refused, 300 - (256 << 13) / (12_200 - 4096));
    let hit = gateway.record.counted(Count::Limit(LimitKind::Partial));
    assert_eq!(hit, refused);
    // Who has finished or is gone makes room again.
    for (stream, begun) in streams.iter_mut().zip(begun) {
        assert_eq!(passed(say_in_segments(&mut gateway, stream, tail)), begun);
    }
    let mut late = Stream::session(&mut gateway, Ends::v4(400, 1883), Version::V311, "a");
    assert!(passed(say_in_segments(&mut gateway, &mut late, &packet)));
    // What needs none of it never finds it taken.
    let short = mqtt::publish(Version::V311, &topic[..4000], b"x");
    assert!(passed(say_in_segments(&mut gateway, &mut late, &short)));
}

#[test]
fn a_rule_that_accepts_what_is_malformed_lets_reading_go_on_after_it() {
    let pack = [
        "[[rule]]\nid = \"old\"\nmatch = { reason = \"mqtt.malformed.topic-wildcard\" }\n",
        "action = \"accept\"\n",
        PACK,
    ];
    let pack = pack.concat();
    let mut gateway = Gateway::of("", &pack);
    let mut stream = session(&mut gateway, Version::V311, "a");
    let odd = mqtt::raw(0x30, b"\0\x03a/#payload");
    for split in [odd.len(), 5, 1] {
        for chunk in odd.chunks(split) {
            assert!(
                stream.data(&mut gateway, ToServer, chunk).outcome.forward,
                "{split}"
            );
        }
    }
    let passage = stream.data(&mut gateway, ToServer, &publish("secret/1"));
    assert_eq!(passage.verdict(), Verdict::Reset);
}

#[test]
fn a_connack_lacks_nothing_that_the_connect_calls_for() {
    // No client identifier; an authentication method.
    let table: [(&[u8], &str); 2] = [
        (
            b"\x10\x0d\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x00",
            "mqtt.session.client-id-missing",
        ),
        (
            b"\x10\x12\x00\x04MQTT\x05\x02\x00\x3c\x04\x15\x00\x01A\x00\x01a",
            "mqtt.auth.method-missing",
        ),
    ];
    for (connect, code) in table {
        let mut gateway = gateway();
        let mut stream = Stream::new(Ends::v4(7, 1883));
        stream.open(&mut gateway);
        stream.passes(&mut gateway, ToServer, connect);
        stream.data(&mut gateway, ToClient, &mqtt::connack(Version::V5, 0));
        assert!(gateway.record.reasons().contains(&code), "{code}");
    }
}

#[test]
fn what_a_rule_lets_through_of_3_1_1_is_read_as_3_1_reads_it() {
    let pack = r#"
[[rule]]
id     = "old"
match  = { reason = ["mqtt.malformed.dup-qos0", "mqtt.malformed.packet-id-zero"] }
action = "accept"

[[rule]]
id     = "secret"
match  = { packet = "PUBLISH", topic = "secret/#" }
action = "reset"
"#;
    // DUP with QoS 0; packet identifier 0; the same with more to come.
    let table: [(&[u8], bool); 5] = [
        (b"\x38\x04\x00\x01ax", true),
        (b"\x38\x0b\x00\x08secret/ax", false),
        (b"\x32\x06\x00\x01a\0\0x", true),
        (b"\x32\x0d\x00\x08secret/a\0\0x", false),
        (b"\x38\xff\x01\x00\x08secret/ax", false),
    ];
    for (bytes, passes) in table {
        let mut gateway = Gateway::of("", pack);
        let mut stream = session(&mut gateway, Version::V311, "old");
        let passage = stream.data(&mut gateway, ToServer, bytes);
        assert_eq!(passage.outcome.forward, passes, "{bytes:02x?}");
        if passes {
            // What is numbered 0 is in nobody's way.
            let again = stream.data(&mut gateway, ToServer, bytes);
            assert!(again.outcome.forward, "{bytes:02x?}");
        }
    }
}

#[test]
fn a_new_policy_judges_what_comes_after_it_in_sessions_that_stay() {
    let mut gateway = Gateway::of("", "");
    let mut stream = session(&mut gateway, Version::V311, "strict");
    stream.passes(&mut gateway, ToServer, &publish("secret/1"));
    gateway.inspector.install(policy_of("", PACK));
    assert_eq!(gateway.inspector.gauges().generation, 2);
    let passage = stream.data(&mut gateway, ToServer, &publish("devices/other"));
    assert_denied(&passage, Verdict::Reset, "own-topics");
}

#[test]
fn tls_is_required_where_the_configuration_says_so() {
    let config = "[zones]\nsensors = [\"10.20.0.0/24\"]\n[tls]\nrequired_from = [\"sensors\"]";
    let mut gateway = Gateway::of(config, PACK);
    let mut stream = Stream::new(Ends::v4(7, 1883));
    stream.open(&mut gateway);
    let connect = mqtt::connect(Version::V311, "a");
    let passage = stream.data(&mut gateway, ToServer, &connect);
    assert_eq!(passage.reason(), Some("tls.required"));

    let mut elsewhere = Stream::new(Ends::v4(0x0107, 1883));
    elsewhere.open(&mut gateway);
    elsewhere.passes(&mut gateway, ToServer, &connect);
}

#[test]
fn a_tls_port_speaks_tls_from_its_first_byte_and_is_left_alone_then() {
    let hello = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00";
    for split in [hello.len(), 3, 1] {
        let mut gateway = gateway();
        let mut stream = Stream::new(Ends::v4(7, 8883));
        stream.open(&mut gateway);
        for chunk in hello.chunks(split) {
            stream.passes(&mut gateway, ToServer, chunk);
        }
        stream.passes(&mut gateway, ToClient, hello);
        // Out of order or not, records pass.
        assert!(
            stream
                .data_at(&mut gateway, ToServer, 500, b"\x17\x03\x03")
                .outcome
                .forward
        );
        stream.passes(&mut gateway, ToServer, b"anything");
    }
    let not_tls = [
        mqtt::connect(Version::V311, "a"),
        b"\x16\x02".to_vec(),
        b"GET ".to_vec(),
    ];
    for bytes in not_tls {
        let mut gateway = gateway();
        let mut stream = Stream::new(Ends::v4(7, 8883));
        stream.open(&mut gateway);
        let passage = stream.data(&mut gateway, ToServer, &bytes);
        assert_eq!(passage.reason(), Some("tls.required"));
        assert!(!passage.outcome.forward);
    }
}

#[test]
fn qos_2_and_all_its_answers_pass_both_ways() {
    let mut gateway = Gateway::of("[policy]\ndefault = \"accept\"", PACK);
    let mut stream = session(&mut gateway, Version::V5, "a");
    let publish = mqtt::publish_with(
        Version::V5,
        &Publish {
            topic: "open/1",
            qos: QoS::ExactlyOnce,
            packet_id: 5,
            ..Publish::default()
        },
    );
    use wire::mqtt::PacketType::{PubComp, PubRec, PubRel};
    let ack = |packet_type| mqtt::ack(Version::V5, packet_type, 5);
    let exchange = [
        (ToServer, publish),
        (ToClient, ack(PubRec)),
        (ToServer, ack(PubRel)),
        (ToClient, ack(PubComp)),
        (ToServer, mqtt::disconnect(Version::V5)),
    ];
    for (direction, packet) in exchange {
        stream.passes(&mut gateway, direction, &packet);
    }
    assert!(gateway.record.events.is_empty());
}

#[test]
fn what_a_client_may_not_publish_it_can_t_leave_as_a_will() {
    let connect = |topic, payload| {
        mqtt::connect_with(&Connect {
            client_id: "s7",
            will: Some(Will {
                topic,
                payload,
                qos: QoS::AtLeastOnce,
                retain: true,
                properties: &[],
            }),
            ..Connect::default()
        })
    };
    let gateway_of = |conditions: &str| {
        let rule =
            format!("[[rule]]\nid = \"r\"\nmatch = {{ {conditions} }}\naction = \"refuse\"\n");
        Gateway::of("", &rule)
    };
    for (conditions, refused) in [
        ("packet = \"PUBLISH\", topic = \"plant/valve\"", true),
        ("topic = \"plant/#\"", true),
        ("packet = \"CONNECT\", topic = \"plant/#\"", true),
        ("packet = \"PUBLISH\", topic = \"other/#\"", false),
        ("packet = \"PUBLISH\", retain = true", true),
        ("packet = \"PUBLISH\", qos = 1", true),
        ("packet = \"PUBLISH\", qos = 2", false),
        ("topic = \"plant/valve\", client_id = \"s7\"", true),
        // 2 bytes of header, a topic of 2 + 11, an identifier of 2, a payload of 4.
        ("packet = \"PUBLISH\", size = { min = 21, max = 21 }", true),
        ("packet = \"PUBLISH\", size = { min = 22 }", false),
    ] {
        let mut gateway = gateway_of(conditions);
        let mut stream = Stream::new(Ends::v4(7, 1883));
        stream.open(&mut gateway);
        let passage = stream.data(&mut gateway, ToServer, &connect("plant/valve", b"open"));
        let expected = match refused {
            true => Verdict::Refuse,
            false => Verdict::Accept,
        };
        assert_eq!(passage.verdict(), expected, "{conditions}");
        assert_eq!(
            gateway.record.events.len(),
            usize::from(refused),
            "{conditions}"
        );
        let counted = |packet_type| {
            let of_type = |count: &&Count| matches!(count, Count::Message { kind, .. } if *kind == weir_inspect::MessageKind::Mqtt(packet_type));
            gateway.record.counts.iter().filter(of_type).count()
        };
        use wire::mqtt::PacketType::{Connect, Publish};
        assert_eq!((counted(Connect), counted(Publish)), (1, 0), "{conditions}");
    }
}
