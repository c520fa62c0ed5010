//! What flows without the gateway flows with it: the same ends over the same network, with it and without.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use wire::coap::{Code, Type};

use crate::model::{Conditions, Conduct, Dice, Ending, Network, Outcome, Task, Timer, Why};
use crate::world::{World, endpoint, server};

/// What is served to whom how often.
type Done = BTreeMap<(SocketAddr, String, usize), usize>;

/// What became of a task.
#[derive(Debug, Clone)]
struct Fate {
    task: Task,
    outcome: Outcome,
    /// Datagrams of its client's that were lost since it was asked for last, or just before.
    losses: usize,
    /// Whether the gateway has seen by its end that its client is at its address.
    is_proven: bool,
}

/// What became of all of them.
struct Run {
    fates: BTreeMap<(SocketAddr, usize), Fate>,
    done: Done,
    faults: Vec<String>,
}

/// So long an answer may wait for what comes of something else that was sent.
const BEFORE: Duration = Duration::from_secs(5);
const SERVERS: [&str; 3] = ["10.0.0.2:5683", "10.0.0.3:5683", "10.0.0.4:5683"];
const GROUP: &str = "224.0.1.187:5683";

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
fn task(dice: &mut Dice, conduct: Conduct) -> Task {
    let lens = [0, 8, 20, 45, 80, 200, 700, 1000];
    let len = lens[dice.roll(8) as usize];
    let small = lens[dice.roll(4) as usize];
    let name = dice.roll(1000);
    let get = |path: String| Task::get(server(), &path);
    let post = |path: String, payload_len| Task {
        code: Code::POST,
        payload_len,
        ..Task::get(server(), &path)
    };
    let mut task = match dice.roll(16) {
        0 => get(format!("se{len}")),
        1 => get(format!("sn{len}")),
        2 => get(format!("sc{len}")),
        3 => get(format!("sd{len}")),
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
        _ => get(format!("p{len}")),
    };
    if dice.roll(4) == 0 && !task.code.is_empty() && task.observes.is_none() {
        task.kind = Type::NonConfirmable;
    }
    task
}

fn run(seed: u64, conditions: Conditions, gateway: Option<World>) -> Run {
    let mut network = Network::new(seed, conditions, gateway);
    let mut dice = Dice(seed);
    for server in SERVERS {
        network.add(endpoint(server), 0x100, conduct(0));
    }
    let members = SERVERS.iter().map(|server| endpoint(server)).collect();
    network.groups.insert(endpoint(GROUP).ip(), members);
    let mut clients = Vec::new();
    for number in 0..6 {
        let client = endpoint(&format!("192.0.2.{}:4000{number}", number + 1));
        let conduct = conduct(seed * 6 + number);
        network.add(client, (seed * 977 + number * 131 + 0x4000) as u16, conduct);
        clients.push(client);
        for round in 0..8 {
            let task = task(&mut dice, conduct);
            let after = Duration::from_millis(round * 12_000 + dice.roll(20_000));
            network.begin(after, client, task);
        }
    }
    for second in 1..130 {
        let is_silent = (40..86).contains(&second);
        if !is_silent {
            network.plan(Duration::from_secs(second * 3), server(), Timer::Notify);
        }
    }
    network.run();
    let mut fates = BTreeMap::new();
    let mut done = Done::new();
    for (address, peer) in &network.peers {
        done.extend(peer.server.done.clone());
        let tasks = peer.client.tasks.iter().zip(&peer.client.outcomes);
        for (number, ((task, outcome), (since, until))) in tasks.zip(&peer.client.spans).enumerate()
        {
            // Who is asked back has asked first.
            let other = match clients.contains(address) {
                true => *address,
                false => task.to,
            };
            let losses = network.losses.iter();
            let losses =
                losses.filter(|(at, whom)| *whom == other && *at + BEFORE >= *since && at <= until);
            let fate = Fate {
                task: task.clone(),
                outcome: outcome.clone(),
                losses: losses.count(),
                is_proven: network.proven(*address).is_some_and(|at| at < *until),
            };
            fates.insert((*address, number), fate);
        }
    }
    Run {
        fates,
        done,
        faults: network.faults,
    }
}

impl Fate {
    /// Whether its failure is the network's: what nobody repeats is gone with one datagram, and of what is repeated
    /// (RFC 7252 §4.8), several were lost. To somebody who has proved nothing and waits in silence, no more may be repeated
    /// than three times what they sent.
    fn is_explained(&self) -> bool {
        let path = &self.task.path;
        let is_silent = path.starts_with("se") && !self.is_proven;
        let is_repeated = self.task.kind == Type::Confirmable
            && !path.starts_with("sn")
            && !path.starts_with("sd");
        // Nobody sends again what brings room for such a response, so it is challenged where all of that is spent.
        if !is_repeated && !self.is_proven && self.outcome == Outcome::Failed(Why::Challenged) {
            return true;
        }
        let least = if is_repeated && !is_silent { 4 } else { 1 };
        self.losses >= least && self.outcome == Outcome::Failed(Why::Timeout)
    }
}

/// What differs between the runs with and without the gateway, and shouldn't; with any other keys of the gateway's, too,
/// for of 65,536 message IDs one is that of another message.
fn differences(seed: u64, conditions: Conditions) -> Vec<String> {
    let straight = run(seed, conditions, None);
    let with_key = |key| {
        let world = World::with_key(key);
        differences_from(&straight, run(seed, conditions, Some(world)))
    };
    let all = with_key(7);
    if all.is_empty() { all } else { with_key(8) }
}

fn differences_from(straight: &Run, through: Run) -> Vec<String> {
    let mut all = through.faults;
    for (whose, b) in &through.fates {
        let is_explained = b.is_explained();
        let is_asked_back = SERVERS.contains(&whose.0.to_string().as_str());
        let Some(a) = straight.fates.get(whose).filter(|_| !is_asked_back) else {
            if !matches!(b.outcome, Outcome::Done(_)) && !is_explained {
                all.push(format!("{whose:?} {:?}: {:?}", b.task, b.outcome));
            }
            continue;
        };
        let is_same = match (&a.outcome, &b.outcome) {
            (Outcome::Done(_), Outcome::Done(b)) if a.task.observes.is_some() => !b.is_empty(),
            (Outcome::Done(a), Outcome::Done(b)) => a == b,
            (Outcome::Done(_), _) => is_explained,
            _ => true,
        };
        let is_same = is_same || is_told_briefly(&a.outcome, &b.outcome);
        if !is_same {
            all.push(format!(
                "{whose:?} {:?}: {:?} after {} losses, not {:?}",
                b.task, b.outcome, b.losses, a.outcome
            ));
        }
    }
    for (what, times) in &through.done {
        let (client, path, _) = what;
        let fates = through.fates.iter();
        let asked = fates.filter(|((whose, _), fate)| whose == client && fate.task.path == *path);
        let most = asked.count();
        if *times > most {
            all.push(format!("{what:?} was done {times} times, not {most}"));
        }
    }
    all
}

/// Whether it is a failure without what is said about it to people, for which there was no room.
fn is_told_briefly(straight: &Outcome, through: &Outcome) -> bool {
    let (Outcome::Done(straight), Outcome::Done(through)) = (straight, through) else {
        return false;
    };
    let mut pairs = straight.iter().zip(through);
    pairs.all(|(a, b)| {
        a.code.is_error() && (a.code, &a.options) == (b.code, &b.options) && b.body.is_empty()
    })
}

#[test]
fn over_a_good_network_everything_comes_as_it_is() {
    let conditions = Conditions {
        loss: 0,
        doubles: 0,
        jitter: 0,
    };
    for seed in 0..60 {
        let straight = run(seed, conditions, None);
        for fate in straight.fates.values() {
            assert!(
                matches!(fate.outcome, Outcome::Done(_)),
                "seed {seed}: {fate:?}"
            );
        }
        assert_same(seed, conditions);
    }
}

#[test]
fn what_comes_twice_or_in_another_order_harms_nothing() {
    let conditions = Conditions {
        loss: 0,
        doubles: 5,
        jitter: 100,
    };
    (1000..1080).for_each(|seed| assert_same(seed, conditions));
}

#[test]
fn over_a_bad_network_what_comes_without_comes_with() {
    for seed in 2000..2100 {
        let conditions = Conditions {
            loss: 1 + seed % 8,
            doubles: 5,
            jitter: 100,
        };
        assert_same(seed, conditions);
    }
}

#[track_caller]
fn assert_same(seed: u64, conditions: Conditions) {
    let differences = differences(seed, conditions);
    assert!(
        differences.is_empty(),
        "seed {seed}:\n{}",
        differences.join("\n")
    );
}
