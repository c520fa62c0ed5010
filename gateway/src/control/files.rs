//! Files of the operator's that may change while the gateway runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Some files, and what they were like when they were last read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Files {
    paths: Vec<PathBuf>,
    read: Vec<Stamp>,
    /// What they were like at the last look, if that differs.
    changing: Option<Vec<Stamp>>,
}

/// Tells a file from what it was before; none if it can't be looked at.
type Stamp = Option<(SystemTime, u64)>;

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
        Some((about.modified().ok()?, about.len()))
    };
    paths.iter().map(stamp).collect()
}
