//! Separate responses to clients that forget what they have asked for once it is acknowledged.

use std::time::Duration;

use wire::coap::{Code, Message, Type};

use crate::delivery::message_id;
use crate::nudge::is_ping;
use crate::world::{Passage, World, client, content, empty, endpoint, get, server};

const TOKEN: &[u8] = &[1];
const PATH: &str = "slow";
/// Message IDs: of the request, and of its response.
const ASKED: u16 = 1;
const ANSWERED: u16 = 77;

fn request() -> Vec<u8> {
    get(Type::Confirmable, ASKED, TOKEN, PATH)
}

/// The server says that it is seeing to the request.
fn promise(world: &mut World) -> Passage {
    world.send(server(), client(), &empty(Type::Acknowledgement, ASKED))
}

/// A gateway that knows how large the resource is, since somebody else has asked for it.
fn world_that_knows() -> World {
    let mut world = World::new();
    let other = endpoint("192.0.2.9:40000");
    world.pass(other, server(), &request());
    let ack = empty(Type::Acknowledgement, ASKED);
    world.pass(server(), other, &ack);
    let large = content(Type::Confirmable, ANSWERED, TOKEN, 600);
    assert_eq!(world.send(server(), other, &large).forwarded, None);
    world
}

#[test]
fn a_body_begins_on_the_acknowledgement_that_was_held_back_for_it() {
    for kind in [Type::Confirmable, Type::NonConfirmable] {
        let mut world = world_that_knows();
        world.pass(client(), server(), &request());
        let promise = promise(&mut world);
        assert_eq!((promise.forwarded, promise.injected), (None, vec![]));
        let response = content(kind, ANSWERED, TOKEN, 600);
        let passage = world.send(server(), client(), &response);
        assert_eq!(passage.forwarded, None);
        let (to_client, to_server): (Vec<_>, Vec<_>) = passage
            .injected
            .iter()
            .partition(|sent| sent.to == client());
        let [first] = &*to_client else {
            panic!("{passage:?}");
        };
        let first = Message::decode(&first.payload).expect("a message");
        assert_eq!(first.message_type(), Type::Acknowledgement);
        assert_eq!((first.message_id(), first.token()), (ASKED, TOKEN));
        assert!(first.block2().is_some_and(|block| block.more));
        // The server need not send it again.
        let told: Vec<_> = to_server.iter().map(|sent| &*sent.payload).collect();
        match kind {
            Type::Confirmable => assert_eq!(told, [empty(Type::Acknowledgement, ANSWERED)]),
            _ => assert!(told.is_empty()),
        }
    }
}

/// The client's request comes again meanwhile, and the server says so each time.
#[test]
fn who_waits_for_long_is_told_that_it_is_seen_to() {
    let mut world = world_that_knows();
    for _ in 0..2 {
        world.pass(client(), server(), &request());
        assert_eq!(promise(&mut world).forwarded, None);
        world.pause(Duration::from_secs(3));
    }
    world.pass(client(), server(), &request());
    assert!(promise(&mut world).forwarded.is_some());
    // What comes now is no acknowledgement.
    let response = content(Type::Confirmable, ANSWERED, TOKEN, 600);
    let passage = world.send(server(), client(), &response);
    assert_eq!(passage.forwarded, None);
    for sent in passage.injected.iter().filter(|sent| sent.to == client()) {
        let sent = Message::decode(&sent.payload).expect("a message");
        assert_ne!(sent.message_type(), Type::Acknowledgement);
    }
}

/// Neither what is known to be small, nor what nobody has asked for yet, nor what isn't safe, nor anything of a client
/// that has proved its address.
#[test]
fn no_other_acknowledgement_is_held_back() {
    let mut world = World::new();
    world.pass(client(), server(), &request());
    assert!(promise(&mut world).forwarded.is_some());
    let mut world = world_that_knows();
    let other = get(Type::Confirmable, ASKED, TOKEN, "other");
    world.pass(client(), server(), &other);
    assert!(promise(&mut world).forwarded.is_some());
    let mut world = world_that_knows();
    let mut post = request();
    post[1] = Code::POST.0;
    world.pass(client(), server(), &post);
    assert!(promise(&mut world).forwarded.is_some());
    let mut world = world_that_knows();
    world.validate(client(), server());
    world.pass(client(), server(), &request());
    assert!(promise(&mut world).forwarded.is_some());
}

/// What there is room for after a ping comes whole: a second block might not be asked for.
#[test]
fn a_small_separate_response_comes_whole() {
    let mut world = World::new();
    world.pass(client(), server(), &request());
    world.pass(server(), client(), &empty(Type::Acknowledgement, ASKED));
    let response = content(Type::Confirmable, ANSWERED, TOKEN, 26);
    let passage = world.send(server(), client(), &response);
    let [ping] = &*passage.injected else {
        panic!("{passage:?}");
    };
    assert!(is_ping(ping));
    let reset = empty(Type::Reset, message_id(&ping.payload));
    let passage = world.send(client(), server(), &reset);
    let [whole] = &*passage.injected else {
        panic!("{passage:?}");
    };
    assert_eq!((whole.to, &whole.payload), (client(), &response));
    let ack = empty(Type::Acknowledgement, ANSWERED);
    world.pass(client(), server(), &ack);
}
