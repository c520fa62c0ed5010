//! MQTT sessions: control packets out of in-order bytes, judged one by one (MQTT 3.1, 3.1.1, 5.0).
//!
//! [`Session::handle_bytes`] reads control packets by the `framer`: the payload of a large PUBLISH passes
//! without being kept.
//!
//! What takes memory of the packets before is one file a concern: `order` who may speak when, `delivery`
//! what is acknowledged (`untracked` and `leftovers` for what has no room in it), `negotiated` what the ends agreed on, `subscriptions` what the client
//! asked for, `auth` whose turn it is, `keep_alive` for how
//! long nothing may be said. What a session is among others is `membership`, its entry in the `registry`.

mod alias;
mod auth;
mod delivery;
mod held;
mod inflight;
mod keep_alive;
mod leftovers;
mod membership;
mod negotiated;
mod order;
mod packet;
mod refusal;
mod registry;
mod resync;
mod session;
mod stream;
mod subscriptions;
mod untracked;

pub(crate) use alias::AliasTotal;
pub(crate) use inflight::Entry;
pub(crate) use registry::Registry;
pub(crate) use session::Session;
