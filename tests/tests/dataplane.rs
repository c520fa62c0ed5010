//! The data plane by itself, in namespaces: real XDP program, real AF_XDP sockets, no inspector.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use gateway::dataplane::stats::{PortStats, WorkerStats};
use gateway::dataplane::xdp::Claim;
use gateway::dataplane::{
    Ban, Dataplane, Inspection, Leave, LinkNames, Observer, Settings, StartError,
};
use gateway::netns::{Family, Host, Namespace, Spec, Topology, address};
use inspect::{Event, Inspector, Seed, Verdict};
use policy::{Config, Policy, Side, SourceText, XdpMode};
use weir_tests::lab::{alone, must};
use weir_tests::stream::{Record, Stream};

const COAP: u16 = 5683;
const OTHER: u16 = 9999;
const WHILE: Duration = Duration::from_millis(400);
/// Within this long a supervisor notices, and a link starts anew.
const RECOVERY: Duration = Duration::from_secs(3);

/// Nobody has anything to tell without an inspector.
struct Deaf;

impl Observer for Deaf {
    fn event(&mut self, _event: &Event<'_>) -> bool {
        false
    }

    fn ban(&mut self, _ban: Ban) -> bool {
        false
    }
}

/// A topology with nothing between devices and servers but the data plane under test.
struct Bench {
    dataplane: Option<Dataplane>,
    inspection: Inspection,
    settings: Settings,
    topology: Topology,
}

impl Bench {
    fn new(spec: Spec<'_>, mode: XdpMode) -> Self {
        let mut bench = Self::unstarted(spec, mode);
        bench.start();
        bench
    }

    fn unstarted(spec: Spec<'_>, mode: XdpMode) -> Self {
        let topology = must(Topology::build(&Spec {
            field: false,
            ..spec
        }));
        let config = Config::parse(&SourceText {
            name: "weir.toml".into(),
            // A worker that waits for a processor for longer than its heartbeat is good for lets go of what it has.
            text: "[[link]]\ninside = \"inside\"\noutside = \"outside\"\n[dataplane]\nheartbeat_ms = 200\n"
                .into(),
        })
        .expect("a configuration");
        let mut settings = Settings::from(&config);
        settings.mode = mode;
        settings.pin_dir = must(topology.state().mount_bpf());
        Self {
            dataplane: None,
            inspection: Inspection::AcceptAll,
            settings,
            topology,
        }
    }

    fn try_start(&self) -> Result<Dataplane, StartError> {
        // The data plane's threads inherit the namespace of the one that starts them.
        must(self.topology.gateway().enter(|| {
            let claim = Claim::take(&self.settings.pin_dir)?;
            Dataplane::start(&self.settings, claim, self.inspection.clone(), |_| Deaf)
        }))
    }

    fn start(&mut self) {
        let dataplane = self.try_start().unwrap_or_else(|error| panic!("{error}"));
        self.dataplane = Some(dataplane);
    }

    fn stop(&mut self, leave: Leave) {
        let dataplane = self.dataplane.take().expect("it was started");
        dataplane.stop(leave).expect("it stops");
    }

    fn dataplane(&self) -> &Dataplane {
        self.dataplane.as_ref().expect("it was started")
    }

    fn worker(&self, number: usize) -> &WorkerStats {
        &self.dataplane().links()[0].workers[number]
    }

    /// A number summed over all workers, at one end.
    fn sum(&self, side: Side, of: impl Fn(&PortStats) -> u64) -> u64 {
        let workers = &self.dataplane().links()[0].workers;
        workers.iter().map(|stats| of(stats.port(side))).sum()
    }

    fn gateway_ip(&self, line: &str) {
        must(self.topology.gateway().ip(line));
    }

    fn stream_for(&self, duration: Duration) -> Record {
        let stream = Stream::start(&self.topology, COAP);
        sleep(duration);
        stream.finish()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if let Some(dataplane) = self.dataplane.take() {
            // A failure here would hide the one that the test is about.
            let _ = dataplane.stop(Leave::Nothing);
        }
        let _ = gateway::dataplane::xdp::detach(&self.settings.pin_dir);
    }
}

fn spec(label: &str) -> Spec<'_> {
    Spec {
        label,
        ..Spec::default()
    }
}

fn crosses(mode: XdpMode, label: &str) {
    let _alone = alone();
    let bench = Bench::new(spec(label), mode);
    let record = bench.stream_for(WHILE);
    assert_eq!(record.lost(), 0, "of {}", record.sent);
    let received = bench.sum(Side::Outside, |port| port.rx_frames.value());
    let sent = bench.sum(Side::Inside, |port| port.tx_frames.value());
    assert!(received >= record.sent, "{received} came through a worker");
    assert_eq!(received, sent);
    let wanted = match mode {
        XdpMode::Generic => gateway::dataplane::xdp::Mode::Generic,
        _ => gateway::dataplane::xdp::Mode::Native,
    };
    let modes = bench.dataplane().modes();
    assert!(modes.iter().all(|(_, mode)| *mode == wanted), "{modes:?}");
}

#[test]
fn inspected_frames_cross_in_native_mode() {
    crosses(XdpMode::Native, "dp-native");
}

#[test]
fn inspected_frames_cross_in_generic_mode() {
    crosses(XdpMode::Generic, "dp-generic");
}

#[test]
fn every_queue_has_a_worker() {
    let _alone = alone();
    let queues = Spec {
        queues: 2,
        ..spec("dp-queues")
    };
    let bench = Bench::new(queues, XdpMode::Native);
    assert_eq!(bench.dataplane().links()[0].workers.len(), 2);
    let received = |number| bench.worker(number).port(Side::Outside).rx_frames.value();
    // Each stream has a source port of its own, which decides over the queue.
    for _ in 0..20 {
        assert_eq!(bench.stream_for(WHILE / 8).lost(), 0);
        if received(0) > 0 && received(1) > 0 {
            return;
        }
    }
    panic!("{} and {} frames", received(0), received(1));
}

#[test]
fn ends_with_different_queues_share_workers() {
    let _alone = alone();
    let queues = Spec {
        queues: 2,
        ..spec("dp-unequal")
    };
    let mut bench = Bench::unstarted(queues, XdpMode::Native);
    // A veth takes a program only if its peer sends by no more queues than it receives by.
    let one = "rx 1 tx 1";
    ethtool(
        bench.topology.host(Host::Servers),
        &format!("-L eth0 {one}"),
    );
    ethtool(bench.topology.gateway(), &format!("-L inside {one}"));
    bench.start();
    assert_eq!(bench.dataplane().links()[0].workers.len(), 1);
    for _ in 0..4 {
        let record = bench.stream_for(WHILE / 2);
        assert_eq!(record.lost(), 0, "of {}", record.sent);
    }
    assert!(bench.sum(Side::Outside, |port| port.rx_frames.value()) > 0);
}

#[test]
fn large_frames_cross_in_large_chunks() {
    let _alone = alone();
    let large = Spec {
        mtu: 3400,
        ..spec("dp-large")
    };
    let bench = Bench::new(large, XdpMode::Native);
    let record = bench.stream_for(WHILE);
    assert_eq!(record.lost(), 0, "of {}", record.sent);
}

#[test]
fn checksums_that_a_local_stack_left_out_are_completed() {
    let _alone = alone();
    let offloading = Spec {
        checksum_offload: true,
        ..spec("dp-partial")
    };
    let mut bench = Bench::unstarted(offloading, XdpMode::Native);
    bench.inspection = Inspection::Full(accepting_inspector());
    bench.start();
    let record = bench.stream_for(WHILE);
    assert_eq!(record.lost(), 0, "of {}", record.sent);
    assert_eq!(bench.worker(0).verdicts(Verdict::Accept), record.sent);
}

#[test]
fn a_restart_loses_nothing_while_the_kernel_stands_in() {
    let _alone = alone();
    let mut bench = Bench::new(spec("dp-restart"), XdpMode::Native);
    let stream = Stream::start(&bench.topology, COAP);
    for _ in 0..5 {
        sleep(WHILE / 2);
        bench.stop(Leave::Attached);
        sleep(WHILE / 4);
        bench.start();
    }
    sleep(WHILE / 2);
    let record = stream.finish();
    assert_eq!(record.lost(), 0, "of {}", record.sent);
}

#[test]
fn frames_that_met_a_link_down_are_gone() {
    let _alone = alone();
    let bench = Bench::new(spec("dp-down"), XdpMode::Native);
    let stream = Stream::start(&bench.topology, COAP);
    sleep(WHILE);
    bench.gateway_ip("link set inside down");
    sleep(Duration::from_secs(1));
    let up = stream.now();
    bench.gateway_ip("link set inside up");
    sleep(WHILE);
    let end = stream.now();
    let record = stream.finish();
    let oldest = record.oldest(up..end);
    println!("oldest frame after the link came up: {oldest:?}");
    assert!(oldest < Duration::from_millis(200), "{oldest:?}");
    assert!(record.arrived(end - WHILE / 2..end) > 0, "nothing after");
    assert!(bench.sum(Side::Inside, |port| port.tx_link_down.value()) > 0);
}

#[test]
fn a_link_recovers_when_its_interface_comes_back() {
    let _alone = alone();
    let bench = Bench::new(spec("dp-gone"), XdpMode::Native);
    assert_eq!(bench.stream_for(WHILE).lost(), 0);
    let openings = bench.worker(0).openings.value();

    bench.gateway_ip("link del outside");
    wait_for("the link to stop", || {
        !bench.dataplane().links()[0].is_running()
    });
    assert!(
        !bench
            .worker(0)
            .port(Side::Outside)
            .up
            .load(Ordering::Relaxed)
    );

    // As the topology wires it.
    let devices = bench.topology.host(Host::Devices);
    let name = devices.name();
    bench.gateway_ip(&format!(
        "link add outside type veth peer name eth0 netns {name}"
    ));
    ethtool(devices, "-K eth0 gro on");
    ethtool(devices, "-K eth0 tx off");
    must(devices.ip("link set eth0 up"));
    must(devices.ip("addr add 10.77.0.10/24 dev eth0"));
    must(devices.ip("addr add 10.77.0.11/24 dev eth0"));
    bench.gateway_ip("link set outside up");
    wait_for("the link to start", || {
        bench.dataplane().links()[0].is_running()
    });
    assert!(bench.worker(0).openings.value() > openings);
    let before = bench.sum(Side::Outside, |port| port.rx_frames.value());
    let record = bench.stream_for(WHILE);
    assert_eq!(record.lost(), 0, "of {}", record.sent);
    let after = bench.sum(Side::Outside, |port| port.rx_frames.value());
    assert!(after - before >= record.sent, "it came through the worker");
}

#[test]
fn a_link_waits_for_an_interface_that_is_down() {
    let _alone = alone();
    let mut bench = Bench::unstarted(spec("dp-wait"), XdpMode::Native);
    bench.gateway_ip("link set outside down");
    bench.start();
    assert!(!bench.dataplane().is_running());
    bench.gateway_ip("link set outside up");
    wait_for("the link to start", || bench.dataplane().is_running());
    assert_eq!(bench.stream_for(WHILE).lost(), 0);
}

#[test]
fn workers_follow_a_change_of_the_mtu() {
    let _alone = alone();
    let bench = Bench::new(spec("dp-mtu"), XdpMode::Native);
    let openings = bench.worker(0).openings.value();
    bench.gateway_ip("link set inside mtu 3000");
    wait_for("new workers", || {
        bench.worker(0).openings.value() > openings && bench.dataplane().is_running()
    });
    assert_eq!(bench.stream_for(WHILE).lost(), 0);
}

/// Panics at the first event of all.
struct Fragile(Arc<AtomicBool>);

impl Observer for Fragile {
    fn event(&mut self, _event: &Event<'_>) -> bool {
        assert!(
            self.0.swap(true, Ordering::Relaxed),
            "an observer that can't bear events, as this test wants it"
        );
        true
    }

    fn ban(&mut self, _ban: Ban) -> bool {
        true
    }
}

#[test]
fn a_worker_that_panics_is_replaced() {
    let _alone = alone();
    let mut bench = Bench::unstarted(spec("dp-panic"), XdpMode::Native);
    let broken = Arc::new(AtomicBool::new(false));
    let fragile = Arc::clone(&broken);
    let inspection = Inspection::Full(accepting_inspector());
    let start = || {
        let observers = move |_| Fragile(Arc::clone(&fragile));
        let claim = Claim::take(&bench.settings.pin_dir)?;
        Dataplane::start(&bench.settings, claim, inspection, observers)
    };
    let started = must(bench.topology.gateway().enter(start));
    bench.dataplane = Some(started.unwrap_or_else(|error| panic!("{error}")));
    let openings = bench.worker(0).openings.value();

    let devices = bench.topology.host(Host::Devices);
    let from = SocketAddr::new(address(Host::Devices, 0, Family::V4), 0);
    let at = SocketAddr::new(address(Host::Servers, 0, Family::V4), COAP);
    let sender = must(devices.enter(|| UdpSocket::bind(from))).expect("a socket");
    // Version 3 of CoAP doesn't exist (RFC 7252 section 3).
    sender.send_to(&[0xc0, 0, 0, 0], at).expect("a route");
    wait_for("the worker to break", || broken.load(Ordering::Relaxed));
    wait_for("another worker", || {
        bench.worker(0).openings.value() > openings && bench.dataplane().is_running()
    });
    let before = bench.worker(0).verdicts(Verdict::Accept);
    let record = bench.stream_for(WHILE);
    assert_eq!(record.lost(), 0, "of {}", record.sent);
    assert!(bench.worker(0).verdicts(Verdict::Accept) - before >= record.sent);
}

#[test]
fn stopping_for_good_leaves_nothing_that_joins_the_ends() {
    let _alone = alone();
    let mut bench = Bench::new(spec("dp-leave"), XdpMode::Native);
    bench.stop(Leave::Nothing);
    // The kernel takes a program off some time after its last pin is gone.
    sleep(WHILE / 2);
    let stream = Stream::start(&bench.topology, OTHER);
    sleep(WHILE / 2);
    assert!(stream.finish().arrivals.is_empty());
    assert!(!bench.settings.pin_dir.join("links").exists());
}

#[test]
fn what_is_wrong_with_interfaces_is_said_before_anything_is_attached() {
    let _alone = alone();
    let mut bench = Bench::unstarted(spec("dp-wrong"), XdpMode::Native);
    bench.settings.links = vec![LinkNames {
        inside: "inside".to_owned(),
        outside: "nowhere".to_owned(),
    }];
    bench.gateway_ip("link set inside mtu 9000");
    let error = bench.try_start().err().expect("it can't start");
    let text = error.to_string();
    assert!(text.contains("nowhere: no such interface"), "{text}");
    assert!(text.contains("ip link set dev inside mtu"), "{text}");
}

/// An inspector without a rule.
fn accepting_inspector() -> Arc<Inspector> {
    let config = Config::default();
    let policy = Policy::compile(&config, &[]).expect("no rule, no mistake");
    let inspector = Inspector::new(config.limits, Arc::new(policy), Seed::fixed(1));
    Arc::new(inspector)
}

fn ethtool(namespace: &Namespace, line: &str) {
    let done = namespace
        .command("ethtool")
        .args(line.split_whitespace())
        .output()
        .expect("ethtool is installed");
    assert!(done.status.success(), "ethtool {line}: {done:?}");
}

fn wait_for(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < RECOVERY, "waited too long for {what}");
        sleep(Duration::from_millis(5));
    }
}
