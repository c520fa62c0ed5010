//! Checks of the machine before anything is attached: kernel, rights, memory that may be locked.
//!
//! Each refusal names its remedy. Interfaces and the place of the pins are the data plane's matter.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::CapabilitySet;

/// The oldest kernel Weir is built for: `bpf_xdp_link`, `bpf_ktime_get_coarse_ns` in XDP and the
/// AF_XDP wake-up flags are there, and XDP programs have their memory accounted by cgroup.
pub const MIN_KERNEL: (u32, u32) = (5, 18);

/// Why this machine can't run the gateway as it is.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    /// A capability is missing.
    #[error(
        "not allowed to attach or detach XDP programs (missing {missing}): run as root, or grant the \
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
}

/// Checks what every run needs: kernel and rights.
///
/// # Errors
///
/// The first thing that is missing.
pub fn check() -> Result<(), PreflightError> {
    check_kernel(&rustix::system::uname().release().to_string_lossy())?;
    check_rights(effective_capabilities())
}

/// Raises the limit of locked memory as far as this process may: the frames of AF_XDP sockets count
/// against it without CAP_IPC_LOCK. When it stays too low, opening the sockets says so.
pub fn raise_locked_memory() {
    let unlimited = Rlimit {
        current: None,
        maximum: None,
    };
    if setrlimit(Resource::Memlock, unlimited).is_err() {
        let maximum = getrlimit(Resource::Memlock).maximum;
        let raised = Rlimit {
            current: maximum,
            maximum,
        };
        if let Err(error) = setrlimit(Resource::Memlock, raised) {
            tracing::debug!(%error, "the limit of locked memory stays as it is");
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
}
