//! Large messages over a long wire that loses segments before the gateway. Held segments must not cost
//! their sender its knowledge of what is missing: it repairs each loss by what its receiver tells it,
//! as it does without a gateway, and doesn't wait for its timer (RFC 5681 §3.2, RFC 6298).

use std::fs;
use std::time::Duration;

use gateway::demo::scene::Scene;
use gateway::netns::peers::mosquitto_sub;
use gateway::netns::{Family, Host, Namespace};
use weir_tests::clients::publish;
use weir_tests::lab::{FAMILIES, baseline, must, scene};
use weir_tests::relay::Relay;
use weir_tests::relay::segments::Segments;

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");
const MESSAGES: u8 = 3;
const LEN: usize = 1_000_000;
/// How long a frame is under way.
const DELAY: Duration = Duration::from_millis(10);
/// Of so many segments with new data from the devices, one is lost.
const ONE_IN: u64 = 100;
/// Fewer losses would show too little.
const LOSSES: u64 = 30;
/// Of so many losses one may cost a timeout more than without a gateway, for whatever else uses the
/// machine. Without duplicate acknowledgements nearly each does.
const TOLERATED_ONE_IN: u64 = 4;

#[test]
fn a_loss_before_the_gateway_costs_no_timeout() {
    let bridged = scene("e2e-loss-bridge");
    let bridge = must(bridged.topology.bridge());
    let without = publish_over_losses(&bridged);
    drop(bridge);
    let guarded = scene("e2e-loss");
    let gateway = baseline(&guarded.topology, PROGRAM, "native", "");
    let with = publish_over_losses(&guarded);
    println!("bridge: {without:?}, gateway: {with:?}");
    for run in [&without, &with] {
        assert!(run.lost >= LOSSES, "{run:?}");
    }
    assert!(
        with.timeouts <= without.timeouts + with.lost / TOLERATED_ONE_IN,
        "bridge: {without:?}, gateway: {with:?}"
    );
    let purpose = [("purpose", "duplicate_ack")];
    let told = must(gateway.metrics()).sum("weir_injected_frames_total", &purpose);
    assert!(told >= with.lost as f64, "{told} duplicates, {with:?}");
    let events = must(gateway.events());
    assert!(events.is_empty(), "ordinary work met {events:#?}");
}

/// What it took to bring all messages over.
#[derive(Debug)]
struct Run {
    /// Segments that were lost.
    lost: u64,
    /// How often the devices' retransmission timer ran out.
    timeouts: u64,
}

fn publish_over_losses(scene: &Scene) -> Run {
    be_patient(scene.host(Host::Devices));
    let fates = [ONE_IN, 0].map(Segments::lose_one_in);
    let relay = Relay::start(&scene.topology, Host::Devices, DELAY, fates);
    for family in FAMILIES {
        for number in 0..MESSAGES {
            message_arrives_whole(scene, family, number);
        }
    }
    Run {
        lost: relay.finish().iter().map(Segments::lost).sum(),
        timeouts: timeouts(scene.host(Host::Devices)),
    }
}

/// Lets the devices' retransmission timer run for two seconds at least: it runs out over a segment that
/// nobody speaks of, and not because a busy machine answers late.
fn be_patient(devices: &Namespace) {
    for (family, subnet) in [("-4", "10.77.0.0/24"), ("-6", "fd77::/64")] {
        let route = must(devices.ip(&format!("{family} route show {subnet}")));
        let known = route.lines().next().expect("a route of the interface's");
        must(devices.ip(&format!("{family} route change {known} rto_min 2s")));
    }
}

fn message_arrives_whole(scene: &Scene, family: Family, number: u8) {
    let server = scene.broker.address(family).to_string();
    let payload: Vec<u8> = (0..LEN).map(|at| (at % 251) as u8 ^ number).collect();
    let file = scene.topology.state().dir().join("sent");
    fs::write(&file, &payload).expect("room for a file");
    let arguments = ["-h", &server, "-q", "1", "-t", "large"];
    let path = file.to_str().expect("a plain path");
    publish(scene, &[&arguments[..], &["-r", "-f", path]].concat());
    // From beside the broker, where nothing is lost.
    let mut fetch = mosquitto_sub(scene.host(Host::Servers));
    fetch.args(arguments).args(["-C", "1", "-N", "-W", "30"]);
    let fetched = fetch.output().expect("it runs").stdout;
    assert!(
        fetched == payload,
        "{} of {LEN} bytes, {family:?}",
        fetched.len()
    );
}

/// How often a retransmission timer has run out in the namespace (Documentation/networking/snmp_counter.rst).
fn timeouts(namespace: &Namespace) -> u64 {
    let read = || fs::read_to_string("/proc/thread-self/net/netstat");
    let text = must(namespace.enter(read)).expect("procfs");
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let [names, figures] = [lines.next(), lines.next()].map(|line| line.expect("two lines"));
    let at = names
        .split_whitespace()
        .position(|name| name == "TCPTimeouts")
        .expect("its name");
    let figure = figures.split_whitespace().nth(at).expect("its figure");
    figure.parse().expect("a number")
}
