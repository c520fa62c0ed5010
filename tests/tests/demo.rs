//! `weir demo` as an operator sees it, and how it cleans up.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use gateway::netns::state;
use rustix::process::{Pid, Signal, kill_process};
use weir_tests::lab::{alone, must};

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");

fn demo(arguments: &[&str]) -> Child {
    Command::new(PROGRAM)
        .arg("demo")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the demo starts")
}

/// The namespaces of demos on this machine.
fn namespaces() -> Vec<String> {
    let Ok(entries) = fs::read_dir("/run/netns") else {
        return Vec::new();
    };
    entries
        .map(|entry| {
            entry
                .expect("readable")
                .file_name()
                .into_string()
                .expect("plain")
        })
        .filter(|name| name.starts_with("weir-demo"))
        .collect()
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("it lives");
}

#[test]
fn it_shows_what_is_gained_and_leaves_nothing() {
    let _alone = alone();
    let started = Instant::now();
    let done = demo(&[]).wait_with_output().expect("it ends");
    let (stdout, stderr) = (
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    );
    println!("{stdout}{stderr}");
    println!("the demo took {:?}", started.elapsed());
    assert_eq!(done.status.code(), Some(0));
    assert!(stdout.contains("attacks reached their target without Weir, 0 with it."));
    assert!(!stdout.contains("BROKEN"));
    assert_eq!(namespaces(), Vec::<String>::new());
}

#[test]
fn ctrl_c_removes_everything() {
    let _alone = alone();
    let mut child = demo(&[]);
    wait_for_line(&mut child, "attack:");
    assert!(!namespaces().is_empty());
    signal(&child, Signal::INT);
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(130));
    assert_eq!(namespaces(), Vec::<String>::new());
}

#[test]
fn after_a_crash_the_next_run_removes_everything() {
    let _alone = alone();
    let mut child = demo(&[]);
    wait_for_line(&mut child, "attack:");
    child.kill().expect("it lives");
    child.wait().expect("it ends");
    // Its children go by themselves; namespaces don't.
    assert!(!namespaces().is_empty());
    sleep(Duration::from_millis(100));
    let swept = must(state::sweep());
    assert!(swept.contains(&"demo".to_owned()), "{swept:?}");
    assert_eq!(namespaces(), Vec::<String>::new());
}

#[test]
fn kept_it_runs_until_ctrl_c() {
    let _alone = alone();
    let mut child = demo(&["--keep"]);
    // The line of the attacker, who isn't banned at that address.
    wait_for_line(&mut child, "from 10.77.0.119");
    let names = namespaces();
    let attacker = names.iter().find(|name| name.ends_with("attacker"));
    let connects = Command::new("timeout")
        .args(["5", "nsenter"])
        .arg(format!("--net=/run/netns/{}", attacker.expect("one")))
        .args([
            "mosquitto_pub",
            "-h",
            "10.77.0.2",
            "-t",
            "plant/1",
            "-m",
            "on",
        ])
        .status()
        .expect("installed");
    assert!(connects.success(), "{connects}");
    signal(&child, Signal::TERM);
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(0));
    assert_eq!(namespaces(), Vec::<String>::new());
}

/// Reads what the demo prints until a line contains `part`, and goes on reading on the side.
fn wait_for_line(child: &mut Child, part: &str) {
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let found = lines.any(|line| line.expect("text").contains(part));
    assert!(found, "the demo ended before {part:?}");
    std::thread::spawn(move || lines.for_each(drop));
}
