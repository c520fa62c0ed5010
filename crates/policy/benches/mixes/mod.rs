//! Policies of any number of rules as plants have them, each with a message that meets none of them, and
//! one that only the last of them meets.

use std::fmt::Write as _;
use std::net::IpAddr;

use weir_policy::{
    Config, Endpoints, Message, Policy, Protocol, Reason, Service, Session, Side, SourceText,
    Subject,
};
use wire::coap;
use wire::mqtt::{ControlPacket, Property, Version, encode};
use wire::{Decoded, Direction};

/// One kind of rule.
pub(crate) struct Mix {
    pub(crate) name: &'static str,
    /// The `match` of the rule for one machine.
    conditions: fn(usize) -> String,
    /// A message of that machine.
    message: fn(usize) -> Sample,
}

/// A message by its bytes, and who sent it.
pub(crate) struct Sample {
    protocol: Protocol,
    version: Version,
    bytes: Vec<u8>,
    client_id: String,
    source: IpAddr,
    reasons: Vec<Reason>,
}

pub(crate) const MIXES: [Mix; 18] = [
    Mix {
        name: "topics",
        conditions: |n| {
            format!("packet = \"PUBLISH\", topic = \"plant/{n}/#\", client_id = \"!plc-{n}\"")
        },
        message: |n| publish(&format!("plant/{n}/temperature"), b"21.5", "hmi", []),
    },
    Mix {
        name: "client ids",
        conditions: |n| {
            format!(
                "packet = \"PUBLISH\", client_id = \"plc-{n}\", topic = \"!plant/{{client_id}}/#\""
            )
        },
        message: |n| publish("hall/7/temperature", b"21.5", &format!("plc-{n}"), []),
    },
    Mix {
        name: "sources",
        conditions: |n| {
            let [a, b] = halves(n);
            format!("packet = \"PUBLISH\", source = \"10.{a}.{b}.0/24\", topic = \"plant/#\"")
        },
        message: |n| {
            let [a, b] = halves(n);
            let sample = publish("plant/7/temperature", b"21.5", "hmi", []);
            let source = IpAddr::from([10, a, b, 7]);
            Sample { source, ..sample }
        },
    },
    Mix {
        name: "literals",
        conditions: |n| {
            format!(
                "packet = \"PUBLISH\", topic = \"plant/#\", payload = {{ contains = \"reboot-{n:05};\" }}"
            )
        },
        message: |n| {
            let payload =
                format!("{{\"at\":1700000000,\"run\":\"reboot-{n:05};\",\"by\":\"shift 2\"}}");
            publish("plant/7/temperature", payload.as_bytes(), "hmi", [])
        },
    },
    Mix {
        name: "expressions",
        conditions: |n| {
            format!(
                "packet = \"PUBLISH\", topic = \"plant/#\", payload = {{ regex = 'set-{n:05}=\\d+' }}"
            )
        },
        message: |n| {
            let payload =
                format!("{{\"at\":1700000000,\"run\":\"set-{n:05}=1\",\"by\":\"shift 2\"}}");
            publish("plant/7/temperature", payload.as_bytes(), "hmi", [])
        },
    },
    Mix {
        name: "json, a value each",
        conditions: |n| {
            format!(
                "packet = \"PUBLISH\", topic = \"plant/#\", payload = {{ json = {{ \"/run/set-{n}\" = {{ min = 1 }} }} }}"
            )
        },
        message: |n| {
            let payload =
                format!("{{\"at\":1700000000,\"run\":{{\"set-{n}\":1,\"by\":\"shift 2\"}}}}");
            publish("plant/7/temperature", payload.as_bytes(), "hmi", [])
        },
    },
    Mix {
        name: "json, one value",
        conditions: |n| {
            format!(
                "packet = \"PUBLISH\", topic = \"plant/#\", payload = {{ json = {{ \"/run/job\" = \"j-{n}\" }} }}"
            )
        },
        message: |n| {
            let payload =
                format!("{{\"at\":1700000000,\"run\":{{\"job\":\"j-{n}\",\"by\":\"shift 2\"}}}}");
            publish("plant/7/temperature", payload.as_bytes(), "hmi", [])
        },
    },
    Mix {
        name: "json, one number",
        conditions: |n| {
            format!(
                "packet = \"PUBLISH\", topic = \"plant/#\", payload = {{ json = {{ \"/run/job\" = {{ min = {n}, max = {n} }} }} }}"
            )
        },
        message: |n| {
            let payload =
                format!("{{\"at\":1700000000,\"run\":{{\"job\":{n},\"by\":\"shift 2\"}}}}");
            publish("plant/7/temperature", payload.as_bytes(), "hmi", [])
        },
    },
    Mix {
        name: "sizes",
        conditions: |n| format!("packet = \"PUBLISH\", size = {{ min = {} }}", least(n)),
        message: |n| publish("plant/7/temperature", &vec![b'7'; least(n)], "hmi", []),
    },
    Mix {
        name: "packet identifiers",
        conditions: |n| format!("packet = \"UNSUBSCRIBE\", packet_id = {}", n + 1),
        message: |n| unsubscribe(u16::try_from(n + 1).expect("so few rules")),
    },
    Mix {
        name: "keep alives",
        conditions: |n| format!("packet = \"CONNECT\", keep_alive = {n}"),
        message: |n| connect(u16::try_from(n).expect("so few rules")),
    },
    Mix {
        name: "properties",
        conditions: |n| {
            format!(
                "packet = \"PUBLISH\", property = {{ user_property = {{ asset = \"a-{n}\" }} }}"
            )
        },
        message: |n| {
            let value = format!("a-{n}");
            let asset = Property::UserProperty(("asset", &value));
            publish("plant/7/temperature", b"21.5", "hmi", [asset])
        },
    },
    Mix {
        name: "coap paths",
        conditions: |n| format!("method = \"PUT\", path = \"/plant/{n}/*\""),
        message: |n| put(&["plant", &n.to_string(), "valve"]),
    },
    Mix {
        name: "coap paths, any depth",
        conditions: |n| format!("method = \"PUT\", path = \"/plant/**/{n}/valve-*\""),
        message: |n| put(&["plant", "hall", &n.to_string(), "valve-7"]),
    },
    Mix {
        name: "globs",
        conditions: |n| format!("packet = \"PUBLISH\", client_id = \"plc-*-{n}-??\""),
        message: |n| {
            publish(
                "plant/7/temperature",
                b"21.5",
                &format!("plc-hall-{n}-07"),
                [],
            )
        },
    },
    Mix {
        name: "lists of topics",
        conditions: |n| {
            format!(
                "packet = \"PUBLISH\", topic = [\"plant/{n}/+/set\", \"plant/{n}/cmd/#\", \"hall/+/{n}\", \"!plant/{n}/cmd/ping\"]"
            )
        },
        message: |n| publish(&format!("plant/{n}/cmd/stop"), b"1", "hmi", []),
    },
    Mix {
        name: "reasons",
        conditions: |n| {
            let [a, b] = halves(n);
            format!("reason = \"mqtt.spoofed.*\", client = \"10.{a}.{b}.0/24\"")
        },
        message: |n| {
            let [a, b] = halves(n);
            let sample = publish("plant/7/temperature", b"21.5", "hmi", []);
            Sample {
                source: IpAddr::from([10, a, b, 7]),
                reasons: vec![Reason::MQTT_SPOOFED_SERVER_PACKET],
                ..sample
            }
        },
    },
    // As sites have them: every tenth rule of one kind.
    Mix {
        name: "mixed",
        conditions: |n| {
            let kind = [0, 1, 2, 3, 4, 6, 8, 9, 10, 11][(n + 1) % 10];
            (MIXES[kind].conditions)(n)
        },
        message: |n| {
            let payload = b"{\"at\":1700000000,\"run\":{\"job\":\"none\",\"by\":\"shift 2\"}}";
            publish(&format!("plant/{n}/temperature"), payload, "hmi", [])
        },
    },
];

/// No rule is this machine's.
const STRANGER: usize = 65_000;

impl Mix {
    pub(crate) fn text(&self, rules: usize) -> String {
        let mut text = String::new();
        for n in 0..rules {
            let conditions = (self.conditions)(n);
            writeln!(
                text,
                "[[rule]]\nid = \"r{n}\"\nmatch = {{ {conditions} }}\naction = \"drop\""
            )
            .expect("writing to a string");
        }
        text
    }

    pub(crate) fn policy(&self, rules: usize) -> Policy {
        let source = [SourceText::new("mix.toml", &self.text(rules))];
        Policy::compile(&Config::default(), &source).unwrap_or_else(|p| panic!("{p}"))
    }

    /// A message that no rule meets, or only the last of so many.
    pub(crate) fn sample(&self, meets: Option<usize>) -> Sample {
        (self.message)(meets.map_or(STRANGER, |rules| rules - 1))
    }
}

impl Sample {
    pub(crate) fn with<R>(&self, ask: impl FnOnce(&Subject<'_>) -> R) -> R {
        let direction = Direction::ToServer;
        if self.protocol == Protocol::Coap {
            let message = coap::Message::decode(&self.bytes).expect("a message");
            return ask(&self.subject(Service::Coap, Message::Coap(&message)));
        }
        match ControlPacket::decode(&self.bytes, self.version, direction) {
            Ok(Decoded::Complete { message, .. }) => {
                ask(&self.subject(Service::Mqtt, Message::Mqtt(&message)))
            }
            _ => panic!("a control packet"),
        }
    }

    fn subject<'a>(&'a self, service: Service, message: Message<'a>) -> Subject<'a> {
        Subject {
            protocol: self.protocol,
            service,
            direction: Direction::ToServer,
            endpoints: Endpoints {
                source: self.source,
                source_port: 40_000,
                destination: IpAddr::from([192, 0, 2, 1]),
                destination_port: 1883,
                from: Side::Inside,
                vlan: None,
            },
            message,
            session: Session {
                client_id: Some(&self.client_id),
                version: Some(self.version),
                ..Session::default()
            },
            reasons: &self.reasons,
            address_validated: false,
            unix_s: None,
            size: self.bytes.len(),
        }
    }
}

/// Bytes that are enough for this machine's rule and for none before it.
fn least(n: usize) -> usize {
    1_000_000_usize.saturating_sub(n * 64)
}

fn halves(n: usize) -> [u8; 2] {
    u16::try_from(n)
        .expect("fewer than 65,536 machines")
        .to_be_bytes()
}

fn publish<const N: usize>(
    topic: &str,
    payload: &[u8],
    client_id: &str,
    properties: [Property<'_>; N],
) -> Sample {
    let version = if N == 0 { Version::V311 } else { Version::V5 };
    let mut bytes = Vec::new();
    let packet = encode::Publish {
        topic,
        payload,
        properties: &properties,
        ..Default::default()
    };
    encode::publish(&mut bytes, version, &packet);
    of_client(version, bytes, client_id)
}

/// An UNSUBSCRIBE with this packet identifier.
fn unsubscribe(packet_id: u16) -> Sample {
    let mut bytes = Vec::new();
    encode::unsubscribe(&mut bytes, Version::V311, packet_id, &[], &["plant/7/#"]);
    of_client(Version::V311, bytes, "hmi")
}

/// A CONNECT with this keep alive.
fn connect(keep_alive_s: u16) -> Sample {
    let mut bytes = Vec::new();
    let packet = encode::Connect {
        version: Version::V311,
        keep_alive_s,
        client_id: "hmi",
        ..Default::default()
    };
    encode::connect(&mut bytes, &packet);
    of_client(Version::V311, bytes, "hmi")
}

fn of_client(version: Version, bytes: Vec<u8>, client_id: &str) -> Sample {
    Sample {
        protocol: Protocol::Mqtt,
        version,
        bytes,
        client_id: client_id.to_owned(),
        source: IpAddr::from([172, 16, 0, 7]),
        reasons: Vec::new(),
    }
}

/// A PUT with a path of short segments (RFC 7252 §3.1: Uri-Path is option 11).
fn put(path: &[&str]) -> Sample {
    let mut bytes = b"\x40\x03\x01\x02".to_vec();
    for (at, segment) in path.iter().enumerate() {
        let delta = if at == 0 { 11 << 4 } else { 0 };
        bytes.push(delta | u8::try_from(segment.len()).expect("a short segment"));
        bytes.extend_from_slice(segment.as_bytes());
    }
    let mut sample = publish("a", b"", "", []);
    (sample.protocol, sample.bytes) = (Protocol::Coap, bytes);
    sample
}
