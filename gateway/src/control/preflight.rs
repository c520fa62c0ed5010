//! Checks of the machine before anything is attached: rights, kernel, memory, the BPF file system.
//!
//! Each refusal names its remedy. What concerns one interface is checked by the data plane.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::CapabilitySet;

/// The oldest kernel Weir is built for: `bpf_xdp_link`, `bpf_ktime_get_coarse_ns` in XDP and the
/// AF_XDP wake-up flags are there, and XDP programs have their memory accounted by cgroup.
pub const MIN_KERNEL: (u32, u32) = (5, 18);

/// Magic of the BPF file system (linux/magic.h).
const BPF_FS_MAGIC: u64 = 0xcafe_4a11;

/// Why this machine can't run the gateway as it is.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    /// A capability is missing.
    #[error(
        "not allowed to attach XDP programs (missing {missing}): run as root, or grant the \
         capabilities with AmbientCapabilities= in the systemd unit"
    )]
    Rights {
        /// Names of the missing capabilities.
        missing: String,
    },
    /// The kernel lacks what the data plane needs.
    #[error(
        "kernel {release} is too old: Weir needs Linux {}.{} or newer; install a newer kernel \
         (Debian 12 and Ubuntu 24.04 have one)",
        MIN_KERNEL.0, MIN_KERNEL.1
    )]
    Kernel {
        /// What uname(2) says.
        release: String,
    },
    /// Pages for the frames can't be locked.
    #[error(
        "only {limit} bytes of memory may be locked and frames need {needed}: raise it with \
         `ulimit -l unlimited` or LimitMEMLOCK=infinity in the systemd unit, or grant CAP_IPC_LOCK"
    )]
    LockedMemory {
        /// The hard limit in force, in bytes.
        limit: u64,
        /// What the UMEMs take, in bytes.
        needed: u64,
    },
    /// The directory of the pins is not on a BPF file system.
    #[error(
        "{} is not on a BPF file system, so the kernel path could not outlive the daemon: mount \
         one with `mount -t bpf bpf /sys/fs/bpf`, or set [dataplane] pin_dir to one",
        path.display()
    )]
    NoBpfFileSystem {
        /// The configured directory.
        path: PathBuf,
    },
}

/// Checks what every run needs: rights, kernel and a place for the pins.
///
/// # Errors
///
/// The first thing that is missing.
pub fn check(pin_dir: &Path) -> Result<(), PreflightError> {
    check_kernel(&rustix::system::uname().release().to_string_lossy())?;
    check_rights(effective_capabilities())?;
    check_pin_dir(pin_dir)
}

/// Makes room for `needed` bytes of locked memory, raising the limit where that is allowed.
///
/// # Errors
///
/// The limit stays too low and the process may not pass it.
pub fn reserve_locked_memory(needed: u64) -> Result<(), PreflightError> {
    if effective_capabilities().contains(CapabilitySet::IPC_LOCK) {
        return Ok(());
    }
    let unlimited = Rlimit {
        current: None,
        maximum: None,
    };
    if setrlimit(Resource::Memlock, unlimited).is_ok() {
        return Ok(());
    }
    match getrlimit(Resource::Memlock).maximum {
        Some(limit) if limit < needed => Err(PreflightError::LockedMemory { limit, needed }),
        maximum => {
            // Up to its hard limit a process may always raise the soft one.
            let raised = Rlimit {
                current: maximum,
                maximum,
            };
            let limit = maximum.unwrap_or(u64::MAX);
            setrlimit(Resource::Memlock, raised)
                .map_err(|_| PreflightError::LockedMemory { limit, needed })
        }
    }
}

fn check_kernel(release: &str) -> Result<(), PreflightError> {
    match kernel_version(release) {
        Some(version) if version >= MIN_KERNEL => Ok(()),
        _ => Err(PreflightError::Kernel {
            release: release.to_owned(),
        }),
    }
}

/// Major and minor version out of a release such as `6.1.0-18-amd64`.
fn kernel_version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next()?.parse().ok()?;
    Some((major, minor))
}

fn check_rights(held: CapabilitySet) -> Result<(), PreflightError> {
    if held.contains(CapabilitySet::SYS_ADMIN | CapabilitySet::NET_ADMIN | CapabilitySet::NET_RAW) {
        return Ok(());
    }
    let needed = [
        (CapabilitySet::NET_ADMIN, "CAP_NET_ADMIN"),
        (CapabilitySet::NET_RAW, "CAP_NET_RAW"),
        (CapabilitySet::BPF, "CAP_BPF"),
        (CapabilitySet::PERFMON, "CAP_PERFMON"),
    ];
    let missing: Vec<_> = needed
        .iter()
        .filter(|(bit, _)| !held.contains(*bit))
        .map(|(_, name)| *name)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(PreflightError::Rights {
        missing: missing.join(", "),
    })
}

fn effective_capabilities() -> CapabilitySet {
    // Asking for one's own set can't fail on a kernel that passed the version check.
    rustix::thread::capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective)
}

/// The pin directory itself may be missing: the loader makes it, on the file system of the nearest
/// ancestor that is there.
fn check_pin_dir(pin_dir: &Path) -> Result<(), PreflightError> {
    let existing = pin_dir
        .ancestors()
        .find(|path| fs::symlink_metadata(path).is_ok());
    let on_bpf = existing
        .and_then(|path| rustix::fs::statfs(path).ok())
        .is_some_and(|found| u64::try_from(found.f_type) == Ok(BPF_FS_MAGIC));
    if on_bpf {
        return Ok(());
    }
    Err(PreflightError::NoBpfFileSystem {
        path: pin_dir.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_kernel_releases_as_distributions_write_them() {
        for (release, expected) in [
            ("6.1.0-18-amd64", Some((6, 1))),
            ("5.15.0-91-generic", Some((5, 15))),
            ("6.18.44-fc-v669", Some((6, 18))),
            ("5.18-rc1", Some((5, 18))),
            ("10.0+", Some((10, 0))),
            ("linux", None),
            ("6", None),
            ("", None),
        ] {
            assert_eq!(kernel_version(release), expected, "{release}");
        }
    }

    #[test]
    fn an_old_kernel_is_named_with_what_is_needed() {
        let error = check_kernel("5.10.0-28-amd64").expect_err("too old");
        let text = error.to_string();
        assert!(
            text.contains("5.10.0-28-amd64") && text.contains("5.18"),
            "{text}"
        );
        check_kernel("5.18.0").expect("just new enough");
    }

    #[test]
    fn missing_rights_are_named() {
        let error =
            check_rights(CapabilitySet::NET_RAW | CapabilitySet::BPF).expect_err("two are missing");
        let text = error.to_string();
        assert!(text.contains("CAP_NET_ADMIN, CAP_PERFMON"), "{text}");
        assert!(text.contains("run as root"), "{text}");
    }

    #[test]
    fn a_plain_directory_takes_no_pins() {
        let error = check_pin_dir(Path::new("/proc/self/nothing/there")).expect_err("procfs");
        assert!(error.to_string().contains("mount -t bpf"), "{error}");
    }
}
