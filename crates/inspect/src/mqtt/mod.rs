//! MQTT sessions: control packets out of in-order bytes, judged one by one (MQTT 3.1, 3.1.1, 5.0).
//!
//! [`Session::handle_bytes`] reads control packets by the `framer`: the payload of a large PUBLISH passes
//! without being kept.
//!
//! What takes memory of the packets before is one file a concern: `order` who may speak when, `delivery`
//! what is acknowledged, `negotiated` what the ends agreed on, `auth` whose turn it is.

mod alias;
mod auth;
mod delivery;
mod inflight;
mod negotiated;
mod order;
mod packet;
mod refusal;
mod resync;
mod session;
mod stream;

pub(crate) use session::Session;
