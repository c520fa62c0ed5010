//! Instructions a decision takes by the number of rules: figures that a busy machine doesn't change.
//!
//! `cargo bench -p weir-policy --bench rules`. Runs itself under valgrind for each mix and number of rules,
//! and has only the deciding counted.

use std::hint::black_box;
use std::process::Command;

use weir_policy::{Match, Policy, Subject};

use mixes::{MIXES, Mix};

mod mixes;

const COUNTS: [usize; 4] = [10, 100, 1000, 10_000];
/// Decisions in a run.
const ROUNDS: usize = 100;
/// What valgrind counts, and nothing else.
const COUNTED: &str = "--toggle-collect=*decide_rounds*";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().position(|argument| argument == "--decide") {
        Some(at) => decide(&arguments[at + 1], &arguments[at + 2], &arguments[at + 3]),
        // `cargo test --benches` only wants to know that it builds.
        None if arguments.iter().any(|argument| argument == "--test") => {}
        None => report(),
    }
}

fn report() {
    let only = std::env::args().skip(1).find(|a| !a.starts_with("--"));
    print!("{:24}", "instructions, rules");
    COUNTS.iter().for_each(|count| print!(" {count:>8}"));
    println!(" {:>8}", "ratio");
    for mix in MIXES
        .iter()
        .filter(|mix| only.as_ref().is_none_or(|only| only == mix.name))
    {
        for meets in ["none", "last"] {
            print!("{:24}", format!("{}, meets {meets}", mix.name));
            let spent = COUNTS.map(|count| {
                let each = instructions(mix, count, meets) as f64 / ROUNDS as f64;
                print!(" {each:>8.0}");
                each
            });
            println!(" {:>8.2}", spent[COUNTS.len() - 1] / spent[0]);
        }
    }
}

/// Instructions it takes to decide on a message so many times.
fn instructions(mix: &Mix, count: usize, meets: &str) -> u64 {
    let itself = std::env::current_exe().expect("the benchmark's own file");
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            COUNTED,
        ])
        .arg(itself)
        .args(["--decide", mix.name, meets, &count.to_string()])
        .output()
        .expect("valgrind is installed");
    let told = String::from_utf8_lossy(&output.stderr);
    let collected = told
        .lines()
        .find_map(|line| line.split("Collected :").nth(1));
    match collected.map(|number| number.trim().parse()) {
        Some(Ok(number)) if output.status.success() => number,
        _ => panic!("valgrind says:\n{told}"),
    }
}

fn decide(mix: &str, meets: &str, count: &str) {
    let mix = MIXES
        .iter()
        .find(|known| known.name == mix)
        .expect("a known mix");
    let count = count.parse().expect("a number of rules");
    let policy = mix.policy(count);
    let meets = (meets == "last").then_some(count);
    mix.sample(meets)
        .with(|subject| decide_rounds(&policy, subject, meets));
}

#[inline(never)]
fn decide_rounds(policy: &Policy, subject: &Subject<'_>, meets: Option<usize>) {
    for _ in 0..ROUNDS {
        let mut ignore = |matched: Match<'_>| {
            black_box(matched);
        };
        let ruling = black_box(policy).decide(black_box(subject), &mut (), &mut ignore);
        assert_eq!(ruling.rule.map(|rule| rule.as_usize() + 1), meets);
    }
}
