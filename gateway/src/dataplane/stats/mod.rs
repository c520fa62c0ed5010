//! What a worker counts: written by it alone, read by whoever exports metrics.
//!
//! Every counter is an atomic that one thread writes, with plain loads and stores: counting costs
//! what an ordinary increment does. A reader may see one counter a few frames ahead of another.

mod histogram;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use inspect::{Count, FlowEnd, Injected, LimitKind, MessageKind, Outcome, Verdict};
use policy::{Reason, RuleIndex, Service, Side};
use wire::Direction;

pub use histogram::{Histogram, Snapshot};

/// Rules counted one by one; a policy with more has the rest counted together.
pub const MAX_COUNTED_RULES: usize = 1024;

/// Kinds of messages counted: 16 values of an MQTT type field, 8 classes of CoAP codes, hellos, what
/// doesn't parse, and empty CoAP messages.
pub const MESSAGE_KINDS: usize = 16 + 8 + 3;

/// Upper bounds of the inspection time buckets, in nanoseconds per frame.
pub const INSPECTION_BOUNDS_NS: [u64; 12] = [
    100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200, 204_800, 1_638_400,
];

/// Upper bounds of the amplification ratio buckets, in thousandths.
pub const RATIO_BOUNDS_PERMILLE: [u64; 10] = [
    500, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000, 20_000, 50_000, 100_000,
];

/// A number that only grows, or is set, by one thread.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`. Only the worker that owns the statistics may.
    pub(crate) fn add(&self, n: u64) {
        self.set(self.value().wrapping_add(n));
    }

    /// Replaces the value. Only the worker that owns the statistics may.
    pub(crate) fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }

    /// The value now.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counters of one end of the link.
#[derive(Debug, Default)]
pub struct PortStats {
    /// Frames taken from the RX ring.
    pub rx_frames: Counter,
    /// Their bytes.
    pub rx_bytes: Counter,
    /// Frames put into the TX ring.
    pub tx_frames: Counter,
    /// Their bytes.
    pub tx_bytes: Counter,
    /// Frames not sent because the TX ring was full.
    pub tx_ring_full: Counter,
    /// Frames not sent because the interface was down.
    pub tx_link_down: Counter,
    /// Frames thrown away, received or submitted, because the worker had been away for too long.
    pub stale_frames: Counter,
    /// Frames the kernel dropped: larger than a chunk, for one.
    pub kernel_rx_dropped: Counter,
    /// Frames the kernel dropped because the RX ring was full.
    pub kernel_rx_ring_full: Counter,
    /// Frames the kernel dropped because the fill ring was empty.
    pub kernel_fill_ring_empty: Counter,
    /// Descriptors the kernel found invalid; frames taken back out of the TX ring are among them.
    pub kernel_invalid_descriptors: Counter,
    /// Whether the driver works without copying.
    pub zero_copy: AtomicBool,
    /// Whether the interface is there and up, as far as the supervisor knows.
    pub up: AtomicBool,
}

/// Everything one worker counts.
#[derive(Debug)]
pub struct WorkerStats {
    inside: PortStats,
    outside: PortStats,
    verdicts: [Counter; Verdict::ALL.len()],
    would: [Counter; Verdict::ALL.len()],
    messages: Box<[[[Counter; Verdict::ALL.len()]; 2]; MESSAGE_KINDS]>,
    reasons: Box<[Counter]>,
    rules: Box<[[Counter; 2]]>,
    flows_opened: [Counter; Service::ALL.len()],
    flows_closed: [[Counter; 4]; Service::ALL.len()],
    sessions: [Counter; 2],
    limits: [Counter; LimitKind::ALL.len()],
    injected: [Counter; Injected::ALL.len()],
    /// Time spent inspecting, per frame: that of a batch divided by its frames.
    pub inspection: Histogram<{ INSPECTION_BOUNDS_NS.len() }>,
    /// Bytes towards a CoAP client per byte from it.
    pub amplification: Histogram<{ RATIO_BOUNDS_PERMILLE.len() }>,
    /// Frames to inject that were dropped: no free chunk, too large for one, or for a port that
    /// isn't this worker's.
    pub injections_lost: Counter,
    /// Events dropped because the channel was full.
    pub events_dropped: Counter,
    /// Bans dropped because the channel was full.
    pub bans_dropped: Counter,
    /// How often the worker was away for longer than its heartbeat allows.
    pub stalls: Counter,
    /// For how long in all, in nanoseconds.
    pub away_ns: Counter,
    /// How often it went to sleep.
    pub sleeps: Counter,
    /// How often its sockets were opened.
    pub openings: Counter,
    /// When it last said that it lives, on [`clock`](crate::dataplane::clock); 0 before it starts.
    pub last_beat_ns: Counter,
    /// Frames of the UMEM in the pool, when last looked.
    pub frames_free: Counter,
    /// Frames of the UMEM.
    pub frames_capacity: Counter,
    /// Frames lost in the worker's hands; not zero means a bug.
    pub frames_leaked: Counter,
}

impl Default for WorkerStats {
    fn default() -> Self {
        Self {
            inside: PortStats::default(),
            outside: PortStats::default(),
            verdicts: Default::default(),
            would: Default::default(),
            messages: Box::default(),
            reasons: (0..Reason::COUNT).map(|_| Counter::default()).collect(),
            // One more, for all the rules beyond.
            rules: (0..=MAX_COUNTED_RULES)
                .map(|_| Default::default())
                .collect(),
            flows_opened: Default::default(),
            flows_closed: Default::default(),
            sessions: Default::default(),
            limits: Default::default(),
            injected: Default::default(),
            inspection: Histogram::new(&INSPECTION_BOUNDS_NS),
            amplification: Histogram::new(&RATIO_BOUNDS_PERMILLE),
            injections_lost: Counter::default(),
            events_dropped: Counter::default(),
            bans_dropped: Counter::default(),
            stalls: Counter::default(),
            away_ns: Counter::default(),
            sleeps: Counter::default(),
            openings: Counter::default(),
            last_beat_ns: Counter::default(),
            frames_free: Counter::default(),
            frames_capacity: Counter::default(),
            frames_leaked: Counter::default(),
        }
    }
}

impl WorkerStats {
    /// The counters of one end.
    #[must_use]
    pub fn port(&self, side: Side) -> &PortStats {
        match side {
            Side::Inside => &self.inside,
            Side::Outside => &self.outside,
        }
    }

    /// Frames by what became of them.
    #[must_use]
    pub fn verdicts(&self, verdict: Verdict) -> u64 {
        self.verdicts[verdict as usize].value()
    }

    /// Frames by what would have become of them, had the rule not been a dry run or the gateway a
    /// monitor.
    #[must_use]
    pub fn would(&self, verdict: Verdict) -> u64 {
        self.would[verdict as usize].value()
    }

    /// Messages of one kind, direction and fate.
    #[must_use]
    pub fn messages(&self, kind: MessageKind, direction: Direction, verdict: Verdict) -> u64 {
        self.messages[kind_index(kind)][direction_index(direction)][verdict as usize].value()
    }

    /// How often a built-in detection was raised.
    #[must_use]
    pub fn reasons(&self, reason: Reason) -> u64 {
        self.reasons[reason.index()].value()
    }

    /// How often a rule matched, and its action was carried out (or not, `enforced` being false).
    /// Indices from [`MAX_COUNTED_RULES`] on share one counter. The numbering is that of the policy
    /// in force.
    #[must_use]
    pub fn rules(&self, rule: RuleIndex, enforced: bool) -> u64 {
        self.rules[rule.as_usize().min(MAX_COUNTED_RULES)][usize::from(enforced)].value()
    }

    /// Flows first seen.
    #[must_use]
    pub fn flows_opened(&self, service: Service) -> u64 {
        self.flows_opened[service_index(service)].value()
    }

    /// Flows that ended.
    #[must_use]
    pub fn flows_closed(&self, service: Service, end: FlowEnd) -> u64 {
        self.flows_closed[service_index(service)][end_index(end)].value()
    }

    /// MQTT sessions accepted (`opened`), or ended.
    #[must_use]
    pub fn sessions(&self, opened: bool) -> u64 {
        self.sessions[usize::from(opened)].value()
    }

    /// How often a bound was hit.
    #[must_use]
    pub fn limits(&self, kind: LimitKind) -> u64 {
        self.limits[kind.index()].value()
    }

    /// Frames of the inspector's own.
    #[must_use]
    pub fn injected(&self, purpose: Injected) -> u64 {
        self.injected[purpose.index()].value()
    }

    /// Counts a frame's fate.
    pub(crate) fn outcome(&self, outcome: &Outcome) {
        self.verdicts[outcome.verdict as usize].add(1);
        if let Some(would) = outcome.would {
            self.would[would as usize].add(1);
        }
    }

    /// Counts what the inspector asked to.
    pub(crate) fn count(&self, count: Count) {
        match count {
            Count::Message {
                kind,
                direction,
                verdict,
            } => {
                self.messages[kind_index(kind)][direction_index(direction)][verdict as usize].add(1)
            }
            Count::Rule { rule, enforced } => {
                self.rules[rule.as_usize().min(MAX_COUNTED_RULES)][usize::from(enforced)].add(1);
            }
            Count::Reason(reason) => self.reasons[reason.index()].add(1),
            Count::FlowOpened(service) => self.flows_opened[service_index(service)].add(1),
            Count::FlowClosed(service, end) => {
                self.flows_closed[service_index(service)][end_index(end)].add(1);
            }
            Count::Session { opened } => self.sessions[usize::from(opened)].add(1),
            Count::Limit(kind) => self.limits[kind.index()].add(1),
            Count::Injected(purpose) => self.injected[purpose.index()].add(1),
            Count::AmplificationRatio { permille } => {
                self.amplification.record(u64::from(permille), 1);
            }
        }
    }
}

fn kind_index(kind: MessageKind) -> usize {
    match kind {
        MessageKind::Mqtt(packet_type) => packet_type as usize & 15,
        MessageKind::Coap { class } => 16 + usize::from(class & 7),
        MessageKind::Tls => 24,
        MessageKind::Malformed => 25,
        MessageKind::CoapEmpty => 26,
    }
}

fn direction_index(direction: Direction) -> usize {
    match direction {
        Direction::ToServer => 0,
        Direction::ToClient => 1,
    }
}

fn service_index(service: Service) -> usize {
    match service {
        Service::Mqtt => 0,
        Service::Mqtts => 1,
        Service::Coap => 2,
        Service::Coaps => 3,
        Service::CoapTcp => 4,
    }
}

fn end_index(end: FlowEnd) -> usize {
    match end {
        FlowEnd::Finished => 0,
        FlowEnd::Denied => 1,
        FlowEnd::Idle => 2,
        FlowEnd::Evicted => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_lands_in_its_own_counter() {
        let stats = WorkerStats::default();
        stats.count(Count::Message {
            kind: MessageKind::Coap { class: 2 },
            direction: Direction::ToClient,
            verdict: Verdict::Drop,
        });
        stats.count(Count::Session { opened: true });
        stats.count(Count::FlowClosed(Service::Coaps, FlowEnd::Evicted));
        stats.count(Count::Limit(LimitKind::Partial));
        stats.count(Count::Injected(Injected::Echo));
        stats.count(Count::AmplificationRatio { permille: 2_999 });

        let coap = |class, direction, verdict| {
            stats.messages(MessageKind::Coap { class }, direction, verdict)
        };
        assert_eq!(coap(2, Direction::ToClient, Verdict::Drop), 1);
        assert_eq!(coap(2, Direction::ToServer, Verdict::Drop), 0);
        assert_eq!(coap(2, Direction::ToClient, Verdict::Accept), 0);
        assert_eq!(coap(4, Direction::ToClient, Verdict::Drop), 0);
        assert_eq!((stats.sessions(true), stats.sessions(false)), (1, 0));
        assert_eq!(stats.flows_closed(Service::Coaps, FlowEnd::Evicted), 1);
        assert_eq!(stats.limits(LimitKind::Partial), 1);
        assert_eq!(stats.injected(Injected::Echo), 1);
        assert_eq!(stats.amplification.snapshot().count, 1);
    }

    #[test]
    fn rules_beyond_the_bound_share_a_counter() {
        let stats = WorkerStats::default();
        for rule in [MAX_COUNTED_RULES as u32, u32::MAX] {
            stats.count(Count::Rule {
                rule: RuleIndex(rule),
                enforced: true,
            });
        }
        assert_eq!(stats.rules(RuleIndex(u32::MAX), true), 2);
        assert_eq!(stats.rules(RuleIndex(u32::MAX), false), 0);
    }
}
