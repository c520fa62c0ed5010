//! A child process that never outlives its owner.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::run::shown;
use super::state::State;
use super::{Error, Result, wait_until};

/// How much of a log an error shows.
const TAIL_LINES: usize = 12;

/// A running child, its output in a log file. Killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    /// Where its part of the log begins.
    begin: usize,
}

impl Process {
    /// Starts `command`; both its output streams go to `NAME.log` in the run's directory, at the end of
    /// what an earlier process of that name wrote.
    ///
    /// # Errors
    /// When it can't be started or written down.
    pub fn start(state: &State, name: &str, command: &mut Command) -> Result<Self> {
        let log = state.dir().join(format!("{name}.log"));
        let open = || -> std::io::Result<(File, File)> {
            let file = File::options().create(true).append(true).open(&log)?;
            Ok((file.try_clone()?, file))
        };
        let (out, err) = open().map_err(Error::file(&log))?;
        let begin = length(&log);
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            // Ctrl-C on the terminal is for the owner, which ends its children in order.
            .process_group(0)
            .spawn()
            .map_err(|source| Error::Start {
                command: shown(command),
                source,
            })?;
        state.record_process(child.id())?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log,
            begin,
        })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The file its output goes to.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// What it has printed until now.
    ///
    /// # Errors
    /// When the log can't be read.
    pub fn printed(&self) -> Result<String> {
        self.printed_since(self.begin)
    }

    /// Now, as a place in its log; for [`Process::printed_since`].
    pub fn mark(&self) -> usize {
        length(&self.log)
    }

    /// What it has printed after `mark`.
    ///
    /// # Errors
    /// When the log can't be read.
    pub fn printed_since(&self, mark: usize) -> Result<String> {
        let bytes = fs::read(&self.log).map_err(Error::file(&self.log))?;
        Ok(String::from_utf8_lossy(bytes.get(mark..).unwrap_or_default()).into_owned())
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// When it has ended and was waited for.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(self.pid(), signal)
            .map_err(|errno| Error::file(format!("/proc/{}", self.id()))(errno.into()))
    }

    /// Its exit status, if it has ended.
    ///
    /// # Errors
    /// When the kernel won't say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        let id = self.child.id();
        self.child
            .try_wait()
            .map_err(Error::file(format!("/proc/{id}")))
    }

    /// Waits until `probe` has an answer. That the process ends meanwhile is an error, and so is the
    /// end of `timeout`; both show the end of the log.
    ///
    /// # Errors
    /// As said, and those of the probe.
    pub fn ready<T>(
        &mut self,
        timeout: Duration,
        mut probe: impl FnMut(&Self) -> Result<Option<T>>,
    ) -> Result<T> {
        let what = format!("the start of {}", self.name);
        let outcome = wait_until(&what, timeout, || {
            if let Some(status) = self.ended()? {
                return Err(Error::Failed {
                    command: self.name.clone(),
                    status,
                    output: self.tail(),
                });
            }
            probe(self)
        });
        outcome.map_err(|error| match error {
            Error::Timeout {
                what, waited_ms, ..
            } => Error::Timeout {
                what,
                waited_ms,
                detail: format!("; its log ends:\n{}", self.tail()),
            },
            other => other,
        })
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    ///
    /// # Errors
    /// When it hasn't within `timeout`; it is killed then.
    pub fn stop(mut self, timeout: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        wait_until(&format!("the end of {}", self.name), timeout, || {
            self.ended()
        })
    }

    /// Kills it (SIGKILL) and waits until it is gone.
    pub fn kill(self) {
        drop(self);
    }

    /// The last lines it printed.
    pub fn tail(&self) -> String {
        let printed = self.printed().unwrap_or_else(|error| error.to_string());
        let lines: Vec<&str> = printed.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only for a child that was waited for already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn length(file: &Path) -> usize {
    fs::metadata(file).map_or(0, |file| file.len() as usize)
}
