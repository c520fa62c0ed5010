//! Clients that know RFC 7252 alone: they reject what is in blocks, and hear all of an answer once they have asked for it
//! often enough.

use std::time::Duration;

use wire::coap::{Code, Message, Type};

use crate::world::{World, client, content, empty, get, server};

const TOKEN: &[u8] = &[0x71, 0x72];
const TOKEN_OF_OTHER: &[u8] = &[0x73];
const PATH: &str = "sensors/engine";

/// A client, a server, and what passes between them.
struct Scene {
    world: World,
    /// Whether the client resets what it rejects.
    resets: bool,
    latest_id: u16,
    heard: Option<Vec<u8>>,
    /// Messages with a block.
    blocks: usize,
    is_proven: bool,
    owed: usize,
    drawn: usize,
}

impl Scene {
    fn new(resets: bool) -> Self {
        Self {
            world: World::new(),
            resets,
            latest_id: 0x600,
            heard: None,
            blocks: 0,
            is_proven: false,
            owed: 0,
            drawn: 0,
        }
    }

    /// The client asks for so many bytes until it hears them: by sending a CON again (RFC 7252 §4.2), or by asking with
    /// another NON. Returns how often it sent.
    fn ask(&mut self, kind: Type, len: usize) -> u32 {
        self.heard = None;
        self.latest_id += 1;
        for times in 1..=5 {
            if kind == Type::NonConfirmable {
                self.latest_id += 1;
            }
            self.transmit(kind, len);
            let wait = if kind == Type::Confirmable {
                1 << times
            } else {
                3
            };
            self.world.pause(Duration::from_secs(wait));
            if let Some(heard) = &self.heard {
                assert_eq!(*heard, vec![b'x'; len]);
                return times;
            }
        }
        panic!("{kind:?}, resets: {}, {len} bytes: unheard", self.resets);
    }

    fn transmit(&mut self, kind: Type, len: usize) {
        let id = self.latest_id;
        let request = get(kind, id, TOKEN, PATH);
        self.owed += request.len();
        let passage = self.world.send(client(), server(), &request);
        self.take_all(passage.injected);
        if passage.forwarded.is_none() {
            return;
        }
        let response = match kind {
            Type::Confirmable => content(Type::Acknowledgement, id, TOKEN, len),
            _ => content(Type::NonConfirmable, !id, TOKEN, len),
        };
        let passage = self.world.send(server(), client(), &response);
        self.take_all(passage.injected);
        if let Some(response) = passage.forwarded {
            self.take(&response);
        }
    }

    fn take_all(&mut self, injected: Vec<crate::world::Datagram>) {
        for sent in injected {
            if sent.to == client() {
                self.take(&sent.payload);
            }
        }
    }

    /// The client gets a message, and hears what it knows.
    fn take(&mut self, payload: &[u8]) {
        self.drawn += payload.len();
        assert!(
            self.is_proven || self.drawn <= 3 * self.owed,
            "{} for {}",
            self.drawn,
            self.owed
        );
        let message = Message::decode(payload).expect("a message");
        assert_ne!(message.code(), Code::UNAUTHORIZED);
        let is_block = message.block2().is_some();
        self.blocks += usize::from(is_block);
        let is_known = message.token() == TOKEN && !is_block;
        let is_confirmable = message.message_type() == Type::Confirmable;
        if is_known {
            self.heard = Some(message.payload().to_vec());
        }
        let reply = match message.message_type() {
            Type::Acknowledgement | Type::Reset => return,
            _ if is_known && is_confirmable => Type::Acknowledgement,
            _ if is_known || !self.resets && is_block => return,
            _ => Type::Reset,
        };
        // What nobody asked for is there to prove an address.
        self.is_proven |= !is_known && !is_block;
        let reply = empty(reply, message.message_id());
        let injected = self.world.send(client(), server(), &reply).injected;
        self.take_all(injected);
    }
}

#[test]
fn who_knows_no_blocks_hears_the_whole_in_the_end() {
    for kind in [Type::Confirmable, Type::NonConfirmable] {
        for resets in [true, false] {
            for len in [60, 100, 151, 190] {
                let mut scene = Scene::new(resets);
                scene.ask(kind, len);
                assert!(scene.blocks <= 1, "{kind:?}: {}", scene.blocks);
                scene.ask(kind, len);
                for _ in 0..3 {
                    scene.ask(kind, len);
                }
                assert!(scene.blocks <= 1, "{kind:?}: {}", scene.blocks);
                assert!(scene.is_proven, "{kind:?}, resets: {resets}, {len} bytes");
                assert_eq!(scene.ask(kind, len), 1);
            }
        }
    }
}

/// Somebody who never asked, and resets all that comes, is sent three bytes for each that was forged in its name.
#[test]
fn who_rejects_blocks_draws_no_more_for_it() {
    for kind in [Type::Confirmable, Type::NonConfirmable] {
        let mut scene = Scene::new(true);
        for _ in 0..40 {
            scene.latest_id += 1;
            // It is asked under another token than the victim knows.
            let id = scene.latest_id;
            let request = get(kind, id, &[9, 9], PATH);
            scene.owed += request.len();
            let passage = scene.world.send(client(), server(), &request);
            let mut inbox = passage.injected;
            if passage.forwarded.is_some() {
                let response = match kind {
                    Type::Confirmable => content(Type::Acknowledgement, id, &[9, 9], 150),
                    _ => content(Type::NonConfirmable, !id, &[9, 9], 150),
                };
                let passage = scene.world.send(server(), client(), &response);
                scene.drawn += passage.forwarded.map_or(0, |payload| payload.len());
                inbox.extend(passage.injected);
            }
            while let Some(got) = inbox.pop() {
                if got.to != client() {
                    continue;
                }
                scene.drawn += got.payload.len();
                let of = u16::from_be_bytes([got.payload[2], got.payload[3]]);
                let reset = empty(Type::Reset, of);
                inbox.extend(scene.world.send(client(), server(), &reset).injected);
            }
            scene.world.pause(Duration::from_secs(2));
        }
        let most = 3 * (scene.owed + 4 * 4 * 2);
        assert!(scene.drawn <= most, "{}: {}", scene.drawn, scene.owed);
    }
}

/// A first block may get lost: its client asks again, and goes on with whatever comes.
#[test]
fn a_lost_first_block_loses_nothing() {
    for (len, in_blocks) in [(151, false), (900, true)] {
        let mut scene = Scene::new(true);
        let request = get(Type::Confirmable, 1, TOKEN, PATH);
        let response = content(Type::Acknowledgement, 1, TOKEN, len);
        let mut got = Vec::new();
        for wait in [2, 4, 8, 16, 32] {
            let passage = scene.world.send(client(), server(), &request);
            got = passage.injected;
            if passage.forwarded.is_some() {
                got = scene.world.send(server(), client(), &response).injected;
            }
            scene.world.pause(Duration::from_secs(wait));
            let is_lost = wait == 2;
            if !is_lost && got.iter().any(|sent| sent.payload[1] != 0) {
                break;
            }
        }
        let part = got.iter().find(|sent| sent.payload[1] != 0);
        let part = Message::decode(&part.expect("a response").payload).expect("a message");
        assert_eq!(part.block2().is_some(), in_blocks, "{len}");
    }
}

/// A client whose first block got lost may know of blocks: the last time that it asks, it gets what there is room for, and
/// what it asks for meanwhile by a NON, which it sends once, doesn't wait for more.
#[test]
fn who_is_taken_for_one_without_need_hears_the_beginning() {
    let mut world = World::new();
    let request = get(Type::Confirmable, 1, TOKEN, PATH);
    let response = content(Type::Acknowledgement, 1, TOKEN, 120);
    let mut told = Vec::new();
    for wait in [2, 4, 8, 16, 32] {
        let mut passage = world.send(client(), server(), &request);
        if passage.forwarded.is_some() {
            passage = world.send(server(), client(), &response);
        }
        let of_it = passage.injected.into_iter().map(|sent| sent.payload);
        told.push(of_it.filter(|sent| sent[1] != 0).count());
        if wait == 4 {
            let other = get(Type::NonConfirmable, 2, TOKEN_OF_OTHER, "sensors/oil");
            world.pass(client(), server(), &other);
            let response = content(Type::NonConfirmable, 700, TOKEN_OF_OTHER, 400);
            let said = world.send(server(), client(), &response).injected;
            let said = Message::decode(&said[0].payload).expect("a message");
            assert!(said.block2().is_some_and(|block| block.number == 0));
        }
        world.pause(Duration::from_secs(wait));
    }
    assert_eq!((told[0], told[1], told[4]), (1, 0, 1), "{told:?}");
}

/// A separate response that went to its client as it is comes again as it is: under another message ID, one that has it
/// already would reject it.
#[test]
fn what_has_gone_on_comes_again_in_no_other_form() {
    // All that there is room for, but a few bytes.
    let found = (20..400).rev().find_map(|len| {
        let mut world = taken_for_plain();
        let other = get(Type::NonConfirmable, 2, TOKEN_OF_OTHER, "sensors/oil");
        world.pass(client(), server(), &other);
        let answer = content(Type::Confirmable, 700, TOKEN_OF_OTHER, len);
        let passage = world.send(server(), client(), &answer);
        passage.forwarded.map(|answer| (world, answer))
    });
    let (mut world, answer) = found.expect("room for one");
    let room = get(Type::NonConfirmable, 3, &[0x74], &"x".repeat(200));
    world.pass(client(), server(), &room);
    world.pause(Duration::from_secs(2));
    world.pass(server(), client(), &answer);
}

/// A client that has asked once more for what it was sent the first block of.
fn taken_for_plain() -> World {
    let mut world = World::new();
    let request = get(Type::Confirmable, 1, TOKEN, PATH);
    let response = content(Type::Acknowledgement, 1, TOKEN, 120);
    for _ in 0..2 {
        world.pass(client(), server(), &request);
        world.send(server(), client(), &response);
        world.pause(Duration::from_secs(2));
    }
    world
}
