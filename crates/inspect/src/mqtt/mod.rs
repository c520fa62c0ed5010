//! MQTT sessions: control packets out of in-order bytes, judged one by one (MQTT 3.1, 3.1.1, 5.0).
//!
//! [`Session::handle_bytes`] reads control packets from the segment they came in, without copying,
//! where they lie in it whole. Of one that spans segments only the beginning is kept until it can be
//! judged, and the payload of a large PUBLISH passes without being kept.
//!
//! What takes memory of the packets before is one file a concern: `order` who may speak when, `delivery`
//! what is acknowledged, `negotiated` what the ends agreed on, `auth` whose turn it is, `keep_alive` for how
//! long nothing may be said.

mod alias;
mod auth;
mod delivery;
mod framer;
mod inflight;
mod keep_alive;
mod negotiated;
mod order;
mod packet;
mod refusal;
mod resync;
mod session;
mod stream;

pub(crate) use session::Session;
