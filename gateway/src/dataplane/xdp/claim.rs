//! Who works with the pins: one process at a time.
//!
//! The lock (flock(2)) is on the directory of the pins itself. Every mounted bpffs is a file system of
//! its own, so two gateways meet the same lock exactly when they would meet the same pins, by whatever
//! path and in whatever mount namespace; and the kernel lets go of it in whatever way its holder ends.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::attach::is_others;
use super::pins::Pins;
use super::{Error, Interface};

/// How often a directory may be removed under the eyes of who would lock it.
const ATTEMPTS: usize = 3;

/// The pins, and that nobody else works with them while this is there.
#[derive(Debug)]
pub struct Claim {
    pub(super) pins: Pins,
    dir: PathBuf,
    /// Unlocked, it frees the pins.
    lock: File,
}

impl Claim {
    /// Claims the pins in `dir`, and makes the directory.
    ///
    /// # Errors
    /// Another process is at work with them, or nothing can be pinned there.
    pub fn take(dir: &Path) -> Result<Self, Error> {
        let pins = Pins::new(dir);
        let lock = make_and_lock(dir, &pins)?;
        Ok(Self::new(pins, dir, lock))
    }

    /// The same, if the directory is there.
    pub(super) fn take_existing(dir: &Path) -> Result<Option<Self>, Error> {
        let pins = Pins::new(dir);
        if !dir.exists() {
            return Ok(None);
        }
        let lock = lock(dir, &pins)?;
        Ok(lock.map(|lock| Self::new(pins, dir, lock)))
    }

    fn new(pins: Pins, dir: &Path, lock: File) -> Self {
        Self {
            pins,
            dir: dir.to_owned(),
            lock,
        }
    }

    /// That `interface` has no XDP program but what these pins hold. One that isn't there is free.
    ///
    /// # Errors
    /// It has: another gateway's, with pins elsewhere, or anybody's.
    pub fn check(&self, interface: &Interface) -> Result<(), Error> {
        match is_others(interface, &self.pins)? {
            Some(program) => Err(Error::occupied(interface, program)),
            None => Ok(()),
        }
    }

    /// Whether the pins go with this process's mount namespace: the first process of the system has
    /// their file system nowhere. Not if that can't be seen.
    #[must_use]
    pub fn is_short_lived(&self) -> bool {
        let about = self.lock.metadata();
        let mounts = fs::read_to_string("/proc/1/mountinfo");
        let (Ok(about), Ok(mounts)) = (about, mounts) else {
            return false;
        };
        !is_mounted(&mounts, about.dev())
    }

    /// Where the pins are.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether the directory is the one that was locked.
    pub(super) fn is_whole(&self) -> bool {
        is_still(&self.lock, &self.dir)
    }

    /// Makes and claims the directory again that somebody has removed.
    pub(super) fn renew(&mut self) -> Result<(), Error> {
        if !self.is_whole() {
            self.lock = make_and_lock(&self.dir, &self.pins)?;
        }
        Ok(())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Nothing pinned, nothing left: only an empty directory can be removed like this.
        let _ = fs::remove_dir(&self.dir);
        // Told, not left to the closing: a child that is being started holds the lock with us until it
        // runs its own program (fork(2), flock(2)).
        let _ = self.lock.unlock();
    }
}

/// The directory, made if it isn't there, and locked.
fn make_and_lock(dir: &Path, pins: &Pins) -> Result<File, Error> {
    for _ in 0..ATTEMPTS {
        pins.mount()?;
        if let Some(lock) = lock(dir, pins)? {
            return Ok(lock);
        }
    }
    Err(at_work(dir, pins, None))
}

/// The locked directory; none if it has been removed or covered meanwhile, as by whoever held it.
fn lock(dir: &Path, pins: &Pins) -> Result<Option<File>, Error> {
    let failed = |source| Error::Pin {
        doing: "locking",
        path: dir.to_owned(),
        source,
    };
    let file = match File::open(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(failed)?,
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(at_work(dir, pins, holder(&file))),
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    Ok(is_still(&file, dir).then_some(file))
}

/// Whether the open directory is the one at `path`.
fn is_still(dir: &File, path: &Path) -> bool {
    let (Ok(open), Ok(there)) = (dir.metadata(), fs::metadata(path)) else {
        return false;
    };
    (open.dev(), open.ino()) == (there.dev(), there.ino())
}

fn at_work(dir: &Path, pins: &Pins, process: Option<u32>) -> Error {
    // They only say more.
    let mut interfaces = pins.interfaces().unwrap_or_default();
    interfaces.sort();
    Error::AtWork {
        dir: dir.to_owned(),
        process,
        interfaces,
    }
}

/// The process that holds the lock on `dir`, if this one can see it (proc(5), /proc/locks).
fn holder(dir: &File) -> Option<u32> {
    let about = dir.metadata().ok()?;
    let locks = fs::read_to_string("/proc/locks").ok()?;
    locks
        .lines()
        .find_map(|line| named(line, about.dev(), about.ino()))
}

/// The process of a line of /proc/locks, if it locks this file:
/// `1: FLOCK  ADVISORY  WRITE 4345 fe:00:8471152 0 EOF`.
fn named(line: &str, dev: u64, ino: u64) -> Option<u32> {
    let mut fields = line.split_whitespace().skip(1);
    let (kind, process) = (fields.next()?, fields.nth(2)?);
    let (major, minor) = (rustix::fs::major(dev), rustix::fs::minor(dev));
    let file = format!("{major:02x}:{minor:02x}:{ino}");
    let is_it = kind == "FLOCK" && fields.next()? == file;
    process.parse().ok().filter(|process| is_it && *process > 0)
}

/// Whether the file system is in a list of mounts (proc(5), /proc/PID/mountinfo):
/// `36 35 98:0 /mnt1 /mnt2 rw,noatime - ext3 /dev/root rw`.
fn is_mounted(mounts: &str, dev: u64) -> bool {
    let device = format!("{}:{}", rustix::fs::major(dev), rustix::fs::minor(dev));
    mounts
        .lines()
        .any(|line| line.split(' ').nth(2) == Some(device.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_is_read_from_the_kernels_list() {
        let line = "12: FLOCK  ADVISORY  WRITE 4345 fe:00:8471152 0 EOF";
        let dev = rustix::fs::makedev(0xfe, 0);
        assert_eq!(named(line, dev, 8_471_152), Some(4345));
        assert_eq!(named(line, dev, 8_471_153), None);
        assert_eq!(named(line, rustix::fs::makedev(0xfe, 1), 8_471_152), None);
        for other in [
            "",
            "12:",
            "1: POSIX  ADVISORY  WRITE 4345 fe:00:8471152 0 EOF",
        ] {
            assert_eq!(named(other, dev, 8_471_152), None);
        }
        let elsewhere = line.replace("4345", "0");
        assert_eq!(
            named(&elsewhere, dev, 8_471_152),
            None,
            "in another namespace"
        );
    }

    #[test]
    fn mounts_are_told_by_their_device() {
        let mounts = "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw\n\
                      39 24 0:33 / /sys/fs/bpf rw,nosuid - bpf bpf rw,mode=700\n";
        assert!(is_mounted(mounts, rustix::fs::makedev(0, 33)));
        assert!(!is_mounted(mounts, rustix::fs::makedev(0, 3)));
    }

    #[test]
    fn a_locked_directory_names_its_process() {
        let dir = std::env::temp_dir().join(format!("weir-claim-{}", std::process::id()));
        fs::create_dir(&dir).expect("a scratch directory");
        let pins = Pins::new(&dir);
        let held = lock(&dir, &pins).expect("free").expect("there");
        let refused = lock(&dir, &pins).expect_err("held").to_string();
        let process = format!("process {}", std::process::id());
        assert!(refused.contains(&process), "{refused}");
        drop(held);
        let again = lock(&dir, &pins).expect("free").expect("there");
        fs::remove_dir(&dir).expect("empty");
        assert!(lock(&dir, &pins).expect("nothing there").is_none());
        drop(again);
    }

    #[test]
    fn a_claim_that_is_given_up_is_free_although_a_child_still_has_it() {
        let dir = std::env::temp_dir().join(format!("weir-given-up-{}", std::process::id()));
        fs::create_dir(&dir).expect("a scratch directory");
        fs::write(dir.join("link"), "").expect("a pin, so that the directory stays");
        let pins = || Pins::new(&dir);
        let held = lock(&dir, &pins()).expect("free").expect("there");
        let childs = held.try_clone().expect("a second descriptor of it");
        drop(Claim::new(pins(), &dir, held));
        let again = lock(&dir, &pins()).expect("free").expect("there");
        drop((childs, again));
        fs::remove_dir_all(&dir).expect("removed");
    }
}
