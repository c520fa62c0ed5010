//! The gateway at work: scrapes, signals and visitors until it is told to stop, and the stop.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use policy::OnFailure;
use tokio::sync::{mpsc, oneshot};

use super::super::bans::Placed;
use super::super::health::Health;
use super::super::http::{self, Report};
use super::super::notify::{self, State};
use super::super::office::{self, Answer, Question, Reloaded, Visit};
use super::super::signals::{Request, Signals};
use super::{Doors, Gateway, RunError, set_wall_clock, visits};
use crate::build_info;
use crate::dataplane::{Leave, xdp};

/// How long a stop waits for the events that are still queued.
const EVENTS_PATIENCE: Duration = Duration::from_secs(2);
/// How often the configuration and its packs are looked at, and the clock on the wall.
const LOOK_AT_FILES: Duration = Duration::from_secs(1);

impl Gateway {
    /// Answers scrapes, signals and visitors until it is told to stop.
    pub(super) async fn serve(mut self, doors: Doors) -> Result<(), RunError> {
        let Doors {
            listener,
            office,
            mut signals,
        } = doors;
        let links = self.dataplane.links().to_vec();
        let metrics = Arc::clone(&self.metrics);
        let health = Arc::new(Health::new(metrics, links, self.stale_after));
        if let Some(listener) = listener {
            tokio::spawn(http::serve(listener, Arc::<Health>::clone(&health)));
        }
        let (visitor, mut visits) = mpsc::channel(1);
        let receiving = office.map(|office| tokio::spawn(office.receive(visitor.clone())));
        let mut looks = tokio::time::interval(LOOK_AT_FILES);
        tell(State::Ready);
        tracing::info!(
            version = build_info::VERSION,
            links = self.dataplane.links().len(),
            mode = self.metrics.mode().name(),
            "started"
        );
        loop {
            tokio::select! {
                request = signals.next() => match request {
                    Request::Stop => break,
                    Request::Reopen => self.events.open_anew(),
                    Request::Reload => {
                        self.events.open_anew();
                        self.reload_unasked();
                    }
                },
                Some(visit) = visits.recv() => self.receive(visit, &health),
                _ = looks.tick() => {
                    let links = self.dataplane.links();
                    if links.iter().any(|link| link.hold.is_beyond_help()) {
                        break;
                    }
                    set_wall_clock(&self.inspector);
                    if self.reloader.is_due() {
                        self.reload_unasked();
                    }
                }
            }
        }
        if let Some(receiving) = receiving {
            receiving.abort();
        }
        self.stop(signals).await
    }

    /// Has new rules put in force, because the files or a signal say so: the log says what came of it.
    fn reload_unasked(&mut self) {
        drop(self.reload(None));
    }

    /// Has new rules put in force; the log says what came of it, and so does the outcome, but for the block
    /// lists: `asker` is told of those when they are.
    fn reload(&mut self, asker: Option<oneshot::Sender<Placed>>) -> Result<Reloaded, String> {
        self.reloader.reload(asker, |config, policy| {
            let settings = xdp::Settings::of(config, policy);
            let burst_ns = settings.port.budget.burst_ns;
            self.burst_ns.store(burst_ns, Ordering::Relaxed);
            self.dataplane.configure(&settings)
        })
    }

    /// Answers a visitor, or has the keeper of the block list do so.
    fn receive(&mut self, Visit { question, answer }: Visit, health: &Health) {
        match question {
            Question::Status => {
                let status = self.status(health.unready());
                // Who has gone meanwhile needs no answer; so below.
                drop(answer.send(Answer::Status(Box::new(status))));
            }
            Question::Reload => {
                let (asker, placed) = oneshot::channel();
                match self.reload(Some(asker)) {
                    Ok(reloaded) => drop(tokio::spawn(async move {
                        let reloaded = visits::with_lists(reloaded, placed).await;
                        drop(answer.send(Answer::Reloaded(reloaded)));
                    })),
                    Err(problem) => drop(answer.send(Answer::Refused(problem))),
                }
            }
            Question::Bans | Question::Ban { .. } | Question::Unban { .. } => {
                let (keeper, mode) = (self.keeper.clone(), self.metrics.mode());
                tokio::spawn(async move {
                    drop(answer.send(visits::about_bans(&keeper, mode, question).await));
                });
            }
        }
    }

    fn status(&self, complaints: Vec<String>) -> office::Status {
        let gauges = self.inspector.gauges();
        let modes = self.dataplane.modes();
        let count = |gauge: &AtomicI64| gauge.load(Ordering::Relaxed).unsigned_abs();
        office::Status {
            version: build_info::VERSION.to_owned(),
            up_seconds: self.started.elapsed().as_secs(),
            mode: self.metrics.mode().name().to_owned(),
            rules: self.reloader.in_force(),
            failed_reload: self.counts.reload.failure(),
            failed_lists: self.counts.lists.failure(),
            links: self
                .dataplane
                .links()
                .iter()
                .map(|link| visits::link(link, &modes))
                .collect(),
            missed: self.absences.missed(),
            complaints,
            flows: gauges.flows,
            sessions: gauges.sessions,
            endpoints: gauges.endpoints,
            bans: count(&self.counts.bans),
            listed: count(&self.counts.listed),
            unlisted: count(&self.counts.unlisted),
        }
    }

    /// Ends everything in order; a second request to stop ends the process at once.
    async fn stop(self, mut signals: Signals) -> Result<(), RunError> {
        tell(State::Stopping);
        let stopping = tokio::task::spawn_blocking(move || self.end());
        tokio::select! {
            ended = stopping => ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())),
            () = second_stop(&mut signals) => {
                tracing::warn!("stopped at once, as asked a second time");
                process::exit(1)
            }
        }
    }

    fn end(self) -> Result<(), RunError> {
        let bare = self.dataplane.bare();
        let pinned = self.dataplane.keep_pins();
        // Frames first: from here on the kernel path has them.
        self.dataplane.stop(Leave::Attached)?;
        self.bans.stop();
        self.events.finish(EVENTS_PATIENCE);
        // Then it goes now, and the service manager should know.
        pinned?;
        let does = match self.on_failure {
            OnFailure::Open => "forwards all frames uninspected (on_failure = \"open\")",
            OnFailure::Closed => "drops the services' frames (on_failure = \"closed\")",
        };
        if !bare.is_empty() {
            let bare = bare.join(", ");
            tracing::warn!(
                "the XDP program is not on {bare}: nothing of Weir's joins it to its peer"
            );
        }
        tracing::info!(
            "stopped; the XDP program stays as long as its pins do, and {does}: `weir detach` removes it"
        );
        Ok(())
    }
}

async fn second_stop(signals: &mut Signals) {
    while signals.next().await != Request::Stop {}
}

/// Tells the service manager; without one that listens there is nothing lost.
fn tell(state: State) {
    if let Err(error) = notify::notify(state) {
        tracing::warn!(%error, "the service manager can't be told");
    }
}
