//! Frames by the million, sent by the kernel itself: the load of a benchmark (feature `bench`).
//!
//! `BPF_PROG_TEST_RUN` with live frames (Documentation/bpf/bpf_prog_run.rst): a small program that
//! ends in `XDP_TX` runs on copies of one frame, and the kernel sends each of them out of the
//! interface named, at several millions a second and core. The program may count on in a field of
//! the frame, so that a TCP connection's sequence numbers are true.

mod program;

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use program::Count;

const BPF_MAP_CREATE: libc::c_int = 0;
const BPF_MAP_UPDATE_ELEM: libc::c_int = 2;
const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_PROG_TEST_RUN: libc::c_int = 10;
const BPF_MAP_TYPE_ARRAY: u32 = 2;
const BPF_PROG_TYPE_XDP: u32 = 6;
const BPF_F_TEST_XDP_LIVE_FRAMES: u32 = 1 << 1;
/// Frames the kernel makes at a time; as many as a driver takes at a time.
const BATCH: u32 = 64;

const LICENSE: &[u8] = b"Dual MIT/GPL\0";

/// The part of `union bpf_attr` that loads a program.
#[repr(C)]
#[derive(Default)]
struct Load {
    program_type: u32,
    instruction_count: u32,
    instructions: u64,
    license: u64,
    rest: [u64; 16],
}

/// The part of `union bpf_attr` that runs one.
#[repr(C)]
#[derive(Default)]
struct Run {
    program: u32,
    result: u32,
    data_in_len: u32,
    data_out_len: u32,
    data_in: u64,
    data_out: u64,
    repeat: u32,
    duration: u32,
    context_in_len: u32,
    context_out_len: u32,
    context_in: u64,
    context_out: u64,
    flags: u32,
    cpu: u32,
    batch: u32,
    padding: u32,
    rest: [u64; 8],
}

/// The part of `union bpf_attr` that makes a map.
#[repr(C)]
#[derive(Default)]
struct Create {
    map_type: u32,
    key_len: u32,
    value_len: u32,
    entries: u32,
    rest: [u64; 16],
}

/// The part of `union bpf_attr` that writes an entry of one.
#[repr(C)]
#[derive(Default)]
struct Update {
    map: u32,
    padding: u32,
    key: u64,
    value: u64,
    rest: [u64; 16],
}

/// `struct xdp_md`.
#[repr(C)]
#[derive(Default)]
struct Context {
    data: u32,
    data_end: u32,
    data_meta: u32,
    ingress_interface: u32,
    rx_queue: u32,
    egress_interface: u32,
}

/// Where a frame counts: a field of four bytes, and the checksum over it (RFC 1071).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Where the field stands in the frame.
    pub at: u16,
    /// Where the checksum does.
    pub checksum_at: u16,
}

/// Sends frames out of interfaces.
#[derive(Debug)]
pub struct Generator {
    program: OwnedFd,
    counting: Option<(Field, OwnedFd)>,
}

impl Generator {
    /// Loads a program that sends frames as they are.
    ///
    /// # Errors
    /// Without the rights to, or on a kernel before 5.18.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            program: load(&program::SEND)?,
            counting: None,
        })
    }

    /// Loads a program that counts in `field`, from one frame to the next.
    ///
    /// # Errors
    /// As [`Generator::new`].
    pub fn counting(field: Field) -> io::Result<Self> {
        let mut create = Create {
            map_type: BPF_MAP_TYPE_ARRAY,
            key_len: size_of::<u32>() as u32,
            value_len: size_of::<Count>() as u32,
            entries: 1,
            ..Create::default()
        };
        let map = new_fd(BPF_MAP_CREATE, &mut create)?;
        Ok(Self {
            program: load(&program::count_and_send(map.as_raw_fd(), field))?,
            counting: Some((field, map)),
        })
    }

    /// Sends `frame` out of `interface`, `times` over, on this processor. Returns when all are sent;
    /// what the interface doesn't take is dropped.
    ///
    /// # Errors
    /// Of the system call: no such interface, or one that sends no XDP frames.
    pub fn send(&self, interface: u32, frame: &[u8], times: u32) -> io::Result<()> {
        self.send_counting(interface, frame, times, 0)
    }

    /// The same, the field growing by `step` with every frame from what it is in `frame` on.
    ///
    /// # Errors
    /// As [`Generator::send`].
    pub fn send_counting(
        &self,
        interface: u32,
        frame: &[u8],
        times: u32,
        step: u32,
    ) -> io::Result<()> {
        if let Some((field, map)) = &self.counting {
            let count = Count::of(frame, *field, step).ok_or(io::ErrorKind::InvalidInput)?;
            write(map, &count)?;
        }
        let len = u32::try_from(frame.len()).map_err(io::Error::other)?;
        let context = Context {
            data_end: len,
            ingress_interface: interface,
            ..Context::default()
        };
        let mut run = Run {
            program: number(&self.program),
            data_in_len: len,
            data_in: frame.as_ptr() as u64,
            repeat: times,
            context_in_len: u32::try_from(size_of::<Context>()).expect("24"),
            context_in: std::ptr::from_ref(&context) as u64,
            flags: BPF_F_TEST_XDP_LIVE_FRAMES,
            batch: BATCH,
            ..Run::default()
        };
        bpf(BPF_PROG_TEST_RUN, &mut run).map(drop)
    }
}

fn load(instructions: &[u64]) -> io::Result<OwnedFd> {
    let mut load = Load {
        program_type: BPF_PROG_TYPE_XDP,
        instruction_count: u32::try_from(instructions.len()).expect("a few"),
        instructions: instructions.as_ptr() as u64,
        license: LICENSE.as_ptr() as u64,
        ..Load::default()
    };
    new_fd(BPF_PROG_LOAD, &mut load)
}

/// Writes the only entry of `map`.
fn write(map: &OwnedFd, count: &Count) -> io::Result<()> {
    let key = 0u32;
    let mut update = Update {
        map: number(map),
        key: std::ptr::from_ref(&key) as u64,
        value: std::ptr::from_ref(count) as u64,
        ..Update::default()
    };
    bpf(BPF_MAP_UPDATE_ELEM, &mut update).map(drop)
}

fn number(fd: &OwnedFd) -> u32 {
    u32::try_from(fd.as_raw_fd()).expect("not negative")
}

/// A call that makes a descriptor.
fn new_fd<T>(command: libc::c_int, attributes: &mut T) -> io::Result<OwnedFd> {
    let fd = bpf(command, attributes)?;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn bpf<T>(command: libc::c_int, attributes: &mut T) -> io::Result<libc::c_int> {
    // SAFETY: `attributes` is laid out as the command's part of `union bpf_attr`, and outlives the
    // call, as does the memory that the addresses in it point to; the kernel writes within its size.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_mut(attributes),
            size_of::<T>(),
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(libc::c_int::try_from(result).expect("a descriptor or zero"))
}
