//! Faults under traffic: the gateway is killed, hangs, is restarted; the link does what was configured.
//!
//! Each test runs alone, and prints what it measured.

use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use gateway::demo::work::Telemetry;
use gateway::netns::peers::{Gateway, Mosquitto, Setup};
use gateway::netns::{Spec, Topology, wait_until};
use rustix::process::Signal;
use serde_json::Value;
use weir_tests::lab::{BASELINE, alone, must};
use weir_tests::stream::Stream;

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");
/// The service whose frames are inspected, and a port that is nobody's business.
const COAP: u16 = 5683;
const OTHER: u16 = 9999;

/// From the death of the daemon to the kernel forwarding in its place.
const FALLBACK_AFTER_DEATH: Duration = Duration::from_millis(50);
/// From the last heartbeat of a daemon that hangs.
const FALLBACK_AFTER_HANG: Duration = Duration::from_millis(200);
/// Good for a second.
const PATIENT: &str = "heartbeat_ms = 200\n";
/// A time of traffic before, between and after what happens.
const WHILE: Duration = Duration::from_millis(700);
/// A machine under test has other things to do at times: the best of this many counts.
const ATTEMPTS: usize = 3;

fn topology(label: &str) -> Topology {
    must(Topology::build(&Spec {
        label,
        field: false,
        ..Spec::default()
    }))
}

fn start<'t>(topology: &'t Topology, on_failure: &str) -> Gateway<'t> {
    let mut setup = Setup::new(Path::new(PROGRAM), BASELINE);
    setup.on_failure = on_failure;
    must(Gateway::start(topology, &setup))
}

/// As [`start`], for what asks that not one frame is lost: a worker that waits for a processor for longer than its
/// heartbeat is good for lets go of what it has, which is a fault of its own.
fn start_patient(topology: &Topology) -> Gateway<'_> {
    let mut setup = Setup::new(Path::new(PROGRAM), BASELINE);
    setup.more = PATIENT;
    must(Gateway::start(topology, &setup))
}

fn restart(topology: &Topology) -> Gateway<'_> {
    must(Gateway::restart(topology, Path::new(PROGRAM)))
}

/// That frames of the services do go through the inspector: otherwise a fault would change nothing.
fn inspects(gateway: &Gateway<'_>) {
    let judged = must(gateway.metrics()).sum("weir_frames_total", &[]);
    assert!(judged > 0.0, "nothing was inspected");
}

#[test]
fn killed_and_open_the_kernel_forwards_within_50_ms() {
    let _alone = alone();
    let topology = topology("fault-kill-open");
    let mut gaps = Vec::new();
    for _ in 0..ATTEMPTS {
        let gateway = start(&topology, "open");
        let stream = Stream::start(&topology, COAP);
        sleep(WHILE);
        inspects(&gateway);
        let killed = stream.now();
        gateway.into_process().kill();
        sleep(WHILE);
        let successor = restart(&topology);
        sleep(WHILE);
        let end = stream.now();
        let record = stream.finish();
        let gap = record.longest_gap(killed..killed + WHILE);
        let later = record.longest_gap(killed + WHILE..end);
        println!(
            "gap after kill -9: {gap:?}, lost {}; while restarting {later:?}",
            record.lost()
        );
        gaps.push(gap);
        drop(successor);
    }
    let best = gaps.iter().min().expect("attempts");
    assert!(*best <= FALLBACK_AFTER_DEATH, "{gaps:?}");
}

#[test]
fn killed_and_open_tcp_sessions_live_on() {
    let _alone = alone();
    let topology = topology("fault-kill-tcp");
    let broker = must(Mosquitto::start(&topology));
    let gateway = start(&topology, "open");
    let telemetry = must(Telemetry::start(&topology, &broker));
    sleep(WHILE);
    inspects(&gateway);
    gateway.into_process().kill();
    sleep(WHILE);
    let _successor = restart(&topology);
    sleep(WHILE);
    same_connections_throughout(&broker, telemetry);
}

#[test]
fn killed_and_closed_nothing_of_the_services_passes() {
    let _alone = alone();
    let topology = topology("fault-kill-closed");
    let gateway = start(&topology, "closed");
    let (service, other) = (
        Stream::start(&topology, COAP),
        Stream::start(&topology, OTHER),
    );
    sleep(WHILE);
    inspects(&gateway);
    let killed = service.now();
    gateway.into_process().kill();
    sleep(WHILE);
    let restarting = service.now();
    let _successor = restart(&topology);
    sleep(WHILE);
    let end = service.now();
    let (service, other) = (service.finish(), other.finish());

    // What the dead process had in hand when it was killed may still go out.
    let dead = killed + FALLBACK_AFTER_DEATH..restarting;
    assert_eq!(service.arrived(dead), 0, "of a service without a gateway");
    assert!(
        service.arrived(Duration::ZERO..killed) > 0,
        "nothing before"
    );
    assert!(service.arrived(end - WHILE / 2..end) > 0, "nothing after");
    println!("other traffic: lost {} of {}", other.lost(), other.sent);
    assert_eq!(other.lost(), 0, "of what isn't a service's");
}

#[test]
fn hung_and_open_the_heartbeat_notices_within_200_ms() {
    let _alone = alone();
    let topology = topology("fault-hang-open");
    let mut gaps = Vec::new();
    let gateway = start(&topology, "open");
    for _ in 0..ATTEMPTS {
        let stream = Stream::start(&topology, COAP);
        sleep(WHILE);
        inspects(&gateway);
        let stopped = stream.now();
        must(gateway.process().signal(Signal::STOP));
        sleep(WHILE);
        let continued = stream.now();
        must(gateway.process().signal(Signal::CONT));
        sleep(WHILE);
        let end = stream.now();
        let record = stream.finish();
        let gap = record.longest_gap(stopped..continued);
        let oldest = record.oldest(continued..end);
        println!("gap after SIGSTOP: {gap:?}; oldest frame after SIGCONT: {oldest:?}");
        assert!(
            oldest <= FALLBACK_AFTER_HANG,
            "a stale frame came out late: {oldest:?}"
        );
        assert!(record.arrived(end - WHILE / 2..end) > 0, "nothing after");
        gaps.push(gap);
    }
    let best = gaps.iter().min().expect("attempts");
    assert!(*best <= FALLBACK_AFTER_HANG, "{gaps:?}");
}

#[test]
fn a_hang_is_told_with_what_crossed_meanwhile() {
    const HANG: Duration = Duration::from_millis(1200);
    for (on_failure, outcome, fate, counted) in [
        ("open", "open-stale", "crossed uninspected", "passed"),
        ("closed", "closed-stale", "dropped by on_failure", "dropped"),
    ] {
        let _alone = alone();
        let topology = topology("fault-told");
        let gateway = start(&topology, on_failure);
        let stream = Stream::start(&topology, COAP);
        sleep(WHILE);
        must(gateway.process().signal(Signal::STOP));
        sleep(HANG);
        must(gateway.process().signal(Signal::CONT));
        let told = || {
            Ok(must(gateway.process().printed())
                .contains(fate)
                .then_some(()))
        };
        must(wait_until("the warning", Duration::from_secs(5), told));
        sleep(Duration::from_secs(2));
        stream.finish();
        let log = must(gateway.process().printed());
        assert!(
            log.contains("WARN") && log.contains("a worker of inside - outside was away for 1."),
            "{log}"
        );
        let mut ctl = Command::new(PROGRAM);
        ctl.args(["ctl", "--config"])
            .arg(Gateway::config(&topology))
            .args(["--json", "status"]);
        let said = must(gateway::netns::output(&mut ctl)).stdout;
        let status: Value = serde_json::from_str(&said).expect("JSON");
        let missed = &status["about"]["missed"];
        let frames = must(gateway.metrics()).sum("weir_xdp_frames_total", &[("outcome", outcome)]);
        assert!(frames > 0.0 && missed["last"].is_string(), "{said}");
        assert_eq!(missed[counted].as_f64(), Some(frames), "{said}");
    }
}

#[test]
fn hung_and_open_tcp_sessions_live_on() {
    let _alone = alone();
    let topology = topology("fault-hang-tcp");
    let broker = must(Mosquitto::start(&topology));
    let gateway = start(&topology, "open");
    let telemetry = must(Telemetry::start(&topology, &broker));
    sleep(WHILE);
    inspects(&gateway);
    must(gateway.process().signal(Signal::STOP));
    sleep(WHILE);
    must(gateway.process().signal(Signal::CONT));
    sleep(WHILE);
    same_connections_throughout(&broker, telemetry);
}

#[test]
fn hung_and_closed_nothing_of_the_services_passes_then_or_late() {
    let _alone = alone();
    let topology = topology("fault-hang-closed");
    let gateway = start(&topology, "closed");
    let (service, other) = (
        Stream::start(&topology, COAP),
        Stream::start(&topology, OTHER),
    );
    sleep(WHILE);
    inspects(&gateway);
    let stopped = service.now();
    must(gateway.process().signal(Signal::STOP));
    sleep(WHILE);
    let continued = service.now();
    must(gateway.process().signal(Signal::CONT));
    sleep(WHILE);
    let end = service.now();
    let (service, other) = (service.finish(), other.finish());

    assert_eq!(service.arrived(stopped + FALLBACK_AFTER_HANG..continued), 0);
    let oldest = service.oldest(continued..end);
    println!(
        "oldest frame after SIGCONT: {oldest:?}; other traffic: lost {}",
        other.lost()
    );
    assert!(
        oldest <= FALLBACK_AFTER_HANG,
        "a stale frame came out late: {oldest:?}"
    );
    assert!(service.arrived(end - WHILE / 2..end) > 0, "nothing after");
    assert_eq!(other.lost(), 0, "of what isn't a service's");
}

#[test]
fn graceful_restart_loses_not_one_frame() {
    let _alone = alone();
    let topology = topology("fault-restart");
    let broker = must(Mosquitto::start(&topology));
    let mut gateway = start_patient(&topology);
    let telemetry = must(Telemetry::start(&topology, &broker));
    let stream = Stream::start(&topology, COAP);
    for _ in 0..ATTEMPTS {
        sleep(WHILE);
        inspects(&gateway);
        let status = must(gateway.into_process().stop(Duration::from_secs(5)));
        assert!(status.success(), "{status}");
        gateway = restart(&topology);
    }
    sleep(WHILE);
    let record = stream.finish();
    println!(
        "{} restarts: lost {} of {}",
        ATTEMPTS,
        record.lost(),
        record.sent
    );
    assert_eq!(record.lost(), 0, "of {}", record.sent);
    same_connections_throughout(&broker, telemetry);
}

/// Every report has arrived, by the connections that were there at first.
fn same_connections_throughout(broker: &Mosquitto, telemetry: Telemetry) {
    let (sent, arrived) = must(telemetry.finish());
    assert!(sent > 0 && arrived == sent, "{arrived} of {sent} reports");
    let log = must(broker.process().printed());
    let connections = log.matches("New client connected").count();
    assert_eq!(connections, 2, "reporter and station, once each:\n{log}");
}
