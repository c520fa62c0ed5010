//! Separate responses to clients that forget what they have asked for once it is acknowledged.

use wire::coap::{Code, Message, Type, number};

use crate::world::{
    World, client, content, echo_of, empty, endpoint, get, message, server, with_echo,
};

const TOKEN: &[u8] = &[1];
const PATH: &str = "slow";
/// Message IDs: of the request, and of its response.
const ASKED: u16 = 1;
const ANSWERED: u16 = 77;

fn request() -> Vec<u8> {
    get(Type::Confirmable, ASKED, TOKEN, PATH)
}

/// A gateway that knows how large the resource is, since somebody else has asked for it.
fn world_that_knows(len: usize) -> World {
    let mut world = World::new();
    let other = endpoint("192.0.2.9:40000");
    world.pass(other, server(), &request());
    world.promise(server(), other, ASKED);
    let response = content(Type::Confirmable, ANSWERED, TOKEN, len);
    world.send(server(), other, &response);
    world
}

/// What goes to the client, and what the server is told, for a response that doesn't go on.
fn in_place_of(world: &mut World, response: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let passage = world.send(server(), client(), response);
    assert_eq!(passage.forwarded, None);
    let (to_client, to_server): (Vec<_>, Vec<_>) = passage
        .injected
        .into_iter()
        .map(|own| (own.to, own.payload))
        .partition(|(to, _)| *to == client());
    let [(_, first)] = &*to_client else {
        panic!("{to_client:?}");
    };
    (
        first.clone(),
        to_server.into_iter().map(|(_, own)| own).collect(),
    )
}

#[test]
fn a_body_begins_on_the_acknowledgement_that_was_held_back_for_it() {
    for kind in [Type::Confirmable, Type::NonConfirmable] {
        for mut world in [World::new(), world_that_knows(600)] {
            world.pass(client(), server(), &request());
            world.promise(server(), client(), ASKED);
            let response = content(kind, ANSWERED, TOKEN, 600);
            let (first, told) = in_place_of(&mut world, &response);
            let first = Message::decode(&first).expect("a message");
            assert_eq!(first.message_type(), Type::Acknowledgement);
            assert_eq!((first.message_id(), first.token()), (ASKED, TOKEN));
            assert!(first.block2().is_some_and(|block| block.more));
            // The server need not send it again.
            match kind {
                Type::Confirmable => assert_eq!(told, [empty(Type::Acknowledgement, ANSWERED)]),
                _ => assert!(told.is_empty()),
            }
        }
    }
}

/// What isn't safe isn't done again for it: the response is kept until its client has proved its address.
#[test]
fn what_was_done_is_challenged_on_the_acknowledgement() {
    let mut world = World::with_cookies_only();
    let mut post = request();
    post[1] = Code::POST.0;
    world.pass(client(), server(), &post);
    world.promise(server(), client(), ASKED);
    let mut response = content(Type::Confirmable, ANSWERED, TOKEN, 600);
    response[1] = Code::CHANGED.0;
    let (challenge, told) = in_place_of(&mut world, &response);
    assert_eq!(told, [empty(Type::Acknowledgement, ANSWERED)]);
    let decoded = Message::decode(&challenge).expect("a message");
    assert_eq!(decoded.message_type(), Type::Acknowledgement);
    assert_eq!((decoded.message_id(), decoded.token()), (ASKED, TOKEN));
    let cookie = echo_of(&challenge).expect("a challenge");
    let repeated = world.send(client(), server(), &post);
    let [again] = &*repeated.injected else {
        panic!("{repeated:?}");
    };
    assert_eq!((again.to, &again.payload), (client(), &challenge));
    post[3] += 1;
    let passage = world.send(client(), server(), &with_echo(&post, &cookie));
    assert_eq!(passage.forwarded, None, "the server has done it");
    let [given] = &*passage.injected else {
        panic!("{passage:?}");
    };
    let given = Message::decode(&given.payload).expect("a message");
    assert_eq!(given.message_type(), Type::Acknowledgement);
    assert_eq!((given.code(), given.payload().len()), (Code::CHANGED, 600));
}

/// A registration, too, is answered where it can be challenged.
#[test]
fn a_registration_is_challenged_on_the_acknowledgement() {
    let mut world = World::with_cookies_only();
    let register = message(Type::Confirmable, Code::GET, ASKED, TOKEN, |builder| {
        builder
            .uint(number::OBSERVE, 0)
            .path(number::URI_PATH, PATH);
    });
    world.pass(client(), server(), &register);
    world.promise(server(), client(), ASKED);
    let notification = message(
        Type::Confirmable,
        Code::CONTENT,
        ANSWERED,
        TOKEN,
        |builder| {
            builder.uint(number::OBSERVE, 12).payload(&[b'x'; 600]);
        },
    );
    let (challenge, _) = in_place_of(&mut world, &notification);
    let decoded = Message::decode(&challenge).expect("a message");
    assert_eq!(decoded.message_type(), Type::Acknowledgement);
    assert_eq!(decoded.message_id(), ASKED);
    assert!(echo_of(&challenge).is_some());
}

/// The server knows of the request, and hears no more of it. (So does [`World::wait_for_acknowledgement`].)
#[test]
fn who_waits_for_long_is_told_that_it_is_seen_to() {
    let mut world = World::new();
    world.wait_for_acknowledgement(client(), server(), &request());
    // As often as that gets lost; and if the server says so once more, it may.
    let passage = world.send(client(), server(), &request());
    assert_eq!((passage.forwarded, passage.injected.len()), (None, 1));
    world.pass(server(), client(), &empty(Type::Acknowledgement, ASKED));
    // What comes now is no acknowledgement.
    let response = content(Type::Confirmable, ANSWERED, TOKEN, 600);
    let (instead, _) = in_place_of(&mut world, &response);
    let instead = Message::decode(&instead).expect("a message");
    assert_ne!(instead.message_type(), Type::Acknowledgement);
}

/// Whatever else it has proved its address with.
#[test]
fn who_proves_its_address_meanwhile_is_told_when_it_asks_again() {
    let mut world = World::new();
    world.pass(client(), server(), &request());
    world.promise(server(), client(), ASKED);
    world.validate(client(), server());
    let passage = world.send(client(), server(), &request());
    let [ack] = &*passage.injected else {
        panic!("{passage:?}");
    };
    assert_eq!(passage.forwarded, None);
    assert_eq!(ack.payload, empty(Type::Acknowledgement, ASKED));
    let large = content(Type::Confirmable, ANSWERED, TOKEN, 600);
    let passage = world.send(server(), client(), &large);
    assert_eq!(passage.forwarded, Some(large));
}

/// Another request under its message ID isn't its repetition.
#[test]
fn only_the_request_itself_waits() {
    let mut world = World::new();
    world.pass(client(), server(), &request());
    world.promise(server(), client(), ASKED);
    let other = get(Type::Confirmable, ASKED, &[2], "other");
    assert!(world.send(client(), server(), &other).forwarded.is_some());
}

/// Neither what is known to be small, nor anything of a client that has proved its address, nor what was answered.
#[test]
fn no_other_acknowledgement_is_held_back() {
    let promise = empty(Type::Acknowledgement, ASKED);
    let mut world = world_that_knows(4);
    world.pass(client(), server(), &request());
    world.pass(server(), client(), &promise);
    let mut world = World::new();
    world.validate(client(), server());
    world.pass(client(), server(), &request());
    world.pass(server(), client(), &promise);
    let mut world = World::new();
    world.pass(client(), server(), &request());
    let small = content(Type::Confirmable, ANSWERED, TOKEN, 4);
    world.pass(server(), client(), &small);
    world.pass(server(), client(), &promise);
}

/// What there is room for goes on as it is, the acknowledgement beside it if there is room for both. What is repeated
/// then is for the server again.
#[test]
fn a_response_that_there_is_room_for_lets_the_acknowledgement_go() {
    let room = 3 * request().len();
    let bare = content(Type::Confirmable, ANSWERED, TOKEN, 1).len() - 1;
    for (len, is_acknowledged) in [(room - bare - 4, true), (room - bare - 3, false)] {
        let mut world = World::new();
        world.pass(client(), server(), &request());
        world.promise(server(), client(), ASKED);
        let response = content(Type::Confirmable, ANSWERED, TOKEN, len);
        match is_acknowledged {
            true => world.pass_promised(server(), client(), &response, ASKED),
            false => world.pass(server(), client(), &response),
        }
        world.pass(client(), server(), &request());
    }
}
