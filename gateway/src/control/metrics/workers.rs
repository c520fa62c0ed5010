//! The workers' statistics as metric families: sums over all workers, ports by interface.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use inspect::{FlowEnd, Injected, LimitKind, MessageKind, Verdict};
use policy::{Reason, Service, Side};
use prometheus::proto::MetricFamily;
use wire::Direction;
use wire::mqtt::PacketType;

use super::catalogue as c;
use super::family::Sample;
use crate::dataplane::Hold;
use crate::dataplane::stats::{PortStats, Snapshot, WorkerStats};

/// Nanoseconds in a second.
const NS: f64 = 1e9;
/// Thousandths in a whole.
const PERMILLE: f64 = 1e3;

/// The workers of one link.
#[derive(Debug, Clone)]
pub struct LinkWorkers {
    /// The inside interface.
    pub inside: String,
    /// The outside interface.
    pub outside: String,
    /// One for each queue.
    pub workers: Vec<Arc<WorkerStats>>,
    /// Whether the XDP program is on the interfaces.
    pub hold: Arc<Hold>,
}

/// A number summed over all workers.
pub(super) fn sum(links: &[LinkWorkers], of: impl Fn(&WorkerStats) -> u64) -> u64 {
    links
        .iter()
        .flat_map(|link| &link.workers)
        .map(|stats| of(stats))
        .sum()
}

/// Everything that comes from workers but the matches of rules.
pub(super) fn families(links: &[LinkWorkers]) -> Vec<MetricFamily> {
    let mut families = judged(links);
    families.extend(flows(links));
    families.extend(ports(links));
    families.extend(housekeeping(links));
    families
}

fn judged(links: &[LinkWorkers]) -> Vec<MetricFamily> {
    let verdicts = |of: fn(&WorkerStats, Verdict) -> u64| {
        Verdict::ALL
            .iter()
            .map(move |&verdict| Sample::count([verdict.name()], sum(links, |s| of(s, verdict))))
    };
    let reasons = Reason::ALL
        .iter()
        .map(|&reason| Sample::count([reason.code()], sum(links, |s| s.reasons(reason))));
    let injected = Injected::ALL
        .iter()
        .map(|&what| Sample::count([what.name()], sum(links, |s| s.injected(what))));
    let inspection = merged(links, |stats| stats.inspection.snapshot());
    let amplification = merged(links, |stats| stats.amplification.snapshot());
    vec![
        c::FRAMES.family(verdicts(WorkerStats::verdicts)),
        c::WOULD_FRAMES.family(verdicts(WorkerStats::would)),
        c::MESSAGES.family(messages(links)),
        c::REASONS.family(reasons),
        c::INSPECTION.family(inspection.map(|snapshot| Sample::histogram(snapshot, NS))),
        c::AMPLIFICATION
            .family(amplification.map(|snapshot| Sample::histogram(snapshot, PERMILLE))),
        c::INJECTED.family(injected),
        c::INJECTIONS_LOST.single(sum(links, |stats| stats.injections_lost.value())),
    ]
}

/// Messages by all their labels, those that occurred.
fn messages(links: &[LinkWorkers]) -> Vec<Sample> {
    let mut samples = Vec::new();
    for kind in kinds() {
        for direction in [Direction::ToServer, Direction::ToClient] {
            for &verdict in Verdict::ALL {
                let count = sum(links, |stats| stats.messages(kind, direction, verdict));
                if count > 0 {
                    let (protocol, name) = kind_names(kind);
                    let labels = [protocol, name, direction_name(direction), verdict.name()];
                    samples.push(Sample::count(labels, count));
                }
            }
        }
    }
    samples
}

fn flows(links: &[LinkWorkers]) -> Vec<MetricFamily> {
    let opened = Service::ALL
        .iter()
        .map(|&service| Sample::count([service.name()], sum(links, |s| s.flows_opened(service))));
    let closed = Service::ALL.iter().flat_map(|&service| {
        FLOW_ENDS.map(|end| {
            let labels = [service.name(), end_name(end)];
            Sample::count(labels, sum(links, |stats| stats.flows_closed(service, end)))
        })
    });
    let limits = LimitKind::ALL
        .iter()
        .map(|&limit| Sample::count([limit.name()], sum(links, |stats| stats.limits(limit))));
    vec![
        c::FLOWS_OPENED.family(opened),
        c::FLOWS_CLOSED.family(closed),
        c::SESSIONS_OPENED.single(sum(links, |stats| stats.sessions(true))),
        c::LIMIT_HITS.family(limits),
    ]
}

fn ports(links: &[LinkWorkers]) -> Vec<MetricFamily> {
    let ports: Vec<Port<'_>> = links.iter().flat_map(Port::of_link).collect();
    let pair = |rx: fn(&PortStats) -> u64, tx: fn(&PortStats) -> u64| {
        ports.iter().flat_map(move |port| {
            [
                Sample::count([port.interface, "rx"], port.sum(rx)),
                Sample::count([port.interface, "tx"], port.sum(tx)),
            ]
        })
    };
    let lost = ports.iter().flat_map(|port| {
        LOSSES.map(|(cause, of)| Sample::count([port.interface, cause], port.sum(of)))
    });
    vec![
        c::PORT_FRAMES.family(pair(|p| p.rx_frames.value(), |p| p.tx_frames.value())),
        c::PORT_BYTES.family(pair(|p| p.rx_bytes.value(), |p| p.tx_bytes.value())),
        c::PORT_LOST.family(lost),
        c::PORT_UP.family(ports.iter().map(|port| {
            Sample::count([port.interface], port.all(|p| p.up.load(Ordering::Relaxed)))
        })),
        c::PORT_ZERO_COPY.family(ports.iter().map(|port| {
            Sample::count(
                [port.interface],
                port.all(|p| p.zero_copy.load(Ordering::Relaxed)),
            )
        })),
        c::XDP_ATTACHED.family(
            ports.iter().map(|port| {
                Sample::count([port.interface], u64::from(!port.hold.is_lost(port.side)))
            }),
        ),
        c::XDP_REATTACHED.family(
            ports
                .iter()
                .map(|port| Sample::count([port.interface], port.hold.put_back(port.side))),
        ),
    ]
}

fn housekeeping(links: &[LinkWorkers]) -> Vec<MetricFamily> {
    let life = [
        ("sleep", sum(links, |stats| stats.sleeps.value())),
        ("stall", sum(links, |stats| stats.stalls.value())),
        ("open", sum(links, |stats| stats.openings.value())),
    ];
    let umem = [
        (
            "capacity",
            sum(links, |stats| stats.frames_capacity.value()),
        ),
        ("free", sum(links, |stats| stats.frames_free.value())),
        ("leaked", sum(links, |stats| stats.frames_leaked.value())),
    ];
    vec![
        c::WORKER_EVENTS.family(life.map(|(event, count)| Sample::count([event], count))),
        c::UMEM_FRAMES.family(umem.map(|(state, count)| Sample::count([state], count))),
    ]
}

/// A label and the counter it stands for.
type Labelled = (&'static str, fn(&PortStats) -> u64);

/// How a port can lose frames without a verdict.
const LOSSES: [Labelled; 7] = [
    ("tx_ring_full", |port| port.tx_ring_full.value()),
    ("tx_link_down", |port| port.tx_link_down.value()),
    ("stale", |port| port.stale_frames.value()),
    ("rx_dropped", |port| port.kernel_rx_dropped.value()),
    ("rx_ring_full", |port| port.kernel_rx_ring_full.value()),
    ("fill_ring_empty", |port| {
        port.kernel_fill_ring_empty.value()
    }),
    ("invalid_descriptor", |port| {
        port.kernel_invalid_descriptors.value()
    }),
];

/// One end of a link, over all its queues.
struct Port<'a> {
    interface: &'a str,
    side: Side,
    workers: &'a [Arc<WorkerStats>],
    hold: &'a Hold,
}

impl<'a> Port<'a> {
    fn of_link(link: &'a LinkWorkers) -> [Self; 2] {
        [(Side::Inside, &link.inside), (Side::Outside, &link.outside)].map(|(side, interface)| {
            Self {
                interface,
                side,
                workers: &link.workers,
                hold: &link.hold,
            }
        })
    }

    fn sum(&self, of: impl Fn(&PortStats) -> u64) -> u64 {
        self.workers
            .iter()
            .map(|stats| of(stats.port(self.side)))
            .sum()
    }

    /// 1 when it holds for every queue.
    fn all(&self, holds: impl Fn(&PortStats) -> bool) -> u64 {
        u64::from(
            self.workers
                .iter()
                .all(|stats| holds(stats.port(self.side))),
        )
    }
}

fn merged(links: &[LinkWorkers], of: impl Fn(&WorkerStats) -> Snapshot) -> Option<Snapshot> {
    let snapshots = links
        .iter()
        .flat_map(|link| &link.workers)
        .map(|stats| of(stats));
    snapshots.reduce(|mut sum, next| {
        for ((_, count), (_, more)) in sum.cumulative.iter_mut().zip(next.cumulative) {
            *count += more;
        }
        sum.count += next.count;
        sum.sum += next.sum;
        sum
    })
}

fn kinds() -> impl Iterator<Item = MessageKind> {
    let mqtt = PacketType::ALL.into_iter().map(MessageKind::Mqtt);
    let coap = (0..COAP_CLASSES.len() as u8).map(|class| MessageKind::Coap { class });
    mqtt.chain(coap).chain([
        MessageKind::CoapEmpty,
        MessageKind::Tls,
        MessageKind::Malformed,
    ])
}

/// What the classes of a CoAP code are for (RFC 7252 §12.1).
const COAP_CLASSES: [&str; 8] = [
    "request",
    "class-1",
    "success",
    "class-3",
    "client-error",
    "server-error",
    "class-6",
    "signalling",
];

/// Labels `protocol` and `type`.
fn kind_names(kind: MessageKind) -> (&'static str, &'static str) {
    match kind {
        MessageKind::Mqtt(packet_type) => ("mqtt", packet_type.name()),
        MessageKind::Coap { class } => ("coap", COAP_CLASSES[usize::from(class & 7)]),
        MessageKind::CoapEmpty => ("coap", "empty"),
        MessageKind::Tls => ("tls", "hello"),
        MessageKind::Malformed => ("unknown", "malformed"),
    }
}

fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::ToServer => "to_server",
        Direction::ToClient => "to_client",
    }
}

const FLOW_ENDS: [FlowEnd; 4] = [
    FlowEnd::Finished,
    FlowEnd::Denied,
    FlowEnd::Idle,
    FlowEnd::Evicted,
];

fn end_name(end: FlowEnd) -> &'static str {
    match end {
        FlowEnd::Finished => "finished",
        FlowEnd::Denied => "denied",
        FlowEnd::Idle => "idle",
        FlowEnd::Evicted => "evicted",
    }
}
