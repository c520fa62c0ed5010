//! One network namespace: made, entered by threads and by commands, removed.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::run::words;
use super::{Error, Result};

/// Where iproute2 keeps named namespaces.
const DIRECTORY: &str = "/run/netns";

/// A named network namespace; removed when dropped.
///
/// A removed namespace lives on, nameless, while a process stays in it: drop the processes first.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes the namespace `name` with its loopback interface up.
    ///
    /// # Errors
    /// When it exists already, or without the right to make one.
    pub fn create(name: &str) -> Result<Self> {
        words("ip", &format!("netns add {name}"))?;
        let namespace = Self {
            name: name.to_owned(),
        };
        namespace.ip("link set lo up")?;
        Ok(namespace)
    }

    /// Its name, as `ip netns` knows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that stands for it.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("{DIRECTORY}/{}", self.name))
    }

    /// A command that runs `program` inside.
    ///
    /// By `nsenter --net` and not by `ip netns exec`: the latter remounts /sys, and with it every pin
    /// of a BPF object would vanish from the command's sight. The child is killed with the thread
    /// that started it, so that a crash of the owner leaves no process behind.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net={}", self.path().display()))
            .args(["--", "setpriv", "--pdeathsig", "KILL", "--"])
            .arg(program);
        command
    }

    /// Runs `ip` inside with the words of `line`, and returns what it printed.
    ///
    /// # Errors
    /// When the command fails.
    pub fn ip(&self, line: &str) -> Result<String> {
        words("ip", &format!("-n {} {line}", self.name))
    }

    /// Runs `ethtool` inside with the words of `line`.
    pub(super) fn ethtool(&self, line: &str) -> Result<String> {
        let mut command = self.command("ethtool");
        super::run::succeed(command.args(line.split_whitespace()))
    }

    /// Runs `work` on a thread of its own that has entered the namespace. Sockets opened there belong
    /// to the namespace for good, and may be used from any thread.
    ///
    /// # Errors
    /// [`Error::Enter`] when the namespace is gone or the right is missing.
    ///
    /// # Panics
    /// When `work` does.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        thread::scope(|scope| {
            let entered = scope.spawn(|| {
                self.move_here()?;
                Ok(work())
            });
            match entered.join() {
                Ok(outcome) => outcome,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Moves the calling thread into the namespace.
    fn move_here(&self) -> Result<()> {
        let failed = |source| Error::Enter {
            name: self.name.clone(),
            source,
        };
        let file = File::open(self.path()).map_err(failed)?;
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
            .map_err(|errno| failed(errno.into()))
    }

    /// Writes a setting below /proc/sys/net, of this namespace. Returns false if the kernel has no
    /// such setting.
    pub(super) fn set(&self, key: &str, value: &str) -> Result<bool> {
        let path = PathBuf::from(format!("/proc/sys/net/{key}"));
        self.enter(|| {
            if !path.exists() {
                return Ok(false);
            }
            fs::write(&path, value)
                .map(|()| true)
                .map_err(Error::file(&path))
        })?
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

/// Removes the namespace `name`. One that is gone already is fine, and there is nobody to tell about
/// any other failure: the next run finds and removes what is left.
pub(super) fn remove(name: &str) {
    let _ = words("ip", &format!("netns del {name}"));
}
