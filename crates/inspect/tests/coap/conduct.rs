//! What exchanges and transfers hold against a message that reads well by itself.

use std::net::SocketAddr;
use std::time::Duration;

use inspect::Verdict;
use policy::Reason;
use wire::coap::{Code, Message, Type, number};

use crate::world::{
    World, client, content, empty, endpoint, get, message, notification, observe, server,
};

const TOKEN: &[u8] = &[0xa1, 0xa2];

/// A block of an upload, its number and size exponent given, with a token of its own.
fn upload(block: u32, tag: &[u8], len: usize) -> Vec<u8> {
    let token = block.to_be_bytes();
    let id = (block >> 4) as u16;
    message(Type::Confirmable, Code::PUT, id, &token, |builder| {
        builder
            .path(number::URI_PATH, "firmware")
            .uint(number::BLOCK1, block)
            .option(number::REQUEST_TAG, tag)
            .payload(&vec![7; len]);
    })
}

/// A block of a download.
fn block_of(id: u16, token: &[u8], etag: &[u8], block: u32) -> Vec<u8> {
    message(Type::Acknowledgement, Code::CONTENT, id, token, |builder| {
        builder
            .option(number::ETAG, etag)
            .uint(number::BLOCK2, block)
            .payload(&[7; 16]);
    })
}

fn ask_for(id: u16, token: &[u8], block: u32) -> Vec<u8> {
    message(Type::Confirmable, Code::GET, id, token, |builder| {
        builder
            .path(number::URI_PATH, "log")
            .uint(number::BLOCK2, block);
    })
}

/// Sends what passes, and returns what is said about it.
#[track_caller]
fn passes_with(world: &mut World, from_server: bool, datagram: &[u8]) -> Vec<Option<Reason>> {
    let told = world.log.events.len();
    match from_server {
        true => world.pass(server(), client(), datagram),
        false => world.pass(client(), server(), datagram),
    }
    let new = &world.log.events[told..];
    assert!(new.iter().all(|(_, verdict)| *verdict == Verdict::Accept));
    new.iter().map(|(reason, _)| *reason).collect()
}

/// Sends a block after a hole: its client is told that some are missing (RFC 7959 §2.9.2).
#[track_caller]
fn begins_anew(world: &mut World, block: &[u8]) {
    let passage = world.send(client(), server(), block);
    assert_eq!(passage.outcome.reason, Some(Reason::COAP_BLOCK_GAP));
    assert_eq!(passage.forwarded, None);
    let refusal = Message::decode(&passage.injected[0].payload).expect("a message");
    let request = Message::decode(block).expect("a message");
    assert_eq!(refusal.code(), Code::REQUEST_ENTITY_INCOMPLETE);
    assert_eq!(refusal.token(), request.token());
    assert_eq!(refusal.message_id(), request.message_id());
}

/// The right one may be among them: it looks like the server's own.
#[test]
fn who_guesses_tokens_is_told_of() {
    let mut world = World::new();
    let request = get(Type::Confirmable, 1, &[0x61, 0x62], "sensors/temperature");
    world.pass(client(), server(), &request);
    world.promise(server(), client(), 1);
    let guess = |world: &mut World, whom, token: u16| {
        let forged = content(Type::NonConfirmable, 100 + token, &[0x61, token as u8], 4);
        let before = world.log.events.len();
        world.block(
            server(),
            whom,
            &forged,
            Reason::COAP_SPOOFED_UNMATCHED_RESPONSE,
        );
        world.log.events.len() - before
    };
    for token in 0..10 {
        assert_eq!(guess(&mut world, client(), token), 1, "it is dropped");
    }
    assert_eq!(guess(&mut world, client(), 10), 2, "and there is an alert");
    assert_eq!(guess(&mut world, endpoint("192.0.2.77:4444"), 11), 1);
    let right = content(Type::NonConfirmable, 200, &[0x61, 0x62], 4);
    world.pass_promised(server(), client(), &right, 1);
}

#[test]
fn blocks_of_two_uploads_are_told_apart_by_their_tags() {
    let mut world = World::new();
    let (more, last) = (0x0a, 0x02);
    for tag in [b"a", b"b"] {
        world.pass(client(), server(), &upload(more, tag, 64));
    }
    world.pass(client(), server(), &upload(0x10 | more, b"a", 64));
    let skipping = upload(0x20 | last, b"b", 3);
    begins_anew(&mut world, &skipping);
    world.pass(client(), server(), &upload(0x10 | more, b"b", 64));
    world.pass(client(), server(), &skipping);
}

#[test]
fn an_upload_that_began_unseen_may_go_on() {
    let mut world = World::new();
    world.inspector.lose_sight(world.now);
    world.pass(client(), server(), &upload(0x5a, b"a", 64));
    world.pause(Duration::from_secs(300));
    begins_anew(&mut world, &upload(0x7a, b"a", 64));
}

#[test]
fn a_download_is_of_one_body_and_in_the_order_asked() {
    let mut world = World::new();
    world.validate(client(), server());
    world.log.events.clear();
    assert_eq!(passes_with(&mut world, false, &ask_for(11, &[1], 0)), []);
    let first = block_of(11, &[1], b"v1", 0x08);
    assert_eq!(passes_with(&mut world, true, &first), []);
    assert_eq!(passes_with(&mut world, false, &ask_for(12, &[2], 0x10)), []);
    let other_body = block_of(12, &[2], b"v2", 0x10);
    let said = passes_with(&mut world, true, &other_body);
    assert_eq!(said, [Some(Reason::COAP_BLOCK_MIXED_BODIES)]);
    assert_eq!(passes_with(&mut world, false, &ask_for(12, &[2], 0x10)), []);
    let further = block_of(12, &[2], b"v1", 0x20);
    let said = passes_with(&mut world, true, &further);
    assert_eq!(said, [Some(Reason::COAP_BLOCK_UNASKED)]);
    assert_eq!(passes_with(&mut world, false, &ask_for(12, &[2], 0x10)), []);
    let right = block_of(12, &[2], b"v1", 0x10);
    assert_eq!(passes_with(&mut world, true, &right), []);
}

#[test]
fn a_response_comes_from_whom_it_was_asked_of() {
    let mut world = World::new();
    world.pass(
        client(),
        server(),
        &get(Type::Confirmable, 1, TOKEN, "a/b/c/d"),
    );
    let response = content(Type::NonConfirmable, 5, TOKEN, 4);
    let stranger = endpoint("10.0.0.3:5683");
    let reason = Reason::COAP_SPOOFED_OTHER_ENDPOINT;
    world.block(stranger, client(), &response, reason);
    world.pass(server(), client(), &response);
}

#[test]
fn notifications_belong_to_a_registration_and_come_in_order() {
    let mut world = World::new();
    world.validate(client(), server());
    world.log.events.clear();
    let unregistered = notification(Type::NonConfirmable, 9, &[0x7a], 1);
    let reason = Reason::COAP_SPOOFED_UNREGISTERED_NOTIFICATION;
    world.block(server(), client(), &unregistered, reason);

    world.pass(client(), server(), &observe(1, TOKEN, 0, "sensors/7"));
    for (id, sequence, expected) in [
        (20, 5, None),
        (21, 6, None),
        (22, 4, Some(Reason::COAP_OBSERVE_STALE)),
        (23, 7, None),
        // Sent again, as it was.
        (21, 6, None),
    ] {
        let datagram = notification(Type::Confirmable, id, TOKEN, sequence);
        let said = passes_with(&mut world, true, &datagram);
        assert_eq!(said, Vec::from_iter(expected.map(Some)), "{sequence}");
    }
    world.pass(
        client(),
        server(),
        &get(Type::Confirmable, 2, &[3], "sensors/8"),
    );
    let unasked = notification(Type::NonConfirmable, 24, &[3], 1);
    let said = passes_with(&mut world, true, &unasked);
    assert_eq!(said, [Some(Reason::COAP_OBSERVE_UNASKED)]);
}

#[test]
fn a_message_id_stands_for_one_message() {
    let mut world = World::new();
    let request = get(Type::Confirmable, 7, TOKEN, "sensors/7");
    assert_eq!(passes_with(&mut world, false, &request), []);
    assert_eq!(passes_with(&mut world, false, &request), []);
    let other = get(Type::Confirmable, 7, TOKEN, "sensors/8");
    let said = passes_with(&mut world, false, &other);
    assert_eq!(said, [Some(Reason::COAP_EXCHANGE_MESSAGE_ID_REUSED)]);
    // Kept back and sent once more, when its sender has long given it up.
    world.pause(Duration::from_secs(100));
    assert_eq!(passes_with(&mut world, false, &other), []);
    world.pause(Duration::from_secs(100));
    let said = passes_with(&mut world, false, &other);
    assert_eq!(said, [Some(Reason::COAP_EXCHANGE_LATE_DUPLICATE)]);
}

#[test]
fn a_rule_may_stop_what_comes_in_the_place_of_another_message() {
    let rule = r#"
        [[rule]]
        id     = "actuators-take-no-replays"
        match  = { reason = "coap.exchange.*" }
        action = "drop"
    "#;
    let mut world = World::with(rule, inspect::Limits::default());
    world.pass(client(), server(), &get(Type::Confirmable, 7, TOKEN, "a"));
    let other = get(Type::Confirmable, 7, TOKEN, "b");
    let reason = Reason::COAP_EXCHANGE_MESSAGE_ID_REUSED;
    world.block(client(), server(), &other, reason);
}

#[test]
fn groups_are_asked_without_confirmation() {
    let mut world = World::new();
    let group = endpoint("224.0.1.187:5683");
    let confirmable = get(Type::Confirmable, 1, TOKEN, "lights");
    world.block(
        client(),
        group,
        &confirmable,
        Reason::COAP_MULTICAST_CONFIRMABLE,
    );
    let registration = message(Type::NonConfirmable, Code::GET, 2, TOKEN, |builder| {
        builder
            .uint(number::OBSERVE, 0)
            .path(number::URI_PATH, "lights");
    });
    world.block(
        client(),
        group,
        &registration,
        Reason::COAP_MULTICAST_OBSERVE,
    );
    world.pass(
        client(),
        group,
        &get(Type::NonConfirmable, 3, TOKEN, "lights"),
    );
    for member in ["10.0.0.2:5683", "10.0.0.3:5683"] {
        let response = content(Type::NonConfirmable, 5, TOKEN, 4);
        world.pass(endpoint(member), client(), &response);
    }
}

/// Has a client observe something, up to its first notification.
fn observed() -> World {
    let mut world = World::new();
    world.validate(client(), server());
    world.pass(client(), server(), &observe(10, TOKEN, 0, "temperature"));
    let granted = notification(Type::Acknowledgement, 10, TOKEN, 1);
    world.pass(server(), client(), &granted);
    world
}

/// Whatever ends an observation at its server: what was under way comes yet, and nothing else.
#[test]
fn after_an_observation_only_what_was_under_way_comes() {
    let ends: [fn(&mut World); 3] = [
        |world| {
            world.pass(client(), server(), &observe(11, TOKEN, 1, "temperature"));
            let answer = content(Type::Acknowledgement, 11, TOKEN, 4);
            world.pass(server(), client(), &answer);
        },
        |world| {
            let gone = message(Type::Confirmable, Code::NOT_FOUND, 500, TOKEN, |_| {});
            world.pass(server(), client(), &gone);
        },
        |world| {
            // It isn't granted at all.
            world.pass(client(), server(), &observe(12, &[9], 0, "temperature"));
            let answer = content(Type::Acknowledgement, 12, &[9], 4);
            world.pass(server(), client(), &answer);
        },
    ];
    for (way, end) in ends.iter().enumerate() {
        let mut world = observed();
        end(&mut world);
        let token = if way == 2 { &[9][..] } else { TOKEN };
        world.pause(Duration::from_secs(93));
        let under_way = notification(Type::Confirmable, 600, token, 3);
        world.pass(server(), client(), &under_way);
        world.pause(Duration::from_secs(2));
        world.pass(server(), client(), &under_way);
        let forged = notification(Type::NonConfirmable, 601, token, 4);
        let reason = Reason::COAP_SPOOFED_UNREGISTERED_NOTIFICATION;
        world.block(server(), client(), &forged, reason);
    }
}

/// A rejection may get lost, and isn't said again before the next notification, whenever that comes.
#[test]
fn who_rejects_notifications_may_have_to_say_so_again() {
    let mut world = observed();
    for id in 500..503 {
        let next = notification(Type::NonConfirmable, id, TOKEN, u32::from(id));
        world.pass(server(), client(), &next);
        world.pass(client(), server(), &empty(Type::Reset, id));
        assert_eq!(world.inspector.gauges().observations, 0);
        world.pause(Duration::from_secs(200));
    }
    world.pass(client(), server(), &observe(11, TOKEN, 0, "temperature"));
    let granted = notification(Type::Acknowledgement, 11, TOKEN, 600);
    world.pass(server(), client(), &granted);
    assert_eq!(world.inspector.gauges().observations, 1);
}

/// A deregistration may get lost, and so may its answer: notifications go on.
#[test]
fn an_observation_goes_on_until_its_end_is_answered() {
    let mut world = observed();
    world.pass(client(), server(), &observe(11, TOKEN, 1, "temperature"));
    world.pause(Duration::from_secs(1000));
    let next = notification(Type::NonConfirmable, 600, TOKEN, 3);
    world.pass(server(), client(), &next);
}

#[test]
fn a_request_has_one_response() {
    let second = Reason::COAP_SPOOFED_SECOND_RESPONSE;
    let mut world = World::new();
    let request = get(Type::Confirmable, 7, TOKEN, "sensors/7/temperature");
    let answer = |payload: &[u8]| {
        message(Type::Acknowledgement, Code::CONTENT, 7, TOKEN, |builder| {
            builder.payload(payload);
        })
    };
    world.pass(client(), server(), &request);
    world.pass(server(), client(), &answer(b"1"));
    world.pass(server(), client(), &answer(b"1"));
    world.block(server(), client(), &answer(b"2"), second);
    let separate = content(Type::NonConfirmable, 900, TOKEN, 1);
    world.block(server(), client(), &separate, second);
    let failure = message(Type::Confirmable, Code::NOT_FOUND, 901, TOKEN, |_| {});
    world.block(server(), client(), &failure, second);
    // Who repeats a request may be answered anew, by a server that remembers nothing of it.
    world.pass(client(), server(), &request);
    world.pass(server(), client(), &answer(b"3"));
    world.pass(server(), client(), &answer(b"1"));
    world.block(server(), client(), &answer(b"4"), second);
}

#[test]
fn a_separate_response_may_come_again_as_it_was() {
    let mut world = World::new();
    let request = get(Type::Confirmable, 7, TOKEN, "sensors/7/temperature");
    world.pass(client(), server(), &request);
    world.promise(server(), client(), 7);
    let response = content(Type::Confirmable, 900, TOKEN, 1);
    world.pass_promised(server(), client(), &response, 7);
    for _ in 0..2 {
        world.pass(server(), client(), &response);
    }
    let other = content(Type::Confirmable, 901, TOKEN, 2);
    let second = Reason::COAP_SPOOFED_SECOND_RESPONSE;
    world.block(server(), client(), &other, second);
}

/// Q-Block, and proxies that ask groups.
#[test]
fn some_requests_draw_several_responses() {
    let options = [
        (number::Q_BLOCK2, &[0x0e][..]),
        (number::PROXY_URI, b"coap://224.0.1.187/lights"),
    ];
    for (option, value) in options {
        let mut world = World::new();
        let request = message(Type::NonConfirmable, Code::GET, 7, TOKEN, |builder| {
            builder.option(option, value).payload(&[]);
        });
        world.validate(client(), server());
        world.pass(client(), server(), &request);
        for id in 900..910 {
            let part = content(Type::NonConfirmable, id, TOKEN, 1);
            world.pass(server(), client(), &part);
        }
    }
}

#[test]
fn what_may_have_been_asked_for_unseen_is_no_second_response() {
    let mut world = World::new();
    let request = get(Type::Confirmable, 7, TOKEN, "sensors/7/temperature");
    world.pass(client(), server(), &request);
    world.pass(
        server(),
        client(),
        &content(Type::Acknowledgement, 7, TOKEN, 1),
    );
    world.inspector.lose_sight(world.now);
    world.pass(
        server(),
        client(),
        &content(Type::Acknowledgement, 7, TOKEN, 2),
    );
}

/// As small servers do, which acknowledge whatever comes: it is told, and passes.
#[test]
fn what_is_not_to_be_acknowledged_may_be_all_the_same() {
    let told = [Some(Reason::COAP_EXCHANGE_NON_ACKNOWLEDGED)];
    let mut world = World::new();
    let request = get(Type::NonConfirmable, 7, TOKEN, "sensors/7/temperature");
    world.pass(client(), server(), &request);
    let ack = empty(Type::Acknowledgement, 7);
    assert_eq!(passes_with(&mut world, true, &ack), told);
    let answer = content(Type::Acknowledgement, 7, TOKEN, 1);
    assert_eq!(passes_with(&mut world, true, &answer), told);
}

#[test]
fn nobody_is_asked_to_go_on_who_uploads_nothing() {
    let go_on = |id| message(Type::Acknowledgement, Code::CONTINUE, id, TOKEN, |_| {});
    let mut world = World::new();
    world.pass(client(), server(), &get(Type::Confirmable, 7, TOKEN, "a/b"));
    let reason = Reason::COAP_BLOCK_CONTINUE;
    world.block(server(), client(), &go_on(7), reason);
    for option in [number::BLOCK1, number::Q_BLOCK1] {
        let put = message(Type::Confirmable, Code::PUT, 8, TOKEN, |builder| {
            builder.uint(option, 0x08).payload(&[7; 16]);
        });
        world.pass(client(), server(), &put);
        world.pass(server(), client(), &go_on(8));
    }
}

#[test]
fn nobody_asks_himself() {
    let mut world = World::new();
    let request = get(Type::Confirmable, 7, TOKEN, "a");
    let reason = Reason::COAP_SPOOFED_OWN_ADDRESS;
    world.block(server(), server(), &request, reason);
    let peer = endpoint("10.0.0.3:5683");
    world.pass(server(), peer, &request);
}

/// A client waits for an answer while others ask for more than there is room to remember.
fn waits_in_a_flood(flooders: impl Fn(u16) -> SocketAddr) -> World {
    let limits = inspect::Limits {
        exchanges: 256,
        ..inspect::Limits::default()
    };
    let mut world = World::with(crate::world::BASELINE, limits);
    let request = get(Type::Confirmable, 7, TOKEN, "sensors/7/temperature");
    world.pass(client(), server(), &request);
    world.promise(server(), client(), 7);
    for id in 0..3000u16 {
        let (flooder, token) = (flooders(id), id.to_be_bytes());
        let asked = get(Type::NonConfirmable, id, &token, "");
        world.pass(flooder, server(), &asked);
        let answer = content(Type::NonConfirmable, id, &token, 1);
        world.pass(server(), flooder, &answer);
    }
    world
}

/// However much one address asks for, and from whichever ports.
#[test]
fn one_address_makes_nobody_else_s_exchange_forgotten() {
    let mut world = waits_in_a_flood(|id| SocketAddr::from(([198, 51, 100, 9], 1 + id)));
    let response = content(Type::Confirmable, 77, TOKEN, 1);
    world.pass_promised(server(), client(), &response, 7);
    world.pass(client(), server(), &empty(Type::Acknowledgement, 77));
    assert_eq!(world.log.events, []);
}

/// The answer to an earlier request is no forgery.
#[test]
fn a_response_to_what_had_to_be_forgotten_is_told_as_such() {
    let address = |id: u16| [198, 18, (id >> 8) as u8, id as u8];
    let mut world = waits_in_a_flood(|id| SocketAddr::from((address(id), 9)));
    let told = [Some(Reason::COAP_EXCHANGE_FORGOTTEN)];
    let response = content(Type::Confirmable, 77, TOKEN, 1);
    assert_eq!(passes_with(&mut world, true, &response), told);
    let reason = Reason::COAP_SPOOFED_UNMATCHED_RESPONSE;
    let forged = content(Type::Confirmable, 78, &[0xa1, 0xa3], 1);
    world.block(server(), client(), &forged, reason);
}

/// A ping is to be reset; node-coap acknowledges it by a 4.04, which is no response to anything else.
#[test]
fn a_ping_may_be_answered_by_a_failure() {
    let not_found = |id| message(Type::Acknowledgement, Code::NOT_FOUND, id, &[], |_| {});
    for is_proven in [false, true] {
        let mut world = World::new();
        world.pause(Duration::from_secs(120));
        if is_proven {
            world.validate(client(), server());
        }
        world.pass(client(), server(), &empty(Type::Confirmable, 70));
        world.pass(server(), client(), &not_found(70));
        world.pass(client(), server(), &empty(Type::Confirmable, 80));
        world.pass(server(), client(), &empty(Type::Acknowledgement, 80));
        let reason = Reason::COAP_SPOOFED_UNMATCHED_RESPONSE;
        world.block(server(), client(), &not_found(71), reason);
    }
}
