//! One event as one line of JSON.

use std::net::IpAddr;

use inspect::{Event, EventKind, Injected, Verdict};
use jiff::Timestamp;
use policy::{Details, Endpoints, Protocol, Reason, Rule, Service};
use serde::Serialize;
use serde::ser::Serializer;

use super::Policies;
use super::ban::BanLine;
use super::hello::Tls;
use super::message::{Coap, Mqtt};

/// Flow identifiers are cut to 51 bits, as Suricata's are: what reads JSON as JavaScript does keeps
/// no more of a number.
const FLOW_ID_MASK: u64 = (1 << 51) - 1;

/// Where and when an event is written down: what it doesn't know by itself.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The wall clock at the event.
    pub time: Timestamp,
    /// The name of the interface the frame came in at.
    pub interface: &'a str,
    /// Where its rule can be looked up.
    pub policies: &'a Policies,
}

/// Appends `event` to `lines` as one line.
pub fn write(event: &Event<'_>, place: &Place<'_>, lines: &mut Vec<u8>) {
    let found = event.rule.and_then(|index| {
        place.policies.with_rule(event.generation, index, |rule| {
            serialize(&Line::new(event, place, Some(rule)), lines);
        })
    });
    if found.is_none() {
        serialize(&Line::new(event, place, None), lines);
    }
}

fn serialize(line: &Line<'_>, lines: &mut Vec<u8>) {
    serde_json::to_writer(&mut *lines, line).expect("strings and numbers, into memory");
    lines.push(b'\n');
}

/// The order of the fields is Suricata's.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(serialize_with = "timestamp")]
    timestamp: Timestamp,
    flow_id: u64,
    in_iface: &'a str,
    event_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    vlan: Option<[u16; 1]>,
    src_ip: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    src_port: Option<u16>,
    dest_ip: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    dest_port: Option<u16>,
    proto: &'static str,
    app_proto: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<Alert<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    anomaly: Option<Anomaly>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mqtt: Option<Mqtt<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<Tls<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coap: Option<Coap<'a>>,
    verdict: EveVerdict,
    weir: Weir<'a>,
}

/// `weir.bytes{…}`: what a rule with a ratio went by.
#[derive(Serialize)]
struct Bytes {
    of: &'static str,
    from_client: u64,
    to_client: u64,
    budget: u64,
}

#[derive(Serialize)]
struct Alert<'a> {
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature_id: Option<u32>,
    signature: &'a str,
    category: &'static str,
    severity: u8,
}

#[derive(Serialize)]
struct Anomaly {
    r#type: &'static str,
    event: &'static str,
}

/// What the rule says of itself, or else its name.
fn signature(rule: &Rule) -> &str {
    match rule.description.as_str() {
        "" => &rule.id,
        description => description,
    }
}

/// EVE knows pass and drop, and how the sender was told.
#[derive(Serialize)]
struct EveVerdict {
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reject: Option<[&'static str; 1]>,
}

#[derive(Serialize)]
struct Weir<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Others::are_none")]
    also: Others<'a>,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    would: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ban: Option<BanLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<Bytes>,
    policy_generation: u64,
}

/// What was detected on the same message beside the reason of the event.
struct Others<'a> {
    reasons: &'a [Reason],
    but: Option<Reason>,
}

impl Others<'_> {
    fn codes(&self) -> impl Iterator<Item = &'static str> {
        let others = self
            .reasons
            .iter()
            .filter(|reason| self.but != Some(**reason));
        others.map(|reason| reason.code())
    }

    fn are_none(&self) -> bool {
        self.codes().next().is_none()
    }
}

impl Serialize for Others<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.codes())
    }
}

impl<'a> Line<'a> {
    fn new(event: &Event<'a>, place: &Place<'a>, rule: Option<&'a Rule>) -> Self {
        let subject = event.subject;
        let Endpoints {
            source,
            source_port,
            destination,
            destination_port,
            vlan,
            ..
        } = subject.endpoints;
        // A fragment hides its ports.
        let has_ports = subject.protocol != Protocol::Ip;
        let details = rule.map_or(Details::default(), |rule| rule.log);
        Self {
            timestamp: place.time,
            flow_id: event.flow_id & FLOW_ID_MASK,
            in_iface: place.interface,
            event_type: match event.kind {
                EventKind::Message => application(subject.service),
                kind => kind.name(),
            },
            vlan: vlan.map(|id| [id]),
            src_ip: source,
            src_port: has_ports.then_some(source_port),
            dest_ip: destination,
            dest_port: has_ports.then_some(destination_port),
            proto: transport(subject.service),
            app_proto: application(subject.service),
            alert: (event.kind == EventKind::Alert).then(|| Alert::new(event, rule)),
            anomaly: (event.kind == EventKind::Anomaly).then(|| Anomaly::new(event)),
            mqtt: Mqtt::of(subject, details),
            tls: Tls::of(subject),
            coap: Coap::of(subject, details),
            verdict: EveVerdict::new(event),
            weir: Weir {
                rule: rule.map(|rule| rule.id.as_str()),
                reason: event.reason.map(Reason::code),
                also: Others {
                    reasons: subject.reasons,
                    but: event.reason,
                },
                verdict: event.verdict.name(),
                would: event.would.map(Verdict::name),
                ban: event.ban.map(BanLine::from),
                bytes: event.counted.map(|counted| Bytes {
                    of: counted.of.name(),
                    from_client: counted.received,
                    to_client: counted.sent,
                    budget: counted.budget,
                }),
                policy_generation: event.generation,
            },
        }
    }
}

impl<'a> Alert<'a> {
    fn new(event: &Event<'_>, rule: Option<&'a Rule>) -> Self {
        Self {
            action: if stops(event.verdict) {
                "blocked"
            } else {
                "allowed"
            },
            signature_id: rule.and_then(|rule| rule.sid),
            signature: rule.map_or("", signature),
            category: event.reason.map_or("policy", family),
            severity: rule.map_or(4, |rule| rule.severity.number()),
        }
    }
}

impl Anomaly {
    fn new(event: &Event<'_>) -> Self {
        let layer = match event.subject.protocol {
            Protocol::Ip | Protocol::Udp => "decode",
            Protocol::Tcp => "stream",
            Protocol::Tls | Protocol::Dtls | Protocol::Mqtt | Protocol::Coap => "applayer",
        };
        Self {
            r#type: layer,
            event: event.reason.map_or("", Reason::code),
        }
    }
}

impl EveVerdict {
    fn new(event: &Event<'_>) -> Self {
        let action = if stops(event.verdict) { "drop" } else { "pass" };
        let reject = event.reply.and_then(|reply| match reply {
            Injected::Reset if event.subject.service.is_udp() => Some("coap-reset"),
            Injected::Reset => Some("tcp-reset"),
            Injected::Refusal => Some("refusal"),
            Injected::Echo => Some("echo-challenge"),
            Injected::Portion => Some("partial-response"),
            Injected::Released
            | Injected::Close
            | Injected::ChallengeAck
            | Injected::DuplicateAck => None,
        });
        Self {
            action,
            reject: reject.map(|way| [way]),
        }
    }
}

fn stops(verdict: Verdict) -> bool {
    !matches!(verdict, Verdict::Accept | Verdict::Hold)
}

/// The first word of a reason code.
fn family(reason: Reason) -> &'static str {
    reason.code().split('.').next().unwrap_or_default()
}

fn transport(service: Service) -> &'static str {
    if service.is_udp() { "UDP" } else { "TCP" }
}

fn application(service: Service) -> &'static str {
    match service {
        Service::Mqtt => "mqtt",
        Service::Mqtts => "tls",
        Service::Coap | Service::CoapTcp => "coap",
        Service::Coaps => "dtls",
    }
}

/// As Suricata writes it, always in UTC: `2026-01-31T09:30:00.000001+0000`.
fn timestamp<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&time.strftime("%Y-%m-%dT%H:%M:%S%.6f+0000"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hex_literal::hex;
    use inspect::{Instant, Port};
    use policy::{Message, Session, Side, Subject};
    use serde_json::{Value, json};
    use wire::Direction;
    use wire::mqtt::{ControlPacket, Version};
    use wire::{Decoded, coap};

    use super::*;

    fn subject<'a>(service: Service, protocol: Protocol, message: Message<'a>) -> Subject<'a> {
        Subject {
            protocol,
            service,
            direction: Direction::ToServer,
            endpoints: Endpoints {
                source: "10.20.0.7".parse().expect("an address"),
                source_port: 50_123,
                destination: "2001:db8::1".parse().expect("an address"),
                destination_port: 1883,
                from: Side::Inside,
                vlan: None,
            },
            message,
            session: Session::default(),
            reasons: &[],
            address_validated: false,
            unix_s: None,
            size: 0,
        }
    }

    fn written(kind: EventKind, subject: &Subject<'_>, verdict: Verdict) -> Value {
        written_with(kind, subject, verdict, None)
    }

    fn written_with(
        kind: EventKind,
        subject: &Subject<'_>,
        verdict: Verdict,
        reply: Option<Injected>,
    ) -> Value {
        let event = Event {
            at: Instant::ZERO,
            kind,
            flow_id: 42,
            port: Port {
                link: 0,
                side: Side::Inside,
            },
            subject,
            reason: Some(Reason::MQTT_SPOOFED_SERVER_PACKET),
            rule: None,
            verdict,
            would: None,
            reply,
            counted: (verdict == Verdict::Challenge).then_some(inspect::Counted {
                of: policy::Layer::Ip,
                received: 40,
                sent: 130,
                budget: 120,
            }),
            ban: (verdict == Verdict::Reset).then(|| policy::Ban {
                source: subject.endpoints.source.into(),
                duration: Duration::from_secs(600),
            }),
            generation: 3,
        };
        let place = Place {
            time: "2026-01-31T09:30:00.000001Z".parse().expect("a time"),
            interface: "eth1",
            policies: &Policies::default(),
        };
        let mut lines = Vec::new();
        write(&event, &place, &mut lines);
        assert_eq!(lines.pop(), Some(b'\n'));
        assert!(!lines.contains(&b'\n'), "one line only");
        serde_json::from_slice(&lines).expect("JSON")
    }

    fn packet(bytes: &[u8], direction: Direction) -> ControlPacket<'_> {
        match ControlPacket::decode(bytes, Version::V311, direction) {
            Ok(Decoded::Complete { message, .. }) => message,
            other => panic!("not a packet: {other:?}"),
        }
    }

    #[test]
    fn a_hello_says_what_the_client_wants() {
        let message = [
            &hex!("01 000048 0303")[..],
            &[7; 32],
            &hex!("00 0002c02b 0100 001d 0000 000a 0008 00 0005 412e6f7267 0010 000b 0009 04 6d717474 03 ff0001"),
        ]
        .concat();
        let hello = wire::hello::ClientHello::decode(&message).expect("a hello");
        let subject = subject(Service::Mqtts, Protocol::Tls, Message::Hello(&hello));
        let line = written(EventKind::Message, &subject, Verdict::Accept);
        assert_eq!(
            (&line["event_type"], &line["app_proto"]),
            (&json!("tls"), &json!("tls"))
        );
        let told = json!({
            "sni": "a.org",
            "client_version": "1.2",
            "client_alpns": ["mqtt", "ff0001"],
        });
        assert_eq!(line["tls"], told);
    }

    #[test]
    fn an_alert_has_the_shape_of_eve() {
        let bytes = hex!("20 02 00 05");
        let connack = packet(&bytes, Direction::ToClient);
        let mut subject = subject(Service::Mqtt, Protocol::Mqtt, Message::Mqtt(&connack));
        subject.session.client_id = Some("s7");
        let reply = Some(Injected::Reset);
        let line = written_with(EventKind::Alert, &subject, Verdict::Reset, reply);
        let expected = json!({
            "timestamp": "2026-01-31T09:30:00.000001+0000",
            "flow_id": 42,
            "in_iface": "eth1",
            "event_type": "alert",
            "src_ip": "10.20.0.7",
            "src_port": 50_123,
            "dest_ip": "2001:db8::1",
            "dest_port": 1883,
            "proto": "TCP",
            "app_proto": "mqtt",
            "alert": { "action": "blocked", "signature": "", "category": "mqtt", "severity": 4 },
            "mqtt": {
                "client_id": "s7",
                "connack": { "session_present": false, "return_code": 5 },
            },
            "verdict": { "action": "drop", "reject": ["tcp-reset"] },
            "weir": {
                "reason": "mqtt.spoofed.server-packet",
                "verdict": "reset",
                "ban": { "source": "10.20.0.7", "seconds": 600 },
                "policy_generation": 3,
            },
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn what_else_was_detected_is_listed() {
        let reasons = [Reason::TLS_REQUIRED, Reason::MQTT_SPOOFED_SERVER_PACKET];
        let mut subject = subject(Service::Mqtts, Protocol::Tls, Message::None);
        subject.reasons = &reasons;
        let line = written(EventKind::Alert, &subject, Verdict::Reset);
        assert_eq!(line["weir"]["reason"], json!("mqtt.spoofed.server-packet"));
        assert_eq!(line["weir"]["also"], json!(["tls.required"]));
    }

    #[test]
    fn passwords_and_payloads_stay_out() {
        let connect = hex!(
            "10 26 0004 4d515454 04 c6 003c 0001 63 0004 77696c6c 0006 736563726574"
            "0001 75 0006 736563726574"
        );
        let connect = packet(&connect, Direction::ToServer);
        let subject_ = subject(Service::Mqtt, Protocol::Mqtt, Message::Mqtt(&connect));
        let line = written(EventKind::Anomaly, &subject_, Verdict::Drop);
        assert_eq!(line["mqtt"]["connect"]["flags"]["password"], json!(true));
        assert_eq!(line["mqtt"]["connect"]["will"]["topic"], json!("will"));
        assert!(!line.to_string().contains("secret"), "{line}");

        let publish = hex!("30 09 0001 74 736563726574");
        let publish = packet(&publish, Direction::ToServer);
        let subject_ = subject(Service::Mqtt, Protocol::Mqtt, Message::Mqtt(&publish));
        let line = written(EventKind::Anomaly, &subject_, Verdict::Accept);
        assert_eq!(line["mqtt"]["publish"]["payload_len"], json!(6));
        assert!(!line.to_string().contains("secret"), "{line}");
    }

    #[test]
    fn what_a_ratio_goes_by_is_told() {
        let subject = subject(Service::Coap, Protocol::Coap, Message::None);
        let line = written(EventKind::Alert, &subject, Verdict::Challenge);
        let expected =
            json!({ "of": "ip_bytes", "from_client": 40, "to_client": 130, "budget": 120 });
        assert_eq!(line["weir"]["bytes"], expected);
        let line = written(EventKind::Alert, &subject, Verdict::Drop);
        assert_eq!(line["weir"].get("bytes"), None);
    }

    #[test]
    fn a_coap_request_is_named_by_its_path() {
        let datagram = hex!("42 01 1234 beef bb 2e77656c6c2d6b6e6f776e 04 636f7265");
        let get = coap::Message::decode(&datagram).expect("a request");
        let subject = subject(Service::Coap, Protocol::Coap, Message::Coap(&get));
        let line = written(EventKind::Anomaly, &subject, Verdict::Drop);
        let expected = json!({
            "type": "CON",
            "code": "0.01",
            "message_id": 0x1234,
            "token_len": 2,
            "path": "/.well-known/core",
            "payload_len": 0,
        });
        assert_eq!(line["coap"], expected);
        assert_eq!(line["proto"], json!("UDP"));
        assert_eq!(line["anomaly"]["type"], json!("applayer"));
    }

    #[test]
    fn a_fragment_has_no_ports() {
        let subject = subject(Service::Coap, Protocol::Ip, Message::None);
        let line = written(EventKind::Anomaly, &subject, Verdict::Drop);
        assert!(
            line.get("src_port").is_none() && line.get("dest_port").is_none(),
            "{line}"
        );
    }

    #[test]
    fn long_texts_are_cut() {
        let mut bytes = hex!("30 82 04 02 00").to_vec();
        bytes.extend([b'a'; 512]);
        let publish = packet(&bytes, Direction::ToServer);
        let subject = subject(Service::Mqtt, Protocol::Mqtt, Message::Mqtt(&publish));
        let line = written(EventKind::Anomaly, &subject, Verdict::Accept);
        let topic = line["mqtt"]["publish"]["topic"].as_str().expect("a topic");
        assert!(topic.ends_with("a…") && topic.len() < 300, "{topic}");
    }
}
