//! Names and sizes of the maps.

use crate::{LINKS, Outcome, PORTS, QUEUES};

/// Ports of services: one value, a bitmap. `Array<service::Bitmap>`.
pub const SERVICES: &str = "SERVICES";
/// UDP ports of the services among them that are plain CoAP. `Array<service::Bitmap>`.
pub const COAP_SERVICES: &str = "COAP_SERVICES";
/// How a port treats frames of services, by port. `Array<PortWords>` of [`crate::PortConfig`].
pub const PORT_CONFIG: &str = "PORT_CONFIG";
/// The device at the other end of the link, by port. `DevMap`.
pub const PEERS: &str = "PEERS";
/// Sockets of the workers, by [`crate::socket_slot`]. `XskMap`.
pub const SOCKETS: &str = "SOCKETS";
/// When each worker last said that it lives, by [`crate::heartbeat_slot`]: nanoseconds of
/// `CLOCK_MONOTONIC`. `Array<u64>`.
pub const HEARTBEATS: &str = "HEARTBEATS";
/// What became of the frames, by port. `PerCpuArray<CounterRow>`.
pub const COUNTERS: &str = "COUNTERS";

/// How many broken CoAP datagrams the inspector still gets to see, by port: when the bucket is full
/// again, see [`crate::budget`]. `PerCpuArray<u64>`.
pub const SAMPLES: &str = "SAMPLES";

/// One entry for each port.
pub const PORT_ENTRIES: u32 = PORTS;
/// One entry for each queue of each port.
pub const SOCKETS_ENTRIES: u32 = PORTS * QUEUES;
/// One entry for each queue of each link.
pub const HEARTBEATS_ENTRIES: u32 = LINKS * QUEUES;

/// The counts of one port: frames and bytes, in this order, of each outcome by [`Outcome::index`].
pub type CounterRow = [u64; 2 * Outcome::ALL.len()];

/// Broken CoAP datagrams a second, on each port and processor, that go to the inspector all the same,
/// for its events, answers and bans to be what they are without a flood.
pub const SAMPLES_PER_SECOND: u64 = 100;

/// The global constant that tells an instance of the program which port it serves.
pub const PORT_GLOBAL: &str = "PORT";
/// The program.
pub const PROGRAM: &str = "weir";
/// A program that does nothing: the baseline that the cost of [`PROGRAM`] is measured against.
pub const EMPTY_PROGRAM: &str = "empty";
