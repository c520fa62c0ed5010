//! Frames through the gateway from one end of a veth topology to the other: how many a second, and
//! what a frame costs the thread that forwards it. The paths side by side are the data plane without
//! an inspector, with one, the XDP program's own path, and a Linux bridge; the loads are a CoAP
//! request that is repeated, and an MQTT connection.
//!
//! `cargo bench -p weir-tests --bench forward -- MQTT` carries the loads of that name only.
//!
//! The kernel makes the load on one processor, the worker has the other. Figures are this machine's,
//! and veth's: read the ratios.

mod counter;
mod mqtt;

use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, thread};

use gateway::dataplane::netlink::Interface;
use gateway::dataplane::xdp::Claim;
use gateway::dataplane::{Ban, Dataplane, Inspection, Leave, Observer, Settings};
use gateway::netns::{Host, INTERFACE, Namespace, Spec, Topology};
use inspect::{Event, Inspector, Seed};
use policy::{Config, Policy, SourceText};
use rustix::thread::{CpuSet, sched_setaffinity};
use testkit::{coap, frames};
use weir_tests::lab::{BASELINE, must};
use wire::coap::Code;
use xsk::live::Generator;

use counter::Counter;
use mqtt::Flow;

/// Rounds of each path; the median is what counts.
const ROUNDS: usize = 5;
/// Frames of a round at full load, for the rate.
const FRAMES: u32 = 3_000_000;
/// Frames of a burst that fits the rings, and bursts of a round, for the cost: what a frame costs a
/// worker that has plenty to do but is never overrun, whoever else uses the machine.
const BURST: u32 = 1500;
const BURSTS: u32 = 40;
/// Segments of an MQTT round.
const SEGMENTS: u32 = 400_000;
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

/// What goes through.
#[derive(Clone, Copy)]
enum Load<'a> {
    /// One frame over and over.
    Frame(&'a [u8]),
    /// A connection, in frames of so many bytes.
    Mqtt(usize),
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
    for port in ["inside", "outside"] {
        ethtool(topology.gateway(), &format!("-K {port} gro on"));
    }
    for bytes in [60, 512] {
        let service = frame(COAP, bytes);
        bench(
            &topology,
            &format!("CoAP, {bytes} B"),
            Load::Frame(&service),
        );
        bench(&topology, &format!("MQTT, {bytes} B"), Load::Mqtt(bytes));
        let other = frame(OTHER, bytes);
        bench_kernel_path(
            &topology,
            &format!("XDP program, other traffic, {bytes} B"),
            &other,
        );
    }
}

/// The path of what isn't ours.
fn bench_kernel_path(topology: &Topology, name: &str, other: &[u8]) {
    if is_wanted(name) {
        let rounds = with_dataplane(topology, &Inspection::AcceptAll, Load::Frame(other));
        report(name, &rounds, None);
    }
}

/// Every path for one load.
fn bench(topology: &Topology, name: &str, load: Load<'_>) {
    if !is_wanted(name) {
        return;
    }
    println!(
        "\n{name:34} {:>21} {:>12} {:>10} {:>10}",
        "Mpps min/median/max", "ns a frame", "of AF_XDP", "of bridge"
    );
    let accept_all = with_dataplane(topology, &Inspection::AcceptAll, load);
    let full = with_dataplane(topology, &Inspection::Full(inspector()), load);
    let bridged = {
        let _bridge = must(topology.bridge());
        rounds(topology, load)
    };
    let base = [&accept_all, &bridged].map(|rounds| median(rounds, |round| round.rate_mpps));
    report("AF_XDP, accept-all", &accept_all, Some(base));
    report("AF_XDP, full inspector", &full, Some(base));
    report("Linux bridge", &bridged, Some(base));
}

/// Whether the command line names this load, or none.
fn is_wanted(name: &str) -> bool {
    let mut words = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'));
    words.next().is_none_or(|word| name.contains(&word))
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

/// A CoAP request that makes up a frame of so many bytes.
fn frame(port: u16, bytes: usize) -> Vec<u8> {
    const HEADERS: usize = 14 + 20 + 8;
    let mut path = frames::path("10.77.0.10:40000", &format!("10.77.0.2:{port}"));
    path.destination_mac = NOBODY;
    let of = |payload: &[u8]| coap::request(Code::PUT, 1, b"abcd", "n", payload);
    let overhead = HEADERS + of(b"1").len() - 1;
    frames::udp(&path, &of(&vec![b'1'; bytes - overhead]))
}

/// The budgets of sources are kept, and are never used up.
fn with_dataplane(topology: &Topology, inspection: &Inspection, load: Load<'_>) -> Vec<Round> {
    let text = "[[link]]\ninside = \"inside\"\noutside = \"outside\"\n\
                [dataplane]\nmode = \"native\"\nbusy_poll_us = 0\n\
                [budget]\ntcp_packets_per_second = 10_000_000\nudp_packets_per_second = 10_000_000\n";
    let config = Config::parse(&SourceText {
        name: "weir.toml".into(),
        text: text.into(),
    })
    .unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render()));
    let mut settings = Settings::from(&config);
    // It goes with the topology, in whatever way this ends.
    settings.pin_dir = must(topology.state().mount_bpf());
    let start = || {
        let claim = Claim::take(&settings.pin_dir)?;
        Dataplane::start(&settings, claim, inspection.clone(), |_| Deaf)
    };
    let dataplane = must(topology.gateway().enter(start)).unwrap_or_else(|e| panic!("{e}"));
    let rounds = rounds(topology, load);
    dataplane.stop(Leave::Nothing).expect("it stops");
    // The kernel takes a program off some time after its last pin is gone.
    thread::sleep(Duration::from_millis(300));
    rounds
}

fn rounds(topology: &Topology, load: Load<'_>) -> Vec<Round> {
    match load {
        Load::Frame(frame) => (0..ROUNDS).map(|_| round(topology, frame)).collect(),
        Load::Mqtt(bytes) => {
            let mut flow = Flow::open(topology, 40_000, bytes);
            // A thread of its own, as workers are placed where the one that starts them may be.
            let rounds = || {
                pin();
                (0..ROUNDS).map(|_| mqtt_round(&mut flow)).collect()
            };
            thread::scope(|scope| scope.spawn(rounds).join()).expect("no panic")
        }
    }
}

fn round(topology: &Topology, frame: &[u8]) -> Round {
    let servers = Counter::of(topology.host(Host::Servers));
    must(topology.host(Host::Devices).enter(|| {
        pin();
        let interface = interface();
        let generator = Generator::new().expect("the right to load programs");
        let send = |times| {
            generator
                .send(interface, frame, times)
                .expect("live frames")
        };
        // What comes first finds everything cold.
        send(BURST);
        settle();

        let (before, start) = (servers.frames(), Instant::now());
        send(FRAMES);
        let elapsed = start.elapsed().as_secs_f64();
        let rate_mpps = (servers.frames() - before) as f64 / elapsed / 1e6;
        settle();

        let (before, busy) = (servers.frames(), worker_time());
        for _ in 0..BURSTS {
            send(BURST);
        }
        settle();
        let spent = (worker_time() - busy).as_nanos() as f64;
        Round {
            rate_mpps,
            cost_ns: spent / (servers.frames() - before) as f64,
        }
    }))
}

fn mqtt_round(flow: &mut Flow) -> Round {
    let (start, busy) = (Instant::now(), worker_time());
    let frames = flow.send(SEGMENTS) as f64;
    let elapsed = start.elapsed().as_secs_f64();
    let spent = (worker_time() - busy).as_nanos() as f64;
    Round {
        rate_mpps: frames / elapsed / 1e6,
        cost_ns: spent / frames,
    }
}

/// Puts the calling thread where the load is made.
fn pin() {
    let mut set = CpuSet::new();
    set.set(LOAD_PROCESSOR);
    sched_setaffinity(None, &set).expect("a processor to make load on");
}

/// The interface of the host whose namespace the calling thread is in.
fn interface() -> u32 {
    let found = Interface::by_name(INTERFACE).expect("an answer");
    found.expect("a host's interface").index
}

/// Long enough for what is under way to arrive.
fn settle() {
    thread::sleep(Duration::from_millis(50));
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

fn report(name: &str, rounds: &[Round], bases: Option<[f64; 2]>) {
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
    let ratios = bases.map(|bases| bases.map(|base| format!("{:.2}", middle / base)));
    let [of_af_xdp, of_bridge] = ratios.unwrap_or_default();
    println!("{name:34} {range:>21} {cost:>12} {of_af_xdp:>10} {of_bridge:>10}");
}
