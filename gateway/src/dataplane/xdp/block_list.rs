//! The sources that the program keeps out.

use std::net::IpAddr;

use abi::ban::{self, Value};
use aya::maps::lpm_trie::{Key, LpmTrie};
use aya::maps::{HashMap, MapData, MapError};
use ipnet::IpNet;
use rustix::io::Errno;

use super::error::os_error;
use super::pins::Pins;
use super::{Error, maps};

/// Addresses and prefixes whose frames of services the program drops.
///
/// Of services only: Weir stands before those, other traffic shall not pay for the look-up, and no
/// rule gone wrong can lock anyone out of the rest of a network.
///
/// An entry holds until its expiry, in nanoseconds of `CLOCK_MONOTONIC`, and takes room until it is
/// lifted. Single addresses and prefixes don't hide each other; of prefixes within each other the
/// longest alone counts, so one within another should expire no earlier.
pub struct BlockList {
    hosts_v4: HashMap<MapData, [u8; 4], Value>,
    hosts_v6: HashMap<MapData, [u8; 16], Value>,
    nets_v4: LpmTrie<MapData, [u8; 4], Value>,
    nets_v6: LpmTrie<MapData, [u8; 16], Value>,
}

impl BlockList {
    pub(super) fn open(pins: &Pins) -> Result<Self, Error> {
        Ok(Self {
            hosts_v4: maps::open(pins, ban::HOSTS_V4)?,
            hosts_v6: maps::open(pins, ban::HOSTS_V6)?,
            nets_v4: maps::open(pins, ban::PREFIXES_V4)?,
            nets_v6: maps::open(pins, ban::PREFIXES_V6)?,
        })
    }

    /// Keeps `source` out until `expires_ns` ([`ban::FOREVER_NS`]: for good).
    ///
    /// # Errors
    /// The list is full or can't be written.
    pub fn place(&mut self, source: IpNet, expires_ns: u64) -> Result<(), Error> {
        let value = ban::to_value(expires_ns);
        match Entry::of(source) {
            Entry::HostV4(key) => placed(
                ban::HOSTS_V4,
                ban::HOSTS_ENTRIES,
                self.hosts_v4.insert(key, value, 0),
            ),
            Entry::HostV6(key) => placed(
                ban::HOSTS_V6,
                ban::HOSTS_ENTRIES,
                self.hosts_v6.insert(key, value, 0),
            ),
            Entry::NetV4(key) => placed(
                ban::PREFIXES_V4,
                ban::PREFIXES_ENTRIES,
                self.nets_v4.insert(&key, value, 0),
            ),
            Entry::NetV6(key) => placed(
                ban::PREFIXES_V6,
                ban::PREFIXES_ENTRIES,
                self.nets_v6.insert(&key, value, 0),
            ),
        }
    }

    /// Lets `source` in again; false if it wasn't kept out.
    ///
    /// # Errors
    /// The list can't be written.
    pub fn lift(&mut self, source: IpNet) -> Result<bool, Error> {
        match Entry::of(source) {
            Entry::HostV4(key) => lifted(ban::HOSTS_V4, self.hosts_v4.remove(&key)),
            Entry::HostV6(key) => lifted(ban::HOSTS_V6, self.hosts_v6.remove(&key)),
            Entry::NetV4(key) => lifted(ban::PREFIXES_V4, self.nets_v4.remove(&key)),
            Entry::NetV6(key) => lifted(ban::PREFIXES_V6, self.nets_v6.remove(&key)),
        }
    }

    /// All entries with their expiries, those that are over included.
    ///
    /// # Errors
    /// The list can't be read.
    pub fn entries(&self) -> Result<Vec<(IpNet, u64)>, Error> {
        let mut entries = Vec::new();
        for entry in self.hosts_v4.iter() {
            let (key, value) = entry.map_err(|error| Error::map(ban::HOSTS_V4, error))?;
            entries.push((IpAddr::from(key).into(), ban::from_value(value)));
        }
        for entry in self.hosts_v6.iter() {
            let (key, value) = entry.map_err(|error| Error::map(ban::HOSTS_V6, error))?;
            entries.push((IpAddr::from(key).into(), ban::from_value(value)));
        }
        for entry in self.nets_v4.iter() {
            let (key, value) = entry.map_err(|error| Error::map(ban::PREFIXES_V4, error))?;
            entries
                .extend(net(key.data(), key.prefix_len()).map(|net| (net, ban::from_value(value))));
        }
        for entry in self.nets_v6.iter() {
            let (key, value) = entry.map_err(|error| Error::map(ban::PREFIXES_V6, error))?;
            entries
                .extend(net(key.data(), key.prefix_len()).map(|net| (net, ban::from_value(value))));
        }
        Ok(entries)
    }
}

/// Where a source is kept.
enum Entry {
    HostV4([u8; 4]),
    HostV6([u8; 16]),
    NetV4(Key<[u8; 4]>),
    NetV6(Key<[u8; 16]>),
}

impl Entry {
    fn of(source: IpNet) -> Self {
        match source.trunc() {
            IpNet::V4(net) if net.prefix_len() == 32 => Self::HostV4(net.addr().octets()),
            IpNet::V6(net) if net.prefix_len() == 128 => Self::HostV6(net.addr().octets()),
            IpNet::V4(net) => Self::NetV4(Key::new(net.prefix_len().into(), net.addr().octets())),
            IpNet::V6(net) => Self::NetV6(Key::new(net.prefix_len().into(), net.addr().octets())),
        }
    }
}

/// The prefix of a trie's key; none for a length no address has.
fn net(address: impl Into<IpAddr>, prefix_len: u32) -> Option<IpNet> {
    let prefix_len = u8::try_from(prefix_len).ok()?;
    IpNet::new(address.into(), prefix_len).ok()
}

fn placed(map: &'static str, capacity: u32, result: Result<(), MapError>) -> Result<(), Error> {
    result.map_err(|error| match os_error(&error) {
        Some(Errno::TOOBIG | Errno::NOSPC) => Error::BlockListFull { capacity },
        _ => Error::map(map, error),
    })
}

fn lifted(map: &'static str, result: Result<(), MapError>) -> Result<bool, Error> {
    match result {
        Ok(()) => Ok(true),
        Err(MapError::KeyNotFound) => Ok(false),
        Err(error) if os_error(&error) == Some(Errno::NOENT) => Ok(false),
        Err(error) => Err(Error::map(map, error)),
    }
}
