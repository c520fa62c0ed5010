//! The inspector's sink on a worker: counters, the observer, and frames to inject.

use inspect::{Count, Event, Port, Sink};
use policy::{RuleIndex, Side};
use xsk::{ToSend, Umem};

use crate::dataplane::stats::WorkerStats;
use crate::dataplane::{Ban, Observer};

/// Takes what the inspector says about one frame. Injected frames are kept aside, so that they leave
/// after the frame they were injected for.
pub(super) struct WorkerSink<'a, O> {
    pub(super) link: u16,
    pub(super) umem: &'a Umem,
    pub(super) stats: &'a WorkerStats,
    pub(super) observer: &'a mut O,
    pub(super) injected: &'a mut Vec<(Side, ToSend)>,
}

impl<O: Observer> Sink for WorkerSink<'_, O> {
    fn event(&mut self, event: &Event<'_>) {
        if !self.observer.event(event) {
            self.stats.events_dropped.add(1);
        }
    }

    fn inject(&mut self, port: Port, frame: &[u8]) {
        // Other links have their own workers; the inspector injects where the frame came from.
        if port.link != self.link {
            self.stats.injections_lost.add(1);
            return;
        }
        let Some(free) = self.umem.take() else {
            self.stats.injections_lost.add(1);
            return;
        };
        match self.umem.write(free, frame) {
            Ok(frame) => self.injected.push((port.side, frame)),
            Err(free) => {
                self.stats.injections_lost.add(1);
                self.umem.give(free);
            }
        }
    }

    fn ban(&mut self, ban: policy::Ban, rule: RuleIndex, generation: u64) {
        let ban = Ban {
            source: ban.source,
            duration: ban.duration,
            rule,
            generation,
        };
        if !self.observer.ban(ban) {
            self.stats.bans_dropped.add(1);
        }
    }

    fn count(&mut self, count: Count) {
        self.stats.count(count);
    }
}
