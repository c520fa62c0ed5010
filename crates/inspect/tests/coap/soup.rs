//! Whatever is forged in the name of somebody, and whatever that does with what it gets but to ask for it: three bytes come
//! for each that was forged, at most, after each of them.

use std::time::Duration;

use wire::coap::{Code, Message, Type, number};

use crate::model::Dice;
use crate::world::{Passage, World, client, empty, message, server};

const RATIO: usize = 3;
const FORGED: usize = 24;

/// What somebody does with what it never asked for, who has its port open.
#[derive(Debug, Clone, Copy)]
enum Victim {
    Silent,
    /// Resets whatever comes.
    Resets,
    /// Acknowledges whatever is to be acknowledged, and what isn't.
    Acknowledges,
    /// Resets responses, and answers what else is confirmable, as a server of CoAP does.
    Serves,
    /// Answers whatever comes with a failure.
    Fails,
    /// Does any of that by chance.
    Erratic,
}

const VICTIMS: [Victim; 6] = [
    Victim::Silent,
    Victim::Resets,
    Victim::Acknowledges,
    Victim::Serves,
    Victim::Fails,
    Victim::Erratic,
];

impl Victim {
    fn says(self, got: &[u8]) -> Vec<Vec<u8>> {
        let got = Message::decode(got).expect("a message");
        let id = got.message_id();
        let is_response = got.code().is_response();
        let is_confirmable = got.message_type() == Type::Confirmable;
        let failure = || {
            message(
                Type::Acknowledgement,
                Code::NOT_FOUND,
                id,
                got.token(),
                |_| {},
            )
        };
        match self {
            Self::Silent => vec![],
            Self::Resets => vec![empty(Type::Reset, id)],
            Self::Acknowledges => vec![empty(Type::Acknowledgement, id); 2],
            Self::Serves if is_response => vec![empty(Type::Reset, id)],
            Self::Serves if is_confirmable => vec![failure()],
            Self::Serves => vec![],
            Self::Fails => vec![failure()],
            Self::Erratic => unreachable!("it is one of the others each time"),
        }
    }
}

struct Scene {
    world: World,
    dice: Dice,
    victim: Victim,
    forged: usize,
    arrived: usize,
    /// It has reset what nobody asked for, having acknowledged something: whoever does that may have asked.
    is_proven: bool,
    /// Of the server's own messages.
    next_id: u16,
}

impl Scene {
    fn roll<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.dice.roll(from.len() as u64) as usize]
    }

    /// A request, or a reply to nothing.
    fn forge(&mut self) -> Vec<u8> {
        let kind = self.roll(&[Type::Confirmable, Type::NonConfirmable]);
        let id = self.roll(&[7, 8, self.next_id ^ 0x55aa, self.dice.0 as u16]);
        if self.dice.roll(8) == 0 {
            let kind = self.roll(&[Type::Acknowledgement, Type::Reset, Type::Confirmable]);
            return empty(kind, id);
        }
        let code = self.roll(&[Code::GET, Code::GET, Code::GET, Code::POST]);
        let token: &[u8] = self.roll(&[&[], &[1], &[1], &[1, 2], &[9; 8]]);
        let path = self.roll(&["", "a", "firmware", "sensors/temperature"]);
        let block2 = self.roll(&[
            None,
            None,
            Some(0),
            Some(2),
            Some(6),
            Some(0x10),
            Some(0x16),
        ]);
        let observes = code == Code::GET && self.dice.roll(5) == 0;
        let query = self.roll(&[None, None, None, Some([b'x'; 60])]);
        message(kind, code, id, token, |builder| {
            let builder = match observes {
                true => builder.uint(number::OBSERVE, 0),
                false => builder,
            };
            let builder = builder.path(number::URI_PATH, path);
            let builder = query.iter().fold(builder, |builder, query| {
                builder.option(number::URI_QUERY, query)
            });
            block2
                .into_iter()
                .fold(builder, |builder, value| {
                    builder.uint(number::BLOCK2, value)
                })
                .payload(&[]);
        })
    }

    /// What the server makes of a request: a small response or a large one, in blocks of its own or as large as asked for,
    /// on the acknowledgement or apart.
    fn answer(&mut self, request: &[u8]) -> Vec<Vec<u8>> {
        let request = Message::decode(request).expect("the gateway lets nothing else through");
        if !request.code().is_request() {
            return vec![];
        }
        let (id, token) = (request.message_id(), request.token());
        self.next_id += 1;
        let is_separate = self.dice.roll(4) == 0;
        let (kind, own) = match request.message_type() {
            Type::Confirmable if is_separate => (Type::Confirmable, self.next_id),
            Type::Confirmable => (Type::Acknowledgement, id),
            _ => (
                self.roll(&[Type::NonConfirmable, Type::Confirmable]),
                self.next_id,
            ),
        };
        let len = self.roll(&[0, 8, 40, 300, 1024, 1024]);
        let code = self.roll(&[Code::CONTENT, Code::CONTENT, Code::CONTENT, Code::NOT_FOUND]);
        let asked = request.block2();
        let notifies = request.observe() == Some(0) && code == Code::CONTENT;
        let sequence = u32::from(self.next_id);
        let response = message(kind, code, own, token, |builder| {
            let builder = match notifies {
                true => builder.uint(number::OBSERVE, sequence),
                false => builder,
            };
            match asked.filter(|_| code == Code::CONTENT) {
                Some(asked) => {
                    let size = 16 << asked.szx;
                    let more = u32::from(len > size) << 3;
                    let value = asked.number << 4 | more | u32::from(asked.szx);
                    let builder = builder.uint(number::BLOCK2, value);
                    builder.payload(&vec![b'b'; len.min(size)]);
                }
                None if len == 1024 && code == Code::CONTENT => {
                    builder.uint(number::BLOCK2, 0x0e).payload(&vec![b'b'; len]);
                }
                None => builder.payload(&vec![b'b'; len]),
            }
        });
        let ack = (kind == Type::Confirmable && request.message_type() == Type::Confirmable)
            .then(|| empty(Type::Acknowledgement, id));
        let times = 1 + usize::from(kind == Type::Confirmable && self.dice.roll(2) == 0);
        ack.into_iter().chain(vec![response; times]).collect()
    }

    /// What comes of a datagram: to its victim, and from there, and so on.
    fn settle(&mut self, passage: Passage, is_to_victim: bool) {
        let (mut to_victim, mut to_server) = (vec![], vec![]);
        match is_to_victim {
            true => to_victim.extend(passage.forwarded),
            false => to_server.extend(passage.forwarded),
        }
        for own in passage.injected {
            match own.to == client() {
                true => to_victim.push(own.payload),
                false => to_server.push(own.payload),
            }
        }
        for payload in to_victim {
            self.arrived += payload.len();
            let victim = match self.victim {
                Victim::Erratic => self.roll(&VICTIMS[..5]),
                victim => victim,
            };
            for reply in victim.says(&payload) {
                self.is_proven |= is_decoy(&payload) && reply[0] == 0x70;
                let passage = self.world.send(client(), server(), &reply);
                self.settle(passage, false);
            }
        }
        for payload in to_server {
            for response in self.answer(&payload) {
                let passage = self.world.send(server(), client(), &response);
                self.settle(passage, true);
            }
        }
    }
}

/// Whether it is a confirmable response of no more than a header and a token of four bytes.
fn is_decoy(payload: &[u8]) -> bool {
    payload.len() == 8 && payload[0] == 0x44 && payload[1] == Code::CONTENT.0
}

#[test]
fn no_victim_gets_more_than_three_bytes_for_each_that_was_forged_in_its_name() {
    let seeds =
        std::env::var("WEIR_SOUP_SEEDS").map_or(1500, |seeds| seeds.parse().expect("how many"));
    for seed in 0..seeds {
        for victim in VICTIMS {
            let mut scene = Scene {
                world: World::new(),
                dice: Dice(seed),
                victim,
                forged: 0,
                arrived: 0,
                is_proven: false,
                next_id: 0x3000,
            };
            scene.world.pause(Duration::from_secs(120));
            for _ in 0..FORGED {
                let datagram = scene.forge();
                for _ in 0..scene.roll(&[1, 1, 1, 2]) {
                    scene.forged += datagram.len();
                    let passage = scene.world.send(client(), server(), &datagram);
                    scene.settle(passage, false);
                    let (arrived, forged) = (scene.arrived, scene.forged);
                    assert!(
                        arrived <= RATIO * forged || scene.is_proven,
                        "{victim:?}, seed {seed}: {arrived} for {forged}"
                    );
                }
                let pause = scene.roll(&[20, 300, 2200, 6000]);
                scene.world.pause(Duration::from_millis(pause));
            }
        }
    }
}
