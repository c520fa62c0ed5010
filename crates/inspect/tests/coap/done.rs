//! What clients that follow no Echo ask to be done is done once, whatever way its response takes.

use std::net::SocketAddr;

use wire::coap::{Code, Message, Type, number};

use crate::delivery::is_validated;
use crate::world::{World, client, content, echo_of, empty, get, message, server, with_echo};

pub(crate) const TOKEN: &[u8] = &[0xa1];

/// What a client does with what it is sent: it acknowledges what it asked for, resets what it didn't, and asks
/// for block after block by the request that `ask` makes. Returns the body.
pub(crate) fn collect(
    world: &mut World,
    mut inbox: Vec<crate::world::Datagram>,
    ask: impl Fn(u16, u32) -> Vec<u8>,
) -> Vec<u8> {
    let mut got = Vec::new();
    for id in 500.. {
        let mut more = None;
        while let Some(sent) = inbox.pop() {
            if sent.to != client() {
                continue;
            }
            let part = Message::decode(&sent.payload).expect("a message");
            assert_ne!(part.code(), Code::UNAUTHORIZED);
            if part.message_type() == Type::Confirmable {
                let kind = match part.token() == TOKEN {
                    true => Type::Acknowledgement,
                    false => Type::Reset,
                };
                let reply = empty(kind, part.message_id());
                inbox.extend(world.send(client(), server(), &reply).injected);
            }
            if part.token() == TOKEN {
                got.extend_from_slice(part.payload());
                let next = part.block2().filter(|block| block.more);
                more = next.map(|block| (block.number + 1) << 4 | u32::from(block.szx));
            }
        }
        let Some(next) = more else { break };
        // It asks again while it isn't answered.
        for _ in 0..3 {
            let passage = world.send(client(), server(), &ask(id, next));
            assert_eq!(passage.forwarded, None, "the server has done it");
            inbox = passage.injected;
            if !inbox.is_empty() {
                break;
            }
            world.pause(std::time::Duration::from_secs(3));
        }
    }
    got
}

/// A POST whose response is too large is carried out once: the client gets the response in portions, and not the
/// challenge that would have it ask again.
#[test]
fn what_was_done_isn_t_asked_for_again() {
    for separately in [false, true] {
        let mut world = World::new();
        let post = |id, block2: Option<u32>| {
            message(Type::Confirmable, Code::POST, id, TOKEN, |builder| {
                let builder = builder.path(number::URI_PATH, "reports");
                match block2 {
                    Some(value) => builder.uint(number::BLOCK2, value).payload(&[]),
                    None => builder.payload(b"now!"),
                }
            })
        };
        world.pass(client(), server(), &post(1, None));
        let body = [b'r'; 100];
        let response = |kind, id| {
            message(kind, Code::CHANGED, id, TOKEN, |builder| {
                builder.payload(&body)
            })
        };
        let response = if separately {
            world.promise(server(), client(), 1);
            response(Type::Confirmable, 77)
        } else {
            response(Type::Acknowledgement, 1)
        };
        let passage = world.send(server(), client(), &response);
        let got = collect(&mut world, passage.injected, |id, next| {
            post(id, Some(next))
        });
        assert_eq!(got, body);
        assert!(is_validated(&mut world));
    }
}

/// A first request of a few bytes isn't owed a block: its response waits until its client
/// sends it again, as it does with what isn't acknowledged. The server does nothing twice.
#[test]
fn a_short_request_is_answered_once_it_is_repeated() {
    for (code, path) in [(Code::GET, "c"), (Code::GET, ""), (Code::POST, "c")] {
        for len in [12, 20, 100, 300] {
            let mut world = World::new();
            let ask = |id, block2: Option<u32>| {
                message(Type::Confirmable, code, id, TOKEN, |builder| {
                    let builder = builder.path(number::URI_PATH, path);
                    block2
                        .into_iter()
                        .fold(builder, |builder, value| {
                            builder.uint(number::BLOCK2, value)
                        })
                        .payload(&[]);
                })
            };
            let (request, body) = (ask(1, None), vec![b'c'; len]);
            let response = message(Type::Acknowledgement, Code::CONTENT, 1, TOKEN, |builder| {
                builder.uint(number::CONTENT_FORMAT, 40).payload(&body)
            });
            world.pass(client(), server(), &request);
            let passage = world.send(server(), client(), &response);
            let (mut arrived, mut transmissions) = (passage.forwarded, 1);
            let mut towards: usize = passage.injected.iter().map(|sent| sent.payload.len()).sum();
            let mut inbox = Vec::new();
            while arrived.is_none() && inbox.is_empty() {
                assert!(transmissions < 4, "{code:?} /{path} {len}");
                transmissions += 1;
                world.pause(std::time::Duration::from_secs(3));
                let passage = world.send(client(), server(), &request);
                assert_eq!(passage.forwarded, None, "the server has done it");
                inbox = passage.injected;
            }
            towards += inbox.iter().map(|sent| sent.payload.len()).sum::<usize>();
            assert!(towards <= 3 * transmissions * request.len());
            let got = match arrived.take() {
                Some(whole) => Message::decode(&whole)
                    .expect("a message")
                    .payload()
                    .to_vec(),
                None => collect(&mut world, inbox, |id, next| ask(id, Some(next))),
            };
            assert_eq!(got, body, "{code:?} /{path}");
        }
    }
}

/// Only the very same request draws what is withheld.
#[test]
fn what_is_withheld_is_for_whom_has_asked() {
    let mut world = World::new();
    let request = get(Type::Confirmable, 1, TOKEN, "c");
    world.pass(client(), server(), &request);
    let response = content(Type::Acknowledgement, 1, TOKEN, 100);
    let passage = world.send(server(), client(), &response);
    assert!(passage.forwarded.is_none() && passage.injected.is_empty());
    world.pass(client(), server(), &get(Type::Confirmable, 1, TOKEN, "d"));
    let elsewhere = crate::world::endpoint("192.0.2.1:41000");
    world.pass(elsewhere, server(), &request);
}

/// OSCORE's blocks are outer ones: what asks for the next has no ciphertext (RFC 8613 §4.1.3.4.2).
#[test]
fn a_protected_response_is_given_out_in_blocks_too() {
    let mut world = World::new();
    let ask = |id, block2: Option<u32>| {
        message(Type::Confirmable, Code::POST, id, TOKEN, |builder| {
            let builder = builder.option(number::OSCORE, &[9, 1, 1]);
            match block2 {
                Some(value) => builder.uint(number::BLOCK2, value).payload(&[]),
                None => builder.payload(&[0x63; 30]),
            }
        })
    };
    world.pass(client(), server(), &ask(1, None));
    let body = [0x64; 320];
    let response = message(Type::Acknowledgement, Code::CHANGED, 1, TOKEN, |builder| {
        builder.option(number::OSCORE, &[]).payload(&body)
    });
    let passage = world.send(server(), client(), &response);
    let got = collect(&mut world, passage.injected, |id, next| ask(id, Some(next)));
    assert_eq!(got, body);
    assert!(is_validated(&mut world));
}

/// A POST so short that no block of its response goes out, and that isn't repeated: the client asks once more, with
/// the proof, and gets what is kept.
#[test]
fn what_can_t_be_answered_in_blocks_is_done_once_all_the_same() {
    for separately in [false, true] {
        let mut world = World::new();
        let asked = match separately {
            true => Type::Confirmable,
            false => Type::NonConfirmable,
        };
        let post = |id, token: &[u8]| {
            message(asked, Code::POST, id, token, |builder| {
                builder.path(number::URI_PATH, "r").payload(&[]);
            })
        };
        world.pass(client(), server(), &post(1, TOKEN));
        let response = |kind, id| {
            message(kind, Code::CHANGED, id, TOKEN, |builder| {
                builder.payload(&[b'r'; 100]);
            })
        };
        let response = match separately {
            true => response(Type::Confirmable, 77),
            false => response(Type::NonConfirmable, 77),
        };
        let passage = world.send(server(), client(), &response);
        let cookie = echo_of(&passage.injected[0].payload).expect("a challenge");
        if separately {
            let told = &passage.injected[1].payload;
            assert_eq!(*told, empty(Type::Acknowledgement, 77), "it has arrived");
        }
        let again = with_echo(&post(2, &[0xb1]), &cookie);
        for _ in 0..2 {
            let passage = world.send(client(), server(), &again);
            assert_eq!(passage.forwarded, None, "the server has done it");
            let answer = Message::decode(&passage.injected[0].payload).expect("a message");
            assert_eq!(
                (answer.code(), answer.payload()),
                (Code::CHANGED, &[b'r'; 100][..])
            );
            assert_eq!(answer.token(), [0xb1]);
            assert!(!separately || answer.message_id() == 2);
            let kind = match separately {
                true => Type::Acknowledgement,
                false => Type::NonConfirmable,
            };
            assert_eq!(answer.message_type(), kind);
        }
        // Whoever presses the button once more means it.
        let more = with_echo(&post(3, &[0xb2]), &cookie);
        let passage = world.send(client(), server(), &more);
        assert_eq!(passage.forwarded, Some(post(3, &[0xb2])));
    }
}

/// Only the one who has it done gets the answer, and only to that.
#[test]
fn what_was_done_for_one_is_no_answer_for_another() {
    let mut world = World::new();
    let post = |id, payload: &[u8]| {
        message(Type::NonConfirmable, Code::POST, id, &[], |builder| {
            builder.path(number::URI_PATH, "r").payload(payload);
        })
    };
    world.pass(client(), server(), &post(1, b""));
    let response = message(Type::NonConfirmable, Code::CHANGED, 77, &[], |builder| {
        builder.payload(&[b'r'; 100]);
    });
    let passage = world.send(server(), client(), &response);
    let cookie = echo_of(&passage.injected[0].payload).expect("a challenge");
    let other = with_echo(&post(2, b"x"), &cookie);
    assert!(world.send(client(), server(), &other).forwarded.is_some());
    let port = SocketAddr::new(client().ip(), 40_001);
    let elsewhere = with_echo(&post(3, b""), &cookie);
    assert!(world.send(port, server(), &elsewhere).forwarded.is_some());
}
