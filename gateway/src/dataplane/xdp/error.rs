//! What can go wrong between the gateway and the kernel's XDP, and what to do about it.

use std::io;
use std::path::PathBuf;

use aya::programs::loaded_programs;
use rustix::io::Errno;

use super::Interface;

/// Why the XDP program can't be put, kept or taken off.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither root nor the capabilities.
    #[error(
        "not permitted to load XDP programs: run as root, or with CAP_BPF, CAP_NET_ADMIN and CAP_NET_RAW"
    )]
    NotPermitted,

    /// More links than the maps have room for.
    #[error(
        "{links} links are configured, and one gateway carries {} at most: run another for the rest",
        abi::LINKS
    )]
    TooManyLinks {
        /// How many were asked for.
        links: usize,
    },

    /// An interface that isn't there.
    #[error("{interface}: no such interface: `ip link` lists them")]
    NoSuchInterface {
        /// Its name.
        interface: String,
    },

    /// Another program is on the interface.
    #[error(
        "{interface} already has an XDP program (id {program}{}): {}",
        called(name),
        remedy(name, interface)
    )]
    Occupied {
        /// The interface.
        interface: String,
        /// Id of the program.
        program: u32,
        /// The program's name, if it can be seen.
        name: Option<String>,
    },

    /// Another gateway is at work with the pins.
    #[error(
        "a gateway already runs on the pins in {} ({}): stop it first; a second gateway needs a `[dataplane] pin_dir` of its own",
        dir.display(), at_work(*process, interfaces)
    )]
    AtWork {
        /// Where the pins are.
        dir: PathBuf,
        /// Which process it is, if that is to be seen from here.
        process: Option<u32>,
        /// The interfaces it is on.
        interfaces: Vec<String>,
    },

    /// The pins of a running gateway are gone, and stay so.
    #[error("the pins in {} have been removed, and can't be made anew", dir.display())]
    PinsRemoved {
        /// Where they were.
        dir: PathBuf,
        /// Why not.
        source: Box<Error>,
    },

    /// The driver refuses and generic mode isn't wanted.
    #[error(
        "{interface}: the driver doesn't take the XDP program in native mode: \
         set `[dataplane] mode = \"auto\"` or \"generic\", or change what it complains about"
    )]
    NoNativeMode {
        /// The interface.
        interface: String,
        /// What the kernel said.
        source: io::Error,
    },

    /// Attaching failed otherwise.
    #[error("{interface}: attaching the XDP program failed")]
    Attach {
        /// The interface.
        interface: String,
        /// What the kernel said.
        source: io::Error,
    },

    /// The link can't outlive the process.
    #[error(
        "{interface}: the kernel attached the XDP program without a link that can be pinned: upgrade the kernel"
    )]
    NoLink {
        /// The interface.
        interface: String,
    },

    /// The kernel's state of an interface can't be read.
    #[error("{interface}: asking the kernel for its XDP state failed")]
    Query {
        /// The interface.
        interface: String,
        /// What went wrong.
        source: io::Error,
    },

    /// Something about the directory of the pins.
    #[error(
        "{}: {doing} failed: `[dataplane] pin_dir` must be on a bpffs, or where one can be mounted",
        path.display()
    )]
    Pin {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },

    /// The kernel didn't take the program or its maps.
    #[error("loading the XDP program failed")]
    Load {
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// A map that doesn't do what it should.
    #[error("the map {map} of the XDP program failed")]
    Map {
        /// Its name.
        map: &'static str,
        /// What went wrong.
        source: aya::maps::MapError,
    },

    /// A queue or a link that no map has room for.
    #[error(
        "link {link}, queue {queue}: beyond the {} links and {} queues of the maps",
        abi::LINKS,
        abi::QUEUES
    )]
    NoSuchSlot {
        /// The link.
        link: u32,
        /// The queue.
        queue: u32,
    },

    /// The block list is full.
    #[error("the block list is full: {capacity} entries of its kind are there already")]
    BlockListFull {
        /// How many it holds.
        capacity: u32,
    },
}

impl Error {
    /// That `program` is on the interface.
    pub(super) fn occupied(interface: &Interface, program: u32) -> Self {
        let known = loaded_programs().flatten();
        let name = known
            .filter(|known| known.id() == program)
            .find_map(|known| known.name_as_str().map(str::to_owned));
        Self::Occupied {
            interface: interface.name.clone(),
            program,
            name,
        }
    }

    /// Wraps an error of `map`.
    pub(super) fn map(map: &'static str, source: impl Into<aya::maps::MapError>) -> Self {
        Self::Map {
            map,
            source: source.into(),
        }
    }

    /// Wraps an error of aya's while loading.
    pub(super) fn load(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Load {
            source: Box::new(source),
        }
    }
}

/// What our program is called in the kernel.
const OURS: &str = "weir";

fn called(name: &Option<String>) -> String {
    name.as_ref()
        .map_or(String::new(), |name| format!(", called {name}"))
}

/// How to get a program off.
fn remedy(name: &Option<String>, interface: &str) -> String {
    match name.as_deref() {
        Some(OURS) => "it is that of a Weir with pins elsewhere: stop that one if it runs, then run `weir detach` with \
                       the configuration it ran with, whose `[dataplane] pin_dir` says where its pins are"
            .to_owned(),
        _ => format!(
            "stop whoever put it there, or take it off with `ip link set dev {interface} xdp off`, or, where it is held \
             by a link, with `bpftool link` (show, detach)"
        ),
    }
}

/// Which gateway it is that works.
fn at_work(process: Option<u32>, interfaces: &[String]) -> String {
    let process = process.map_or("process unknown".to_owned(), |id| format!("process {id}"));
    match interfaces {
        [] => process,
        [one] => format!("{process}, interface {one}"),
        [most @ .., last] => format!("{process}, interfaces {} and {last}", most.join(", ")),
    }
}

/// The system's error at the root of `error`, if one is there.
pub(super) fn os_error(error: &(dyn std::error::Error + 'static)) -> Option<Errno> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return io.raw_os_error().map(Errno::from_raw_os_error);
        }
        next = error.source();
    }
    None
}
