//! The places of those who are received at the same time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

/// Connections served at the same time; a further one waits.
pub(super) const MAX_CONNECTIONS: usize = 8;
/// Where somebody waits, who has been silent for so long makes room.
const GRACE: Duration = Duration::from_millis(100);

/// Whoever is received.
#[derive(Debug)]
pub(super) struct Visitors {
    places: Arc<Semaphore>,
    /// The oldest first.
    seated: Vec<Visitor>,
}

#[derive(Debug)]
struct Visitor {
    turn: Turn,
    task: AbortHandle,
}

/// Since when the visitor is the one to say or to hear something; none while the gateway is.
#[derive(Debug, Clone)]
pub(super) struct Turn(Arc<Mutex<Option<Instant>>>);

impl Default for Visitors {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
            seated: Vec::with_capacity(MAX_CONNECTIONS),
        }
    }
}

impl Visitors {
    /// Receives one, as soon as there is room.
    pub(super) async fn admit<F>(&mut self, receive: impl FnOnce(Turn) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let place = self.place().await;
        self.seated.retain(|visitor| !visitor.task.is_finished());
        let turn = Turn(Arc::new(Mutex::new(Some(Instant::now()))));
        let received = receive(turn.clone());
        let task = tokio::spawn(async move {
            received.await;
            drop(place);
        });
        let task = task.abort_handle();
        self.seated.push(Visitor { turn, task });
    }

    /// Waits for a place. Who is waited for in vain gives way; who waits for the gateway doesn't.
    async fn place(&self) -> OwnedSemaphorePermit {
        let place = Arc::clone(&self.places).acquire_owned();
        tokio::pin!(place);
        while let Some((visitor, since)) = self.longest_silent() {
            tokio::select! {
                biased;
                place = &mut place => return place.expect("never closed"),
                () = sleep_until(since + GRACE) => {}
            }
            if visitor.turn.since() == Some(since) {
                tracing::debug!("control: a silent connection made room for another");
                visitor.task.abort();
                break;
            }
        }
        place.await.expect("never closed")
    }

    fn longest_silent(&self) -> Option<(&Visitor, Instant)> {
        let seated = self.seated.iter();
        let silent = seated.filter(|visitor| !visitor.task.is_finished());
        let silent = silent.filter_map(|visitor| Some((visitor, visitor.turn.since()?)));
        silent.min_by_key(|(_, since)| *since)
    }
}

impl Turn {
    /// The visitor has said all, and waits.
    pub(super) fn is_ours(&self) {
        *self.lock() = None;
    }

    /// The visitor is told something.
    pub(super) fn is_peers(&self) {
        *self.lock() = Some(Instant::now());
    }

    fn since(&self) -> Option<Instant> {
        *self.lock()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
