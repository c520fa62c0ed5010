//! What clients want done, and what comes of it.

use std::fmt;
use std::net::SocketAddr;

use wire::coap::{Code, Message, Type, number};

/// What tells one client from another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conduct {
    /// As libcoap, and unlike node-coap.
    pub(crate) follows_echo: bool,
    /// Whether it rejects NONs too that answer nothing (RFC 7252 §4.3).
    pub(crate) resets_non: bool,
    pub(crate) token_len: usize,
    /// Whether it has several requests under way at once (NSTART, RFC 7252 §4.7).
    pub(crate) at_once: bool,
}

/// What a client wants done.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) to: SocketAddr,
    pub(crate) kind: Type,
    pub(crate) code: Code,
    pub(crate) path: String,
    pub(crate) payload_len: usize,
    /// The size exponent of the blocks of an upload, and of a download (early negotiation, RFC 7959 §2.4).
    pub(crate) block1: Option<u8>,
    pub(crate) block2: Option<u8>,
    pub(crate) observes: Option<Ending>,
}

/// How an observation ends, and whether it is renewed before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Deregister,
    Reset,
    Renew,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Open,
    Done(Vec<Report>),
    Failed(Why),
}

/// A response, all blocks of it together.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Report {
    pub(crate) code: Code,
    /// What says how it came is left out.
    pub(crate) options: Vec<(u16, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    Timeout,
    Reset,
    /// It was asked for an Echo that it doesn't know.
    Challenged,
    /// Blocks of different bodies, or none where one had to begin.
    Mixed,
}

impl Task {
    pub(crate) fn get(to: SocketAddr, path: &str) -> Self {
        Self {
            to,
            kind: Type::Confirmable,
            code: Code::GET,
            path: path.into(),
            payload_len: 0,
            block1: None,
            block2: None,
            observes: None,
        }
    }
}

impl Report {
    /// Of a response, whose blocks are that body.
    pub(crate) fn of(response: &Message<'_>, body: Vec<u8>) -> Self {
        let of_the_way = [number::BLOCK1, number::BLOCK2, number::SIZE2];
        let options = response.options();
        Self {
            code: response.code(),
            options: options
                .filter(|option| !of_the_way.contains(&option.number))
                .map(|option| (option.number, option.value.to_vec()))
                .collect(),
            body,
        }
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} of {}", self.code, self.options, self.body.len())
    }
}
