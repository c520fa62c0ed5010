//! Whether the gateway does its work: what `/readyz` asks.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use inspect::Instant;
use policy::Side;

use super::http::Report;
use super::metrics::Metrics;
use crate::dataplane::stats::WorkerStats;
use crate::dataplane::{Hold, LinkNames, LinkStatus, clock};

/// What the endpoints show.
pub(super) struct Health {
    metrics: Arc<Metrics>,
    links: Vec<LinkStatus>,
    stale_after: Duration,
}

impl Health {
    /// Of these links, whose workers count as hung when they gave no sign of life for `stale_after`.
    pub(super) fn new(
        metrics: Arc<Metrics>,
        links: Vec<LinkStatus>,
        stale_after: Duration,
    ) -> Self {
        Self {
            metrics,
            links,
            stale_after,
        }
    }
}

impl Report for Health {
    fn metrics(&self) -> String {
        self.metrics.render()
    }

    fn unready(&self) -> Vec<String> {
        let now = clock::now();
        let mut reasons = Vec::new();
        for link in &self.links {
            reasons.extend(losses(&link.names, &link.hold));
            if link.hold.is_unpinned() {
                reasons.push(format!(
                    "link {}: the pins have been removed and can't be made anew: the XDP program goes with the process",
                    link.names
                ));
            }
            if link.is_running() {
                reasons.extend(complaints(
                    &link.names,
                    &link.workers,
                    now,
                    self.stale_after,
                ));
            } else {
                reasons.push(format!("link {}: no worker is at work", link.names));
            }
        }
        reasons
    }
}

/// Where the XDP program is no longer.
fn losses(names: &LinkNames, hold: &Hold) -> Vec<String> {
    [
        (Side::Inside, &names.inside),
        (Side::Outside, &names.outside),
    ]
    .into_iter()
    .filter(|(side, _)| hold.is_lost(*side))
    .map(|(_, interface)| {
        format!("link {names}: the XDP program has been taken off {interface}: `bpftool net show dev {interface}`")
    })
    .collect()
}

/// What is wrong with a link whose workers run.
fn complaints(
    names: &LinkNames,
    workers: &[Arc<WorkerStats>],
    now: Instant,
    stale_after: Duration,
) -> Vec<String> {
    let mut complaints = Vec::new();
    for (side, interface) in [
        (Side::Inside, &names.inside),
        (Side::Outside, &names.outside),
    ] {
        if workers
            .iter()
            .any(|stats| !stats.port(side).up.load(Ordering::Relaxed))
        {
            complaints.push(format!("link {names}: {interface} is down"));
        }
    }
    for (number, stats) in workers.iter().enumerate() {
        let silence = now.since(Instant(stats.last_beat_ns.value()));
        if silence >= stale_after {
            let ms = silence.as_millis();
            complaints.push(format!(
                "link {names}: worker {number} gave no sign of life for {ms} ms"
            ));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    const STALE_AFTER: Duration = Duration::from_millis(100);

    fn worker(beat: Instant, up: bool) -> Arc<WorkerStats> {
        let stats = WorkerStats::default();
        stats.last_beat_ns.set(beat.0);
        for side in [Side::Inside, Side::Outside] {
            stats.port(side).up.store(up, Ordering::Relaxed);
        }
        Arc::new(stats)
    }

    fn names() -> LinkNames {
        LinkNames {
            inside: "eth1".to_owned(),
            outside: "eth2".to_owned(),
        }
    }

    #[test]
    fn a_link_that_works_gives_no_cause() {
        let now = Instant::from_secs(10);
        let workers = [worker(now - STALE_AFTER / 2, true), worker(now, true)];
        assert!(complaints(&names(), &workers, now, STALE_AFTER).is_empty());
    }

    #[test]
    fn silence_and_interfaces_that_are_down_are_named() {
        let now = Instant::from_secs(10);
        let workers = [
            worker(now, true),
            worker(now - Duration::from_secs(1), false),
        ];
        let expected = [
            "link eth1 - eth2: eth1 is down",
            "link eth1 - eth2: eth2 is down",
            "link eth1 - eth2: worker 1 gave no sign of life for 1000 ms",
        ];
        assert_eq!(complaints(&names(), &workers, now, STALE_AFTER), expected);
    }
}
