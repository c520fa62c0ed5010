//! Every action against real clients, whose own logs show what became of them.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use gateway::demo::scene::Scene;
use gateway::netns::peers::{Gateway, Setup, mosquitto_pub, mosquitto_sub};
use gateway::netns::{self, Family, Host, Output};
use serde_json::Value;
use weir_tests::clients::{CoapClient, Subscriber};
use weir_tests::lab::{BASELINE, must, scene};

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");
const PATIENCE: Duration = Duration::from_secs(5);
const BROKER: &str = "10.77.0.2";
const VERSIONS: [&str; 2] = ["311", "5"];

const RULES: &str = r#"
[[rule]]
id          = "no-intruders"
description = "A client identifier that isn't wanted"
match       = { packet = "CONNECT", client_id = "intruder" }
action      = "refuse"

[[rule]]
id          = "no-secrets"
description = "A subscription that reaches into a protected tree"
match       = { packet = "SUBSCRIBE", filter = { overlaps = "secret/#" } }
action      = "refuse"

[[rule]]
id          = "valve-7-may"
description = "An exception to the next rule"
match       = { packet = "PUBLISH", topic = "valve/7" }
action      = "accept"

[[rule]]
id          = "no-valves"
description = "Nobody opens valves"
match       = { packet = "PUBLISH", topic = "valve/#" }
action      = "refuse"

[[rule]]
id          = "reset-it"
description = "Both ends are reset"
match       = { packet = "PUBLISH", topic = "reset/#" }
action      = "reset"

[[rule]]
id          = "drop-it"
description = "It never arrives"
match       = { packet = "PUBLISH", topic = "drop/#" }
action      = "drop"

[[rule]]
id          = "tell-of-it"
description = "It arrives, and is told of"
match       = { packet = "PUBLISH", topic = "alert/#" }
action      = "alert"

[[rule]]
id          = "try-it"
description = "A rule on trial"
match       = { packet = "PUBLISH", topic = "trial/#" }
action      = "reset"
dry_run     = true

[[rule]]
id          = "no-setpoints"
description = "A path that isn't for everybody"
match       = { protocol = "coap", method = "GET", path = "/secret" }
action      = "refuse"
"#;

fn gateway<'t>(scene: &'t Scene, mode: &str) -> Gateway<'t> {
    let rules = format!("{BASELINE}{RULES}");
    let mut setup = Setup::new(Path::new(PROGRAM), &rules);
    setup.mode = mode;
    must(Gateway::start(&scene.topology, &setup))
}

/// Runs a client to its end, or for three seconds.
fn run(client: &Command) -> Output {
    let mut command = Command::new("timeout");
    command.arg("3").arg(client.get_program());
    command.args(client.get_args());
    must(netns::output(&mut command))
}

fn publish(scene: &Scene, arguments: &[&str]) -> (bool, String) {
    let mut command = mosquitto_pub(scene.host(Host::Devices));
    command.args(["-d", "-h", BROKER]).args(arguments);
    said(run(&command))
}

fn subscribe(scene: &Scene, arguments: &[&str]) -> (bool, String) {
    let mut command = mosquitto_sub(scene.host(Host::Devices));
    command
        .args(["-d", "-h", BROKER, "-W", "2"])
        .args(arguments);
    said(run(&command))
}

fn said(output: Output) -> (bool, String) {
    let success = output.status.success();
    (success, format!("{}{}", output.stdout, output.stderr))
}

/// The event of a rule, after the first `before`.
fn event(gateway: &Gateway<'_>, before: usize, rule: &str) -> Value {
    let of_rule = |event: &Value| event["weir"]["rule"] == rule;
    let found = must(gateway.event_after(before, PATIENCE, of_rule));
    found.unwrap_or_else(|| panic!("no event of {rule}"))
}

fn seen(gateway: &Gateway<'_>) -> usize {
    must(gateway.events()).len()
}

#[test]
fn a_refusal_is_said_in_the_words_of_the_client_s_version() {
    let scene = scene("e2e-refuse");
    let gateway = gateway(&scene, "enforce");
    let not_authorized = ["Connection Refused: not authorised", "Not authorized"];
    for (version, words) in VERSIONS.into_iter().zip(not_authorized) {
        let before = seen(&gateway);
        let (fine, said) = publish(
            &scene,
            &["-V", version, "-i", "intruder", "-t", "a", "-m", "on"],
        );
        assert!(!fine && said.contains(words), "{version}: {said}");
        assert_eq!(
            event(&gateway, before, "no-intruders")["weir"]["verdict"],
            "refuse"
        );
    }
    for version in VERSIONS {
        let before = seen(&gateway);
        let (_, said) = subscribe(&scene, &["-V", version, "-t", "secret/#", "-t", "a"]);
        assert!(
            said.contains("All subscription requests were denied"),
            "{version}: {said}"
        );
        assert_eq!(
            event(&gateway, before, "no-secrets")["weir"]["verdict"],
            "refuse"
        );
    }
    for (qos, version) in [("1", "5"), ("2", "5")] {
        let before = seen(&gateway);
        let (_, said) = publish(
            &scene,
            &["-V", version, "-q", qos, "-t", "valve/1", "-m", "on"],
        );
        assert!(said.contains("Not authorized"), "QoS {qos}: {said}");
        assert_eq!(
            event(&gateway, before, "no-valves")["weir"]["verdict"],
            "refuse"
        );
    }
    let before = seen(&gateway);
    let client = CoapClient {
        scene: &scene,
        family: Family::V4,
        index: 0,
        port: 5683,
    };
    let forbidden = client.ask("/secret", &["-m", "get"]);
    assert!(forbidden.stderr.contains("4.03"), "{forbidden:?}");
    assert_eq!(
        event(&gateway, before, "no-setpoints")["weir"]["verdict"],
        "refuse"
    );
}

#[test]
fn what_is_stopped_never_arrives_and_what_is_told_of_does() {
    let scene = scene("e2e-actions");
    let gateway = gateway(&scene, "enforce");
    let topics = ["valve/#", "reset/#", "drop/#", "alert/#", "trial/#", "end"];
    let mut arguments = vec!["-h", BROKER];
    arguments.extend(topics.iter().flat_map(|topic| ["-t", topic]));
    let listener = Subscriber::start(&scene, "listener", &arguments);
    let says = |topic: &str, text: &str| {
        publish(&scene, &["-V", "311", "-q", "1", "-t", topic, "-m", text])
    };
    for (topic, rule) in [
        ("valve/1", "no-valves"),
        ("reset/1", "reset-it"),
        ("drop/1", "drop-it"),
    ] {
        let before = seen(&gateway);
        let (fine, said) = says(topic, topic);
        assert!(!fine, "{topic}: {said}");
        let verdict = event(&gateway, before, rule)["alert"]["action"].clone();
        assert_eq!(verdict, "blocked", "{rule}");
    }
    for (topic, rule, would) in [
        ("valve/7", None, Value::Null),
        ("alert/1", Some("tell-of-it"), Value::Null),
        ("trial/1", Some("try-it"), Value::from("reset")),
    ] {
        let before = seen(&gateway);
        let (fine, said) = says(topic, topic);
        assert!(fine, "{topic}: {said}");
        if let Some(rule) = rule {
            let event = event(&gateway, before, rule);
            assert_eq!(event["alert"]["action"], "allowed", "{event:#}");
            assert_eq!(event["weir"]["would"], would, "{event:#}");
        }
    }
    assert!(says("end", "end").0);
    assert_eq!(
        listener.messages(4),
        ["valve/7", "alert/1", "trial/1", "end"]
    );
}

#[test]
fn in_monitor_mode_nothing_is_stopped_and_all_is_told() {
    let scene = scene("e2e-monitor");
    let gateway = gateway(&scene, "monitor");
    let listener = Subscriber::start(&scene, "listener", &["-h", BROKER, "-t", "#"]);
    for (topic, rule, would) in [
        ("valve/1", "no-valves", "refuse"),
        ("reset/1", "reset-it", "reset"),
        ("drop/1", "drop-it", "drop"),
    ] {
        let before = seen(&gateway);
        let (fine, said) = publish(&scene, &["-q", "1", "-t", topic, "-m", topic]);
        assert!(fine, "{topic}: {said}");
        let event = event(&gateway, before, rule);
        assert_eq!(event["weir"]["would"], would, "{event:#}");
        assert_eq!(event["alert"]["action"], "allowed", "{event:#}");
    }
    assert_eq!(listener.messages(3), ["valve/1", "reset/1", "drop/1"]);
}
