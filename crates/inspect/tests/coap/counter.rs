//! What a server asks of those who have asked it something: a resource directory that reads from a
//! victim's address (RFC 9176 §5.1), and a server that writes to a device that has just registered.

use std::net::SocketAddr;
use std::time::Duration;

use inspect::Limits;
use policy::{Reason, Verdict};
use wire::coap::{Code, Type, number};

use crate::world::{
    BASELINE, Passage, World, client, content, empty, endpoint, get, message, server,
};

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

/// A device proves its address by what it hears of the server: acknowledges that, and resets what it didn't ask for.
fn prove(world: &mut World, device: SocketAddr, answer: &Passage) {
    let [probe] = &answer.injected[..] else {
        panic!("in a message of the gateway's: {answer:?}");
    };
    assert_eq!((probe.from, probe.to), (server(), device));
    let id = |sent: &[u8]| u16::from_be_bytes([sent[2], sent[3]]);
    let ack = empty(Type::Acknowledgement, id(&probe.payload));
    let decoy = world.send(device, server(), &ack).injected.remove(0);
    world.send(device, server(), &empty(Type::Reset, id(&decoy.payload)));
}

/// What a server can't ask back of the first device that registers, it can of that by what it asks next, and of others as they
/// have registered.
#[test]
fn a_server_that_asks_back_writes_large_blocks_to_devices_that_have_proved_their_address() {
    let mut world = World::new();
    register(&mut world, client());
    let passage = world.send(server(), client(), &block(10, 0));
    assert_held(&passage);
    assert_eq!(passage.injected, []);
    let update = |world: &mut World, device, id| {
        world.pass(device, server(), &registration(id));
        let created = changed(Code::CREATED, id, DEVICE_S);
        let answer = world.send(server(), device, &created);
        assert_eq!(answer.outcome.verdict, Verdict::Challenge);
        prove(world, device, &answer);
    };
    update(&mut world, client(), 2);
    world.pause(Duration::from_secs(2));
    world.pass(server(), client(), &block(10, 0));
    world.pass(client(), server(), &changed(Code::CONTINUE, 10, SERVER_S));
    let another = endpoint("192.0.2.2:40000");
    update(&mut world, another, 1);
    for index in 0..64 {
        let id = 10 + index as u16;
        world.pass(server(), another, &block(id, index));
        world.pass(another, server(), &changed(Code::CONTINUE, id, SERVER_S));
    }
}

/// Whoever resets or acknowledges what he never asked for is asked no more back than three bytes for one.
#[test]
fn a_victim_that_replies_to_everything_is_asked_back_within_the_budget() {
    for reply in [Type::Reset, Type::Acknowledgement] {
        let mut world = World::new();
        let (mut spent, mut arrived) = (0, 0);
        for id in 0..40 {
            let register = registration(id);
            spent += register.len();
            world.send(client(), server(), &register);
            let created = changed(Code::CREATED, id, DEVICE_S);
            let mut sent = vec![world.send(server(), client(), &created)];
            sent.push(world.send(server(), client(), &block(100 + id, 0)));
            sent.push(world.send(server(), client(), &discovery(200 + id)));
            while let Some(passage) = sent.pop() {
                let to_victim = passage.injected.iter().filter(|own| own.to == client());
                let came = passage.forwarded.iter().cloned();
                for payload in came.chain(to_victim.map(|own| own.payload.clone())) {
                    arrived += payload.len();
                    let id = u16::from_be_bytes([payload[2], payload[3]]);
                    let passage = world.send(client(), server(), &empty(reply, id));
                    sent.push(Passage {
                        forwarded: None,
                        ..passage
                    });
                }
            }
            assert!(arrived <= 3 * spent, "{reply:?}: {arrived} for {spent}");
            world.pause(Duration::from_secs(1));
        }
        assert!(arrived > spent, "{reply:?}: {arrived}");
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

/// Who knows what it is that asks back may let it.
#[test]
fn a_rule_before_the_baseline_lets_a_directory_ask_whatever_it_wants() {
    let conditions = "protocol = \"coap\", source = \"10.0.0.2\", code = \"0.xx\"";
    let rule = format!("id = \"directory\"\nmatch = {{ {conditions} }}\naction = \"accept\"\n");
    let rules = format!("[[rule]]\n{rule}\n{BASELINE}");
    let mut world = World::with(&rules, Limits::default());
    register(&mut world, client());
    world.pass(client(), server(), &registration(2));
    for id in 0..60 {
        world.pass(server(), client(), &discovery(id));
    }
    world.pass(server(), client(), &block(100, 0));
    // What it answers has its room.
    let changed = changed(Code::CHANGED, 2, DEVICE_S);
    world.pass(server(), client(), &changed);
}
