//! CoAP messages over UDP (RFC 7252) and TCP (RFC 8323), with the options of RFC 7641, 7959, 7967, 8613,
//! 8768, 9175, 9177 and 9668, and the tokens of RFC 8974.
//!
//! [`Message::decode`] and [`tcp::Message::decode`] are strict: header, option walk, and the length,
//! repetition and format of every registered option are checked once, and each violation is a
//! [`Malformed`] with a stable code. RFC 7252 §5.4 lets a receiver skip an elective option with a bad
//! value; here it is refused all the same, because receivers differ and overflows were found exactly
//! there. What takes an exchange to see (matching, budgets, block order) is not judged here.

mod code;
mod content;
pub mod encode;
mod finding;
pub mod fuzz;
mod message;
mod option;
mod proxy;
mod registry;
pub mod signal;
pub mod tcp;
#[cfg(test)]
mod tests;
mod token;

pub use code::{Code, Type};
pub use content::Content;
pub use finding::{Anomalies, Anomaly, Malformed};
pub use message::{HEADER_LEN, Message};
pub use option::{Block, Opt};
pub use proxy::Uri;
pub use registry::{Definition, Format, Place, definition, is_critical, is_reserved, number};
pub use token::{PLAIN_TOKEN_LEN_MAX, TOKEN_LEN_MAX};

const PAYLOAD_MARKER: u8 = 0xff;
