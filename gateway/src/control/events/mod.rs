//! Events as JSON lines, in the shape of Suricata's EVE wherever it has the field.
//!
//! `line` writes one event down, on the worker that saw it; `queue` hands the line over without ever
//! waiting; `writer` is the one thread that touches the file, which `destination` opens. docs/events.md
//! describes the fields.

mod ban;
mod destination;
mod detail;
mod hello;
mod line;
#[cfg(test)]
mod matchable;
mod message;
mod policies;
mod queue;
mod writer;

pub use destination::Destination;
pub use line::{Place, write};
pub use policies::Policies;
pub use queue::{EventCounts, Queue};
pub use writer::{Writer, WriterError};
