//! What events tell, rules can ask for: every field of every message is found in a table here, with a condition
//! that holds for the message it stands in, or with what keeps rules from asking.

use std::collections::BTreeSet;
use std::sync::Arc;

use inspect::{Counted, Event, EventKind, Instant, Port, Verdict};
use policy::{
    Config, Endpoints, Message, Policy, Protocol, Reason, RuleIndex, Service, Session, Side,
    SourceText, Subject,
};
use serde_json::Value;
use wire::coap::{self, Code, Type, number};
use wire::hello::ClientHello;
use wire::mqtt::{ControlPacket, PacketType, Property, QoS, ReasonCode, Version, encode};
use wire::{Decoded, Direction};

use super::{Place, Policies, write};

/// How rules ask for a field.
enum Asked {
    /// By these conditions, which hold for the sample the field is told of.
    By(&'static str),
    /// Not at all.
    Never(&'static str),
}

use Asked::{By, Never};

const OUTCOME: Asked = Never("what became of the message, which rules decide");
const COUNTED: Asked = Never("what a rule counts, which asks for it by its limit");
const NAME: Asked = Never("follows from what rules can ask for");

/// Fields without their places in lists.
const FIELDS: &[(&str, Asked)] = &[
    ("timestamp", By("time = { days = \"sat\", zone = \"UTC\" }")),
    ("flow_id", Never("names a flow, and is drawn anew")),
    ("in_iface", By("source = \"inside\"")),
    ("event_type", OUTCOME),
    ("vlan", By("vlan = 12")),
    ("src_ip", By("source = \"10.20.0.7\"")),
    ("src_port", By("source_port = 50123")),
    ("dest_ip", By("destination = \"10.30.0.0/24\"")),
    ("dest_port", By("destination_port = \"1883-8883\"")),
    ("proto", By("protocol = [\"tcp\", \"udp\"]")),
    ("app_proto", By("service = [\"mqtt\", \"mqtts\", \"coap\"]")),
    ("alert.action", OUTCOME),
    ("alert.signature", OUTCOME),
    ("alert.category", NAME),
    ("alert.severity", OUTCOME),
    ("verdict.action", OUTCOME),
    ("weir.rule", OUTCOME),
    ("weir.verdict", OUTCOME),
    ("weir.policy_generation", OUTCOME),
    ("weir.bytes.of", COUNTED),
    ("weir.bytes.from_client", COUNTED),
    ("weir.bytes.to_client", COUNTED),
    ("weir.bytes.budget", COUNTED),
    ("weir.reason", By("reason = \"mqtt.spoofed.*\"")),
    ("mqtt.client_id", By("client_id = \"s7\"")),
    ("mqtt.username", By("username = \"u*\"")),
    ("mqtt.connect.protocol_string", NAME),
    ("mqtt.connect.protocol_version", By("version = \"5.0\"")),
    ("mqtt.connect.client_id", By("client_id = \"s?\"")),
    ("mqtt.connect.username", By("username = \"user\"")),
    ("mqtt.connect.flags.username", By("username = \"*\"")),
    ("mqtt.connect.flags.password", By("password = true")),
    (
        "mqtt.connect.flags.will_retain",
        By("packet = \"CONNECT\", retain = true"),
    ),
    ("mqtt.connect.flags.will", By("will = true")),
    ("mqtt.connect.flags.clean_session", By("clean = false")),
    ("mqtt.connect.keep_alive", By("keep_alive = 60")),
    (
        "mqtt.connect.properties.session_expiry",
        By("property = { session_expiry = 9 }"),
    ),
    (
        "mqtt.connect.will.topic",
        By("packet = \"CONNECT\", topic = \"w/+\""),
    ),
    (
        "mqtt.connect.will.qos",
        By("packet = \"CONNECT\", qos = \"!0\""),
    ),
    (
        "mqtt.connect.will.message",
        By("packet = \"CONNECT\", payload = { contains = \"gone\" }"),
    ),
    (
        "mqtt.connect.will.properties.will_delay",
        By("property = { will_delay = true }"),
    ),
    ("mqtt.connack.session_present", By("session_present = true")),
    ("mqtt.connack.return_code", By("reason_code = 0")),
    ("mqtt.publish.qos", By("qos = 1")),
    ("mqtt.publish.retain", By("retain = true")),
    ("mqtt.publish.dup", By("dup = false")),
    ("mqtt.publish.topic", By("topic = \"a/#\"")),
    ("mqtt.publish.message_id", By("packet_id = 7")),
    ("mqtt.publish.payload_len", By("payload = { size = 4 }")),
    (
        "mqtt.publish.message",
        By("payload = { starts_with = \"on\" }"),
    ),
    (
        "mqtt.publish.properties.content_type",
        By("property = { content_type = \"text/*\" }"),
    ),
    (
        "mqtt.publish.properties.user_properties",
        By("property = { user_property = { site = \"north\" } }"),
    ),
    ("mqtt.puback.message_id", By("packet_id = 7")),
    ("mqtt.puback.reason_code", By("reason_code = 0x10")),
    ("mqtt.pubrec.message_id", By("packet_id = \"5-9\"")),
    ("mqtt.pubrec.reason_code", By("reason_code = 0x10")),
    ("mqtt.pubrel.message_id", By("packet_id = 7")),
    ("mqtt.pubrel.reason_code", By("reason_code = 0x92")),
    ("mqtt.pubcomp.message_id", By("packet_id = 7")),
    ("mqtt.pubcomp.reason_code", By("reason_code = 0x92")),
    ("mqtt.subscribe.message_id", By("packet_id = true")),
    (
        "mqtt.subscribe.topics.topic",
        By("filter = { text = \"a/+\" }"),
    ),
    (
        "mqtt.subscribe.topics.qos",
        By("packet = \"SUBSCRIBE\", qos = 1"),
    ),
    (
        "mqtt.subscribe.topics.no_local",
        By("filter = { no_local = true }"),
    ),
    (
        "mqtt.subscribe.topics.retain_as_published",
        By("filter = { retain_as_published = true }"),
    ),
    (
        "mqtt.subscribe.topics.retain_handling",
        By("filter = { retain_handling = 2 }"),
    ),
    ("mqtt.suback.message_id", By("packet_id = 7")),
    ("mqtt.suback.reason_codes", By("reason_code = 0x87")),
    ("mqtt.unsubscribe.message_id", By("packet_id = 7")),
    (
        "mqtt.unsubscribe.topics",
        By("packet = \"UNSUBSCRIBE\", filter = { within = \"a/#\" }"),
    ),
    ("mqtt.unsuback.message_id", By("packet_id = 7")),
    ("mqtt.unsuback.reason_codes", By("reason_code = 0x11")),
    ("mqtt.pingreq", By("packet = \"PINGREQ\"")),
    ("mqtt.pingresp", By("packet = \"PINGRESP\"")),
    ("mqtt.disconnect.reason_code", By("reason_code = 4")),
    (
        "mqtt.auth.reason_code",
        By("packet = \"AUTH\", reason_code = 0x18"),
    ),
    (
        "mqtt.auth.properties.auth_method",
        By("property = { auth_method = \"SCRAM-*\" }"),
    ),
    ("coap.type", By("type = \"CON\"")),
    ("coap.code", By("code = \"0.01\"")),
    ("coap.message_id", By("message_id = 300")),
    ("coap.token_len", By("token = 2")),
    ("coap.token", Never("drawn by its client for each request")),
    ("coap.path", By("path = \"/a/*\"")),
    ("coap.observe", By("option = { observe = 0 }")),
    (
        "coap.content_format",
        By("option = { content_format = 50 }"),
    ),
    ("coap.options.number", By("option = { 2049 = true }")),
    ("coap.options.name", By("option = { uri_query = true }")),
    ("coap.options.value", By("option = { uri_query = \"q=*\" }")),
    ("coap.payload_len", By("payload = { size = { min = 1 } }")),
    ("coap.payload", By("payload = { json = true }")),
    ("tls.sni", By("sni = \"*.org\"")),
    ("tls.client_version", By("tls_version = \"1.2\"")),
    ("tls.client_alpns", By("alpn = \"mqtt\"")),
];

/// What never is told, whatever a rule asks for.
const SECRET: &str = "secret";
const LOGGED: [&str; 4] = ["payload", "properties", "token", "options"];
/// A Saturday.
const UNIX_S: i64 = 1_769_851_800;

fn rule(conditions: &str, log: &[&str]) -> Policy {
    let pack = format!(
        "[[rule]]\nid = \"r\"\ndescription = \"d\"\nmatch = {{ {conditions} }}\naction = \"drop\"\nlog = {log:?}\n"
    );
    let packs = [SourceText::new("pack.toml", &pack)];
    let policy = Policy::compile(&Config::default(), &packs);
    policy.unwrap_or_else(|problems| panic!("{problems}"))
}

/// One of each kind of control packet, in 5.0.
fn packets() -> Vec<(Direction, Vec<u8>)> {
    let write = |direction, write: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = Vec::new();
        write(&mut bytes);
        (direction, bytes)
    };
    let acknowledgement = |of, code| {
        write(Direction::ToClient, &|out| {
            encode::ack(out, Version::V5, of, 7, ReasonCode(code), &[]);
        })
    };
    let (v5, codes) = (Version::V5, [ReasonCode(0x87)]);
    let will = encode::Will {
        topic: "w/7",
        payload: b"gone",
        qos: QoS::AtLeastOnce,
        retain: true,
        properties: &[Property::WillDelayInterval(5)],
    };
    let connect = encode::Connect {
        version: v5,
        clean_start: false,
        keep_alive_s: 60,
        client_id: "s7",
        will: Some(will),
        username: Some("user"),
        password: Some(SECRET.as_bytes()),
        properties: &[Property::SessionExpiryInterval(9)],
    };
    let publish = encode::Publish {
        dup: false,
        qos: QoS::AtLeastOnce,
        retain: true,
        topic: "a/b",
        packet_id: 7,
        properties: &[
            Property::ContentType("text/plain"),
            Property::UserProperty(("site", "north")),
        ],
        payload: b"on 1",
    };
    let (to_server, to_client) = (Direction::ToServer, Direction::ToClient);
    vec![
        write(to_server, &|out| encode::connect(out, &connect)),
        write(to_client, &|out| {
            encode::connack(out, v5, true, ReasonCode(0), &[]);
        }),
        write(to_server, &|out| encode::publish(out, v5, &publish)),
        acknowledgement(PacketType::PubAck, 0x10),
        acknowledgement(PacketType::PubRec, 0x10),
        acknowledgement(PacketType::PubRel, 0x92),
        acknowledgement(PacketType::PubComp, 0x92),
        write(to_server, &|out| {
            encode::subscribe(out, v5, 7, &[], &[("a/+", 0b10_1101)]);
        }),
        write(to_client, &|out| encode::suback(out, v5, 7, &[], codes)),
        write(to_server, &|out| {
            encode::unsubscribe(out, v5, 7, &[], &["a/b"])
        }),
        write(to_client, &|out| {
            encode::unsuback(out, v5, 7, &[], [ReasonCode(0x11)])
        }),
        write(to_server, &|out| encode::pingreq(out)),
        write(to_client, &|out| encode::pingresp(out)),
        write(to_server, &|out| {
            encode::disconnect(out, v5, ReasonCode(4), &[])
        }),
        write(to_client, &|out| {
            let method = Property::AuthenticationMethod("SCRAM-SHA-256");
            let data = Property::AuthenticationData(SECRET.as_bytes());
            encode::auth(out, ReasonCode(0x18), &[method, data]);
        }),
    ]
}

fn request() -> Vec<u8> {
    let mut bytes = Vec::new();
    coap::encode::Builder::new(&mut bytes, Type::Confirmable, Code::GET, 300, b"tk")
        .uint(number::OBSERVE, 0)
        .path(number::URI_PATH, "a/b")
        .uint(number::CONTENT_FORMAT, 50)
        .option(number::URI_QUERY, b"q=1")
        .option(2049, &[1])
        .payload(b"{}");
    bytes
}

fn hello() -> Vec<u8> {
    let name = b"\0\0\0\x0a\0\x08\0\0\x05a.org";
    let protocols = b"\0\x10\0\x07\0\x05\x04mqtt";
    let body = [
        &[3, 3][..],
        &[7; 32],
        b"\0\0\x02\xc0\x2b\x01\0\0\x19",
        name,
        protocols,
    ]
    .concat();
    [
        &[1, 0, 0, u8::try_from(body.len()).expect("short")],
        &body[..],
    ]
    .concat()
}

/// A message between the same two ends, in a VLAN, with a detection.
fn subject<'a>(
    protocol: Protocol,
    service: Service,
    direction: Direction,
    message: Message<'a>,
    reasons: &'a [Reason],
) -> Subject<'a> {
    Subject {
        protocol,
        service,
        direction,
        endpoints: Endpoints {
            source: "10.20.0.7".parse().expect("an address"),
            source_port: 50_123,
            destination: "10.30.0.2".parse().expect("an address"),
            destination_port: 1883,
            from: Side::Inside,
            vlan: Some(12),
        },
        message,
        session: match message {
            Message::Mqtt(_) => Session {
                version: Some(Version::V5),
                client_id: Some("s7"),
                username: Some("user"),
                unseen: false,
                aliased_topic: None,
            },
            _ => Session::default(),
        },
        reasons,
        address_validated: true,
        unix_s: Some(UNIX_S),
        size: 100,
    }
}

/// The line of an event about it that tells all there is to be told.
fn told(subject: &Subject<'_>) -> Value {
    let policies = Policies::default();
    let log = match subject.message {
        Message::Mqtt(_) => &LOGGED[..2],
        Message::Coap(_) => &["payload", "token", "options"],
        _ => &[],
    };
    let conditions = match subject.protocol {
        Protocol::Mqtt => "protocol = \"mqtt\"",
        Protocol::Coap => "protocol = \"coap\"",
        _ => "",
    };
    policies.remember(3, Arc::new(rule(conditions, log)));
    let event = Event {
        at: Instant::ZERO,
        kind: EventKind::Alert,
        flow_id: 42,
        port: Port {
            link: 0,
            side: Side::Inside,
        },
        subject,
        reason: subject.reasons.first().copied(),
        rule: Some(RuleIndex(0)),
        verdict: Verdict::Drop,
        would: None,
        reply: None,
        counted: Some(Counted {
            of: policy::Layer::UdpPayload,
            received: 8,
            sent: 30,
            budget: 24,
        }),
        ban: None,
        generation: 3,
    };
    let place = Place {
        time: jiff::Timestamp::from_second(UNIX_S).expect("a time"),
        interface: "eth1",
        policies: &policies,
    };
    let mut line = Vec::new();
    write(&event, &place, &mut line);
    serde_json::from_slice(&line).expect("JSON")
}

/// The paths of all that a line tells; places in lists are left out. What has no fields is told by its name.
fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                paths(value, &format!("{path}{dot}{name}"), found);
            }
        }
        Value::Array(entries) => entries.iter().for_each(|entry| paths(entry, path, found)),
        _ => _ = found.insert(path.to_owned()),
    }
}

/// What has been looked up so far, and what is wrong.
#[derive(Default)]
struct Review {
    met: BTreeSet<String>,
    problems: Vec<String>,
}

impl Review {
    /// Looks up all that is told of a message, and asks for it.
    fn check(&mut self, subject: &Subject<'_>) {
        let mut found = BTreeSet::new();
        let line = told(subject);
        assert!(!line.to_string().contains(SECRET), "{line}");
        paths(&line, "", &mut found);
        for path in found {
            let field = FIELDS.iter().find(|(field, _)| *field == path);
            let problem = match field.map(|(_, asked)| asked) {
                None => Some("no rule can ask for it, and nobody says why"),
                Some(By(conditions)) => {
                    let ruling = rule(conditions, &[]).decide(subject, &mut (), &mut |_| {});
                    ruling.rule.is_none().then_some(*conditions)
                }
                Some(Never(why)) => why.is_empty().then_some("nobody says why"),
            };
            let problem = problem.map(|problem| format!("{path}: {problem}"));
            self.problems.extend(problem);
            self.met.insert(path);
        }
    }
}

#[test]
fn every_field_of_an_event_can_be_asked_for_or_it_is_said_why_not() {
    let mut review = Review::default();
    let mut types = BTreeSet::new();
    for (direction, bytes) in packets() {
        let packet = match ControlPacket::decode(&bytes, Version::V5, direction) {
            Ok(Decoded::Complete { message, .. }) => message,
            other => panic!("not a packet: {other:?}"),
        };
        types.insert(packet.packet_type().name());
        let reasons = [match direction {
            Direction::ToServer => Reason::MQTT_SPOOFED_SERVER_PACKET,
            Direction::ToClient => Reason::MQTT_SPOOFED_CLIENT_PACKET,
        }];
        let message = Message::Mqtt(&packet);
        let of_packet = subject(Protocol::Mqtt, Service::Mqtt, direction, message, &reasons);
        review.check(&of_packet);
    }
    let all = PacketType::ALL.iter().map(|packet| packet.name());
    assert_eq!(types, all.collect(), "every control packet is looked at");
    let bytes = request();
    let request = coap::Message::decode(&bytes).expect("a request");
    let message = Message::Coap(&request);
    let to_server = Direction::ToServer;
    let of_request = subject(Protocol::Coap, Service::Coap, to_server, message, &[]);
    review.check(&of_request);
    let bytes = hello();
    let hello = ClientHello::decode(&bytes).expect("a hello");
    let message = Message::Hello(&hello);
    let of_hello = subject(Protocol::Tls, Service::Mqtts, to_server, message, &[]);
    review.check(&of_hello);
    let fields = FIELDS.iter().map(|(field, _)| field);
    let unmet: Vec<_> = fields
        .filter(|field| !review.met.contains(**field))
        .collect();
    assert!(unmet.is_empty(), "these aren't told: {unmet:?}");
    assert_eq!(review.problems, [""; 0]);
}
