//! What the XDP program and the gateway agree on: the maps, their keys and values, and the outcomes
//! a frame can have.
//!
//! Both sides compile this crate, so it stands on `core` alone. Map values are integers and arrays
//! of integers: a loader can read and write those without `unsafe`, padding can't hide in them, and
//! the types here ([`PortConfig`], [`Outcome`]) convert to and from them.
//!
//! Pinned maps outlive the daemon that made them. A successor may only take over maps that mean the
//! same to it, so their directory carries [`LAYOUT_VERSION`].
#![no_std]

pub mod ban;
pub mod budget;
pub mod map;
mod outcome;
mod port;
pub mod service;

pub use outcome::{Disposition, Outcome, OutcomeSet};
pub use port::{Fragments, OnFailure, PortConfig, PortWords, Refusals, Side};

/// Version of the layout of the maps. Any change of a map's name, kind, size, key or value, or of
/// the meaning of one of them, takes the next number.
pub const LAYOUT_VERSION: u32 = 4;

/// Links that one gateway can carry.
pub const LINKS: u32 = 16;

/// Ports: two ends to a link.
pub const PORTS: u32 = LINKS * 2;

/// Receive queues of a port that can have a worker. Frames of queues above take the fallback.
pub const QUEUES: u32 = 64;

/// Index of the port at `side` of `link`: the key of the per-port maps.
#[must_use]
pub const fn port_index(link: u32, side: Side) -> u32 {
    link * 2 + side as u32
}

/// Index of the link that a port belongs to.
#[must_use]
#[inline(always)]
pub const fn link_of(port: u32) -> u32 {
    port / 2
}

/// Key of the socket that receives `queue` of `port`.
#[must_use]
#[inline(always)]
pub const fn socket_slot(port: u32, queue: u32) -> u32 {
    port * QUEUES + queue
}

/// Key of the heartbeat of the worker that owns `queue` at both ends of `link`.
#[must_use]
#[inline(always)]
pub const fn heartbeat_slot(link: u32, queue: u32) -> u32 {
    link * QUEUES + queue
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_and_queue_has_a_slot_of_its_own() {
        let mut next = 0;
        for link in 0..LINKS {
            for side in [Side::Inside, Side::Outside] {
                let port = port_index(link, side);
                assert_eq!(link_of(port), link);
                for queue in 0..QUEUES {
                    assert_eq!(socket_slot(port, queue), next);
                    next += 1;
                }
            }
        }
        assert_eq!(next, map::SOCKETS_ENTRIES);
        assert_eq!(
            heartbeat_slot(LINKS - 1, QUEUES - 1) + 1,
            map::HEARTBEATS_ENTRIES
        );
    }
}
