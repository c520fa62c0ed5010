//! The one thread that touches the events file.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::destination::{Destination, Made, Opened};
use super::queue::{self, EventCounts, Queue};

/// How often an idle writer looks whether it has to reopen its file.
const LOOK: Duration = Duration::from_millis(200);
/// After a failed write, how long until the log says so again.
const SILENCE: Duration = Duration::from_secs(60);
/// Lines written before they are flushed at the latest.
const BATCH: usize = 256;

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
    made: Made,
}

impl Writer {
    /// Opens `destination` and starts the thread, which ends when all queues are gone. Dropped before
    /// [`Self::keep_file`], it takes with it what it made and nobody wrote to.
    ///
    /// # Errors
    ///
    /// The file can't be opened, or the thread not be started.
    pub fn start(destination: Destination) -> Result<(Queue, Self), WriterError> {
        let Opened { sink, made } = destination.open().map_err(|error| match &destination {
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
            torn: false,
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
                made,
            },
        ))
    }

    /// Has the file stay: the gateway starts.
    pub fn keep_file(&mut self) {
        self.made.keep();
    }

    /// What became of the events so far.
    #[must_use]
    pub fn counts(&self) -> Arc<EventCounts> {
        Arc::clone(&self.counts)
    }

    /// Has the file opened anew, as after a rotation.
    pub fn open_anew(&self) {
        self.reopen.store(true, Ordering::Relaxed);
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
    /// The last batch failed, perhaps in the middle of a line.
    torn: bool,
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
        let mut outcome = match self.torn {
            true => self.sink.write_all(b"\n"),
            false => Ok(()),
        };
        for line in batch {
            count += 1;
            if outcome.is_ok() {
                outcome = self.sink.write_all(&line);
            }
        }
        let outcome = outcome.and_then(|()| self.sink.flush());
        self.counts.settle(count, outcome.is_ok());
        self.torn = outcome.is_err();
        if let Err(error) = outcome {
            self.complain(&error);
            self.open_anew();
        }
    }

    fn open_anew(&mut self) {
        match self.destination.open() {
            Ok(Opened { sink, mut made }) => {
                made.keep();
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

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::fs::{FileType, Mode, OFlags};

    use super::*;

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let dir = std::env::temp_dir().join(format!("weir-{name}-{}", std::process::id()));
            fs::create_dir_all(&dir).expect("a scratch directory");
            Self(dir)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn settled(counts: &EventCounts, written: u64) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while counts.written() < written {
            assert!(Instant::now() < deadline, "the writer doesn't write");
            thread::sleep(Duration::from_millis(2));
        }
    }

    #[test]
    fn lines_arrive_in_order_and_after_a_rotation_in_the_new_file() {
        let scratch = Scratch::new("rotation");
        let path = scratch.0.join("events.json");
        let (mut queue, writer) =
            Writer::start(Destination::File(path.clone())).expect("a writable file");
        let counts = writer.counts();
        assert!(queue.push(b"one\n".to_vec()) && queue.push(b"two\n".to_vec()));
        settled(&counts, 2);

        let rotated = scratch.0.join("events.json.1");
        fs::rename(&path, &rotated).expect("renamed");
        writer.open_anew();
        assert!(queue.push(b"three\n".to_vec()));
        settled(&counts, 3);
        drop(queue);
        writer.finish(Duration::from_secs(10));
        assert_eq!(
            fs::read_to_string(&rotated).expect("the old file"),
            "one\ntwo\n"
        );
        assert_eq!(fs::read_to_string(&path).expect("the new file"), "three\n");
    }

    #[test]
    fn a_full_disk_is_counted_and_stops_nobody() {
        let full = Destination::File("/dev/full".into());
        let (mut queue, writer) = Writer::start(full).expect("the device opens");
        let counts = writer.counts();
        for _ in 0..100 {
            queue.push(b"lost\n".to_vec());
        }
        drop(queue);
        writer.finish(Duration::from_secs(10));
        assert_eq!(counts.dropped()[2], ("write", 100));
        assert_eq!(counts.written(), 0);
    }

    #[test]
    fn a_writer_that_hangs_costs_events_not_time() {
        let (mut queue, lines, counts) = queue::queue();
        let offered: u64 = 3 * 8192;
        let taken = (0..offered)
            .filter(|_| queue.push(b"waiting\n".to_vec()))
            .count() as u64;
        assert_eq!(taken + counts.dropped()[0].1, offered);
        assert!(counts.dropped()[0].1 > 0);
        drop(lines);
        assert!(!queue.push(b"nobody listens\n".to_vec()));
    }

    fn pipe(scratch: &Scratch) -> PathBuf {
        let path = scratch.0.join("events.pipe");
        let mode = Mode::RUSR | Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, mode, 0).expect("a pipe");
        path
    }

    #[test]
    fn a_pipe_that_nobody_reads_is_an_error() {
        let scratch = Scratch::new("unread");
        let unread = Destination::File(pipe(&scratch));
        assert!(Writer::start(unread).is_err());
    }

    #[test]
    fn a_reader_that_stalls_delays_neither_workers_nor_the_end() {
        let scratch = Scratch::new("stalled");
        let path = pipe(&scratch);
        let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).expect("a flag");
        let reader = OpenOptions::new()
            .read(true)
            .custom_flags(nonblocking)
            .open(&path);
        let _reader = reader.expect("the reading end");
        let (mut queue, writer) = Writer::start(Destination::File(path)).expect("it is read");
        let counts = writer.counts();
        let line = vec![b'x'; 256];
        let start = Instant::now();
        // More than the pipe and the queue hold.
        let lost = (0..20_000).filter(|_| !queue.push(line.clone())).count() as u64;
        assert!(lost > 10_000 && counts.dropped()[0] == ("queue", lost));
        drop(queue);
        writer.finish(Duration::from_millis(50));
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_missing_directory_is_named_with_its_remedy() {
        let nowhere = Destination::File("/nonexistent/either/events.json".into());
        let error = Writer::start(nowhere)
            .expect_err("no such directory")
            .to_string();
        assert!(
            error.contains("/nonexistent/either/events.json") && error.contains("[events] file")
        );
    }
}
