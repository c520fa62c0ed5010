//! TLS by what a ClientHello shows, against a real broker and real clients: the versions, the server's name and the
//! protocols that they ask for.

use std::path::Path;
use std::time::Duration;

use gateway::demo::scene::Scene;
use gateway::netns::peers::{Gateway, Setup, mosquitto_pub};
use gateway::netns::{self, Host};
use serde_json::Value;
use weir_tests::clients::Subscriber;
use weir_tests::lab::{BASELINE, must, scene};

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");
const PATIENCE: Duration = Duration::from_secs(5);
const BROKER: &str = "10.77.0.2";

const RULES: &str = r#"
[[rule]]
id          = "tls-old"
description = "A client that can't speak the latest version"
match       = { service = "mqtts", tls_version = "!1.3" }
action      = "refuse"

[[rule]]
id          = "tls-name"
description = "A server that isn't here"
match       = { service = "mqtts", sni = "*.elsewhere.example" }
action      = "refuse"

[[rule]]
id          = "tls-protocol"
description = "Not MQTT"
match       = { service = "mqtts", alpn = "h2" }
action      = "reset"
"#;

/// Publishes over TLS, asking for this protocol; returns whether that went well, and what the client says.
fn publish(scene: &Scene, protocol: &str) -> (bool, String) {
    let mut command = mosquitto_pub(scene.host(Host::Devices));
    command.args(["-h", BROKER, "-p", "8883", "--cafile"]);
    command.arg(scene.broker.certificate());
    command.args(["--tls-version", "tlsv1.3", "--tls-alpn", protocol]);
    command.args(["-d", "-t", "tls", "-m", protocol]);
    let output = must(netns::output(&mut command));
    let said = format!("{}{}", output.stdout, output.stderr);
    (output.status.success(), said)
}

/// A handshake that asks for more, and what came of it.
fn shake_hands(scene: &Scene, more: &[&str]) -> (bool, String) {
    let mut command = scene.host(Host::Devices).command("timeout");
    command.args(["5", "openssl", "s_client", "-brief", "-connect"]);
    command.arg(format!("{BROKER}:8883")).arg("-CAfile");
    command.arg(scene.broker.certificate()).args(more);
    let output = must(netns::output(&mut command));
    let said = format!("{}{}", output.stdout, output.stderr);
    (said.contains("CONNECTION ESTABLISHED"), said)
}

/// The event of a rule, after the first `before`.
fn event(gateway: &Gateway<'_>, before: usize, rule: &str) -> Value {
    let of_rule = |event: &Value| event["weir"]["rule"] == rule;
    let found = must(gateway.event_after(before, PATIENCE, of_rule));
    found.unwrap_or_else(|| panic!("no event of {rule}"))
}

#[test]
fn real_clients_are_told_apart_by_their_hellos() {
    let scene = scene("e2e-tls");
    let rules = format!("{BASELINE}{RULES}");
    let gateway = must(Gateway::start(
        &scene.topology,
        &Setup::new(Path::new(PROGRAM), &rules),
    ));
    let certificate = scene.broker.certificate().to_str().expect("a plain path");
    let reads = [
        "-h",
        BROKER,
        "-p",
        "8883",
        "--cafile",
        certificate,
        "-t",
        "tls",
    ];
    let subscriber = Subscriber::start(&scene, "tls", &reads);

    let (fine, said) = publish(&scene, "mqtt");
    assert!(fine, "{said}");
    assert_eq!(subscriber.messages(1), ["mqtt"]);

    let before = must(gateway.events()).len();
    let (fine, said) = publish(&scene, "h2");
    assert!(!fine, "{said}");
    let told = event(&gateway, before, "tls-protocol");
    assert_eq!(told["weir"]["verdict"], "reset", "{told}");

    let before = must(gateway.events()).len();
    let (fine, said) = shake_hands(&scene, &["-tls1_2"]);
    assert!(!fine && said.contains("access denied"), "{said}");
    let told = event(&gateway, before, "tls-old");
    assert_eq!(told["tls"]["client_version"], "1.2", "{told}");
    assert_eq!(told["weir"]["verdict"], "refuse", "{told}");

    let (fine, said) = shake_hands(&scene, &["-servername", "plant.example"]);
    assert!(fine, "{said}");
    let before = must(gateway.events()).len();
    let (fine, said) = shake_hands(&scene, &["-servername", "Broker.Elsewhere.example"]);
    assert!(!fine && said.contains("access denied"), "{said}");
    let told = event(&gateway, before, "tls-name");
    assert_eq!(told["tls"]["sni"], "broker.elsewhere.example", "{told}");

    let before = must(gateway.events()).len();
    let (fine, said) = shake_hands(&scene, &["-alpn", "mqtt,h2"]);
    assert!(!fine, "{said}");
    let told = event(&gateway, before, "tls-protocol");
    assert_eq!(told["tls"]["client_alpns"][0], "mqtt", "{told}");
}
