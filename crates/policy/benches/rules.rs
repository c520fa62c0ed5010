//! Instructions a decision takes by the number of rules: figures that a busy machine doesn't change.
//!
//! `cargo bench -p weir-policy --bench rules`. Runs itself under valgrind for each mix and number of rules,
//! and has only the deciding counted.

use std::hint::black_box;

use testkit::callgrind::{self, instructions};
use weir_policy::{Match, Policy, Subject};

use mixes::MIXES;

mod mixes;

const COUNTS: [usize; 4] = [10, 100, 1000, 10_000];
/// Decisions in a run.
const ROUNDS: usize = 100;
/// What valgrind counts, and nothing else.
const COUNTED: &str = "*decide_rounds*";

fn main() {
    match callgrind::asked("--decide") {
        Some([mix, meets, count]) => decide(&mix, &meets, &count),
        None if callgrind::is_test() => {}
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
                let words = ["--decide", mix.name, meets, &count.to_string()];
                let each = instructions(Some(COUNTED), &words) as f64 / ROUNDS as f64;
                print!(" {each:>8.0}");
                each
            });
            println!(" {:>8.2}", spent[COUNTS.len() - 1] / spent[0]);
        }
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
    mix.sample(meets).with(|subject| {
        // What is built when a message first needs it, as an expression, is built once.
        black_box(policy.decide(subject, &mut (), &mut |_| {}));
        decide_rounds(&policy, subject, meets);
    });
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
