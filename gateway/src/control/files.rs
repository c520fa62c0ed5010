//! Files of the operator's that may change while the gateway runs, and where its own go.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// What the gateway writes is the business of its user, and of whom that lets into its group.
const DIRECTORY_MODE: u32 = 0o750;

/// Makes the directory that `path` is to be in, if it isn't there: one, for this user and group. Returns
/// what it made.
///
/// # Errors
/// Of mkdir(2).
pub fn make_directory_of(path: &Path) -> io::Result<Option<PathBuf>> {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() && !directory.exists() => {
            DirBuilder::new().mode(DIRECTORY_MODE).create(directory)?;
            Ok(Some(directory.to_owned()))
        }
        _ => Ok(None),
    }
}

/// Some files, and what they were like when they were last read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Files {
    paths: Vec<PathBuf>,
    read: Vec<Stamp>,
    /// What they were like at the last look, if that differs.
    changing: Option<Vec<Stamp>>,
}

/// Tells a file from what it was before: when it was last changed, in seconds and nanoseconds, and its length; none if it
/// can't be looked at. Who may read it counts as well, and another file in its place, however old: ctime, not mtime.
type Stamp = Option<(i64, i64, u64)>;

impl Files {
    /// These files, to be read right afterwards.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>) -> Self {
        let read = stamps(&paths);
        Self {
            paths,
            read,
            changing: None,
        }
    }

    /// Takes up these as well, to be read right afterwards.
    pub fn add(&mut self, paths: impl Iterator<Item = PathBuf>) {
        let more: Vec<PathBuf> = paths.collect();
        self.read.extend(stamps(&more));
        self.paths.extend(more);
    }

    /// Where they are.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.paths.iter().map(PathBuf::as_path)
    }

    /// Whether one has changed and stayed as it is for a look: who writes one takes a while. Told once.
    pub fn have_changed(&mut self) -> bool {
        let now = stamps(&self.paths);
        if now == self.read {
            self.changing = None;
            return false;
        }
        if self.changing.as_ref() != Some(&now) {
            self.changing = Some(now);
            return false;
        }
        self.changing = None;
        self.read = now;
        true
    }
}

fn stamps(paths: &[PathBuf]) -> Vec<Stamp> {
    let stamp = |path: &PathBuf| {
        let about = fs::metadata(path).ok()?;
        Some((about.ctime(), about.ctime_nsec(), about.len()))
    };
    paths.iter().map(stamp).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn one_directory_is_made_for_this_user_and_group() {
        let directory = std::env::temp_dir().join(format!("weir-files-{}", std::process::id()));
        let file = directory.join("events.json");
        let made = make_directory_of(&file).expect("made");
        let there = make_directory_of(&file).expect("there");
        assert_eq!((made, there), (Some(directory.clone()), None));
        let mode = fs::metadata(&directory)
            .expect("there")
            .permissions()
            .mode();
        let deeper = make_directory_of(&directory.join("a/b/c"));
        fs::remove_dir(&directory).expect("empty");
        assert_eq!(mode & 0o027, 0, "{mode:o}");
        assert!(deeper.is_err(), "a mistake in a path makes no tree");
        make_directory_of(Path::new("events.json")).expect("the current one");
    }
}
