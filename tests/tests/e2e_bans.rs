//! Whom a rule bans, on a running gateway: a whole network of IPv6 whose addresses do together what none may.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use gateway::netns::peers::{Gateway, Metrics, Setup, mosquitto_pub};
use gateway::netns::{self, Family, Host, INTERFACE, Topology, address, wait_until};
use weir_tests::lab::{BASELINE, ctl, must, scene};

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");
const PATIENCE: Duration = Duration::from_secs(10);
/// The attacker's networks: the one he floods from, and another.
const FLOODING: &str = "fd77:0:0:7::/64";
const OTHER: &str = "fd77:0:0:8::/64";

const RULE: &str = r#"
[[rule]]
id     = "readings-by-network"
match  = { packet = "PUBLISH", direction = "to_server" }
limit  = { count = 3, window = "10m", per = "client", ipv6_prefix = 64 }
action = "drop"
ban    = "10m"
"#;

/// Gives the attacker addresses of both networks, and the servers a way back.
fn plug_in_networks(topology: &Topology, addresses: &[&str]) {
    let (attacker, servers) = (topology.host(Host::Attacker), topology.host(Host::Servers));
    for address in addresses {
        let line = format!("addr add {address}/64 dev {INTERFACE} nodad");
        must(attacker.ip(&line));
    }
    for network in [FLOODING, OTHER] {
        must(servers.ip(&format!("-6 route add {network} dev {INTERFACE}")));
    }
}

/// Whether a reading from this address is taken by the broker, to the acknowledgement.
fn reports(topology: &Topology, host: Host, from: &str) -> bool {
    let broker = address(Host::Servers, 0, Family::V6).to_string();
    let mut publish = mosquitto_pub(topology.host(host));
    publish.args(["-h", &broker, "-A", from, "-q", "1", "-t", "plant/1"]);
    publish.args(["-m", "on"]);
    let mut killer = Command::new("timeout");
    killer.arg("3").arg(publish.get_program());
    killer.args(publish.get_args());
    must(netns::output(&mut killer)).status.success()
}

#[test]
fn a_rule_bans_a_network_of_ipv6_and_no_frame_of_it_gets_past_the_kernel() {
    let scene = scene("e2e-bans");
    let topology = &scene.topology;
    let flooding: Vec<String> = (1..=6).map(|host| format!("fd77:0:0:7::{host}")).collect();
    let exempt = flooding[5].as_str();
    let other = "fd77:0:0:8::1";
    let mut plugged: Vec<&str> = flooding.iter().map(String::as_str).collect();
    plugged.push(other);
    plug_in_networks(topology, &plugged);

    let rules = format!("{RULE}{BASELINE}");
    let never = format!("[block]\nnever = [\"{exempt}\"]\n");
    let mut setup = Setup::new(Path::new(PROGRAM), &rules);
    setup.more = &never;
    let gateway = must(Gateway::start(topology, &setup));
    let attacks = |from: &str| reports(topology, Host::Attacker, from);
    let banned = || {
        let metrics = must(gateway.metrics());
        metrics.sum("weir_xdp_frames_total", &[("outcome", "banned")])
    };

    // Three are let through, each from an address of its own; the fourth is one too many for all of them.
    for from in &flooding[..3] {
        assert!(attacks(from), "{from}");
    }
    assert_eq!(banned(), 0.0);
    assert!(!attacks(&flooding[3]), "one too many");
    must(wait_until("the ban", PATIENCE, || {
        Ok(ctl(topology, PROGRAM, &["bans"])
            .1
            .contains(FLOODING)
            .then_some(()))
    }));
    let metrics = must(gateway.metrics());
    let of_rule = [("rule", "readings-by-network"), ("enforced", "true")];
    assert_eq!(metrics.sum("weir_rule_matches_total", &of_rule), 1.0);

    // Whoever is of the network is stopped in the kernel, one that was never heard too; the inspector sees nothing of it.
    let seen = |metrics: &Metrics| metrics.sum("weir_messages_total", &[("type", "CONNECT")]);
    let (before, connects) = (banned(), seen(&metrics));
    for from in &flooding[3..5] {
        assert!(!attacks(from), "{from} is of the banned network");
    }
    assert!(banned() > before, "frames stopped by the XDP program");
    assert_eq!(seen(&must(gateway.metrics())), connects);

    // Not so one that is never kept out, another network, and the devices'.
    assert!(attacks(other), "another network");
    let device = address(Host::Devices, 0, Family::V6).to_string();
    assert!(reports(topology, Host::Devices, &device), "a device");
    let stopped = banned();
    attacks(exempt);
    assert_eq!(banned(), stopped, "never kept out");
    assert!(seen(&must(gateway.metrics())) > connects + 2.0);

    let (_, said) = ctl(topology, PROGRAM, &["unban", FLOODING]);
    assert!(said.contains("let in again"), "{said}");
    let (_, said) = ctl(topology, PROGRAM, &["bans"]);
    assert!(said.contains("nobody is banned"), "{said}");
}
