//! Two ends of a link with the inspector between them.

mod gateway;
mod recorder;
mod stream;

pub use gateway::{Departed, Gateway, Passage, policy_of};
pub use recorder::{Recorder, Seen};
pub use stream::{Ends, Stream, tcp_of};
