//! Two ends of a link with the inspector between them.

mod gateway;
mod random;
mod recorder;
mod stream;

pub use gateway::{Departed, Gateway, Passage, policy_of};
pub use random::Random;
pub use recorder::{Recorder, Seen};
pub use stream::{Ends, HANDSHAKE, Stream, tcp_of};
