//! CoAP servers and clients of three makers through the gateway, each client with each server, with the
//! shipped rules enforced: every answer arrives, and Weir has nothing to say, except that a client nothing
//! was known of has to show that its address is its own. aiocoap's and node-coap's follow no Echo; they get
//! there by acknowledging. aiocoap protects what it says end to end, too, and libcoap asks from the port that it serves
//! at. What they do is in tests/peers; `scripts/setup test` installs them.

use std::fs;

use gateway::demo::scene::{Scene, port};
use gateway::netns::Family;
use weir_tests::clients::CoapClient;
use weir_tests::coap::{PATIENT, only_asked_for_proof};
use weir_tests::lab::{FAMILIES, baseline, must, scene};
use weir_tests::peers::Peer;

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");
const AIOCOAP: &str = "aiocoap_peer.py";
const NODE_COAP: &str = "nodecoap_peer.cjs";
const OSCORE: &str = "oscore_peer.py";
/// Ports of their servers.
const AIOCOAP_PORT: u16 = 5685;
const NODE_COAP_PORT: u16 = 5687;
const SERVICES: &str = "[services]\ncoap = [5683, 5685, 5687]\n";
const LARGE: usize = 64 * 1024;

#[test]
fn coap_of_all_makers_works_unchanged_in_native_mode() {
    all_with_all("e2e-coap-peers-native", "native");
}

#[test]
fn coap_of_all_makers_works_unchanged_in_generic_mode() {
    all_with_all("e2e-coap-peers-generic", "generic");
}

/// aiocoap with OSCORE at both ends (RFC 8613): of what is protected, Weir sees what carries it.
#[test]
fn coap_that_is_protected_end_to_end_works_unchanged() {
    let scene = scene("e2e-coap-oscore");
    let _server = Peer::server(&scene, OSCORE, AIOCOAP_PORT);
    let gateway = baseline(&scene.topology, PROGRAM, "auto", SERVICES);
    for (number, (family, words)) in FAMILIES
        .into_iter()
        .flat_map(|family| [(family, [].as_slice()), (family, &["report"])])
        .enumerate()
    {
        let shared = number.to_string();
        let words = [&[&*shared], words].concat();
        let at = (family, number as u8);
        let mut client = Peer::coap_client(&scene, OSCORE, at, AIOCOAP_PORT, &words);
        client.wait();
        only_asked_for_proof(&gateway);
        let arrived = client.arrived();
        assert!(arrived >= 11, "{arrived} answers");
    }
}

/// Both ends at the service's own port: which of them is the server, only what they say shows.
#[test]
fn who_asks_from_the_port_of_the_service_works_unchanged() {
    let scene = scene("e2e-coap-own-port");
    let gateway = baseline(&scene.topology, PROGRAM, "auto", SERVICES);
    let own_port = port::COAP.to_string();
    let own_port = ["-p", &*own_port];
    for family in FAMILIES {
        let ask = |index, path, arguments: &[&str]| {
            let client = CoapClient {
                scene: &scene,
                family,
                index,
                port: port::COAP,
            };
            client.ask(path, &[&own_port, arguments].concat()).stdout
        };
        // Each of them begins at an address that nothing is known of.
        for (index, arguments) in [[].as_slice(), &["-N"]].into_iter().enumerate() {
            let got = ask(index as u8, "/example_data", arguments);
            assert_eq!(got.trim_end().len(), 1500, "{arguments:?}: {got}");
        }
        let _ = ask(2, "/own-port", &["-m", "put", "-e", "21.5"]);
        assert_eq!(ask(3, "/own-port", &[]).trim_end(), "21.5");
        assert!(ask(4, "/async?1", &[]).contains("done"));
        let seen = ask(5, "/time", &["-s", "3", "-w"]);
        let notifications = seen.lines().filter(|line| line.contains(':')).count();
        assert!(notifications >= 3, "{seen}");
    }
    only_asked_for_proof(&gateway);
}

/// At an address that nothing is known of, a large response that its server takes its time for is heard the first time,
/// and what isn't safe is done once, before and after the client has repeated its request.
#[test]
fn a_large_separate_response_is_heard_at_once() {
    let scene = scene("e2e-coap-late");
    let _server = Peer::server(&scene, AIOCOAP, AIOCOAP_PORT);
    let gateway = baseline(&scene.topology, PROGRAM, "auto", SERVICES);
    let mut posted = 0;
    for family in FAMILIES {
        let mut index = 0;
        let mut ask = |path: &str, arguments: &[&str]| {
            index += 1;
            let client = CoapClient {
                scene: &scene,
                family,
                index,
                port: AIOCOAP_PORT,
            };
            let said = client.ask(path, arguments).stdout;
            let said = said.trim_end();
            assert_eq!(said.len(), 1000, "{path} {arguments:?}: {said}");
            said.parse::<u32>().expect("a count")
        };
        for path in ["/late?0.5", "/late?4"] {
            // Each is another resource to the gateway, and another client, of which nothing is known.
            posted += 1;
            assert_eq!(ask(path, &["-m", "post", "-e", "now"]), posted);
            assert_eq!(ask(path, &[]), posted);
        }
        only_asked_for_proof(&gateway);
    }
}

/// A client that nothing is known of, and that asks for more at once than it may be asked to acknowledge.
#[test]
fn who_asks_for_many_things_at_once_gets_them() {
    let scene = scene("e2e-coap-many");
    let _server = Peer::server(&scene, AIOCOAP, AIOCOAP_PORT);
    let gateway = baseline(&scene.topology, PROGRAM, "auto", SERVICES);
    for family in FAMILIES {
        for (index, count) in (0..).zip([4, 10]) {
            let words = ["together", &*count.to_string()];
            let at = (family, index);
            let mut client = Peer::coap_client(&scene, AIOCOAP, at, AIOCOAP_PORT, &words);
            assert_eq!(client.arrived(), count);
        }
    }
    only_asked_for_proof(&gateway);
}

/// At an address that nothing is known of, a large body begins with a small block, and its client keeps that size. The
/// server answers in blocks of its own size all the same.
#[test]
fn a_large_body_in_small_blocks_is_answered_in_large_ones() {
    let scene = scene("e2e-coap-blocks");
    let _server = Peer::server(&scene, AIOCOAP, AIOCOAP_PORT);
    let gateway = baseline(&scene.topology, PROGRAM, "auto", SERVICES);
    let count =
        |labels: &[(&str, &str)]| must(gateway.metrics()).sum("weir_messages_total", labels);
    let counts = || {
        [("request", "to_server"), ("success", "to_client")]
            .map(|(kind, direction)| count(&[("type", kind), ("direction", direction)]))
    };
    let is_answered_in_large_ones = |before: [f64; 2]| {
        let after = counts();
        let [asked, answered] = [after[0] - before[0], after[1] - before[1]];
        println!("{asked} requests, {answered} responses of the server");
        assert!(asked >= (LARGE / 32) as f64 && answered < (2 * LARGE / 1024) as f64);
        only_asked_for_proof(&gateway);
    };
    for family in FAMILIES {
        let before = counts();
        let words = ["only", "/large"];
        let mut aiocoap = Peer::coap_client(&scene, AIOCOAP, (family, 0), AIOCOAP_PORT, &words);
        assert_eq!(aiocoap.arrived(), 1);
        is_answered_in_large_ones(before);
        let before = counts();
        let libcoap = CoapClient {
            scene: &scene,
            family,
            index: 1,
            port: AIOCOAP_PORT,
        };
        let got = libcoap.ask("/large", &["-B", "60"]).stdout;
        assert_eq!(got.trim_end().len(), LARGE);
        is_answered_in_large_ones(before);
    }
}

fn all_with_all(label: &str, xdp: &str) {
    let scene = scene(label);
    let _servers = [
        Peer::server(&scene, AIOCOAP, AIOCOAP_PORT),
        Peer::server(&scene, NODE_COAP, NODE_COAP_PORT),
    ];
    let gateway = baseline(&scene.topology, PROGRAM, xdp, SERVICES);
    for family in FAMILIES {
        // Each of them begins at an address that nothing is known of.
        for (index, port) in [port::COAP, AIOCOAP_PORT, NODE_COAP_PORT]
            .into_iter()
            .enumerate()
        {
            let index = index as u8;
            // The server of node-coap can't put together what others upload.
            let large = (port == NODE_COAP_PORT).then_some("/large");
            let report = reports_first(family, port).then_some("report");
            let start = |script, index, words: &[Option<&str>]| {
                let words: Vec<_> = words.iter().copied().flatten().collect();
                Peer::coap_client(&scene, script, (family, index), port, &words)
            };
            let mut aiocoap = start(AIOCOAP, index, &[report, large]);
            let mut node = start(NODE_COAP, 3 + index, &[report]);
            libcoap_works(&scene, family, 6 + index, port);
            for peer in [&mut aiocoap, &mut node] {
                peer.wait();
            }
            // What Weir has to say explains what fails.
            only_asked_for_proof(&gateway);
            for peer in [&mut aiocoap, &mut node] {
                let arrived = peer.arrived();
                assert!(arrived >= 14, "{arrived} answers");
                let first = peer.figure("first answer: ", " ms");
                println!(
                    "{xdp}, {family:?}, port {port}: {arrived} answers, the first after {first} ms"
                );
                assert!(first < PATIENT.as_millis() as usize, "{first} ms");
            }
        }
    }
}

/// Whether a client begins with a POST, by which its server does something; else it begins with a GET.
fn reports_first(family: Family, port: u16) -> bool {
    family == Family::V6 && port != port::COAP
}

fn libcoap_works(scene: &Scene, family: Family, index: u8, port: u16) {
    let client = CoapClient {
        scene,
        family,
        index,
        port,
    };
    if reports_first(family, port) {
        is_done_once(&client);
    }
    let got = client.ask("/example_data", &[]);
    assert_eq!(got.stdout.trim_end().len(), 1500, "port {port}: {got:?}");
    assert!(
        client.ask("/async?1", &[]).stdout.contains("done"),
        "port {port}"
    );
    life_of_a_resource(&client);
    if port == NODE_COAP_PORT {
        assert_eq!(client.ask("/large", &["-o", "/dev/null"]).stdout, "");
    } else {
        upload_and_download(&client);
    }
    // Whoever registers by a NON is notified by node-coap in acknowledgements of nothing.
    let ways: &[&[&str]] = match port {
        NODE_COAP_PORT => &[&["-s", "3", "-w"], &["-N", "-s", "3", "-w"]],
        _ => &[&["-s", "3", "-w"]],
    };
    for way in ways {
        let seen = client.ask("/time", way).stdout;
        assert!(
            seen.lines().filter(|line| !line.is_empty()).count() >= 3,
            "port {port}, {way:?}: {seen}"
        );
    }
}

/// What a server does at the request of an address that has proved nothing, it does once, however much it has to
/// say of it.
fn is_done_once(client: &CoapClient<'_>) {
    let report = client.ask("/report?libcoap", &["-m", "post", "-e", "now"]);
    assert!(report.stdout.starts_with("1 "), "{report:?}");
    assert_eq!(report.stdout.trim_end().len(), 302, "{report:?}");
}

fn life_of_a_resource(client: &CoapClient<'_>) {
    let path = "/store/libcoap";
    let _ = client.ask(path, &["-m", "put", "-e", "21.5"]);
    assert_eq!(client.ask(path, &[]).stdout.trim_end(), "21.5");
    let _ = client.ask(path, &["-m", "post", "-e", "22"]);
    assert_eq!(client.ask(path, &["-N"]).stdout.trim_end(), "22");
    let _ = client.ask(path, &["-m", "delete"]);
    let gone = client.ask(path, &[]);
    assert!(gone.stderr.contains("4.04"), "{gone:?}");
}

fn upload_and_download(client: &CoapClient<'_>) {
    let path = "/store/libcoap-large";
    let sent: String = (0..LARGE)
        .map(|at| char::from(b'a' + (at % 23) as u8))
        .collect();
    let file = client.scene.topology.state().dir().join("large");
    fs::write(&file, &sent).expect("room for a file");
    let _ = client.ask(
        path,
        &["-m", "put", "-f", file.to_str().expect("a plain path")],
    );
    let got = client.ask(path, &[]).stdout;
    assert!(got.trim_end() == sent, "{} of {LARGE} bytes", got.len());
    let _ = client.ask(path, &["-m", "delete"]);
}
