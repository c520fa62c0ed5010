//! The operator at work on a running gateway: `weir ctl`, files that change, and a thousand reloads
//! under traffic.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use gateway::demo::work::Telemetry;
use gateway::netns::peers::{Gateway, Mosquitto, Setup, mosquitto_pub};
use gateway::netns::{self, Host, Spec, Topology, wait_until};
use serde_json::Value;
use weir_tests::clients::{Subscriber, publish};
use weir_tests::lab::{BASELINE, NO_VALVES, alone, ctl, must, scene, weir};
use weir_tests::stream::Stream;

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");
const PATIENCE: Duration = Duration::from_secs(8);
const COAP: u16 = 5683;
const RELOADS: usize = 1000;

fn tells(topology: &Topology, arguments: &[&str], status: i32, needles: &[&str]) {
    let (code, said) = ctl(topology, PROGRAM, arguments);
    assert_eq!(code, Some(status), "{arguments:?}: {said}");
    for needle in needles {
        assert!(
            said.contains(needle),
            "{arguments:?}: no {needle} in {said}"
        );
    }
}

#[test]
fn the_operator_sees_and_changes_who_is_kept_out() {
    let scene = scene("e2e-ctl");
    let topology = &scene.topology;
    let gateway = weir(topology, PROGRAM, "native");
    tells(
        topology,
        &["status"],
        0,
        &["inside - outside: 1 worker at work", "native", "ready"],
    );
    tells(topology, &["bans"], 0, &["nobody is banned"]);

    let device = "10.77.0.10";
    let reports = || {
        let mut command = mosquitto_pub(scene.host(Host::Devices));
        command.args(["-h", "10.77.0.2", "-A", device, "-t", "plant/1", "-m", "on"]);
        let mut killer = Command::new("timeout");
        killer.arg("2").args(command_line(&command));
        must(netns::output(&mut killer)).status.success()
    };
    assert!(reports(), "an ordinary device");
    tells(
        topology,
        &["ban", device, "--for", "10m"],
        0,
        &["10.77.0.10/32 is banned"],
    );
    assert!(!reports(), "a banned one");
    tells(topology, &["bans"], 0, &["10.77.0.10/32", "m"]);
    let (_, json) = ctl(topology, PROGRAM, &["--json", "bans"]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["about"][0]["source"], "10.77.0.10/32");
    tells(topology, &["unban", device], 0, &["let in again"]);
    assert!(reports(), "let in again");
    tells(topology, &["unban", device], 1, &["is not banned"]);
    tells(
        topology,
        &["ban", "10.77.0.0/33"],
        2,
        &["neither an address nor a network"],
    );
    assert_eq!(must(gateway.metrics()).sum("weir_bans", &[]), 0.0);

    let detached = Command::new(PROGRAM)
        .args(["detach", "--config"])
        .arg(Gateway::config(topology))
        .output()
        .expect("the program runs");
    let said = String::from_utf8(detached.stderr).expect("UTF-8");
    assert_eq!(detached.status.code(), Some(2), "{said}");
    assert!(said.contains("stop it first"), "{said}");
    assert!(reports(), "the link is as it was");

    let status = must(gateway.into_process().stop(PATIENCE));
    assert!(status.success(), "{status}");
    tells(topology, &["status"], 2, &["no gateway runs with it"]);
}

#[test]
fn in_monitor_mode_who_is_banned_is_inspected() {
    const DEVICE: &str = "10.77.0.10";
    const NOT_KEPT_OUT: &str = "in monitor mode nothing is kept out";
    let scene = scene("e2e-ctl-monitor");
    let topology = &scene.topology;
    let mut setup = Setup::new(Path::new(PROGRAM), BASELINE);
    setup.mode = "monitor";
    let gateway = must(Gateway::start(topology, &setup));
    // The connection is there before the ban, which must not tear it in two for the inspector.
    let subscriber = Subscriber::start(
        &scene,
        "monitored",
        &["-h", "10.77.0.2", "-A", DEVICE, "-t", "plant/#"],
    );
    tells(topology, &["ban", DEVICE], 0, &["is banned", NOT_KEPT_OUT]);
    tells(topology, &["bans"], 0, &[DEVICE, NOT_KEPT_OUT]);
    tells(topology, &["status"], 0, &[NOT_KEPT_OUT]);
    let broker = ["-h", "10.77.0.2", "-A", DEVICE, "-t", "plant/1"];
    for text in ["one", "two"] {
        publish(&scene, &[&broker[..], &["-m", text]].concat());
    }
    sleep(Duration::from_secs(1));
    let metrics = must(gateway.metrics());
    let frames = |outcome| metrics.sum("weir_xdp_frames_total", &[("outcome", outcome)]);
    assert!(frames("would-ban") > 0.0 && frames("banned") == 0.0);
    assert_eq!(metrics.sum("weir_reasons_total", &[]), 0.0, "no event");
    let messages = [("type", "PUBLISH"), ("direction", "to_server")];
    assert_eq!(metrics.sum("weir_messages_total", &messages), 2.0);
    drop(subscriber);
}

/// The words of a command, to be run by another.
fn command_line(command: &Command) -> Vec<&std::ffi::OsStr> {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .collect()
}

#[test]
fn the_operator_is_shown_what_is_wrong_with_new_rules() {
    let scene = scene("e2e-ctl-reload");
    let topology = &scene.topology;
    let gateway = weir(topology, PROGRAM, "native");
    let rules = Gateway::rules(topology);
    fs::write(&rules, format!("{BASELINE}{NO_VALVES}")).expect("room for a file");
    tells(topology, &["reload"], 0, &["in force", "generation 2"]);
    fs::write(
        &rules,
        "[[rule]]\nid = \"x\"\nmatch = { packte = \"CONNECT\" }\naction = \"drop\"\n",
    )
    .expect("room for a file");
    let needles = [
        "the old rules stay in force",
        "rules.toml:3",
        "did you mean `packet`",
    ];
    tells(topology, &["reload"], 1, &needles);
    let not_loaded = [
        "generation 2",
        "not loaded 20",
        "rules.toml:3:",
        "mode       enforce",
    ];
    tells(topology, &["status"], 0, &not_loaded);
    assert!(!reloaded(&gateway));

    fs::write(&rules, BASELINE).expect("room for a file");
    let config = Gateway::config(topology);
    let text = fs::read_to_string(&config).expect("the configuration");
    let monitoring = text.replace("mode = \"enforce\"", "mode = \"monitor\"");
    fs::write(&config, monitoring).expect("room for a file");
    tells(topology, &["reload"], 0, &["in force"]);
    tells(topology, &["status"], 0, &["mode       monitor"]);
    let (_, json) = ctl(topology, PROGRAM, &["--json", "status"]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["about"]["mode"], "monitor");
    assert_eq!(json["about"]["failed_reload"], Value::Null);
    assert!(reloaded(&gateway));
    let monitors = must(gateway.metrics()).sum("weir_mode", &[("mode", "monitor")]);
    assert_eq!(monitors, 1.0);
    let log = must(gateway.process().printed());
    assert!(
        log.contains("mode=\"enforce\"") && log.contains("mode=\"monitor\""),
        "{log}"
    );
}

/// Whether the last reload succeeded, as the metrics have it.
fn reloaded(gateway: &Gateway<'_>) -> bool {
    must(gateway.metrics()).sum("weir_last_reload_successful", &[]) == 1.0
}

#[test]
fn changed_rules_come_into_force_by_themselves() {
    let scene = scene("e2e-follow");
    let topology = &scene.topology;
    let gateway = weir(topology, PROGRAM, "native");
    let broker = ["-h", "10.77.0.2"];
    let listener = Subscriber::start(
        &scene,
        "listener",
        &[&broker[..], &["-t", "plant/#"]].concat(),
    );
    let says = |topic, text| publish(&scene, &[&broker[..], &["-t", topic, "-m", text]].concat());
    says("plant/valve/7", "before");
    let rules = Gateway::rules(topology);
    fs::write(&rules, format!("{BASELINE}{NO_VALVES}")).expect("room for a file");
    followed(&gateway, "ok");
    says("plant/valve/7", "open!");
    // A broken file changes nothing, however often it is looked at.
    fs::write(&rules, "[[rule]]\nid = broken").expect("room for a file");
    followed(&gateway, "failed");
    sleep(Duration::from_secs(3));
    followed(&gateway, "failed");
    says("plant/valve/7", "open!");
    says("plant/1", "after");
    assert_eq!(listener.messages(2), ["before", "after"]);
}

#[test]
fn what_a_failed_reload_named_comes_into_force_by_itself() {
    let scene = scene("e2e-later");
    let topology = &scene.topology;
    let gateway = weir(topology, PROGRAM, "native");
    let config = Gateway::config(topology);
    let later = config.with_file_name("later.toml");
    let text = fs::read_to_string(&config).expect("the configuration");
    let naming = text.replace("packs = [", "packs = [\"later.toml\", ");
    assert_ne!(naming, text);
    fs::write(&config, naming).expect("room for a file");
    followed_times(&gateway, "failed", 1);
    tells(topology, &["status"], 0, &["not loaded", "`later.toml`"]);
    fs::write(&later, "[[rule]]\nid = broken").expect("room for a file");
    followed_times(&gateway, "failed", 2);
    fs::write(&later, NO_VALVES).expect("room for a file");
    followed(&gateway, "ok");
    tells(topology, &["status"], 0, &["generation 2"]);
}

/// Waits until one reload, and no more, has ended so.
fn followed(gateway: &Gateway<'_>, result: &str) {
    followed_times(gateway, result, 1);
}

/// Waits until so many reloads, and no more, have ended so.
fn followed_times(gateway: &Gateway<'_>, result: &str, times: u32) {
    must(wait_until("the reload", PATIENCE, || {
        let metrics = gateway.metrics()?;
        let reloads = metrics.sum("weir_reloads_total", &[("result", result)]);
        Ok((reloads == f64::from(times)).then_some(()))
    }));
}

/// Asks for a reload on the socket, without a process for each.
fn reload(socket: &Path) {
    let mut stream = UnixStream::connect(socket).expect("the gateway answers");
    stream.write_all(b"{\"ask\":\"reload\"}\n").expect("said");
    let mut answer = String::new();
    let heard = BufReader::new(stream).read_line(&mut answer);
    assert!(heard.is_ok() && answer.contains("reloaded"), "{answer}");
}

#[test]
fn a_thousand_reloads_lose_and_reorder_nothing() {
    let _alone = alone();
    let topology = must(Topology::build(&Spec {
        label: "e2e-reloads",
        field: false,
        ..Spec::default()
    }));
    let broker = must(Mosquitto::start(&topology));
    let gateway = weir(&topology, PROGRAM, "native");
    let telemetry = must(Telemetry::start(&topology, &broker));
    let stream = Stream::start(&topology, COAP);
    sleep(Duration::from_millis(500));
    let (socket, rules) = (Gateway::socket(&topology), Gateway::rules(&topology));
    let began = Instant::now();
    for number in 0..RELOADS {
        // Each other time the rules differ.
        let more = if number % 2 == 0 { NO_VALVES } else { "" };
        fs::write(&rules, format!("{BASELINE}{more}")).expect("room for a file");
        reload(&socket);
    }
    let each = began.elapsed() / RELOADS as u32;
    sleep(Duration::from_millis(500));
    let record = stream.finish();
    println!(
        "{RELOADS} reloads, {each:?} each: lost {} of {}",
        record.lost(),
        record.sent
    );
    assert_eq!(record.lost(), 0, "of {}", record.sent);
    let in_order = record.arrivals.is_sorted_by_key(|arrival| arrival.number);
    assert!(in_order, "frames came out of order");
    let metrics = must(gateway.metrics());
    let reloads = metrics.sum("weir_reloads_total", &[("result", "ok")]);
    assert!(reloads >= RELOADS as f64, "{reloads}");
    let judged = metrics.sum("weir_frames_total", &[]);
    assert!(judged >= record.sent as f64, "{judged} judged");
    let (sent, arrived) = must(telemetry.finish());
    assert!(sent > 0 && arrived == sent, "{arrived} of {sent} reports");
}
