//! Bytes to borrowed views: Ethernet to TCP/UDP, MQTT, CoAP, the first bytes of TLS and DTLS, and of
//! what else speaks on a TCP port.
//!
//! Every parser follows one recipe: `decode` checks everything once, accessors can't fail, nothing
//! is copied. There is no state and no clock here, and a view doesn't judge what parses: odd but
//! legal values are kept, policy decides.

pub mod coap;
pub mod dtls;
mod finding;
pub mod greeting;
pub mod hello;
pub mod mqtt;
pub mod net;
#[cfg(test)]
mod noise;
pub mod tls;

pub use finding::{Finding, FindingSet};

/// The outcome of decoding the start of a byte stream or a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoded<T> {
    /// A whole message stands at the start of the input.
    Complete {
        /// The view of the message.
        message: T,
        /// How many bytes of the input it takes.
        len: usize,
    },
    /// The input is a proper prefix of a message.
    Incomplete {
        /// At least this many bytes in total (from the start of the input) are needed to go on.
        need: usize,
    },
}

/// Which way a message travels: towards the server (broker, CoAP server) or towards the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

impl Direction {
    /// The other way.
    #[must_use]
    pub fn reverse(self) -> Self {
        match self {
            Self::ToServer => Self::ToClient,
            Self::ToClient => Self::ToServer,
        }
    }
}
