//! The meters as rules ask them: who is counted apart, what a reload keeps, and what a full table does.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use policy::{
    Config, Endpoints, Message, Policy, Protocol, Service, Session, Side, SourceText, Subject,
};
use wire::Direction;

use super::*;

/// A device's and a broker's address.
const DEVICE: [u8; 4] = [10, 20, 0, 7];
const BROKER: [u8; 4] = [192, 0, 2, 1];

fn policy(rules: &str) -> Arc<Policy> {
    let config = Config::default();
    let pack = SourceText::new("pack.toml", rules);
    Arc::new(Policy::compile(&config, &[pack]).unwrap_or_else(|problems| panic!("{problems}")))
}

fn rule(id: &str, limit: &str) -> String {
    format!(
        "[[rule]]\nid = \"{id}\"\nmatch = {{ protocol = \"mqtt\" }}\naction = \"alert\"\nlimit = {limit}\n"
    )
}

fn to_server(device: [u8; 4], port: u16, session: Session<'_>) -> Subject<'_> {
    Subject {
        protocol: Protocol::Mqtt,
        service: Service::Mqtt,
        direction: Direction::ToServer,
        endpoints: Endpoints {
            source: device.into(),
            source_port: port,
            destination: BROKER.into(),
            destination_port: 1883,
            from: Side::Inside,
            vlan: None,
        },
        message: Message::None,
        session,
        reasons: &[],
        address_validated: false,
        unix_s: None,
        size: 2,
    }
}

/// The same connection, the other way.
fn reversed<'a>(subject: &Subject<'a>) -> Subject<'a> {
    let ends = subject.endpoints;
    Subject {
        direction: subject.direction.reverse(),
        endpoints: Endpoints {
            source: ends.destination,
            source_port: ends.destination_port,
            destination: ends.source,
            destination_port: ends.source_port,
            from: ends.from.opposite(),
            vlan: None,
        },
        ..*subject
    }
}

fn metering(meters: usize) -> Metering {
    let limits = Limits {
        meters,
        ..Limits::default()
    };
    Metering::new(&limits, &Seed::fixed(1))
}

/// What the first rule's meter says of a message, and whether somebody was forgotten for it.
fn ask(metering: &Metering, policy: &Policy, secs: u64, subject: &Subject<'_>) -> (bool, bool) {
    let mut metered = Metered {
        metering,
        policy,
        now: Instant::from_secs(secs),
        link: 0,
        carrier: Carrier { protocol: 6 },
        others: &mut (),
        is_counted: &|| false,
        evicted: false,
    };
    let limit = policy.rules()[0].limit.expect("the rule has a limit");
    let exceeded = metered.exceeds(RuleIndex(0), &limit, subject);
    (exceeded, metered.evicted)
}

#[test]
fn each_is_counted_apart_by_what_the_rule_says() {
    let named = |client_id, username| Session {
        client_id: Some(client_id),
        username: Some(username),
        ..Session::default()
    };
    let first = to_server(DEVICE, 4000, named("a", "u"));
    let elsewhere: IpAddr = [192, 0, 2, 2].into();
    let at_another_server = Subject {
        endpoints: Endpoints {
            destination: elsewhere,
            ..first.endpoints
        },
        ..first
    };
    let answer = reversed(&first);
    let another_port = to_server(DEVICE, 4001, named("a", "u"));
    let another_name = to_server(DEVICE, 4000, named("b", "u"));
    let another_user = to_server(DEVICE, 4000, named("a", "v"));
    let another_device = to_server([10, 20, 0, 8], 4000, named("a", "u"));
    let others = [
        answer,
        another_port,
        another_name,
        another_user,
        another_device,
        at_another_server,
    ];
    for (per, counted_with_first) in [
        ("client", [true, true, true, true, false, true]),
        ("source", [false, true, true, true, false, true]),
        ("destination", [false, true, true, true, true, false]),
        ("flow", [true, false, true, true, false, false]),
        ("client_id", [true, true, false, true, true, false]),
        ("username", [true, true, true, false, true, true]),
    ] {
        let limit = format!("{{ count = 1, window = \"1m\", per = \"{per}\" }}");
        let policy = policy(&rule("r", &limit));
        for (other, together) in std::iter::zip(&others, counted_with_first) {
            let metering = metering(100);
            assert!(!ask(&metering, &policy, 1, &first).0);
            let (exceeded, _) = ask(&metering, &policy, 2, other);
            assert_eq!(exceeded, together, "{per}: {other:?}");
        }
    }
}

#[test]
fn addresses_of_a_network_are_one_where_the_rule_says_so() {
    let with = |first: &str, second: &str| {
        let of = |source: &str| Subject {
            endpoints: Endpoints {
                source: source.parse().expect("an address"),
                destination: "fd00:30::1".parse().expect("an address"),
                ..to_server(DEVICE, 4000, Session::default()).endpoints
            },
            ..to_server(DEVICE, 4000, Session::default())
        };
        (of(first), of(second))
    };
    const NEIGHBOURS: (&str, &str) = ("fd00:20::7", "fd00:20::ffff:0:0:8");
    const ELSEWHERE: (&str, &str) = ("fd00:20::7", "fd00:20:0:1::7");
    for (prefix, (first, second), together) in [
        (64, NEIGHBOURS, true),
        (64, ELSEWHERE, false),
        (48, ELSEWHERE, true),
        (128, NEIGHBOURS, false),
        (8, ("10.20.0.7", "10.20.0.8"), false),
        (64, ("::ffff:10.20.0.7", "::ffff:10.20.0.8"), false),
    ] {
        let (first, second) = with(first, second);
        for kind in ["count = 1, window = \"1m\"", "rate = 0.001, burst = 1"] {
            let limit = format!("{{ {kind}, per = \"client\", ipv6_prefix = {prefix} }}");
            let policy = policy(&rule("r", &limit));
            let metering = metering(100);
            assert!(!ask(&metering, &policy, 1, &first).0);
            let exceeds = |subject| ask(&metering, &policy, 2, subject).0;
            assert_eq!(exceeds(&reversed(&second)), together, "{limit}: {second:?}");
        }
    }
}

#[test]
fn who_has_no_name_is_not_counted_by_it() {
    let policy = policy(&rule(
        "r",
        "{ count = 1, window = \"1m\", per = \"username\" }",
    ));
    let metering = metering(100);
    let nameless = to_server(DEVICE, 4000, Session::default());
    for _ in 0..10 {
        assert_eq!(ask(&metering, &policy, 1, &nameless), (false, false));
    }
    assert_eq!(metering.len(), 0);
}

#[test]
fn a_reload_keeps_the_count_of_a_rule_that_stays_the_same() {
    const LIMIT: &str = "{ count = 1, window = \"1m\", per = \"client\" }";
    let subject = to_server(DEVICE, 4000, Session::default());
    let first = policy(&rule("r", LIMIT));
    for (again, is_the_same) in [
        (rule("r", LIMIT), true),
        (rule("s", LIMIT), false),
        (rule("r", &LIMIT.replace("1m", "2m")), false),
        // What it matches and does doesn't matter to what it has counted.
        (rule("r", LIMIT).replace("protocol", "service"), true),
        (rule("r", LIMIT).replace("alert", "drop"), true),
    ] {
        let metering = metering(100);
        assert!(!ask(&metering, &first, 1, &subject).0);
        let (exceeded, _) = ask(&metering, &policy(&again), 2, &subject);
        assert_eq!(exceeded, is_the_same, "{again}");
    }
}

#[test]
fn a_full_table_forgets_the_idle_and_not_those_that_exceed() {
    const METERS: u32 = 64;
    let policy = policy(&rule(
        "r",
        "{ count = 2, window = \"1h\", per = \"client\" }",
    ));
    let metering = metering(METERS as usize);
    let brute = to_server(DEVICE, 4000, Session::default());
    for second in 1..=3 {
        ask(&metering, &policy, second, &brute);
    }
    let mut forgotten = 0;
    for number in 0..METERS * 10 {
        let [_, high, low, _] = (number << 8).to_be_bytes();
        let passer_by = to_server([10, 30, high, low], 4000, Session::default());
        let (exceeded, evicted) = ask(&metering, &policy, 4, &passer_by);
        assert!(!exceeded, "a newcomer is never blamed");
        forgotten += u32::from(evicted);
    }
    assert_eq!(metering.len(), METERS as usize);
    assert_eq!(forgotten, METERS * 9 + 1);
    assert!(ask(&metering, &policy, 5, &brute).0, "still known");
}

#[test]
fn meters_are_forgotten_when_their_window_has_passed() {
    let policy = policy(&rule(
        "r",
        "{ count = 2, window = \"1m\", per = \"client\" }",
    ));
    let metering = metering(100);
    assert_eq!(metering.poll_timeout(), None);
    ask(
        &metering,
        &policy,
        1,
        &to_server(DEVICE, 4000, Session::default()),
    );
    let (mut looks, end) = (0, Instant::from_secs(100));
    while let Some((due, _)) = metering.poll_timeout().filter(|(due, _)| *due <= end) {
        metering.handle_timeout(due);
        looks += 1;
        assert_eq!(metering.len() == 0, due >= Instant::from_secs(61), "{due}");
    }
    assert!((90..110).contains(&looks), "one a second, not {looks}");
}

#[test]
fn eight_threads_count_every_message_and_keep_the_bound() {
    const METERS: usize = 256;
    const ROUNDS: u32 = 20_000;
    let limit = format!(
        "{{ count = {}, window = \"7d\", per = \"client\" }}",
        ROUNDS * 8 - 1
    );
    let policy = policy(&rule("r", &limit));
    let metering = metering(METERS);
    let shared = to_server(DEVICE, 4000, Session::default());
    let clock = AtomicU64::new(1_000_000);
    let exceeded: u32 = std::thread::scope(|scope| {
        let threads = (0..8u8).map(|thread| {
            let (metering, policy, shared, clock) = (&metering, &policy, &shared, &clock);
            scope.spawn(move || {
                let mut exceeded = 0;
                for round in 0..ROUNDS {
                    let [.., high, low] = round.to_be_bytes();
                    let own = to_server([11 + thread, 0, high, low], 4000, Session::default());
                    // As all workers do, the threads share a clock.
                    let now = clock.fetch_add(1, Ordering::Relaxed);
                    ask(metering, policy, now, &own);
                    exceeded += u32::from(ask(metering, policy, now, shared).0);
                    assert!(metering.len() <= METERS + 8);
                }
                exceeded
            })
        });
        let threads: Vec<_> = threads.collect();
        let counts = threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"));
        counts.sum()
    });
    assert_eq!(exceeded, 1, "the last of all messages, and none before it");
    assert!(metering.len() <= METERS);
}
