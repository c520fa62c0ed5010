//! What the program counted.

use abi::{Outcome, Side, map};
use aya::maps::{MapData, PerCpuArray};

use super::pins::Pins;
use super::{Error, maps};

/// Frames and bytes with the same outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Frames.
    pub frames: u64,
    /// Their bytes, Ethernet header included.
    pub bytes: u64,
}

/// A reader of the counters, independent of the rest of the data plane.
pub struct Counters {
    map: PerCpuArray<MapData, map::CounterRow>,
}

impl Counters {
    pub(super) fn open(pins: &Pins) -> Result<Self, Error> {
        let map = maps::open(pins, map::COUNTERS)?;
        Ok(Self { map })
    }

    /// The counts of a port since its maps were made, summed over all processors, in the order of
    /// [`Outcome::ALL`].
    ///
    /// # Errors
    /// The map can't be read.
    pub fn read(&self, link: u32, side: Side) -> Result<Vec<(Outcome, Count)>, Error> {
        let port = abi::port_index(link, side);
        let rows = self
            .map
            .get(&port, 0)
            .map_err(|error| Error::map(map::COUNTERS, error))?;
        let sum = |at: usize| rows.iter().map(|row| row[at]).fold(0, u64::wrapping_add);
        let count = |outcome: &Outcome| {
            let at = 2 * outcome.index();
            (
                *outcome,
                Count {
                    frames: sum(at),
                    bytes: sum(at + 1),
                },
            )
        };
        Ok(Outcome::ALL.iter().map(count).collect())
    }
}
