//! The gateway: a data plane that carries frames between the ends of a link through the inspector,
//! a control plane around it, and the command line `weir`.
//!
//! Workers ([`dataplane`]) are pinned OS threads that never wait for the control plane
//! ([`control`]), which runs on tokio and never touches a frame.

pub mod build_info;
mod causes;
pub mod cli;
pub mod control;
pub mod dataplane;
pub mod demo;
pub mod netns;
