//! The control plane: what surrounds the workers and never touches a frame.

pub mod http;
pub mod logs;
pub mod notify;
pub mod preflight;
