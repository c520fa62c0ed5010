//! Clients that follow no Echo: what they are sent, and what proves their address.

use inspect::Injected;
use policy::Verdict;
use wire::coap::{Block, Code, Message, Type, number};

use crate::world::{World, client, content, empty, get, message, observe, server};

const TOKEN: &[u8] = &[0xa1];

/// Asks for what is too large, and returns the portion that comes instead.
fn portion(world: &mut World, request: &[u8], response: &[u8]) -> Vec<u8> {
    world.pass(client(), server(), request);
    let passage = world.send(server(), client(), response);
    assert_eq!(passage.outcome.verdict, Verdict::Challenge);
    assert_eq!(passage.forwarded, None);
    let [portion] = &passage.injected[..] else {
        panic!("{passage:?}");
    };
    assert_eq!((portion.from, portion.to), (server(), client()));
    assert!(portion.payload.len() <= 3 * request.len());
    portion.payload.clone()
}

fn message_id(datagram: &[u8]) -> u16 {
    Message::decode(datagram).expect("a message").message_id()
}

/// Nothing larger than the budget gets to a client of which nothing is known.
fn is_validated(world: &mut World) -> bool {
    let request = get(Type::Confirmable, 900, &[0xee], "x");
    world.pass(client(), server(), &request);
    let large = content(Type::Acknowledgement, 900, &[0xee], 1000);
    world.send(server(), client(), &large).forwarded.is_some()
}

#[test]
fn acknowledging_a_portion_proves_an_address() {
    let mut world = World::new();
    let request = get(Type::Confirmable, 1, TOKEN, ".well-known/core");
    let response = content(Type::Acknowledgement, 1, TOKEN, 600);
    let first = portion(&mut world, &request, &response);
    let decoded = Message::decode(&first).expect("a message");
    assert_eq!(decoded.message_type(), Type::Confirmable);
    assert_eq!(decoded.token(), TOKEN);
    let block = decoded.block2().expect("a block");
    assert_eq!((block.number, block.more), (0, true));
    assert_eq!(world.log.purposes, [Injected::Portion]);

    let ack = empty(Type::Acknowledgement, message_id(&first));
    let passage = world.send(client(), server(), &ack);
    assert_eq!((passage.forwarded, passage.injected), (None, vec![]));
    assert!(is_validated(&mut world));
}

#[test]
fn the_rest_comes_in_blocks_without_the_server() {
    let mut world = World::new();
    let request = get(Type::Confirmable, 1, TOKEN, ".well-known/core");
    let response = content(Type::Acknowledgement, 1, TOKEN, 600);
    let first = portion(&mut world, &request, &response);
    let mut block = Message::decode(&first)
        .expect("a message")
        .block2()
        .expect("a block");
    let mut len = block.size();
    for id in 2.. {
        let value = (block.number + 1) << 4 | u32::from(block.szx);
        let next = message(Type::Confirmable, Code::GET, id, &[7], |builder| {
            builder
                .path(number::URI_PATH, ".well-known/core")
                .uint(number::BLOCK2, value);
        });
        let passage = world.send(client(), server(), &next);
        assert_eq!(passage.forwarded, None);
        let part = Message::decode(&passage.injected[0].payload).expect("a message");
        assert_eq!((part.message_id(), part.token()), (id, &[7][..]));
        block = part.block2().expect("a block");
        assert_eq!(Block::offset(block), len as u64);
        len += part.payload().len();
        if !block.more {
            break;
        }
    }
    assert_eq!(len, 600);
}

#[test]
fn a_guess_proves_nothing_and_spoils_the_attempt() {
    let mut world = World::new();
    let request = get(Type::Confirmable, 1, TOKEN, ".well-known/core");
    let response = content(Type::Acknowledgement, 1, TOKEN, 600);
    let first = portion(&mut world, &request, &response);
    let right = message_id(&first);
    let guess = empty(Type::Acknowledgement, right ^ 0x5a5a);
    assert!(world.send(client(), server(), &guess).forwarded.is_none());
    let ack = empty(Type::Acknowledgement, right);
    assert!(world.send(client(), server(), &ack).forwarded.is_none());
    assert!(!is_validated(&mut world));
}

#[test]
fn who_never_asked_says_so_and_stays_unproven() {
    let mut world = World::new();
    let request = get(Type::Confirmable, 1, TOKEN, ".well-known/core");
    let response = content(Type::Acknowledgement, 1, TOKEN, 600);
    let first = portion(&mut world, &request, &response);
    let reset = empty(Type::Reset, message_id(&first));
    assert!(world.send(client(), server(), &reset).forwarded.is_none());
    assert!(!is_validated(&mut world));
    // From now on there are cookies.
    let request = get(Type::Confirmable, 2, TOKEN, ".well-known/core");
    let passage = world.send(client(), server(), &request);
    let challenge = Message::decode(&passage.injected[0].payload).expect("a message");
    assert_eq!(challenge.code(), Code::UNAUTHORIZED);
}

#[test]
fn a_registration_is_granted_once_it_is_acknowledged() {
    let mut world = World::new();
    let request = observe(1, TOKEN, 0, "temperature");
    let response = message(Type::Acknowledgement, Code::CONTENT, 1, TOKEN, |builder| {
        builder.uint(number::OBSERVE, 3).payload(b"21.5");
    });
    let whole = portion(&mut world, &request, &response);
    let decoded = Message::decode(&whole).expect("a message");
    assert_eq!(
        (decoded.observe(), decoded.payload()),
        (Some(3), &b"21.5"[..])
    );
    assert_eq!(decoded.block2(), None);
    assert_eq!(world.inspector.gauges().observations, 1);
    let ack = empty(Type::Acknowledgement, message_id(&whole));
    assert!(world.send(client(), server(), &ack).forwarded.is_none());
    for id in 20..60 {
        let next = message(Type::NonConfirmable, Code::CONTENT, id, TOKEN, |builder| {
            builder
                .uint(number::OBSERVE, u32::from(id))
                .payload(b"21.5");
        });
        world.pass(server(), client(), &next);
    }
}
