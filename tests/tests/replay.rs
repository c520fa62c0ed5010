//! Golden captures: what `weir replay` says of each capture in tests/replay, line by line.
//!
//! A case is a directory with `input.pcap`, `config.toml`, and what is expected: `expected.jsonl` (the
//! events) and `verdicts.jsonl`. The captures are built by scripts. After a change that is meant to
//! change them, `WEIR_BLESS=1 cargo test -p weir-tests --test replay` writes captures and
//! expectations anew: read the difference before it is committed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use weir_tests::captures::{Script, frames_of, pcap, scripts};
use wire::net::{Packet, Transport};

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("replay")
}

fn blessing() -> bool {
    std::env::var_os("WEIR_BLESS").is_some()
}

/// Compares, or writes when blessing.
fn check(path: &Path, actual: &[u8]) {
    if blessing() {
        fs::write(path, actual).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        return;
    }
    let expected = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if expected == actual {
        return;
    }
    let (expected, actual) = (
        String::from_utf8_lossy(&expected),
        String::from_utf8_lossy(actual),
    );
    let lines = expected.lines().chain(std::iter::repeat("(nothing)"));
    let differs = lines
        .zip(actual.lines().chain(["(nothing)"]))
        .enumerate()
        .find(|(_, (expected, actual))| expected != actual);
    let (at, (expected, actual)) = differs.unwrap_or((0, ("(other bytes)", "(other bytes)")));
    panic!(
        "{}:{}:\n expected {expected}\n      got {actual}",
        path.display(),
        at + 1
    );
}

fn replay(case: &Path, more: &[&str]) -> Output {
    Command::new(PROGRAM)
        .args(["replay", "--config"])
        .arg(case.join("config.toml"))
        .arg(case.join("input.pcap"))
        .args(more)
        .output()
        .expect("the program runs")
}

/// What the replay printed; it must have been fine.
fn printed(case: &Path, more: &[&str]) -> Vec<u8> {
    let output = replay(case, more);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {complaints}", case.display());
    assert_eq!(complaints, "", "{}", case.display());
    output.stdout
}

#[test]
fn captures_are_what_their_scripts_build_and_replay_as_expected() {
    for Script { name, frames } in scripts() {
        let case = cases().join(name);
        check(&case.join("input.pcap"), &pcap(&frames));
        check(&case.join("expected.jsonl"), &printed(&case, &[]));
        let verdicts = printed(&case, &["--verdicts"]);
        assert_eq!(
            verdicts.iter().filter(|&&byte| byte == b'\n').count(),
            frames.len()
        );
        check(&case.join("verdicts.jsonl"), &verdicts);
    }
}

#[test]
fn every_directory_is_a_case() {
    let names: BTreeSet<String> = scripts()
        .into_iter()
        .map(|case| case.name.to_owned())
        .collect();
    let entries = fs::read_dir(cases()).expect("tests/replay");
    let found: BTreeSet<String> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    assert_eq!(found, names);
}

/// The frames `--out` wrote.
fn forwarded(case: &str) -> Vec<Vec<u8>> {
    let out = std::env::temp_dir().join(format!("weir-out-{case}-{}.pcap", std::process::id()));
    let path = out.to_str().expect("a path in UTF-8");
    printed(&cases().join(case), &["--out", path]);
    let capture = fs::read(&out).expect("what was forwarded");
    fs::remove_file(&out).expect("removed");
    frames_of(&capture)
}

/// The bytes a client's segments carry towards the broker, in the order they were forwarded.
fn to_server(frames: &[Vec<u8>]) -> Vec<u8> {
    let payload = |frame: &Vec<u8>| match Packet::decode(frame).expect("a frame").transport {
        Transport::Tcp(tcp) if tcp.destination_port == 1883 => tcp.payload.to_vec(),
        _ => Vec::new(),
    };
    frames.iter().flat_map(payload).collect()
}

fn script(name: &str) -> Vec<Vec<u8>> {
    scripts()
        .into_iter()
        .find(|script| script.name == name)
        .expect("a script")
        .frames
}

#[test]
fn what_is_held_leaves_in_order_when_its_turn_comes() {
    let frames = forwarded("mqtt-out-of-order");
    let mut sent = script("mqtt-out-of-order");
    let len = sent.len();
    // The script sends the third segment before the second.
    sent.swap(len - 3, len - 2);
    assert_eq!(to_server(&frames), to_server(&sent));
    // And its sender was told that it is held.
    assert_eq!(frames.len(), sent.len() + 1);
}

#[test]
fn what_precedes_a_denied_packet_arrives_and_both_ends_are_reset() {
    let frames = forwarded("mqtt-spoofed-suback");
    let sent = to_server(&script("mqtt-spoofed-suback"));
    let arrived = to_server(&frames);
    assert!(
        sent.starts_with(&arrived) && arrived.ends_with(b"21.5"),
        "{arrived:02x?}"
    );
    let is_reset = |frame: &&Vec<u8>| {
        let packet = Packet::decode(frame).expect("a frame");
        matches!(packet.transport, Transport::Tcp(tcp)
            if tcp.flags.contains(wire::net::TcpFlags::RST))
    };
    let mut receivers: Vec<_> = frames
        .iter()
        .filter(is_reset)
        .map(|frame| Packet::decode(frame).expect("a frame").destination())
        .collect();
    receivers.sort();
    receivers.dedup();
    assert_eq!(receivers.len(), 2, "both ends");
}

#[test]
fn monitor_mode_forwards_everything() {
    assert_eq!(forwarded("monitor"), script("monitor"));
}

#[test]
fn inside_can_be_named() {
    let case = cases().join("mqtt-spoofed-suback");
    let interface = |more: &[&str]| {
        let events = String::from_utf8(printed(&case, more)).expect("UTF-8");
        let event: serde_json::Value =
            serde_json::from_str(events.lines().next().expect("an event")).expect("JSON");
        event["in_iface"].as_str().expect("an interface").to_owned()
    };
    assert_eq!(interface(&[]), "inside");
    assert_eq!(interface(&["--inside", "10.20.0.0/16"]), "inside");
    assert_eq!(
        interface(&["--inside", "10.30.0.0/16", "--inside", "fd00::/8"]),
        "outside"
    );
}

#[test]
fn a_cut_capture_is_replayed_with_a_warning() {
    let case = cases().join("coap-ordinary");
    let dir = std::env::temp_dir().join(format!("weir-cut-{}", std::process::id()));
    fs::create_dir_all(&dir).expect("a scratch directory");
    let mut capture = fs::read(case.join("input.pcap")).expect("a capture");
    // The first frame was ten bytes longer than the capture says.
    let original_len = u32::from_be_bytes(capture[36..40].try_into().expect("four bytes"));
    capture[36..40].copy_from_slice(&(original_len + 10).to_be_bytes());
    fs::write(dir.join("input.pcap"), &capture).expect("written");
    let pack = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules/baseline.toml");
    let config = format!("[policy]\npacks = [{:?}]\n", pack.to_str().expect("UTF-8"));
    fs::write(dir.join("config.toml"), config).expect("written");
    let output = replay(&dir, &["--verdicts"]);
    fs::remove_dir_all(&dir).expect("removed");
    assert!(output.status.success());
    let warning = String::from_utf8_lossy(&output.stderr);
    assert!(
        warning.contains("1 of 4 frames were cut") && warning.contains("-s 0"),
        "{warning}"
    );
    let first = String::from_utf8_lossy(&output.stdout);
    let captured = format!("\"captured\":{original_len}");
    assert!(
        first.lines().next().expect("a line").contains(&captured),
        "{first}"
    );
}

#[test]
fn a_summary_counts_what_the_rules_would_have_done() {
    let case = cases().join("mqtt-spoofed-suback");
    let summary = String::from_utf8(printed(&case, &["--summary"])).expect("UTF-8");
    let expected = "9 frames: accept 7, drop 1, reset 1\n\n\
                    rules\n        1  spoofed-control-packets (reset)\n\n\
                    reasons\n        1  mqtt.spoofed.server-packet\n";
    assert_eq!(summary, expected);

    let capture = fs::File::open(case.join("input.pcap")).expect("a capture");
    let piped = Command::new(PROGRAM)
        .args(["replay", "--summary", "--config"])
        .arg(case.join("config.toml"))
        .arg("-")
        .stdin(capture)
        .output()
        .expect("the program runs");
    assert_eq!(String::from_utf8_lossy(&piped.stdout), expected);
}

/// What a capture's events say when these rules alone are asked.
fn told(name: &str, capture: &str, rules: &str) -> Vec<serde_json::Value> {
    let dir = std::env::temp_dir().join(format!("weir-{name}-{}", std::process::id()));
    fs::create_dir_all(&dir).expect("a scratch directory");
    fs::copy(
        cases().join(capture).join("input.pcap"),
        dir.join("input.pcap"),
    )
    .expect("copied");
    fs::write(dir.join("rules.toml"), rules).expect("written");
    fs::write(
        dir.join("config.toml"),
        "[policy]\npacks = [\"rules.toml\"]\n",
    )
    .expect("written");
    let lines = printed(&dir, &[]);
    fs::remove_dir_all(&dir).expect("removed");
    let lines = String::from_utf8(lines).expect("UTF-8");
    let event = |line: &str| serde_json::from_str(line).expect("JSON");
    lines.lines().map(event).collect()
}

#[test]
fn events_tell_what_their_rules_log_and_what_they_would_have_done() {
    let rules = |log: &str| {
        format!(
            "[[rule]]\nid = \"state\"\nmatch = {{ topic = \"sensors/+/state\" }}\naction = \"refuse\"\ndry_run = true\n{log}\n"
        )
    };
    let with = told(
        "logs",
        "mqtt-ordinary-v5-ipv6",
        &rules("log = [\"payload\"]"),
    );
    let without = told("logs-not", "mqtt-ordinary-v5-ipv6", &rules(""));
    assert_eq!((with.len(), without.len()), (1, 1));
    assert_eq!(with[0]["mqtt"]["publish"]["message"], "on");
    assert_eq!(with[0]["weir"]["would"], "refuse");
    assert_eq!(with[0]["weir"]["verdict"], "accept");
    assert_eq!(without[0]["mqtt"]["publish"].get("message"), None);

    let rules = "[[rule]]\nid = \"all\"\nmatch = { protocol = \"coap\" }\naction = \"alert\"\nlog = [\"payload\", \"token\", \"options\"]\n";
    let events = told("logs-coap", "coap-ordinary", rules);
    let (request, response) = (&events[0]["coap"], &events[1]["coap"]);
    assert_eq!(request["token"], "01");
    assert_eq!(request["options"][1]["value"], "8");
    assert_eq!(request.get("payload"), None);
    assert_eq!(response["payload"], "21.5");
}
