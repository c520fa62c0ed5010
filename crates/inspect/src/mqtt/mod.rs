//! MQTT sessions: control packets out of in-order bytes, judged one by one (MQTT 3.1, 3.1.1, 5.0).
//!
//! [`Session::handle_bytes`] reads control packets from the segment they came in, without copying,
//! where they lie in it whole. Of one that spans segments only the beginning is kept until it can be
//! judged, and the payload of a large PUBLISH passes without being kept.

mod alias;
mod framer;
mod packet;
mod refusal;
mod resync;
mod session;
mod stream;

pub(crate) use session::Session;
