//! Tests over whole messages: every violation once, views, hostile bytes, round trips.

mod golden;
mod round_trip;
mod stream;
mod violations;

use super::Message;

/// Decodes what must be well-formed.
pub(crate) fn message(datagram: &[u8]) -> Message<'_> {
    Message::decode(datagram).unwrap_or_else(|error| panic!("{datagram:02x?}: {error}"))
}
