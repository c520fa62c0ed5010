//! Network namespaces for `weir demo` and for the tests: one topology, made and removed here.
//!
//! ```text
//!   devices ──┐
//!   attacker ─┼─ field switch ──── outside ┤ gateway ├ inside ──── servers
//!   victim ───┘
//! ```
//!
//! Six namespaces joined by veth pairs, all hosts in one IPv4 and one IPv6 subnet: what stands in the
//! gateway is a bump in the wire. The devices and the attacker share the field network, as they do
//! wherever sensors hang on a radio or on a building's cables; the servers stand behind the gateway, at a switch
//! of their own where one is asked for.
//!
//! [`Topology`] is the whole; [`Namespace`] runs commands and closures inside one; [`Process`] is a child
//! that never outlives its owner; [`state`] finds and removes what a crashed run left behind.
//! The tools of iproute2, ethtool and util-linux do the work: no netlink code of our own, and every
//! error shows the command that failed and what it said.

mod lock;
mod namespace;
pub mod peers;
mod plan;
mod process;
mod run;
mod sockets;
pub mod state;
mod topology;

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

pub use namespace::Namespace;
pub use plan::{Family, Host, address};
pub use process::Process;
pub use run::{Output, output};
pub use sockets::Tap;
pub use topology::{Bridge, INTERFACE, Ports, Spec, Topology, Unplugged};

/// What can go wrong around namespaces: always the environment's fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program could not be started at all.
    #[error("cannot start `{command}`: {source}")]
    Start {
        /// The command line.
        command: String,
        /// Why not.
        source: io::Error,
    },
    /// A program ran and failed.
    #[error("`{command}` failed ({status}): {output}")]
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it printed, both streams.
        output: String,
    },
    /// A file, a directory or a socket could not be used.
    #[error("{what}: {source}")]
    Io {
        /// Its path or its address.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// A thread could not enter a namespace.
    #[error("cannot enter the network namespace {name}: {source}")]
    Enter {
        /// The namespace.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// Something that was waited for did not happen.
    #[error("{what} did not happen within {waited_ms} ms{detail}")]
    Timeout {
        /// What was waited for.
        what: String,
        /// For how long, in milliseconds.
        waited_ms: u128,
        /// What is known about it, such as the end of a log.
        detail: String,
    },
}

impl Error {
    /// For `map_err` beside an operation on a file.
    pub fn file(path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let what = path.as_ref().display().to_string();
        move |source| Self::Io { what, source }
    }

    /// For `map_err` beside an operation on a socket.
    pub fn socket(address: impl ToString) -> impl FnOnce(io::Error) -> Self {
        let what = address.to_string();
        move |source| Self::Io { what, source }
    }
}

/// The outcome of work on namespaces.
pub type Result<T> = std::result::Result<T, Error>;

/// Asks `probe` again and again until it has an answer or `timeout` is over.
///
/// # Errors
/// [`Error::Timeout`] that names `what`; an error of the probe itself at once.
pub fn wait_until<T>(
    what: &str,
    timeout: Duration,
    mut probe: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = probe()? {
            return Ok(answer);
        }
        if start.elapsed() >= timeout {
            return Err(Error::Timeout {
                what: what.to_owned(),
                waited_ms: timeout.as_millis(),
                detail: String::new(),
            });
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
