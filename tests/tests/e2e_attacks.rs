//! Each attack reaches its target without the gateway and does not with it, and event and metric say
//! why; native and generic, IPv4 and IPv6.

use gateway::demo::attacks::{self, Explanation, FORGED_BY_CLIENTS, FORGED_BY_SERVERS};
use gateway::demo::scene::Scene;
use gateway::netns::Family;
use gateway::netns::peers::Gateway;
use weir_tests::lab::{FAMILIES, must, scene, weir};

const SERVER_PACKET: Explanation = Explanation::Reason(&["mqtt.spoofed.server-packet"]);
const CLIENT_PACKET: Explanation = Explanation::Reason(&["mqtt.spoofed.client-packet"]);
const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");

#[test]
fn attacks_are_stopped_in_native_mode() {
    every_attack("e2e-attacks-native", "native");
}

#[test]
fn attacks_are_stopped_in_generic_mode() {
    every_attack("e2e-attacks-generic", "generic");
}

fn every_attack(label: &str, xdp: &str) {
    let scene = scene(label);
    let bridge = must(scene.topology.bridge());
    for family in FAMILIES {
        for attack in attacks::ALL {
            let seen = must(attack.run(&scene, family));
            assert!(
                seen.succeeded,
                "{} without the gateway, {family:?}: {seen:?}",
                attack.name
            );
        }
    }
    drop(bridge);

    let gateway = weir(&scene.topology, PROGRAM, xdp);
    for family in FAMILIES {
        for attack in attacks::ALL {
            let what = format!("{}, {family:?}", attack.name);
            explained(&gateway, &what, attack.explanation, || {
                let seen = must(attack.run(&scene, family));
                assert!(!seen.succeeded, "{what}: {seen:?}");
            });
        }
    }
}

#[test]
fn no_forged_packet_passes_in_either_direction() {
    let scene = scene("e2e-forged");
    let gateway = weir(&scene.topology, PROGRAM, "auto");
    for family in FAMILIES {
        forged_by_clients(&scene, &gateway, family);
        forged_by_servers(&scene, &gateway, family);
    }
}

fn forged_by_clients(scene: &Scene, gateway: &Gateway<'_>, family: Family) {
    for (index, forged) in (11..).zip(FORGED_BY_CLIENTS) {
        let what = format!("{} by a client, {family:?}", forged.name);
        explained(gateway, &what, SERVER_PACKET, || {
            let seen = must(attacks::forge_as_client(scene, family, index, forged));
            assert!(!seen.succeeded, "{what}: {seen:?}");
        });
    }
}

fn forged_by_servers(scene: &Scene, gateway: &Gateway<'_>, family: Family) {
    for (index, forged) in (2..).zip(FORGED_BY_SERVERS) {
        let what = format!("{} by a server, {family:?}", forged.name);
        explained(gateway, &what, CLIENT_PACKET, || {
            let seen = must(attacks::forge_as_server(scene, family, index, forged));
            assert!(!seen.succeeded, "{what}: {seen:?}");
        });
    }
}

/// Runs `attack`; the gateway must say why it was stopped, by an event and by a metric.
fn explained(gateway: &Gateway<'_>, what: &str, by: Explanation, attack: impl FnOnce()) {
    let watch = must(by.watch(gateway));
    attack();
    let explanation = must(watch.explanation());
    assert!(
        explanation.is_some(),
        "no event or no metric explains {what}"
    );
}
