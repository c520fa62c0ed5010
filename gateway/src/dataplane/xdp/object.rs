//! The compiled program, and instances of it in the kernel.

use abi::{ban, budget, map};
use aya::programs::Xdp as Program;
use aya::{Ebpf, EbpfLoader};
use rustix::io::Errno;

use super::error::{Error, os_error};
use super::pins::Pins;

/// The object that the build made of `ebpf/`.
pub static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/weir.bpf.o"));

/// The maps that all instances share and that stay when the daemon is gone.
pub(super) const SHARED: [&str; 14] = [
    map::SERVICES,
    map::COAP_SERVICES,
    map::PORT_CONFIG,
    map::PEERS,
    map::SOCKETS,
    map::HEARTBEATS,
    map::COUNTERS,
    map::SAMPLES,
    budget::BUCKETS,
    budget::CLIENT_BUCKETS,
    ban::ENTRIES_V4,
    ban::ENTRIES_V6,
    ban::LENGTHS_V4,
    ban::LENGTHS_V6,
];

/// Makes instances of the program whose maps are those under one directory of pins.
pub(super) struct Loader(EbpfLoader<'static>);

impl Loader {
    /// Makes the maps that aren't there yet.
    pub(super) fn new(pins: &Pins) -> Result<Self, Error> {
        let mut loader = EbpfLoader::new();
        for name in SHARED {
            loader.map_pin_path(name, pins.map(name));
        }
        loader.load(OBJECT).map_err(refused)?;
        Ok(Self(loader))
    }

    /// An instance for `port`, in the kernel but on no interface.
    pub(super) fn instance(&mut self, port: u32) -> Result<Instance, Error> {
        let port = PORTS
            .get(port as usize)
            .expect("the map of ports has room for it");
        self.0.override_global(map::PORT_GLOBAL, port, true);
        let mut instance = Instance(self.0.load(OBJECT).map_err(refused)?);
        instance.program()?.load().map_err(refused)?;
        Ok(instance)
    }
}

/// Port numbers to lend to the loader.
static PORTS: [u32; abi::PORTS as usize] = {
    let mut ports = [0; abi::PORTS as usize];
    let mut port = 0;
    while port < abi::PORTS {
        ports[port as usize] = port;
        port += 1;
    }
    ports
};

/// An instance of the program. It goes with this handle, unless it is on an interface by then.
pub(super) struct Instance(Ebpf);

impl Instance {
    pub(super) fn program(&mut self) -> Result<&mut Program, Error> {
        let program = self.0.program_mut(map::PROGRAM);
        program
            .expect("the object has its program")
            .try_into()
            .map_err(Error::load)
    }
}

fn refused(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    if os_error(&error) == Some(Errno::PERM) {
        return Error::NotPermitted;
    }
    Error::load(error)
}
