//! What comes twice over a network that doubles and delays, to clients that have proved nothing: they are told once, and
//! in one form.

use std::time::Duration;

use policy::{Reason, Verdict};
use wire::coap::{Code, Message, Type, number};

use crate::delivery::message_id;
use crate::world::{Passage, World, client, content, empty, get, message, observe, server};

const TOKEN: &[u8] = &[0xa1];
const NOTHING: [&[u8]; 0] = [];
/// After how long a client sends a CON again (ACK_TIMEOUT, RFC 7252 §4.8).
const ACK_TIMEOUT: Duration = Duration::from_secs(2);

/// What came of a datagram to its client.
fn told(passage: Passage) -> Vec<Vec<u8>> {
    let injected = passage.injected.into_iter();
    let told = injected.filter(|sent| sent.to == client());
    told.map(|sent| sent.payload).collect()
}

/// A request of a few bytes, whose response waits until there is room for it.
fn request(id: u16) -> Vec<u8> {
    get(Type::Confirmable, id, TOKEN, "c")
}

fn response(id: u16) -> Vec<u8> {
    content(Type::Acknowledgement, id, TOKEN, 20)
}

/// A client acknowledges a message of ours, and resets the response to nothing that comes then. Returns what comes of that.
fn prove(world: &mut World, probe: &[u8]) -> Vec<Vec<u8>> {
    let ack = empty(Type::Acknowledgement, message_id(probe));
    let decoy = told(world.send(client(), server(), &ack)).remove(0);
    let reset = empty(Type::Reset, message_id(&decoy));
    told(world.send(client(), server(), &reset))
}

#[test]
fn a_doubled_request_is_answered_once() {
    let mut world = World::new();
    world.pass(client(), server(), &request(1));
    assert_eq!(told(world.send(server(), client(), &response(1))), NOTHING);
    world.pause(ACK_TIMEOUT);
    let first = told(world.send(client(), server(), &request(1)));
    let [probe] = &first[..] else {
        panic!("{first:?}");
    };
    let decoded = Message::decode(probe).expect("a message");
    let form = (decoded.message_type(), decoded.code());
    assert_eq!(form, (Type::Confirmable, Code::CONTENT));
    // There is room for another answer, which a client that has this one would reject.
    assert_eq!(told(world.send(client(), server(), &request(1))), NOTHING);
    world.pause(ACK_TIMEOUT);
    assert_ne!(told(world.send(client(), server(), &request(1))), NOTHING);
}

#[test]
fn a_doubled_response_is_no_second_one() {
    let mut world = World::new();
    world.pass(client(), server(), &request(1));
    world.send(server(), client(), &response(1));
    world.pause(ACK_TIMEOUT);
    assert_eq!(told(world.send(client(), server(), &request(1))).len(), 1);
    let passage = world.send(server(), client(), &response(1));
    assert_ne!(passage.outcome.verdict, Verdict::Drop, "{passage:?}");
}

/// Takes the first block of a response, asks for the second under that ID, and proves an address by it. Returns what comes
/// of that.
fn prove_by_second(world: &mut World, path: &str, first: &[u8], id: u16) -> Vec<Vec<u8>> {
    let first = Message::decode(first).expect("a message").block2();
    let first = first.expect("a block");
    let next = message(Type::Confirmable, Code::GET, id, TOKEN, |builder| {
        builder
            .path(number::URI_PATH, path)
            .uint(number::BLOCK2, 1 << 4 | u32::from(first.szx));
    });
    let second = told(world.send(client(), server(), &next)).remove(0);
    prove(world, &second)
}

/// A request and its response come twice. What the second response is withheld for is a client that hasn't got the first:
/// one that proves its address by going on is spared it.
#[test]
fn a_proof_brings_nothing_that_is_known() {
    let mut world = World::new();
    let request = get(Type::Confirmable, 1, TOKEN, "ab");
    world.pass(client(), server(), &request);
    world.pass(client(), server(), &request);
    let response = content(Type::Acknowledgement, 1, TOKEN, 100);
    let first = told(world.send(server(), client(), &response)).remove(0);
    assert_eq!(told(world.send(server(), client(), &response)), NOTHING);
    let acknowledged = [empty(Type::Acknowledgement, 2)];
    assert_eq!(prove_by_second(&mut world, "ab", &first, 2), acknowledged);
}

/// A client that has one token for all gives up what it asked for first.
#[test]
fn a_proof_brings_nothing_that_was_given_up() {
    let mut world = World::new();
    world.pass(client(), server(), &request(1));
    let given_up = world.send(server(), client(), &response(1));
    assert_eq!((given_up.forwarded, given_up.injected), (None, vec![]));
    let path = "sensors/7/temperature";
    world.pass(client(), server(), &get(Type::Confirmable, 2, TOKEN, path));
    let response = content(Type::Acknowledgement, 2, TOKEN, 600);
    let first = told(world.send(server(), client(), &response)).remove(0);
    let acknowledged = [empty(Type::Acknowledgement, 3)];
    assert_eq!(prove_by_second(&mut world, path, &first, 3), acknowledged);
}

/// The network brings the answer to a registration after the notification that follows it. It is there for a client that
/// registers again, and nobody else.
#[test]
fn a_registration_s_answer_that_was_overtaken_waits_for_who_asks_again() {
    let mut world = World::new();
    let register = observe(1, TOKEN, 0, "ab");
    world.pass(client(), server(), &register);
    let state = |kind, id, number| {
        message(kind, Code::CONTENT, id, TOKEN, |builder| {
            builder.uint(number::OBSERVE, number).payload(&[b'x'; 24]);
        })
    };
    let newer = state(Type::NonConfirmable, 700, 6);
    let first = told(world.send(server(), client(), &newer)).remove(0);
    assert_eq!(
        Message::decode(&first).expect("a message").observe(),
        Some(6)
    );
    let older = state(Type::Acknowledgement, 1, 5);
    assert_eq!(told(world.send(server(), client(), &older)), NOTHING);
    // As often as there is no room for it yet, it is asked for once more.
    let again = (0..3).find_map(|_| {
        world.pause(ACK_TIMEOUT);
        let passage = world.send(client(), server(), &register);
        assert_eq!(passage.forwarded, None, "it has an answer");
        told(passage).into_iter().find(|sent| sent[1] != 0)
    });
    let again = again.expect("an answer");
    let again = Message::decode(&again).expect("a message");
    assert_eq!(again.observe(), Some(5));
}

/// The first block of an upload was sent again, and comes late: it begins nothing anew.
#[test]
fn a_late_repetition_leaves_an_upload_where_it_is() {
    let mut world = World::new();
    let block = |number: u32, more: bool| {
        let id = 10 + number as u16;
        message(Type::Confirmable, Code::PUT, id, TOKEN, |builder| {
            builder
                .path(number::URI_PATH, "firmware")
                .uint(number::BLOCK1, number << 4 | u32::from(more) << 3 | 2)
                .payload(&[b'x'; 64]);
        })
    };
    let go_on = |number: u32| {
        let id = 10 + number as u16;
        message(
            Type::Acknowledgement,
            Code::CONTINUE,
            id,
            TOKEN,
            |builder| {
                builder.uint(number::BLOCK1, number << 4 | 8 | 2);
            },
        )
    };
    for number in 0..2 {
        world.pass(client(), server(), &block(number, true));
        world.pass(server(), client(), &go_on(number));
    }
    world.pass(client(), server(), &block(0, true));
    world.pass(client(), server(), &block(2, false));
    let gap = world.send(client(), server(), &block(4, false));
    assert_eq!(gap.outcome.reason, Some(Reason::COAP_BLOCK_GAP));
}
