//! Policies and subjects in a line each.

use std::net::IpAddr;

use weir_policy::{
    Config, Endpoints, Match, Message, Meters, Policy, Protocol, Reason, Ruling, Service, Session,
    Side, SourceText, Subject,
};
use wire::coap::{self, Code, Type, encode::Builder};
use wire::mqtt::{self, ControlPacket, QoS, Version, encode};
use wire::{Decoded, Direction};

/// A policy of these rules and the default configuration.
pub(crate) fn policy(rules: &str) -> Policy {
    policy_with("", rules)
}

/// A policy of this configuration and these rules, which have to be right.
pub(crate) fn policy_with(config: &str, rules: &str) -> Policy {
    let config = SourceText::new("weir.toml", config);
    let config = Config::parse(&config).unwrap_or_else(|problems| panic!("{problems}"));
    let pack = SourceText::new("rules.toml", rules);
    Policy::compile(&config, &[pack]).unwrap_or_else(|problems| panic!("{problems}"))
}

/// What came out of a decision.
pub(crate) struct Answer {
    pub(crate) ruling: Ruling,
    /// "alert ID" or "dry run ID".
    pub(crate) noted: Vec<String>,
}

impl Answer {
    /// Whether some rule decided.
    pub(crate) fn is_matched(&self) -> bool {
        self.ruling.rule.is_some()
    }
}

/// Something a policy can be asked about.
pub(crate) trait Ask {
    fn ask_with(&self, policy: &Policy, meters: &mut dyn Meters) -> Answer;

    fn ask(&self, policy: &Policy) -> Answer {
        self.ask_with(policy, &mut ())
    }
}

fn decide(policy: &Policy, subject: &Subject<'_>, meters: &mut dyn Meters) -> Answer {
    let mut noted = Vec::new();
    let ruling = policy.decide(subject, meters, &mut |matched: Match<'_>| {
        let kind = if matched.dry_run { "dry run" } else { "alert" };
        assert_eq!(policy.rules()[matched.index.as_usize()].id, matched.rule.id);
        noted.push(format!("{kind} {}", matched.rule.id));
    });
    Answer { ruling, noted }
}

fn subject<'a>(protocol: Protocol, message: Message<'a>) -> Subject<'a> {
    Subject {
        protocol,
        service: match protocol {
            Protocol::Coap | Protocol::Udp | Protocol::Dtls => Service::Coap,
            _ => Service::Mqtt,
        },
        direction: Direction::ToServer,
        endpoints: Endpoints {
            source: IpAddr::from([192, 0, 2, 7]),
            source_port: 40_000,
            destination: IpAddr::from([192, 0, 2, 200]),
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

/// A detection without a message.
pub(crate) struct Detection<'r>(Protocol, &'r [Reason]);

pub(crate) fn detection(protocol: Protocol, reasons: &[Reason]) -> Detection<'_> {
    Detection(protocol, reasons)
}

impl Ask for Detection<'_> {
    fn ask_with(&self, policy: &Policy, meters: &mut dyn Meters) -> Answer {
        let mut subject = subject(self.0, Message::None);
        subject.reasons = self.1;
        decide(policy, &subject, meters)
    }
}

/// A control packet with its circumstances.
#[derive(Debug, Clone)]
pub(crate) struct Mqtt {
    bytes: Vec<u8>,
    version: Version,
    direction: Direction,
    service: Service,
    source: IpAddr,
    destination: IpAddr,
    from: Side,
    vlan: Option<u16>,
    client_id: Option<&'static str>,
    username: Option<&'static str>,
    unseen: bool,
    aliased_topic: Option<&'static str>,
}

impl Mqtt {
    /// A control packet as it is, read in this version.
    pub(crate) fn in_version(bytes: Vec<u8>, version: Version) -> Self {
        Self {
            bytes,
            version,
            direction: Direction::ToServer,
            service: Service::Mqtt,
            source: IpAddr::from([192, 0, 2, 7]),
            destination: IpAddr::from([192, 0, 2, 200]),
            from: Side::Inside,
            vlan: None,
            client_id: None,
            username: None,
            unseen: false,
            aliased_topic: None,
        }
    }

    pub(crate) fn publish(topic: &str) -> Self {
        let mut bytes = Vec::new();
        let packet = encode::Publish {
            topic,
            ..Default::default()
        };
        encode::publish(&mut bytes, Version::V311, &packet);
        Self::in_version(bytes, Version::V311)
    }

    /// A PUBLISH of 5.0 that names its topic by an alias.
    pub(crate) fn aliased(alias: u16) -> Self {
        let mut bytes = Vec::new();
        let packet = encode::Publish {
            properties: &[mqtt::Property::TopicAlias(alias)],
            ..Default::default()
        };
        encode::publish(&mut bytes, Version::V5, &packet);
        Self::in_version(bytes, Version::V5)
    }

    pub(crate) fn connect(client_id: &str, will_topic: Option<&str>) -> Self {
        let mut bytes = Vec::new();
        let packet = encode::Connect {
            client_id,
            will: will_topic.map(|topic| encode::Will {
                topic,
                payload: b"gone",
                qos: QoS::AtMostOnce,
                retain: false,
                properties: &[],
            }),
            ..Default::default()
        };
        encode::connect(&mut bytes, &packet);
        Self::in_version(bytes, Version::V311)
    }

    pub(crate) fn subscribe(filters: &[&str]) -> Self {
        let asked: Vec<_> = filters.iter().map(|f| (*f, QoS::AtMostOnce)).collect();
        Self::subscribe_qos(&asked)
    }

    pub(crate) fn subscribe_qos(asked: &[(&str, QoS)]) -> Self {
        let mut body = vec![0, 1];
        for (filter, qos) in asked {
            body.extend(u16::try_from(filter.len()).expect("short").to_be_bytes());
            body.extend(filter.bytes());
            body.push(*qos as u8);
        }
        let mut bytes = Vec::new();
        encode::raw(&mut bytes, 0x82, &body);
        Self::in_version(bytes, Version::V311)
    }

    pub(crate) fn unsubscribe(filters: &[&str]) -> Self {
        let mut body = vec![0, 1];
        for filter in filters {
            body.extend(u16::try_from(filter.len()).expect("short").to_be_bytes());
            body.extend(filter.bytes());
        }
        let mut bytes = Vec::new();
        encode::raw(&mut bytes, 0xa2, &body);
        Self::in_version(bytes, Version::V311)
    }

    /// A control packet of 5.0 as it is written here.
    pub(crate) fn written(write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut bytes = Vec::new();
        write(&mut bytes);
        Self::in_version(bytes, Version::V5)
    }

    /// Of a session whose CONNECT went by unseen.
    pub(crate) fn unseen(mut self) -> Self {
        self.unseen = true;
        self
    }

    pub(crate) fn from(mut self, source: &str) -> Self {
        self.source = source.parse().expect("an address");
        self
    }

    pub(crate) fn to(mut self, destination: &str) -> Self {
        self.destination = destination.parse().expect("an address");
        self
    }

    pub(crate) fn sent_to_client(mut self, from: Side) -> Self {
        (self.direction, self.from) = (Direction::ToClient, from);
        self
    }

    pub(crate) fn vlan(mut self, vlan: u16) -> Self {
        self.vlan = Some(vlan);
        self
    }

    pub(crate) fn service(mut self, service: Service) -> Self {
        self.service = service;
        self
    }

    pub(crate) fn client_id(mut self, client_id: &'static str) -> Self {
        self.client_id = Some(client_id);
        self
    }

    pub(crate) fn username(mut self, username: &'static str) -> Self {
        self.username = Some(username);
        self
    }

    pub(crate) fn stands_for(mut self, topic: &'static str) -> Self {
        self.aliased_topic = Some(topic);
        self
    }
}

impl Ask for Mqtt {
    fn ask_with(&self, policy: &Policy, meters: &mut dyn Meters) -> Answer {
        let decoded = ControlPacket::decode(&self.bytes, self.version, self.direction);
        let Ok(Decoded::Complete { message, len }) = decoded else {
            panic!("not a control packet: {decoded:?}");
        };
        let mut subject = subject(Protocol::Mqtt, Message::Mqtt(&message));
        subject.direction = self.direction;
        subject.service = self.service;
        subject.endpoints.source = self.source;
        subject.endpoints.destination = self.destination;
        subject.endpoints.from = self.from;
        subject.endpoints.vlan = self.vlan;
        subject.session = Session {
            version: Some(self.version),
            client_id: self.client_id,
            username: self.username,
            unseen: self.unseen,
            aliased_topic: self.aliased_topic,
        };
        subject.size = len;
        decide(policy, &subject, meters)
    }
}

/// A CoAP message and its direction.
#[derive(Debug, Clone)]
pub(crate) struct Coap {
    bytes: Vec<u8>,
    direction: Direction,
}

impl Coap {
    pub(crate) fn new(message_type: Type, code: Code, path: &str) -> Self {
        let mut bytes = Vec::new();
        Builder::new(&mut bytes, message_type, code, 1, b"tk")
            .path(coap::number::URI_PATH, path)
            .payload(b"");
        Self {
            bytes,
            direction: Direction::ToServer,
        }
    }

    /// A GET with what is built here.
    pub(crate) fn built(build: impl FnOnce(Builder<'_>)) -> Self {
        let mut bytes = Vec::new();
        let code = Code::GET;
        build(Builder::new(&mut bytes, Type::Confirmable, code, 1, b"tk"));
        Self {
            bytes,
            direction: Direction::ToServer,
        }
    }

    pub(crate) fn sent_to_client(mut self) -> Self {
        self.direction = Direction::ToClient;
        self
    }
}

impl Ask for Coap {
    fn ask_with(&self, policy: &Policy, meters: &mut dyn Meters) -> Answer {
        let message = coap::Message::decode(&self.bytes).expect("a message");
        let mut subject = subject(Protocol::Coap, Message::Coap(&message));
        subject.direction = self.direction;
        subject.size = self.bytes.len();
        decide(policy, &subject, meters)
    }
}
