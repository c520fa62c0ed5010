//! What exchanges and transfers hold against a message that reads well by itself.

use std::time::Duration;

use inspect::Verdict;
use policy::Reason;
use wire::coap::{Code, Type, number};

use crate::world::{World, client, content, endpoint, get, message, notification, observe, server};

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

#[test]
fn blocks_of_two_uploads_are_told_apart_by_their_tags() {
    let mut world = World::new();
    let (more, last) = (0x0a, 0x02);
    for tag in [b"a", b"b"] {
        world.pass(client(), server(), &upload(more, tag, 64));
    }
    world.pass(client(), server(), &upload(0x10 | more, b"a", 64));
    let skipping = upload(0x20 | last, b"b", 3);
    world.block(client(), server(), &skipping, Reason::COAP_BLOCK_GAP);
    world.pass(client(), server(), &upload(0x10 | more, b"b", 64));
    world.pass(client(), server(), &skipping);
}

#[test]
fn an_upload_that_began_unseen_may_go_on() {
    let mut world = World::new();
    world.inspector.lose_sight(world.now);
    world.pass(client(), server(), &upload(0x5a, b"a", 64));
    world.pause(Duration::from_secs(300));
    let block = upload(0x7a, b"a", 64);
    world.block(client(), server(), &block, Reason::COAP_BLOCK_GAP);
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
    let further = block_of(12, &[2], b"v1", 0x20);
    let said = passes_with(&mut world, true, &further);
    assert_eq!(said, [Some(Reason::COAP_BLOCK_UNASKED)]);
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
