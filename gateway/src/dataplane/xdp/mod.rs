//! The XDP program in the kernel: loading it, putting it on the ports, and what the gateway tells
//! and asks it while it runs.
//!
//! Each port has its own instance of the program, so that a frame needn't look its port up; all
//! instances share one set of maps. Links and maps are pinned ([`Xdp::open`]): when the process
//! ends, in whatever way, the kernel goes on forwarding, with the fallback for services, until a
//! successor adopts the links or [`Xdp::detach`] removes them. Dropping an [`Xdp`] changes nothing.
//! While the process runs it holds links and maps itself, so that removing the pins takes nothing off, and
//! makes them anew ([`Xdp::keep_pins`]).
//!
//! Order matters at both ends of a run: a socket is published when its worker is ready
//! ([`Xdp::publish`]), last of all, and withdrawn first.

mod attach;
mod block_list;
mod budgets;
mod claim;
mod counters;
mod error;
mod heartbeat;
mod held;
mod maps;
mod object;
mod pins;
mod port;
mod query;
mod settings;
mod upkeep;

use std::io;
use std::os::fd::{AsFd, AsRawFd as _};
use std::path::Path;

use abi::{PortWords, Side, map, service};
use aya::maps::{Array, DevMap, MapData, MapError, XskMap};
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

pub use block_list::BlockList;
pub use budgets::{Budgets, Whose};
pub use claim::Claim;
pub use counters::{Count, Counters};
pub use error::Error;
pub use heartbeat::Heartbeat;
pub use object::OBJECT;
pub use port::{Interface, Link, Mode, Port, Standing};
pub use settings::Settings;

use error::os_error;
use held::{HeldLink, HeldMaps};
use object::Loader;
use pins::Pins;

/// The XDP program on all ports, and its maps.
pub struct Xdp {
    claim: Claim,
    loader: Loader,
    wanted: policy::XdpMode,
    links: Vec<Link>,
    ports: Vec<Port>,
    services: Array<MapData, service::Bitmap>,
    coap: Array<MapData, service::Bitmap>,
    port_config: Array<MapData, PortWords>,
    peers: DevMap<MapData>,
    sockets: XskMap<MapData>,
    held: HeldMaps,
    /// By which the program chooses the buckets of budgets.
    budget_key: [u64; 2],
}

const SIDES: [Side; 2] = [Side::Inside, Side::Outside];

impl Xdp {
    /// Loads the program, configures it and puts it on every port of `links`, or takes over what an
    /// earlier process left there. Until sockets are published, frames of services take the fallback.
    ///
    /// The pins live as long as the bpffs they are on: one that is mounted in a mount
    /// namespace of its own (as by `ip netns exec`) goes with the last process in it.
    ///
    /// # Errors
    /// See [`Error`]. What was attached on the way is detached again.
    pub fn open(
        claim: Claim,
        wanted: policy::XdpMode,
        links: Vec<Link>,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let count = u32::try_from(links.len()).unwrap_or(u32::MAX);
        if count > abi::LINKS {
            return Err(Error::TooManyLinks { links: links.len() });
        }
        let ends = links.iter().flat_map(|link| [&link.inside, &link.outside]);
        ends.into_iter().try_for_each(|end| claim.check(end))?;
        let pins = claim.pins.clone();
        let before = pins.interfaces()?;
        let opened = Self::load(claim, wanted, links).and_then(|mut xdp| {
            xdp.configure(settings)?;
            if xdp.joins_others()? {
                xdp.let_go()?;
            }
            for link in 0..count {
                xdp.connect(link)?;
                for side in SIDES {
                    xdp.attach(link, side)?;
                }
            }
            xdp.detach_others()?;
            Ok(xdp)
        });
        if opened.is_err() {
            undo(&pins, &before);
        }
        opened
    }

    fn load(claim: Claim, wanted: policy::XdpMode, links: Vec<Link>) -> Result<Self, Error> {
        let pins = &claim.pins;
        pins.create()?;
        Ok(Self {
            loader: Loader::new(pins)?,
            services: maps::open(pins, map::SERVICES)?,
            coap: maps::open(pins, map::COAP_SERVICES)?,
            port_config: maps::open(pins, map::PORT_CONFIG)?,
            peers: maps::open(pins, map::PEERS)?,
            sockets: maps::open(pins, map::SOCKETS)?,
            held: HeldMaps::open(pins, &object::SHARED)?,
            budget_key: random_key()?,
            ports: Vec::new(),
            claim,
            wanted,
            links,
        })
    }

    /// Puts new settings in force on all ports.
    ///
    /// # Errors
    /// A map can't be written.
    pub fn configure(&mut self, settings: &Settings) -> Result<(), Error> {
        let mut config = settings.port;
        config.budget.key = self.budget_key;
        let words = config.to_words();
        for port in 0..map::PORT_ENTRIES {
            let set = self.port_config.set(port, words, 0);
            set.map_err(|error| Error::map(map::PORT_CONFIG, error))?;
        }
        let set = self.coap.set(0, settings.coap(), 0);
        set.map_err(|error| Error::map(map::COAP_SERVICES, error))?;
        let set = self.services.set(0, settings.services(), 0);
        set.map_err(|error| Error::map(map::SERVICES, error))
    }

    /// The ports, with the mode of each.
    #[must_use]
    pub fn ports(&self) -> &[Port] {
        &self.ports
    }

    /// Whether an earlier configuration joined the same ports to other devices. The numbers of its
    /// ports would then mean something else to the programs that are still attached, and frames of one
    /// link could leave by another.
    fn joins_others(&self) -> Result<bool, Error> {
        for (link, ends) in (0..).zip(&self.links) {
            for (side, peer) in ends.peers() {
                match self.peers.get(abi::port_index(link, side), 0) {
                    Ok(joined) if joined.if_index != peer.index => return Ok(true),
                    Ok(_) | Err(MapError::KeyNotFound) => {}
                    Err(error) => return Err(Error::map(map::PEERS, error)),
                }
            }
        }
        Ok(false)
    }

    /// Takes the program off all interfaces that an earlier process left it on.
    fn let_go(&self) -> Result<(), Error> {
        for name in self.claim.pins.interfaces()? {
            self.claim.pins.remove_link(&name)?;
        }
        let ours = self
            .links
            .iter()
            .flat_map(|link| [&link.inside, &link.outside]);
        ours.into_iter().try_for_each(attach::await_detachment)
    }

    /// Tells the program of `link` which devices its ends are.
    fn connect(&mut self, link: u32) -> Result<(), Error> {
        for (side, peer) in self.links[link as usize].peers() {
            let set = self
                .peers
                .set(abi::port_index(link, side), peer.index, None, 0);
            set.map_err(|error| match os_error(&error) {
                Some(Errno::INVAL) => Error::NoSuchInterface {
                    interface: peer.name.clone(),
                },
                _ => Error::load(error),
            })?;
        }
        Ok(())
    }

    fn attach(&mut self, link: u32, side: Side) -> Result<(), Error> {
        let interface = self.links[link as usize].end(side).clone();
        let mut instance = self.loader.instance(abi::port_index(link, side))?;
        let pin = self.claim.pins.link(&interface.name);
        let program = instance.program()?;
        let attached = attach::attach(program, &interface, self.wanted, &pin)?;
        let program = program.info().map_err(Error::load)?.id();
        self.ports.push(Port {
            link,
            side,
            interface,
            mode: attached.mode,
            adopted: attached.adopted,
            program,
            refused_native: attached.refused_native,
            held: HeldLink::open(&pin)?,
        });
        Ok(())
    }

    /// Takes the program off interfaces that an earlier configuration named and this one doesn't,
    /// and forgets the maps of earlier layouts: nothing uses them any more.
    fn detach_others(&self) -> Result<(), Error> {
        let named = |name: &String| self.ports.iter().any(|port| port.interface.name == *name);
        for name in self
            .claim
            .pins
            .interfaces()?
            .iter()
            .filter(|name| !named(name))
        {
            self.claim.pins.remove_link(name)?;
        }
        self.claim.pins.remove_other_layouts()
    }

    /// Lets the socket receive the services' frames of `queue` at one end of `link`. Its worker
    /// must be ready and beat from now on.
    ///
    /// # Errors
    /// The socket isn't bound to that queue, or the map can't be written.
    pub fn publish(
        &mut self,
        link: u32,
        side: Side,
        queue: u32,
        socket: impl AsFd,
    ) -> Result<(), Error> {
        let slot = socket_slot(link, side, queue)?;
        self.heartbeat(link, queue)?.beat()?;
        let set = self.sockets.set(slot, socket.as_fd().as_raw_fd(), 0);
        set.map_err(|error| Error::map(map::SOCKETS, error))
    }

    /// Takes the socket of `queue` out: frames of services take the fallback from now on. Fine if
    /// there is none, as when its process was killed.
    ///
    /// # Errors
    /// The map can't be written.
    pub fn withdraw(&mut self, link: u32, side: Side, queue: u32) -> Result<(), Error> {
        match self.sockets.unset(socket_slot(link, side, queue)?) {
            Ok(()) | Err(MapError::KeyNotFound) => Ok(()),
            Err(error) => Err(Error::map(map::SOCKETS, error)),
        }
    }

    /// The sign of life of the worker that owns `queue` at both ends of `link`.
    ///
    /// # Errors
    /// The map can't be opened.
    pub fn heartbeat(&self, link: u32, queue: u32) -> Result<Heartbeat, Error> {
        socket_slot(link, Side::Inside, queue)?;
        Heartbeat::open(&self.claim.pins, abi::heartbeat_slot(link, queue))
    }

    /// The block list.
    ///
    /// # Errors
    /// A map can't be opened.
    pub fn block_list(&self) -> Result<BlockList, Error> {
        BlockList::open(&self.claim.pins)
    }

    /// The packet budgets.
    ///
    /// # Errors
    /// The map can't be opened.
    pub fn budgets(&self) -> Result<Budgets, Error> {
        Budgets::open(&self.claim.pins)
    }

    /// The counters.
    ///
    /// # Errors
    /// The map can't be opened.
    pub fn counters(&self) -> Result<Counters, Error> {
        Counters::open(&self.claim.pins)
    }

    /// Takes the program off all ports and removes its maps: from now on nothing joins the ends.
    ///
    /// # Errors
    /// A pin can't be removed.
    pub fn detach(self) -> Result<(), Error> {
        self.claim.pins.remove()
    }
}

/// Takes off what a process that is gone has left under `pin_dir`, and says from which interfaces.
///
/// # Errors
/// The process isn't gone, or a pin can't be removed.
pub fn detach(pin_dir: &Path) -> Result<Vec<String>, Error> {
    let Some(claim) = Claim::take_existing(pin_dir)? else {
        return Ok(Vec::new());
    };
    let interfaces = claim.pins.interfaces()?;
    claim.pins.remove()?;
    Ok(interfaces)
}

/// Detaches what a failed start has attached. What an earlier process left stays; if there was
/// nothing, nothing remains. The start's own error is what the caller is told.
fn undo(pins: &Pins, before: &[String]) {
    if before.is_empty() {
        let _ = pins.remove();
        return;
    }
    for name in pins.interfaces().unwrap_or_default() {
        if !before.contains(&name) {
            let _ = pins.remove_link(&name);
        }
    }
}

fn socket_slot(link: u32, side: Side, queue: u32) -> Result<u32, Error> {
    if link >= abi::LINKS || queue >= abi::QUEUES {
        return Err(Error::NoSuchSlot { link, queue });
    }
    Ok(abi::socket_slot(abi::port_index(link, side), queue))
}

/// A key that nobody can guess.
fn random_key() -> Result<[u64; 2], Error> {
    let mut key = [[0; 8]; 2];
    let filled =
        getrandom(key.as_flattened_mut(), GetRandomFlags::empty()).map_err(io::Error::from);
    match filled.map_err(Error::load)? {
        16 => Ok(key.map(u64::from_ne_bytes)),
        _ => Err(Error::load(io::Error::from(io::ErrorKind::UnexpectedEof))),
    }
}
