//! What a decision costs, with the baseline pack and with a policy that looks closer; and what
//! reading ten thousand rules does.

use std::hint::black_box;
use std::net::IpAddr;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use weir_policy::{
    Config, Endpoints, Match, Message, Policy, Protocol, Reason, Service, Session, Side,
    SourceText, Subject,
};
use wire::coap;
use wire::mqtt::{ControlPacket, Version, encode};
use wire::{Decoded, Direction};

use mixes::MIXES;
use packs::packs;

mod mixes;
mod packs;

const BASELINE: &str = include_str!("../../../rules/baseline.toml");

/// Rules that have to look into messages: what a site might add.
const SITE: &str = r##"
[zones]
sensors   = ["10.20.0.0/16", "fd00:20::/48"]
historian = ["10.30.0.9"]

[[rule]]
id     = "harvest"
match  = { filter = { covers = ["#", "$SYS/#"] }, source = "!historian" }
action = "refuse"

[[rule]]
id     = "own-topics"
match  = { packet = "PUBLISH", source = "sensors", topic = "!plant/{client_id}/#" }
action = "drop"

[[rule]]
id     = "valves"
match  = { packet = "PUBLISH", topic = ["plant/+/valve/#", "plant/+/pump"], client_id = "!plc-*" }
action = "drop"

[[rule]]
id     = "discovery"
match  = { method = "GET", path = "/.well-known/core", source = "outside" }
action = "refuse"
"##;

fn policy(packs: &[&str]) -> Policy {
    let sources: Vec<SourceText> = packs.iter().map(|p| SourceText::new("p.toml", p)).collect();
    Policy::compile(&Config::default(), &sources).expect("a right policy")
}

fn subject<'a>(protocol: Protocol, service: Service, message: Message<'a>) -> Subject<'a> {
    Subject {
        protocol,
        service,
        direction: Direction::ToServer,
        endpoints: Endpoints {
            source: IpAddr::from([10, 20, 0, 7]),
            source_port: 40_000,
            destination: IpAddr::from([10, 30, 0, 9]),
            destination_port: 1883,
            from: Side::Inside,
            vlan: None,
        },
        message,
        session: Session {
            client_id: Some("7"),
            version: Some(Version::V311),
            ..Session::default()
        },
        reasons: &[],
        address_validated: false,
        unix_s: None,
        size: 64,
    }
}

fn decide(c: &mut Criterion) {
    let mut bytes = Vec::new();
    let packet = encode::Publish {
        topic: "plant/7/temperature",
        payload: b"21.5",
        ..Default::default()
    };
    encode::publish(&mut bytes, Version::V311, &packet);
    let decoded = ControlPacket::decode(&bytes, Version::V311, Direction::ToServer);
    let Ok(Decoded::Complete {
        message: publish, ..
    }) = decoded
    else {
        panic!("a PUBLISH");
    };
    let datagram = b"\x42\x01\x02\x03\xab\xcd\xbb.well-known\x04core";
    let get = coap::Message::decode(datagram).expect("a GET");
    let spoofed = [Reason::MQTT_SPOOFED_SERVER_PACKET];

    let (baseline, site) = (policy(&[BASELINE]), policy(&[BASELINE, SITE]));
    let publish = subject(Protocol::Mqtt, Service::Mqtt, Message::Mqtt(&publish));
    let get = subject(Protocol::Coap, Service::Coap, Message::Coap(&get));
    let response = Subject {
        direction: Direction::ToClient,
        ..get
    };
    let detection = Subject {
        reasons: &spoofed,
        ..publish
    };
    let mut group = c.benchmark_group("decide");
    for (name, policy, subject) in [
        ("baseline/publish", &baseline, &publish),
        ("baseline/coap-get", &baseline, &get),
        ("baseline/coap-response", &baseline, &response),
        ("baseline/spoofed-packet", &baseline, &detection),
        ("site/publish", &site, &publish),
        ("site/coap-get", &site, &get),
    ] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut ignore = |matched: Match<'_>| {
                    black_box(matched);
                };
                black_box(policy).decide(black_box(subject), &mut (), &mut ignore)
            });
        });
    }
}

/// The cost of a decision by the number of rules, of which the message meets none, or only the last.
fn curve(c: &mut Criterion) {
    for mix in &MIXES {
        let mut group = c.benchmark_group(mix.name);
        for count in [10, 100, 1000, 10_000] {
            let policy = mix.policy(count);
            for (meets, name) in [(None, "none"), (Some(count), "last")] {
                mix.sample(meets).with(|subject| {
                    group.bench_function(format!("{name} of {count}"), |b| {
                        b.iter(|| {
                            let mut ignore = |matched: Match<'_>| {
                                black_box(matched);
                            };
                            black_box(&policy).decide(black_box(subject), &mut (), &mut ignore)
                        });
                    });
                });
            }
        }
    }
}

/// What it takes to read ten thousand rules: a reload, but for the files and the hand-over.
fn check(c: &mut Criterion) {
    let mut group = c.benchmark_group("check");
    group.sample_size(10);
    group.warm_up_time(Duration::from_millis(500));
    group.measurement_time(Duration::from_secs(1));
    group.bench_function("baseline", |b| b.iter(|| policy(&[BASELINE])));
    for (name, text) in packs(10_000) {
        let source = [SourceText::new("many.toml", &text)];
        group.bench_function(format!("10,000 rules/{name}"), |b| {
            b.iter(|| Policy::compile(&Config::default(), &source).expect("a right policy"));
        });
    }
}

criterion_group!(benches, decide, curve, check);
criterion_main!(benches);
