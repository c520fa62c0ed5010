//! Pings that make room for the response to a request of a few bytes.

use std::net::SocketAddr;

use wire::coap::{Code, Message, Type, number};

use crate::delivery::is_validated;
use crate::done::{TOKEN, collect};
use crate::world::{self, World, client, content, echo_of, empty, get, message, server};

/// Whether it is a CoAP ping (RFC 7252 §4.3).
pub(crate) fn is_ping(sent: &world::Datagram) -> bool {
    matches!(*sent.payload, [0x40, 0, _, _])
}

/// A request of a few bytes for a resource that any server may have, or for a block of it.
fn ask(kind: Type, id: u16, path: &str, block2: Option<u32>) -> Vec<u8> {
    message(kind, Code::GET, id, TOKEN, |builder| {
        let builder = builder.path(number::URI_PATH, path);
        let block2 = block2.into_iter();
        block2
            .fold(builder, |builder, value| {
                builder.uint(number::BLOCK2, value)
            })
            .payload(&[]);
    })
}

/// The response of a server to that.
fn response(to: Type, body: &[u8]) -> Vec<u8> {
    let (kind, id) = match to {
        Type::Confirmable => (Type::Acknowledgement, 1),
        _ => (Type::NonConfirmable, 77),
    };
    message(kind, Code::CONTENT, id, TOKEN, |builder| {
        builder.uint(number::CONTENT_FORMAT, 40).payload(body);
    })
}

/// Resets what `victim` gets, over and over, for as long as anything comes: how many bytes that were.
fn reset_all(world: &mut World, victim: SocketAddr, mut inbox: Vec<world::Datagram>) -> usize {
    let mut bytes = 0;
    while let Some(sent) = inbox.pop() {
        if sent.to != victim {
            continue;
        }
        bytes += sent.payload.len();
        let id = u16::from_be_bytes([sent.payload[2], sent.payload[3]]);
        let reset = empty(Type::Reset, id);
        inbox.extend(world.send(victim, server(), &reset).injected);
    }
    bytes
}

/// Nobody has to wait for the time at which a client repeats its request, and a NON isn't repeated at all.
#[test]
fn a_short_request_is_answered_a_round_trip_later() {
    for kind in [Type::Confirmable, Type::NonConfirmable] {
        // Of a NON, one ping has to be enough.
        let root = if kind == Type::Confirmable { "" } else { "c" };
        for (path, len) in [(root, 20), (root, 100), ("c", 14), ("c", 20), ("c", 300)] {
            let mut world = World::new();
            let request = ask(kind, 1, path, None);
            let body = vec![b'c'; len];
            world.pass(client(), server(), &request);
            let passage = world.send(server(), client(), &response(kind, &body));
            assert_eq!(passage.forwarded, None, "/{path} {len}");
            assert_eq!(passage.injected.len(), 1, "/{path} {len}");
            assert!(is_ping(&passage.injected[0]));
            let got = collect(&mut world, passage.injected, |id, next| {
                ask(kind, id, path, Some(next))
            });
            assert_eq!(got, body, "{kind:?} /{path}");
            if len >= 100 {
                assert!(is_validated(&mut world), "by the second block");
            }
        }
    }
}

/// Three bytes go out for each that came, the resets of pings included, and those are few: whoever forges requests
/// in the name of somebody who rejects them draws hardly more by that.
#[test]
fn who_resets_pings_draws_what_they_pay_for() {
    for kind in [Type::Confirmable, Type::NonConfirmable] {
        let mut world = World::new();
        let (mut sent, mut drawn) = (0, 0);
        for id in 1..200 {
            let request = get(kind, id, TOKEN, "c");
            sent += request.len();
            if world.send(client(), server(), &request).forwarded.is_none() {
                continue;
            }
            let kind = match kind {
                Type::Confirmable => Type::Acknowledgement,
                _ => Type::NonConfirmable,
            };
            let passage = world.send(server(), client(), &content(kind, id, TOKEN, 100));
            drawn += passage.forwarded.map_or(0, |payload| payload.len());
            drawn += reset_all(&mut world, client(), passage.injected);
        }
        assert!(drawn <= 3 * (sent + 4 * 4), "{kind:?}: {drawn} for {sent}");
    }
}

/// As many resets count as pings were sent, whatever they reset.
#[test]
fn resets_pay_for_no_more_than_the_pings() {
    let mut world = World::new();
    world.pass(client(), server(), &ask(Type::Confirmable, 1, "", None));
    let long = message(Type::Acknowledgement, Code::CONTENT, 1, TOKEN, |builder| {
        builder.option(number::ETAG, b"12345678").payload(&[7; 40]);
    });
    let passage = world.send(server(), client(), &long);
    let [ping] = &*passage.injected else {
        panic!("{passage:?}");
    };
    let id = Message::decode(&ping.payload).expect("a ping").message_id();
    let mut told = ping.payload.len();
    for _ in 0..20 {
        let reset = empty(Type::Reset, id);
        let injected = world.send(client(), server(), &reset).injected;
        told += injected
            .iter()
            .map(|sent| sent.payload.len())
            .sum::<usize>();
    }
    assert!(told <= 3 * (5 + 4 * 4), "{told}");
}

/// A client that asks for the next block before it has reset what it didn't ask for (aiocoap does) gets it once it
/// has: a NON isn't repeated.
#[test]
fn what_is_asked_for_during_a_proof_comes_after_it() {
    for kind in [Type::Confirmable, Type::NonConfirmable] {
        let mut world = World::new();
        world.pass(client(), server(), &ask(kind, 1, "c", None));
        let passage = world.send(server(), client(), &response(kind, &[7; 200]));
        let mut inbox = passage.injected;
        let (mut block, mut decoy) = (None, None);
        for id in 2..20 {
            let Some(sent) = inbox.pop() else {
                let asked = ask(kind, id, "c", block);
                inbox = world.send(client(), server(), &asked).injected;
                if decoy.is_some() {
                    assert_eq!(inbox, [], "{kind:?}: it waits");
                    break;
                }
                continue;
            };
            let part = Message::decode(&sent.payload).expect("a message");
            let kind = match part.token() == TOKEN {
                true => Type::Acknowledgement,
                false if is_ping(&sent) => Type::Reset,
                false => {
                    decoy = Some(part.message_id());
                    continue;
                }
            };
            if let Some(of) = part.block2() {
                block = Some((of.number + 1) << 4 | u32::from(of.szx));
            }
            if part.message_type() == Type::Confirmable {
                let reply = empty(kind, part.message_id());
                inbox.extend(world.send(client(), server(), &reply).injected);
            }
        }
        let reset = empty(Type::Reset, decoy.expect("a response to nothing"));
        let released = world.send(client(), server(), &reset).injected;
        let part = released.last().expect("a block");
        let part = Message::decode(&part.payload).expect("a message");
        let asked = block.map(|value| value >> 4);
        assert_eq!(part.block2().map(|block| block.number), asked);
    }
}

/// A server resets pings whether it has asked for something or not.
#[test]
fn nobody_pings_the_port_of_a_service() {
    for kind in [Type::Confirmable, Type::NonConfirmable] {
        let mut world = World::new();
        let client = world::endpoint("192.0.2.1:5683");
        world.pass(client, server(), &ask(kind, 1, "c", None));
        let passage = world.send(server(), client, &response(kind, &[7; 40]));
        assert_eq!(passage.forwarded, None);
        assert!(!passage.injected.iter().any(is_ping));
        if kind == Type::NonConfirmable {
            assert!(echo_of(&passage.injected[0].payload).is_some());
        }
    }
}
