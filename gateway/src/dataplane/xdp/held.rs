//! What the gateway holds of its own while it runs: links and maps, beside their pins. Who removes the pins
//! then takes no program off, and they can be made anew.

use std::io;
use std::path::Path;

use aya::maps::MapData;
use aya::pin::PinError;
use aya::programs::links::{FdLink, PinnedLink};

use super::Error;
use super::pins::Pins;

/// The link to an interface.
#[derive(Debug)]
pub(super) struct HeldLink {
    /// Keeps the program on the interface.
    link: FdLink,
    /// What a new pin is made of, which takes it if that fails.
    spare: Option<FdLink>,
}

impl HeldLink {
    /// The link that is pinned at `pin`.
    pub(super) fn open(pin: &Path) -> Result<Self, Error> {
        let open = || PinnedLink::from_pin(pin).map(FdLink::from);
        Ok(Self {
            link: open().map_err(Error::load)?,
            spare: Some(open().map_err(Error::load)?),
        })
    }

    /// Whether it is this link that is pinned at `pin`.
    pub(super) fn is_pinned(&self, pin: &Path) -> bool {
        let there = PinnedLink::from_pin(pin).map(FdLink::from);
        let there = there.and_then(|link| link.info());
        match (self.link.info(), there) {
            (Ok(ours), Ok(there)) => ours.id() == there.id(),
            _ => false,
        }
    }

    /// Pins it, if it isn't.
    pub(super) fn keep_pinned(&mut self, pin: &Path) -> Result<(), Error> {
        if self.is_pinned(pin) {
            return Ok(());
        }
        let failed = |source| Error::Pin {
            doing: "pinning the link",
            path: pin.to_owned(),
            source,
        };
        if pin.exists() {
            return Err(failed(io::ErrorKind::AlreadyExists.into()));
        }
        let spare = self.spare.take();
        let spare = spare.ok_or_else(|| failed(io::Error::other("it failed before")))?;
        let pinned = spare.pin(pin).map_err(|error| failed(cause(error)))?;
        self.spare = Some(FdLink::from(pinned));
        Ok(())
    }
}

/// The maps of the program.
pub(super) struct HeldMaps(Vec<(&'static str, MapData)>);

impl HeldMaps {
    /// Those of these names, which are pinned.
    pub(super) fn open(pins: &Pins, names: &[&'static str]) -> Result<Self, Error> {
        let open = |&name: &&'static str| {
            let map = MapData::from_pin(pins.map(name));
            map.map(|map| (name, map))
                .map_err(|error| Error::map(name, error))
        };
        names.iter().map(open).collect::<Result<_, _>>().map(Self)
    }

    /// Whether all have their pins.
    pub(super) fn are_pinned(&self, pins: &Pins) -> bool {
        self.0.iter().all(|(name, _)| pins.map(name).exists())
    }

    /// Pins those that have none.
    pub(super) fn keep_pinned(&self, pins: &Pins) -> Result<(), Error> {
        for (name, map) in &self.0 {
            let path = pins.map(name);
            if path.exists() {
                continue;
            }
            map.pin(&path).map_err(|error| Error::Pin {
                doing: "pinning a map",
                path,
                source: cause(error),
            })?;
        }
        Ok(())
    }
}

fn cause(error: PinError) -> io::Error {
    match error {
        PinError::SyscallError(error) => error.io_error,
        other => io::Error::other(other),
    }
}
