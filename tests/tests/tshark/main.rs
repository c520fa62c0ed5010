//! tshark as a second opinion: every field of an MQTT message that Weir reports is what tshark reads in
//! the same capture.

mod coap;
mod fields;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fields::Message;
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The ports of MQTT in the captures, beside its own.
const PORTS: [u16; 1] = [17_501];

/// Who speaks to whom: address and port of the sender, and of the receiver.
type Ends = (String, u64, String, u64);
/// What each sender says to each receiver, in order.
type Said = BTreeMap<Ends, Vec<Message>>;

#[test]
fn captures_of_this_repository_are_read_alike() {
    let cases = fs::read_dir(Path::new(ROOT).join("tests/replay")).expect("tests/replay");
    let cases = cases.map(|case| case.expect("an entry").path());
    let captures = cases
        .filter(|case| is_of_mqtt(case))
        .map(|case| case.join("input.pcap"));
    let compared = compare(captures);
    assert!(compared > 30, "only {compared} messages");
}

#[test]
fn public_captures_are_read_alike() {
    let dir = Path::new(ROOT).join("../shared/captures");
    let Ok(captures) = fs::read_dir(&dir) else {
        assert!(
            std::env::var_os("CI").is_none(),
            "{} isn't there",
            dir.display()
        );
        println!(
            "{} isn't there: no public captures to compare",
            dir.display()
        );
        return;
    };
    let captures = captures.map(|capture| capture.expect("an entry").path());
    let compared = compare(captures.filter(|path| is_of_mqtt(path)));
    assert!(compared > 150, "only {compared} messages");
}

/// Whether its name says so, wherever it lies.
fn is_of_mqtt(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().contains("mqtt")
}

/// Compares all captures, and says how many messages there were.
fn compare(captures: impl Iterator<Item = PathBuf>) -> usize {
    captures.map(|capture| compare_one(&capture)).sum()
}

fn compare_one(capture: &Path) -> usize {
    let (ours, theirs) = (said_by_weir(capture), said_by_tshark(capture));
    let shown = capture.display();
    assert_eq!(
        ours.keys().collect::<Vec<_>>(),
        theirs.keys().collect::<Vec<_>>(),
        "{shown}: who speaks"
    );
    let mut compared = 0;
    for (ends, ours) in ours {
        let theirs = &theirs[&ends];
        assert_eq!(
            ours.len(),
            theirs.len(),
            "{shown}, {ends:?}: {ours:#?}\n{theirs:#?}"
        );
        for (number, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
            let differences = ours.differences(theirs);
            assert!(
                differences.is_empty(),
                "{shown}, {ends:?}, message {number}: {differences:#?}\n{theirs:?}"
            );
            compared += 1;
        }
    }
    compared
}

fn said_by_weir(capture: &Path) -> Said {
    let config = std::env::temp_dir().join(format!("weir-tshark-{}.toml", std::process::id()));
    let text = format!(
        "mode = \"monitor\"\n[services]\nmqtt = [1883, {}]\n",
        PORTS[0]
    );
    fs::write(&config, text).expect("written");
    let mut weir = Command::new(PROGRAM);
    weir.args(["replay", "--messages", "--config"])
        .args([&config, capture]);
    let mut said = Said::new();
    for line in printed(&mut weir).lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        if line["event_type"] != "mqtt" {
            continue;
        }
        let ends = ends(&line, ["src_ip", "src_port", "dest_ip", "dest_port"]);
        said.entry(ends)
            .or_default()
            .push(Message::of_weir(&line["mqtt"]));
    }
    said
}

fn said_by_tshark(capture: &Path) -> Said {
    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(capture);
    tshark.args(["-o", "tcp.reassemble_out_of_order:TRUE"]);
    tshark.args(["-Y", "mqtt", "-T", "json", "--no-duplicate-keys"]);
    for port in PORTS {
        tshark.args(["-d", &format!("tcp.port=={port},mqtt")]);
    }
    let frames: Value = serde_json::from_str(&printed(&mut tshark)).expect("JSON");
    let mut said = Said::new();
    for frame in frames.as_array().expect("frames") {
        let layers = &frame["_source"]["layers"];
        let ends = tshark_ends(layers);
        let packets = match &layers["mqtt"] {
            Value::Array(packets) => packets.as_slice(),
            one => std::slice::from_ref(one),
        };
        let messages = packets.iter().map(Message::of_tshark);
        said.entry(ends).or_default().extend(messages);
    }
    said
}

fn ends(line: &Value, keys: [&str; 4]) -> Ends {
    let text = |key: &str| line[key].as_str().expect(key).to_owned();
    let number = |key: &str| line[key].as_u64().expect(key);
    (
        text(keys[0]),
        number(keys[1]),
        text(keys[2]),
        number(keys[3]),
    )
}

fn tshark_ends(layers: &Value) -> Ends {
    let (ip, version) = match layers.get("ipv6") {
        Some(ip) => (ip, "ipv6"),
        None => (&layers["ip"], "ip"),
    };
    let address = |which: &str| {
        ip[format!("{version}.{which}")]
            .as_str()
            .expect("an address")
            .to_owned()
    };
    let port = |key: &str| {
        layers["tcp"][key]
            .as_str()
            .and_then(|port| port.parse().ok())
            .expect("a port")
    };
    (
        address("src"),
        port("tcp.srcport"),
        address("dst"),
        port("tcp.dstport"),
    )
}

/// What a program printed; it must have been fine.
fn printed(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}: run `scripts/setup test`"));
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {complaints}");
    String::from_utf8(output.stdout).expect("UTF-8")
}
