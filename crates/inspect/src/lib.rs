//! The inspector: a frame and a time in, a verdict and events out.
//!
//! [`Inspector`] is a value. It opens nothing, sleeps never, logs nothing and reads no clock; the same
//! frames, seed and times give the same output, byte for byte. The live data plane, capture replay,
//! simulation, fuzzing and benchmarks are thin callers of [`Inspector::handle_frame`].
//!
//! A frame's way through the modules: `dispatch` decodes it and finds its service, `conntrack` its flow;
//! `tcp` puts segments in order and hands their bytes to `app`, which tells by `greeting` what is spoken and lets
//! `mqtt` or `coap_tcp` read it; datagrams go to `coap` or `tls`. Each of them asks the policy through `context`,
//! which also tells the [`Sink`].

mod app;
mod coap;
mod coap_tcp;
mod conntrack;
mod context;
mod deadline;
mod dispatch;
mod event;
mod flow;
mod frame;
mod framer;
mod gauges;
mod greeting;
mod hashing;
mod holdings;
mod inspector;
mod metering;
mod mqtt;
mod outcome;
mod pool;
mod seed;
mod services;
mod shared;
mod sink;
mod source;
mod table;
mod tcp;
mod time;
mod tls;

pub use event::{Counted, Event, EventKind};
pub use frame::{Frame, Port};
pub use gauges::Gauges;
pub use inspector::{Inspector, Sitting};
pub use outcome::Outcome;
pub use policy::{Exception, Limits, Verdict};
pub use seed::Seed;
pub use sink::{Count, FlowEnd, Injected, LimitKind, MessageKind, Sink};
pub use time::Instant;
