//! Opens the pinned maps.

use aya::maps::{Map, MapData, MapError};

use super::Error;
use super::pins::Pins;

/// A typed handle of its own to the map `name`. Fails if what is pinned there has keys or values
/// of other sizes.
pub(super) fn open<M>(pins: &Pins, name: &'static str) -> Result<M, Error>
where
    M: TryFrom<Map, Error = MapError>,
{
    pinned(pins, name)
        .and_then(M::try_from)
        .map_err(|error| Error::map(name, error))
}

/// The same, of whatever kind it is.
pub(super) fn pinned(pins: &Pins, name: &'static str) -> Result<Map, MapError> {
    MapData::from_pin(pins.map(name)).and_then(Map::from_map_data)
}
