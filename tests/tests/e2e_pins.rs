//! Two gateways on one machine: the second is told so, and the first goes on as if nothing had been.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use gateway::demo::scene::Scene;
use gateway::demo::work;
use gateway::netns::peers::Gateway;
use gateway::netns::{Family, Topology, output};
use weir_tests::lab::{must, scene, weir};

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");
const PATIENCE: Duration = Duration::from_secs(5);

/// The gateway's configuration with other endpoints, and `changes`.
fn other_configuration(topology: &Topology, name: &str, changes: &[(&str, &str)]) -> PathBuf {
    let config = Gateway::config(topology);
    let mut text = fs::read_to_string(&config).expect("the gateway's own");
    let endpoints = [
        ("127.0.0.1:9683", "127.0.0.1:9684"),
        ("control.sock", "other.sock"),
    ];
    for (from, to) in endpoints.iter().chain(changes) {
        assert!(text.contains(from), "{from} in {text}");
        text = text.replace(from, to);
    }
    let other = config.with_file_name(name);
    fs::write(&other, text).expect("room for a file");
    other
}

/// What `weir` says that can't do what it is asked.
fn refused(topology: &Topology, command: &str, config: &Path) -> String {
    let mut weir = topology.gateway().command(PROGRAM);
    // One that runs all the same mustn't go on for ever.
    let mut limited = Command::new("timeout");
    weir.args([command, "--config"]).arg(config);
    limited
        .arg("20")
        .arg(weir.get_program())
        .args(weir.get_args());
    let done = must(output(&mut limited));
    assert_eq!(
        done.status.code(),
        Some(2),
        "{}{}",
        done.stdout,
        done.stderr
    );
    done.stderr
}

/// That devices work, and that the inspector sees it.
fn inspects(scene: &Scene, gateway: &Gateway<'_>) {
    let judged = || must(gateway.metrics()).sum("weir_frames_total", &[]);
    let before = judged();
    for job in work::ALL {
        let outcome = must(job.run(scene, Family::V4));
        assert!(outcome.works, "{}: {outcome:?}", job.name);
    }
    assert!(judged() > before, "nothing was inspected");
}

#[test]
fn a_second_gateway_on_the_same_pins_is_refused_and_changes_nothing() {
    let scene = scene("e2e-pins-same");
    let topology = &scene.topology;
    let gateway = weir(topology, PROGRAM, "native");
    let services = (
        "[policy]",
        "[services]\nmqtt = [1999]\ncoap = []\n\n[policy]",
    );
    let other = other_configuration(topology, "other.toml", &[services]);
    for (command, config) in [
        ("run", &other),
        ("detach", &other),
        ("run", &Gateway::config(topology)),
    ] {
        let said = refused(topology, command, config);
        let process = format!("process {}", gateway.process().id());
        for needle in [
            "already runs on the pins",
            &process,
            "inside and outside",
            "pin_dir",
        ] {
            assert!(said.contains(needle), "{command}: no {needle} in {said}");
        }
    }
    inspects(&scene, &gateway);
    gateway.into_process().kill();
    let successor = must(Gateway::restart(topology, Path::new(PROGRAM)));
    inspects(&scene, &successor);
    let status = must(successor.into_process().stop(PATIENCE));
    assert!(status.success(), "{status}");
}

#[test]
fn a_gateway_with_other_pins_leaves_the_interfaces_as_they_are() {
    let scene = scene("e2e-pins-other");
    let topology = &scene.topology;
    let gateway = weir(topology, PROGRAM, "native");
    let pins = must(topology.state().mount_bpf());
    let (here, there) = (
        format!("pin_dir = \"{}\"", pins.display()),
        format!("pin_dir = \"{}/other\"", pins.display()),
    );
    let other = other_configuration(topology, "other.toml", &[(&here, &there)]);
    must(topology.gateway().ip("link set dev inside promisc off"));
    let said = refused(topology, "run", &other);
    assert!(
        said.contains("inside already has an XDP program") && said.lines().count() == 1,
        "{said}"
    );
    assert!(!pins.join("other").exists(), "nothing is left");
    let link = must(topology.gateway().ip("-d link show dev inside"));
    assert!(link.contains("promiscuity 0"), "it was changed: {link}");
    must(topology.gateway().ip("link set dev inside promisc on"));
    inspects(&scene, &gateway);
}
