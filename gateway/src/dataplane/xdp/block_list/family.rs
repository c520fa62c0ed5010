//! The entries of one address family, and the lengths that the program looks for among them.

use abi::ban;
use aya::maps::{Array, HashMap, Map, MapData, MapError};
use rustix::io::Errno;

use super::lengths::Lengths;
use crate::dataplane::xdp::error::{Error, os_error};

/// `BPF_NOEXIST` of linux/bpf.h: only if there is no such entry.
const NEW: u64 = 1;

/// The maps of a family.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names {
    pub(super) entries: &'static str,
    pub(super) lengths: &'static str,
}

/// A family's part of the list.
pub(super) struct Family<const N: usize> {
    names: Names,
    entries: HashMap<MapData, [u64; N], u64>,
    /// What the program sees of `lengths`.
    shown: Array<MapData, [u64; N]>,
    lengths: Lengths<N>,
}

impl<const N: usize> Family<N> {
    /// The part in these maps. Wherever its last owner stopped, the lengths are right afterwards.
    pub(super) fn open(
        names: Names,
        slot_bits: u32,
        mut map: impl FnMut(&'static str) -> Result<Map, MapError>,
    ) -> Result<Self, Error> {
        let entries = map(names.entries).and_then(HashMap::try_from);
        let shown = map(names.lengths).and_then(Array::try_from);
        let mut family = Self {
            names,
            entries: entries.map_err(|error| Error::map(names.entries, error))?,
            shown: shown.map_err(|error| Error::map(names.lengths, error))?,
            lengths: Lengths::new(slot_bits),
        };
        for prefix in family.entries.keys() {
            let prefix = prefix.map_err(|error| Error::map(names.entries, error))?;
            family.lengths.add(&prefix);
        }
        family.show_all()?;
        Ok(family)
    }

    pub(super) fn place(&mut self, prefix: [u64; N], expires_ns: u64) -> Result<(), Error> {
        let placed = self.entries.insert(prefix, expires_ns, NEW);
        match placed {
            Ok(()) => {
                let changed = self.lengths.add(&prefix);
                self.show(changed)
            }
            Err(error) => match os_error(&error) {
                Some(Errno::EXIST) => {
                    let changed = self.entries.insert(prefix, expires_ns, 0);
                    changed.map_err(|error| Error::map(self.names.entries, error))
                }
                Some(Errno::TOOBIG | Errno::NOSPC) => Err(Error::BlockListFull {
                    capacity: ban::ENTRIES,
                }),
                _ => Err(Error::map(self.names.entries, error)),
            },
        }
    }

    pub(super) fn lift(&mut self, prefix: [u64; N]) -> Result<bool, Error> {
        match self.entries.remove(&prefix) {
            Ok(()) => {
                let changed = self.lengths.remove(&prefix);
                self.show(changed).map(|()| true)
            }
            Err(MapError::KeyNotFound) => Ok(false),
            Err(error) if os_error(&error) == Some(Errno::NOENT) => Ok(false),
            Err(error) => Err(Error::map(self.names.entries, error)),
        }
    }

    /// All entries with their expiries.
    pub(super) fn entries(&self) -> impl Iterator<Item = Result<([u64; N], u64), Error>> {
        let entries = self.entries.iter();
        entries.map(|entry| entry.map_err(|error| Error::map(self.names.entries, error)))
    }

    /// Shows the program the lengths of all slots where it sees others.
    fn show_all(&mut self) -> Result<(), Error> {
        let mut others = Vec::new();
        for slot in 0..ban::SLOTS {
            let set = self.shown.get(&slot, 0);
            let set = set.map_err(|error| Error::map(self.names.lengths, error))?;
            others.extend((set != self.lengths.set(slot)).then_some(slot));
        }
        self.show(others)
    }

    fn show(&mut self, slots: Vec<u32>) -> Result<(), Error> {
        for slot in slots {
            let set = self.shown.set(slot, self.lengths.set(slot), 0);
            set.map_err(|error| Error::map(self.names.lengths, error))?;
        }
        Ok(())
    }
}
