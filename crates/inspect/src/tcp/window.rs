//! How much a receiver may ask for: no more than Weir can remember until it is acknowledged.
//!
//! A sender fills whatever window it is offered, and what doesn't fit
//! [`unacked_bytes_per_flow`](crate::Limits::unacked_bytes_per_flow) would have to be dropped, each time
//! again. So the offer itself is made smaller on its way, as a receiver with less memory would make
//! it. The edge of the window never moves back by that (RFC 9293 §3.8.6), because every offer of a
//! connection is bounded alike, and those of its SYNs are smaller anyway.

use wire::net::edit;

use super::Work;
use crate::Sink;

impl<S: Sink> Work<'_, '_, '_, S> {
    /// The window the segment offers, in bytes; in the frame, too, it is no larger than can be
    /// remembered. A direction that isn't read needs no memory, of an unknown shift no window can be
    /// made, and a monitor changes nothing.
    pub(super) fn bound_window(&mut self) -> u32 {
        let direction = self.arrival.direction;
        let (ours, theirs) = self.connection.split(direction);
        ours.last_window = self.segment.window;
        let offered = ours.window_offered(self.segment.window, theirs);
        let bound = largest_offer(self.cx.limits.unacked_bytes_per_flow);
        let Some(shift) = ours.known_shift(theirs).filter(|_| offered > bound) else {
            return offered;
        };
        let is_unread = self.connection.app.is_opaque(direction.reverse());
        if is_unread || self.cx.is_monitor() {
            return offered;
        }
        let window = u16::try_from(bound >> shift).unwrap_or(u16::MAX);
        edit::set_tcp_window(self.frame.as_mut_slice(), &self.segment.layout, window);
        let (ours, _) = self.connection.split(direction);
        ours.last_window = window;
        u32::from(window) << shift
    }
}

/// What may be offered, of what can be remembered: an eighth stays for probes beyond the window's edge.
fn largest_offer(limit: usize) -> u32 {
    u32::try_from(limit - limit / 8).unwrap_or(u32::MAX)
}
