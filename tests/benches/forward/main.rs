//! Frames through the gateway from one end of a veth topology to the other: how many a second, and
//! what a frame costs the thread that forwards it. The paths side by side are the data plane without
//! an inspector, with one, the XDP program's own path, and a Linux bridge.
//!
//! The kernel makes the load on one processor, the worker has the other. Figures are this machine's,
//! and veth's: read the ratios.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, thread};

use gateway::dataplane::netlink::Interface;
use gateway::dataplane::{Ban, Dataplane, Inspection, Leave, Observer, Settings};
use gateway::netns::{Host, INTERFACE, Namespace, Spec, Topology};
use inspect::{Event, Inspector, Seed};
use policy::{Config, Policy, SourceText};
use rustix::thread::{CpuSet, sched_setaffinity};
use testkit::{coap, frames};
use weir_tests::lab::{BASELINE, must};
use xsk::live::Generator;

/// Rounds of each path; the median is what counts.
const ROUNDS: usize = 5;
/// Frames of a round at full load, for the rate.
const FRAMES: u32 = 3_000_000;
/// Frames of a burst that fits the rings, and bursts of a round, for the cost: what a frame costs a
/// worker that has plenty to do but is never overrun, whoever else uses the machine.
const BURST: u32 = 1500;
const BURSTS: u32 = 40;
/// Where the load is made. Workers are placed from processor 0 on.
const LOAD_PROCESSOR: usize = 1;
const COAP: u16 = 5683;
const OTHER: u16 = 9999;
/// Not the servers' address, so that their stack gives frames up as soon as it sees them.
const NOBODY: [u8; 6] = [0x02, 0, 0, 0, 0, 0x99];

struct Deaf;

impl Observer for Deaf {
    fn event(&mut self, _event: &Event<'_>) -> bool {
        true
    }

    fn ban(&mut self, _ban: Ban) -> bool {
        true
    }
}

/// What one round showed.
#[derive(Clone, Copy)]
struct Round {
    /// Millions of frames a second that arrived.
    rate_mpps: f64,
    /// Nanoseconds of the worker's thread for each frame it forwarded.
    cost_ns: f64,
}

fn main() {
    // `cargo test --benches` only wants to know that it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let topology = must(Topology::build(&Spec {
        label: "bench",
        field: false,
        ..Spec::default()
    }));
    // Without an XDP program at the port, frames are only taken where GRO is on.
    ethtool(topology.gateway(), "-K outside gro on");
    println!(
        "{:34} {:>21} {:>12} {:>10}",
        "path", "Mpps min/median/max", "ns a frame", "of AF_XDP"
    );
    for payload in [18, 470] {
        bench_size(&topology, payload);
    }
}

fn bench_size(topology: &Topology, payload: usize) {
    let (service, other) = (frame(COAP, payload), frame(OTHER, payload));
    let bytes = service.len();
    let inspector = inspector();
    let accept_all = with_dataplane(topology, &Inspection::AcceptAll, &service);
    let base = median(&accept_all, |round| round.rate_mpps);
    let show = |name: &str, rounds: &[Round]| report(&format!("{name}, {bytes} B"), rounds, base);
    show("AF_XDP, accept-all", &accept_all);
    let full = Inspection::Full(Arc::clone(&inspector));
    show(
        "AF_XDP, full inspector",
        &with_dataplane(topology, &full, &service),
    );
    show(
        "XDP program, other traffic",
        &with_dataplane(topology, &Inspection::AcceptAll, &other),
    );
    let _bridge = must(topology.bridge());
    show("Linux bridge", &rounds(topology, &service));
}

fn inspector() -> Arc<Inspector> {
    let text = |name: &str, text: &str| SourceText {
        name: name.into(),
        text: text.into(),
    };
    let config = Config::parse(&text("weir.toml", "")).expect("all defaults");
    let policy = Policy::compile(&config, &[text("baseline.toml", BASELINE)])
        .unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render()));
    let seed = Seed::fixed(7);
    Arc::new(Inspector::new(config.limits, Arc::new(policy), seed))
}

/// A CoAP request that wants no answer, padded to the size asked for.
fn frame(port: u16, payload: usize) -> Vec<u8> {
    let mut path = frames::path("10.77.0.10:40000", &format!("10.77.0.2:{port}"));
    path.destination_mac = NOBODY;
    let message = coap::get(1, b"abcd", "n");
    let mut frame = frames::udp(&path, &message);
    frame.resize(frame.len().max(42 + payload), 0);
    frame
}

fn with_dataplane(topology: &Topology, inspection: &Inspection, frame: &[u8]) -> Vec<Round> {
    let text = "[[link]]\ninside = \"inside\"\noutside = \"outside\"\n\
                [dataplane]\nmode = \"native\"\nbusy_poll_us = 0\n";
    let config = Config::parse(&SourceText {
        name: "weir.toml".into(),
        text: text.into(),
    })
    .unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render()));
    let mut settings = Settings::try_from(&config).expect("two interfaces");
    settings.pin_dir = PathBuf::from(format!("/sys/fs/bpf/weir-bench-{}", std::process::id()));
    let start = || Dataplane::start(&settings, inspection.clone(), |_| Deaf);
    let dataplane = must(topology.gateway().enter(start)).unwrap_or_else(|e| panic!("{e}"));
    let rounds = rounds(topology, frame);
    dataplane.stop(Leave::Nothing).expect("it stops");
    // The kernel takes a program off some time after its last pin is gone.
    thread::sleep(Duration::from_millis(300));
    rounds
}

fn rounds(topology: &Topology, frame: &[u8]) -> Vec<Round> {
    (0..ROUNDS).map(|_| round(topology, frame)).collect()
}

fn round(topology: &Topology, frame: &[u8]) -> Round {
    let servers = topology.host(Host::Servers);
    must(topology.host(Host::Devices).enter(|| {
        let mut set = CpuSet::new();
        set.set(LOAD_PROCESSOR);
        sched_setaffinity(None, &set).expect("a processor to make load on");
        let found = Interface::by_name(INTERFACE).expect("an answer");
        let interface = found.expect("the devices' interface").index;
        let generator = Generator::new().expect("the right to load programs");
        let send = |times| {
            generator
                .send(interface, frame, times)
                .expect("live frames")
        };
        // What comes first finds everything cold.
        send(BURST);
        settle();

        let (frames, start) = (received(servers), Instant::now());
        send(FRAMES);
        let rate_mpps = since(servers, frames) / start.elapsed().as_secs_f64() / 1e6;
        settle();

        let (frames, busy) = (received(servers), worker_time());
        for _ in 0..BURSTS {
            send(BURST);
        }
        settle();
        let spent = (worker_time() - busy).as_nanos() as f64;
        Round {
            rate_mpps,
            cost_ns: spent / since(servers, frames),
        }
    }))
}

/// Long enough for what is under way to arrive.
fn settle() {
    thread::sleep(Duration::from_millis(50));
}

/// Frames the servers' interface has received since there were `before`.
fn since(servers: &Namespace, before: u64) -> f64 {
    (received(servers) - before) as f64
}

/// Frames the servers' interface has received.
fn received(servers: &Namespace) -> u64 {
    let links = must(servers.ip("-s -j link show eth0"));
    let links: serde_json::Value = serde_json::from_str(&links).expect("JSON");
    links[0]["stats64"]["rx"]["packets"]
        .as_u64()
        .expect("a count")
}

/// What the workers' threads of this process have run for.
fn worker_time() -> Duration {
    let tasks = fs::read_dir("/proc/self/task").expect("procfs");
    let spent = tasks.filter_map(|task| {
        let path = task.ok()?.path();
        let name = fs::read_to_string(path.join("comm")).ok()?;
        if !name.starts_with("weir-0.") {
            return None;
        }
        let schedstat = fs::read_to_string(path.join("schedstat")).ok()?;
        schedstat.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(spent.sum())
}

fn ethtool(namespace: &Namespace, line: &str) {
    let status = namespace.command("ethtool").args(line.split(' ')).status();
    assert!(status.expect("ethtool is installed").success());
}

fn median(rounds: &[Round], of: impl Fn(&Round) -> f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn report(name: &str, rounds: &[Round], base: f64) {
    let rate = |round: &Round| round.rate_mpps;
    let middle = median(rounds, rate);
    let least = rounds.iter().map(rate).fold(f64::INFINITY, f64::min);
    let most = rounds.iter().map(rate).fold(0.0, f64::max);
    let cost = median(rounds, |round| round.cost_ns);
    let cost = if cost > 0.0 {
        format!("{cost:.0}")
    } else {
        "-".to_owned()
    };
    let range = format!("{least:.2}/{middle:.2}/{most:.2}");
    println!("{name:34} {range:>21} {cost:>12} {:>10.2}", middle / base);
}
