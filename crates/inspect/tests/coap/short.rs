//! Requests of a few bytes, which aren't owed the smallest block of a response.

use std::time::Duration;

use wire::coap::{Code, Type, number};

use crate::world::{self, World, client, content, echo_of, empty, get, message, server};

/// The most that comes for a byte.
const RATIO: usize = 3;

fn bytes_of(inbox: &[world::Datagram]) -> usize {
    let to_client = inbox.iter().filter(|sent| sent.to == client());
    to_client.map(|sent| sent.payload.len()).sum()
}

/// A NON isn't repeated: it is challenged, were it of four bytes.
#[test]
fn a_short_request_that_is_not_repeated_is_challenged() {
    for token in [&[][..], &[1]] {
        for path in ["", "c"] {
            let mut world = World::new();
            let request = get(Type::NonConfirmable, 1, token, path);
            world.pass(client(), server(), &request);
            let response = content(Type::NonConfirmable, 77, token, 300);
            let passage = world.send(server(), client(), &response);
            assert_eq!(passage.forwarded, None);
            let [challenge] = &*passage.injected else {
                panic!("{passage:?}");
            };
            assert!(echo_of(&challenge.payload).is_some());
            assert!(challenge.payload.len() <= RATIO * request.len());
        }
    }
}

/// Whoever forges requests in the name of somebody who rejects what comes, or acknowledges it, draws three bytes for each of
/// his own, were it by a single request; a reply pays for nothing, were it sent twice.
#[test]
fn who_replies_to_everything_draws_three_bytes_for_each_that_was_forged() {
    let replies = [Type::Reset, Type::Acknowledgement];
    let ways =
        [Type::Confirmable, Type::NonConfirmable].map(|kind| replies.map(|reply| (kind, reply)));
    for (kind, reply) in ways.concat() {
        for path in ["", "c", "abc", "sensors/temperature"] {
            let mut world = World::new();
            let (mut sent, mut drawn) = (0, 0);
            for id in 1..200 {
                let request = get(kind, id, &[], path);
                sent += request.len();
                let passage = world.send(client(), server(), &request);
                let is_asked = passage.forwarded.is_some();
                let mut inbox = passage.injected;
                if is_asked {
                    let kind = match kind {
                        Type::Confirmable => Type::Acknowledgement,
                        _ => Type::NonConfirmable,
                    };
                    let response = content(kind, id, &[], 100);
                    let passage = world.send(server(), client(), &response);
                    drawn += passage.forwarded.map_or(0, |payload| payload.len());
                    inbox.extend(passage.injected);
                }
                drawn += bytes_of(&inbox);
                while let Some(got) = inbox.pop().filter(|got| got.to == client()) {
                    let id = u16::from_be_bytes([got.payload[2], got.payload[3]]);
                    for _ in 0..2 {
                        let reply = empty(reply, id);
                        let injected = world.send(client(), server(), &reply).injected;
                        drawn += bytes_of(&injected);
                        inbox.extend(injected);
                    }
                }
                assert!(
                    drawn <= RATIO * sent,
                    "{kind:?}, {reply:?} /{path}: {drawn} for {sent}"
                );
            }
        }
    }
}

/// Who resets what it never asked for is taken for a client without blocks; of a body that its server gives out in large
/// ones, it is sent no large one for that when somebody forges a request for a small one.
#[test]
fn who_resets_blocks_is_sent_no_larger_one_than_was_asked_for() {
    let ask = |kind, id, block2: Option<u32>| {
        message(kind, Code::GET, id, &[7], |builder| {
            let builder = builder.path(number::URI_PATH, "firmware");
            if let Some(block2) = block2 {
                builder.uint(number::BLOCK2, block2);
            }
        })
    };
    let large = |kind, id| {
        message(kind, Code::CONTENT, id, &[7], |builder| {
            builder.uint(number::BLOCK2, 0x0e).payload(&[b'f'; 1024]);
        })
    };
    for kind in [Type::Confirmable, Type::NonConfirmable] {
        for asked in [None, Some(0), Some(2)] {
            let mut world = World::new();
            let (mut sent, mut drawn) = (0, 0);
            for id in 1..40 {
                let request = ask(kind, id, asked.filter(|_| id > 1));
                sent += request.len();
                let passage = world.send(client(), server(), &request);
                let mut inbox = passage.injected;
                if passage.forwarded.is_some() {
                    let kind = match kind {
                        Type::Confirmable => Type::Acknowledgement,
                        _ => Type::NonConfirmable,
                    };
                    let passage = world.send(server(), client(), &large(kind, id));
                    let came = passage.forwarded.iter();
                    inbox.extend(passage.injected);
                    for payload in came {
                        drawn += payload.len();
                        let reset =
                            empty(Type::Reset, u16::from_be_bytes([payload[2], payload[3]]));
                        inbox.extend(world.send(client(), server(), &reset).injected);
                    }
                }
                while let Some(got) = inbox.pop() {
                    if got.to == client() {
                        drawn += got.payload.len();
                        let id = u16::from_be_bytes([got.payload[2], got.payload[3]]);
                        inbox.extend(
                            world
                                .send(client(), server(), &empty(Type::Reset, id))
                                .injected,
                        );
                    }
                }
                assert!(
                    drawn <= RATIO * sent,
                    "{kind:?} {asked:?}: {drawn} for {sent}"
                );
                world.pause(Duration::from_secs(3));
            }
        }
    }
}
