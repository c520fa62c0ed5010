//! Clients that follow no Echo: what they are sent, and what proves their address.

use std::net::SocketAddr;
use std::time::Duration;

use inspect::Injected;
use policy::Verdict;
use wire::coap::{Block, Code, Message, Type, number};

use crate::world::{World, client, content, empty, get, message, observe, server};

const TOKEN: &[u8] = &[0xa1];

/// Asks for what is too large, and returns the portion that comes instead.
pub(crate) fn portion(world: &mut World, request: &[u8], response: &[u8]) -> Vec<u8> {
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

/// What a client is sent in the place of a response, which isn't acknowledged so far.
fn said(world: &mut World, response: &[u8]) -> Vec<u8> {
    let passage = world.send(server(), client(), response);
    let [said] = &passage.injected[..] else {
        panic!("{passage:?}");
    };
    assert_eq!((said.from, said.to), (server(), client()));
    said.payload.clone()
}

/// A request for the block after `part`, under an ID and a token of its own.
pub(crate) fn next_block(part: &[u8], id: u16) -> Vec<u8> {
    let block = Message::decode(part).expect("a message").block2();
    let block = block.expect("a block");
    let value = (block.number + 1) << 4 | u32::from(block.szx);
    message(Type::Confirmable, Code::GET, id, &[7], |builder| {
        builder
            .path(number::URI_PATH, ".well-known/core")
            .uint(number::BLOCK2, value);
    })
}

/// Asks for what is too large, takes its first block, and asks for the second: that one is returned.
fn second_block(world: &mut World) -> Vec<u8> {
    let request = get(Type::Confirmable, 1, TOKEN, ".well-known/core");
    let response = content(Type::Acknowledgement, 1, TOKEN, 600);
    let first = portion(world, &request, &response);
    let next = next_block(&first, 2);
    let passage = world.send(client(), server(), &next);
    assert_eq!(passage.forwarded, None);
    let [second] = &passage.injected[..] else {
        panic!("{passage:?}");
    };
    assert!(second.payload.len() <= 3 * next.len());
    second.payload.clone()
}

pub(crate) fn message_id(datagram: &[u8]) -> u16 {
    Message::decode(datagram).expect("a message").message_id()
}

/// Acknowledges a message of which the server knows nothing, and resets the response to nothing that comes
/// then. Returns what comes of that.
pub(crate) fn acknowledge(world: &mut World, datagram: &[u8]) -> Vec<Vec<u8>> {
    let decoy = decoy(world, datagram);
    let reset = empty(Type::Reset, message_id(&decoy));
    let passage = world.send(client(), server(), &reset);
    assert_eq!(passage.forwarded, None);
    let ours = passage.injected.into_iter();
    ours.map(|message| message.payload).collect()
}

/// Acknowledges a message of which the server knows nothing. Returns the response to nothing that comes then.
pub(crate) fn decoy(world: &mut World, datagram: &[u8]) -> Vec<u8> {
    let ack = empty(Type::Acknowledgement, message_id(datagram));
    let passage = world.send(client(), server(), &ack);
    assert_eq!(passage.forwarded, None);
    let [decoy] = &passage.injected[..] else {
        panic!("{passage:?}");
    };
    let decoded = Message::decode(&decoy.payload).expect("a message");
    assert_eq!(decoded.message_type(), Type::Confirmable);
    assert!(decoded.code().is_response() && decoded.token() != TOKEN);
    decoy.payload.clone()
}

/// Nothing larger than the budget gets to a client of which nothing is known.
pub(crate) fn is_validated(world: &mut World) -> bool {
    let request = get(Type::Confirmable, 900, &[0xee], "x");
    world.pass(client(), server(), &request);
    let large = content(Type::Acknowledgement, 900, &[0xee], 1000);
    world.send(server(), client(), &large).forwarded.is_some()
}

#[test]
fn a_body_begins_on_the_acknowledgement_of_its_request() {
    let mut world = World::new();
    let request = get(Type::Confirmable, 1, TOKEN, ".well-known/core");
    let response = content(Type::Acknowledgement, 1, TOKEN, 600);
    let first = portion(&mut world, &request, &response);
    let decoded = Message::decode(&first).expect("a message");
    assert_eq!(decoded.message_type(), Type::Acknowledgement);
    assert_eq!((decoded.message_id(), decoded.token()), (1, TOKEN));
    let block = decoded.block2().expect("a block");
    assert_eq!((block.number, block.more), (0, true));
    assert_eq!(world.log.purposes, [Injected::Portion]);
    assert!(!is_validated(&mut world));
}

#[test]
fn a_separate_response_begins_in_a_message_to_be_acknowledged() {
    let mut world = World::new();
    let request = get(Type::Confirmable, 1, TOKEN, "sensors/7/slow");
    world.wait_for_acknowledgement(client(), server(), &request);
    let response = content(Type::Confirmable, 77, TOKEN, 600);
    let portion = said(&mut world, &response);
    let ack = empty(Type::Acknowledgement, message_id(&portion));
    let injected = world.send(client(), server(), &ack).injected;
    let [told, decoy] = &injected[..] else {
        panic!("{injected:?}");
    };
    assert_eq!(
        (told.to, &told.payload),
        (server(), &empty(Type::Acknowledgement, 77)),
        "the server need not repeat it"
    );
    let reset = empty(Type::Reset, message_id(&decoy.payload));
    let passage = world.send(client(), server(), &reset);
    assert_eq!(
        passage.injected,
        [],
        "the server has acknowledged the request"
    );
    assert!(is_validated(&mut world));
    let repeated = world.send(server(), client(), &response);
    assert_eq!(repeated.forwarded, None);
    let [told] = &repeated.injected[..] else {
        panic!("{repeated:?}");
    };
    assert_eq!(told.to, server());
    assert_eq!(told.payload, empty(Type::Acknowledgement, 77));
}

#[test]
fn acknowledging_the_second_block_proves_an_address() {
    let mut world = World::new();
    let second = second_block(&mut world);
    let decoded = Message::decode(&second).expect("a message");
    assert_eq!(decoded.message_type(), Type::Confirmable);
    assert_eq!(
        acknowledge(&mut world, &second),
        [empty(Type::Acknowledgement, 2)],
        "its request is settled"
    );
    assert!(is_validated(&mut world));
}

#[test]
fn the_rest_comes_in_blocks_without_the_server() {
    let mut world = World::new();
    let request = get(Type::Confirmable, 1, TOKEN, ".well-known/core");
    let response = content(Type::Acknowledgement, 1, TOKEN, 600);
    let first = portion(&mut world, &request, &response);
    let mut len = Message::decode(&first).expect("a message").payload().len();
    let mut part = first;
    for id in 2.. {
        let passage = world.send(client(), server(), &next_block(&part, id));
        assert_eq!(passage.forwarded, None);
        part = passage.injected[0].payload.clone();
        let message = Message::decode(&part).expect("a message");
        assert_eq!(message.token(), &[7]);
        match message.message_type() {
            Type::Confirmable => {
                acknowledge(&mut world, &part);
            }
            kind => assert_eq!((kind, message.message_id()), (Type::Acknowledgement, id)),
        }
        let block = message.block2().expect("a block");
        assert_eq!(Block::offset(block), len as u64);
        len += message.payload().len();
        if !block.more {
            break;
        }
    }
    assert_eq!(len, 600);
    // And the decoy, and the acknowledgement of the request that was answered in a message of our own.
    let blocks = 600_usize.div_ceil(32);
    assert_eq!(world.log.purposes, vec![Injected::Portion; blocks + 2]);
}

/// Four forged bytes keep nobody from its proof, sixteen guesses do.
#[test]
fn a_guess_proves_nothing_and_spoils_nothing() {
    for guesses in [1, 15, 16] {
        let mut world = World::new();
        let second = second_block(&mut world);
        let right = message_id(&second);
        for wrong in 1..=guesses {
            let guess = empty(Type::Acknowledgement, right ^ (wrong << 4));
            assert!(world.send(client(), server(), &guess).forwarded.is_none());
        }
        let elsewhere = crate::world::endpoint("192.0.2.1:41000");
        for id in 0..100 {
            world.send(elsewhere, server(), &empty(Type::Reset, id));
        }
        if guesses < 16 {
            acknowledge(&mut world, &second);
        } else {
            let ack = empty(Type::Acknowledgement, right);
            assert!(world.send(client(), server(), &ack).injected.is_empty());
        }
        assert_eq!(is_validated(&mut world), guesses < 16, "{guesses} guesses");
    }
}

/// An address is proved by one endpoint for itself: whoever forges another of its ports draws no more.
#[test]
fn a_proof_is_no_proof_of_other_ports() {
    let mut world = World::new();
    let second = second_block(&mut world);
    acknowledge(&mut world, &second);
    assert!(is_validated(&mut world));
    // What was sent from there as by a stranger pays for them, too.
    let (mut from, mut towards) = (64, 0);
    for port in 20_000..20_500 {
        let victim = SocketAddr::new(client().ip(), port);
        let request = get(Type::Confirmable, port, &[], "");
        from += request.len();
        let asked = world.send(victim, server(), &request);
        let answer = content(Type::Acknowledgement, port, &[], 140);
        let answered = world.send(server(), victim, &answer);
        assert_eq!(answered.forwarded, None);
        let sent = asked.injected.iter().chain(&answered.injected);
        towards += sent
            .filter(|sent| sent.to == victim)
            .map(|sent| sent.payload.len())
            .sum::<usize>();
    }
    assert!(towards <= 3 * from, "{towards} for {from}");
}

/// As a server of libcoap 4.3.1 does.
#[test]
fn who_acknowledges_whatever_comes_stays_unproven() {
    let mut world = World::new();
    let second = second_block(&mut world);
    let decoy = decoy(&mut world, &second);
    let ack = empty(Type::Acknowledgement, message_id(&decoy));
    let passage = world.send(client(), server(), &ack);
    assert_eq!((passage.forwarded, passage.injected), (None, vec![]));
    assert!(!is_validated(&mut world));
}

#[test]
fn a_victim_s_replies_earn_the_attacker_nothing() {
    let mut world = World::new();
    let (mut sent, mut arrived) = (0, 0);
    for id in 1..50 {
        let request = get(Type::Confirmable, id, &[], "x");
        sent += request.len();
        let passage = world.send(client(), server(), &request);
        let answer = content(Type::Acknowledgement, id, &[], 8);
        let answers = match passage.forwarded {
            Some(_) => world.send(server(), client(), &answer),
            None => passage,
        };
        arrived += answers.forwarded.iter().map(Vec::len).sum::<usize>();
        for ours in answers.injected.iter().filter(|ours| ours.to == client()) {
            arrived += ours.payload.len();
            world.send(
                client(),
                server(),
                &empty(Type::Reset, message_id(&ours.payload)),
            );
        }
        for _ in 0..4 {
            world.send(client(), server(), &empty(Type::Reset, id));
        }
    }
    assert!(arrived <= 3 * sent, "{arrived} bytes for {sent}");
    assert!(arrived > 2 * sent, "{arrived} bytes for {sent}");
}

#[test]
fn who_never_asked_says_so_and_stays_unproven() {
    let mut world = World::new();
    let reset = empty(Type::Reset, message_id(&second_block(&mut world)));
    assert!(world.send(client(), server(), &reset).forwarded.is_none());
    assert!(!is_validated(&mut world));
    // From now on there are cookies.
    let request = get(Type::Confirmable, 3, TOKEN, ".well-known/core");
    let passage = world.send(client(), server(), &request);
    let challenge = Message::decode(&passage.injected[0].payload).expect("a message");
    assert_eq!(challenge.code(), Code::UNAUTHORIZED);
}

/// What a client was sent in the place of a separate response may get lost: as long as nothing shows that it arrived, its
/// server sends the response again, and what stands for it goes out again.
#[test]
fn a_separate_response_that_was_portioned_comes_until_its_client_goes_on() {
    let mut world = World::new();
    let request = get(Type::Confirmable, 1, TOKEN, "sensors/7/slow");
    world.pass(client(), server(), &request);
    let response = content(Type::Confirmable, 77, TOKEN, 600);
    let portion = said(&mut world, &response);
    world.pass(client(), server(), &request);
    assert_eq!(said(&mut world, &response), portion);
    let ack = empty(Type::Acknowledgement, message_id(&portion));
    world.send(client(), server(), &ack);
    let repeated = world.send(server(), client(), &response);
    assert_eq!(repeated.forwarded, None);
    let [told] = &repeated.injected[..] else {
        panic!("{repeated:?}");
    };
    assert_eq!(told.to, server());
    assert_eq!(told.payload, empty(Type::Acknowledgement, 77));
}

/// node-coap resets what comes once more: it has forgotten what it had.
#[test]
fn a_repetition_that_is_reset_leaves_the_proof_as_it_is() {
    let mut world = World::new();
    let second = second_block(&mut world);
    let decoy = decoy(&mut world, &second);
    let repeated = empty(Type::Reset, message_id(&second));
    assert!(
        world
            .send(client(), server(), &repeated)
            .forwarded
            .is_none()
    );
    let reset = empty(Type::Reset, message_id(&decoy));
    world.send(client(), server(), &reset);
    assert!(is_validated(&mut world));
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
    acknowledge(&mut world, &whole);
    for id in 20..60 {
        let next = message(Type::NonConfirmable, Code::CONTENT, id, TOKEN, |builder| {
            builder
                .uint(number::OBSERVE, u32::from(id))
                .payload(b"21.5");
        });
        world.pass(server(), client(), &next);
    }
}

#[test]
fn a_notification_before_the_proof_is_left_out_and_ends_nothing() {
    let mut world = World::new();
    let request = observe(1, TOKEN, 0, "temperature");
    let response = message(Type::Acknowledgement, Code::CONTENT, 1, TOKEN, |builder| {
        builder.uint(number::OBSERVE, 3).payload(b"21.5");
    });
    let whole = portion(&mut world, &request, &response);
    let notify = |world: &mut World, kind, id: u16| {
        let next = message(kind, Code::CONTENT, id, TOKEN, |builder| {
            builder
                .uint(number::OBSERVE, u32::from(id))
                .payload(b"21.6");
        });
        world.send(server(), client(), &next)
    };
    for kind in [Type::Confirmable, Type::NonConfirmable] {
        let passage = notify(&mut world, kind, 20);
        assert_eq!((passage.forwarded, passage.injected), (None, vec![]));
    }
    acknowledge(&mut world, &whole);
    let repeated = notify(&mut world, Type::Confirmable, 20);
    assert!(repeated.forwarded.is_some(), "as the server repeats it");
}

#[test]
fn who_never_proves_itself_is_taken_off_the_server_s_list() {
    let mut world = World::new();
    let request = observe(1, TOKEN, 0, "sensors/7/temperature");
    let response = message(Type::Acknowledgement, Code::CONTENT, 1, TOKEN, |builder| {
        builder.uint(number::OBSERVE, 3).payload(b"21.5");
    });
    portion(&mut world, &request, &response);
    world.pause(std::time::Duration::from_secs(6));
    let mut was_reset = false;
    for id in 20..30 {
        let next = message(Type::NonConfirmable, Code::CONTENT, id, TOKEN, |builder| {
            builder
                .uint(number::OBSERVE, u32::from(id))
                .payload(b"21.6");
        });
        let passage = world.send(server(), client(), &next);
        assert_eq!(passage.forwarded, None);
        let reset = empty(Type::Reset, id);
        was_reset |= passage
            .injected
            .iter()
            .any(|sent| sent.to == server() && sent.payload == reset);
    }
    assert!(was_reset);
}

/// Many clients have one token for all blocks, or none: each block comes under an ID of its own, or the second would
/// be taken for the first once more (RFC 7252 §4.2).
#[test]
fn a_client_with_one_token_gets_every_block() {
    for token in [&[][..], &[9]] {
        let mut world = World::new();
        let ask = |id, number: Option<u32>| {
            message(Type::Confirmable, Code::GET, id, token, |builder| {
                let builder = builder.path(number::URI_PATH, "log");
                number
                    .into_iter()
                    .fold(builder, |builder, number| {
                        builder.uint(number::BLOCK2, number << 4)
                    })
                    .payload(&[]);
            })
        };
        world.pass(client(), server(), &ask(1, None));
        let response = content(Type::Acknowledgement, 1, token, 200);
        world.send(server(), client(), &response);
        let mut block = |id, number| {
            world.pause(Duration::from_secs(2));
            let passage = world.send(client(), server(), &ask(id, Some(number)));
            passage.injected[0].payload.clone()
        };
        let (second, third) = (block(2, 1), block(3, 2));
        assert_ne!(message_id(&second), message_id(&third), "{token:x?}");
        assert_eq!(block(3, 2), third, "the same when it is asked for again");
    }
}

/// What the gateway sent under an ID isn't held against the server that comes to it.
#[test]
fn a_server_s_message_id_is_its_own() {
    let mut world = World::new();
    let second = second_block(&mut world);
    acknowledge(&mut world, &second);
    let request = get(Type::NonConfirmable, 90, &[5], "x");
    world.pass(client(), server(), &request);
    let response = content(Type::NonConfirmable, message_id(&second), &[5], 8);
    world.pass(server(), client(), &response);
    assert!(world.log.events.iter().all(|(reason, _)| {
        reason.is_none_or(|reason| reason != policy::Reason::COAP_EXCHANGE_MESSAGE_ID_REUSED)
    }));
}

/// The size exponent that a client asks for, and its server has.
const SMALL: u32 = 1;

#[test]
fn blocks_that_come_from_the_server_are_no_attempts() {
    let mut world = World::new();
    let ask = |number: u32| {
        message(
            Type::Confirmable,
            Code::GET,
            number as u16,
            TOKEN,
            |builder| {
                builder
                    .path(number::URI_PATH, "b2000")
                    .uint(number::BLOCK2, number << 4 | SMALL);
            },
        )
    };
    let block = |number: u32| {
        let id = number as u16;
        message(Type::Acknowledgement, Code::CONTENT, id, TOKEN, |builder| {
            builder
                .option(number::ETAG, b"v1")
                .uint(number::BLOCK2, number << 4 | 8 | SMALL)
                .payload(&[b'x'; 32]);
        })
    };
    // A beginning that gets lost, and a block that is asked for twice: there is room for some more than is asked for.
    portion(&mut world, &ask(0), &block(0));
    world.pause(Duration::from_secs(2));
    world.pass(client(), server(), &ask(0));
    world.pass(server(), client(), &block(0));
    world.pass(client(), server(), &ask(1));
    for number in 1..10 {
        world.pass(client(), server(), &ask(number));
        world.pass(server(), client(), &block(number));
    }
    let begun = portion(&mut world, &ask(10), &block(10));
    let begun = Message::decode(&begun).expect("a message");
    let offset = begun.block2().map(|block| block.offset());
    assert_eq!((begun.code(), offset), (Code::CONTENT, Some(320)));
}

/// A client that has one request under way at a time may hear the beginnings of all before it asks for more of any.
#[test]
fn who_asks_for_one_thing_after_the_other_hears_all_beginnings() {
    let mut world = World::new();
    let parts: Vec<_> = (101..121u16)
        .map(|id| {
            let token = id.to_be_bytes();
            let request = get(Type::Confirmable, id, &token, ".well-known/core");
            let response = content(Type::Acknowledgement, id, &token, 600);
            world.pass(client(), server(), &request);
            said(&mut world, &response)
        })
        .collect();
    let asked = next_block(&parts[0], 2);
    let passage = world.send(client(), server(), &asked);
    let [second] = &passage.injected[..] else {
        panic!("{passage:?}");
    };
    acknowledge(&mut world, &second.payload);
    assert!(is_validated(&mut world));
}
