//! A client and a server with Multipath TCP: with a bridge between they have it, with Weir they talk plain
//! TCP, lose nothing by it, and that is told once a connection.

use gateway::demo::scene::Scene;
use gateway::netns::Family;
use serde_json::Value;
use weir_tests::lab::{baseline, must, scene};
use weir_tests::peers::Peer;

const PEER: &str = "multipath_peer.py";
const PORT: u16 = 1884;
const SERVICE: &str = "[services]\nmqtt = [1883, 1884]\n";

#[test]
fn multipath_tcp_becomes_plain_tcp_in_native_mode() {
    becomes_plain("e2e-peers-paths-native", "native", Family::V4);
}

#[test]
fn multipath_tcp_becomes_plain_tcp_in_generic_mode() {
    becomes_plain("e2e-peers-paths-generic", "generic", Family::V6);
}

fn becomes_plain(label: &str, xdp: &str, family: Family) {
    let scene = scene(label);
    let server = Peer::server(&scene, PEER, PORT);
    let bridge = must(scene.topology.bridge());
    assert!(has_multipath(&scene, &server, family), "not even without");
    drop(bridge);
    let gateway = baseline(&scene.topology, super::PROGRAM, xdp, SERVICE);
    for connections in 1..=2 {
        assert!(!has_multipath(&scene, &server, family));
        let events = begun_since(must(gateway.events()));
        let told = |event: &&Value| event["event_type"] == "alert";
        let alerts = events.iter().filter(told).count();
        assert_eq!(alerts, connections, "{events:#?}");
        let others = events
            .iter()
            .find(|event| event["weir"]["reason"] != "tcp.multipath");
        assert_eq!(others, None);
    }
}

/// Without what is told of connections from before the gateway: the one over the bridge takes its time to close.
fn begun_since(mut events: Vec<Value>) -> Vec<Value> {
    let older = events
        .iter()
        .filter(|event| event["weir"]["reason"] == "tcp.midstream");
    let older: Vec<Value> = older.map(|event| event["flow_id"].clone()).collect();
    events.retain(|event| !older.contains(&event["flow_id"]));
    events
}

/// Whether both ends have it, who agree on that, once all messages have arrived.
fn has_multipath(scene: &Scene, server: &Peer, family: Family) -> bool {
    let mut client = Peer::mqtt(scene, PEER, family, &[&PORT.to_string()]);
    client.arrived();
    let [ours, theirs] = [&client, server].map(|peer| peer.figure("multipath: ", ""));
    assert_eq!(ours, theirs, "the ends don't agree");
    ours == 1
}
