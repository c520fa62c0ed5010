//! Clients that ask for several things at once, before anybody knows of them: each comes, in whatever order the
//! datagrams meet.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use wire::coap::{Code, Message, Type, number};

use crate::model::Dice;
use crate::world::{World, client, empty, message, server};

/// The resources of the server, by what their paths end with.
const RESOURCES: [(u8, usize); 5] = [
    (b'a', 20),
    (b'b', 30),
    (b'c', 80),
    (b'd', 300),
    (b'e', 1000),
];

/// Ways of a datagram.
const TO_SERVER: [usize; 2] = [0, 1];
const TO_CLIENT: [usize; 2] = [2, 3];

/// A client and a server, and what is on its way: between each of them and the gateway in the order in which it was
/// sent.
struct Scene {
    world: World,
    dice: Dice,
    ways: [VecDeque<Vec<u8>>; 4],
    kind: Type,
    /// Of the latest request: its token too.
    latest_id: u16,
    /// What is asked for, by the token: the resource, and the request.
    asked: BTreeMap<u16, (u8, Vec<u8>)>,
    bodies: Vec<(u8, Vec<u8>)>,
    /// What isn't there yet, and its body so far.
    open: BTreeMap<u16, Vec<u8>>,
    answers: BTreeMap<u16, Vec<u8>>,
}

impl Scene {
    fn new(seed: u64, kind: Type) -> Self {
        Self {
            world: World::new(),
            dice: Dice(seed),
            ways: Default::default(),
            kind,
            latest_id: 0x4f00,
            asked: BTreeMap::new(),
            bodies: Vec::new(),
            open: BTreeMap::new(),
            answers: BTreeMap::new(),
        }
    }

    /// The client asks for a resource, or for a block of it.
    fn ask(&mut self, resource: u8, block2: Option<u32>, body: Vec<u8>) {
        self.latest_id += 1;
        let id = self.latest_id;
        let request = message(self.kind, Code::GET, id, &id.to_be_bytes(), |builder| {
            let builder = builder.option(number::URI_PATH, &[b's', b'/', resource]);
            let block2 = block2.into_iter();
            block2
                .fold(builder, |builder, value| {
                    builder.uint(number::BLOCK2, value)
                })
                .payload(&[]);
        });
        self.asked.insert(id, (resource, request.clone()));
        self.open.insert(id, body);
        self.ways[TO_SERVER[0]].push_back(request);
    }

    /// What is under way arrives, and what comes of that, until nothing is.
    fn settle(&mut self) {
        loop {
            let busy: Vec<_> = (0..4).filter(|way| !self.ways[*way].is_empty()).collect();
            if busy.is_empty() {
                return;
            }
            let way = busy[self.dice.roll(busy.len() as u64) as usize];
            let datagram = self.ways[way].pop_front().expect("it isn't empty");
            if way == TO_SERVER[0] || way == TO_CLIENT[0] {
                self.pass_gateway(way, &datagram);
            } else if way == TO_SERVER[1] {
                self.serve(&datagram);
            } else {
                self.take(&datagram);
            }
        }
    }

    fn pass_gateway(&mut self, way: usize, datagram: &[u8]) {
        let (from, to) = match way == TO_SERVER[0] {
            true => (client(), server()),
            false => (server(), client()),
        };
        self.world.pause(Duration::from_micros(100));
        let passage = self.world.send(from, to, datagram);
        self.ways[way + 1].extend(passage.forwarded);
        for sent in passage.injected {
            let ways = if sent.to == client() {
                TO_CLIENT
            } else {
                TO_SERVER
            };
            self.ways[ways[1]].push_back(sent.payload);
        }
    }

    /// The server answers a request with all that there is.
    fn serve(&mut self, datagram: &[u8]) {
        let request = Message::decode(datagram).expect("a message");
        assert_eq!(request.code(), Code::GET, "the gateway sends it nothing");
        let (resource, _) = self.asked[&token_of(&request).expect("one of the client's")];
        let size = RESOURCES.iter().find(|(name, _)| *name == resource);
        let body = vec![resource; size.expect("one of them").1];
        let kind = match request.message_type() {
            Type::Confirmable => Type::Acknowledgement,
            _ => Type::NonConfirmable,
        };
        let fresh = || {
            message(
                kind,
                Code::CONTENT,
                request.message_id(),
                request.token(),
                |builder| builder.payload(&body),
            )
        };
        let response = self
            .answers
            .entry(request.message_id())
            .or_insert_with(fresh);
        self.ways[TO_CLIENT[0]].push_back(response.clone());
    }

    /// The client acknowledges what it asked for, resets what it didn't, and asks for block after block.
    fn take(&mut self, datagram: &[u8]) {
        let part = Message::decode(datagram).expect("a message");
        assert_ne!(part.code(), Code::UNAUTHORIZED, "it follows no Echo");
        let token = token_of(&part);
        let body = token.and_then(|token| self.open.remove(&token));
        if part.message_type() == Type::Confirmable {
            let is_known = token.is_some_and(|token| self.asked.contains_key(&token));
            let kind = match is_known {
                true => Type::Acknowledgement,
                false => Type::Reset,
            };
            self.ways[TO_SERVER[0]].push_back(empty(kind, part.message_id()));
        }
        let (Some(token), Some(mut body)) = (token, body) else {
            return;
        };
        let resource = self.asked[&token].0;
        let block = part.block2();
        assert_eq!(block.map_or(0, |block| block.offset()), body.len() as u64);
        body.extend_from_slice(part.payload());
        match block.filter(|block| block.more) {
            Some(block) => {
                let next = (block.number + 1) << 4 | u32::from(block.szx);
                self.ask(resource, Some(next), body);
            }
            None => self.bodies.push((resource, body)),
        }
    }

    /// What isn't answered is asked once more, if that may be.
    fn repeat(&mut self) {
        self.world.pause(Duration::from_secs(2));
        let requests = self.open.keys().map(|token| self.asked[token].1.clone());
        let requests: Vec<_> = requests.collect();
        self.ways[TO_SERVER[0]].extend(requests);
    }
}

/// A token of the client's.
fn token_of(message: &Message<'_>) -> Option<u16> {
    Some(u16::from_be_bytes(message.token().try_into().ok()?))
}

/// What comes of a client's asking for so many of the resources at once.
fn ask_together(seed: u64, kind: Type, count: usize) {
    let mut scene = Scene::new(seed, kind);
    // Of NONs, each has to bring room for its response: there is no second.
    let resources = match kind {
        Type::Confirmable => &RESOURCES[..],
        _ => &RESOURCES[..1],
    };
    let mut wanted: Vec<_> = (0..count)
        .map(|_| resources[scene.dice.roll(resources.len() as u64) as usize])
        .collect();
    for (resource, _) in &wanted {
        scene.ask(*resource, None, Vec::new());
    }
    scene.settle();
    // What is asked for by a NON comes at once, or never.
    let repetitions = if kind == Type::Confirmable { 4 } else { 0 };
    for _ in 0..repetitions {
        scene.repeat();
        scene.settle();
    }
    scene.bodies.sort_unstable();
    wanted.sort_unstable();
    let got: Vec<_> = scene
        .bodies
        .iter()
        .map(|(name, body)| (*name, body.len()))
        .collect();
    assert_eq!(got, wanted, "{kind:?}, seed {seed}");
    let is_whole = |(name, body): &(u8, Vec<u8>)| body.iter().all(|byte| byte == name);
    assert!(scene.bodies.iter().all(is_whole));
}

/// As many as a client has under way that is no strain (RFC 7252 §4.7), and more than it may be asked to acknowledge.
#[test]
fn what_is_asked_for_together_comes() {
    for seed in 0..300 {
        for count in (1..=4).chain((seed % 4 == 1).then_some(10)) {
            ask_together(seed, Type::Confirmable, count);
        }
        for count in 1..=3 {
            ask_together(seed, Type::NonConfirmable, count);
        }
    }
}
