//! CoAP through the gateway, between libcoap's client and server: everything works as it does
//! without, native and generic, IPv4 and IPv6, with the shipped rules enforced.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use gateway::demo::scene::{Scene, port};
use gateway::netns::peers::{Gateway, Setup, coap_server};
use gateway::netns::{Family, Host, INTERFACE, Process, output};
use weir_tests::clients::CoapClient;
use weir_tests::coap::{PATIENT, only_asked_for_proof};
use weir_tests::lab::{BASELINE, FAMILIES, baseline, must, scene};

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");
/// Ports of the servers that are members of a group, beside that of the one that is not.
const GROUP_PORTS: [u16; 2] = [5685, 5687];
const SERVICES: &str = "[services]\ncoap = [5683, 5685, 5687]\ncoap-tcp = [5683]\n";
/// How long the patient observer stays.
const OBSERVED_S: u32 = 62;

#[test]
fn coap_works_unchanged_in_native_mode() {
    let scene = scene("e2e-coap-native");
    let gateway = baseline(&scene.topology, PROGRAM, "native", SERVICES);
    let observers = FAMILIES.map(|family| client(&scene, family, 8).observe("/time", OBSERVED_S));
    everything_works(&scene, &gateway);
    for mut observer in observers {
        was_notified_all_the_time(&mut observer);
    }
    only_asked_for_proof(&gateway);
}

#[test]
fn coap_works_unchanged_in_generic_mode() {
    let scene = scene("e2e-coap-generic");
    let gateway = baseline(&scene.topology, PROGRAM, "generic", SERVICES);
    everything_works(&scene, &gateway);
}

/// A client that follows Echo, and rules that ask for it.
#[test]
fn an_echo_proves_an_address() {
    let scene = scene("e2e-coap-echo");
    let rules = BASELINE.replacen(
        "action      = \"challenge\"\n",
        "action      = \"challenge\"\nproof       = \"echo\"\n",
        1,
    );
    assert_ne!(rules, BASELINE, "no rule challenges");
    let setup = Setup::new(PROGRAM.as_ref(), &rules);
    let gateway = must(Gateway::start(&scene.topology, &setup));
    for family in FAMILIES {
        large_answer_comes_at_once(&client(&scene, family, 0));
    }
    only_asked_for_proof(&gateway);
}

/// What clients got while the gateway did no more than watch isn't held against them when it begins to
/// enforce; and what it tells of having said has been said.
#[test]
fn clients_that_were_watched_are_served_once_the_rules_are_enforced() {
    let scene = scene("e2e-coap-switch");
    let mut setup = Setup::new(PROGRAM.as_ref(), BASELINE);
    setup.mode = "monitor";
    let gateway = must(Gateway::start(&scene.topology, &setup));
    let clients = FAMILIES.map(|family| client(&scene, family, 0));
    for client in &clients {
        for _ in 0..5 {
            large_answer_comes_at_once(client);
        }
    }
    assert_eq!(replies(&gateway).count(), 0, "a monitor says nothing");
    enforce(&scene);
    for client in &clients {
        large_answer_comes_at_once(client);
    }
    let replies: Vec<String> = replies(&gateway).collect();
    assert!(replies.len() >= 2, "{replies:?}");
    assert!(replies.iter().all(|reply| reply == "partial-response"));
    for event in must(gateway.events()) {
        assert_eq!(event["weir"]["reason"], "coap.amplification.ratio");
    }
}

/// What the gateway says it has told clients.
fn replies(gateway: &Gateway<'_>) -> impl Iterator<Item = String> + use<> {
    let events = must(gateway.events()).into_iter();
    events.filter_map(|event| Some(event["verdict"]["reject"][0].as_str()?.to_owned()))
}

fn enforce(scene: &Scene) {
    let config = Gateway::config(&scene.topology);
    let text = fs::read_to_string(&config).expect("a configuration");
    let text = text.replace("mode = \"monitor\"", "mode = \"enforce\"");
    fs::write(&config, text).expect("room for a file");
    let mut reload = Command::new(PROGRAM);
    reload.args(["ctl", "--config"]).arg(&config).arg("reload");
    let done = must(output(&mut reload));
    assert!(done.status.success(), "{done:?}");
}

fn client(scene: &Scene, family: Family, index: u8) -> CoapClient<'_> {
    CoapClient {
        scene,
        family,
        index,
        port: port::COAP,
    }
}

fn everything_works(scene: &Scene, gateway: &Gateway<'_>) {
    let groups = [
        group_member(scene, Family::V4),
        group_member(scene, Family::V6),
    ];
    for family in FAMILIES {
        let fresh = |index| client(scene, family, index);
        large_answer_comes_at_once(&fresh(0));
        discovery_lists_resources(&fresh(1));
        resource_lives_and_dies(&fresh(2));
        large_resource_goes_by_blocks(&fresh(3));
        observer_is_notified(&fresh(4));
        late_response_comes_by_itself(&fresh(5));
        non_confirmable_request_is_answered(&fresh(6));
        group_is_discovered(&fresh(7));
        tcp_works(&fresh(0));
        dtls_works(scene, family);
    }
    drop(groups);
    only_asked_for_proof(gateway);
}

/// An address that nothing is known of gets 1500 bytes, and doesn't have to send anything twice for it
/// (which would take two seconds, RFC 7252 §4.8).
fn large_answer_comes_at_once(client: &CoapClient<'_>) {
    let started = Instant::now();
    let got = client.ask("/example_data", &[]);
    let took = started.elapsed();
    assert!(got.stdout.trim_end().len() == 1500, "{got:?}");
    println!("{:?}: first large answer after {took:?}", client.family);
    assert!(took < PATIENT, "{took:?}");
}

fn discovery_lists_resources(client: &CoapClient<'_>) {
    lists_resources(&client.ask("/.well-known/core", &[]).stdout);
}

fn lists_resources(listed: &str) {
    assert!(
        listed.contains("</time>") && listed.contains("</example_data>"),
        "{listed}"
    );
}

fn resource_lives_and_dies(client: &CoapClient<'_>) {
    let path = "/setpoint";
    let _ = client.ask(path, &["-m", "put", "-e", "21.5"]);
    assert_eq!(client.ask(path, &[]).stdout.trim_end(), "21.5");
    let _ = client.ask(path, &["-m", "post", "-e", "22"]);
    assert_eq!(client.ask(path, &[]).stdout.trim_end(), "22");
    let _ = client.ask(path, &["-m", "delete"]);
    let gone = client.ask(path, &[]);
    assert!(gone.stderr.contains("4.04"), "{gone:?}");
}

fn large_resource_goes_by_blocks(client: &CoapClient<'_>) {
    const LEN: usize = 64 * 1024;
    let resource: String = (0..LEN)
        .map(|at| char::from(b'a' + (at % 23) as u8))
        .collect();
    let file = client.scene.topology.state().dir().join("firmware");
    fs::write(&file, &resource).expect("room for a file");
    let file = file.to_str().expect("a plain path");
    for size in ["64", "512", "1024"] {
        let path = format!("/firmware{size}");
        let _ = client.ask(&path, &["-b", size, "-m", "put", "-f", file]);
        let got = client.ask(&path, &["-b", size]).stdout;
        assert!(
            got.trim_end() == resource,
            "blocks of {size}, {:?}: {} of {LEN} bytes",
            client.family,
            got.len()
        );
        let _ = client.ask(&path, &["-m", "delete"]);
    }
}

fn observer_is_notified(client: &CoapClient<'_>) {
    let seen = client.ask("/time", &["-s", "3", "-w"]).stdout;
    let notifications = seen.lines().filter(|line| line.contains(':')).count();
    assert!(notifications >= 3, "{seen}");
}

fn was_notified_all_the_time(observer: &mut Process) {
    let within = Duration::from_secs(2 * u64::from(OBSERVED_S));
    must(gateway::netns::wait_until(
        "the end of an observation",
        within,
        || observer.ended(),
    ));
    let seen = must(observer.printed());
    let notifications = seen.lines().filter(|line| line.contains(':')).count();
    assert!(
        notifications >= OBSERVED_S as usize - 2,
        "{notifications}: {seen}"
    );
}

/// The server acknowledges at once, and answers after a second.
fn late_response_comes_by_itself(client: &CoapClient<'_>) {
    let answer = client.ask("/async?1", &[]);
    assert!(answer.stdout.contains("done"), "{answer:?}");
}

fn non_confirmable_request_is_answered(client: &CoapClient<'_>) {
    let answer = client.ask("/", &["-N"]).stdout;
    assert!(answer.contains("test server"), "{answer}");
}

/// All CoAP nodes of the link (RFC 7252 §12.8).
fn group(family: Family) -> (&'static str, u16) {
    match family {
        Family::V4 => ("224.0.1.187", GROUP_PORTS[0]),
        Family::V6 => ("ff02::fd", GROUP_PORTS[1]),
    }
}

/// A server that is a member of the group.
fn group_member(scene: &Scene, family: Family) -> Process {
    let (group, port) = group(family);
    let mut command = coap_server(scene.host(Host::Servers));
    command.args(["-v", "7", "-p", &port.to_string()]);
    command.args(["-g", group, "-G", INTERFACE]);
    let name = format!("group-{family:?}");
    let mut member = must(Process::start(scene.topology.state(), &name, &mut command));
    must(member.ready(Duration::from_secs(10), |member| {
        Ok(member.printed()?.contains("created UDP").then_some(()))
    }));
    member
}

fn group_is_discovered(client: &CoapClient<'_>) {
    let (group, port) = group(client.family);
    let authority = match client.family {
        Family::V4 => group.to_owned(),
        Family::V6 => format!("[{group}]"),
    };
    let uri = format!("coap://{authority}:{port}/.well-known/core");
    lists_resources(&client.run(&uri, &["-N"]).stdout);
}

fn tcp_works(client: &CoapClient<'_>) {
    let uri = client.uri("/example_data").replace("coap:", "coap+tcp:");
    let got = client.run(&uri, &[]);
    assert_eq!(got.stdout.trim_end().len(), 1500, "{got:?}");
    let uri = client.uri("/time").replace("coap:", "coap+tcp:");
    let seen = client.run(&uri, &["-s", "2", "-w"]).stdout;
    assert!(
        seen.lines().filter(|line| line.contains(':')).count() >= 2,
        "{seen}"
    );
}

/// The client's build decides whether it can speak DTLS; Debian's first choice can.
fn dtls_works(scene: &Scene, family: Family) {
    let uri = format!("coaps://{}/time", scene.server_uri(family));
    let answer = client(scene, family, 0).run(&uri, &["-u", "CoAP", "-k", "weir-lab"]);
    assert!(answer.stdout.contains(':'), "{answer:?}");
}
