//! Block lists that are not as they should be: one that is longer than the kernel's table, and one that is
//! gone. Who is kept out, and where somebody who looks is told.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use gateway::netns::peers::{Gateway, Setup, mosquitto_pub};
use gateway::netns::{self, Host, Topology, wait_until};
use serde_json::Value;
use weir_tests::lab::{BASELINE, NO_VALVES, must, scene};

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");
/// What the table holds, but for a place or two that it keeps for itself.
const ROOM: usize = 1 << 20;
const SPARE: usize = 2;
/// More than fits.
const LISTED: usize = ROOM + 50_000;
const PATIENCE: Duration = Duration::from_secs(60);
const DEVICE: &str = "10.77.0.10";

/// What `weir ctl` says as JSON.
fn ask(topology: &Topology, question: &str) -> Value {
    asked(topology, question).1
}

/// The same, with its exit status.
fn asked(topology: &Topology, question: &str) -> (Option<i32>, Value) {
    let done = Command::new(PROGRAM)
        .args(["ctl", "--json", "--config"])
        .arg(Gateway::config(topology))
        .arg(question)
        .output()
        .expect("the program runs");
    let said = String::from_utf8(done.stdout).expect("UTF-8");
    let answer = serde_json::from_str(&said);
    let answer = answer.unwrap_or_else(|error| panic!("{question}: {error}: {said}"));
    (done.status.code(), answer)
}

/// Puts such a list in force, and returns what was told of it and how long it took.
fn follow(topology: &Topology, feed: &Path, list: &str) -> (String, Duration) {
    fs::write(feed, list).expect("room for a file");
    let asked = Instant::now();
    let answer = ask(topology, "reload");
    let notes = answer["about"]["notes"].as_array().expect("notes");
    let notes = notes.iter().filter_map(Value::as_str);
    (notes.collect(), asked.elapsed())
}

fn count(status: &Value, key: &str) -> usize {
    let count = status["about"][key].as_u64().expect("a number");
    usize::try_from(count).expect("no more than addresses")
}

#[test]
fn a_list_that_does_not_fit_is_told_wherever_somebody_looks() {
    let scene = scene("e2e-list");
    let topology = &scene.topology;
    let feed = topology.state().dir().join("feed.txt");
    fs::write(&feed, "").expect("room for a file");
    let mut setup = Setup::new(Path::new(PROGRAM), BASELINE);
    setup.more = "[block]\nfiles = [\"feed.txt\"]\n";
    let gateway = must(Gateway::start(topology, &setup));
    let reports = || {
        let mut command = Command::new("timeout");
        let publish = mosquitto_pub(scene.host(Host::Devices));
        command
            .arg("2")
            .arg(publish.get_program())
            .args(publish.get_args());
        command.args(["-h", "10.77.0.2", "-A", DEVICE, "-t", "plant/1", "-m", "on"]);
        must(netns::output(&mut command)).status.success()
    };
    assert!(reports(), "an ordinary device");

    // In order of their addresses; the device's is the first.
    let addresses = (0..LISTED - 1).map(|at| {
        let [_, a, b, c] = u32::try_from(at).expect("a million").to_be_bytes();
        format!("{}.{b}.{c}.1\n", 20 + a)
    });
    let list = std::iter::once(format!("{DEVICE}\n")).chain(addresses);
    let (notes, took) = follow(topology, &feed, &list.collect::<String>());
    println!("{LISTED} networks placed, or not, in {took:?}");
    // A slow machine may take longer than the operator waits, who is told so.
    let was_late = notes.contains("still being placed");
    let status = must(wait_until("the lists in force", PATIENCE, || {
        let status = ask(topology, "status");
        let all = count(&status, "listed") + count(&status, "unlisted");
        Ok((!was_late || all == LISTED).then_some(status))
    }));
    let (placed, unplaced) = (count(&status, "listed"), count(&status, "unlisted"));
    assert_eq!(placed + unplaced, LISTED, "{status}");
    assert!((ROOM - SPARE..=ROOM).contains(&placed), "{status}");
    let told = format!("{placed} kept out, and {unplaced} let in for want of room");
    assert!(was_late || notes.contains(&told), "{notes}");
    let metrics = must(gateway.metrics());
    let gauge = |name| metrics.sum(name, &[]);
    assert_eq!(gauge("weir_block_list_networks"), placed as f64);
    assert_eq!(gauge("weir_block_list_unplaced_networks"), unplaced as f64);
    assert!(!reports(), "the first on the list");

    // One that fits takes the place, and nothing is missing any more.
    let (notes, took) = follow(topology, &feed, "198.51.100.0/24\n");
    println!("taken off in {took:?}");
    assert!(notes.contains("in force: 1 kept out"), "{notes}");
    let status = ask(topology, "status");
    assert_eq!(
        (count(&status, "listed"), count(&status, "unlisted")),
        (1, 0)
    );
    assert_eq!(
        must(gateway.metrics()).sum("weir_block_list_unplaced_networks", &[]),
        0.0
    );
    assert!(reports(), "let in again");
    let log = must(gateway.process().printed());
    assert!(
        log.contains("on the block lists, but could not be kept out"),
        "{log}"
    );
}

#[test]
fn a_list_that_is_gone_is_told_until_it_is_back() {
    let scene = scene("e2e-list-gone");
    let topology = &scene.topology;
    let feed = topology.state().dir().join("feed.txt");
    let aside = feed.with_extension("aside");
    fs::write(&feed, "198.51.100.0/24\n").expect("room for a file");
    let mut setup = Setup::new(Path::new(PROGRAM), BASELINE);
    setup.more = "[block]\nfiles = [\"feed.txt\"]\n";
    let gateway = must(Gateway::start(topology, &setup));
    let succeeds = || must(gateway.metrics()).sum("weir_last_reload_successful", &[]) == 1.0;
    let failure = || ask(topology, "status")["about"]["failed_lists"].clone();
    assert!(failure().is_null() && succeeds());

    // Nobody asks: the keeper of the lists looks after them by itself.
    fs::rename(&feed, &aside).expect("moved");
    must(wait_until("the file to be missed", PATIENCE, || {
        Ok((!failure().is_null()).then_some(()))
    }));
    let problem = failure()["problem"].as_str().expect("a text").to_owned();
    assert!(problem.contains("`feed.txt` can't be read"), "{problem}");
    assert!(!succeeds());
    fs::rename(&aside, &feed).expect("moved back");
    must(wait_until("the file to be found", PATIENCE, || {
        Ok(failure().is_null().then_some(()))
    }));
    assert!(succeeds());

    // New rules come into force all the same, and who asks for them is told of the lists.
    fs::rename(&feed, &aside).expect("moved");
    let rules = Gateway::rules(topology);
    fs::write(&rules, format!("{BASELINE}{NO_VALVES}")).expect("room for a file");
    let before = ask(topology, "status")["about"]["rules"]["rules"].as_u64();
    let (code, answer) = asked(topology, "reload");
    assert_eq!(code, Some(1), "{answer}");
    let about = &answer["about"];
    assert_eq!(about["lists_stay"], true, "{answer}");
    assert_eq!(about["rules"].as_u64(), before.map(|rules| rules + 1));
    let status = ask(topology, "status");
    assert!(failure()["time"].is_string() && !succeeds(), "{status}");
    assert_eq!(status["about"]["failed_reload"], Value::Null, "{status}");
    assert_eq!(count(&status, "listed"), 1, "as it was: {status}");
    let shown = Command::new(PROGRAM)
        .args(["ctl", "status", "--config"])
        .arg(Gateway::config(topology))
        .output()
        .expect("the program runs");
    let shown = String::from_utf8(shown.stdout).expect("UTF-8");
    assert!(shown.contains("\nold lists  20"), "{shown}");

    fs::rename(&aside, &feed).expect("moved back");
    let (code, answer) = asked(topology, "reload");
    assert_eq!(
        (code, &answer["about"]["lists_stay"]),
        (Some(0), &Value::Bool(false))
    );
    assert!(failure().is_null() && succeeds());
}
