//! CoAP through the gateway, between libcoap's client and server: everything works as it does
//! without, native and generic, IPv4 and IPv6.

use std::fs;

use gateway::demo::scene::Scene;
use gateway::netns::Family;
use weir_tests::clients::coap;
use weir_tests::lab::{FAMILIES, must, scene, weir};

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");

#[test]
fn coap_works_unchanged_in_native_mode() {
    everything_works("e2e-coap-native", "native");
}

#[test]
fn coap_works_unchanged_in_generic_mode() {
    everything_works("e2e-coap-generic", "generic");
}

fn everything_works(label: &str, xdp: &str) {
    let scene = scene(label);
    let gateway = weir(&scene.topology, PROGRAM, xdp);
    for family in FAMILIES {
        let base = format!("coap://{}", scene.server_uri(family));
        discovery_lists_resources(&scene, &base);
        resource_lives_and_dies(&scene, &base);
        large_resource_goes_by_blocks(&scene, &base, family);
        observer_is_notified(&scene, &base);
        non_confirmable_request_is_answered(&scene, &base);
        dtls_works(&scene, family);
    }
    // A client that hasn't been seen before may have to show that its address is its own; that it
    // does so is what the checks above need.
    for event in must(gateway.events()) {
        let verdict = event["weir"]["verdict"].as_str();
        assert_eq!(verdict, Some("challenge"), "ordinary work met {event:#}");
    }
}

fn discovery_lists_resources(scene: &Scene, base: &str) {
    let listed = coap(scene, &["-m", "get", &format!("{base}/.well-known/core")]).stdout;
    assert!(
        listed.contains("</time>") && listed.contains("</example_data>"),
        "{listed}"
    );
}

fn resource_lives_and_dies(scene: &Scene, base: &str) {
    let uri = format!("{base}/setpoint");
    coap(scene, &["-m", "put", "-e", "21.5", &uri]);
    assert_eq!(coap(scene, &["-m", "get", &uri]).stdout.trim_end(), "21.5");
    coap(scene, &["-m", "delete", &uri]);
    let gone = coap(scene, &["-m", "get", &uri]);
    assert!(gone.stderr.contains("4.04"), "{gone:?}");
}

fn large_resource_goes_by_blocks(scene: &Scene, base: &str, family: Family) {
    const LEN: usize = 20_000;
    let resource: String = (0..LEN)
        .map(|at| char::from(b'a' + (at % 23) as u8))
        .collect();
    let path = scene.topology.state().dir().join("firmware");
    fs::write(&path, &resource).expect("room for a file");
    let path = path.to_str().expect("a plain path");
    for size in ["64", "512", "1024"] {
        let uri = format!("{base}/firmware{size}");
        coap(scene, &["-b", size, "-m", "put", "-f", path, &uri]);
        let got = coap(scene, &["-b", size, "-m", "get", &uri]).stdout;
        assert!(
            got.trim_end() == resource,
            "blocks of {size}, {family:?}: {} of {LEN} bytes",
            got.len()
        );
    }
}

fn observer_is_notified(scene: &Scene, base: &str) {
    let uri = format!("{base}/time");
    let seen = coap(scene, &["-s", "3", "-w", "-m", "get", &uri]).stdout;
    let notifications = seen.lines().filter(|line| line.contains(':')).count();
    assert!(notifications >= 3, "{seen}");
}

fn non_confirmable_request_is_answered(scene: &Scene, base: &str) {
    let answer = coap(scene, &["-N", "-m", "get", &format!("{base}/")]).stdout;
    assert!(answer.contains("test server"), "{answer}");
}

/// The client's build decides whether it can speak DTLS; Debian's first choice can.
fn dtls_works(scene: &Scene, family: Family) {
    let uri = format!("coaps://{}/time", scene.server_uri(family));
    let answer = coap(scene, &["-u", "CoAP", "-k", "weir-lab", "-m", "get", &uri]);
    assert!(answer.stdout.contains(':'), "{answer:?}");
}
