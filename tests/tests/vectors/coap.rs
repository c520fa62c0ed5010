//! CoAP messages of tests/vectors through the shipped rules, each by itself: where the specification alone
//! forbids what is said, every message that says it is stopped.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use testkit::frames::{Connection, End, path, udp};

use crate::outcomes::Outcome;
use crate::{ROOT, Scratch, bytes, sender};

const CLIENT: &str = "198.51.100.1:40001";
const SERVER: &str = "192.0.2.10:5683";
pub(crate) const SERVICES: &str = "[services]\ncoap-tcp = [5683]\n";
/// Asked of a group.
const GROUP: &str = "224.0.1.187:5683";
const GROUP_VECTORS: [&str; 3] = ["CO-A07", "CO-A08", "CO-A09"];

/// Every vector's.
const OUTCOMES: &[(&str, Outcome)] = &[
    ("CO-F01", Outcome::Blocked("coap.malformed.version")),
    ("CO-F02", Outcome::Blocked("coap.anomaly.extended-token")),
    ("CO-F03", Outcome::Blocked("coap.malformed.too-short")),
    ("CO-F04", Outcome::Blocked("coap.malformed.token-truncated")),
    ("CO-F05", Outcome::Blocked("coap.malformed.option-delta")),
    ("CO-F06", Outcome::Blocked("coap.malformed.option-length")),
    (
        "CO-F07",
        Outcome::Blocked("coap.malformed.option-header-truncated"),
    ),
    ("CO-F08", Outcome::Blocked("coap.malformed.option-number")),
    (
        "CO-F09",
        Outcome::Blocked("coap.malformed.option-truncated"),
    ),
    ("CO-F10", Outcome::Blocked("coap.malformed.payload-marker")),
    ("CO-F11", Outcome::Blocked("coap.malformed.empty-message")),
    (
        "CO-F12",
        Outcome::Blocked("coap.malformed.empty-non-confirmable"),
    ),
    ("CO-F13", Outcome::Blocked("coap.malformed.code-class")),
    ("CO-F14", Outcome::Blocked("coap.malformed.ack-request")),
    ("CO-F15", Outcome::Noted("coap.anomaly.unknown-method")),
    (
        "CO-F16",
        Outcome::Noted("coap.anomaly.unknown-critical-option"),
    ),
    ("CO-F17", Outcome::Noted("coap.anomaly.reserved-option")),
    ("CO-F18", Outcome::Blocked("coap.malformed.option-repeated")),
    (
        "CO-F19",
        Outcome::Blocked("coap.malformed.option-value-length"),
    ),
    ("CO-F20", Outcome::Blocked("coap.malformed.path-dots")),
    ("CO-F21", Outcome::Noted("coap.anomaly.path-empty-segment")),
    ("CO-F22", Outcome::Passes),
    ("CO-F23", Outcome::Passes),
    ("CO-F24", Outcome::Blocked("coap.malformed.code-class")),
    ("CO-F26", Outcome::Blocked("coap.malformed.version")),
    (
        "CO-F28",
        Outcome::Legal(
            "a POST to a path of eighteen characters is well-formed; one server has no room for it",
        ),
    ),
    ("CO-A01", Outcome::Passes),
    ("CO-A02", Outcome::Passes),
    ("CO-A03", Outcome::Passes),
    ("CO-A04", Outcome::Passes),
    ("CO-A05", Outcome::Passes),
    ("CO-A07", Outcome::Passes),
    ("CO-A08", Outcome::Blocked("coap.multicast.confirmable")),
    ("CO-A09", Outcome::Blocked("coap.multicast.observe")),
    ("CO-A10", Outcome::Passes),
    ("CO-A12", Outcome::Passes),
    ("CO-A13", Outcome::Passes),
    ("CO-A14", Outcome::Passes),
    (
        "CO-A16",
        Outcome::Blocked("coap.spoofed.unmatched-response"),
    ),
    ("CO-S01", Outcome::Noted("coap.spoofed.unmatched-response")),
    ("CO-S02", Outcome::Blocked("coap.spoofed.unmatched-ack")),
    ("CO-S03", Outcome::Blocked("coap.spoofed.unmatched-reset")),
    ("CO-S05", Outcome::Passes),
    (
        "CO-S06",
        Outcome::Blocked("coap.spoofed.unmatched-response"),
    ),
    ("CO-S09", Outcome::Passes),
    ("CO-B01", Outcome::Passes),
    (
        "CO-B02",
        Outcome::Legal(
            "its Block1 says the first of several blocks of 16 bytes, and it has 16 (RFC 7959 §2.2)",
        ),
    ),
    ("CO-B03", Outcome::Blocked("coap.malformed.block-size")),
    ("CO-B04", Outcome::Blocked("coap.malformed.block-payload")),
    ("CO-B05", Outcome::Blocked("coap.block.gap")),
    ("CO-B06", Outcome::Noted("coap.malformed.block-payload")),
    (
        "CO-O02",
        Outcome::Blocked("coap.spoofed.unregistered-notification"),
    ),
    ("CO-O03", Outcome::Passes),
    ("CO-D01", Outcome::Passes),
    ("CO-D02", Outcome::Passes),
    ("CO-D03", Outcome::Passes),
    ("CO-M01", Outcome::Passes),
    ("CO-M02", Outcome::Passes),
    (
        "CO-M03",
        Outcome::Blocked("coap.malformed.proxy-uri-conflict"),
    ),
    ("CO-M04", Outcome::Blocked("coap.malformed.proxy-uri-host")),
    ("CO-M05", Outcome::Blocked("coap.malformed.hop-limit-zero")),
    ("CO-M06", Outcome::Passes),
    ("CO-M07", Outcome::Passes),
    (
        "CO-M08",
        Outcome::Legal(
            "which paths take OSCORE is the site's to say; a rule with `option = { oscore = false }` does",
        ),
    ),
    ("CO-M09", Outcome::Blocked("coap.malformed.oscore-option")),
    ("CO-M10", Outcome::Blocked("coap.malformed.oscore-payload")),
    (
        "CO-M11",
        Outcome::Blocked("coap.malformed.option-value-length"),
    ),
    ("CO-M12", Outcome::Passes),
    ("CT-01", Outcome::Blocked("coap.tcp.first-not-csm")),
    ("CT-02", Outcome::Blocked("coap.too-large")),
    ("CT-03", Outcome::Blocked("coap.anomaly.extended-token")),
    (
        "CT-04",
        Outcome::Legal(
            "no clause forbids an unassigned signal (RFC 8323 §5.1), and it has no critical option, for which its receiver would have to abort (§5.2); the anomaly says it is there",
        ),
    ),
    ("CT-05", Outcome::Passes),
    ("CT-06", Outcome::Passes),
];

struct Vector {
    id: String,
    is_over_tcp: bool,
    is_forbidden: bool,
    steps: Vec<(End, Vec<u8>)>,
}

fn vectors() -> Vec<Vector> {
    let text = fs::read_to_string(Path::new(ROOT).join("tests/vectors/coap.jsonl"));
    text.expect("tests/vectors/coap.jsonl")
        .lines()
        .map(vector)
        .collect()
}

fn vector(line: &str) -> Vector {
    let value: Value = serde_json::from_str(line).expect("JSON");
    let text = |value: &Value, key: &str| value[key].as_str().expect("text").to_owned();
    let step = |step: &Value| (sender(&text(step, "dir")), bytes(&text(step, "hex")));
    Vector {
        id: text(&value, "id"),
        is_over_tcp: text(&value, "transport") == "tcp",
        is_forbidden: text(&value, "expect") == "block",
        steps: value["steps"]
            .as_array()
            .expect("steps")
            .iter()
            .map(step)
            .collect(),
    }
}

/// The frames, each step a datagram; or a connection, opened before.
fn frames(vector: &Vector) -> Vec<Vec<u8>> {
    if vector.is_over_tcp {
        let mut connection = Connection::new(path(CLIENT, SERVER));
        let mut frames = connection.open().to_vec();
        let data = vector
            .steps
            .iter()
            .map(|(end, bytes)| connection.send(*end, bytes));
        frames.extend(data);
        return frames;
    }
    let server = if GROUP_VECTORS.contains(&&*vector.id) {
        GROUP
    } else {
        SERVER
    };
    let there = path(CLIENT, server);
    let datagram = |(end, bytes): &(End, Vec<u8>)| match end {
        End::Client => udp(&there, bytes),
        End::Server => udp(&there.reversed(), bytes),
    };
    vector.steps.iter().map(datagram).collect()
}

/// Every vector's frames, by its name.
pub(crate) fn all_frames() -> impl Iterator<Item = (String, Vec<Vec<u8>>)> {
    let named = |vector: Vector| {
        let frames = frames(&vector);
        (vector.id, frames)
    };
    vectors().into_iter().map(named)
}

/// Whether all of it was stopped (over TCP, anything), and the first reason that was given, of what was
/// stopped if anything was.
fn outcome(scratch: &Scratch, config: &Path, vector: &Vector) -> (bool, String) {
    let lines = scratch.replay(config, &vector.id, &frames(vector));
    let is_stopped = |line: &&Value| !matches!(line["verdict"].as_str(), Some("accept" | "hold"));
    let stopped = lines.iter().filter(is_stopped).count();
    let is_blocked = match vector.is_over_tcp {
        true => stopped > 0,
        false => stopped == lines.len(),
    };
    let reason = |line: &Value| line["reason"].as_str().map(str::to_owned);
    let of_stopped = lines.iter().filter(is_stopped).find_map(reason);
    let why = of_stopped.or_else(|| lines.iter().find_map(reason));
    (is_blocked, why.unwrap_or_default())
}

#[test]
fn every_coap_vector_ends_as_written_down() {
    let scratch = Scratch::new("coap");
    let config = scratch.config(SERVICES);
    let mut listed: BTreeMap<&str, &Outcome> = BTreeMap::new();
    for (id, outcome) in OUTCOMES {
        assert!(listed.insert(id, outcome).is_none(), "{id} is listed twice");
    }
    let mut surprises = Vec::new();
    for vector in vectors() {
        let (is_blocked, reason) = outcome(&scratch, &config, &vector);
        let is_as_listed = match listed.remove(&*vector.id) {
            Some(Outcome::Blocked(expected)) => is_blocked && reason == *expected,
            Some(Outcome::Noted(expected)) => {
                !is_blocked && reason == *expected && !vector.is_forbidden
            }
            Some(Outcome::Passes) => !is_blocked && reason.is_empty() && !vector.is_forbidden,
            Some(Outcome::Legal(why)) => !is_blocked && vector.is_forbidden && !why.is_empty(),
            Some(Outcome::BySite { .. }) | None => false,
        };
        if !is_as_listed {
            let Vector {
                id, is_forbidden, ..
            } = &vector;
            surprises.push(format!(
                "{id} (forbidden: {is_forbidden}): stopped: {is_blocked}, {reason}"
            ));
        }
    }
    let unknown = listed
        .keys()
        .map(|id| format!("{id} is listed, and there is no such vector"));
    surprises.extend(unknown);
    assert!(
        surprises.is_empty(),
        "{} surprises:\n{}",
        surprises.len(),
        surprises.join("\n")
    );
}
