//! The layer of messages (RFC 7252 §4): CONs that are sent again, and what came before.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use wire::coap::{Message, Type};

use crate::world::empty;

/// RFC 7252 §4.8.
const ACK_TIMEOUT: Duration = Duration::from_secs(2);
const MAX_RETRANSMIT: u32 = 4;

/// What an end wants done.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) sent: Vec<(SocketAddr, Vec<u8>)>,
    pub(crate) timers: Vec<(Duration, Timer)>,
}

/// What an end wants to be told in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Timer {
    Retransmit {
        to: SocketAddr,
        id: u16,
    },
    /// A task begins.
    Start(usize),
    /// Nobody waits any longer for the answer to the request of that message ID.
    GiveUp(u16),
    /// An observer has had enough.
    Leave(usize),
    /// A response goes out that took its time.
    Answer {
        to: SocketAddr,
        message: Vec<u8>,
    },
    Notify,
    /// A server asks its client back.
    AskBack(SocketAddr),
}

/// CONs under way, and what came, of one end.
#[derive(Debug)]
pub(crate) struct Messages {
    next_id: u16,
    waiting: BTreeMap<(SocketAddr, u16), (Vec<u8>, u32)>,
    /// What came under which message ID, and what was said to that.
    heard: HashMap<(SocketAddr, u16), Option<Vec<u8>>>,
}

impl Messages {
    pub(crate) fn new(first_id: u16) -> Self {
        Self {
            next_id: first_id,
            waiting: BTreeMap::new(),
            heard: HashMap::new(),
        }
    }

    pub(crate) fn new_id(&mut self) -> u16 {
        self.next_id = self.next_id.wrapping_add(1);
        self.next_id
    }

    /// Sends a message, and a CON again until it is replied to.
    pub(crate) fn send(&mut self, out: &mut Outbox, to: SocketAddr, message: Vec<u8>) {
        if message[0] & 0x30 == 0 {
            let id = u16::from_be_bytes([message[2], message[3]]);
            self.waiting.insert((to, id), (message.clone(), 0));
            out.timers
                .push((timeout(id, 0), Timer::Retransmit { to, id }));
        }
        out.sent.push((to, message));
    }

    /// Sends a reply, the same when what it replies to comes again.
    pub(crate) fn reply(&mut self, out: &mut Outbox, to: SocketAddr, id: u16, message: Vec<u8>) {
        self.heard.insert((to, id), Some(message.clone()));
        out.sent.push((to, message));
    }

    /// Whether a CON or NON came before. Then it is replied to as it was.
    pub(crate) fn is_repeated(
        &mut self,
        out: &mut Outbox,
        from: SocketAddr,
        message: &Message<'_>,
    ) -> bool {
        match self.heard.get(&(from, message.message_id())) {
            Some(reply) => {
                out.sent.extend(reply.clone().map(|reply| (from, reply)));
                true
            }
            None => {
                self.heard.insert((from, message.message_id()), None);
                false
            }
        }
    }

    /// A CON has been replied to, or answered. Returns whether one was waiting.
    pub(crate) fn settle(&mut self, from: SocketAddr, id: u16) -> bool {
        self.waiting.remove(&(from, id)).is_some()
    }

    /// Whether a CON to somebody is under way.
    pub(crate) fn is_waiting_for(&self, to: SocketAddr) -> bool {
        self.waiting.keys().any(|(whom, _)| *whom == to)
    }

    /// Sends a CON again that still waits. Returns whether it is given up instead.
    pub(crate) fn retransmit(&mut self, out: &mut Outbox, to: SocketAddr, id: u16) -> bool {
        let Some((message, attempt)) = self.waiting.get_mut(&(to, id)) else {
            return false;
        };
        *attempt += 1;
        if *attempt > MAX_RETRANSMIT {
            self.waiting.remove(&(to, id));
            return true;
        }
        out.sent.push((to, message.clone()));
        let next = Timer::Retransmit { to, id };
        out.timers.push((timeout(id, *attempt), next));
        false
    }
}

/// Between ACK_TIMEOUT and ACK_TIMEOUT * ACK_RANDOM_FACTOR, doubled with each attempt.
fn timeout(id: u16, attempt: u32) -> Duration {
    let part = u32::from(id.wrapping_mul(0x9e37) >> 6);
    let first = ACK_TIMEOUT + ACK_TIMEOUT / 2 * part / 1024;
    first * 2u32.pow(attempt)
}

pub(crate) fn acknowledgement(id: u16) -> Vec<u8> {
    empty(Type::Acknowledgement, id)
}

pub(crate) fn reset(id: u16) -> Vec<u8> {
    empty(Type::Reset, id)
}
