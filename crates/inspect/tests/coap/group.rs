//! A client that asks a group, before anybody knows of it: it hears all the members, whatever it makes of a
//! challenge, and is sent no more than three bytes for one till it has proved its address.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use policy::Reason;
use wire::coap::{Code, Message, Type, number};

use crate::world::{
    Datagram, World, client, cookies_only, echo_of, empty, endpoint, get, message, with_echo,
};

/// What a client makes of a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Knows {
    /// It follows that, at the group or at the member that it came from.
    Echo { at_group: bool },
    /// It takes it for an answer.
    Nothing,
}

const ALL: [Knows; 3] = [
    Knows::Echo { at_group: false },
    Knows::Echo { at_group: true },
    Knows::Nothing,
];
const PATH: &str = ".well-known/core";

/// A client outside, and the members of a group inside.
struct Scene {
    world: World,
    knows: Knows,
    members: Vec<SocketAddr>,
    /// Bytes of a member's body.
    len: usize,
    latest_id: u16,
    /// What is on its way, first come first served: from whom to whom.
    ways: VecDeque<Datagram>,
    /// Requests by their token.
    asked: BTreeMap<Vec<u8>, Vec<u8>>,
    heard: BTreeMap<SocketAddr, Vec<u8>>,
    challenges: usize,
    is_proven: bool,
    /// Bytes of the client's requests.
    owed: usize,
    drawn: usize,
}

fn group() -> SocketAddr {
    endpoint("224.0.1.187:5683")
}

impl Scene {
    fn new(world: World, knows: Knows, members: u8, len: usize) -> Self {
        let member = |last| endpoint(&format!("10.0.0.{last}:5683"));
        Self {
            world,
            knows,
            members: (2..2 + members).map(member).collect(),
            len,
            latest_id: 0x5100,
            ways: VecDeque::new(),
            asked: BTreeMap::new(),
            heard: BTreeMap::new(),
            challenges: 0,
            is_proven: false,
            owed: 0,
            drawn: 0,
        }
    }

    /// What the member of that number has.
    fn body(&self, member: SocketAddr) -> Vec<u8> {
        let SocketAddr::V4(address) = member else {
            panic!("{member}");
        };
        vec![address.ip().octets()[3]; self.len]
    }

    fn say(&mut self, to: SocketAddr, payload: Vec<u8>) {
        if !matches!(payload[..], [_, 0, ..]) {
            self.owed += payload.len();
        }
        let from = client();
        self.ways.push_back(Datagram { from, to, payload });
    }

    fn ask(&mut self) {
        self.latest_id += 1;
        let (kind, id) = (Type::NonConfirmable, self.latest_id);
        let token = id.to_be_bytes();
        let request = get(kind, id, &token, PATH);
        self.asked.insert(token.to_vec(), request.clone());
        self.say(group(), request);
    }

    /// All that is on its way arrives, and what comes of that.
    fn settle(&mut self) {
        while let Some(Datagram { from, to, payload }) = self.ways.pop_front() {
            self.world.pause(Duration::from_millis(1));
            let passage = self.world.send(from, to, &payload);
            for sent in passage.injected {
                if sent.to == client() {
                    self.take(&sent);
                }
            }
            if let Some(payload) = passage.forwarded {
                let sent = Datagram { from, to, payload };
                if to == client() {
                    self.take(&sent);
                } else {
                    self.serve(&sent);
                }
            }
        }
    }

    /// A request is answered by whom it is for.
    fn serve(&mut self, sent: &Datagram) {
        let request = Message::decode(&sent.payload).expect("a message");
        if !request.code().is_request() {
            return;
        }
        assert_eq!(request.echo(), None);
        let members = self.members.clone().into_iter();
        for member in members.filter(|member| sent.to == group() || sent.to == *member) {
            let body = self.body(member);
            let (kind, code) = (Type::NonConfirmable, Code::CONTENT);
            self.latest_id += 1;
            let payload = message(kind, code, self.latest_id, request.token(), |builder| {
                builder.uint(number::CONTENT_FORMAT, 40).payload(&body);
            });
            self.ways.push_back(Datagram {
                from: member,
                to: client(),
                payload,
            });
        }
    }

    /// The client gets a message.
    fn take(&mut self, sent: &Datagram) {
        self.drawn += sent.payload.len();
        assert!(
            self.is_proven || self.drawn <= 3 * self.owed,
            "{:?}: {} for {}",
            self.knows,
            self.drawn,
            self.owed
        );
        let part = Message::decode(&sent.payload).expect("a message");
        let id = part.message_id();
        let asked = self.asked.get(part.token()).cloned();
        assert_eq!(part.block2(), None);
        if part.message_type() == Type::Confirmable {
            let is_known = asked.is_some() && part.code().is_response();
            self.reply(sent.from, id, is_known);
        }
        let Some(request) = asked else {
            return;
        };
        if part.code() == Code::UNAUTHORIZED {
            self.challenges += 1;
            self.follow(sent, &request);
            return;
        }
        assert_eq!(part.code(), Code::CONTENT);
        let before = self.heard.insert(sent.from, part.payload().to_vec());
        assert!(before.is_none() || self.knows != Knows::Nothing, "twice");
    }

    /// What the client says to a CON.
    fn reply(&mut self, to: SocketAddr, id: u16, is_known: bool) {
        // What nobody asked for is there to prove an address.
        self.is_proven |= !is_known;
        let kind = match is_known {
            true => Type::Acknowledgement,
            false => Type::Reset,
        };
        self.say(to, empty(kind, id));
    }

    /// The client does what a challenge asks for, if it knows it.
    fn follow(&mut self, sent: &Datagram, request: &[u8]) {
        let Knows::Echo { at_group } = self.knows else {
            return;
        };
        let cookie = echo_of(&sent.payload).expect("a challenge");
        let to = if at_group { group() } else { sent.from };
        self.is_proven = true;
        self.latest_id += 1;
        let mut repeated = with_echo(request, &cookie);
        repeated[2..4].copy_from_slice(&self.latest_id.to_be_bytes());
        self.say(to, repeated);
    }

    /// Whether each member is heard, whole.
    fn hears_all(&self) -> bool {
        let mut members = self.members.iter();
        members.all(|member| self.heard.get(member) == Some(&self.body(*member)))
    }
}

#[test]
fn who_asks_a_group_hears_all_of_it() {
    for knows in ALL {
        for members in 1..=8 {
            for len in [0, 10, 16, 30, 60, 168, 700, 1500] {
                let mut scene = Scene::new(World::new(), knows, members, len);
                scene.ask();
                scene.settle();
                assert!(
                    scene.hears_all(),
                    "{knows:?}: of {members} members with {len} bytes, {:?}",
                    scene.heard.keys()
                );
                assert!(scene.challenges <= 1, "{knows:?}: {}", scene.challenges);
                assert_eq!(
                    scene.world.log.purposes.len(),
                    scene.world.log.injected.len()
                );
            }
        }
    }
}

/// Where nothing but a cookie counts, all that waits for it goes out as well.
#[test]
fn a_cookie_brings_all_members_that_wait() {
    for at_group in [false, true] {
        let world = World::with(&cookies_only(), inspect::Limits::default());
        let mut scene = Scene::new(world, Knows::Echo { at_group }, 5, 168);
        scene.ask();
        scene.settle();
        assert!(scene.hears_all(), "{:?}", scene.heard.keys());
        assert_eq!(scene.challenges, 1);
    }
}

/// Nothing is held against a member that has answered alone in the meantime.
#[test]
fn who_answers_alone_and_as_a_member_is_no_forger() {
    for knows in ALL {
        let mut scene = Scene::new(World::new(), knows, 3, 168);
        for _ in 0..3 {
            scene.ask();
            scene.settle();
            scene.world.pause(Duration::from_secs(8));
            scene.heard.clear();
        }
        let told = scene.world.log.events.iter().map(|event| event.0);
        let is_expected = |reason| reason == Some(Reason::COAP_AMPLIFICATION_RATIO);
        assert!(
            told.clone().all(is_expected),
            "{:?}",
            told.collect::<Vec<_>>()
        );
    }
}

/// Somebody who never asked is sent three bytes for each that was forged in its name.
#[test]
fn forged_requests_to_a_group_draw_three_times_as_much() {
    for acknowledges in [false, true] {
        let mut world = World::new();
        let (mut sent, mut drawn) = (0, 0);
        for id in 0..100 {
            world.pause(Duration::from_millis(100));
            let request = message(Type::NonConfirmable, Code::GET, id, &[7, 7], |builder| {
                builder.path(number::URI_PATH, PATH);
            });
            sent += request.len();
            world.pass(client(), group(), &request);
            for last in 2..10 {
                let member = endpoint(&format!("10.0.0.{last}:5683"));
                let response = crate::world::content(Type::NonConfirmable, id, &[7, 7], 200);
                let passage = world.send(member, client(), &response);
                let mut inbox = passage.injected;
                drawn += passage.forwarded.map_or(0, |payload| payload.len());
                while let Some(got) = inbox.pop() {
                    if got.to != client() {
                        continue;
                    }
                    drawn += got.payload.len();
                    let of = u16::from_be_bytes([got.payload[2], got.payload[3]]);
                    let kind = match acknowledges {
                        true => Type::Acknowledgement,
                        false => Type::Reset,
                    };
                    inbox.extend(world.send(client(), got.from, &empty(kind, of)).injected);
                }
            }
        }
        assert!(drawn <= 3 * sent, "{drawn} for {sent}");
    }
}
