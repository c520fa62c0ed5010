//! Entry points for fuzzers: arbitrary bytes in, invariants asserted.

use std::net::IpAddr;

use wire::Direction;
use wire::mqtt::{ControlPacket, Version};

use crate::matching::fuzz_json;
use crate::{
    Action, Config, Diagnostics, Endpoints, Message, Policy, Protocol, Reason, Service, Session,
    Side, SourceText, Subject,
};

/// Reads a file as a configuration or as a pack, or what follows as a payload, as its first byte says, and asks what
/// comes out.
///
/// # Panics
/// When a promise is broken: a finding outside of the file, a policy in spite of errors, a ruling
/// that is none, a value in JSON that is let through and not there.
pub fn fuzz_policy(data: &[u8]) {
    let Some((choice, text)) = data.split_first() else {
        return;
    };
    if *choice == b'j' {
        return fuzz_json(text);
    }
    let source = match SourceText::from_bytes("fuzz.toml", text) {
        Ok(source) => source,
        Err(problems) => return check_places(&problems, &String::from_utf8_lossy(text)),
    };
    let (config, packs) = match choice & 1 {
        0 => {
            let (config, problems) = Config::check(&source);
            check_places(&problems, &source.text);
            (config, Vec::new())
        }
        _ => (Config::default(), vec![source.clone()]),
    };
    let (policy, problems) = Policy::check(&config, &packs);
    check_places(&problems, &source.text);
    assert_eq!(policy.is_none(), problems.has_errors());
    if let Some(policy) = policy {
        check_rulings(&policy);
    }
}

/// Every finding points at a line of the file and marks a part of what it shows.
fn check_places(problems: &Diagnostics, text: &str) {
    let lines = text.split('\n').count();
    for problem in problems {
        let line = problem.place.line as usize;
        assert!((1..=lines).contains(&line), "{problem}");
        let column = problem.place.column as usize;
        let len = text
            .split('\n')
            .nth(line - 1)
            .map_or(0, |l| l.chars().count());
        assert!((1..=len + 1).contains(&column), "{problem}");
        let shown = problem.snippet.line.chars().count();
        assert!(problem.snippet.start <= shown, "{problem}");
        assert!(!problem.message.contains('\n'), "{problem}");
    }
    assert_eq!(problems.render().is_empty(), problems.is_empty());
}

fn check_rulings(policy: &Policy) {
    let subscribe = b"\x82\x08\x00\x01\x00\x03a/+\x00";
    let packet = ControlPacket::decode(subscribe, Version::V311, Direction::ToServer);
    let Ok(wire::Decoded::Complete { message, .. }) = packet else {
        unreachable!("a well-formed SUBSCRIBE");
    };
    let reasons = [
        Reason::MQTT_SPOOFED_SERVER_PACKET,
        Reason::from(wire::mqtt::Malformed::Flags),
    ];
    for (protocol, message, reasons) in [
        (Protocol::Mqtt, Message::Mqtt(&message), &[][..]),
        (Protocol::Mqtt, Message::None, &reasons),
        (Protocol::Udp, Message::None, &reasons),
    ] {
        let subject = Subject {
            protocol,
            service: Service::Mqtt,
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
            reasons,
            address_validated: false,
            unix_s: None,
            size: 10,
        };
        let ruling = policy.decide(&subject, &mut (), &mut |noted| {
            assert_eq!(&policy.rules()[noted.index.as_usize()], noted.rule);
        });
        assert_ne!(ruling.action, Action::Alert);
        if let Some(rule) = ruling.rule {
            assert_eq!(policy.rules()[rule.as_usize()].action, ruling.action);
        }
    }
}
