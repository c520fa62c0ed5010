//! The one thread that touches the events file.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::queue::{self, EventCounts, Queue};

/// How often an idle writer looks whether it has to reopen its file.
const LOOK: Duration = Duration::from_millis(200);
/// After a failed write, how long until the log says so again.
const SILENCE: Duration = Duration::from_secs(60);
/// Lines written before they are flushed at the latest.
const BATCH: usize = 256;

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

    fn open(&self) -> io::Result<Box<dyn Write + Send>> {
        Ok(match self {
            Self::File(path) => Box::new(append(path)?),
            Self::Stdout => Box::new(io::stdout()),
            Self::Nowhere => Box::new(io::sink()),
        })
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// Why events can't be written.
#[derive(Debug, thiserror::Error)]
pub enum WriterError {
    /// The file can't be opened.
    #[error(
        "cannot open the events file {}: {error}; make its directory, or set [events] file to a \
         path this user may write",
        path.display()
    )]
    Open {
        /// The configured path.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The thread can't be started.
    #[error("cannot start the events writer: {0}")]
    Thread(io::Error),
}

/// The writer's thread and how to speak to it.
#[derive(Debug)]
pub struct Writer {
    counts: Arc<EventCounts>,
    reopen: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Writer {
    /// Opens `destination` and starts the thread, which ends when all queues are gone.
    ///
    /// # Errors
    ///
    /// The file can't be opened, or the thread not be started.
    pub fn start(destination: Destination) -> Result<(Queue, Self), WriterError> {
        let sink = destination.open().map_err(|error| match &destination {
            Destination::File(path) => WriterError::Open {
                path: path.clone(),
                error,
            },
            Destination::Stdout | Destination::Nowhere => WriterError::Thread(error),
        })?;
        let (queue, lines, counts) = queue::queue();
        let reopen = Arc::new(AtomicBool::new(false));
        let file = EventsFile {
            destination,
            sink: BufWriter::new(sink),
            reopen: Arc::clone(&reopen),
            counts: Arc::clone(&counts),
            complained: None,
        };
        let thread = thread::Builder::new()
            .name("weir-events".to_owned())
            .spawn(move || file.run(&lines))
            .map_err(WriterError::Thread)?;
        Ok((
            queue,
            Self {
                counts,
                reopen,
                thread,
            },
        ))
    }

    /// What became of the events so far.
    #[must_use]
    pub fn counts(&self) -> Arc<EventCounts> {
        Arc::clone(&self.counts)
    }

    /// A handle with which the file is opened anew, as after a rotation: set it.
    #[must_use]
    pub fn reopen(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.reopen)
    }

    /// Waits until everything queued is written, but no longer than `patience`: a destination that
    /// hangs must not keep the gateway from stopping. All queues have to be dropped before.
    pub fn finish(self, patience: Duration) {
        let deadline = Instant::now() + patience;
        while !self.thread.is_finished() {
            if Instant::now() >= deadline {
                tracing::warn!("the events file hangs; what is queued for it is lost");
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

struct EventsFile {
    destination: Destination,
    sink: BufWriter<Box<dyn Write + Send>>,
    reopen: Arc<AtomicBool>,
    counts: Arc<EventCounts>,
    /// When the log last heard of a failure.
    complained: Option<Instant>,
}

impl EventsFile {
    fn run(mut self, lines: &Receiver<Vec<u8>>) {
        loop {
            let first = match lines.recv_timeout(LOOK) {
                Ok(line) => Some(line),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if self.reopen.swap(false, Ordering::Relaxed) {
                self.open_anew();
            }
            if let Some(first) = first {
                self.write(std::iter::once(first).chain(lines.try_iter().take(BATCH - 1)));
            }
        }
    }

    /// Writes a batch and flushes it, so that a quiet gateway's events are seen at once.
    fn write(&mut self, batch: impl Iterator<Item = Vec<u8>>) {
        let mut count = 0;
        let mut outcome = Ok(());
        for line in batch {
            count += 1;
            if outcome.is_ok() {
                outcome = self.sink.write_all(&line);
            }
        }
        let outcome = outcome.and_then(|()| self.sink.flush());
        self.counts.settle(count, outcome.is_ok());
        if let Err(error) = outcome {
            self.complain(&error);
            // The buffer still holds what failed; a new one starts at a line's beginning.
            self.open_anew();
        }
    }

    fn open_anew(&mut self) {
        match self.destination.open() {
            Ok(sink) => {
                let old = std::mem::replace(&mut self.sink, BufWriter::new(sink));
                // What the old buffer holds was counted as lost: it isn't written late.
                let (_file, _lost) = old.into_parts();
            }
            Err(error) => self.complain(&error),
        }
    }

    fn complain(&mut self, error: &io::Error) {
        if self.complained.is_none_or(|at| at.elapsed() >= SILENCE) {
            tracing::error!(destination = ?self.destination, %error, "events can't be written");
            self.complained = Some(Instant::now());
        }
    }
}
