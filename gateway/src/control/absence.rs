//! Inspection that was off for a while: a worker that hangs, or isn't there, leaves its frames to the XDP
//! program, which does with them as `on_failure` says. The inspector never sees those, so that no event
//! tells of them; the log does, and `weir ctl status`.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use abi::Outcome;
use jiff::Timestamp;

use super::metrics::{ReadXdp, XdpCount};
use super::office::Missed;
use crate::dataplane::{LinkStatus, clock};

/// How often is looked, and told at most.
const INTERVAL: Duration = Duration::from_secs(1);
const PASSED: [Outcome; 2] = [Outcome::OpenNoSocket, Outcome::OpenStale];
const DROPPED: [Outcome; 2] = [Outcome::ClosedNoSocket, Outcome::ClosedStale];

/// Frames of services since the start that no worker was there for.
#[derive(Debug, Default)]
pub(super) struct Absences {
    passed: AtomicU64,
    dropped: AtomicU64,
    /// In nanoseconds since 1970; 0 for never.
    last_ns: AtomicI64,
}

impl Absences {
    /// As the operator is told.
    pub(super) fn missed(&self) -> Missed {
        let last_ns = self.last_ns.load(Ordering::Relaxed);
        let last = Timestamp::from_nanosecond(last_ns.into()).ok();
        Missed {
            passed: self.passed.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            last: last
                .filter(|_| last_ns != 0)
                .map(|time| format!("{time:.0}")),
        }
    }

    fn add(&self, frames: Frames) {
        let now_ns = i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX);
        self.passed.fetch_add(frames.passed, Ordering::Relaxed);
        self.dropped.fetch_add(frames.dropped, Ordering::Relaxed);
        self.last_ns.store(now_ns, Ordering::Relaxed);
    }
}

/// Looks after the links' absences.
pub(super) struct Watch {
    counts: ReadXdp,
    links: Vec<Link>,
    stale_after: Duration,
    absences: Arc<Absences>,
    looked: Instant,
}

impl Watch {
    /// Of these links, whose workers count as hung when they gave no sign of life for `stale_after`.
    pub(super) fn new(
        links: &[LinkStatus],
        counts: ReadXdp,
        stale_after: Duration,
        absences: Arc<Absences>,
    ) -> Self {
        let before = counts();
        Self {
            links: links.iter().map(|link| Link::new(link, &before)).collect(),
            counts,
            stale_after,
            absences,
            looked: Instant::now(),
        }
    }

    /// Tells what crossed uninspected, or was dropped, since the last look.
    pub(super) fn look(&mut self) {
        if self.looked.elapsed() < INTERVAL {
            return;
        }
        self.looked = Instant::now();
        let (counts, now) = ((self.counts)(), clock::now());
        for link in &mut self.links {
            let silence = link.silence(now, self.stale_after);
            if let Some(absence) = link.look(&counts, silence) {
                self.absences.add(absence.frames);
                tracing::warn!("{}", absence.told(&link.status));
            }
        }
    }
}

/// Frames that no worker was there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Frames {
    passed: u64,
    dropped: u64,
}

impl Frames {
    /// At the ends of a link, as counted up to now.
    fn at(link: &LinkStatus, counts: &[XdpCount]) -> Self {
        let ours = |count: &&XdpCount| {
            count.interface == link.names.inside || count.interface == link.names.outside
        };
        let sum = |outcomes: [Outcome; 2]| {
            let named = |count: &&XdpCount| outcomes.iter().any(|o| o.name() == count.outcome);
            let counts = counts.iter().filter(ours).filter(named);
            counts.map(|count| count.frames).sum()
        };
        Self {
            passed: sum(PASSED),
            dropped: sum(DROPPED),
        }
    }

    fn since(self, earlier: Self) -> Self {
        Self {
            passed: self.passed.saturating_sub(earlier.passed),
            dropped: self.dropped.saturating_sub(earlier.dropped),
        }
    }

    fn told(self) -> String {
        let told = |frames, became| match frames {
            0 => None,
            1 => Some(format!("1 service frame {became}")),
            frames => Some(format!("{frames} service frames {became}")),
        };
        let passed = told(self.passed, "crossed uninspected");
        let dropped = told(self.dropped, "dropped by on_failure");
        let told: Vec<_> = passed.into_iter().chain(dropped).collect();
        told.join(", ")
    }
}

/// A link, and what was seen at the last look.
struct Link {
    status: LinkStatus,
    frames: Frames,
    /// How long each worker had been away, in all.
    away_ns: Vec<u64>,
    /// Whether frames wait to be told of until the worker that is silent is back.
    waits: bool,
}

impl Link {
    fn new(status: &LinkStatus, counts: &[XdpCount]) -> Self {
        Self {
            frames: Frames::at(status, counts),
            away_ns: away_ns(status),
            status: status.clone(),
            waits: false,
        }
    }

    /// For how long its worker has given no sign of life, if one is hung.
    fn silence(&self, now: inspect::Instant, stale_after: Duration) -> Option<Duration> {
        let silence = |stats: &Arc<crate::dataplane::stats::WorkerStats>| {
            now.since(inspect::Instant(stats.last_beat_ns.value()))
        };
        let longest = self.status.workers.iter().map(silence).max()?;
        (longest >= stale_after && self.status.is_running()).then_some(longest)
    }

    /// What there is to be told. A worker that is silent is given until the next look to come back and
    /// say for how long it was away.
    fn look(&mut self, counts: &[XdpCount], silence: Option<Duration>) -> Option<Absence> {
        let (frames, away_ns) = (Frames::at(&self.status, counts), away_ns(&self.status));
        let missed = frames.since(self.frames);
        let waited = std::mem::take(&mut self.waits);
        if missed != Frames::default() && silence.is_some() && !waited {
            self.waits = true;
            return None;
        }
        let away = away_ns.iter().zip(&self.away_ns);
        let longest = away.map(|(now, before)| now.wrapping_sub(*before)).max();
        (self.frames, self.away_ns) = (frames, away_ns);
        let cause = match (longest, silence) {
            (Some(away @ 1..), _) => Cause::Away(Duration::from_nanos(away)),
            (_, Some(silence)) => Cause::Silent(silence),
            _ => Cause::NoWorker,
        };
        (missed != Frames::default()).then_some(Absence {
            frames: missed,
            cause,
        })
    }
}

fn away_ns(link: &LinkStatus) -> Vec<u64> {
    let away = link.workers.iter().map(|stats| stats.away_ns.value());
    away.collect()
}

/// Why frames went without a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// It is back.
    Away(Duration),
    /// It isn't.
    Silent(Duration),
    /// There was none, or not for a moment.
    NoWorker,
}

/// Frames that went without a worker, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Absence {
    frames: Frames,
    cause: Cause,
}

impl Absence {
    fn told(&self, link: &LinkStatus) -> String {
        let (names, frames) = (&link.names, self.frames.told());
        match self.cause {
            Cause::Away(away) => {
                let away = away.as_secs_f64();
                format!("a worker of {names} was away for {away:.1} s: {frames}")
            }
            Cause::Silent(silence) => {
                let silence = silence.as_secs_f64();
                format!(
                    "a worker of {names} has given no sign of life for {silence:.1} s: {frames}"
                )
            }
            Cause::NoWorker => format!("no worker was at work for a while at {names}: {frames}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataplane::LinkNames;
    use crate::dataplane::stats::WorkerStats;

    fn status(workers: usize) -> LinkStatus {
        let names = LinkNames {
            inside: "eth1".to_owned(),
            outside: "eth2".to_owned(),
        };
        let workers = (0..workers).map(|_| Arc::<WorkerStats>::default());
        LinkStatus::new(names, workers.collect())
    }

    /// Counts at both ends and at another link's.
    fn counts(outcome: Outcome, frames: u64) -> Vec<XdpCount> {
        let count = |(interface, frames): (&str, u64)| XdpCount {
            interface: interface.to_owned(),
            outcome: outcome.name(),
            reason: None,
            frames,
        };
        [("eth1", frames), ("eth2", 1), ("eth3", 1000)]
            .map(count)
            .to_vec()
    }

    #[test]
    fn a_hang_is_told_once_the_worker_is_back() {
        let status = status(2);
        let mut link = Link::new(&status, &counts(Outcome::OpenStale, 0));
        let after = counts(Outcome::OpenStale, 51);
        let second = Duration::from_millis(1200);
        assert_eq!(link.look(&after, Some(second)), None);
        for (worker, ns) in [(0, 1_200_000_000), (1, 900_000_000)] {
            status.workers[worker].away_ns.add(ns);
        }
        let absence = link.look(&after, None).expect("told");
        assert_eq!(
            absence.told(&status),
            "a worker of eth1 - eth2 was away for 1.2 s: 51 service frames crossed uninspected"
        );
        assert_eq!(link.look(&after, None), None, "told once");
    }

    #[test]
    fn who_doesnt_come_back_is_told_too_and_so_is_nobody_at_work() {
        let status = status(1);
        let mut link = Link::new(&status, &[]);
        let silence = Some(Duration::from_secs(3));
        assert_eq!(link.look(&counts(Outcome::ClosedStale, 2), silence), None);
        let absence = link.look(&counts(Outcome::ClosedStale, 7), silence);
        assert_eq!(
            absence.expect("told").told(&status),
            "a worker of eth1 - eth2 has given no sign of life for 3.0 s: 8 service frames dropped by on_failure"
        );
        let mut link = Link::new(&status, &[]);
        let absence = link.look(&counts(Outcome::OpenNoSocket, 0), None);
        assert_eq!(
            absence.expect("told").told(&status),
            "no worker was at work for a while at eth1 - eth2: 1 service frame crossed uninspected"
        );
        // Nobody is told of an absence that no frame met.
        status.workers[0].away_ns.add(1_000_000_000);
        assert_eq!(link.look(&counts(Outcome::OpenNoSocket, 0), None), None);
    }

    #[test]
    fn what_was_missed_adds_up() {
        let absences = Absences::default();
        assert_eq!(absences.missed(), Missed::default());
        for frames in [(2, 0), (3, 1)] {
            let (passed, dropped) = frames;
            absences.add(Frames { passed, dropped });
        }
        let Missed {
            passed,
            dropped,
            last,
        } = absences.missed();
        assert_eq!((passed, dropped), (5, 1));
        assert!(last.is_some_and(|last| last.starts_with("20") && last.ends_with('Z')));
    }
}
