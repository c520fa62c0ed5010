//! Clients and servers that keep to the rules, over a network that loses, repeats and reorders: none of
//! their datagrams is ever taken for a forgery, and their work gets done.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use inspect::Instant;
use policy::{Reason, Verdict};
use wire::coap::{Block, Code, Message, Type, number};

use crate::model::Dice;
use crate::world::{
    World, content, empty, endpoint, get, message, notification, observe, with_echo,
};

/// What a client wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    Read,
    ReadLarge,
    ReadSlowly,
    ReadUnreliably,
    Write,
    Observe,
}

const TASKS: [Task; 6] = [
    Task::Read,
    Task::ReadLarge,
    Task::ReadSlowly,
    Task::ReadUnreliably,
    Task::Write,
    Task::Observe,
];
/// RFC 7252 §4.8.
const ACK_TIMEOUT: Duration = Duration::from_secs(2);
const MAX_RETRANSMIT: u32 = 4;
/// The body of the only resource that is larger than what an unknown client may get.
const FIRMWARE_LEN: usize = 1024;

#[derive(Debug)]
enum Happening {
    /// A datagram comes to the gateway, or past it to its receiver.
    AtGateway {
        from: SocketAddr,
        to: SocketAddr,
        payload: Vec<u8>,
    },
    AtEnd {
        from: SocketAddr,
        to: SocketAddr,
        payload: Vec<u8>,
    },
    /// A CON that may have to be sent again.
    Retransmit {
        from: SocketAddr,
        to: SocketAddr,
        id: u16,
        attempt: u32,
    },
    Start {
        client: SocketAddr,
        task: Task,
    },
    Notify {
        server: SocketAddr,
    },
}

/// What an end keeps. Every end can be client and server, but plays one part here.
#[derive(Default)]
struct End {
    next_id: u16,
    next_token: u16,
    /// CONs not yet acknowledged.
    outstanding: HashMap<(SocketAddr, u16), Vec<u8>>,
    /// Requests by token.
    asked: HashMap<Vec<u8>, (Task, Vec<u8>)>,
    /// Bytes of the body had before the block asked for, by token.
    had: HashMap<Vec<u8>, usize>,
    /// What was answered to which message, for those that come again (RFC 7252 §4.2).
    answered: HashMap<(SocketAddr, u16), Option<Vec<u8>>>,
    /// Observers and their tokens.
    observers: BTreeMap<SocketAddr, Vec<u8>>,
    notified: HashMap<u16, SocketAddr>,
    done: Vec<Task>,
    notifications: usize,
    /// Requests given up because of a challenge.
    refused: usize,
}

struct Network {
    world: World,
    dice: Dice,
    agenda: BTreeMap<(Instant, u64), Happening>,
    ends: HashMap<SocketAddr, End>,
    count: u64,
    /// In a hundred.
    loss: u64,
}

impl Network {
    fn new(seed: u64, loss: u64) -> Self {
        Self {
            world: World::new(),
            dice: Dice(seed),
            agenda: BTreeMap::new(),
            ends: HashMap::new(),
            count: 0,
            loss,
        }
    }

    fn plan(&mut self, after: Duration, happening: Happening) {
        self.count += 1;
        self.agenda
            .insert((self.world.now + after, self.count), happening);
    }

    /// Puts a datagram on the first half of its way.
    fn send(&mut self, from: SocketAddr, to: SocketAddr, payload: Vec<u8>) {
        if payload[0] & 0x30 == 0 {
            let id = u16::from_be_bytes([payload[2], payload[3]]);
            let outstanding = &mut self.end(from).outstanding;
            if outstanding.insert((to, id), payload.clone()).is_none() {
                self.plan(
                    ACK_TIMEOUT,
                    Happening::Retransmit {
                        from,
                        to,
                        id,
                        attempt: 1,
                    },
                );
            }
        }
        self.travel(
            |payload| Happening::AtGateway { from, to, payload },
            payload,
        );
    }

    /// Half a way: lost, repeated, and in any order with what goes at the same time.
    fn travel(&mut self, arrive: impl Fn(Vec<u8>) -> Happening, payload: Vec<u8>) {
        let copies = match self.dice.roll(100) {
            roll if roll < self.loss => 0,
            roll if roll < self.loss * 2 => 2,
            _ => 1,
        };
        for _ in 0..copies {
            let delay = Duration::from_millis(5 + self.dice.roll(120));
            self.plan(delay, arrive(payload.clone()));
        }
    }

    fn end(&mut self, endpoint: SocketAddr) -> &mut End {
        self.ends.entry(endpoint).or_default()
    }

    fn run(&mut self) {
        while let Some(((at, _), happening)) = self.agenda.pop_first() {
            let pause = at.since(self.world.now);
            self.world.pause(pause);
            match happening {
                Happening::AtGateway { from, to, payload } => self.inspect(from, to, &payload),
                Happening::AtEnd { from, to, payload } => self.receive(from, to, &payload),
                Happening::Start { client, task } => self.start(client, task),
                Happening::Notify { server } => self.notify(server),
                Happening::Retransmit {
                    from,
                    to,
                    id,
                    attempt,
                } => {
                    self.retransmit(from, to, id, attempt);
                }
            }
        }
    }

    fn inspect(&mut self, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
        let passage = self.world.send(from, to, payload);
        let outcome = passage.outcome;
        let is_challenge = outcome.verdict == Verdict::Challenge
            && outcome.reason == Some(Reason::COAP_AMPLIFICATION_RATIO);
        // One that the network overtook is what it is.
        let is_fair =
            outcome.reason.is_none() || outcome.reason == Some(Reason::COAP_OBSERVE_STALE);
        assert!(
            outcome.verdict == Verdict::Accept && is_fair || is_challenge,
            "{outcome:?} for {:?} from {from} to {to} at {}",
            Message::decode(payload),
            self.world.now,
        );
        if let Some(payload) = passage.forwarded {
            self.travel(|payload| Happening::AtEnd { from, to, payload }, payload);
        }
        for own in passage.injected {
            let (from, to) = (own.from, own.to);
            self.travel(
                |payload| Happening::AtEnd { from, to, payload },
                own.payload,
            );
        }
    }

    fn retransmit(&mut self, from: SocketAddr, to: SocketAddr, id: u16, attempt: u32) {
        let Some(payload) = self.end(from).outstanding.get(&(to, id)).cloned() else {
            return;
        };
        if attempt > MAX_RETRANSMIT {
            self.end(from).outstanding.remove(&(to, id));
            self.end(from).observers.remove(&to);
            return;
        }
        let next = Happening::Retransmit {
            from,
            to,
            id,
            attempt: attempt + 1,
        };
        self.plan(ACK_TIMEOUT * 2u32.pow(attempt), next);
        self.travel(
            |payload| Happening::AtGateway { from, to, payload },
            payload,
        );
    }

    // --- The client -----------------------------------------------------------------------------

    fn start(&mut self, client: SocketAddr, task: Task) {
        let end = self.end(client);
        end.next_token += 1;
        let token = end.next_token.to_be_bytes();
        self.ask(client, task, &token, None);
    }

    /// Asks for the next block of a body.
    fn go_on(&mut self, client: SocketAddr, task: Task, had: usize, next: Block) {
        let end = self.end(client);
        (end.next_token, end.next_id) = (end.next_token + 1, end.next_id + 1);
        let (id, token) = (end.next_id, end.next_token.to_be_bytes());
        let value = next.number << 4 | u32::from(next.szx);
        let request = message(Type::Confirmable, Code::GET, id, &token, |builder| {
            builder
                .path(number::URI_PATH, "firmware")
                .uint(number::BLOCK2, value);
        });
        end.had.insert(token.to_vec(), had);
        end.asked.insert(token.to_vec(), (task, request.clone()));
        self.send(client, server_of(client), request);
    }

    fn ask(&mut self, client: SocketAddr, task: Task, token: &[u8], echo: Option<&[u8]>) {
        let end = self.end(client);
        end.next_id += 1;
        let id = end.next_id;
        let mut request = match task {
            Task::Read => get(Type::Confirmable, id, token, "time"),
            Task::ReadLarge => get(Type::Confirmable, id, token, "firmware"),
            Task::ReadSlowly => get(Type::Confirmable, id, token, "slow"),
            Task::ReadUnreliably => get(Type::NonConfirmable, id, token, "time"),
            Task::Observe => observe(id, token, 0, "temperature"),
            Task::Write => message(Type::Confirmable, Code::PUT, id, token, |builder| {
                builder.path(number::URI_PATH, "valve").payload(b"open");
            }),
        };
        if let Some(value) = echo {
            request = with_echo(&request, value);
        }
        end.asked.insert(token.to_vec(), (task, request.clone()));
        self.send(client, server_of(client), request);
    }

    /// A response comes to its client. Every other one follows Echo as libcoap does: new message ID, new
    /// token. The others know of blocks only, as aiocoap.
    fn respond(&mut self, client: SocketAddr, server: SocketAddr, response: &Message<'_>) {
        let end = self.end(client);
        if response.message_type() == Type::Acknowledgement {
            end.outstanding.remove(&(server, response.message_id()));
        }
        let Some((task, request)) = end.asked.get(response.token()).cloned() else {
            if response.message_type() != Type::Acknowledgement {
                self.send(client, server, empty(Type::Reset, response.message_id()));
            }
            return;
        };
        let id = u16::from_be_bytes([request[2], request[3]]);
        end.outstanding.remove(&(server, id));
        if response.message_type() == Type::Confirmable {
            self.send(
                client,
                server,
                empty(Type::Acknowledgement, response.message_id()),
            );
        }
        let end = self.end(client);
        let follows_echo = client.port().is_multiple_of(2);
        if let Some(value) = response.echo().filter(|_| follows_echo) {
            end.asked.remove(response.token());
            end.next_token += 1;
            let token = end.next_token.to_be_bytes();
            self.ask(client, task, &token, Some(value));
            return;
        }
        if response.echo().is_some() {
            end.asked.remove(response.token());
            end.refused += 1;
            return;
        }
        assert_eq!(response.code().class(), 2);
        if task == Task::ReadLarge {
            let had = end.had.get(response.token()).copied().unwrap_or(0);
            let had = had + response.payload().len();
            if let Some(block) = response.block2().filter(|block| block.more) {
                end.asked.remove(response.token());
                let next = Block {
                    number: block.number + 1,
                    ..block
                };
                self.go_on(client, task, had, next);
                return;
            }
            assert_eq!(had, FIRMWARE_LEN);
        }
        let end = self.end(client);
        if task == Task::Observe {
            end.notifications += 1;
            if end.notifications > 1 {
                return;
            }
        } else {
            end.asked.remove(response.token());
        }
        end.done.push(task);
    }

    // --- The server -----------------------------------------------------------------------------

    fn serve(&mut self, server: SocketAddr, client: SocketAddr, request: &Message<'_>) {
        assert_eq!(
            request.echo(),
            None,
            "the gateway's Echo stays at the gateway"
        );
        let (id, token) = (request.message_id(), request.token());
        if let Some(answer) = self.end(server).answered.get(&(client, id)).cloned() {
            if let Some(answer) = answer {
                self.send(server, client, answer);
            }
            return;
        }
        let path = request.uri_path().next().unwrap_or_default();
        let is_confirmable = request.message_type() == Type::Confirmable;
        let (message_type, answer_id) = if is_confirmable {
            (Type::Acknowledgement, id)
        } else {
            (Type::NonConfirmable, self.new_id(server))
        };
        let answer = match path {
            "slow" => empty(Type::Acknowledgement, id),
            "firmware" => content(message_type, answer_id, token, FIRMWARE_LEN),
            "temperature" => {
                self.end(server).observers.insert(client, token.to_vec());
                notification(message_type, answer_id, token, 1)
            }
            "valve" => message(message_type, Code::CHANGED, answer_id, token, |_| {}),
            _ => content(message_type, answer_id, token, 8),
        };
        self.end(server)
            .answered
            .insert((client, id), Some(answer.clone()));
        self.send(server, client, answer);
        if path == "slow" {
            let id = self.new_id(server);
            self.send(server, client, content(Type::Confirmable, id, token, 8));
        }
    }

    fn notify(&mut self, server: SocketAddr) {
        for (client, token) in self.end(server).observers.clone() {
            let id = self.new_id(server);
            let confirmable = self.dice.roll(3) == 0;
            let message_type = if confirmable {
                Type::Confirmable
            } else {
                Type::NonConfirmable
            };
            self.end(server).notified.insert(id, client);
            self.send(
                server,
                client,
                notification(message_type, id, &token, u32::from(id)),
            );
        }
    }

    fn new_id(&mut self, endpoint: SocketAddr) -> u16 {
        let end = self.end(endpoint);
        end.next_id += 1;
        0x4000 + end.next_id
    }

    fn receive(&mut self, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
        let message = Message::decode(payload).expect("the gateway lets nothing else through");
        if message.code().is_request() {
            self.serve(to, from, &message);
        } else if message.code().is_response() {
            self.respond(to, from, &message);
        } else {
            let end = self.end(to);
            end.outstanding.remove(&(from, message.message_id()));
            if message.message_type() == Type::Reset
                && end.notified.contains_key(&message.message_id())
            {
                end.observers.remove(&from);
            }
        }
    }
}

fn server_of(client: SocketAddr) -> SocketAddr {
    endpoint(if client.is_ipv4() {
        "10.0.0.2:5683"
    } else {
        "[fd00::2]:5683"
    })
}

/// Runs ten minutes of work; returns how many tasks were begun and done.
fn work(seed: u64, loss: u64) -> (usize, usize) {
    let mut network = Network::new(seed, loss);
    let clients: Vec<SocketAddr> = (1..6)
        .flat_map(|n| {
            [
                format!("192.0.2.{n}:4000{n}"),
                format!("[2001:db8::{n}]:4000{n}"),
            ]
        })
        .map(|text| endpoint(&text))
        .collect();
    let mut begun = 0;
    for client in &clients {
        for round in 0..40 {
            let task = TASKS[network.dice.roll(TASKS.len() as u64) as usize];
            let after = Duration::from_millis(round * 15_000 + network.dice.roll(10_000));
            // One observation each is enough.
            let task = if task == Task::Observe && round > 0 {
                Task::Read
            } else {
                task
            };
            network.plan(
                after,
                Happening::Start {
                    client: *client,
                    task,
                },
            );
            begun += 1;
        }
    }
    for server in ["10.0.0.2:5683", "[fd00::2]:5683"] {
        for second in 1..120 {
            let after = Duration::from_secs(second * 5);
            network.plan(
                after,
                Happening::Notify {
                    server: endpoint(server),
                },
            );
        }
    }
    network.run();
    let done = network.ends.values().map(|end| end.done.len()).sum();
    (begun, done)
}

#[test]
fn over_a_good_network_everything_gets_done() {
    for seed in 0..20 {
        let (begun, done) = work(seed, 0);
        assert_eq!(begun, done, "seed {seed}");
    }
}

#[test]
fn over_a_bad_network_nothing_is_taken_for_a_forgery() {
    let (mut begun, mut done) = (0, 0);
    for seed in 100..140 {
        let (more_begun, more_done) = work(seed, 1 + seed % 15);
        begun += more_begun;
        done += more_done;
    }
    assert!(done * 100 >= begun * 93, "{done} of {begun}");
}
