//! Clients of several makers at work through the gateway, all at once, with the shipped rules enforced:
//! every message arrives, and Weir has nothing to say. What these clients do is in tests/peers and
//! beside this file; `scripts/setup test` installs them.

mod rumqttc;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use gateway::demo::scene::Scene;
use gateway::netns::peers::{Gateway, Setup};
use gateway::netns::{Family, Host, Process};
use weir_tests::clients::{Subscriber, publish};
use weir_tests::lab::{BASELINE, must, scene};

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");
const VERSIONS: [&str; 3] = ["3.1", "3.1.1", "5.0"];
/// For one client's whole work; it takes a third of it on two idle cores.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn clients_of_all_makers_work_unchanged_in_native_mode() {
    all_at_work("e2e-peers-native", "native", [Family::V4, Family::V6]);
}

#[test]
fn clients_of_all_makers_work_unchanged_in_generic_mode() {
    all_at_work("e2e-peers-generic", "generic", [Family::V6, Family::V4]);
}

/// Paho's and aiomqtt's clients use the first family, the others the second.
fn all_at_work(label: &str, xdp: &str, [first, second]: [Family; 2]) {
    let scene = scene(label);
    let gateway = shipped_rules(&scene, xdp);
    let begun = Instant::now();
    let programs = VERSIONS.into_iter().flat_map(|version| {
        [
            Peer::python(&scene, "paho_peer.py", first, &[version]),
            Peer::python(&scene, "aiomqtt_peer.py", first, &[version]),
            Peer::node(&scene, "mqttjs_peer.cjs", second, &[version]),
        ]
    });
    let mut programs: Vec<Peer> = programs.collect();
    let server = scene.broker.address(second);
    let in_process = thread::scope(|scope| {
        let devices = scene.host(Host::Devices);
        let rumqttc = scope.spawn(|| must(devices.enter(|| rumqttc::work(server))));
        mosquitto_clients_work(&scene, second);
        rumqttc.join().expect("it doesn't panic")
    });
    let mut arrived = in_process.unwrap_or_else(|error| panic!("rumqttc: {error}"));
    for peer in &mut programs {
        arrived += peer.arrived();
    }
    println!("{xdp}: {arrived} messages arrived in {:?}", begun.elapsed());
    nothing_to_say(&gateway);
}

/// The gateway with the shipped rules, and no others, enforced.
fn shipped_rules<'t>(scene: &'t Scene, xdp: &str) -> Gateway<'t> {
    let mut setup = Setup::new(Path::new(PROGRAM), BASELINE);
    setup.xdp = xdp;
    must(Gateway::start(&scene.topology, &setup))
}

/// One client's work, as a program of its own.
struct Peer {
    name: String,
    process: Process,
}

impl Peer {
    fn python(scene: &Scene, script: &str, family: Family, arguments: &[&str]) -> Self {
        Self::start(scene, "python/bin/python3", script, family, arguments)
    }

    fn node(scene: &Scene, script: &str, family: Family, arguments: &[&str]) -> Self {
        Self::start(scene, "node", script, family, arguments)
    }

    fn start(
        scene: &Scene,
        interpreter: &str,
        script: &str,
        family: Family,
        arguments: &[&str],
    ) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let installed = root.join("../target/peers");
        assert!(
            installed.join("stamp").is_file(),
            "the clients of tests/peers aren't installed: run `scripts/setup test`"
        );
        let interpreter = match interpreter {
            "node" => PathBuf::from("node"),
            installed_one => installed.join(installed_one),
        };
        let name = format!("{script} {}", arguments.join(" "));
        let mut command: Command = scene
            .host(Host::Devices)
            .command(&interpreter.to_string_lossy());
        command
            .env("NODE_PATH", installed.join("node/node_modules"))
            .arg(root.join("peers").join(script))
            .arg(scene.broker.address(family).to_string())
            .args(arguments);
        let log = name.replace(' ', "-");
        let process = must(Process::start(scene.topology.state(), &log, &mut command));
        Self { name, process }
    }

    /// Waits for its end, and says how many messages arrived.
    fn arrived(&mut self) -> usize {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = must(self.process.ended()) {
                break status;
            }
            assert!(
                Instant::now() < deadline,
                "{} hangs:\n{}",
                self.name,
                self.process.tail()
            );
            thread::sleep(Duration::from_millis(20));
        };
        let printed = must(self.process.printed());
        assert!(
            status.success(),
            "{}: {status}\n{}",
            self.name,
            self.process.tail()
        );
        let count = printed
            .lines()
            .last()
            .and_then(|line| line.strip_prefix("arrived: "));
        let count = count.and_then(|count| count.parse().ok());
        count.unwrap_or_else(|| panic!("{}: no count in\n{printed}", self.name))
    }
}

/// Many short connections of `mosquitto_pub`, and clients killed midway.
fn mosquitto_clients_work(scene: &Scene, family: Family) {
    let server = scene.broker.address(family).to_string();
    for version in ["mqttv31", "mqttv311", "mqttv5"] {
        let topic = format!("mosquitto/{version}");
        let arguments = ["-h", &server, "-V", version, "-q", "1", "-t", &topic];
        let subscriber = Subscriber::start(scene, "mosquitto", &arguments);
        for number in 0..20 {
            let qos = (number % 3).to_string();
            let message = [
                "-h", &server, "-V", version, "-q", &qos, "-t", &topic, "-m", "x",
            ];
            publish(scene, &message);
        }
        assert_eq!(subscriber.messages(20).len(), 20, "{version}");
        subscriber.into_process().kill();
    }
}

/// No event, no detection, no message that wasn't accepted, no limit hit.
fn nothing_to_say(gateway: &Gateway<'_>) {
    let events = must(gateway.events());
    assert!(
        events.is_empty(),
        "{} events, the first: {:#}",
        events.len(),
        events[0]
    );
    let metrics = must(gateway.metrics());
    let judged = metrics.by_label("weir_messages_total", "verdict");
    assert!(
        matches!(judged.as_slice(), [(verdict, count)] if verdict == "accept" && *count > 10_000.0),
        "messages by verdict: {judged:?}"
    );
    for quiet in [
        "weir_reasons_total",
        "weir_rule_matches_total",
        "weir_limit_hits_total",
    ] {
        assert_eq!(
            metrics.sum(quiet, &[]),
            0.0,
            "{quiet}: {:?}",
            metrics.by_label(quiet, "reason")
        );
    }
}
