//! The metrics: what the workers, the inspector, the XDP program and the control plane count, in
//! Prometheus' text format. docs/metrics.md lists them.
//!
//! Nothing is counted here: a scrape reads whatever the counters stand at.

mod catalogue;
mod family;
mod rules;
mod workers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use inspect::Inspector;
use policy::{Mode, Policy, RuleIndex};
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Registry, TextEncoder};

pub use catalogue::ALL;
pub use family::{Kind, Spec};
pub use rules::Matches;
pub use workers::LinkWorkers;

use crate::build_info;
use crate::control::events::EventCounts;
use crate::control::failing::Failing;
use catalogue as c;
use family::Sample;
use rules::RuleLedger;

/// What the control plane itself counts.
#[derive(Debug, Default)]
pub struct ControlCounts {
    /// Reloads that put new rules in force.
    pub reloads_ok: AtomicU64,
    /// Reloads that left the old rules in force.
    pub reloads_failed: AtomicU64,
    /// The last of those, until one doesn't.
    pub reload: Failing,
    /// Block lists that could not be read, and stay as they are.
    pub lists: Failing,
    /// Sources on the block list.
    pub bans: AtomicI64,
    /// Networks on the block list because of the configuration's lists.
    pub listed: AtomicI64,
    /// Networks on those lists that the kernel would not take.
    pub unlisted: AtomicI64,
    /// Bans put on the block list.
    pub bans_placed: AtomicU64,
    /// Bans the kernel would not take.
    pub bans_failed: AtomicU64,
    /// Bans of sources that are never kept out.
    pub bans_exempt: AtomicU64,
}

/// Frames of one port by what the XDP program did with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XdpCount {
    /// The port's interface.
    pub interface: String,
    /// What was done.
    pub outcome: &'static str,
    /// The inspector's code for it, if it has one.
    pub reason: Option<&'static str>,
    /// How many frames.
    pub frames: u64,
}

/// Reads the XDP program's counters; errors are logged by the reader and read as nothing.
pub type ReadXdp = Box<dyn Fn() -> Vec<XdpCount> + Send + Sync>;

/// All there is to be scraped.
pub struct Metrics {
    registry: Registry,
    sources: Arc<Sources>,
}

struct Sources {
    links: Vec<LinkWorkers>,
    inspector: Arc<Inspector>,
    rules: RuleLedger,
    enforcing: AtomicBool,
    events: Arc<EventCounts>,
    control: Arc<ControlCounts>,
    xdp: ReadXdp,
    started: SystemTime,
}

impl Metrics {
    /// Metrics over these sources, with the first policy in force.
    #[must_use]
    pub fn new(
        links: Vec<LinkWorkers>,
        inspector: Arc<Inspector>,
        policy: &Policy,
        events: Arc<EventCounts>,
        control: Arc<ControlCounts>,
        xdp: ReadXdp,
    ) -> Self {
        let rules = RuleLedger::default();
        let started = SystemTime::now();
        let sources = Sources {
            links,
            inspector,
            rules,
            enforcing: AtomicBool::new(true),
            events,
            control,
            xdp,
            started,
        };
        let sources = Arc::new(sources);
        let registry = Registry::new();
        registry
            .register(Box::new(Exposition(Arc::clone(&sources))))
            .expect("the only collector of a new registry");
        let metrics = Self { registry, sources };
        metrics.follow(policy);
        metrics
    }

    /// Follows a new policy, so that matches are shown under the right names.
    pub fn follow(&self, policy: &Policy) {
        let enforcing = policy.mode() == Mode::Enforce;
        self.sources.enforcing.store(enforcing, Ordering::Relaxed);
        self.sources
            .rules
            .install(policy, |rule| self.sources.matches(rule));
    }

    /// The mode in force.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.sources.mode()
    }

    /// All of them as text.
    #[must_use]
    pub fn render(&self) -> String {
        let families = self.registry.gather();
        // The encoder writes into memory; it only refuses families without a name or a sample.
        TextEncoder::new()
            .encode_to_string(&families)
            .expect("well-formed families")
    }
}

struct Exposition(Arc<Sources>);

impl Collector for Exposition {
    /// Descriptors would only be checked for collisions with other collectors; there are none.
    fn desc(&self) -> Vec<&Desc> {
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let sources = &*self.0;
        let mut families = sources.gateway();
        families.extend(sources.tables());
        families.extend(workers::families(&sources.links));
        families.push(sources.rule_matches());
        families.extend(sources.outside_the_workers());
        families
    }
}

impl Sources {
    fn matches(&self, rule: RuleIndex) -> Matches {
        Matches {
            enforced: workers::sum(&self.links, |stats| stats.rules(rule, true)),
            observed: workers::sum(&self.links, |stats| stats.rules(rule, false)),
        }
    }

    fn mode(&self) -> Mode {
        match self.enforcing.load(Ordering::Relaxed) {
            true => Mode::Enforce,
            false => Mode::Monitor,
        }
    }

    fn gateway(&self) -> Vec<MetricFamily> {
        let started = self.started.duration_since(UNIX_EPOCH).unwrap_or_default();
        let reloads = [
            ("ok", &self.control.reloads_ok),
            ("failed", &self.control.reloads_failed),
        ];
        let modes = Mode::ALL.map(|mode| (mode.name(), u64::from(mode == self.mode())));
        let failed = self.control.reload.is_failing() || self.control.lists.is_failing();
        vec![
            c::BUILD_INFO.family([Sample::new([build_info::VERSION, build_info::COMMIT], 1.0)]),
            c::START_TIME.family([Sample::new([""; 0], started.as_secs_f64())]),
            c::MODE.family(modes.map(|(mode, is)| Sample::count([mode], is))),
            c::POLICY_GENERATION.single(self.inspector.gauges().generation),
            c::RELOADS.family(
                reloads
                    .map(|(result, count)| Sample::count([result], count.load(Ordering::Relaxed))),
            ),
            c::LAST_RELOAD.single(u64::from(!failed)),
        ]
    }

    /// How full the inspector's tables are.
    fn tables(&self) -> Vec<MetricFamily> {
        let gauges = self.inspector.gauges();
        let flows = [
            ("established", gauges.flows),
            ("half_open", gauges.half_open),
        ];
        vec![
            c::FLOWS.family(flows.map(|(state, flows)| Sample::count([state], flows as u64))),
            c::SESSIONS.single(gauges.sessions as u64),
            c::ENDPOINTS.single(gauges.endpoints as u64),
            c::EXCHANGES.single(gauges.exchanges as u64),
            c::OBSERVATIONS.single(gauges.observations as u64),
            c::HELD_BYTES.single(gauges.held_bytes as u64),
            c::HELD_SEGMENTS.single(gauges.held_segments as u64),
            c::CLIENTS.single(gauges.clients as u64),
            c::METERS.single(gauges.meters as u64),
            c::HOLDINGS.single(gauges.holdings as u64),
            c::ASLEEP.single(gauges.asleep as u64),
        ]
    }

    fn rule_matches(&self) -> MetricFamily {
        let counts = self.rules.counts(|rule| self.matches(rule));
        c::RULE_MATCHES.family(counts.into_iter().flat_map(|(rule, matches)| {
            [
                Sample::count([rule.as_str(), "true"], matches.enforced),
                Sample::count([rule.as_str(), "false"], matches.observed),
            ]
        }))
    }

    fn outside_the_workers(&self) -> Vec<MetricFamily> {
        let control = &*self.control;
        let bans = control.bans.load(Ordering::Relaxed) as f64;
        let asked = [
            ("placed", control.bans_placed.load(Ordering::Relaxed)),
            ("failed", control.bans_failed.load(Ordering::Relaxed)),
            ("exempt", control.bans_exempt.load(Ordering::Relaxed)),
            (
                "lost",
                workers::sum(&self.links, |stats| stats.bans_dropped.value()),
            ),
        ];
        let listed = control.listed.load(Ordering::Relaxed) as f64;
        let unlisted = control.unlisted.load(Ordering::Relaxed) as f64;
        let counts = (self.xdp)();
        let reasons = counts.iter().filter_map(|count| {
            let reason = count.reason?;
            Some(Sample::count(
                [count.interface.as_str(), reason],
                count.frames,
            ))
        });
        let xdp = counts
            .iter()
            .map(|count| Sample::count([count.interface.as_str(), count.outcome], count.frames));
        let dropped = self.events.dropped();
        vec![
            c::BANS.family([Sample::new([""; 0], bans)]),
            c::BANS_TOTAL.family(asked.map(|(result, count)| Sample::count([result], count))),
            c::BLOCK_LIST.family([Sample::new([""; 0], listed)]),
            c::BLOCK_LIST_UNPLACED.family([Sample::new([""; 0], unlisted)]),
            c::XDP_FRAMES.family(xdp),
            c::XDP_REASONS.family(reasons),
            c::EVENTS.single(self.events.written()),
            c::EVENTS_DROPPED.family(dropped.map(|(cause, count)| Sample::count([cause], count))),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use inspect::{Limits, Seed};
    use policy::Config;

    use super::*;
    use crate::control::events::{Destination, Writer};
    use crate::dataplane::stats::WorkerStats;

    /// The row of docs/metrics.md for a metric.
    fn row(spec: &Spec) -> String {
        let labels: Vec<String> = spec
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        let (name, kind, help) = (spec.name, spec.kind.name(), spec.help);
        format!("| `{name}` | {kind} | {} | {help} |", labels.join(", "))
    }

    #[test]
    fn the_document_has_a_row_for_each_metric_and_no_other() {
        let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
        let text = std::fs::read_to_string(document).expect("docs/metrics.md");
        let documented: BTreeSet<&str> = text
            .lines()
            .filter(|line| line.starts_with("| `weir_"))
            .collect();
        let rows: Vec<String> = ALL.iter().map(row).collect();
        let built: BTreeSet<&str> = rows.iter().map(String::as_str).collect();
        assert_eq!(documented, built);
    }

    fn metrics() -> Metrics {
        let policy = Policy::compile(&Config::default(), &[]).expect("no rules");
        let policy = Arc::new(policy);
        let inspector = Inspector::new(Limits::default(), Arc::clone(&policy), Seed::fixed(1));
        let link = LinkWorkers {
            inside: "eth1".to_owned(),
            outside: "eth2".to_owned(),
            workers: vec![
                Arc::new(WorkerStats::default()),
                Arc::new(WorkerStats::default()),
            ],
            hold: Arc::default(),
        };
        let (_, writer) = Writer::start(Destination::Nowhere).expect("a thread");
        let count = XdpCount {
            interface: "eth1".to_owned(),
            outcome: "coap-version",
            reason: Some("coap.malformed.version"),
            frames: 5,
        };
        Metrics::new(
            vec![link],
            Arc::new(inspector),
            &policy,
            writer.counts(),
            Arc::default(),
            Box::new(move || vec![count.clone()]),
        )
    }

    #[test]
    fn a_scrape_shows_what_the_document_lists() {
        let text = metrics().render();
        let shown: BTreeSet<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE "))
            .filter_map(|line| line.split(' ').next())
            .collect();
        // What never occurred, and the rules of an empty policy, have no sample to show.
        let silent = ["weir_messages_total", "weir_rule_matches_total"];
        let listed: BTreeSet<&str> = ALL
            .iter()
            .map(|spec| spec.name)
            .filter(|name| !silent.contains(name))
            .collect();
        assert_eq!(shown, listed);
        for line in [
            "weir_policy_generation 1",
            "weir_mode{mode=\"enforce\"} 1",
            "weir_mode{mode=\"monitor\"} 0",
            "weir_last_reload_successful 1",
            "weir_xdp_attached{interface=\"eth2\"} 1",
            "weir_port_up{interface=\"eth2\"} 0",
            "weir_xdp_frames_total{interface=\"eth1\",outcome=\"coap-version\"} 5",
            "weir_xdp_reasons_total{interface=\"eth1\",reason=\"coap.malformed.version\"} 5",
            "weir_reasons_total{reason=\"mqtt.spoofed.server-packet\"} 0",
            "weir_inspection_seconds_count 0",
        ] {
            assert!(
                text.lines().any(|l| l == line),
                "{line} is missing in\n{text}"
            );
        }
    }

    #[test]
    fn lists_that_could_not_be_read_are_no_successful_reload() {
        let metrics = metrics();
        let has = |line: &str| metrics.render().lines().any(|shown| shown == line);
        let control = &metrics.sources.control;
        control
            .lists
            .fails("weir.toml:4:10: `block.txt` can't be read");
        control.reload.succeeds();
        assert!(has("weir_last_reload_successful 0"));
        control.lists.succeeds();
        assert!(has("weir_last_reload_successful 1"));
    }

    #[test]
    fn no_sample_appears_twice() {
        let text = metrics().render();
        let mut seen = BTreeSet::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (sample, _) = line.rsplit_once(' ').expect("a sample and its value");
            assert!(seen.insert(sample), "{sample} appears twice");
        }
    }
}
