//! Clients of several makers at work through the gateway, all at once, with the shipped rules enforced:
//! every message arrives, and Weir has nothing to say. What these clients do is in tests/peers and
//! beside this file; `scripts/setup test` installs them.

mod multipath;
mod rumqttc;

use std::thread;
use std::time::Instant;

use gateway::demo::scene::Scene;
use gateway::netns::peers::Gateway;
use gateway::netns::{Family, Host};
use serde_json::Value;
use weir_tests::clients::{Subscriber, publish};
use weir_tests::lab::{baseline, must, scene};
use weir_tests::peers::Peer;

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");
const VERSIONS: [&str; 3] = ["3.1", "3.1.1", "5.0"];

#[test]
fn clients_of_all_makers_work_unchanged_in_native_mode() {
    all_at_work("e2e-peers-native", "native", [Family::V4, Family::V6]);
}

#[test]
fn clients_of_all_makers_work_unchanged_in_generic_mode() {
    all_at_work("e2e-peers-generic", "generic", [Family::V6, Family::V4]);
}

/// Mosquitto 2.0.11 sends more of a backlog at a time than the client takes [MQTT-3.3.4-9]. A client that
/// doesn't mind gets its messages all the same, and Weir says what is wrong.
#[test]
fn a_broker_in_a_hurry_is_told_of_and_not_stopped() {
    told_of_and_not_stopped("e2e-peers-backlog", "backlog", 40);
}

/// Paho has as much in flight as it was told by its user, whatever the server takes [MQTT-3.3.4-7]. Cut off, it
/// would come back with the same.
#[test]
fn a_client_in_a_hurry_is_told_of_and_not_stopped() {
    told_of_and_not_stopped("e2e-peers-hurry", "hurry", 1000);
}

/// A scenario of Paho's in which all messages arrive, and all that is said is that somebody hurries.
fn told_of_and_not_stopped(label: &str, scenario: &str, messages: usize) {
    let scene = scene(label);
    let gateway = baseline(&scene.topology, PROGRAM, "auto", "");
    let mut peer = Peer::mqtt(&scene, "paho_peer.py", Family::V4, &["5.0", scenario]);
    assert_eq!(peer.arrived(), messages);
    let events = must(gateway.events());
    assert!(!events.is_empty(), "nothing was said");
    for event in events {
        let what = [&event["weir"]["reason"], &event["weir"]["verdict"]];
        assert_eq!(
            what,
            ["mqtt.flow-control.receive-maximum", "accept"],
            "{event:#}"
        );
    }
}

/// Paho's and aiomqtt's clients use the first family, the others the second.
fn all_at_work(label: &str, xdp: &str, [first, second]: [Family; 2]) {
    let scene = scene(label);
    let gateway = baseline(&scene.topology, PROGRAM, xdp, "");
    let begun = Instant::now();
    let programs = VERSIONS.into_iter().flat_map(|version| {
        [
            Peer::mqtt(&scene, "paho_peer.py", first, &[version]),
            Peer::mqtt(&scene, "aiomqtt_peer.py", first, &[version]),
            Peer::mqtt(&scene, "mqttjs_peer.cjs", second, &[version]),
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
    for peer in &mut programs {
        peer.wait();
    }
    // What Weir has to say explains what fails.
    nothing_to_say(&gateway);
    let in_process = in_process.unwrap_or_else(|error| panic!("rumqttc: {error}"));
    let arrived = in_process + programs.iter_mut().map(Peer::arrived).sum::<usize>();
    println!("{xdp}: {arrived} messages arrived in {:?}", begun.elapsed());
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
    let metrics = must(gateway.metrics());
    // On a machine that is too busy for the worker, the kernel forwards for a while: connections go on
    // where they are met again, and that is said.
    let stale = metrics.sum("weir_xdp_frames_total", &[("outcome", "open-stale")]);
    let of_sight = |event: &Value| stale > 0.0 && event["weir"]["reason"] == "tcp.midstream";
    // rumqttc goes on for a moment after its own DISCONNECT. The server isn't told, nobody is reset, and
    // that is said.
    let of_rumqttc = |event: &Value| {
        let name = event["mqtt"]["client_id"].as_str().unwrap_or_default();
        event["weir"]["rule"] == "mqtt-after-leave" && name.starts_with("rumqttc-")
    };
    let is_expected = |event: &Value| of_sight(event) || of_rumqttc(event);
    let events = must(gateway.events());
    let surprises: Vec<&Value> = events.iter().filter(|event| !is_expected(event)).collect();
    assert!(
        surprises.is_empty(),
        "{} of them, and {stale} frames unseen: {:#}",
        surprises.len(),
        surprises[0]
    );
    let judged = metrics.by_label("weir_messages_total", "verdict");
    let accepted = metrics.sum("weir_messages_total", &[("verdict", "accept")]);
    let all = metrics.sum("weir_messages_total", &[]);
    let left_out = events.iter().filter(|event| of_rumqttc(event)).count() as f64;
    assert!(
        accepted > 10_000.0 && all - accepted <= 2.0 * left_out,
        "messages by verdict: {judged:?}"
    );
    assert_eq!(metrics.sum("weir_limit_hits_total", &[]), 0.0);
    assert!(metrics.sum("weir_rule_matches_total", &[]) <= 2.0 * left_out);
}
