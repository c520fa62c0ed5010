//! The control plane: what surrounds the workers and never touches a frame.

mod absence;
pub mod bans;
mod budgets;
pub mod events;
mod failing;
pub mod feeds;
pub mod files;
mod health;
pub mod http;
pub mod load;
pub mod logs;
pub mod metrics;
pub(crate) mod never;
pub mod notify;
pub mod office;
pub mod preflight;
pub mod reload;
pub mod reporter;
pub mod run;
pub mod signals;
