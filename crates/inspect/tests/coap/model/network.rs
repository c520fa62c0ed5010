//! The network: it loses, doubles, delays and reorders, the same messages in every run of a seed.

use std::collections::{BTreeMap, HashMap};
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use inspect::Instant;
use policy::Reason;

use super::messages::{Outbox, Timer};
use super::peer::Peer;
use super::task::{Conduct, Task};
use super::watch::Watch;
use crate::world::World;

/// How long half a way takes.
const DELAY: Duration = Duration::from_millis(5);
/// A seeded source of accidents (SplitMix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % sides
    }
}

/// What befalls a datagram on each half of its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conditions {
    /// In a hundred.
    pub(crate) loss: u64,
    pub(crate) doubles: u64,
    /// Up to so many milliseconds more.
    pub(crate) jitter: u64,
}

impl Conditions {
    /// Of a good network.
    pub(crate) const GOOD: Self = Self {
        loss: 0,
        doubles: 0,
        jitter: 0,
    };

    /// Of a network that loses so many of a hundred on each half of a way.
    pub(crate) fn bad(loss: u64) -> Self {
        Self {
            loss,
            doubles: 5,
            jitter: 100,
        }
    }
}

#[derive(Debug, Clone)]
struct Datagram {
    from: SocketAddr,
    to: SocketAddr,
    payload: Vec<u8>,
}

enum Happening {
    InTheMiddle(Datagram),
    AtEnd(Datagram),
    Due(SocketAddr, Timer),
}

pub(crate) struct Network {
    seed: u64,
    conditions: Conditions,
    pub(crate) now: Instant,
    /// The gateway, if there is one.
    pub(crate) gateway: Option<World>,
    agenda: BTreeMap<(Instant, u64), Happening>,
    count: u64,
    pub(crate) peers: BTreeMap<SocketAddr, Peer>,
    pub(crate) groups: BTreeMap<IpAddr, Vec<SocketAddr>>,
    /// How often each datagram went each half of its way.
    nth: HashMap<u64, u64>,
    /// When something of a client's was lost.
    pub(crate) losses: Vec<(Instant, SocketAddr)>,
    /// When something of a client's was doubled.
    pub(crate) doubles: Vec<(Instant, SocketAddr)>,
    pub(crate) watch: Watch,
}

impl Network {
    pub(crate) fn new(seed: u64, conditions: Conditions, gateway: Option<World>) -> Self {
        Self {
            seed,
            conditions,
            now: Instant::from_secs(1000),
            gateway,
            agenda: BTreeMap::new(),
            count: 0,
            peers: BTreeMap::new(),
            groups: BTreeMap::new(),
            nth: HashMap::new(),
            losses: Vec::new(),
            doubles: Vec::new(),
            watch: Watch::default(),
        }
    }

    /// Adds an end.
    pub(crate) fn add(&mut self, at: SocketAddr, first_id: u16, conduct: Conduct) {
        self.peers.insert(at, Peer::new(first_id, conduct));
    }

    /// Has a client begin a task in time.
    pub(crate) fn begin(&mut self, after: Duration, client: SocketAddr, task: Task) {
        let peer = self.peers.get_mut(&client).expect("one of the ends");
        let task = peer.client.add(task);
        self.plan(after, client, Timer::Start(task));
    }

    /// Has `whom` told in time.
    pub(crate) fn plan(&mut self, after: Duration, whom: SocketAddr, timer: Timer) {
        self.at(after, Happening::Due(whom, timer));
    }

    fn at(&mut self, after: Duration, happening: Happening) {
        self.count += 1;
        self.agenda
            .insert((self.now + after, self.count), happening);
    }

    pub(crate) fn run(&mut self) {
        while let Some(((at, _), happening)) = self.agenda.pop_first() {
            if let Some(gateway) = &mut self.gateway {
                gateway.pause(at.since(self.now));
            }
            self.now = at;
            match happening {
                Happening::InTheMiddle(datagram) => self.pass_middle(datagram),
                Happening::AtEnd(datagram) => self.arrive(&datagram),
                Happening::Due(whom, timer) => {
                    self.tell(whom, |peer, now, out| peer.handle_timer(now, timer, out));
                }
            }
        }
    }

    /// Tells an end something, and puts what it says on its way.
    fn tell(&mut self, whom: SocketAddr, tell: impl FnOnce(&mut Peer, Instant, &mut Outbox)) {
        let mut out = Outbox::default();
        let now = self.now;
        let Some(peer) = self.peers.get_mut(&whom) else {
            return;
        };
        tell(peer, now, &mut out);
        for (after, timer) in out.timers {
            self.plan(after, whom, timer);
        }
        for (to, payload) in out.sent {
            let from = whom;
            self.travel(0, Datagram { from, to, payload });
        }
    }

    fn arrive(&mut self, datagram: &Datagram) {
        let Datagram { from, to, payload } = datagram;
        let members = match self.groups.get(&to.ip()) {
            Some(members) => members.clone(),
            None => vec![*to],
        };
        for member in members {
            self.tell(member, |peer, now, out| {
                peer.handle(now, *from, payload, out)
            });
        }
    }

    /// The `half` of a way.
    fn travel(&mut self, half: u8, datagram: Datagram) {
        let mut hasher = std::hash::DefaultHasher::new();
        (half, datagram.from, datagram.to, &datagram.payload).hash(&mut hasher);
        let key = hasher.finish();
        let nth = self.nth.entry(key).or_default();
        *nth += 1;
        let mut dice = Dice(key ^ self.seed.rotate_left(32) ^ nth.rotate_left(17));
        let Conditions {
            loss,
            doubles,
            jitter,
        } = self.conditions;
        let copies = match dice.roll(100) {
            roll if roll < loss => 0,
            roll if roll < loss + doubles => 2,
            _ => 1,
        };
        let befallen = match copies {
            0 => Some(&mut self.losses),
            2 => Some(&mut self.doubles),
            _ => None,
        };
        if let Some(befallen) = befallen {
            befallen.push((self.now, datagram.from));
            befallen.push((self.now, datagram.to));
        }
        for _ in 0..copies {
            let delay = DELAY + Duration::from_millis(dice.roll(jitter + 1));
            let datagram = datagram.clone();
            let happening = match half {
                0 => Happening::InTheMiddle(datagram),
                _ => Happening::AtEnd(datagram),
            };
            self.at(delay, happening);
        }
    }

    fn pass_middle(&mut self, datagram: Datagram) {
        let Some(gateway) = &mut self.gateway else {
            self.travel(1, datagram);
            return;
        };
        let told = gateway.log.events.len();
        let Datagram { from, to, payload } = datagram;
        let passage = gateway.send(from, to, &payload);
        let raised: Vec<Reason> = gateway.log.events[told..]
            .iter()
            .filter_map(|(reason, _)| *reason)
            .collect();
        for reason in raised {
            let ends = (from, to);
            self.watch.hear_accusation(self.now, ends, &payload, reason);
        }
        self.watch.enter_received(self.now, from, &payload);
        if let Some(payload) = passage.forwarded {
            self.watch.enter_sent(to, &payload, false);
            self.travel(1, Datagram { from, to, payload });
        }
        for own in passage.injected {
            let (from, to, payload) = (own.from, own.to, own.payload);
            self.watch.enter_sent(to, &payload, true);
            self.travel(1, Datagram { from, to, payload });
        }
    }
}
