//! An attacker in a victim's name, a server without suspicion, and books of what arrives.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use inspect::{Instant, Limits};
use policy::{Layer, Reason};
use proptest::prelude::*;
use wire::coap::{Code, Message, Type, number};

use crate::world::{
    BASELINE, World, content, empty, endpoint, get, message, notification, observe, policy_of,
};

const WINDOW: Duration = Duration::from_secs(60);

/// One thing an attacker does in a victim's name, or a server without suspicion.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// A request of one of several shapes, CON or NON.
    Ask {
        shape: u8,
        confirmable: bool,
    },
    /// The same datagram once more.
    AskAgain,
    Ping,
    /// An ACK or RST with a guessed message ID.
    Guess {
        reset: bool,
        id: u16,
    },
    /// A request with a guessed cookie.
    Cookie(Vec<u8>),
    /// The server answers the latest request: piggybacked, or separately.
    Answer {
        payload_len: usize,
        separately: bool,
    },
    /// The server repeats its last datagram.
    AnswerAgain,
    Acknowledge,
    Reset,
    Notify {
        confirmable: bool,
    },
    Error {
        payload_len: usize,
    },
    /// The server asks the victim something itself.
    AskBack {
        payload_len: usize,
    },
    AskBackAgain,
    Pause(u64),
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u8..5, any::<bool>()).prop_map(|(shape, confirmable)| Step::Ask { shape, confirmable }),
        2 => Just(Step::AskAgain),
        1 => Just(Step::Ping),
        1 => (any::<bool>(), 0u16..50).prop_map(|(reset, id)| Step::Guess { reset, id }),
        1 => prop::collection::vec(any::<u8>(), 1..40).prop_map(Step::Cookie),
        8 => (0usize..1100, any::<bool>())
            .prop_map(|(payload_len, separately)| Step::Answer { payload_len, separately }),
        4 => Just(Step::AnswerAgain),
        2 => Just(Step::Acknowledge),
        1 => Just(Step::Reset),
        4 => any::<bool>().prop_map(|confirmable| Step::Notify { confirmable }),
        2 => (0usize..200).prop_map(|payload_len| Step::Error { payload_len }),
        2 => (0usize..1100).prop_map(|payload_len| Step::AskBack { payload_len }),
        2 => Just(Step::AskBackAgain),
        3 => (0u64..20_000).prop_map(Step::Pause),
    ]
}

/// Who answers whom, and what has arrived at the victim.
pub(crate) struct Reflection {
    world: World,
    layer: Layer,
    victim: SocketAddr,
    server: SocketAddr,
    asked: Vec<u8>,
    answered: Vec<u8>,
    asked_back: Vec<u8>,
    /// When a request under the victim's address last came to the server.
    drawn: Option<Instant>,
    id: u16,
    server_id: u16,
    /// When, how many bytes, and whether towards the victim.
    books: VecDeque<(Instant, usize, bool)>,
    /// Bytes that arrived, and bytes that the attacker sent, whenever that was.
    total: (usize, usize),
    /// The latest request under each token: since when its bytes count, and how many they are.
    open: BTreeMap<Vec<u8>, (Instant, usize)>,
    /// Bytes of requests that were only watched, by token: the first answer under enforced rules carries them over.
    watched: BTreeMap<Vec<u8>, usize>,
    /// Whether they have to balance.
    is_enforced: bool,
}

impl Reflection {
    pub(crate) fn new(victim: SocketAddr) -> Self {
        Self::on(Layer::UdpPayload, victim)
    }

    /// Where the rules count on that layer.
    pub(crate) fn on(layer: Layer, victim: SocketAddr) -> Self {
        let rules = BASELINE.replace(Layer::UdpPayload.name(), layer.name());
        assert!(rules.contains(layer.name()));
        Self {
            world: World::with(&rules, Limits::default()),
            layer,
            victim,
            server: endpoint(if victim.is_ipv4() {
                "10.0.0.2:5683"
            } else {
                "[fd00::2]:5683"
            }),
            asked: get(Type::NonConfirmable, 0, &[], ""),
            answered: vec![],
            asked_back: vec![],
            drawn: None,
            id: 0,
            server_id: 1000,
            books: VecDeque::new(),
            total: (0, 0),
            open: BTreeMap::new(),
            watched: BTreeMap::new(),
            is_enforced: true,
        }
    }

    /// From now on the gateway enforces its rules, or does no more than watch.
    pub(crate) fn enforce(&mut self, is_enforced: bool) {
        let mode = if is_enforced { "enforce" } else { "monitor" };
        let config = format!("mode = \"{mode}\"");
        let policy = policy_of(&config, BASELINE);
        self.world.inspector.install(policy);
        self.is_enforced = is_enforced;
        self.books.clear();
        self.total = (0, 0);
    }

    pub(crate) fn take(&mut self, step: Step) {
        match step {
            Step::Ask { shape, confirmable } => {
                self.id = (self.id + 1) % 50;
                self.asked = request(shape, confirmable, self.id);
                self.attack(&self.asked.clone());
            }
            Step::AskAgain => self.attack(&self.asked.clone()),
            Step::Ping => self.attack(&empty(Type::Confirmable, self.id)),
            Step::Guess { reset, id } => {
                let message_type = if reset {
                    Type::Reset
                } else {
                    Type::Acknowledgement
                };
                self.attack(&empty(message_type, 1000 + id));
            }
            Step::Cookie(value) => {
                let request = crate::world::with_echo(&self.asked.clone(), &value);
                self.attack(&request);
            }
            Step::Answer {
                payload_len,
                separately,
            } => {
                self.server_id += 1;
                let (message_type, id) = self.answer_type(separately);
                let token = self.token();
                self.answered = content(message_type, id, &token, payload_len);
                self.serve();
            }
            Step::AnswerAgain if !self.answered.is_empty() => self.serve(),
            Step::AnswerAgain => {}
            Step::Acknowledge => {
                self.answered = empty(Type::Acknowledgement, self.id);
                self.serve();
            }
            Step::Reset => {
                self.answered = empty(Type::Reset, self.id);
                self.serve();
            }
            Step::Notify { confirmable } => {
                self.server_id += 1;
                let message_type = if confirmable {
                    Type::Confirmable
                } else {
                    Type::NonConfirmable
                };
                let sequence = u32::from(self.server_id);
                let token = self.token();
                self.answered = notification(message_type, self.server_id, &token, sequence);
                self.serve();
            }
            Step::Error { payload_len } => {
                let (message_type, id) = self.answer_type(false);
                let token = self.token();
                self.answered = message(message_type, Code::NOT_FOUND, id, &token, |builder| {
                    builder.payload(&vec![b'?'; payload_len]);
                });
                self.serve();
            }
            Step::AskBack { payload_len } => {
                self.server_id += 1;
                let (id, token) = (self.server_id, [3; 8]);
                self.asked_back = message(Type::Confirmable, Code::PUT, id, &token, |builder| {
                    builder
                        .path(number::URI_PATH, "rd/1")
                        .payload(&vec![b'p'; payload_len]);
                });
                self.ask_back();
            }
            Step::AskBackAgain => self.ask_back(),
            Step::Pause(ms) => self.world.pause(Duration::from_millis(ms)),
        }
    }

    fn token(&self) -> Vec<u8> {
        let decoded = Message::decode(&self.asked).unwrap();
        decoded.token().to_vec()
    }

    fn answer_type(&self, separately: bool) -> (Type, u16) {
        let confirmable = self.asked[0] & 0x30 == 0;
        match (confirmable, separately) {
            (true, false) => (Type::Acknowledgement, self.id),
            (true, true) => (Type::Confirmable, self.server_id),
            (false, _) => (Type::NonConfirmable, self.server_id),
        }
    }

    fn attack(&mut self, payload: &[u8]) {
        let (victim, server) = (self.victim, self.server);
        let size = self.size(payload);
        self.enter(size, false);
        let passage = self.world.send(victim, server, payload);
        let is_request = matches!(payload[1], 1..32);
        if is_request && passage.forwarded.is_some() {
            self.drawn = Some(self.world.now);
            let token = Message::decode(payload).unwrap().token().to_vec();
            let request = (self.world.now, size);
            self.open.insert(token.clone(), request);
            match self.is_enforced {
                true => self.watched.remove(&token),
                false => self.watched.insert(token, size),
            };
        }
        self.settle(None, &passage.injected);
    }

    /// Nothing counts that the server asks by its own will.
    fn ask_back(&mut self) {
        let is_drawn = |at: Instant| self.world.now < at + WINDOW;
        if self.asked_back.is_empty() || !self.drawn.is_some_and(is_drawn) {
            return;
        }
        let (victim, server) = (self.victim, self.server);
        let passage = self.world.send(server, victim, &self.asked_back.clone());
        self.settle(passage.forwarded.as_deref(), &passage.injected);
    }

    fn serve(&mut self) {
        let (victim, server) = (self.victim, self.server);
        let payload = self.answered.clone();
        let passage = self.world.send(server, victim, &payload);
        let answers = matches!(payload[1], 0x40..0xc0)
            && passage.outcome.reason != Some(Reason::COAP_SPOOFED_UNMATCHED_RESPONSE)
            && passage.outcome.reason != Some(Reason::COAP_SPOOFED_UNREGISTERED_NOTIFICATION);
        if self.is_enforced && answers {
            let token = Message::decode(&payload).unwrap().token().to_vec();
            let carried = self.watched.remove(&token);
            self.enter(carried.unwrap_or(0), false);
            self.count_once_more(&token);
        }
        self.settle(passage.forwarded.as_deref(), &passage.injected);
    }

    /// A request that has waited for its answer until it left the books counts again; of all that was sent it
    /// is no more for that.
    fn count_once_more(&mut self, token: &[u8]) {
        let now = self.world.now;
        if let Some((since, bytes)) = self.open.get_mut(token)
            && now >= *since + WINDOW
        {
            *since = now;
            self.books.push_back((now, *bytes, false));
        }
    }

    /// Enters what arrives at the victim, and checks the books.
    fn settle(&mut self, forwarded: Option<&[u8]>, injected: &[crate::world::Datagram]) {
        let own = injected
            .iter()
            .filter(|datagram| datagram.to == self.victim);
        let own: usize = own.map(|datagram| self.size(&datagram.payload)).sum();
        let forwarded = forwarded.map_or(0, |payload| self.size(payload));
        self.enter(own + forwarded, true);
        let since = self.world.now - WINDOW;
        // What came may be answered for as long, and the granule it came in.
        let paid_since = since - WINDOW * 17 / 16;
        self.books.retain(|(at, ..)| *at > paid_since);
        let total = |towards: bool, since: Instant| -> usize {
            let entries = self.books.iter();
            let entries = entries.filter(|(at, _, way)| *way == towards && *at > since);
            entries.map(|(_, bytes, _)| bytes).sum()
        };
        let (sent, received) = (total(true, since), total(false, paid_since));
        let last = self.books.back().map_or(0, |(_, bytes, _)| *bytes);
        assert!(
            !self.is_enforced || last == 0 || sent <= 3 * received,
            "{sent} bytes to the victim for {received} from it"
        );
        let (sent, received) = self.total;
        assert!(
            !self.is_enforced || last == 0 || sent <= 3 * received,
            "{sent} bytes to the victim in all for {received} from it"
        );
    }

    /// Bytes of a datagram to or from the victim.
    fn size(&self, payload: &[u8]) -> usize {
        let ip = if self.victim.is_ipv4() { 20 } else { 40 };
        let packet = ip + 8 + payload.len();
        match self.layer {
            Layer::UdpPayload => payload.len(),
            Layer::Ip => packet,
            Layer::Frame => (14 + packet).max(60),
        }
    }

    fn enter(&mut self, bytes: usize, towards: bool) {
        *(if towards {
            &mut self.total.0
        } else {
            &mut self.total.1
        }) += bytes;
        self.books.push_back((self.world.now, bytes, towards));
    }
}

/// Requests from four bytes to a long one, registrations among them.
fn request(shape: u8, confirmable: bool, id: u16) -> Vec<u8> {
    let message_type = if confirmable {
        Type::Confirmable
    } else {
        Type::NonConfirmable
    };
    match shape {
        0 => get(message_type, id, &[], ""),
        1 => get(message_type, id, &[9], ".well-known/core"),
        2 => observe(id, &[7], 0, "temperature"),
        3 => message(message_type, Code::GET, id, &[8; 8], |builder| {
            builder
                .path(number::URI_PATH, "firmware")
                .uint(number::BLOCK2, 0x16);
        }),
        _ => message(message_type, Code::POST, id, &[6], |builder| {
            builder.path(number::URI_PATH, "rd").payload(&[b'x'; 300]);
        }),
    }
}
