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
    // Held, never read: closing it frees the pins.
    _lock: File,
}

impl Claim {
    /// Claims the pins in `dir`, and makes the directory.
    ///
    /// # Errors
    /// Another process is at work with them, or nothing can be pinned there.
    pub fn take(dir: &Path) -> Result<Self, Error> {
        let pins = Pins::new(dir);
        for _ in 0..ATTEMPTS {
            pins.mount()?;
            if let Some(lock) = lock(dir, &pins)? {
                return Ok(Self::new(pins, dir, lock));
            }
        }
        Err(at_work(dir, &pins, None))
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
            _lock: lock,
        }
    }

    /// That `interface` has no XDP program but what these pins hold. One that isn't there is free.
    ///
    /// # Errors
    /// It has: another gateway's, with pins elsewhere, or anybody's.
    pub fn check(&self, interface: &Interface) -> Result<(), Error> {
        match is_others(interface, &self.pins)? {
            Some(program) => Err(Error::Occupied {
                interface: interface.name.clone(),
                program,
            }),
            None => Ok(()),
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Nothing pinned, nothing left: only an empty directory can be removed like this.
        let _ = fs::remove_dir(&self.dir);
    }
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
    let locked = file.metadata().map_err(failed)?;
    let same = fs::metadata(dir)
        .is_ok_and(|there| (there.dev(), there.ino()) == (locked.dev(), locked.ino()));
    Ok(same.then_some(file))
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
}
