//! How a worker tells the program that it lives.

use abi::map;
use aya::maps::{Array, MapData};
use rustix::time::{ClockId, clock_gettime};

use super::pins::Pins;
use super::{Error, maps};

/// A worker's sign of life. The program takes the fallback when the last one is too old.
pub struct Heartbeat {
    map: Array<MapData, u64>,
    slot: u32,
}

impl Heartbeat {
    pub(super) fn open(pins: &Pins, slot: u32) -> Result<Self, Error> {
        let map = maps::open(pins, map::HEARTBEATS)?;
        Ok(Self { map, slot })
    }

    /// Says that the worker lives. Costs a system call.
    ///
    /// # Errors
    /// The map can't be written.
    pub fn beat(&mut self) -> Result<(), Error> {
        let beat = self.map.set(self.slot, monotonic_ns(), 0);
        beat.map_err(|error| Error::map(map::HEARTBEATS, error))
    }
}

/// The clock that the program compares with, in nanoseconds.
pub(super) fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).expect("the monotonic clock starts at zero");
    let nanos = u64::try_from(now.tv_nsec).expect("nanoseconds are within a second");
    seconds * 1_000_000_000 + nanos
}
