//! The operator's rules: TOML to diagnostics or a compiled [`Policy`]; a policy and a [`Subject`]
//! to a [`Ruling`].
//!
//! Nothing here opens a file, reads a clock or keeps state that outlives a call: text comes in
//! through [`Sources`], and what a rule counts over time is kept by the caller behind [`Meters`].

mod reason;
mod subject;

pub use reason::Reason;
pub use subject::{Endpoints, Message, Protocol, Service, Session, Side, Subject};
