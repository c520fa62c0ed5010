//! Floods against the gateway as an operator runs it: what the XDP program drops costs the inspector
//! nothing, ordinary traffic goes on without a loss, and the books balance with what was sent.

mod load;

use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use gateway::demo::work::Telemetry;
use gateway::netns::peers::{Gateway, Metrics, Mosquitto, Setup};
use gateway::netns::{Host, INTERFACE, Spec, Topology};
use weir_tests::lab::{BASELINE, alone, must};
use weir_tests::stream::Stream;

use load::{Load, not_taken, worker_time};

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");
const COAP: u16 = 5683;
/// Not the servers' address: what gets through ends at their interface.
const NOBODY: [u8; 6] = [0x02, 0, 0, 0, 0, 0x99];

/// NON GET /n, and the same of a version that isn't.
const REQUEST: &[u8] = b"\x54\x01\x00\x01abcd\xb1n";
const BROKEN: &[u8] = b"\x94\x01\x00\x01abcd\xb1n";

/// What a source may send in these tests, and save up.
const RATE: f64 = 100.0;
const BURST: f64 = 10.0;
/// Workers sleep when there is nothing to do; a device sends half of what it may.
const MORE: &str = "busy_poll_us = 0\n\n\
                    [budget]\nudp_packets_per_second = 100\nburst = \"100ms\"\n\n\
                    [block]\nfiles = [\"flood.netset\"]\n";
const DEVICE_INTERVAL: Duration = Duration::from_millis(20);
const LISTED: &str = "11.0.0.0/8\n";

/// How long a flood lasts.
const WHILE: Duration = Duration::from_secs(2);
/// The part of that time that a worker may run for at most: it takes up to two and a half percent with
/// 3,000,000 frames a second in the flood.
const BUSY_MAX: f64 = 0.15;
/// Long enough for what is under way to arrive.
const SETTLE: Duration = Duration::from_millis(300);

/// What came of a flood.
#[derive(Debug)]
struct Seen {
    /// Frames of the flood.
    sent: f64,
    /// For how long.
    seconds: f64,
    /// Frames of the flood that the inspector got.
    inspected: f64,
    before: Metrics,
    after: Metrics,
}

impl Seen {
    /// By how much a count has grown.
    fn grown(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.after.sum(name, labels) - self.before.sum(name, labels)
    }

    /// Frames from the devices' side that the program dropped as `outcome`.
    fn dropped(&self, outcome: &str) -> f64 {
        let labels = [("interface", "outside"), ("outcome", outcome)];
        self.grown("weir_xdp_frames_total", &labels)
    }

    /// What so many sources may send in that time.
    fn allowed(&self, sources: u32) -> f64 {
        f64::from(sources) * (BURST + RATE * self.seconds + 1.0)
    }
}

/// Floods a gateway beside a device's requests and an MQTT session, which have to come through whole.
fn flood(label: &str, load: &Load<'_>) -> Seen {
    let _alone = alone();
    let topology = must(Topology::build(&Spec {
        label,
        field: false,
        ..Spec::default()
    }));
    let broker = must(Mosquitto::start(&topology));
    fs::write(topology.state().dir().join("flood.netset"), LISTED).expect("written");
    let mut setup = Setup::new(Path::new(PROGRAM), BASELINE);
    setup.more = MORE;
    let gateway = must(Gateway::start(&topology, &setup));
    sleep(SETTLE);
    let seen = with_books(&topology, &gateway, load);

    let telemetry = must(Telemetry::start(&topology, &broker));
    load.send(&topology, WHILE);
    let (sent, arrived) = must(telemetry.finish());
    assert!(sent > 0 && arrived == sent, "{arrived} of {sent} reports");
    seen
}

/// A flood beside datagrams of a device alone, so that every frame of a service is known.
fn with_books(topology: &Topology, gateway: &Gateway<'_>, load: &Load<'_>) -> Seen {
    let (before, busy) = (must(gateway.metrics()), worker_time(gateway));
    let lost_before = Lost::on_the_way(topology);
    let stream = Stream::every(DEVICE_INTERVAL, topology, COAP);
    let started = Instant::now();
    let asked = load.send(topology, WHILE);
    let seconds = started.elapsed().as_secs_f64();
    sleep(SETTLE);
    let record = stream.finish();
    let busy = worker_time(gateway) - busy;
    let lost = Lost::on_the_way(topology).since(&lost_before);
    let sent = (asked - lost.of_flood) as f64;
    let unexplained = record.lost().saturating_sub(lost.of_devices);
    assert_eq!(unexplained, 0, "of {} ordinary requests", record.sent);
    let mut seen = Seen {
        sent,
        seconds,
        inspected: 0.0,
        before,
        after: must(gateway.metrics()),
    };
    let inspected = seen.dropped("inspect");
    seen.inspected = inspected - (record.sent - record.lost()) as f64;
    println!(
        "{sent} frames of a flood in {seconds:.1} s, {} of them inspected; {} ordinary ones; \
         the worker ran for {busy:?}; {lost:?} before the gateway",
        seen.inspected, record.sent
    );
    assert!(busy.as_secs_f64() < BUSY_MAX * seconds, "{busy:?}");
    // What the program sent to the inspector is all that it judged, and nothing was lost on the way.
    assert_eq!(seen.grown("weir_frames_total", &[]), inspected);
    assert_eq!(seen.grown("weir_port_lost_frames_total", &[]), 0.0);
    seen
}

/// Frames that found no room in the veth between the devices and the gateway.
#[derive(Debug)]
struct Lost {
    of_flood: u64,
    of_devices: u64,
}

impl Lost {
    fn on_the_way(topology: &Topology) -> Self {
        let devices = topology.host(Host::Devices);
        let of_flood = not_taken(topology);
        let shown = must(devices.ip(&format!("-j -s link show dev {INTERFACE}")));
        let shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
        let dropped = shown[0]["stats64"]["tx"]["dropped"].as_u64();
        Self {
            of_flood,
            of_devices: dropped.expect("a count") - of_flood,
        }
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            of_flood: self.of_flood - before.of_flood,
            of_devices: self.of_devices - before.of_devices,
        }
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn requests_in_the_names_of_a_whole_ipv6_network_end_at_its_budget() {
    let load = Load {
        message: REQUEST,
        receiver: NOBODY,
        first: address("fd88::"),
        step: 1,
    };
    let seen = flood("flood-v6", &load);
    let over = seen.dropped("over-budget");
    assert_eq!(over + seen.inspected, seen.sent, "{seen:?}");
    assert!(seen.inspected <= seen.allowed(1), "{}", seen.inspected);
    assert!(seen.inspected >= RATE * seen.seconds, "{}", seen.inspected);
}

#[test]
fn requests_in_several_names_end_at_their_budgets() {
    const SOURCES: u32 = 16;
    let load = Load {
        message: REQUEST,
        receiver: NOBODY,
        first: address("10.89.0.1"),
        step: u32::MAX / SOURCES + 1,
    };
    let seen = flood("flood-v4", &load);
    let over = seen.dropped("over-budget");
    assert_eq!(over + seen.inspected, seen.sent, "{seen:?}");
    assert!(seen.inspected <= seen.allowed(SOURCES));
}

#[test]
fn requests_in_the_names_of_a_listed_network_never_arrive() {
    let load = Load {
        message: REQUEST,
        receiver: NOBODY,
        first: address("11.0.0.0"),
        step: 1,
    };
    let seen = flood("flood-listed", &load);
    assert_eq!(seen.dropped("banned"), seen.sent, "{seen:?}");
    assert_eq!(seen.inspected, 0.0);
}

#[test]
fn broken_coap_of_one_source_is_sampled() {
    let load = Load {
        message: BROKEN,
        receiver: NOBODY,
        first: address("10.89.0.1"),
        step: 0,
    };
    let seen = flood("flood-broken", &load);
    let (broken, over) = (seen.dropped("coap-version"), seen.dropped("over-budget"));
    assert_eq!(broken + over + seen.inspected, seen.sent, "{seen:?}");
    let reason = [("reason", "coap.malformed.version")];
    assert_eq!(seen.grown("weir_xdp_reasons_total", &reason), broken);
    assert_eq!(seen.grown("weir_reasons_total", &reason), seen.inspected);
    assert!(seen.inspected > 0.0 && seen.inspected <= seen.allowed(1));
}
