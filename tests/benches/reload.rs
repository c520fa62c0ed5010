//! How long a reload takes: `weir ctl reload` on a running gateway, from the command to its answer that ten
//! thousand rules before the shipped ones are in force; and the processor time that the gateway spends on it.
//!
//! `cargo bench -p weir-tests --bench reload [-- KIND]`, as root.

// The mixes of rules know the crate by its own name.
extern crate policy as weir_policy;

#[expect(
    dead_code,
    reason = "only the rules are of use here, not their messages"
)]
#[path = "../../crates/policy/benches/mixes/mod.rs"]
mod mixes;
#[path = "../../crates/policy/benches/packs/mod.rs"]
mod packs;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use gateway::netns::peers::{Gateway, Setup};
use gateway::netns::{Spec, Topology};
use weir_tests::lab::{BASELINE, must};

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");
const RULES: usize = 10_000;
/// Reloads of a pack.
const ROUNDS: usize = 7;
/// The worker sleeps: what is spent is spent on the reload.
const MORE: &str = "busy_poll_us = 0\n";

fn main() {
    // `cargo test --benches` only wants to know that it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let only = std::env::args().skip(1).find(|a| !a.starts_with("--"));
    let topology = must(Topology::build(&Spec {
        label: "reload",
        field: false,
        ..Spec::default()
    }));
    let mut setup = Setup::new(Path::new(PROGRAM), BASELINE);
    setup.more = MORE;
    println!(
        "{:32} {:>7} {:>7} {:>7} {:>10}",
        "10,000 rules, ms", "least", "median", "most", "processor"
    );
    for (name, pack) in packs::packs(RULES) {
        if only.as_ref().is_some_and(|only| !name.contains(&**only)) {
            continue;
        }
        // What other kinds of rules took, and left in pieces, is no matter of this one.
        let gateway = must(Gateway::start(&topology, &setup));
        fs::write(Gateway::rules(&topology), format!("{pack}\n{BASELINE}")).expect("a pack");
        let rounds: Vec<_> = (0..ROUNDS).map(|_| reload(&topology, &gateway)).collect();
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let mut taken: Vec<_> = rounds.iter().map(|(taken, _)| ms(*taken)).collect();
        taken.sort_by(f64::total_cmp);
        let spent = rounds.iter().map(|(_, spent)| ms(*spent));
        println!(
            "{name:32} {:7.0} {:7.0} {:7.0} {:10.0}",
            taken[0],
            taken[ROUNDS / 2],
            taken[ROUNDS - 1],
            spent.fold(f64::INFINITY, f64::min),
        );
    }
}

/// The time by the clock, and of the processor.
fn reload(topology: &Topology, gateway: &Gateway<'_>) -> (Duration, Duration) {
    let before = spent(gateway);
    let began = Instant::now();
    let done = Command::new(PROGRAM)
        .args(["ctl", "--config"])
        .arg(Gateway::config(topology))
        .arg("reload")
        .output()
        .expect("the program runs");
    let taken = began.elapsed();
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(done.status.success(), "no reload: {said}");
    (taken, spent(gateway) - before)
}

/// Processor time of all the gateway's threads.
fn spent(gateway: &Gateway<'_>) -> Duration {
    let tasks = format!("/proc/{}/task", gateway.process().id());
    let spent = fs::read_dir(tasks).expect("procfs").filter_map(|task| {
        let schedstat = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        schedstat.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(spent.sum())
}
