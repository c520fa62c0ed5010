//! CoAP messages over UDP (RFC 7252), with the options of RFC 7641, 7959, 7967, 8613, 8768, 9175
//! and 9177.
//!
//! [`Message::decode`] is strict: header, option walk, and the length, repetition and format of
//! every registered option are checked once, and each violation is a [`Malformed`] with a stable
//! code. RFC 7252 §5.4 lets a receiver skip an elective option with a bad value; here it is refused
//! all the same, because receivers differ and overflows were found exactly there. What takes an
//! exchange to see (matching, budgets, block order) is not judged here. Extended token lengths
//! (RFC 8974) and CoAP over TCP (RFC 8323) are left out.

mod code;
pub mod encode;
mod finding;
pub mod fuzz;
mod message;
mod option;
mod registry;
#[cfg(test)]
mod tests;

pub use code::{Code, Type};
pub use finding::{Anomalies, Anomaly, Malformed};
pub use message::{HEADER_LEN, Message};
pub use option::{Block, Opt};
pub use registry::{Definition, Format, definition, is_critical, is_reserved, number};

const PAYLOAD_MARKER: u8 = 0xff;
