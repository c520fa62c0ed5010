//! What a server asks of those who have asked it something: a resource directory that reads from a
//! victim's address (RFC 9176 §5.1), and a server that writes to a device that has just registered.

use std::net::SocketAddr;
use std::time::Duration;

use policy::{Reason, Verdict};
use wire::coap::{Code, Type, number};

use crate::world::{Passage, World, client, content, empty, endpoint, get, message, server};

/// Tokens that nobody guesses.
const DEVICE_S: &[u8] = &[1; 4];
const SERVER_S: &[u8] = &[2; 8];

/// What a device says of itself (RFC 9176 §5, LwM2M 1.2 §6.4.3).
fn registration(id: u16) -> Vec<u8> {
    message(Type::Confirmable, Code::POST, id, DEVICE_S, |builder| {
        builder
            .path(number::URI_PATH, "rd")
            .option(number::URI_QUERY, b"ep=meter-7")
            .option(number::URI_QUERY, b"lt=300")
            .payload(b"</3/0>,</5/0>");
    })
}

/// A block of a firmware image for a device.
fn block(id: u16, index: u32) -> Vec<u8> {
    message(Type::Confirmable, Code::PUT, id, SERVER_S, |builder| {
        builder
            .path(number::URI_PATH, "5/0/0")
            .uint(number::BLOCK1, index << 4 | 0x0e)
            .payload(&[b'f'; 1024]);
    })
}

fn discovery(id: u16) -> Vec<u8> {
    get(Type::Confirmable, id, SERVER_S, ".well-known/core")
}

fn changed(code: Code, id: u16, token: &[u8]) -> Vec<u8> {
    message(Type::Acknowledgement, code, id, token, |_| {})
}

/// A device registers and hears that it is welcome.
fn register(world: &mut World, device: SocketAddr) {
    world.pass(device, server(), &registration(1));
    let created = changed(Code::CREATED, 1, DEVICE_S);
    world.pass(server(), device, &created);
}

#[track_caller]
fn assert_held(passage: &Passage) {
    assert_eq!(passage.forwarded, None, "{passage:?}");
    assert_eq!(passage.outcome.verdict, Verdict::Challenge);
    let reason = Some(Reason::COAP_AMPLIFICATION_RATIO);
    assert_eq!(passage.outcome.reason, reason);
}

#[test]
fn a_directory_that_asks_back_stays_within_the_budget_and_what_is_held_is_told() {
    let mut world = World::new();
    let (victim, mut arrived) = (client(), 0);
    let register = get(Type::NonConfirmable, 1, &[], ".well-known/rd");
    world.pass(victim, server(), &register);
    let mut held = 0;
    for again in 0..5 {
        let passage = world.send(server(), victim, &discovery(9));
        arrived += passage.forwarded.as_ref().map_or(0, Vec::len);
        arrived += passage
            .injected
            .iter()
            .map(|own| own.payload.len())
            .sum::<usize>();
        held += usize::from(passage.forwarded.is_none());
        world.pause(Duration::from_secs(2 << again));
    }
    assert!(
        arrived > 0 && arrived <= 3 * register.len(),
        "{arrived} bytes"
    );
    let reason = Some(Reason::COAP_AMPLIFICATION_RATIO);
    let told = world.log.events.iter().filter(|event| event.0 == reason);
    assert!(held > 0 && told.count() == held, "{held} held");
}

#[test]
fn what_a_directory_asks_counts_together_with_what_it_answers() {
    let mut world = World::new();
    let register = registration(1);
    world.pass(client(), server(), &register);
    let payload_len = 2 * register.len();
    let answer = content(Type::Acknowledgement, 1, DEVICE_S, payload_len);
    world.pass(server(), client(), &answer);
    for id in 0..4 {
        let room = 3 * register.len() - answer.len();
        let passage = world.send(server(), client(), &discovery(id));
        let is_within = discovery(id).len() * (usize::from(id) + 1) <= room;
        assert_eq!(passage.forwarded.is_some(), is_within, "{passage:?}");
    }
}

#[test]
fn whoever_asked_a_group_may_be_asked_by_its_members() {
    let mut world = World::new();
    let group = endpoint("224.0.1.187:5683");
    let request = get(Type::NonConfirmable, 1, &[], "rd");
    world.pass(client(), group, &request);
    let passage = world.send(server(), client(), &discovery(9));
    assert_held(&passage);
}

#[test]
fn a_server_writes_large_blocks_at_once_to_a_device_that_has_just_registered() {
    let mut world = World::new();
    register(&mut world, client());
    let passage = world.send(server(), client(), &block(10, 0));
    assert_held(&passage);
    let [ping] = &passage.injected[..] else {
        panic!("a ping: {passage:?}");
    };
    assert_eq!((ping.from, ping.to), (server(), client()));
    let id = u16::from_be_bytes([ping.payload[2], ping.payload[3]]);
    assert_eq!(ping.payload, empty(Type::Confirmable, id));
    // The server hears nothing of it, and sends its block again (RFC 7252 §4.2).
    let reset = world.send(client(), server(), &empty(Type::Reset, id));
    assert_eq!(reset.forwarded, None);
    world.pause(Duration::from_secs(2));
    world.pass(server(), client(), &block(10, 0));
    world.pass(client(), server(), &changed(Code::CONTINUE, 10, SERVER_S));
    for index in 1..64 {
        let id = 10 + index as u16;
        world.pass(server(), client(), &block(id, index));
        world.pass(client(), server(), &changed(Code::CONTINUE, id, SERVER_S));
    }
}

#[test]
fn a_device_that_answers_the_first_request_is_written_to_without_more() {
    for device in [client(), endpoint("192.0.2.1:5683")] {
        let mut world = World::new();
        register(&mut world, device);
        world.pass(
            server(),
            device,
            &get(Type::Confirmable, 10, SERVER_S, "3/0/0"),
        );
        let answer = content(Type::Acknowledgement, 10, SERVER_S, 16);
        world.pass(device, server(), &answer);
        for index in 0..64 {
            let id = 20 + index as u16;
            world.pass(server(), device, &block(id, index));
            world.pass(device, server(), &changed(Code::CONTINUE, id, SERVER_S));
        }
        // It is the server's requests that it is spared for, not what it asks for itself.
        let request = get(Type::NonConfirmable, 90, DEVICE_S, "firmware");
        world.pass(device, server(), &request);
        let large = content(Type::NonConfirmable, 91, DEVICE_S, 2100);
        assert_eq!(world.send(server(), device, &large).forwarded, None);
    }
}

#[test]
fn an_answer_that_anybody_could_give_spares_nobody() {
    let not_found = changed(Code::NOT_FOUND, 10, SERVER_S);
    let guessed = content(Type::NonConfirmable, 70, &[7; 3], 1);
    let discovered = content(Type::Acknowledgement, 10, SERVER_S, 1);
    for (path, token, answer) in [
        ("3", SERVER_S, not_found),
        ("3", &[7; 3], guessed),
        (".well-known/core", SERVER_S, discovered),
    ] {
        let mut world = World::new();
        register(&mut world, client());
        world.pass(server(), client(), &get(Type::Confirmable, 10, token, path));
        world.pass(client(), server(), &answer);
        assert_held(&world.send(server(), client(), &block(11, 0)));
    }
}

#[test]
fn an_endpoint_at_a_service_s_port_is_not_pinged() {
    let mut world = World::new();
    let victim = endpoint("192.0.2.66:5683");
    register(&mut world, victim);
    let passage = world.send(server(), victim, &block(10, 0));
    assert_held(&passage);
    assert_eq!(passage.injected, []);
}

#[test]
fn whoever_guesses_the_ping_s_message_id_has_one_guess() {
    let mut world = World::new();
    register(&mut world, client());
    let passage = world.send(server(), client(), &block(10, 0));
    let ping = &passage.injected[0].payload;
    let id = u16::from_be_bytes([ping[2], ping[3]]);
    world.send(client(), server(), &empty(Type::Reset, id ^ 1));
    world.send(client(), server(), &empty(Type::Reset, id));
    assert_held(&world.send(server(), client(), &block(10, 0)));
}

#[test]
fn an_address_that_asked_nothing_lately_is_asked_by_the_server_s_own_will() {
    let mut world = World::new();
    world.pass(server(), client(), &block(10, 0));
    // Another server's business.
    register(&mut world, client());
    let other = endpoint("10.0.0.3:5683");
    world.pass(other, client(), &block(10, 0));
    world.pause(Duration::from_secs(62));
    world.pass(server(), client(), &block(11, 1));
}

#[test]
fn a_validated_device_is_asked_anything() {
    let mut world = World::new();
    world.validate(client(), server());
    register(&mut world, client());
    world.pass(server(), client(), &block(10, 0));
}

/// Nobody sends a NON again: the latest goes out once the device has answered the ping.
#[test]
fn a_large_non_waits_for_the_answer_to_the_ping() {
    let mut world = World::new();
    register(&mut world, client());
    let write = |id, index| {
        let mut write = block(id, index);
        write[0] |= 0x10;
        write
    };
    let ids = [10, 11].map(|id| {
        let passage = world.send(server(), client(), &write(id, 0));
        assert_held(&passage);
        let [ping] = &passage.injected[..] else {
            panic!("a ping: {passage:?}");
        };
        u16::from_be_bytes([ping.payload[2], ping.payload[3]])
    });
    assert_eq!(ids[0], ids[1], "it has one chance");
    for expected in [vec![write(11, 0)], vec![]] {
        let reset = world.send(client(), server(), &empty(Type::Reset, ids[0]));
        let released = reset.injected.into_iter().map(|sent| {
            assert_eq!((sent.from, sent.to), (server(), client()));
            sent.payload
        });
        assert_eq!(released.collect::<Vec<_>>(), expected);
    }
    // The device answers what it was written, and the way is free.
    let mut answer = changed(Code::CONTINUE, 70, SERVER_S);
    answer[0] = answer[0] & 0xcf | 0x10;
    world.pass(client(), server(), &answer);
    world.pass(server(), client(), &write(12, 1));
}
