//! The thread that keeps the block list.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::thread::{self, JoinHandle};

use super::super::bans::{Keeper, Order};
use super::super::{absence, budgets};
use super::{RunError, system};
use crate::dataplane::xdp;

/// The thread that keeps the block list, and looks after what the XDP program did by itself.
pub(super) struct BanThread {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl BanThread {
    pub(super) fn spawn(
        keeper: Keeper<xdp::BlockList>,
        orders: Receiver<Order>,
        mut budgets: budgets::Watch,
        mut absences: absence::Watch,
    ) -> Result<Self, RunError> {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("weir-bans".to_owned())
            .spawn(move || {
                keeper.run(&orders, &told, || {
                    absences.look();
                    budgets.look();
                });
            })
            .map_err(system("starting a thread"))?;
        Ok(Self { stop, thread })
    }

    pub(super) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        if self.thread.join().is_err() {
            // The panic's own message is on standard error.
            tracing::error!("the keeper of the block list panicked");
        }
    }
}
