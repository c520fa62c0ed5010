//! Frames by the million, sent by the kernel itself: the load of a benchmark (feature `bench`).
//!
//! `BPF_PROG_TEST_RUN` with live frames (Documentation/bpf/bpf_prog_run.rst): a program of two
//! instructions, `r0 = XDP_TX; exit`, runs on copies of one frame, and the kernel sends each of
//! them out of the interface named, at several millions a second and core.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_PROG_TEST_RUN: libc::c_int = 10;
const BPF_PROG_TYPE_XDP: u32 = 6;
const BPF_F_TEST_XDP_LIVE_FRAMES: u32 = 1 << 1;
/// Frames the kernel makes at a time; as many as a driver takes at a time.
const BATCH: u32 = 64;

/// `struct bpf_insn`s: `r0 = 3` (XDP_TX), `exit`.
const PROGRAM: [u64; 2] = [0x0000_0003_0000_00b7, 0x0000_0000_0000_0095];
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

/// Sends frames out of interfaces.
#[derive(Debug)]
pub struct Generator {
    program: OwnedFd,
}

impl Generator {
    /// Loads the program.
    ///
    /// # Errors
    /// Without the rights to, or on a kernel before 5.18.
    pub fn new() -> io::Result<Self> {
        let mut load = Load {
            program_type: BPF_PROG_TYPE_XDP,
            instruction_count: u32::try_from(PROGRAM.len()).expect("two"),
            instructions: PROGRAM.as_ptr() as u64,
            license: LICENSE.as_ptr() as u64,
            ..Load::default()
        };
        let fd = bpf(BPF_PROG_LOAD, &mut load)?;
        // SAFETY: the kernel has just made this descriptor for us.
        let program = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { program })
    }

    /// Sends `frame` out of `interface`, `times` over, on this processor. Returns when all are sent;
    /// what the interface doesn't take is dropped.
    ///
    /// # Errors
    /// Of the system call: no such interface, or one that sends no XDP frames.
    pub fn send(&self, interface: u32, frame: &[u8], times: u32) -> io::Result<()> {
        let len = u32::try_from(frame.len()).map_err(io::Error::other)?;
        let context = Context {
            data_end: len,
            ingress_interface: interface,
            ..Context::default()
        };
        let mut run = Run {
            program: u32::try_from(self.program.as_raw_fd()).expect("not negative"),
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
