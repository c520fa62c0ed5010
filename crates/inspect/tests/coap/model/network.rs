//! The network: it loses, doubles, delays and reorders, the same messages in every run of a seed.

use std::collections::{BTreeMap, HashMap};
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use inspect::Instant;
use policy::Reason;
use wire::coap::{Message, Type};

use super::messages::{Outbox, Timer};
use super::peer::Peer;
use super::task::{Conduct, Task};
use crate::world::World;

/// How long half a way takes.
const DELAY: Duration = Duration::from_millis(5);
/// What is never to be raised against those who keep to the rules.
const GRAVE: [&str; 3] = ["coap.spoofed.", "coap.exchange.", "coap.block."];

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

/// What went between the gateway and a client that has proved nothing.
#[derive(Debug, Default)]
struct Book {
    received: usize,
    sent: usize,
    /// Message IDs of responses that it didn't ask for.
    decoys: Vec<u16>,
    proven: Option<Instant>,
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
    books: HashMap<SocketAddr, Book>,
    /// What went wrong at the gateway.
    pub(crate) faults: Vec<String>,
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
            books: HashMap::new(),
            faults: Vec::new(),
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
        if copies == 0 {
            self.losses.push((self.now, datagram.from));
            self.losses.push((self.now, datagram.to));
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
            if GRAVE.iter().any(|family| reason.code().starts_with(family)) {
                let fault = format!(
                    "{} for {:?} from {from} to {to} at {:?}",
                    reason.code(),
                    Message::decode(&payload),
                    self.now
                );
                self.faults.push(fault);
            }
        }
        self.enter_received(from, &payload);
        if let Some(payload) = passage.forwarded {
            self.enter_sent(to, &payload, false);
            self.travel(1, Datagram { from, to, payload });
        }
        for own in passage.injected {
            let (from, to, payload) = (own.from, own.to, own.payload);
            self.enter_sent(to, &payload, true);
            self.travel(1, Datagram { from, to, payload });
        }
    }

    /// When a client proved its address, if it did.
    pub(crate) fn proven(&self, client: SocketAddr) -> Option<Instant> {
        self.books.get(&client)?.proven
    }

    fn enter_received(&mut self, from: SocketAddr, payload: &[u8]) {
        let book = self.books.entry(from).or_default();
        book.received += payload.len();
        let message = Message::decode(payload).expect("a message");
        let proves = message.echo().is_some()
            || message.message_type() == Type::Reset && book.decoys.contains(&message.message_id());
        if proves {
            book.proven.get_or_insert(self.now);
        }
    }

    /// No more goes to a client than three bytes for one, until it has proved its address.
    fn enter_sent(&mut self, to: SocketAddr, payload: &[u8], is_own: bool) {
        let message = Message::decode(payload).expect("a message");
        if message.code().is_request() || to.port() == 5683 {
            return;
        }
        let book = self.books.entry(to).or_default();
        book.sent += payload.len();
        let is_decoy = is_own && payload.len() == 8 && message.code().is_response();
        if is_decoy {
            book.decoys.push(message.message_id());
        }
        if book.proven.is_none() && book.sent > 3 * book.received {
            let fault = format!("{} for {} bytes to {to}", book.sent, book.received);
            self.faults.push(fault);
        }
    }
}
