//! Ctrl-C and its relatives: noticed between two steps, so that everything is removed in order.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};

/// Whether somebody wants the demo to end.
#[derive(Debug, Clone)]
pub(super) struct Interrupt {
    wanted: Arc<AtomicBool>,
}

impl Interrupt {
    /// Watches SIGINT, SIGTERM and SIGHUP from now on.
    ///
    /// # Errors
    /// When the runtime or the handlers can't be set up.
    pub(super) fn watch() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let wanted = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&wanted);
        let entered = runtime.enter();
        let mut signals = [
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ];
        drop(entered);
        thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                runtime.block_on(async {
                    let [interrupt, terminate, hangup] = &mut signals;
                    tokio::select! {
                        _ = interrupt.recv() => {}
                        _ = terminate.recv() => {}
                        _ = hangup.recv() => {}
                    }
                });
                flag.store(true, Ordering::Relaxed);
            })?;
        Ok(Self { wanted })
    }

    /// Whether the end is wanted.
    pub(super) fn wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    /// Waits for it, but no longer than `most`. Whether it is wanted.
    pub(super) fn wait(&self, most: Duration) -> bool {
        let since = Instant::now();
        while !self.wanted() && since.elapsed() < most {
            thread::sleep(Duration::from_millis(50));
        }
        self.wanted()
    }
}
