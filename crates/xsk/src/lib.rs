//! AF_XDP for an inline firewall: one UMEM per worker, the four rings of every socket, and frames
//! whose ownership is a type.
//!
//! A frame of the UMEM is always in exactly one place: in the pool, in the kernel's hands (fill
//! ring, TX ring, or on its way through), or held by the caller as one of three values that can
//! neither be copied nor be dropped unnoticed:
//!
//! ```text
//!   pool ──take──► Free ──(refill)──► fill ring ──► kernel ──► RX ring ──► Received
//!    ▲              │                                                       │    │
//!    │              └──write──► ToSend ◄──────────into_send─────────────────┘    │
//!    │                            └──submit──► TX ring ──► kernel ──► completion │
//!    └◄──give / recycle / complete◄──────────────────────────────────────────────┘
//! ```
//!
//! [`PacketIo`] is what a worker needs of a socket; [`Socket`] implements it over the kernel, and
//! over a simulated one in tests (feature `sim`), with the same ring code in both.
//!
//! Reference: Documentation/networking/af_xdp.rst and include/uapi/linux/if_xdp.h of Linux. Left
//! out: multi-buffer frames (`XDP_USE_SG`), unaligned chunks, TX metadata.
//!
//! All `unsafe` code of the userspace part of Weir stands in this crate.
#![allow(
    unsafe_code,
    reason = "memory shared with the kernel, and system calls that no safe crate wraps"
)]

#[cfg(test)]
mod books;
mod error;
pub mod ethtool;
mod frame;
mod io;
#[cfg(feature = "bench")]
pub mod live;
mod memory;
mod ring;
mod setup;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
mod socket;
mod syscalls;
mod umem;
mod wake;

pub use error::Error;
pub use frame::{Free, Received, ToSend, leaked_frames};
pub use io::{Kick, PacketIo, Statistics};
pub use setup::{Config, Copying, Queue, open};
pub use socket::Socket;
pub use umem::{ChunkSize, Umem};
pub use wake::{Waker, wait};
