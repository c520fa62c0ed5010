//! The operator's rules: TOML to diagnostics or a compiled [`Policy`]; a policy and a [`Subject`]
//! to a [`Ruling`].
//!
//! Nothing here opens a file, reads a clock or keeps state that outlives a call: text comes in as
//! [`SourceText`], and what a rule counts over time is kept by the caller behind [`Meters`].
//!
//! The way of a file: [`Config::parse`] reads the configuration, which names the rule packs;
//! [`Policy::compile`] reads the packs against it. Both report every problem of every file at once
//! as [`Diagnostics`]. The way of a message: the inspector fills a [`Subject`] and asks
//! [`Policy::decide`].

mod action;
mod address;
mod block_list;
mod case;
mod config;
mod detail;
mod diagnostic;
mod duration;
pub mod fuzz;
mod index;
mod limit;
mod matching;
mod offender;
mod pack;
mod parts;
mod percent;
mod policy;
mod reach;
mod read;
mod reason;
pub mod reference;
mod report;
mod rule;
pub mod shipped;
mod source;
mod subject;
mod suggest;
mod unused;
pub mod vocabulary;

pub use action::{Action, Ban, Match, Proof, REFUSALS, Ruling, Verdict};
pub use address::unmapped;
pub use block_list::block_list;
pub use case::{Case, Expect, Fields, Line, Resource, Speech, Value};
pub use config::{
    Block, Brokers, Budget, Config, Control, Dataplane, DefaultAction, Events, Exception, Exempted,
    Fragments, Limits, Link, Log, LogFormat, Mark, Metrics, Midstream, Mode, NamedFile, OnFailure,
    Services, XdpMode,
};
pub use detail::{Detail, Details};
pub use diagnostic::{Diagnostic, Diagnostics, Level, Snippet};
pub use limit::{
    Apart, CountLimit, Counted, DistinctLimit, Holding, Ipv6Prefix, Layer, Limit, MaxLimit, Meters,
    Per, RateLimit, Ratio,
};
pub use pack::MAX_BAN;
pub use policy::Policy;
pub use reason::{Note, Reason, Tune};
pub use rule::{Rule, RuleIndex, Severity};
pub use source::{Place, SourceText};
pub use subject::{Endpoints, Message, Protocol, Service, Session, Side, Subject};
