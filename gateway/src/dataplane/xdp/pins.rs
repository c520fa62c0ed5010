//! The directory on a bpffs where link and maps stay when the daemon is gone.
//!
//! ```text
//! /sys/fs/bpf/weir/          links/INTERFACE      the program stays attached while this is there
//!                            v1/MAP               maps of layout version 1
//! ```
//! Links stand outside of the version: a successor with another layout takes them over, with a
//! program that uses its own maps, and removes the maps of its predecessor.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::statfs;
use rustix::mount::{MountFlags, mount};

use super::Error;

/// The mount point that is there on most systems.
const SYSTEM_BPFFS: &str = "/sys/fs/bpf";
/// `BPF_FS_MAGIC` of linux/magic.h.
const BPFFS_MAGIC: u64 = 0xcafe_4a11;

/// The pins of one gateway.
#[derive(Debug, Clone)]
pub(super) struct Pins {
    dir: PathBuf,
}

impl Pins {
    pub(super) fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
        }
    }

    /// Makes the directory, on a bpffs: the one it is on, or one mounted for it.
    pub(super) fn mount(&self) -> Result<(), Error> {
        if !is_on_bpffs(&self.dir) {
            let system = Path::new(SYSTEM_BPFFS);
            let mount_point = if self.dir.starts_with(system) {
                system
            } else {
                &self.dir
            };
            doing(
                "making the directory",
                mount_point,
                fs::create_dir_all(mount_point),
            )?;
            let mounted = mount("bpf", mount_point, "bpf", MountFlags::empty(), None);
            doing(
                "mounting a bpffs",
                mount_point,
                mounted.map_err(io::Error::from),
            )?;
        }
        doing(
            "making the directory",
            &self.dir,
            fs::create_dir_all(&self.dir),
        )
    }

    /// Makes the directories in it.
    pub(super) fn create(&self) -> Result<(), Error> {
        for dir in [self.links(), self.maps()] {
            doing("making the directory", &dir, fs::create_dir_all(&dir))?;
        }
        Ok(())
    }

    /// Where the link on `interface` is pinned. A bpffs keeps dots in names to itself; colons,
    /// which interfaces can't have, stand for them.
    pub(super) fn link(&self, interface: &str) -> PathBuf {
        self.links().join(interface.replace('.', ":"))
    }

    /// Where `map` is pinned.
    pub(super) fn map(&self, map: &str) -> PathBuf {
        self.maps().join(map)
    }

    /// Names of the interfaces with a pinned link.
    pub(super) fn interfaces(&self) -> Result<Vec<String>, Error> {
        let names = entries(&self.links())?;
        Ok(names
            .into_iter()
            .map(|name| name.replace(':', "."))
            .collect())
    }

    /// Takes the program off `interface`.
    pub(super) fn remove_link(&self, interface: &str) -> Result<(), Error> {
        let link = self.link(interface);
        doing("removing the link", &link, fs::remove_file(&link))
    }

    /// Removes the maps of other layouts.
    pub(super) fn remove_other_layouts(&self) -> Result<(), Error> {
        let current = self.maps();
        for maps in self.layouts()?.into_iter().filter(|maps| *maps != current) {
            doing("removing old maps", &maps, fs::remove_dir_all(&maps))?;
        }
        Ok(())
    }

    /// Removes everything that is ours. A mount point stays, with what the kernel itself keeps on
    /// a bpffs.
    pub(super) fn remove(&self) -> Result<(), Error> {
        for interface in self.interfaces()? {
            self.remove_link(&interface)?;
        }
        let mut dirs = self.layouts()?;
        dirs.extend(Some(self.links()).filter(|links| links.exists()));
        for dir in dirs {
            doing("removing", &dir, fs::remove_dir_all(&dir))?;
        }
        match fs::remove_dir(&self.dir) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound
                        | io::ErrorKind::ResourceBusy
                        | io::ErrorKind::DirectoryNotEmpty
                ) =>
            {
                Ok(())
            }
            result => doing("removing the directory", &self.dir, result),
        }
    }

    /// The directories with maps, of any layout.
    fn layouts(&self) -> Result<Vec<PathBuf>, Error> {
        let is_layout = |name: &String| {
            let version = name.strip_prefix('v');
            version.is_some_and(|version| version.parse::<u32>().is_ok())
        };
        let names = entries(&self.dir)?.into_iter().filter(is_layout);
        Ok(names.map(|name| self.dir.join(name)).collect())
    }

    fn links(&self) -> PathBuf {
        self.dir.join("links")
    }

    fn maps(&self) -> PathBuf {
        self.dir.join(format!("v{}", abi::LAYOUT_VERSION))
    }
}

/// Whether `dir`, or the nearest directory above it that is there, is on a bpffs.
fn is_on_bpffs(dir: &Path) -> bool {
    let there = dir.ancestors().find_map(|ancestor| statfs(ancestor).ok());
    there.is_some_and(|fs| u64::try_from(fs.f_type) == Ok(BPFFS_MAGIC))
}

/// Names in `dir`; none if it isn't there.
fn entries(dir: &Path) -> Result<Vec<String>, Error> {
    let read = || -> io::Result<Vec<String>> {
        fs::read_dir(dir)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    };
    match read() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        result => doing("reading the directory", dir, result),
    }
}

fn doing<T>(doing: &'static str, path: &Path, result: io::Result<T>) -> Result<T, Error> {
    result.map_err(|source| Error::Pin {
        doing,
        path: path.to_owned(),
        source,
    })
}
