//! The same for CoAP: type, code, message ID, token, path, Observe and the payload's length.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::{PROGRAM, ROOT, printed};

/// What tshark calls the fields of a [`Line`].
const FIELDS: [&str; 7] = [
    "coap.type",
    "coap.code",
    "coap.mid",
    "coap.token_len",
    "coap.opt.uri_path",
    "coap.opt.observe",
    "coap.payload_length",
];

/// The ID of a message as an early draft had it: read by the RFC, its Uri-Port has seven bytes, which is
/// malformed (RFC 7252 §5.4.3); tshark doesn't mind.
const UNREAD: &str = "35444";

/// A message, as text: what isn't there is 0, or nothing.
type Line = [String; FIELDS.len()];

#[test]
fn coap_captures_of_this_repository_are_read_alike() {
    for case in [
        "coap-ordinary",
        "coap-amplification",
        "coap-unmatched-response",
    ] {
        let capture = Path::new(ROOT)
            .join("tests/replay")
            .join(case)
            .join("input.pcap");
        let said = said_by_weir(&capture);
        assert!(said.len() > 2, "{case}: {} messages", said.len());
        assert_eq!(said, said_by_tshark(&capture), "{case}");
    }
}

#[test]
fn a_public_coap_capture_is_read_alike() {
    let capture = Path::new(ROOT).join("../shared/captures/ndpi--coap_mqtt.pcap");
    if !capture.exists() {
        assert!(
            std::env::var_os("CI").is_none(),
            "{} isn't there",
            capture.display()
        );
        println!("{} isn't there: nothing to compare", capture.display());
        return;
    }
    let (ours, mut theirs) = (said_by_weir(&capture), said_by_tshark(&capture));
    theirs.retain(|line| line[2] != UNREAD);
    assert_eq!(ours.len(), 18);
    assert_eq!(ours, theirs);
}

fn said_by_weir(capture: &Path) -> Vec<Line> {
    let name = format!("weir-tshark-coap-{}.toml", std::process::id());
    let config = std::env::temp_dir().join(name);
    fs::write(&config, "mode = \"monitor\"\n").expect("written");
    let mut weir = Command::new(PROGRAM);
    weir.args(["replay", "--messages", "--config"])
        .args([&config, capture]);
    let lines = printed(&mut weir);
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    // Of what it can't read, Weir reports no field.
    let messages = lines.filter(|line| line["event_type"] == "coap" && line["coap"].is_object());
    messages.map(|line| of_weir(&line["coap"])).collect()
}

fn of_weir(coap: &Value) -> Line {
    let kind = ["CON", "NON", "ACK", "RST"]
        .iter()
        .position(|kind| coap["type"] == *kind);
    let (class, detail) = coap["code"]
        .as_str()
        .and_then(|code| code.split_once('.'))
        .expect("a code");
    let [class, detail] = [class, detail].map(|part| part.parse::<u8>().expect("a number"));
    let number = |key: &str| coap[key].as_u64().unwrap_or(0).to_string();
    let observe = coap["observe"].as_u64().filter(|observe| *observe > 0);
    let path = coap["path"].as_str().unwrap_or("").trim_start_matches('/');
    [
        kind.expect("a type").to_string(),
        (class << 5 | detail).to_string(),
        number("message_id"),
        number("token_len"),
        path.to_owned(),
        observe
            .map(|observe| observe.to_string())
            .unwrap_or_default(),
        number("payload_len"),
    ]
}

fn said_by_tshark(capture: &Path) -> Vec<Line> {
    let mut tshark = Command::new("tshark");
    tshark
        .arg("-r")
        .arg(capture)
        .args(["-Y", "coap", "-T", "fields", "-E", "separator=|"]);
    for field in FIELDS {
        tshark.args(["-e", field]);
    }
    printed(&mut tshark).lines().map(of_tshark).collect()
}

fn of_tshark(line: &str) -> Line {
    let mut fields = line.split('|').map(str::to_owned);
    let mut line: Line = std::array::from_fn(|_| fields.next().expect("a field"));
    line[4] = line[4].replace(',', "/");
    // A length of 0 is left out.
    if line[6].is_empty() {
        line[6] = "0".to_owned();
    }
    line[5] = line[5].trim_start_matches('0').to_owned();
    line
}
