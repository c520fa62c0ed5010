//! What a run has made, written down so that its successor can remove it after a crash.
//!
//! Every topology has a label. `/run/weir-netns/LABEL.lock` is held (flock) by the run that owns the
//! label, and goes with it. `/run/weir-netns/LABEL/` holds its files: the list of processes it started, logs,
//! configurations, a private BPF file system. A directory whose lock is free belongs to nobody any more, and
//! is removed with everything it lists.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use rustix::process::{Pid, Signal, kill_process};

use super::lock::Lock;
use super::{Error, Result, namespace, topology, wait_until};

/// Where all runs on this machine keep their state.
pub const ROOT: &str = "/run/weir-netns";
const PROCESSES: &str = "processes";
const BPF: &str = "bpf";
const LOCK: &str = "lock";

/// The state of one run; dropping it removes its files and frees the label.
#[derive(Debug)]
pub struct State {
    label: String,
    dir: PathBuf,
    // Held, never read: dropping it frees the label.
    _lock: Lock,
}

impl State {
    /// Removes what dead runs have left, then claims `label`, or `label-2`, `label-3` and so on while
    /// a living run holds the name.
    ///
    /// # Errors
    /// Without the right to write below [`ROOT`].
    pub fn claim(label: &str) -> Result<Self> {
        sweep()?;
        let mut number = 1;
        loop {
            let candidate = match number {
                1 => label.to_owned(),
                _ => format!("{label}-{number}"),
            };
            if let Some(lock) = try_lock(&candidate)? {
                let dir = PathBuf::from(ROOT).join(&candidate);
                remove_leftovers(&candidate, &dir)?;
                fs::create_dir(&dir).map_err(Error::file(&dir))?;
                return Ok(Self {
                    label: candidate,
                    dir,
                    _lock: lock,
                });
            }
            number += 1;
        }
    }

    /// The label this run has got.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The directory for this run's files.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Mounts a BPF file system of this run's own and returns where.
    ///
    /// # Errors
    /// When the kernel refuses to mount it.
    pub fn mount_bpf(&self) -> Result<PathBuf> {
        let path = self.dir.join(BPF);
        if !path.exists() {
            fs::create_dir(&path).map_err(Error::file(&path))?;
            mount("bpf", &path, "bpf", MountFlags::empty(), None)
                .map_err(|errno| Error::file(&path)(errno.into()))?;
        }
        Ok(path)
    }

    /// Empties logs of this run, and lists of events, that have grown beyond `bytes`. Who writes them
    /// appends, and goes on at their new beginning.
    ///
    /// # Errors
    /// When the directory can't be read, or a file not be cut.
    pub fn bound_logs(&self, bytes: u64) -> Result<()> {
        for entry in fs::read_dir(&self.dir).map_err(Error::file(&self.dir))? {
            let entry = entry.map_err(Error::file(&self.dir))?;
            let path = entry.path();
            let is_log = path
                .extension()
                .is_some_and(|extension| extension == "log" || extension == "json");
            let is_long = || entry.metadata().is_ok_and(|about| about.len() > bytes);
            if is_log && is_long() {
                let file = OpenOptions::new().write(true).open(&path);
                file.and_then(|file| file.set_len(0))
                    .map_err(Error::file(&path))?;
            }
        }
        Ok(())
    }

    /// Writes down a child, so that a later run can end it if this one can't.
    pub(super) fn record_process(&self, pid: u32) -> Result<()> {
        let Some(start) = start_time(pid) else {
            return Ok(()); // It has ended already.
        };
        let path = self.dir.join(PROCESSES);
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut file| writeln!(file, "{pid} {start}"))
            .map_err(Error::file(path))
    }
}

impl Drop for State {
    fn drop(&mut self) {
        unmount_bpf(&self.dir);
        if std::thread::panicking() {
            eprintln!("left for a look: {}", self.dir.display());
        } else {
            // What can't be removed now is removed by the next run.
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// Removes everything that dead runs have left on this machine, and returns their labels.
///
/// # Errors
/// Without the right to do so.
pub fn sweep() -> Result<Vec<String>> {
    fs::create_dir_all(ROOT).map_err(Error::file(ROOT))?;
    let mut swept = Vec::new();
    for entry in fs::read_dir(ROOT).map_err(Error::file(ROOT))? {
        let path = entry.map_err(Error::file(ROOT))?.path();
        // The name of the directory, or of the lock that is all that's left.
        let Some(label) = path.file_stem().and_then(|name| name.to_str()) else {
            continue;
        };
        if let Some(_lock) = try_lock(label)? {
            let dir = path.with_extension("");
            if dir.exists() {
                remove_leftovers(label, &dir)?;
                swept.push(label.to_owned());
            }
        }
    }
    Ok(swept)
}

/// Takes the lock of `label`, unless a living run holds it.
fn try_lock(label: &str) -> Result<Option<Lock>> {
    let path = PathBuf::from(ROOT).join(label).with_extension(LOCK);
    Lock::take(&path).map_err(Error::file(&path))
}

/// Ends the processes, namespaces and mounts of a dead run. The caller holds the label's lock.
fn remove_leftovers(label: &str, dir: &Path) -> Result<()> {
    if let Ok(processes) = fs::read_to_string(dir.join(PROCESSES)) {
        for line in processes.lines() {
            end_recorded(line)?;
        }
    }
    for name in topology::namespace_names(label) {
        if Path::new("/run/netns").join(&name).exists() {
            namespace::remove(&name);
        }
    }
    if dir.exists() {
        unmount_bpf(dir);
        fs::remove_dir_all(dir).map_err(Error::file(dir))?;
    }
    Ok(())
}

/// Kills the process of one line of the list, if it still is that process: the start time tells.
fn end_recorded(line: &str) -> Result<()> {
    let mut fields = line.split(' ').map(str::parse::<u64>);
    let (Some(Ok(pid)), Some(Ok(start))) = (fields.next(), fields.next()) else {
        return Ok(()); // The crash cut the line short, before the process did anything.
    };
    let Ok(pid) = u32::try_from(pid) else {
        return Ok(());
    };
    let lives = || start_time(pid) == Some(start);
    let Some(target) = Pid::from_raw(pid.cast_signed()).filter(|_| lives()) else {
        return Ok(());
    };
    match kill_process(target, Signal::KILL) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(errno) => {
            return Err(Error::file(format!("/proc/{pid}"))(errno.into()));
        }
    }
    wait_until(
        &format!("the end of process {pid} of an earlier run"),
        Duration::from_secs(5),
        || Ok((!lives()).then_some(())),
    )
}

/// When the process started, in clock ticks since boot (proc(5), /proc/pid/stat, field 22); None if
/// there is no such process, or nothing but its exit status is left of it.
fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the command's name in parentheses, which may hold anything.
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
    let state = fields.next()?;
    let start = fields.nth(18)?.parse().ok()?;
    (state != "Z" && state != "X").then_some(start)
}

/// Unmounts the run's BPF file system, if it has one. Detached, so that a process that still looks
/// at it doesn't matter.
fn unmount_bpf(dir: &Path) {
    let _ = unmount(dir.join(BPF), UnmountFlags::DETACH);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_time_tells_a_living_process_from_none() {
        let own = start_time(std::process::id()).expect("this process lives");
        assert_eq!(start_time(std::process::id()), Some(own));
        assert_eq!(start_time(u32::MAX), None);
    }

    #[test]
    fn logs_that_have_grown_too_long_are_emptied() {
        let dir = std::env::temp_dir().join(format!("weir-logs-{}", std::process::id()));
        fs::create_dir(&dir).expect("a scratch directory");
        let state = State {
            label: String::new(),
            _lock: Lock::take(&dir.join("it.lock"))
                .expect("room for a file")
                .expect("free"),
            dir,
        };
        let file = |name: &str| state.dir.join(name);
        let mut appended = OpenOptions::new()
            .create(true)
            .append(true)
            .open(file("weir.log"))
            .expect("a file");
        appended.write_all(&[b'x'; 100]).expect("written");
        fs::write(file("short.log"), "x").expect("written");
        fs::write(file("rules.toml"), [b'x'; 100]).expect("written");
        state.bound_logs(50).expect("emptied");
        appended.write_all(b"on").expect("written");
        let kept = |name| fs::read(file(name)).expect("there").len();
        assert_eq!(
            [kept("weir.log"), kept("short.log"), kept("rules.toml")],
            [2, 1, 100]
        );
    }

    #[test]
    fn a_line_cut_short_ends_nothing() {
        for line in ["", "12", "12 ", "x y", "99999999999 1"] {
            end_recorded(line).expect("ignored");
        }
    }

    #[test]
    fn a_reused_process_id_is_left_alone() {
        // This very process under another start time: it would be killed if the time didn't count.
        end_recorded(&format!("{} 1", std::process::id())).expect("ignored");
    }
}
