//! Sockets from nothing to bound: rings, mappings, zero copy or copy, one UMEM for all.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::xdp::{
    SocketAddrXdp, SocketAddrXdpFlags, SocketAddrXdpWithSharedUmem, XDP_PGOFF_RX_RING,
    XDP_PGOFF_TX_RING, XDP_UMEM_PGOFF_COMPLETION_RING, XDP_UMEM_PGOFF_FILL_RING, XdpOptionsFlags,
    XdpRingOffset, XdpUmemReg, XdpUmemRegFlags,
};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, netdevice, socket_with, sockopt};

use crate::Error;
use crate::memory::Memory;
use crate::ring::{Consumer, Layout, Producer, Ring};
use crate::socket::Socket;
use crate::syscalls::AfXdp;
use crate::umem::Umem;

/// A queue whose socket was closed stays taken until the kernel has seen an RCU grace period: about
/// 20 to 30 ms. So often, and this long apart, binding is tried again.
const BIND_TRIES: u32 = 100;
const BIND_PAUSE: Duration = Duration::from_millis(5);

/// Copy mode charges every frame on its way to the socket's send buffer; the default of 208 KiB
/// holds back less than a ring's worth of full-size frames.
const SEND_BUFFER: usize = 4 << 20;

/// How the sockets of a UMEM are to be set up.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// Entries of each of the four rings: a power of two between 64 and 32768.
    pub ring_size: u32,
    /// Whether the driver may work on the UMEM itself.
    pub copying: Copying,
    /// Frames the kernel sends per system call in copy mode, where it lets itself be told
    /// (`XDP_MAX_TX_SKB_BUDGET`, Linux 6.17); 32 elsewhere.
    pub tx_budget: u32,
}

/// Zero copy or copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copying {
    /// Zero copy if every driver concerned can, else copy.
    Auto,
    /// Copy, as every driver can.
    Always,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ring_size: 2048,
            copying: Copying::Auto,
            tx_budget: 256,
        }
    }
}

/// A queue of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// Index of the interface.
    pub interface: u32,
    /// The queue.
    pub queue: u32,
}

/// Opens a socket on every queue named, in this order, all on one UMEM.
///
/// With [`Copying::Auto`] the kernel chooses zero copy where the first driver has it; when another
/// doesn't, all are opened anew in copy mode, since one UMEM has one mode.
///
/// # Errors
/// The first refusal; sockets opened before it are closed.
pub fn open(umem: &Umem, queues: &[Queue], config: Config) -> Result<Vec<Socket>, Error> {
    let size = config.ring_size;
    if !size.is_power_of_two() || !(64..=32768).contains(&size) {
        return Err(Error::RingSize { size });
    }
    match open_all(umem, queues, config) {
        Err(Error::NoSuchQueue { .. }) if config.copying == Copying::Auto && queues.len() > 1 => {
            let config = Config {
                copying: Copying::Always,
                ..config
            };
            open_all(umem, queues, config)
        }
        result => result,
    }
}

fn open_all(umem: &Umem, queues: &[Queue], config: Config) -> Result<Vec<Socket>, Error> {
    let mut sockets: Vec<Socket> = Vec::with_capacity(queues.len());
    for &queue in queues {
        let first = sockets.first().map(|socket| socket.syscalls.fd.as_fd());
        let socket = open_one(umem, queue, config, first)?;
        sockets.push(socket);
    }
    Ok(sockets)
}

/// Opens one socket; on the UMEM of `sharing`, or as the first one of its UMEM.
fn open_one(
    umem: &Umem,
    queue: Queue,
    config: Config,
    sharing: Option<BorrowedFd<'_>>,
) -> Result<Socket, Error> {
    let fd = new_socket()?;
    if sharing.is_none() {
        register(&fd, umem)?;
    }
    set_ring_sizes(&fd, config.ring_size)?;
    let rings = map_rings(&fd, config.ring_size)?;
    bind_patiently(&fd, queue, config.copying, sharing)?;
    tune_tx(&fd, config.tx_budget);

    let options = sockopt::xdp_options(&fd).map_err(Error::system("XDP_OPTIONS"))?;
    let (fill, completion, rx, tx) = rings;
    let mut socket = Socket::over(fill, completion, rx, tx, AfXdp { fd });
    socket.zero_copy = options.contains(XdpOptionsFlags::XDP_OPTIONS_ZEROCOPY);
    Ok(socket)
}

fn new_socket() -> Result<OwnedFd, Error> {
    socket_with(
        AddressFamily::XDP,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        None,
    )
    .map_err(|errno| match errno {
        Errno::AFNOSUPPORT => Error::Unsupported,
        Errno::PERM | Errno::ACCESS => Error::Permission,
        errno => Error::system("socket(AF_XDP)")(errno),
    })
}

fn register(fd: &OwnedFd, umem: &Umem) -> Result<(), Error> {
    let memory = umem.memory();
    let len = memory.len();
    let registration = XdpUmemReg {
        addr: memory.at(0, len).as_ptr() as u64,
        len: len as u64,
        chunk_size: u32::try_from(umem.chunk_size().bytes()).expect("4096 at most"),
        headroom: 0,
        flags: XdpUmemRegFlags::empty(),
        tx_metadata_len: 0,
    };
    sockopt::set_xdp_umem_reg(fd, registration).map_err(|errno| match errno {
        // ENOBUFS: over the limit of locked memory.
        Errno::NOBUFS | Errno::NOMEM => Error::Memory { len, errno },
        Errno::PERM => Error::Permission,
        errno => Error::system("XDP_UMEM_REG")(errno),
    })
}

fn set_ring_sizes(fd: &OwnedFd, size: u32) -> Result<(), Error> {
    sockopt::set_xdp_umem_fill_ring_size(fd, size)
        .and_then(|()| sockopt::set_xdp_umem_completion_ring_size(fd, size))
        .and_then(|()| sockopt::set_xdp_rx_ring_size(fd, size))
        .and_then(|()| sockopt::set_xdp_tx_ring_size(fd, size))
        .map_err(Error::system("size of an AF_XDP ring"))
}

type Rings = (
    Producer<u64>,
    Consumer<u64>,
    Consumer<crate::ring::Descriptor>,
    Producer<crate::ring::Descriptor>,
);

fn map_rings(fd: &OwnedFd, size: u32) -> Result<Rings, Error> {
    let at = sockopt::xdp_mmap_offsets(fd).map_err(Error::system("XDP_MMAP_OFFSETS"))?;
    Ok((
        Producer::new(map(fd, &at.fr, XDP_UMEM_PGOFF_FILL_RING, size)?),
        Consumer::new(map(fd, &at.cr, XDP_UMEM_PGOFF_COMPLETION_RING, size)?),
        Consumer::new(map(fd, &at.rx, XDP_PGOFF_RX_RING, size)?),
        Producer::new(map(fd, &at.tx, XDP_PGOFF_TX_RING, size)?),
    ))
}

fn map<T: Copy>(
    fd: &OwnedFd,
    at: &XdpRingOffset,
    page_offset: u64,
    size: u32,
) -> Result<Ring<T>, Error> {
    let place = |offset: u64| usize::try_from(offset).expect("offsets within a mapping");
    let layout = Layout {
        producer: place(at.producer),
        consumer: place(at.consumer),
        flags: at.flags.map(place),
        entries: place(at.desc),
    };
    let len = layout.entries + size as usize * size_of::<T>();
    let memory = Memory::of_socket(fd.as_fd(), page_offset, len)
        .map_err(Error::system("mmap of an AF_XDP ring"))?;
    Ok(Ring::new(Arc::new(memory), layout, size))
}

fn bind_patiently(
    fd: &OwnedFd,
    queue: Queue,
    copying: Copying,
    sharing: Option<BorrowedFd<'_>>,
) -> Result<(), Error> {
    for attempt in 1.. {
        match bind_once(fd, queue, copying, sharing) {
            Err(Errno::BUSY) if attempt < BIND_TRIES => std::thread::sleep(BIND_PAUSE),
            result => return result.map_err(|errno| bind_error(fd, queue, errno)),
        }
    }
    unreachable!("the loop returns at its last attempt")
}

fn bind_once(
    fd: &OwnedFd,
    Queue { interface, queue }: Queue,
    copying: Copying,
    sharing: Option<BorrowedFd<'_>>,
) -> Result<(), Errno> {
    if let Some(shared_umem_fd) = sharing {
        // Mode and wake-up flag come from the socket shared with; naming them is an error.
        let flags = SocketAddrXdpFlags::XDP_SHARED_UMEM;
        let addr = SocketAddrXdp::new(flags, interface, queue);
        return bind(
            fd,
            &SocketAddrXdpWithSharedUmem {
                addr,
                shared_umem_fd,
            },
        );
    }
    // With neither XDP_ZEROCOPY nor XDP_COPY the kernel tries the first, then the second.
    let mut flags = SocketAddrXdpFlags::XDP_USE_NEED_WAKEUP;
    if copying == Copying::Always {
        flags |= SocketAddrXdpFlags::XDP_COPY;
    }
    bind(fd, &SocketAddrXdp::new(flags, interface, queue))
}

fn bind_error(fd: &OwnedFd, Queue { interface, queue }: Queue, errno: Errno) -> Error {
    let interface = netdevice::index_to_name(fd, interface)
        .unwrap_or_else(|_| format!("interface {interface}"));
    match errno {
        Errno::BUSY => Error::Busy { interface, queue },
        Errno::INVAL | Errno::OPNOTSUPP => Error::NoSuchQueue { interface, queue },
        Errno::NODEV | Errno::NETDOWN => Error::Gone { interface },
        Errno::PERM | Errno::ACCESS => Error::Permission,
        errno => Error::system("bind(AF_XDP)")(errno),
    }
}

/// Fewer system calls and a deeper buffer in copy mode. Both are improvements only: a kernel or a
/// set of capabilities that doesn't allow them costs speed, nothing else.
fn tune_tx(fd: &OwnedFd, budget: u32) {
    let _ = sockopt::set_socket_send_buffer_size_force(fd, SEND_BUFFER);
    set_tx_budget(fd, budget);
}

fn set_tx_budget(fd: &OwnedFd, budget: u32) {
    /// `XDP_MAX_TX_SKB_BUDGET` of if_xdp.h.
    const XDP_MAX_TX_SKB_BUDGET: libc::c_int = 9;
    let len = libc::socklen_t::try_from(size_of::<u32>()).expect("four");
    // SAFETY: `budget` outlives the call, `len` is its size, and the kernel only reads it.
    unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_XDP,
            XDP_MAX_TX_SKB_BUDGET,
            std::ptr::from_ref(&budget).cast(),
            len,
        );
    }
}
