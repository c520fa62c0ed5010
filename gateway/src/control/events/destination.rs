//! Where events go, and what opening that leaves behind.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, fcntl_setfl};

use crate::control::files::make_directory_of;

/// Where events go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Appended to a file, which is opened anew on request (log rotation).
    File(PathBuf),
    /// Standard output.
    Stdout,
    /// Nowhere; they are counted all the same.
    Nowhere,
}

impl Destination {
    /// The destination an `[events] file` names: a path, `-`, or none.
    #[must_use]
    pub fn named(file: Option<&str>) -> Self {
        match file {
            None => Self::Nowhere,
            Some("-") => Self::Stdout,
            Some(path) => Self::File(path.into()),
        }
    }

    pub(super) fn open(&self) -> io::Result<Opened> {
        Ok(match self {
            Self::File(path) => append(path)?,
            Self::Stdout => Opened::there(io::stdout()),
            Self::Nowhere => Opened::there(io::sink()),
        })
    }
}

/// An open destination.
pub(super) struct Opened {
    pub(super) sink: Box<dyn Write + Send>,
    pub(super) made: Made,
}

impl Opened {
    fn there(sink: impl Write + Send + 'static) -> Self {
        Self {
            sink: Box::new(sink),
            made: Made::default(),
        }
    }
}

/// What opening has made: the file, and its directory. They go when this is dropped, unless they are kept or
/// something was written.
#[derive(Debug, Default)]
pub(super) struct Made {
    file: Option<PathBuf>,
    directory: Option<PathBuf>,
}

impl Made {
    pub(super) fn keep(&mut self) {
        (self.file, self.directory) = (None, None);
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // What can't be removed stays, and is empty.
        if let Some(file) = &self.file
            && fs::metadata(file).is_ok_and(|about| about.len() == 0)
        {
            let _ = fs::remove_file(file);
        }
        if let Some(directory) = &self.directory {
            let _ = fs::remove_dir(directory);
        }
    }
}

/// A named pipe that nobody reads is an error and not a wait.
fn append(path: &Path) -> io::Result<Opened> {
    let mut made = Made {
        directory: make_directory_of(path)?,
        file: None,
    };
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).expect("a flag of open(2)");
    let mut options = OpenOptions::new();
    options.append(true).custom_flags(flags);
    let file = match options.clone().create_new(true).open(path) {
        Ok(file) => {
            made.file = Some(path.to_owned());
            file
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            options.create(true).open(path)?
        }
        Err(error) => return Err(error),
    };
    // Writing may wait, on this thread: lines stay whole.
    fcntl_setfl(&file, OFlags::APPEND)?;
    Ok(Opened {
        sink: Box::new(file),
        made,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_in_vain_goes_again_and_nothing_else() {
        let scratch = std::env::temp_dir().join(format!("weir-made-{}", std::process::id()));
        let path = scratch.join("events.json");
        let destination = Destination::File(path.clone());
        let open = || destination.open().expect("room for a file");

        drop(open());
        assert!(!scratch.exists(), "file and directory were made in vain");

        open().made.keep();
        drop(open());
        assert!(path.exists(), "it was there, though it is empty");
        fs::remove_file(&path).expect("there");

        let mut opened = open();
        opened.sink.write_all(b"seen\n").expect("written");
        drop(opened);
        let seen = fs::read_to_string(&path).expect("what was written stays");
        fs::remove_dir_all(&scratch).expect("removed");
        assert_eq!(seen, "seen\n");
    }
}
