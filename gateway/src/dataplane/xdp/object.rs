//! The compiled program, and instances of it in the kernel.

use abi::{ban, map};
use aya::programs::Xdp as Program;
use aya::{Ebpf, EbpfLoader};

use super::error::{Error, os_error};
use super::pins::Pins;

/// The object that the build made of `ebpf/`.
pub static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/weir.bpf.o"));

/// The maps that all instances share and that stay when the daemon is gone.
const SHARED: [&str; 10] = [
    map::SERVICES,
    map::PORT_CONFIG,
    map::PEERS,
    map::SOCKETS,
    map::HEARTBEATS,
    map::COUNTERS,
    ban::HOSTS_V4,
    ban::HOSTS_V6,
    ban::PREFIXES_V4,
    ban::PREFIXES_V6,
];

/// Loads an instance of the program for `port`. Its maps are those under `pins`, made if they
/// aren't there.
pub(super) fn load(port: u32, pins: &Pins) -> Result<Ebpf, Error> {
    let mut loader = EbpfLoader::new();
    loader.override_global(map::PORT_GLOBAL, &port, true);
    for name in SHARED {
        loader.map_pin_path(name, pins.map(name));
    }
    let mut ebpf = loader.load(OBJECT).map_err(refused)?;
    program(&mut ebpf)?.load().map_err(refused)?;
    Ok(ebpf)
}

/// The program of an instance.
pub(super) fn program(ebpf: &mut Ebpf) -> Result<&mut Program, Error> {
    ebpf.program_mut(map::PROGRAM)
        .expect("the object has the program: its build and a test see to it")
        .try_into()
        .map_err(Error::load)
}

fn refused(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    const EPERM: i32 = 1;
    if os_error(&error) == Some(EPERM) {
        return Error::NotPermitted;
    }
    Error::load(error)
}
