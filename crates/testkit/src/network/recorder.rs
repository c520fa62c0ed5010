//! A sink that keeps everything, for tests to look at.

use inspect::{Count, Event, EventKind, Port, Sink, Verdict};
use policy::{Ban, Reason, RuleIndex};

/// What an event said, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Why there was an event.
    pub kind: EventKind,
    /// The detection behind it.
    pub reason: Option<Reason>,
    /// The rule behind it.
    pub rule: Option<RuleIndex>,
    /// What became of the message.
    pub verdict: Verdict,
    /// What would have become of it.
    pub would: Option<Verdict>,
    /// The client identifier of the session.
    pub client_id: Option<String>,
    /// The flow.
    pub flow_id: u64,
}

/// Keeps events, injected frames, bans and counts until they are taken.
#[derive(Debug, Default)]
pub struct Recorder {
    /// Events, oldest first.
    pub events: Vec<Seen>,
    /// Injected frames with the port they leave by, in order.
    pub injected: Vec<(Port, Vec<u8>)>,
    /// Bans.
    pub bans: Vec<(Ban, RuleIndex)>,
    /// Counts.
    pub counts: Vec<Count>,
}

impl Recorder {
    /// The detections of all events, oldest first.
    #[must_use]
    pub fn reasons(&self) -> Vec<&'static str> {
        let reasons = self.events.iter().filter_map(|event| event.reason);
        reasons.map(|reason| reason.code()).collect()
    }

    /// How often something was counted.
    #[must_use]
    pub fn counted(&self, count: Count) -> usize {
        self.counts.iter().filter(|other| **other == count).count()
    }
}

impl Sink for Recorder {
    fn event(&mut self, event: &Event<'_>) {
        self.events.push(Seen {
            kind: event.kind,
            reason: event.reason,
            rule: event.rule,
            verdict: event.verdict,
            would: event.would,
            client_id: event.subject.session.client_id.map(str::to_owned),
            flow_id: event.flow_id,
        });
    }

    fn inject(&mut self, port: Port, frame: &[u8]) {
        self.injected.push((port, frame.to_vec()));
    }

    fn ban(&mut self, ban: Ban, rule: RuleIndex, _generation: u64) {
        self.bans.push((ban, rule));
    }

    fn count(&mut self, count: Count) {
        self.counts.push(count);
    }
}
