//! The challenge, the repeated request, and who else uses Echo.

use std::time::Duration;

use inspect::{Injected, Inspector, Limits, Seed};
use policy::{Reason, Verdict};
use wire::coap::{Code, Message, Type, number};

use crate::world::{
    World, client, content, cookies_only, echo_of, empty, endpoint, get, message, notification,
    observe, policy_of, server, with_echo,
};

const TOKEN: &[u8] = &[0xa1];

/// A request from an unvalidated client whose answer is too large, and the challenge it gets.
fn challenged(world: &mut World, request: &[u8], response: &[u8]) -> Vec<u8> {
    world.pass(client(), server(), request);
    let passage = world.send(server(), client(), response);
    assert_eq!(passage.outcome.verdict, Verdict::Challenge);
    assert_eq!(
        passage.outcome.reason,
        Some(Reason::COAP_AMPLIFICATION_RATIO)
    );
    assert_eq!(passage.forwarded, None);
    let challenge = &passage.injected[0];
    assert_eq!((challenge.from, challenge.to), (server(), client()));
    assert!(challenge.payload.len() <= 3 * request.len());
    challenge.payload.clone()
}

#[test]
fn the_answer_to_four_bytes_is_challenged_with_twelve() {
    let mut world = World::with_cookies_only();
    let request = get(Type::Confirmable, 0x1234, &[], "");
    assert_eq!(request.len(), 4);
    let response = content(Type::Acknowledgement, 0x1234, &[], 140);
    let challenge = challenged(&mut world, &request, &response);
    assert_eq!(challenge.len(), 12);
    let decoded = Message::decode(&challenge).unwrap();
    assert_eq!(decoded.message_type(), Type::Acknowledgement);
    assert_eq!(decoded.code(), Code::UNAUTHORIZED);
    assert_eq!(decoded.message_id(), 0x1234);
    assert_eq!(decoded.token(), []);
    assert_eq!(world.log.purposes, [Injected::Echo]);
    // The budget is spent: nothing more goes out until more comes in.
    let passage = world.send(server(), client(), &response);
    assert_eq!((passage.forwarded, passage.injected), (None, vec![]));
}

#[test]
fn a_client_that_repeats_the_cookie_is_let_in_and_the_server_never_sees_it() {
    let mut world = World::with_cookies_only();
    let request = get(Type::Confirmable, 1, TOKEN, "firmware");
    let challenge = challenged(
        &mut world,
        &request,
        &content(Type::Acknowledgement, 1, TOKEN, 900),
    );
    let cookie = echo_of(&challenge).unwrap();
    let again = get(Type::Confirmable, 2, &[0xb1, 0xb2], "firmware");
    for _ in 0..3 {
        let passage = world.send(client(), server(), &with_echo(&again, &cookie));
        assert_eq!(
            passage.forwarded.as_deref(),
            Some(&again[..]),
            "as it would be without Echo"
        );
        world.pass(
            server(),
            client(),
            &content(Type::Acknowledgement, 2, &[0xb1, 0xb2], 900),
        );
    }
    // From now on it needs none, but whoever else is at its address does.
    let other_port = endpoint("192.0.2.1:40777");
    let request = get(Type::Confirmable, 3, TOKEN, "firmware");
    for request in [request.clone(), with_echo(&request, &cookie)] {
        let passage = world.send(other_port, server(), &request);
        let challenge = &passage.injected[0].payload;
        assert!(passage.forwarded.is_none() && challenge.len() <= 3 * request.len());
        assert_ne!(echo_of(challenge), Some(cookie.clone()));
    }
    world.pause(Duration::from_secs(29 * 60));
    world.pass(
        client(),
        server(),
        &get(Type::Confirmable, 4, TOKEN, "firmware"),
    );
    world.pass(
        server(),
        client(),
        &content(Type::Acknowledgement, 4, TOKEN, 900),
    );
}

/// Everything is forgotten at a restart, and the keys are others.
#[test]
fn a_client_with_a_cookie_of_before_a_restart_is_challenged_once_more() {
    let mut world = World::with_cookies_only();
    let request = get(Type::Confirmable, 1, TOKEN, "firmware");
    let response = content(Type::Acknowledgement, 1, TOKEN, 900);
    let old = echo_of(&challenged(&mut world, &request, &response)).unwrap();
    let rules = policy_of("", &cookies_only());
    world.inspector = Inspector::new(Limits::default(), rules, Seed::fixed(8));

    let repeated = with_echo(&request, &old);
    let new = echo_of(&challenged(&mut world, &repeated, &response)).unwrap();
    assert_ne!(new, old);
    let passage = world.send(client(), server(), &with_echo(&request, &new));
    assert_eq!(passage.forwarded.as_deref(), Some(&request[..]));
    world.pass(server(), client(), &response);
}

#[test]
fn the_next_unvalidated_client_is_challenged_before_the_server_works() {
    let mut world = World::with_cookies_only();
    let request = get(Type::Confirmable, 1, TOKEN, "firmware");
    challenged(
        &mut world,
        &request,
        &content(Type::Acknowledgement, 1, TOKEN, 900),
    );
    let other = endpoint("198.51.100.7:5000");
    for (message_type, answer_type) in [
        (Type::Confirmable, Type::Acknowledgement),
        (Type::NonConfirmable, Type::NonConfirmable),
    ] {
        let request = get(message_type, 77, &[1, 2, 3], "firmware");
        let passage = world.send(other, server(), &request);
        assert_eq!(passage.outcome.verdict, Verdict::Challenge);
        assert_eq!(passage.forwarded, None, "the server isn't bothered");
        let challenge = &passage.injected[0];
        assert_eq!((challenge.from, challenge.to), (server(), other));
        let decoded = Message::decode(&challenge.payload).unwrap();
        assert_eq!(decoded.message_type(), answer_type);
        assert_eq!(
            (decoded.message_id(), decoded.token()),
            (77, &[1, 2, 3][..])
        );
    }
    // What else it asks for goes on, and what it asks another server.
    world.pass(other, server(), &get(Type::Confirmable, 78, TOKEN, "time"));
    let other_server = endpoint("10.0.0.3:5683");
    world.pass(
        other,
        other_server,
        &get(Type::Confirmable, 79, TOKEN, "firmware"),
    );
    // And what is believed about a resource is looked at again after a while.
    world.pause(Duration::from_secs(601));
    world.pass(
        other,
        server(),
        &get(Type::Confirmable, 80, TOKEN, "firmware"),
    );
}

#[test]
fn a_registration_is_challenged_at_once() {
    let mut world = World::with_cookies_only();
    let registration = observe(1, TOKEN, 0, "temperature");
    let granted = notification(Type::Acknowledgement, 1, TOKEN, 1);
    assert!(granted.len() < 3 * registration.len(), "small as it is");
    let cookie = echo_of(&challenged(&mut world, &registration, &granted)).unwrap();
    let again = observe(2, &[0xb1], 0, "temperature");
    let passage = world.send(client(), server(), &with_echo(&again, &cookie));
    assert_eq!(passage.forwarded.as_deref(), Some(&again[..]));
    world.pass(
        server(),
        client(),
        &notification(Type::Acknowledgement, 2, &[0xb1], 2),
    );
    for sequence in 3..300 {
        world.pause(Duration::from_secs(30));
        let id = 100 + sequence as u16;
        let sent = notification(Type::NonConfirmable, id, &[0xb1], sequence);
        let passage = world.send(server(), client(), &sent);
        // From time to time it has to be acknowledged.
        let ours = passage.injected.first().map(|ours| &ours.payload[..]);
        let arrived = Message::decode(passage.forwarded.as_deref().or(ours).unwrap()).unwrap();
        assert_eq!(arrived.payload(), Message::decode(&sent).unwrap().payload());
        if arrived.message_type() == Type::Confirmable {
            let ack = empty(Type::Acknowledgement, arrived.message_id());
            world.send(client(), server(), &ack);
        }
    }
}

#[test]
fn a_notification_to_nobody_in_particular_is_reset_at_its_server() {
    let mut world = World::with_cookies_only();
    let registration = observe(1, TOKEN, 0, "temperature");
    challenged(
        &mut world,
        &registration,
        &notification(Type::Acknowledgement, 1, TOKEN, 1),
    );
    let passage = world.send(
        server(),
        client(),
        &notification(Type::NonConfirmable, 50, TOKEN, 2),
    );
    assert_eq!(passage.forwarded, None);
    let reset = passage.injected.last().unwrap();
    assert_eq!((reset.from, reset.to), (client(), server()));
    assert_eq!(reset.payload, empty(Type::Reset, 50));
}

#[test]
fn a_separate_response_is_replaced_and_its_server_told_to_stop() {
    let mut world = World::with_cookies_only();
    let request = get(Type::Confirmable, 1, TOKEN, "slow/firmware");
    world.wait_for_acknowledgement(client(), server(), &request);
    let passage = world.send(
        server(),
        client(),
        &content(Type::Confirmable, 60, TOKEN, 900),
    );
    let [challenge, reset] = &passage.injected[..] else {
        panic!("a challenge and a reset: {passage:?}");
    };
    let decoded = Message::decode(&challenge.payload).unwrap();
    assert_eq!(decoded.message_type(), Type::NonConfirmable);
    assert_eq!((decoded.message_id(), decoded.token()), (60, TOKEN));
    assert_eq!(reset.payload, empty(Type::Reset, 60));
    // Who doesn't know the token may say so.
    world.pass(client(), server(), &empty(Type::Reset, 60));
}

#[test]
fn an_acknowledgement_that_leaves_no_room_for_a_challenge_is_challenged() {
    let mut world = World::with_cookies_only();
    world.pass(client(), server(), &get(Type::Confirmable, 1, &[], ""));
    let passage = world.send(server(), client(), &empty(Type::Acknowledgement, 1));
    assert_eq!(passage.outcome.verdict, Verdict::Challenge);
    assert_eq!(passage.injected[0].payload.len(), 12);
    assert_eq!(passage.injected.len(), 1);
}

#[test]
fn a_cookie_goes_stale() {
    let mut world = World::with_cookies_only();
    let request = get(Type::Confirmable, 1, TOKEN, "firmware");
    let challenge = challenged(
        &mut world,
        &request,
        &content(Type::Acknowledgement, 1, TOKEN, 900),
    );
    let cookie = echo_of(&challenge).unwrap();
    world.pause(Duration::from_secs(121));
    let stale = with_echo(&get(Type::Confirmable, 2, TOKEN, "time"), &cookie);
    world.pass(client(), server(), &stale);
    let large = content(Type::Acknowledgement, 2, TOKEN, 900);
    let passage = world.send(server(), client(), &large);
    assert_eq!(passage.outcome.verdict, Verdict::Challenge);
}

#[test]
fn a_cookie_is_of_no_use_to_another_address() {
    let mut world = World::with_cookies_only();
    let request = get(Type::Confirmable, 1, TOKEN, "firmware");
    let challenge = challenged(
        &mut world,
        &request,
        &content(Type::Acknowledgement, 1, TOKEN, 900),
    );
    let cookie = echo_of(&challenge).unwrap();
    let victim = endpoint("192.0.2.66:40000");
    let forged = with_echo(&get(Type::Confirmable, 2, TOKEN, "time"), &cookie);
    world.pass(victim, server(), &forged);
    let passage = world.send(
        server(),
        victim,
        &content(Type::Acknowledgement, 2, TOKEN, 900),
    );
    assert_eq!(passage.outcome.verdict, Verdict::Challenge);
}

#[test]
fn a_server_with_its_own_echo_keeps_it() {
    let mut world = World::with_cookies_only();
    let request = get(Type::Confirmable, 1, TOKEN, "actuators/valve");
    world.pass(client(), server(), &request);
    let own = message(
        Type::Acknowledgement,
        Code::UNAUTHORIZED,
        1,
        TOKEN,
        |builder| {
            builder.option(number::ECHO, &[0x5e; 8]);
        },
    );
    world.pass(server(), client(), &own);
    for value in [&[0x5e; 8][..], &[0x5e; 1], &[0x5e; 40]] {
        let again = with_echo(&get(Type::Confirmable, 2, TOKEN, "actuators/valve"), value);
        world.pass(client(), server(), &again);
        world.pass(
            server(),
            client(),
            &content(Type::Acknowledgement, 2, TOKEN, 4),
        );
    }
}

#[test]
fn options_and_payload_of_a_repeated_request_stay() {
    let mut world = World::with_cookies_only();
    world.pass(
        client(),
        server(),
        &get(Type::Confirmable, 1, TOKEN, "firmware"),
    );
    let passage = world.send(
        server(),
        client(),
        &content(Type::Acknowledgement, 1, TOKEN, 900),
    );
    let cookie = echo_of(&passage.injected[0].payload).unwrap();
    let put = message(Type::Confirmable, Code::PUT, 2, TOKEN, |builder| {
        builder
            .path(number::URI_PATH, "firmware")
            .uint(number::BLOCK1, 0x0d)
            .uint(number::SIZE1, 4000)
            .option(number::REQUEST_TAG, &[1, 2, 3, 4])
            .payload(&[7; 512]);
    });
    let passage = world.send(client(), server(), &with_echo(&put, &cookie));
    assert_eq!(passage.forwarded, Some(put));
}

#[test]
fn a_transfer_under_way_isn_t_interrupted_when_validation_ends() {
    let mut world = World::with_cookies_only();
    world.validate(client(), server());
    world.pause(Duration::from_secs(30 * 60 + 1));
    let block = |id: u16, num: u32| {
        message(Type::Confirmable, Code::GET, id, TOKEN, |builder| {
            builder
                .path(number::URI_PATH, "firmware")
                .uint(number::BLOCK2, num << 4 | 6);
        })
    };
    for num in 1..20u16 {
        world.pass(client(), server(), &block(num, u32::from(num)));
        world.pass(
            server(),
            client(),
            &content(Type::Acknowledgement, num, TOKEN, 1024),
        );
    }
    world.pass(client(), server(), &block(50, 0));
    let passage = world.send(
        server(),
        client(),
        &content(Type::Acknowledgement, 50, TOKEN, 1024),
    );
    assert_eq!(passage.outcome.verdict, Verdict::Challenge);
}

#[test]
fn refusals_and_resets_are_no_larger_than_what_they_answer() {
    let rules = r#"
        [[rule]]
        id = "no-writes"
        description = "nobody writes"
        match = { method = ["PUT", "POST"] }
        action = "refuse"

        [[rule]]
        id = "no-deletes"
        description = "nobody deletes"
        match = { method = "DELETE" }
        action = "reset"
    "#;
    let mut world = World::with(&[rules, &cookies_only()].concat(), Limits::default());
    let write = |message_type| {
        message(message_type, Code::PUT, 9, TOKEN, |builder| {
            builder.path(number::URI_PATH, "v").payload(b"1");
        })
    };
    for (asked, answered) in [
        (Type::Confirmable, Type::Acknowledgement),
        (Type::NonConfirmable, Type::NonConfirmable),
    ] {
        let passage = world.send(client(), server(), &write(asked));
        assert_eq!(passage.outcome.verdict, Verdict::Refuse);
        assert_eq!(passage.forwarded, None);
        let expected = message(answered, Code::FORBIDDEN, 9, TOKEN, |_| {});
        assert_eq!(passage.injected[0].payload, expected);
    }
    let delete = |message_type| message(message_type, Code::DELETE, 9, TOKEN, |_| {});
    let passage = world.send(client(), server(), &delete(Type::Confirmable));
    assert_eq!(passage.outcome.verdict, Verdict::Reset);
    assert_eq!(passage.injected[0].payload, empty(Type::Reset, 9));
    let passage = world.send(client(), server(), &delete(Type::NonConfirmable));
    assert_eq!((passage.forwarded, passage.injected), (None, vec![]));
}

/// A client that is refused in silence asks again and again, and never learns why.
#[test]
fn a_request_is_refused_whatever_was_spent() {
    let rules = r#"
        [[rule]]
        id = "no-writes"
        match = { method = "PUT" }
        action = "refuse"

        [[rule]]
        id = "no-deletes"
        match = { method = "DELETE" }
        action = "reset"
    "#;
    let mut world = World::with(rules, Limits::default());
    let request = get(Type::Confirmable, 1, TOKEN, "v");
    world.pass(client(), server(), &request);
    let response = content(Type::Acknowledgement, 1, TOKEN, 40 * request.len());
    world.pass(server(), client(), &response);
    for id in 2..9 {
        let write = message(Type::Confirmable, Code::PUT, id, TOKEN, |_| {});
        let passage = world.send(client(), server(), &write);
        let refusal = message(Type::Acknowledgement, Code::FORBIDDEN, id, TOKEN, |_| {});
        assert_eq!(passage.injected[0].payload, refusal);
        assert!(refusal.len() <= write.len());
        let delete = message(Type::Confirmable, Code::DELETE, id + 100, TOKEN, |_| {});
        let passage = world.send(client(), server(), &delete);
        assert_eq!(passage.injected[0].payload, empty(Type::Reset, id + 100));
    }
}

#[test]
fn a_rule_says_by_which_code_it_refuses() {
    for (refusal, code) in policy::REFUSALS {
        let rules = format!(
            r#"
            [[rule]]
            id = "no-deletes"
            description = "nobody deletes"
            match = {{ method = "DELETE" }}
            action = "refuse"
            refusal = "{refusal}"
            "#
        );
        let mut world = World::with(&rules, Limits::default());
        let delete = message(Type::Confirmable, Code::DELETE, 9, TOKEN, |_| {});
        let passage = world.send(client(), server(), &delete);
        let expected = message(Type::Acknowledgement, *code, 9, TOKEN, |_| {});
        assert_eq!(passage.injected[0].payload, expected);
        assert_eq!(world.log.replies, [Some(Injected::Refusal)]);
    }
}

#[test]
fn a_refused_response_becomes_a_5_03() {
    let rules = r#"
        [[rule]]
        id = "no-content"
        description = "nobody reads"
        match = { protocol = "coap", direction = "to_client", code = "2.05" }
        action = "refuse"
    "#;
    let mut world = World::with(rules, Limits::default());
    world.pass(client(), server(), &get(Type::Confirmable, 9, TOKEN, "x"));
    let passage = world.send(
        server(),
        client(),
        &content(Type::Acknowledgement, 9, TOKEN, 9),
    );
    let code = Code::SERVICE_UNAVAILABLE;
    let expected = message(Type::Acknowledgement, code, 9, TOKEN, |_| {});
    assert_eq!(passage.injected[0].payload, expected);
}

#[test]
fn a_monitor_forwards_everything_and_says_nothing_of_its_own() {
    let mut world = World::with_cookies_only();
    world
        .inspector
        .install(policy_of("mode = \"monitor\"", &cookies_only()));
    world.pass(
        client(),
        server(),
        &get(Type::Confirmable, 1, TOKEN, "firmware"),
    );
    let response = content(Type::Acknowledgement, 1, TOKEN, 900);
    for _ in 0..2 {
        let passage = world.send(server(), client(), &response);
        assert_eq!(passage.outcome.would, Some(Verdict::Challenge));
        assert_eq!(passage.forwarded.as_deref(), Some(&response[..]));
        assert_eq!(passage.injected, []);
        world.pass(
            client(),
            server(),
            &get(Type::Confirmable, 1, TOKEN, "firmware"),
        );
    }
}

/// What passes unheeded is not held against a client that has to prove its address afterwards.
#[test]
fn whoever_was_only_watched_is_challenged_once_the_rules_are_enforced() {
    let mut world = World::with_cookies_only();
    let watch = policy_of("mode = \"monitor\"", &cookies_only());
    world.inspector.install(watch);
    let request = get(Type::Confirmable, 1, TOKEN, "firmware");
    let response = content(Type::Acknowledgement, 1, TOKEN, 900);
    for _ in 0..10 {
        world.pass(client(), server(), &request);
        world.pass(server(), client(), &response);
    }
    world.inspector.install(policy_of("", &cookies_only()));
    let cookie = echo_of(&challenged(&mut world, &request, &response)).expect("a cookie");
    let again = get(Type::Confirmable, 2, TOKEN, "firmware");
    let passage = world.send(client(), server(), &with_echo(&again, &cookie));
    assert_eq!(passage.forwarded.as_deref(), Some(&again[..]));
    world.pass(
        server(),
        client(),
        &content(Type::Acknowledgement, 2, TOKEN, 900),
    );
    // Rules that hold nobody to another budget leave the books as they are.
    let spender = endpoint("192.0.2.9:40000");
    world.pass(spender, server(), &get(Type::Confirmable, 3, TOKEN, "time"));
    let more = format!(
        "{}\n[[rule]]\nid = \"x\"\nmatch = {{ method = \"PUT\" }}\naction = \"drop\"\n",
        cookies_only()
    );
    world.inspector.install(policy_of("", &more));
    let small = content(Type::Acknowledgement, 3, TOKEN, 8);
    assert!(
        world.send(server(), spender, &small).forwarded.is_some(),
        "its request still counts"
    );
}

#[test]
fn events_tell_what_was_sent_and_nothing_else() {
    let mut world = World::with_cookies_only();
    let request = get(Type::Confirmable, 1, &[], "");
    world.pass(client(), server(), &request);
    let response = content(Type::Acknowledgement, 1, &[], 140);
    // The second finds the budget spent.
    for said in [Some(Injected::Echo), None] {
        world.log.replies.clear();
        let passage = world.send(server(), client(), &response);
        assert_eq!(passage.outcome.verdict, Verdict::Challenge);
        assert_eq!(passage.injected.len(), usize::from(said.is_some()));
        assert_eq!(world.log.replies, [said]);
    }
    let mut world = World::new();
    let request = get(Type::Confirmable, 1, TOKEN, ".well-known/core");
    world.pass(client(), server(), &request);
    world.send(
        server(),
        client(),
        &content(Type::Acknowledgement, 1, TOKEN, 600),
    );
    assert_eq!(world.log.replies, [Some(Injected::Portion)]);
}

/// Tokens of more than eight bytes (RFC 8974), where a rule allows them, are answered as they are.
#[test]
fn a_long_token_is_challenged_like_any_other() {
    let rules = r#"
[[rule]]
id     = "long"
match  = { reason = "coap.anomaly.extended-token", direction = "to_server" }
action = "accept"

[[rule]]
id     = "amplification"
match  = { protocol = "coap", direction = "to_client", address_validated = false }
limit  = { ratio = 3.0, of = "udp_payload_bytes", per = "client", window = "60s" }
action = "challenge"
"#;
    let mut world = World::with(rules, Limits::default());
    let token = [0xa5; 20];
    let request = get(Type::Confirmable, 1, &token, "firmware/of/this/device");
    world.pass(client(), server(), &request);
    let response = content(Type::Acknowledgement, 1, &token, 900);
    let passage = world.send(server(), client(), &response);
    assert_eq!(passage.outcome.verdict, Verdict::Challenge);
    let challenge = Message::decode(&passage.injected[0].payload).expect("a message");
    assert_eq!(challenge.token(), token);
}
