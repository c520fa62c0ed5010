//! What a seed has whom do over a network, and what becomes of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use inspect::Instant;
use wire::coap::{Code, Type};

use crate::model::{Conditions, Conduct, Dice, Ending, Network, Outcome, Task, Timer, Why};
use crate::world::{World, endpoint};

/// What is served to whom how often.
type Done = BTreeMap<(SocketAddr, String, usize), usize>;

/// What became of a task.
#[derive(Debug, Clone)]
pub(crate) struct Fate {
    pub(crate) task: Task,
    pub(crate) outcome: Outcome,
    /// Datagrams of its client's that were lost since it was asked for last, or just before.
    pub(crate) losses: usize,
    /// Those that were lost in all the time that the books of its client reach back, or came twice of late.
    spent: usize,
    /// Whether the gateway had seen that its client is at its address, as it was asked for last.
    is_proven: bool,
    /// Whether its client has several things under way at once, which share what it is owed.
    shares: bool,
    /// Whether a server has asked its client something within the time that counts as drawn.
    is_asked_back: bool,
    /// Whether it is asked by one of the clients, and not by who was asked.
    pub(crate) is_client_s: bool,
}

/// What became of all of them.
pub(crate) struct Run {
    pub(crate) fates: BTreeMap<(SocketAddr, usize), Fate>,
    pub(crate) done: Done,
    pub(crate) faults: Vec<String>,
}

/// So long an answer may wait for what comes of something else that was sent.
const BEFORE: Duration = Duration::from_secs(5);
/// So long books reach back, and a request of an address may have drawn what its server asks.
const WINDOW: Duration = Duration::from_secs(60);
pub(crate) const SERVERS: usize = 3;
const CLIENTS: u64 = 6;

/// Where everybody is: every third network speaks IPv6.
struct Addresses {
    servers: Vec<SocketAddr>,
    clients: Vec<SocketAddr>,
    group: SocketAddr,
}

impl Addresses {
    fn of(seed: u64) -> Self {
        let (servers, clients, group) = match seed.is_multiple_of(3) {
            true => ("[fd00::N]:5683", "[2001:db8::N]:4000N", "[ff05::fd]:5683"),
            false => ("10.0.0.N:5683", "192.0.2.N:4000N", "224.0.1.187:5683"),
        };
        let nth = |pattern: &str, number: u64| endpoint(&pattern.replace('N', &number.to_string()));
        Self {
            servers: (2..2 + SERVERS as u64)
                .map(|number| nth(servers, number))
                .collect(),
            clients: (1..=CLIENTS).map(|number| nth(clients, number)).collect(),
            group: endpoint(group),
        }
    }
}

fn conduct(number: u64) -> Conduct {
    let token_len = [2, 4, 8, 0, 1][number as usize % 5];
    Conduct {
        follows_echo: number.is_multiple_of(2),
        resets_non: number.is_multiple_of(3),
        token_len,
        at_once: number % 4 == 3 && token_len > 0,
    }
}

/// A task by chance.
fn task(dice: &mut Dice, conduct: Conduct, at: &Addresses) -> Task {
    let lens = [0, 8, 20, 45, 80, 200, 700, 1000];
    let len = lens[dice.roll(8) as usize];
    let small = lens[dice.roll(4) as usize];
    let name = dice.roll(1000);
    let get = |path: String| Task::get(at.servers[0], &path);
    let post = |path: String, payload_len| Task {
        code: Code::POST,
        payload_len,
        ..get(path)
    };
    // Who has no token hears nothing but the acknowledgement of what it has asked (RFC 7252 §5.3.1).
    let has_token = conduct.token_len > 0;
    let mut task = match dice.roll(18) {
        0 if has_token => get(format!("se{len}")),
        1 if has_token => get(format!("sn{len}")),
        2 if has_token => get(format!("sc{len}")),
        3 if has_token => get(format!("sd{len}")),
        4 => get(format!("b{}", len * 3)),
        5 => Task {
            block2: Some(dice.roll(6) as u8),
            ..get(format!("b{}", len * 2))
        },
        6 => Task {
            block1: Some(dice.roll(5) as u8),
            ..post(format!("u{small}/{name}"), 300)
        },
        7 => Task {
            block1: Some(3),
            ..post(format!("u{len}/{name}"), 300)
        },
        8 => post(format!("c{len}"), small),
        9 => get(format!("e{small}")),
        10 => get(format!("x{small}")),
        11 | 12 if conduct.token_len > 1 => Task {
            observes: Some(
                [Ending::Deregister, Ending::Reset, Ending::Renew][dice.roll(3) as usize],
            ),
            ..get(format!("o{small}"))
        },
        13 => Task {
            code: Code::EMPTY,
            ..get(String::new())
        },
        // Of an address that has no secret token, nobody knows whether it is asked by its own will.
        14 if conduct.token_len > 2 => post(format!("r{}", dice.roll(100)), 30),
        15 if conduct.follows_echo => get(format!("k{len}")),
        16 if conduct.token_len > 1 => {
            return Task {
                kind: Type::NonConfirmable,
                to: at.group,
                ..get(format!("g{small}"))
            };
        }
        _ => get(format!("p{len}")),
    };
    let may_be_non = !task.code.is_empty() && task.observes.is_none() && has_token;
    if dice.roll(4) == 0 && may_be_non {
        task.kind = Type::NonConfirmable;
    }
    task
}

pub(crate) fn run(seed: u64, conditions: Conditions, gateway: Option<World>) -> Run {
    let mut network = Network::new(seed, conditions, gateway);
    let mut dice = Dice(seed);
    let at = Addresses::of(seed);
    for server in &at.servers {
        network.add(*server, 0x100, conduct(0));
    }
    network.groups.insert(at.group.ip(), at.servers.clone());
    for (number, client) in (0..).zip(&at.clients) {
        let conduct = conduct(seed * CLIENTS + number);
        let first_id = (seed * 977 + number * 131 + 0x4000) as u16;
        network.add(*client, first_id, conduct);
        for round in 0..8 {
            let task = task(&mut dice, conduct, &at);
            let after = Duration::from_millis(round * 12_000 + dice.roll(20_000));
            network.begin(after, *client, task);
        }
    }
    for second in 1..130 {
        let is_silent = (40..86).contains(&second);
        if !is_silent {
            let after = Duration::from_secs(second * 3);
            network.plan(after, at.servers[0], Timer::Notify);
        }
    }
    network.run();
    told(network, &at)
}

/// What became of the tasks of everybody in a network.
fn told(network: Network, at: &Addresses) -> Run {
    let asked_back: Vec<(SocketAddr, Instant)> = (network.peers.iter())
        .filter(|(whose, _)| at.servers.contains(whose))
        .flat_map(|(_, peer)| peer.client.tasks.iter().zip(&peer.client.spans))
        .map(|(task, (since, _))| (task.to, *since))
        .collect();
    let mut fates = BTreeMap::new();
    let mut done = Done::new();
    for (address, peer) in &network.peers {
        done.extend(peer.server.done.clone());
        let tasks = peer.client.tasks.iter().zip(&peer.client.outcomes);
        for (number, ((task, outcome), (since, until))) in tasks.zip(&peer.client.spans).enumerate()
        {
            // Who is asked back has asked first.
            let is_client_s = at.clients.contains(address);
            let other = if is_client_s { *address } else { task.to };
            let is_of_it = |(at, whom): &&(Instant, SocketAddr), before| {
                *whom == other && *at + before >= *since && at <= until
            };
            let losses = |before| {
                network
                    .losses
                    .iter()
                    .filter(move |lost| is_of_it(lost, before))
                    .count()
            };
            let doubles = network.doubles.iter().filter(|came| is_of_it(came, BEFORE));
            let fate = Fate {
                task: task.clone(),
                outcome: outcome.clone(),
                losses: losses(BEFORE),
                spent: losses(WINDOW) + doubles.count(),
                is_proven: (network.watch.proven(*address)).is_some_and(|at| at < *since),
                shares: peer.client.conduct.at_once,
                is_asked_back: (asked_back.iter())
                    .any(|(whom, at)| whom == address && *at + WINDOW >= *since && at <= until),
                is_client_s,
            };
            fates.insert((*address, number), fate);
        }
    }
    Run {
        fates,
        done,
        faults: network.watch.faults,
    }
}

impl Fate {
    /// Whether its failure is the network's, or that of what somebody is owed who has proved nothing.
    pub(crate) fn is_explained(&self) -> bool {
        match self.outcome {
            Outcome::Failed(Why::Timeout) => {
                self.losses >= self.least_losses()
                    || self.is_poor()
                    || self.is_short()
                    || self.is_locked_out()
            }
            Outcome::Failed(Why::Challenged) => {
                !self.is_proven && (!self.is_repeated() || self.is_poor())
            }
            _ => false,
        }
    }

    /// Whether somebody sends again what isn't answered (RFC 7252 §4.8).
    fn is_repeated(&self) -> bool {
        let path = &self.task.path;
        let is_separate_non = path.starts_with("sn") || path.starts_with("sd");
        self.task.kind == Type::Confirmable && !is_separate_non
    }

    /// Whether its client waits in silence, its request being acknowledged: to somebody who has proved nothing, no more may
    /// be repeated than three times what they sent.
    fn is_silent(&self) -> bool {
        self.task.path.starts_with("se") && !self.is_proven
    }

    /// What nobody repeats is gone with one datagram, and of what is repeated, several were lost.
    pub(crate) fn least_losses(&self) -> usize {
        if self.is_repeated() && !self.is_silent() {
            4
        } else {
            1
        }
    }

    /// Whether so much got lost that what its client sends again brings no room for all of it any more: it has proved
    /// nothing, and the gateway can't tell whether it takes no blocks, or hasn't got the first.
    fn is_short(&self) -> bool {
        !self.is_proven && self.is_repeated() && self.losses >= 2
    }

    /// Whether there may be no room for what nobody sends again, for its client has proved nothing, and what it is owed is
    /// spent: for another of its requests, or what was lost of late.
    pub(crate) fn is_poor(&self) -> bool {
        let is_last = !self.is_repeated() || self.is_silent();
        !self.is_proven && is_last && (self.shares || self.spent > 0)
    }

    /// Whether its server has asked back, and nobody has heard an answer that tells of success, by which its client would be
    /// known to have asked first: what the client asks counts as drawn by that for a minute.
    fn is_locked_out(&self) -> bool {
        self.is_asked_back && self.spent > 0
    }
}
