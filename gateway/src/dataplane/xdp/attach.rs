//! Puts an instance of the program on an interface, so that it stays when the process ends.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use aya::programs::links::{FdLink, PinnedLink};
use aya::programs::xdp::XdpLink;
use aya::programs::{ProgramError, Xdp as Program, XdpMode};
use rustix::io::Errno;

use super::error::{Error, os_error};
use super::pins::Pins;
use super::{Interface, Mode, query};

/// A link goes within a grace period of the kernel's after its last pin.
const DETACHED_WITHIN: Duration = Duration::from_secs(2);

/// How the program came to be on an interface.
#[derive(Debug)]
pub(super) struct Attachment {
    pub(super) mode: Mode,
    pub(super) adopted: bool,
    pub(super) refused_native: Option<io::Error>,
}

/// Attaches `program` to `interface` and pins the link at `pin`. A link of an earlier process is
/// taken over: the program changes from one frame to the next, and no frame goes without one.
pub(super) fn attach(
    program: &mut Program,
    interface: &Interface,
    wanted: policy::XdpMode,
    pin: &Path,
) -> Result<Attachment, Error> {
    let Some(present) = present(interface)? else {
        // A pin that holds no program here is that of an interface that is gone.
        remove(pin)?;
        return attach_afresh(program, interface, wanted, pin);
    };
    if owner(pin) != Some(present.program) {
        return Err(Error::occupied(interface, present.program));
    }
    if fits(present.mode, wanted) {
        adopt(program, interface, pin)?;
        return Ok(Attachment {
            mode: present.mode,
            adopted: true,
            refused_native: None,
        });
    }
    remove(pin)?;
    await_detachment(interface)?;
    attach_afresh(program, interface, wanted, pin)
}

/// The program on `interface`, if none of these pins holds it. One that isn't there has none.
pub(super) fn is_others(interface: &Interface, pins: &Pins) -> Result<Option<u32>, Error> {
    let present = match present(interface) {
        Err(Error::NoSuchInterface { .. }) => None,
        present => present?,
    };
    let Some(query::Present { program, .. }) = present else {
        return Ok(None);
    };
    let names = pins.interfaces()?;
    let is_ours = names
        .iter()
        .any(|name| owner(&pins.link(name)) == Some(program));
    Ok((!is_ours).then_some(program))
}

/// What is on `interface`.
pub(super) fn present(interface: &Interface) -> Result<Option<query::Present>, Error> {
    query::present(interface.index).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => Error::NoSuchInterface {
            interface: interface.name.clone(),
        },
        _ => Error::Query {
            interface: interface.name.clone(),
            source,
        },
    })
}

fn fits(mode: Mode, wanted: policy::XdpMode) -> bool {
    match wanted {
        policy::XdpMode::Auto => true,
        policy::XdpMode::Native => mode == Mode::Native,
        policy::XdpMode::Generic => mode == Mode::Generic,
    }
}

/// Id of the program that the link at `pin` holds. Each instance of the program has its own, so
/// this tells whether the link is the one on a certain interface.
fn owner(pin: &Path) -> Option<u32> {
    let link = FdLink::from(PinnedLink::from_pin(pin).ok()?);
    Some(link.info().ok()?.program_id())
}

fn adopt(program: &mut Program, interface: &Interface, pin: &Path) -> Result<(), Error> {
    let link = PinnedLink::from_pin(pin).map_err(Error::load)?;
    let link = XdpLink::try_from(FdLink::from(link)).map_err(Error::load)?;
    let id = program
        .attach_to_link(link)
        .map_err(|error| refused(interface, error))?;
    // The pin holds the link; this handle may go.
    program.take_link(id).map(drop).map_err(Error::load)
}

/// Waits until the kernel, which takes its time, has let go of a link without a pin.
pub(super) fn await_detachment(interface: &Interface) -> Result<(), Error> {
    let since = Instant::now();
    while let Some(present) = present(interface)? {
        if since.elapsed() > DETACHED_WITHIN {
            return Err(Error::occupied(interface, present.program));
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Removes a pin whose link is of no use: its interface is gone, or it has the wrong mode.
fn remove(pin: &Path) -> Result<(), Error> {
    match fs::remove_file(pin) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::Pin {
            doing: "removing the link",
            path: pin.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

fn attach_afresh(
    program: &mut Program,
    interface: &Interface,
    wanted: policy::XdpMode,
    pin: &Path,
) -> Result<Attachment, Error> {
    let (mode, refused_native) = match wanted {
        policy::XdpMode::Generic => (Mode::Generic, None),
        policy::XdpMode::Native | policy::XdpMode::Auto => {
            match attach_in(Mode::Native, program, interface, pin) {
                Ok(()) => {
                    return Ok(Attachment {
                        mode: Mode::Native,
                        adopted: false,
                        refused_native: None,
                    });
                }
                Err(Error::Attach { source, interface }) if wanted == policy::XdpMode::Native => {
                    return Err(Error::NoNativeMode { interface, source });
                }
                Err(Error::Attach { source, .. }) => (Mode::Generic, Some(source)),
                Err(error) => return Err(error),
            }
        }
    };
    attach_in(mode, program, interface, pin)?;
    Ok(Attachment {
        mode,
        adopted: false,
        refused_native,
    })
}

fn attach_in(
    mode: Mode,
    program: &mut Program,
    interface: &Interface,
    pin: &Path,
) -> Result<(), Error> {
    let flag = match mode {
        Mode::Native => XdpMode::Driver,
        Mode::Generic => XdpMode::Skb,
    };
    let id = program
        .attach_to_if_index(interface.index, flag)
        .map_err(|error| refused(interface, error))?;
    let link = program.take_link(id).map_err(Error::load)?;
    let link = FdLink::try_from(link).map_err(|_| Error::NoLink {
        interface: interface.name.clone(),
    })?;
    link.pin(pin).map(drop).map_err(|error| Error::Pin {
        doing: "pinning the link",
        path: pin.to_owned(),
        source: io::Error::other(error),
    })
}

fn refused(interface: &Interface, error: ProgramError) -> Error {
    let name = interface.name.clone();
    match os_error(&error) {
        Some(Errno::PERM) => Error::NotPermitted,
        Some(Errno::NODEV) => Error::NoSuchInterface { interface: name },
        Some(Errno::BUSY | Errno::EXIST) => {
            let program = query::present(interface.index).ok().flatten();
            Error::occupied(interface, program.map_or(0, |present| present.program))
        }
        Some(errno) => Error::Attach {
            interface: name,
            source: errno.into(),
        },
        None => Error::Attach {
            interface: name,
            source: io::Error::other(error),
        },
    }
}
