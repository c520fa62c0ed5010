//! Rules found by what they ask for say what they say when each is asked by itself.

mod told;

use std::net::IpAddr;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use weir_policy::{
    Config, Diagnostics, Endpoints, Message, Policy, Protocol, Reason, Service, Session, Side,
    SourceText, Subject,
};
use wire::coap;
use wire::mqtt::{ControlPacket, Property, QoS, Version, encode};
use wire::{Decoded, Direction};

const ZONES: &str = "[zones]\nhall = [\"10.0.0.0/30\", \"10.0.1.0/24\", \"fd00::/16\"]\n";

/// One kind of message, and the conditions that can be asked of it.
type Family = (&'static str, &'static [fn() -> BoxedStrategy<String>]);

const FAMILIES: &[Family] = &[
    (
        "packet = \"PUBLISH\"",
        &[
            topic, topic_text, client_id, username, address, payload, property, reason, vlan, size,
            packet_id,
        ],
    ),
    (
        "packet = \"CONNECT\"",
        &[
            topic, client_id, username, password, address, property, keep_alive,
        ],
    ),
    (
        "packet = [\"SUBSCRIBE\", \"UNSUBSCRIBE\"]",
        &[filter, client_id, address, packet_id, filters],
    ),
    (
        "protocol = \"coap\"",
        &[
            path, option, address, payload, reason, vlan, size, message_id, options,
        ],
    ),
    ("size = { min = 1 }", &[address, reason, vlan]),
];

fn text(form: &'static str) -> BoxedStrategy<String> {
    proptest::string::string_regex(form)
        .expect("a form")
        .boxed()
}

/// One entry, or several, of which some exclude.
fn list(key: &'static str, entry: BoxedStrategy<String>) -> BoxedStrategy<String> {
    let entries = vec((entry, prop::bool::weighted(0.2)), 1..4);
    let shown = entries.prop_map(move |entries| {
        let entries: Vec<String> = entries
            .into_iter()
            .map(|(entry, negated)| format!("'{}{entry}'", if negated { "!" } else { "" }))
            .collect();
        format!("{key} = [{}]", entries.join(", "))
    });
    shown.boxed()
}

fn pattern() -> BoxedStrategy<String> {
    text("(a|b|\\+|x-\\{username\\})(/(a|b|\\+|\\{client_id\\})){0,2}(/#)?|/#|/a|\\$delayed/#")
}

fn topic() -> BoxedStrategy<String> {
    list("topic", pattern())
}

fn glob() -> BoxedStrategy<String> {
    text(
        "[ab]{1,3}|[ab]\\*|\\*[ab]{1,2}|\\*[ab]{2}\\*|[ab]\\?[ab]?|[ab]\\*[ab]|[ab]\\*[ab]\\?[ab]?",
    )
}

fn topic_text() -> BoxedStrategy<String> {
    list(
        "topic_text",
        text("[ab]/[ab]|[ab]\\*|\\*/[ab]|\\*b/\\*|\\$\\*"),
    )
}

fn client_id() -> BoxedStrategy<String> {
    list(
        "client_id",
        prop_oneof![
            glob(),
            Just("b{username}".to_owned()),
            Just("{username}a".to_owned())
        ]
        .boxed(),
    )
}

fn username() -> BoxedStrategy<String> {
    list("username", glob())
}

fn password() -> BoxedStrategy<String> {
    let filled = ["{username}", "{client_id}b"].map(str::to_owned);
    list(
        "password",
        prop_oneof![glob(), select(filled.to_vec())].boxed(),
    )
}

fn address() -> BoxedStrategy<String> {
    let network = text(
        "10\\.0\\.[01]\\.[0-3](/(32|31|30|24|0))?|fd00::[12](/(128|127|16|0))?|hall|inside|outside",
    );
    let network = network.prop_map(|text| match text.split_once('/') {
        Some((address, len)) => {
            let network = ipnet::IpNet::new(
                address.parse().expect("an address"),
                len.parse().expect("a length"),
            );
            network.expect("a network").trunc().to_string()
        }
        None => text,
    });
    let party = select(vec!["source", "destination", "client", "server"]);
    party
        .prop_flat_map(move |party| list(party, network.clone().boxed()))
        .boxed()
}

fn vlan() -> BoxedStrategy<String> {
    let flag = select(vec!["vlan = true", "vlan = false"]).prop_map(str::to_owned);
    let number = text("[1-4]|[12]-[34]|2-4000");
    prop_oneof![1 => flag, 4 => list("vlan", number)].boxed()
}

fn payload() -> BoxedStrategy<String> {
    let expression = text("[ab]{2}|\\^[ab]{2}\\.|[ab]\\+c|\\(ab\\|bc\\)a|\\(\\?i\\)ab|\\.c");
    let test = prop_oneof![
        list("contains", text("[abc]{1,3}|hex:6162")),
        list("starts_with", text("[abc]{1,2}")),
        list("regex", expression),
        json(),
        text("size = \\{ (min|max) = [0-8] \\}"),
    ];
    test.prop_map(|test| format!("payload = {{ {test} }}"))
        .boxed()
}

fn json() -> BoxedStrategy<String> {
    let pointer = text("(/[ab01]){0,2}");
    let test = text(
        "\\{ (min|max) = [0-3] \\}|\\{ min = [01], max = [1-3] \\}|\\{ exists = (true|false) \\}|true|false\
        |\"!?(a\\*|\\*b|ab|a\\?|\\?b|\\*)\"|\\[\"a\\*\", \"(b|!ab|\\?)\"\\]",
    );
    (pointer, test)
        .prop_map(|(pointer, test)| format!("json = {{ \"{pointer}\" = {test} }}"))
        .boxed()
}

/// JSON, and what almost is.
fn text_in_json() -> BoxedStrategy<String> {
    text(
        "\\{(\"[ab]\":(-?[0-3]|true|false|\"(ab|b|aa)\"|\\[[0-3],[0-3]\\]|\\{\"a\":[0-3]\\}),?){1,2}\\}|\\[[0-3],\\{b:[0-3]\\}\\]|[0-3]",
    )
}

fn size() -> BoxedStrategy<String> {
    text(
        "size = \\{ (min|max) = [1-4][0-9] \\}|size = \\{ min = 1[0-9], max = 2[0-9] \\}\
        |source_port = (39999|40000)|destination_port = \\{ (min|max) = 188[2-4] \\}",
    )
}

fn packet_id() -> BoxedStrategy<String> {
    list("packet_id", text("[1-3]|1-2"))
}

fn keep_alive() -> BoxedStrategy<String> {
    list("keep_alive", text("[0-2]|1-2|59-60"))
}

fn filters() -> BoxedStrategy<String> {
    list("filters", text("[1-3]|1-2"))
}

fn message_id() -> BoxedStrategy<String> {
    list("message_id", text("25[6-9]|200-260"))
}

fn options() -> BoxedStrategy<String> {
    list("options", text("[0-5]|2-4"))
        .prop_map(|options| format!("{options}, token = 0"))
        .boxed()
}

fn property() -> BoxedStrategy<String> {
    let test = prop_oneof![
        list("content_type", glob()),
        list("k", glob()).prop_map(|test| format!("user_property = {{ {test} }}")),
        Just("content_type = true".to_owned()),
    ];
    let test = test.prop_map(|test| format!("property = {{ {test} }}"));
    prop_oneof![4 => test, 1 => text("user_properties = \\{ (min|max) = [0-2] \\}")].boxed()
}

fn filter() -> BoxedStrategy<String> {
    let test = prop_oneof![
        list("overlaps", pattern()),
        list("within", pattern()),
        list("covers", pattern()),
        list("text", text("[ab]/[ab]|[ab]\\*|\\*/#|\\+\\*")),
    ];
    test.prop_map(|test| format!("filter = {{ {test} }}"))
        .boxed()
}

fn path() -> BoxedStrategy<String> {
    list(
        "path",
        text("/|(/([ab]|\\*|a\\*|%2Fb)){1,3}|(/[ab*]){0,2}/\\*\\*(/([ab]|\\*|a\\*)){0,2}"),
    )
}

fn option() -> BoxedStrategy<String> {
    let test = list("uri_query", glob());
    test.prop_map(|test| format!("option = {{ {test} }}"))
        .boxed()
}

fn reason() -> BoxedStrategy<String> {
    list(
        "reason",
        select(vec![
            "tcp.*",
            "tls.required",
            "mqtt.*",
            "coap.*",
            "*.spoofed.*",
        ])
        .prop_map(str::to_owned)
        .boxed(),
    )
}

/// The `match` of a rule.
fn conditions() -> impl Strategy<Value = String> {
    let family = select(FAMILIES);
    let picked = family.prop_flat_map(|(kind, conditions)| {
        let some = prop::sample::subsequence(conditions.to_vec(), 1..=conditions.len().min(3));
        some.prop_flat_map(move |some| {
            let all: Vec<_> = some.iter().map(|condition| condition()).collect();
            all.prop_map(move |all| format!("{kind}, {}", all.join(", ")))
        })
    });
    picked.boxed()
}

fn compile(rules: &[(usize, &String, bool)]) -> Option<Policy> {
    check(rules).0
}

fn check(rules: &[(usize, &String, bool)]) -> (Option<Policy>, Diagnostics) {
    let rules = rules.iter().map(|(id, conditions, stops)| {
        let action = if *stops { "drop" } else { "alert" };
        rule(*id, conditions, action)
    });
    check_rules(&rules.collect::<String>())
}

fn rule(id: usize, conditions: &str, action: &str) -> String {
    format!("[[rule]]\nid = \"r{id}\"\nmatch = {{ {conditions} }}\naction = \"{action}\"\n")
}

fn check_rules(rules: &str) -> (Option<Policy>, Diagnostics) {
    let pack = SourceText::new("p.toml", &format!("{ZONES}{rules}"));
    Policy::check(&Config::default(), &[pack])
}

/// A message with all that is known beside it.
#[derive(Debug, Clone)]
struct Sample {
    protocol: Protocol,
    bytes: Vec<u8>,
    to_server: bool,
    addresses: [IpAddr; 2],
    names: [Option<String>; 2],
    /// Of a session that nobody saw begin.
    unseen: bool,
    vlan: Option<u16>,
    reasons: Vec<Reason>,
}

impl Sample {
    /// Whether it is decided over as a whole, or asks for one filter only.
    fn is_of_one_part(&self) -> bool {
        match ControlPacket::decode(&self.bytes, Version::V5, Direction::ToServer) {
            Ok(Decoded::Complete {
                message: ControlPacket::Subscribe(subscribe),
                ..
            }) => subscribe.subscriptions().count() == 1,
            _ => true,
        }
    }

    /// The rules that note it, and the one that decides.
    fn ask(&self, policy: &Policy) -> (Vec<String>, Option<String>) {
        let direction = match self.to_server {
            true => Direction::ToServer,
            false => Direction::ToClient,
        };
        let packet = ControlPacket::decode(&self.bytes, Version::V5, direction);
        let datagram = coap::Message::decode(&self.bytes);
        let message = match (self.protocol, &packet, &datagram) {
            (Protocol::Mqtt, Ok(Decoded::Complete { message, .. }), _) => Message::Mqtt(message),
            (Protocol::Coap, _, Ok(message)) => Message::Coap(message),
            _ => Message::None,
        };
        // A CONNECT names itself.
        let unseen = self.unseen && !matches!(message, Message::Mqtt(ControlPacket::Connect(_)));
        let names = self.names.each_ref().map(Option::as_deref);
        let [client_id, username] = names.map(|name| name.filter(|_| !unseen));
        let subject = Subject {
            protocol: self.protocol,
            service: Service::Mqtt,
            direction,
            endpoints: Endpoints {
                source: self.addresses[0],
                source_port: 40_000,
                destination: self.addresses[1],
                destination_port: 1883,
                from: Side::Inside,
                vlan: self.vlan,
            },
            message,
            session: Session {
                version: Some(Version::V5),
                client_id,
                username,
                unseen,
                aliased_topic: None,
            },
            reasons: &self.reasons,
            address_validated: false,
            unix_s: None,
            size: self.bytes.len(),
        };
        let mut noted = Vec::new();
        let ruling = policy.decide(&subject, &mut (), &mut |m| noted.push(m.rule.id.clone()));
        let rule = ruling
            .rule
            .map(|at| policy.rules()[at.as_usize()].id.clone());
        (noted, rule)
    }
}

fn publish() -> BoxedStrategy<(Protocol, Vec<u8>)> {
    let properties = (vec(text("[ab]{1,3}"), 0..2), vec(text("[ab]{1,3}"), 0..3));
    let parts = (
        text("[ab](/[ab]){0,3}|x-a/b|/a|\\$SYS/a|\\$delayed/1/[ab]/[ab]"),
        prop_oneof![text("[abcA]{0,6}"), text_in_json()],
        properties,
    );
    let bytes = parts.prop_map(|(topic, payload, (types, pairs))| {
        let types = types.iter().map(|text| Property::ContentType(text));
        let pairs = pairs.iter().map(|text| Property::UserProperty(("k", text)));
        let properties: Vec<Property<'_>> = types.chain(pairs).collect();
        let packet = encode::Publish {
            topic: &topic,
            payload: payload.as_bytes(),
            properties: &properties,
            ..Default::default()
        };
        let mut bytes = Vec::new();
        encode::publish(&mut bytes, Version::V5, &packet);
        (Protocol::Mqtt, bytes)
    });
    bytes.boxed()
}

fn connect() -> BoxedStrategy<(Protocol, Vec<u8>)> {
    let password = proptest::option::of(text("[ab]{0,3}"));
    let parts = (text("[ab](/[ab]){0,2}"), password);
    let bytes = parts.prop_map(|(topic, password)| {
        let will = encode::Will {
            topic: &topic,
            payload: b"ab",
            qos: QoS::AtMostOnce,
            retain: false,
            properties: &[],
        };
        let packet = encode::Connect {
            version: Version::V5,
            will: Some(will),
            password: password.as_deref().map(str::as_bytes),
            ..Default::default()
        };
        let mut bytes = Vec::new();
        encode::connect(&mut bytes, &packet);
        (Protocol::Mqtt, bytes)
    });
    bytes.boxed()
}

fn subscribe() -> BoxedStrategy<(Protocol, Vec<u8>)> {
    let filter = text("(\\$share/g/)?((a|b|\\+)(/(a|b|\\+)){0,3}(/#)?|#|/#|\\+/#|\\$SYS/#)");
    let bytes = vec(filter, 1..4).prop_map(|filters| {
        let filters: Vec<(&str, u8)> = filters.iter().map(|f| (&**f, 0)).collect();
        let mut bytes = Vec::new();
        encode::subscribe(&mut bytes, Version::V5, 1, &[], &filters);
        (Protocol::Mqtt, bytes)
    });
    bytes.boxed()
}

/// A GET with a path, a query and a payload (RFC 7252 §3: Uri-Path is option 11, Uri-Query option 15).
fn get() -> BoxedStrategy<(Protocol, Vec<u8>)> {
    let parts = (
        vec(text("a|b|ab|/b|\\+"), 0..4),
        vec(text("[ab]{1,3}"), 0..2),
        prop_oneof![text("[abc]{0,4}"), text_in_json()],
    );
    let bytes = parts.prop_map(|(path, query, payload)| {
        let mut bytes = b"\x40\x01\x01\x02".to_vec();
        let mut last = 0;
        let path = path.iter().map(|text| (11, text));
        for (number, text) in path.chain(query.iter().map(|text| (15, text))) {
            let len = u8::try_from(text.len()).expect("a short text");
            bytes.push((number - last) << 4 | len);
            bytes.extend_from_slice(text.as_bytes());
            last = number;
        }
        if !payload.is_empty() {
            bytes.push(0xff);
            bytes.extend_from_slice(payload.as_bytes());
        }
        (Protocol::Coap, bytes)
    });
    bytes.boxed()
}

fn sample() -> impl Strategy<Value = Sample> {
    let undecoded = select(vec![
        (Protocol::Tcp, Vec::new()),
        (Protocol::Coap, Vec::new()),
    ]);
    let message = prop_oneof![publish(), connect(), subscribe(), get(), undecoded];
    let address = text("10\\.0\\.[012]\\.[0-4]|fd00::[123]");
    let address = address.prop_map(|text| text.parse().expect("an address"));
    let name = proptest::option::of(text("[ab]{0,3}"));
    let reason = select(vec![
        Reason::TLS_REQUIRED,
        Reason::MQTT_SPOOFED_SERVER_PACKET,
        Reason::COAP_SPOOFED_UNMATCHED_RESPONSE,
    ]);
    let reasons = prop_oneof![2 => Just(Vec::new()), 1 => vec(reason, 1..3)];
    (
        message,
        any::<bool>(),
        [address.clone(), address],
        [name.clone(), name],
        prop::bool::weighted(0.1),
        proptest::option::of(1..6_u16),
        reasons,
    )
        .prop_map(
            |((protocol, bytes), to_server, addresses, names, unseen, vlan, reasons)| Sample {
                protocol,
                bytes,
                to_server,
                addresses,
                names,
                unseen,
                vlan,
                reasons,
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn all_rules_together_say_what_each_says_alone(
        rules in vec((conditions(), prop::bool::weighted(0.1)), 20..80),
        samples in vec(sample(), 12),
    ) {
        // What can't hold is no rule.
        let rules = rules.iter().enumerate().map(|(id, (conditions, stops))| (id, conditions, *stops));
        let alone: Vec<_> = rules.filter_map(|rule| Some((rule, compile(&[rule])?))).collect();
        let rules: Vec<_> = alone.iter().map(|(rule, _)| *rule).collect();
        // Fewer aren't looked up.
        prop_assume!(rules.len() > 16);
        // Rules that hide one another are no policy, but alerts hide nothing.
        let policy = compile(&rules);
        let stops = policy.is_some();
        let policy = policy.unwrap_or_else(|| {
            let alerts: Vec<_> = rules.iter().map(|(id, conditions, _)| (*id, *conditions, false)).collect();
            compile(&alerts).expect("rules that compile alone")
        });
        for sample in &samples {
            let (mut noted, mut decided) = (Vec::new(), None);
            for (_, alone) in &alone {
                let (notes, by) = sample.ask(alone);
                noted.extend(notes);
                match by {
                    Some(rule) if !stops => noted.push(rule),
                    Some(_) => {
                        decided = by;
                        break;
                    }
                    None => {}
                }
            }
            prop_assert_eq!(sample.ask(&policy), (noted, decided));
        }
    }
}
