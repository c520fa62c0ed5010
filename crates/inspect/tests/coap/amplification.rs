//! Nobody is flooded through the gateway: bytes towards an address that has proved nothing stay below
//! three times the bytes that came from it.

use std::net::SocketAddr;
use std::time::Duration;

use inspect::{Counted, Limits};
use policy::{Layer, Verdict};
use proptest::prelude::*;
use wire::coap::{Code, Type};

use crate::reflection::{Reflection, Step, step};
use crate::world::{BASELINE, World, client, content, empty, endpoint, get, message, server};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The books balance for any interleaving, whatever bytes they count.
    #[test]
    fn the_victim_of_a_spoofed_source_gets_at_most_three_times_what_the_attacker_sent(
        steps in prop::collection::vec(step(), 1..120),
        layer in prop::sample::select(Layer::ALL),
        v6 in any::<bool>(),
    ) {
        let victim = if v6 { "[2001:db8::66]:4444" } else { "192.0.2.66:4444" };
        let mut reflection = Reflection::on(layer, endpoint(victim));
        for step in steps {
            reflection.take(step);
        }
    }

    /// Whatever went by while the gateway did no more than watch.
    #[test]
    fn the_budget_holds_from_the_moment_it_is_enforced(
        watched in prop::collection::vec(step(), 1..60),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut reflection = Reflection::new(endpoint("192.0.2.66:4444"));
        reflection.enforce(false);
        for step in watched {
            reflection.take(step);
        }
        reflection.enforce(true);
        for step in steps {
            reflection.take(step);
        }
    }
}

/// A server may take as long for an answer as its exchange lasts; whatever went for its request in the
/// meantime is gone.
#[test]
fn an_answer_that_takes_minutes_finds_its_request_in_the_books() {
    for spent in [false, true] {
        let mut world = World::new();
        let request = get(Type::Confirmable, 1, &[1], "slow/thing");
        world.pass(client(), server(), &request);
        world.promise(server(), client(), 1);
        world.pause(Duration::from_secs(1));
        if spent {
            let small = get(Type::NonConfirmable, 2, &[2], "");
            world.pass(client(), server(), &small);
            let large = content(Type::NonConfirmable, 70, &[2], 45);
            world.pass(server(), client(), &large);
        }
        world.pause(Duration::from_secs(200));
        let response = content(Type::Confirmable, 77, &[1], 9);
        let passage = world.send(server(), client(), &response);
        assert_eq!(passage.forwarded.is_none(), spent, "{passage:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// At whatever intervals a client asks: no answer of three times its request is ever too much.
    #[test]
    fn who_polls_within_the_budget_is_never_challenged(
        begins_ms in 0u64..60_000,
        every_ms in prop_oneof![1_000u64..70_000, 1_000u64..300_000],
        takes_ms in 1u64..900,
        path_len in 1usize..40,
        separately in any::<bool>(),
    ) {
        let mut world = World::new();
        world.pause(Duration::from_millis(begins_ms));
        let path = "t".repeat(path_len);
        for poll in 0..40 {
            let token = [1, poll];
            let request = get(Type::Confirmable, poll.into(), &token, &path);
            world.pass(client(), server(), &request);
            world.pause(Duration::from_millis(takes_ms));
            let (message_type, id, ack_len) = match separately {
                true => (Type::Confirmable, 1000 + u16::from(poll), 4),
                false => (Type::Acknowledgement, poll.into(), 0),
            };
            let mut is_held = false;
            if separately {
                let ack = empty(Type::Acknowledgement, poll.into());
                let passage = world.send(server(), client(), &ack);
                // Until it is known how small the response is, which isn't believed for ever.
                is_held = passage.forwarded.is_none();
                assert!(is_held || poll > 0);
                world.pause(Duration::from_millis(takes_ms));
            }
            let most = 3 * request.len() - ack_len;
            let bare = content(message_type, id, &token, 0).len();
            let payload_len = most.saturating_sub(bare + 1);
            let response = content(message_type, id, &token, payload_len);
            match is_held {
                true => world.pass_promised(server(), client(), &response, poll.into()),
                false => world.pass(server(), client(), &response),
            }
            world.pause(Duration::from_millis(every_ms));
        }
    }
}

/// They may overtake each other.
#[test]
fn an_acknowledgement_that_comes_after_its_response_promises_nothing() {
    let mut world = World::new();
    world.pass(client(), server(), &get(Type::Confirmable, 1, &[1], "a"));
    world.pass(server(), client(), &content(Type::Confirmable, 77, &[1], 4));
    world.pass(server(), client(), &empty(Type::Acknowledgement, 1));
}

#[test]
fn a_stock_server_s_answer_to_four_bytes_reaches_no_victim() {
    let mut reflection = Reflection::new(endpoint("192.0.2.66:4444"));
    for _ in 0..1000 {
        reflection.take(Step::Ask {
            shape: 0,
            confirmable: true,
        });
        reflection.take(Step::Answer {
            payload_len: 140,
            separately: false,
        });
        reflection.take(Step::Pause(10));
    }
}

#[test]
fn a_group_does_not_amplify_either() {
    let mut world = World::new();
    let (victim, group) = (endpoint("192.0.2.66:4444"), endpoint("224.0.1.187:5683"));
    let request = get(Type::NonConfirmable, 1, &[1], ".well-known/core");
    world.pass(victim, group, &request);
    let mut arrived = 0;
    for member in 1..100u16 {
        let from = endpoint(&format!("10.0.1.{member}:5683"));
        let passage = world.send(
            from,
            victim,
            &content(Type::NonConfirmable, member, &[1], 30),
        );
        arrived += passage.forwarded.map_or(0, |payload| payload.len());
        let own = passage
            .injected
            .iter()
            .filter(|datagram| datagram.to == victim);
        arrived += own.map(|datagram| datagram.payload.len()).sum::<usize>();
    }
    assert!(
        arrived > 0 && arrived <= 3 * request.len(),
        "{arrived} bytes"
    );
}

#[test]
fn many_clients_stay_within_the_table_and_strangers_within_their_budget() {
    let limits = Limits {
        endpoints: 500,
        exchanges: 1000,
        ..Limits::default()
    };
    let mut world = World::with(BASELINE, limits);
    for number in 0..20_000u32 {
        let victim = SocketAddr::new(
            std::net::Ipv4Addr::from_bits(0xc633_0000 + number).into(),
            9,
        );
        let request = get(Type::Confirmable, number as u16, &[1], "firmware");
        world.send(victim, server(), &request);
        let response = content(Type::Acknowledgement, number as u16, &[1], 60);
        let passage = world.send(server(), victim, &response);
        assert_eq!(passage.forwarded, None);
    }
    let gauges = world.inspector.gauges();
    assert!(
        gauges.endpoints <= 500 && gauges.exchanges <= 1000,
        "{gauges:?}"
    );
}

#[test]
fn the_ratio_is_counted_for_the_histogram() {
    let mut world = World::new();
    let request = get(Type::Confirmable, 1, &[1], "sensors/temperature");
    let response = content(Type::Acknowledgement, 1, &[1], request.len() - 6);
    assert_eq!(request.len(), response.len());
    world.pass(crate::world::client(), server(), &request);
    world.pass(server(), crate::world::client(), &response);
    assert_eq!(world.log.ratios, [1000]);
}

#[test]
fn what_the_ratio_goes_by_is_told() {
    let mut world = World::new();
    let request = get(Type::Confirmable, 1, &[1], "sensors/temperature");
    let response = content(Type::Acknowledgement, 1, &[1], 600);
    world.pass(client(), server(), &request);
    world.send(server(), client(), &response);
    let expected = Counted {
        of: Layer::UdpPayload,
        received: request.len() as u64,
        sent: response.len() as u64,
        budget: 3 * request.len() as u64,
    };
    assert_eq!(world.log.counted, [expected]);
}

/// What is a flood by what UDP carries may be none for the line it goes over.
#[test]
fn the_same_exchange_is_counted_on_each_layer() {
    let request = get(Type::Confirmable, 1, &[1], "a");
    let response = content(Type::Acknowledgement, 1, &[1], 3 * request.len() - 6);
    let (asked, answered) = (request.len() as u64, response.len() as u64);
    assert_eq!(answered, 3 * asked);
    for (layer, received, sent) in [
        (Layer::UdpPayload, asked, answered),
        (Layer::Ip, asked + 28, answered + 28),
        (Layer::Frame, 60, answered + 42),
    ] {
        let rules = format!(
            r#"
            [[rule]]
            id     = "least"
            match  = {{ protocol = "coap", direction = "to_client" }}
            limit  = {{ ratio = 1.0, of = "{}", per = "client", window = "60s" }}
            action = "drop"
            "#,
            layer.name()
        );
        let mut world = World::with(&rules, Limits::default());
        world.pass(client(), server(), &request);
        world.send(server(), client(), &response);
        let counted = Counted {
            of: layer,
            received,
            sent,
            budget: received,
        };
        assert_eq!(world.log.counted, [counted]);
    }
}

/// Where the line is what is to be spared: in frames, an answer of seven times its request is less than three times it.
#[test]
fn a_rule_may_count_frames() {
    let rules = BASELINE.replace(Layer::UdpPayload.name(), Layer::Frame.name());
    let mut world = World::with(&rules, Limits::default());
    let request = get(Type::Confirmable, 1, &[1], "a");
    let fits = content(Type::Acknowledgement, 1, &[1], 180 - 42 - 6);
    assert!(fits.len() > 7 * request.len());
    world.pass(client(), server(), &request);
    world.pass(server(), client(), &fits);
    let request = get(Type::Confirmable, 2, &[2], "a");
    world.pass(client(), server(), &request);
    let over = content(Type::Acknowledgement, 2, &[2], 180 - 42 - 5);
    let passage = world.send(server(), client(), &over);
    assert_eq!(passage.forwarded, None);
    let counted = world
        .log
        .counted
        .last()
        .map(|counted| (counted.of, counted.budget));
    assert_eq!(counted, Some((Layer::Frame, 360)));
}

/// What a rule behind the challenge stops, nobody gets in blocks, be his address unproven or proven: by what a response holds, by
/// whom it is for, or for want of a rule that lets it through.
#[test]
fn rules_behind_the_challenge_hold_for_what_would_be_given_out_in_portions() {
    let rule = |conditions: &str, action: &str| {
        format!("\n[[rule]]\nid = \"site\"\nmatch = {{ {conditions} }}\naction = \"{action}\"\n")
    };
    let stopping = [
        rule("code = \"2.xx\", direction = \"to_client\"", "drop"),
        rule(
            "protocol = \"coap\", payload = { contains = \"wwww\" }",
            "drop",
        ),
        rule("code = \"2.xx\", client = \"192.0.2.1\"", "refuse"),
    ];
    let passing = rule("code = \"2.xx\", client = \"192.0.2.77\"", "drop");
    let request = get(Type::Confirmable, 1, &[7], "sensors");
    let response = message(Type::Acknowledgement, Code::CONTENT, 1, &[7], |builder| {
        builder.payload(&[b'w'; 300]);
    });
    let told = |rules: &str| {
        let mut world = World::with(&format!("{BASELINE}{rules}"), Limits::default());
        world.pass(client(), server(), &request);
        world.send(server(), client(), &response)
    };
    for rules in stopping {
        let passage = told(&rules);
        assert_eq!(passage.forwarded, None);
        let is_content = |own: &crate::world::Datagram| own.payload[1] == Code::CONTENT.0;
        assert!(!passage.injected.iter().any(is_content), "{rules}");
        let stopped = [Verdict::Drop, Verdict::Refuse];
        assert!(stopped.contains(&passage.outcome.verdict), "{passage:?}");
    }
    let passage = told(&passing);
    assert_eq!(passage.outcome.verdict, Verdict::Challenge);
    assert_eq!(passage.injected[0].payload[1], Code::CONTENT.0);
}
