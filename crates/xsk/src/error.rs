//! What can go wrong while sockets are set up, and what to do about it.

use std::io;

use rustix::io::Errno;

/// Why a UMEM or a socket could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The kernel was built without AF_XDP, or is older than 5.4.
    #[error(
        "this kernel has no AF_XDP sockets: Weir needs Linux 5.10 or later with CONFIG_XDP_SOCKETS=y"
    )]
    Unsupported,
    /// Not allowed to open or set up the socket.
    #[error(
        "not allowed to open an AF_XDP socket: run as root, or with CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF"
    )]
    Permission,
    /// Another socket is bound to this queue and stays.
    #[error(
        "queue {queue} of {interface} is in use by another AF_XDP socket: stop the program that owns it"
    )]
    Busy {
        /// The interface.
        interface: String,
        /// The queue.
        queue: u32,
    },
    /// The interface has no such queue.
    #[error("{interface} has no queue {queue}, or its driver can't serve AF_XDP there")]
    NoSuchQueue {
        /// The interface.
        interface: String,
        /// The queue.
        queue: u32,
    },
    /// The interface has gone, or is down.
    #[error("{interface} is gone or down")]
    Gone {
        /// The interface.
        interface: String,
    },
    /// No memory for frames, or not allowed to lock that much.
    #[error(
        "{len} bytes for frames can't be had ({errno}): raise the limit of locked memory (ulimit -l), or lower dataplane.ring_size"
    )]
    Memory {
        /// Bytes asked for.
        len: usize,
        /// What the system said.
        errno: Errno,
    },
    /// Frames of this MTU don't fit a chunk.
    #[error(
        "MTU {mtu} is more than a page can hold: set it to 3498 or less on both ends of the link"
    )]
    Mtu {
        /// The interface's MTU, in bytes.
        mtu: u32,
    },
    /// A ring size that isn't a power of two between 64 and 32768.
    #[error("a ring of {size} entries: it has to be a power of two between 64 and 32768")]
    RingSize {
        /// What was asked for.
        size: u32,
    },
    /// Any other refusal of the system.
    #[error("{what}: {errno}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        errno: Errno,
    },
}

impl Error {
    pub(crate) fn system(what: &'static str) -> impl FnOnce(Errno) -> Self {
        move |errno| Self::System { what, errno }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::other(error)
    }
}
