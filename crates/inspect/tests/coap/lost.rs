//! What gets lost between the gateway and a client that proves its address: it goes on all the same, by what either of
//! them sends again. aiocoap 0.4.17 and node-coap 1.5.0 reset what comes once more, for they have forgotten what they
//! had; and aiocoap asks for nothing else until its request is acknowledged.

use std::time::Duration;

use policy::Verdict;
use wire::coap::{Code, Message, Type};

use crate::delivery::{acknowledge, decoy, is_validated, message_id, next_block, portion};
use crate::world::{World, client, content, empty, get, server};

/// When a client sends a request again (RFC 7252 §4.8).
const AGAIN: Duration = Duration::from_secs(3);

/// What the client is sent for `datagram`.
fn told(world: &mut World, datagram: &[u8]) -> Vec<Vec<u8>> {
    let passage = world.send(client(), server(), datagram);
    assert_eq!(passage.forwarded, None);
    let ours = passage.injected.into_iter();
    ours.inspect(|ours| assert_eq!(ours.to, client()))
        .map(|ours| ours.payload)
        .collect()
}

/// A request for a second block, and that block, which is to be acknowledged.
fn second(world: &mut World) -> (Vec<u8>, Vec<u8>) {
    let request = get(Type::Confirmable, 1, &[0xa1], ".well-known/core");
    let response = content(Type::Acknowledgement, 1, &[0xa1], 600);
    let first = portion(world, &request, &response);
    let asked = next_block(&first, 2);
    let [second] = &told(world, &asked)[..] else {
        panic!("it is kept");
    };
    let decoded = Message::decode(second).expect("a message");
    assert_eq!(decoded.message_type(), Type::Confirmable);
    (asked, second.clone())
}

#[test]
fn an_acknowledgement() {
    let mut world = World::new();
    let (asked, second) = second(&mut world);
    for _ in 0..2 {
        world.pause(AGAIN);
        assert_eq!(told(&mut world, &asked), [&second[..]]);
        let reset = empty(Type::Reset, message_id(&second));
        assert_eq!(
            told(&mut world, &reset),
            [empty(Type::Acknowledgement, 2)],
            "it has what it asked for"
        );
    }
    let [third] = &told(&mut world, &next_block(&second, 3))[..] else {
        panic!("it is kept");
    };
    assert_eq!(
        acknowledge(&mut world, third),
        [empty(Type::Acknowledgement, 3)]
    );
    assert!(is_validated(&mut world));
}

#[test]
fn a_decoy_or_its_reset() {
    let mut world = World::new();
    let (asked, second) = second(&mut world);
    let decoy = decoy(&mut world, &second);
    for _ in 0..2 {
        world.pause(AGAIN);
        assert_eq!(told(&mut world, &asked), [&second[..]]);
        let reset = empty(Type::Reset, message_id(&second));
        assert_eq!(told(&mut world, &reset), [&decoy[..]]);
    }
    assert_eq!(
        told(&mut world, &empty(Type::Reset, message_id(&decoy))),
        [empty(Type::Acknowledgement, 2)],
        "its request is settled"
    );
    assert!(is_validated(&mut world));
}

/// Who never asked resets what comes first, and what comes again, and there are cookies from then on.
#[test]
fn no_reset_of_what_comes_for_the_first_time() {
    let mut world = World::new();
    let (asked, second) = second(&mut world);
    let reset = empty(Type::Reset, message_id(&second));
    assert_eq!(told(&mut world, &reset), Vec::<Vec<u8>>::new());
    world.pause(AGAIN);
    let told = world.send(client(), server(), &asked);
    let answer = Message::decode(&told.injected[0].payload).expect("a message");
    assert_ne!(answer.message_type(), Type::Confirmable);
    let request = get(Type::Confirmable, 3, &[3], ".well-known/core");
    let challenged = world.send(client(), server(), &request);
    assert_eq!(challenged.outcome.verdict, Verdict::Challenge);
    let challenge = Message::decode(&challenged.injected[0].payload).expect("a message");
    assert_eq!(challenge.code(), Code::UNAUTHORIZED);
    assert!(!is_validated(&mut world));
}

/// Replies of a victim that are sent to draw more than was spent earn nothing.
#[test]
fn repetitions_that_a_victim_resets_earn_nobody_anything() {
    let mut world = World::new();
    let (asked, second) = second(&mut world);
    let (mut spent, mut arrived) = (2 * asked.len(), 2 * second.len());
    let reset = empty(Type::Reset, message_id(&second));
    for _ in 0..40 {
        spent += asked.len();
        arrived += told(&mut world, &asked).iter().map(Vec::len).sum::<usize>();
        for _ in 0..8 {
            arrived += told(&mut world, &reset).iter().map(Vec::len).sum::<usize>();
        }
    }
    assert!(arrived <= 3 * spent, "{arrived} bytes for {spent}");
}
