//! How many frames an interface of a namespace has received: read often, so without a process.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::thread;
use std::time::{Duration, Instant};

use gateway::netns::{INTERFACE, Namespace};
use weir_tests::lab::must;

/// How long a frame may be under way.
const PATIENCE: Duration = Duration::from_secs(5);

/// The counter of a host's interface.
pub(crate) struct Counter(File);

impl Counter {
    pub(crate) fn of(namespace: &Namespace) -> Self {
        // The file belongs to the namespace it was opened in, whoever reads it.
        let open = || File::open("/proc/thread-self/net/dev");
        Self(must(namespace.enter(open)).expect("procfs"))
    }

    /// Frames received so far.
    pub(crate) fn frames(&self) -> u64 {
        let mut text = [0; 2048];
        let len = self.0.read_at(&mut text, 0).expect("procfs");
        let text = std::str::from_utf8(&text[..len]).expect("ASCII");
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        let (_, figures) = lines
            .find(|(name, _)| name.trim() == INTERFACE)
            .expect("the interface");
        let frames = figures.split_whitespace().nth(1);
        frames.and_then(|n| n.parse().ok()).expect("bytes, frames")
    }

    /// Waits until so many frames have come in.
    pub(crate) fn wait_for(&self, frames: u64) {
        let start = Instant::now();
        while self.frames() < frames {
            assert!(start.elapsed() < PATIENCE, "frames were lost");
            thread::yield_now();
        }
    }
}
