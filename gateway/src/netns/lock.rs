//! A lock that stands in the file system, and leaves nothing there.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A file that is held (flock). The kernel lets go of it whatever way its holder ends, and the holder
/// removes it while it still holds it.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    file: File,
}

impl Lock {
    /// Takes the lock at `path`; nothing while somebody living holds it.
    ///
    /// # Errors
    /// When the file can't be made, or not be locked.
    pub(super) fn take(path: &Path) -> io::Result<Option<Self>> {
        loop {
            let file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(path)?;
            match file.try_lock() {
                Ok(()) if stands_at(&file, path)? => {
                    return Ok(Some(Self {
                        path: path.to_owned(),
                        file,
                    }));
                }
                // Its last holder removed it between our opening and our locking: it locks nothing any more.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // One that stays is free, and taken by the next.
        let _ = fs::remove_file(&self.path);
        // A child that is being started holds it too until it runs its own program: closing isn't enough.
        let _ = self.file.unlock();
    }
}

/// Whether `file` is what is found at `path`.
fn stands_at(file: &File, path: &Path) -> io::Result<bool> {
    let held = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (held.dev(), held.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    const THREADS: usize = 4;
    const TURNS: usize = 100;

    #[test]
    fn one_at_a_time_holds_it_and_nothing_is_left() {
        let path = std::env::temp_dir().join(format!("weir-lock-{}", std::process::id()));
        let (holders, turns) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let hold = || {
            while turns.load(Ordering::Relaxed) < TURNS {
                let Some(lock) = Lock::take(&path).expect("room for a file") else {
                    continue;
                };
                assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0, "two hold it");
                turns.fetch_add(1, Ordering::Relaxed);
                thread::yield_now();
                holders.fetch_sub(1, Ordering::SeqCst);
                drop(lock);
            }
        };
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(hold);
            }
        });
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_a_dead_holder_left_is_taken() {
        let path = std::env::temp_dir().join(format!("weir-left-{}", std::process::id()));
        File::create(&path).expect("room for a file");
        let lock = Lock::take(&path).expect("can be locked").expect("is free");
        assert!(Lock::take(&path).expect("can be tried").is_none());
        drop(lock);
        assert!(!path.exists());
    }
}
