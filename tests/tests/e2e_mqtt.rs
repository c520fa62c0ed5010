//! MQTT through the gateway, between Mosquitto's clients and Mosquitto: everything works as it does
//! without, native and generic, IPv4 and IPv6.

use std::fs;

use gateway::demo::scene::Scene;
use gateway::netns::{self, Family, Host};
use weir_tests::clients::{Subscriber, publish};
use weir_tests::lab::{FAMILIES, must, scene, weir};

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");

#[test]
fn mqtt_works_unchanged_in_native_mode() {
    everything_works("e2e-mqtt-native", "native");
}

#[test]
fn mqtt_works_unchanged_in_generic_mode() {
    everything_works("e2e-mqtt-generic", "generic");
}

fn everything_works(label: &str, xdp: &str) {
    let scene = scene(label);
    let gateway = weir(&scene.topology, PROGRAM, xdp);
    for family in FAMILIES {
        for version in ["mqttv31", "mqttv311", "mqttv5"] {
            for qos in ["0", "1", "2"] {
                messages_arrive_in_order(&scene, family, version, qos);
            }
            retained_message_waits(&scene, family, version);
            will_is_published(&scene, family, version);
        }
        large_payload_arrives_whole(&scene, family);
        tls_works(&scene, family);
    }
    let events = must(gateway.events());
    assert!(events.is_empty(), "ordinary work met {events:#?}");
}

fn messages_arrive_in_order(scene: &Scene, family: Family, version: &str, qos: &str) {
    let server = scene.broker.address(family).to_string();
    let topic = format!("order/{version}/{qos}");
    let arguments = ["-h", &server, "-V", version, "-q", qos, "-t", &topic];
    let subscriber = Subscriber::start(scene, "order", &arguments);
    let expected: Vec<String> = (0..5).map(|number| format!("reading {number}")).collect();
    for payload in &expected {
        publish(scene, &[&arguments[..], &["-m", payload]].concat());
    }
    let messages = subscriber.messages(expected.len());
    assert_eq!(messages, expected, "{version} QoS {qos} {family:?}");
}

fn retained_message_waits(scene: &Scene, family: Family, version: &str) {
    let server = scene.broker.address(family).to_string();
    let topic = format!("retained/{version}/{family:?}");
    let arguments = ["-h", &server, "-V", version, "-t", &topic];
    publish(scene, &[&arguments[..], &["-r", "-m", "state"]].concat());
    let late = Subscriber::start(scene, "retained", &arguments);
    assert_eq!(late.messages(1), ["state"], "{version} {family:?}");
    publish(scene, &[&arguments[..], &["-r", "-n"]].concat());
}

fn will_is_published(scene: &Scene, family: Family, version: &str) {
    let server = scene.broker.address(family).to_string();
    let topic = format!("will/{version}/{family:?}");
    let arguments = ["-h", &server, "-V", version];
    let heir = Subscriber::start(scene, "heir", &[&arguments[..], &["-t", &topic]].concat());
    let will = [
        "-t",
        "nothing",
        "--will-topic",
        &topic,
        "--will-payload",
        "gone",
    ];
    let testator = Subscriber::start(scene, "testator", &[&arguments[..], &will].concat());
    // Killed, it sends no DISCONNECT, and the broker publishes its will [MQTT-3.1.2-8].
    testator.into_process().kill();
    assert_eq!(heir.messages(1), ["gone"], "{version} {family:?}");
}

fn large_payload_arrives_whole(scene: &Scene, family: Family) {
    const LEN: usize = 1 << 20;
    let server = scene.broker.address(family).to_string();
    let dir = scene.topology.state().dir();
    let payload: Vec<u8> = (0..LEN).map(|at| (at % 251) as u8).collect();
    let sent = dir.join("sent");
    fs::write(&sent, &payload).expect("room for a file");
    let arguments = ["-h", &server, "-q", "1", "-t", "large"];
    let path = sent.to_str().expect("a plain path");
    publish(scene, &[&arguments[..], &["-r", "-f", path]].concat());
    let mut fetch = netns::peers::mosquitto_sub(scene.host(Host::Devices));
    fetch.args(arguments).args(["-C", "1", "-N", "-W", "10"]);
    let fetched = fetch.output().expect("it runs").stdout;
    assert!(
        fetched == payload,
        "{} of {LEN} bytes, {family:?}",
        fetched.len()
    );
    publish(scene, &[&arguments[..], &["-r", "-n"]].concat());
}

fn tls_works(scene: &Scene, family: Family) {
    let server = scene.broker.address(family).to_string();
    let certificate = scene.broker.certificate().to_str().expect("a plain path");
    let arguments = [
        "-h",
        &server,
        "-p",
        "8883",
        "--cafile",
        certificate,
        "-t",
        "tls",
    ];
    let subscriber = Subscriber::start(scene, "tls", &arguments);
    publish(scene, &[&arguments[..], &["-m", "sealed"]].concat());
    assert_eq!(subscriber.messages(1), ["sealed"], "{family:?}");
}
