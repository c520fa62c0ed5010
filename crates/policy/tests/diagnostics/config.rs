//! Configuration files.

use weir_policy::{Config, Policy, SourceText};

use super::{config, headlines};

#[test]
fn what_is_wrong_with_a_configuration() {
    for (text, headline, help) in [
        (
            "mode = \"enforced\"",
            "1:8: error: `enforced` isn't one of `enforce` or `monitor`",
            "did you mean `enforce`?",
        ),
        (
            "on_failure = true",
            "expected `open` or `closed`, found true or false",
            "",
        ),
        (
            "modes = 1",
            "the file has no key `modes`",
            "did you mean `mode`?",
        ),
        (
            "[link]\ninside = \"a\"",
            "[[link]] is written in double brackets",
            "",
        ),
        (
            "[[link]]\ninside = \"eth1\"",
            "[[link]] lacks `outside`",
            "",
        ),
        (
            "[[link]]\ninside = \"eth1\"\noutside = \"eth1\"",
            "3:11: error: the interface `eth1` is already an end of a link",
            "first used here: weir.toml:2:10",
        ),
        (
            "[[link]]\ninside = \"eth1\"\noutside = \"lo\"",
            "3:11: error: nothing but this machine's own traffic is on `lo`",
            "name the interface",
        ),
        (
            "[[link]]\ninside = \"host\"\noutside = \"eth1\"",
            "each end of a link has to be an interface",
            "name the interface that leads there",
        ),
        (
            "[[link]]\ninside = \"eth1\"\noutside = \"host\"",
            "3:11: error: each end of a link has to be an interface",
            "",
        ),
        (
            "[[link]]\ninside = eth1\noutside = \"eth2\"",
            "2:10: error: not TOML: string values must be quoted",
            "write \"…\" around it",
        ),
        (
            "[[link]]\ninside = \"an-interface-too-long\"\noutside = \"eth1\"",
            "can't be an interface's name",
            "1 to 15 characters",
        ),
        (
            "[zones]\noutside = []",
            "the zone `outside` always exists",
            "",
        ),
        (
            "[zones]\n\"10.0\" = [\"10.0.0.1\"]",
            "`10.0` can't be a zone's name",
            "",
        ),
        (
            "[zones]\na = [\"10.0.0\"]",
            "`10.0.0` is neither an address nor a network",
            "",
        ),
        (
            "[services]\nmqtt = [1883]\nmqtts = [1883]",
            "3:10: error: port 1883 already belongs to `mqtt`",
            "first used here: weir.toml:2:9",
        ),
        ("[services]\ncoap = [0]", "between 1 and 65535", ""),
        (
            "[services]\nhttp = [80]",
            "[services] has no key `http`",
            "`mqtt`, `mqtts`, `coap`, `coaps` or `coap-tcp`",
        ),
        (
            "[policy]\ndefault = \"refuse\"",
            "isn't one of `accept`, `drop` or `reset`",
            "",
        ),
        (
            "[policy]\npacks = [\"a\", \"a\"]",
            "the pack `a` is named twice",
            "",
        ),
        (
            "[tls]\nrequired_from = [\"sensors\"]",
            "there is no zone `sensors`",
            "`inside` or `outside`",
        ),
        (
            "[mqtt]\nbrokers = [[\"10.0.0.0/8\"]]",
            "2:13: error: `10.0.0.0/8` isn't a broker's address",
            "10.77.0.2:1884",
        ),
        (
            "[mqtt]\nbrokers = [[\"10.0.0.1:0\"]]",
            "`10.0.0.1:0` isn't a broker's address",
            "",
        ),
        (
            "[mqtt]\nbrokers = [[\"10.0.0.1\", \"fd77::2\"], [\"fd77::3\", \"fd77:0::2\"]]",
            "error: `fd77::2` is named twice",
            "first named here: weir.toml:2:25",
        ),
        (
            "[mqtt]\nbrokers = [\"10.0.0.1\"]",
            "2:12: error: a broker is a list of its addresses",
            "[[\"10.77.0.2\", \"fd77::2\"]]",
        ),
        (
            "[mqtt]\nbrokers = [[]]",
            "warning: this broker has no address",
            "",
        ),
        (
            "[mqtt]\nbrokers = [[\"10.0.0.1\"]]",
            "warning: `10.0.0.1` is one broker in any case",
            "or leave it out",
        ),
        (
            "[mqtt]\nbrokers = [[\"::ffff:10.0.0.1\", \"fd77::2\"]]",
            "warning: no frame bears an IPv4-mapped address: it is taken for 10.0.0.1",
            "",
        ),
        (
            "[mqtt]\nbrokers = [[\"10.0.0.1:1884\"]]",
            "warning: port 1884 belongs to no service of MQTT",
            "",
        ),
        (
            "[metrics]\nlisten = \":9683\"",
            "isn't an address with a port",
            "127.0.0.1:9683",
        ),
        (
            "[budget]\nudp_packets_per_second = 99",
            "at least 100 packets a second",
            "0 stands for no budget",
        ),
        (
            "[block]\nfiles = [\"a\", \"b\", \"a\"]",
            "the list `a` is named twice",
            "",
        ),
        (
            "[block]\nnever = [\"10.0.0.1/8\"]",
            "bits set beyond its prefix",
            "10.0.0.0/8",
        ),
        (
            "[dataplane]\nring_size = 1000",
            "a ring's size has to be a power of two",
            "write 512 or 1024",
        ),
        (
            "[dataplane]\npin_dir = \"x\"",
            "has to be an absolute path",
            "",
        ),
        (
            "[control]\nsocket = \"control.sock\"",
            "the socket has to be an absolute path",
            "/run/weir/control.sock",
        ),
        (
            "[policy]\ndisabled = [\"a\"]\ndry_run = [\"b\", \"a\"]",
            "the rule `a` is named twice",
            "",
        ),
        (
            "[limits]\nflow = 5",
            "[limits] has no key `flow`",
            "did you mean `flows`?",
        ),
        (
            "[limits]\nidle_timeout = 5",
            "expected a string, found a whole number",
            "",
        ),
        (
            "[[rule]]\nid = \"r\"",
            "[[rule]] doesn't stand in the configuration",
            "`packs` of [policy]",
        ),
    ] {
        let rendered = config(text);
        assert_eq!(headlines(&rendered).len(), 1, "{text}: {rendered}");
        assert!(rendered.contains(headline), "{text}: {rendered}");
        assert!(rendered.contains(help), "{text}: {rendered}");
    }
}

#[test]
fn tcp_and_udp_ports_may_be_the_same() {
    assert_eq!(config("[services]\nmqtt = [5683]\ncoap = [5683]\n"), "");
    let text = "[services]\nmqtt = [8883]\n";
    let (config, diagnostics) = Config::check(&SourceText::new("weir.toml", text));
    assert!(diagnostics.is_empty());
    assert!(config.services.mqtts.is_empty());
}

#[test]
fn cases_find_every_service() {
    let text = "mode = \"monitor\"\n[services]\nmqtt = [5683, 1]\ncoap = []\n";
    let (config, _) = Config::check(&SourceText::new("weir.toml", text));
    let services = config.for_cases().services;
    assert_eq!((services.mqtt, services.mqtts), (vec![5683, 1], vec![8883]));
    // Its usual port is taken over TCP, but not over UDP.
    assert_eq!((services.coap_tcp, services.coap), (vec![2], vec![5683]));
}

#[test]
fn every_key_of_a_configuration_is_read() {
    let text = r#"
mode       = "monitor"
on_failure = "closed"

[[link]]
inside  = "eth1"
outside = "eth2"

[zones]
sensors = ["10.20.0.0/16", "fd00:20::/48"]

[services]
mqtt  = [1883, 1884]
coaps = []
coap-tcp = [5683]

[policy]
default = "drop"
packs   = ["baseline.toml", "site.toml"]
disabled = ["mqtt-lax"]
dry_run  = ["mqtt-silent", "coap-spoofed"]

[tls]
required_from = ["sensors", "outside"]

[mqtt]
brokers = [["10.77.0.2", "[fd77::2]:1884"]]

[tcp]
midstream = "bypass"

[ip]
fragments = "forward"

[limits]
flows        = 10
idle_timeout = "15m"
exception    = "bypass"

[budget]
tcp_packets_per_second = 0
udp_packets_per_second = 12345
coap_responses_per_second = 2345
burst                  = "2s"

[block]
files = ["drop.txt"]
never = ["10.30.0.9"]

[dataplane]
mode         = "generic"
busy_poll_us = 50
ring_size    = 4096
heartbeat_ms = 10
pin_dir      = "/sys/fs/bpf/test"

[metrics]
listen = "[::1]:9683"

[events]
file = "/var/log/weir/events.json"

[control]
socket       = "/run/weir/control.sock"
follow_files = false

[log]
level  = "debug"
format = "json"
"#;
    let (config, diagnostics) = Config::check(&SourceText::new("weir.toml", text));
    assert_eq!(diagnostics.render(), "");
    let shown = format!("{config:?}");
    for part in [
        "Monitor",
        "Closed",
        "\"eth1\"",
        "outside: \"eth2\"",
        "10.20.0.0/16",
        "[1883, 1884]",
        "mqtts: [8883]",
        "coaps: []",
        "coap_tcp: [5683]",
        "default: Drop",
        "\"site.toml\"",
        "disabled: {\"mqtt-lax\"",
        "dry_run: {\"coap-spoofed\"",
        "tls_required_from: [\"sensors\", \"outside\"]",
        "(10.77.0.2, 0): (10.77.0.2, 0), (fd77::2, 1884): (10.77.0.2, 0)",
        "Bypass",
        "Forward",
        "flows: 10",
        "900s",
        "exception: Bypass",
        "socket: Some(\"/run/weir/control.sock\"), follow_files: false",
        "tcp_packets_per_second: 0",
        "udp_packets_per_second: 12345",
        "coap_responses_per_second: 2345",
        "burst: 2s",
        "drop.txt",
        "never: [10.30.0.9/32]",
        "Generic",
        "busy_poll: 50µs",
        "4096",
        "heartbeat: 10ms",
        "/sys/fs/bpf/test",
        "[::1]:9683",
        "events.json",
        "debug",
        "Json",
    ] {
        assert!(shown.contains(part), "{part} isn't in {shown}");
    }
}

#[test]
fn rules_of_packs_are_left_out_or_tried() {
    let rule = |id: &str| {
        let rule = "match = { packet = \"PUBLISH\" }\naction = \"alert\"\n";
        format!("[[rule]]\nid = \"{id}\"\n{rule}")
    };
    let pack = SourceText::new("site.toml", &["one", "two", "three"].map(rule).concat());
    let check = |text: &str| {
        let (config, diagnostics) = Config::check(&SourceText::new("weir.toml", text));
        assert!(diagnostics.is_empty(), "{}", diagnostics.render());
        (Policy::check(&config, std::slice::from_ref(&pack)), config)
    };

    let ((policy, _), config) = check("[policy]\ndisabled = [\"two\"]\ndry_run = [\"three\"]\n");
    let left = |policy: &Policy| -> Vec<(String, bool)> {
        let rules = policy.rules().iter();
        rules.map(|rule| (rule.id.clone(), rule.dry_run)).collect()
    };
    let policy = policy.expect("a policy");
    assert_eq!(
        left(&policy),
        [("one".into(), false), ("three".into(), true)]
    );
    // Cases are about the pack.
    let for_cases = Policy::compile_for_cases(&config.for_cases(), std::slice::from_ref(&pack));
    let all = left(&for_cases.expect("a policy"));
    assert!(all.len() == 3 && all.iter().all(|(_, dry_run)| !dry_run));

    let ((policy, diagnostics), _) = check("[policy]\ndisabled = [\"tow\"]\n");
    let said = diagnostics.render();
    assert!(
        policy.is_none() && said.contains("weir.toml:2:13: error: there is no rule `tow`"),
        "{said}"
    );
    assert!(said.contains("did you mean `two`?"), "{said}");
}
