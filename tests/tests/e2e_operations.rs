//! Running the gateway: what isn't its business passes untouched, rules are reloaded, it ends cleanly,
//! and it copes with the links it meets.

use std::fs;
use std::path::Path;
use std::time::Duration;

use gateway::demo::attacks;
use gateway::demo::scene::Scene;
use gateway::demo::work;
use gateway::netns::peers::{Gateway, Setup};
use gateway::netns::{self, Family, Host, Process, Spec, Topology, address, output, wait_until};
use serde_json::Value;
use weir_tests::clients::{Subscriber, publish};
use weir_tests::lab::{BASELINE, FAMILIES, must, scene, weir};

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");
const PATIENCE: Duration = Duration::from_secs(5);

#[test]
fn other_traffic_passes_untouched_in_native_mode() {
    other_traffic("e2e-other-native", "native");
}

#[test]
fn other_traffic_passes_untouched_in_generic_mode() {
    other_traffic("e2e-other-generic", "generic");
}

fn other_traffic(label: &str, xdp: &str) {
    let scene = scene(label);
    let gateway = weir(&scene.topology, PROGRAM, xdp);
    for family in FAMILIES {
        pings(&scene.topology, family);
        for direction in ["--client-sends", "--reverse"] {
            let gbit_per_s = iperf3(&scene.topology, family, direction);
            println!("{xdp} {family:?} {direction}: {gbit_per_s:.2} Gbit/s");
        }
    }
    let judged = must(gateway.metrics()).sum("weir_frames_total", &[]);
    assert_eq!(judged, 0.0, "the inspector saw what isn't a service's");
}

fn pings(topology: &Topology, family: Family) {
    let server = address(Host::Servers, 0, family).to_string();
    let mut ping = topology.host(Host::Devices).command("ping");
    ping.args(["-c", "5", "-i", "0.02", "-s", "1400", "-W", "1", &server]);
    let done = must(output(&mut ping));
    assert!(done.stdout.contains(" 0% packet loss"), "{}", done.stdout);
}

/// A second of TCP at full speed; in Gbit/s.
fn iperf3(topology: &Topology, family: Family, direction: &str) -> f64 {
    let server = address(Host::Servers, 0, family).to_string();
    let mut serve = topology.host(Host::Servers).command("iperf3");
    serve.args(["-s", "-1", "--forceflush", "-B", &server]);
    let mut serving = must(Process::start(topology.state(), "iperf3", &mut serve));
    must(serving.ready(PATIENCE, |process| {
        let listens = process.printed()?.contains("Server listening");
        Ok(listens.then_some(()))
    }));
    let mut client = topology.host(Host::Devices).command("iperf3");
    client.args(["-J", "-t", "1", "-c", &server]);
    if direction == "--reverse" {
        client.arg(direction);
    }
    let done = must(output(&mut client));
    let report: Value = serde_json::from_str(&done.stdout).expect("iperf3 reports in JSON");
    let bits_per_s = report["end"]["sum_received"]["bits_per_second"].as_f64();
    bits_per_s.unwrap_or_else(|| panic!("iperf3: {report:#}")) / 1e9
}

#[test]
fn reload_takes_new_rules_and_keeps_the_old_ones_from_a_broken_file() {
    let scene = scene("e2e-reload");
    let gateway = weir(&scene.topology, PROGRAM, "auto");
    let rules = Gateway::rules(&scene.topology);
    let listener = Subscriber::start(&scene, "listener", &at(&scene, "-t", "plant/#"));
    publish(
        &scene,
        &[at(&scene, "-t", "plant/1"), vec!["-m", "before"]].concat(),
    );

    let forbid = "\n[[rule]]\nid = \"no-valves\"\ndescription = \"Nobody opens valves\"\n\
                  match = { packet = \"PUBLISH\", topic = \"plant/valve/#\" }\naction = \"drop\"\n";
    fs::write(&rules, format!("{BASELINE}{forbid}")).expect("room for a file");
    must(gateway.reload());
    generation(&gateway, "ok", 1.0);
    publish(
        &scene,
        &[at(&scene, "-t", "plant/valve/7"), vec!["-m", "open!"]].concat(),
    );

    fs::write(&rules, "[[rule]]\nid = broken").expect("room for a file");
    must(gateway.reload());
    generation(&gateway, "failed", 1.0);
    publish(
        &scene,
        &[at(&scene, "-t", "plant/valve/8"), vec!["-m", "open!"]].concat(),
    );
    publish(
        &scene,
        &[at(&scene, "-t", "plant/2"), vec!["-m", "after"]].concat(),
    );
    assert_eq!(listener.messages(2), ["before", "after"]);
    let log = must(gateway.process().printed());
    assert!(log.contains("rules.toml:2"), "the log says where:\n{log}");
}

/// Arguments of a client of the broker.
fn at<'a>(scene: &Scene, option: &'a str, value: &'a str) -> Vec<&'a str> {
    assert_eq!(scene.broker.address(Family::V4).to_string(), "10.77.0.2");
    vec!["-h", "10.77.0.2", option, value]
}

/// Waits until `count` reloads have ended with `result`.
fn generation(gateway: &Gateway<'_>, result: &str, count: f64) {
    must(wait_until("the reload", PATIENCE, || {
        let reloads = gateway
            .metrics()?
            .sum("weir_reloads_total", &[("result", result)]);
        Ok((reloads == count).then_some(()))
    }));
}

#[test]
fn sigterm_ends_it_with_status_0_and_the_kernel_goes_on() {
    let scene = scene("e2e-term");
    let gateway = weir(&scene.topology, PROGRAM, "native");
    let status = must(gateway.into_process().stop(PATIENCE));
    assert!(status.success(), "{status}");
    // Open on failure: devices go on working while nobody inspects.
    for job in work::ALL {
        let outcome = must(job.run(&scene, Family::V4));
        assert!(outcome.works, "{}: {outcome:?}", job.name);
    }
}

#[test]
fn hosts_that_leave_checksums_to_hardware_are_served() {
    let topology = must(Topology::build(&Spec {
        label: "e2e-checksums",
        checksum_offload: true,
        ..Spec::default()
    }));
    let scene = must(Scene::start(topology));
    let _gateway = weir(&scene.topology, PROGRAM, "native");
    inspected_services_work(&scene);
}

#[test]
fn every_queue_of_a_link_is_served() {
    let topology = must(Topology::build(&Spec {
        label: "e2e-queues",
        queues: 2,
        ..Spec::default()
    }));
    let scene = must(Scene::start(topology));
    let _gateway = weir(&scene.topology, PROGRAM, "native");
    inspected_services_work(&scene);
}

#[test]
fn devices_may_stand_inside_and_servers_outside() {
    let scene = scene("e2e-swapped");
    let rules = attacks::rules();
    let mut setup = Setup::new(Path::new(PROGRAM), &rules);
    setup.swapped = true;
    setup.more = attacks::TLS_ZONE;
    let _gateway = must(Gateway::start(&scene.topology, &setup));
    inspected_services_work(&scene);
    for attack in attacks::ALL {
        let seen = must(attack.run(&scene, Family::V4));
        assert!(!seen.succeeded, "{}: {seen:?}", attack.name);
    }
}

/// What goes through the inspector; each of these opens several flows, over which queues share.
fn inspected_services_work(scene: &Scene) {
    for family in FAMILIES {
        for job in work::ALL
            .iter()
            .filter(|job| !job.name.starts_with("other"))
        {
            let outcome = must(job.run(scene, family));
            assert!(outcome.works, "{}, {family:?}: {outcome:?}", job.name);
        }
    }
}

#[test]
fn a_missing_interface_is_named_with_a_remedy() {
    let topology = must(Topology::build(&Spec {
        label: "e2e-no-port",
        ..Spec::default()
    }));
    must(topology.gateway().ip("link del outside"));
    let error = Gateway::start(&topology, &Setup::new(Path::new(PROGRAM), BASELINE))
        .expect_err("there is no such port");
    let netns::Error::Failed { status, output, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(status.code(), Some(2), "{output}");
    assert!(output.contains("outside"), "{output}");
}

#[test]
fn a_port_with_addresses_is_served_and_warned_of() {
    let scene = scene("e2e-addresses");
    let namespace = scene.topology.gateway();
    must(namespace.ip("address add 192.0.2.7/24 dev inside"));
    let gateway = weir(&scene.topology, PROGRAM, "native");
    let log = must(gateway.process().printed());
    for needle in [
        "inside: has the address 192.0.2.7",
        "`ip address flush dev inside`",
    ] {
        assert!(log.contains(needle), "no {needle} in {log}");
    }
    assert!(!log.contains("outside: has the address"), "{log}");
    inspected_services_work(&scene);
}

#[test]
fn a_bridges_ports_are_served_and_warned_of() {
    let scene = scene("e2e-bridged");
    let _bridge = must(scene.topology.bridge());
    let gateway = weir(&scene.topology, PROGRAM, "native");
    let log = must(gateway.process().printed());
    for port in ["inside", "outside"] {
        for needle in [
            format!("{port}: is a port of bridge"),
            format!("`ip link set dev {port} nomaster`"),
        ] {
            assert!(log.contains(&needle), "no {needle} in {log}");
        }
    }
    inspected_services_work(&scene);
}
