//! The vectors of tests/vectors through the shipped rules: what the specification alone forbids is
//! blocked for a fitting reason, and what is legal passes. What becomes of each is written down in
//! [`outcomes`]; that of all others would be a surprise.

mod coap;
mod outcomes;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use outcomes::{OUTCOMES, Outcome, STOPPED_BY_PACKS};
use serde_json::Value;
use testkit::frames::{Connection, End, path};
use weir_tests::captures::{frames_of, pcap, scripts};

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const BROKER: &str = "192.0.2.10:1883";
const MSS: usize = 1460;

/// One conversation, and what the baseline has to do about it.
struct Vector {
    id: String,
    name: String,
    /// It breaks the specification by itself, whatever the site's rules are.
    is_forbidden: bool,
    steps: Vec<Step>,
}

struct Step {
    sender: End,
    /// From a second client, at another address.
    other: bool,
    bytes: Vec<u8>,
}

fn vectors() -> Vec<Vector> {
    let text = fs::read_to_string(Path::new(ROOT).join("tests/vectors/mqtt.jsonl"));
    let text = text.expect("tests/vectors/mqtt.jsonl");
    text.lines().map(vector).collect()
}

fn vector(line: &str) -> Vector {
    let value: Value = serde_json::from_str(line).expect("JSON");
    let text = |key: &str| value[key].as_str().expect(key).to_owned();
    let steps = value["steps"].as_array().expect("steps").iter();
    Vector {
        id: text("id"),
        name: text("name"),
        is_forbidden: text("expect") == "block",
        steps: steps.map(step).collect(),
    }
}

fn step(value: &Value) -> Step {
    let direction = value["dir"].as_str().expect("dir");
    Step {
        sender: sender(direction),
        other: direction.contains('@'),
        bytes: bytes(value["hex"].as_str().expect("hex")),
    }
}

fn sender(direction: &str) -> End {
    if direction.starts_with("c2s") {
        End::Client
    } else {
        End::Server
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).expect("ASCII");
        u8::from_str_radix(pair, 16).expect("hexadecimal digits")
    };
    hex.as_bytes().chunks(2).map(byte).collect()
}

/// The vector's frames: connections opened as they are needed, and hung up by the client.
fn frames(vector: &Vector) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut connections: BTreeMap<bool, Connection> = BTreeMap::new();
    for step in &vector.steps {
        let client = if step.other {
            "203.0.113.9:40001"
        } else {
            "198.51.100.1:40001"
        };
        let connection = connections.entry(step.other).or_insert_with(|| {
            let mut connection = Connection::new(path(client, BROKER));
            frames.extend(connection.open());
            connection
        });
        for segment in step.bytes.chunks(MSS) {
            frames.push(connection.send(step.sender, segment));
        }
    }
    frames.extend(
        connections
            .values_mut()
            .map(|connection| connection.fin(End::Client)),
    );
    frames
}

/// A directory for the captures of one test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(what: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("weir-vectors-{what}-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a directory");
        Self(dir)
    }

    /// What Weir makes of the vector: the first verdict that isn't "accept", or the first reason given to
    /// what it accepts; the reason, or the rule that asked for none.
    fn outcome(&self, config: &Path, vector: &Vector) -> (String, String) {
        let lines = self.replay(config, &vector.id, &frames(vector));
        let noted = lines.iter().find(|line| line["reason"].is_string());
        let Some(line) = stopped(&lines).or(noted) else {
            return ("accept".into(), String::new());
        };
        let why = ["reason", "rule"].map(|key| text(line, key));
        (
            text(line, "verdict"),
            why.into_iter()
                .find(|why| !why.is_empty())
                .unwrap_or_default(),
        )
    }

    /// The rule that stops the vector, if one does.
    fn stopped_by(&self, config: &Path, vector: &Vector) -> Option<String> {
        let lines = self.replay(config, &vector.id, &frames(vector));
        stopped(&lines).map(|line| text(line, "rule"))
    }
}

/// The first verdict that isn't "accept".
fn stopped(lines: &[Value]) -> Option<&Value> {
    let passes = |line: &Value| matches!(line["verdict"].as_str(), Some("accept" | "hold"));
    lines.iter().find(|line| !passes(line))
}

fn text(line: &Value, key: &str) -> String {
    line[key].as_str().unwrap_or_default().to_owned()
}

/// A shipped pack's file.
fn shipped(pack: &str) -> PathBuf {
    let file = Path::new(ROOT).join(format!("rules/{pack}.toml"));
    fs::canonicalize(file).expect("a shipped pack")
}

impl Scratch {
    /// A configuration with the shipped rules and `more`.
    fn config(&self, more: &str) -> PathBuf {
        self.config_of(more, &[shipped("baseline")])
    }

    /// A configuration with these packs and `more`.
    fn config_of(&self, more: &str, packs: &[PathBuf]) -> PathBuf {
        let config = self.0.join("weir.toml");
        let text = format!("{more}\n[policy]\npacks = {packs:?}\n");
        fs::write(&config, text).expect("written");
        config
    }

    /// What `weir replay --verdicts` says, line by line.
    fn replay(&self, config: &Path, id: &str, frames: &[Vec<u8>]) -> Vec<Value> {
        let capture = self.0.join(format!("{id}.pcap"));
        fs::write(&capture, pcap(frames)).expect("written");
        let output = Command::new(PROGRAM)
            .args(["replay", "--verdicts", "--config"])
            .args([config, &capture])
            .output()
            .expect("the program runs");
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{id}: {complaints}");
        let lines = String::from_utf8(output.stdout).expect("UTF-8");
        let lines = lines
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"));
        lines.collect()
    }
}

impl Scratch {
    /// What `weir replay` forwards, when the gateway only watches.
    fn watched(&self, frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let config = self.config(&format!("mode = \"monitor\"\n{}", coap::SERVICES));
        let (capture, out) = (self.0.join("in.pcap"), self.0.join("out.pcap"));
        fs::write(&capture, pcap(frames)).expect("written");
        let output = Command::new(PROGRAM)
            .args(["replay", "--config"])
            .args([&config, &capture])
            .arg("--out")
            .arg(&out)
            .output()
            .expect("the program runs");
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complaints}");
        frames_of(&fs::read(&out).expect("a capture"))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is in the directory of temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Attacks and ordinary talk alike, whatever the rules would stop, hold or answer.
#[test]
fn past_a_monitor_everything_goes_on_as_it_came() {
    let scratch = Scratch::new("monitor");
    let mqtt = vectors()
        .into_iter()
        .map(|vector| (vector.id.clone(), frames(&vector)));
    let captures = scripts()
        .into_iter()
        .map(|script| (script.name.to_owned(), script.frames));
    for (name, frames) in mqtt.chain(coap::all_frames()).chain(captures) {
        assert_eq!(scratch.watched(&frames), frames, "{name}");
    }
}

#[test]
fn every_vector_ends_as_written_down() {
    let scratch = Scratch::new("mqtt");
    let config = scratch.config("");
    let mut surprises = Vec::new();
    let mut listed: BTreeMap<&str, &Outcome> = BTreeMap::new();
    for (id, outcome) in OUTCOMES {
        assert!(listed.insert(id, outcome).is_none(), "{id} is listed twice");
    }
    for vector in vectors() {
        let (verdict, reason) = scratch.outcome(&config, &vector);
        let is_blocked = verdict != "accept";
        let as_listed = match listed.remove(&*vector.id) {
            Some(Outcome::Blocked(expected)) => is_blocked && reason == *expected,
            Some(Outcome::Noted(expected)) => !is_blocked && reason == *expected,
            Some(Outcome::Passes) => !is_blocked && reason.is_empty() && !vector.is_forbidden,
            Some(Outcome::Legal(why) | Outcome::BySite { why, .. }) => {
                !is_blocked && vector.is_forbidden && !why.is_empty()
            }
            None => false,
        };
        if !as_listed {
            let Vector {
                id,
                name,
                is_forbidden,
                ..
            } = &vector;
            surprises.push(format!(
                "{id} ({name}; forbidden: {is_forbidden}): {verdict} {reason}"
            ));
        }
    }
    surprises.extend(
        listed
            .keys()
            .map(|id| format!("{id} is listed, and there is no such vector")),
    );
    assert!(
        surprises.is_empty(),
        "{} surprises:\n{}",
        surprises.len(),
        surprises.join("\n")
    );
}

/// The packs about MQTT that go together, as they ask to be named, with the exception that the vectors need: most
/// of their clients have no name, which is no attack by itself.
fn all_packs(scratch: &Scratch) -> Vec<PathBuf> {
    let exception = scratch.0.join("exception.toml");
    let text = r#"
[[rule]]
id     = "nameless"
match  = { packet = "CONNECT", username = "!*", source = ["198.51.100.1", "203.0.113.9"] }
action = "accept"
"#;
    fs::write(&exception, text).expect("written");
    let mut packs = ["virtual-patches", "baseline"].map(shipped).to_vec();
    packs.push(exception);
    let behind = [
        "mqtt-dos",
        "mqtt-hardening",
        "mqtt-harvest",
        "payloads-example",
    ];
    packs.extend(behind.map(shipped));
    packs
}

/// Whatever the catalogue wants blocked is, where all packs are named; and of what may be legal they stop no more
/// than is written down.
#[test]
fn all_packs_together_stop_what_the_catalogue_wants_stopped() {
    let scratch = Scratch::new("packs");
    let config = scratch.config_of("", &all_packs(&scratch));
    let listed: BTreeMap<&str, &Outcome> = OUTCOMES.iter().map(|(id, end)| (*id, end)).collect();
    let also: BTreeMap<&str, &str> = STOPPED_BY_PACKS.iter().copied().collect();
    let mut surprises = Vec::new();
    for vector in vectors() {
        let rule = scratch.stopped_by(&config, &vector);
        let expected = match listed[&*vector.id] {
            Outcome::Blocked(_) => rule.as_deref(),
            Outcome::BySite { pack, rule, .. } => {
                let pack = fs::read_to_string(shipped(pack)).expect("a pack");
                assert!(pack.contains(&format!("\"{rule}\"")), "{}", vector.id);
                Some(*rule)
            }
            _ => also.get(&*vector.id).copied(),
        };
        let has_to_be_stopped = vector.is_forbidden && rule.is_none();
        if rule.as_deref() != expected || has_to_be_stopped {
            surprises.push(format!("{} ({}): {rule:?}", vector.id, vector.name));
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}

/// The vectors of MQTT stand in this repository, so that everybody has them. Where the catalogue they are
/// from stands beside it, they are still those.
#[test]
fn the_vectors_are_the_catalogue_s() {
    let catalogue = Path::new(ROOT).join("../shared/threats/vectors.jsonl");
    let Ok(catalogue) = fs::read_to_string(&catalogue) else {
        assert!(
            std::env::var_os("CI").is_none(),
            "{} isn't there",
            catalogue.display()
        );
        println!(
            "{} isn't there: nothing to compare with",
            catalogue.display()
        );
        return;
    };
    let ours = fs::read_to_string(Path::new(ROOT).join("tests/vectors/mqtt.jsonl"));
    let is_mqtt =
        |line: &&str| line.contains(r#""proto": "MQTT""#) || line.contains(r#""proto": "MQTT5""#);
    let theirs: Vec<&str> = catalogue.lines().filter(is_mqtt).collect();
    assert_eq!(
        ours.expect("the vectors").lines().collect::<Vec<_>>(),
        theirs
    );
}
