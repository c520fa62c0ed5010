//! One event as one line of JSON.

use std::net::IpAddr;

use inspect::{Event, EventKind, Verdict};
use jiff::Timestamp;
use policy::{Endpoints, Protocol, Reason, Rule, Service};
use serde::Serialize;
use serde::ser::Serializer;

use super::Policies;
use super::message::{Coap, Mqtt};

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
    coap: Option<Coap>,
    verdict: EveVerdict,
    weir: Weir<'a>,
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
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    would: Option<&'static str>,
    policy_generation: u64,
}

impl<'a> Line<'a> {
    fn new(event: &Event<'a>, place: &Place<'a>, rule: Option<&'a Rule>) -> Self {
        let subject = event.subject;
        let Endpoints {
            source,
            source_port,
            destination,
            destination_port,
            ..
        } = subject.endpoints;
        // A fragment hides its ports.
        let has_ports = subject.protocol != Protocol::Ip;
        Self {
            timestamp: place.time,
            flow_id: event.flow_id,
            in_iface: place.interface,
            event_type: event.kind.name(),
            vlan: event.vlan.map(|id| [id]),
            src_ip: source,
            src_port: has_ports.then_some(source_port),
            dest_ip: destination,
            dest_port: has_ports.then_some(destination_port),
            proto: transport(subject.service),
            app_proto: application(subject.service),
            alert: (event.kind == EventKind::Alert).then(|| Alert::new(event, rule)),
            anomaly: (event.kind == EventKind::Anomaly).then(|| Anomaly::new(event)),
            mqtt: Mqtt::of(subject),
            coap: Coap::of(subject),
            verdict: EveVerdict::new(event.verdict, subject.service),
            weir: Weir {
                rule: rule.map(|rule| rule.id.as_str()),
                reason: event.reason.map(Reason::code),
                verdict: event.verdict.name(),
                would: event.would.map(Verdict::name),
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
            signature: rule.map_or("", |rule| &rule.description),
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
    fn new(verdict: Verdict, service: Service) -> Self {
        let action = if stops(verdict) { "drop" } else { "pass" };
        let reject = match verdict {
            Verdict::Reset if transport(service) == "TCP" => Some("tcp-reset"),
            Verdict::Reset => Some("coap-reset"),
            Verdict::Refuse => Some("refusal"),
            Verdict::Challenge => Some("echo-challenge"),
            Verdict::Accept | Verdict::Hold | Verdict::Drop => None,
        };
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
    match service {
        Service::Mqtt | Service::Mqtts => "TCP",
        Service::Coap | Service::Coaps => "UDP",
    }
}

fn application(service: Service) -> &'static str {
    match service {
        Service::Mqtt => "mqtt",
        Service::Mqtts => "tls",
        Service::Coap => "coap",
        Service::Coaps => "dtls",
    }
}

/// As Suricata writes it, always in UTC: `2026-01-31T09:30:00.000001+0000`.
fn timestamp<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&time.strftime("%Y-%m-%dT%H:%M:%S%.6f+0000"))
}
