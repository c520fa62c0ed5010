//! MQTT sessions: control packets out of in-order bytes, judged one by one (MQTT 3.1, 3.1.1, 5.0).
//!
//! [`Session::handle_bytes`] reads control packets by the `framer`: the payload of a large PUBLISH passes
//! without being kept.

mod alias;
mod packet;
mod refusal;
mod resync;
mod session;
mod stream;

pub(crate) use session::Session;
