//! A model of CoAP as its peers speak it: ends that keep to the rules, each in its own way, and a network between
//! them that loses, doubles, delays and reorders. A gateway may stand in its middle.

mod client;
mod messages;
mod network;
mod peer;
mod server;
mod task;
mod watch;

pub(crate) use messages::Timer;
pub(crate) use network::{Conditions, Dice, Network};
pub(crate) use task::{Conduct, Ending, Outcome, Report, Task, Why};
