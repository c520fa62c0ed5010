//! Instructions a frame through the whole inspector: a figure that a busy machine doesn't change.
//!
//! `cargo bench -p weir-inspect --bench instructions`. Runs itself under valgrind, twice for each
//! load, and takes the difference, so that only the carrying of frames counts.

use testkit::callgrind;

use load::{Load, ROUND, Round};

mod load;

/// Rounds built, and carried in the longer run; the shorter one carries half of them.
const ROUNDS: usize = 64;

fn main() {
    match callgrind::asked("--carry") {
        Some([name, rounds]) => carry(&name, &rounds),
        None if callgrind::is_test() => {}
        None => report(),
    }
}

fn report() {
    println!("{:24} {:>8} {:>10}", "instructions", "a frame", "a message");
    for load in Load::all() {
        let frames = ROUND * ROUNDS / 2;
        let messages = load.messages * ROUNDS / 2;
        let spent = instructions(load.name, ROUNDS) - instructions(load.name, ROUNDS / 2);
        println!(
            "{:24} {:>8.0} {:>10.0}",
            load.name,
            spent as f64 / frames as f64,
            spent as f64 / messages as f64
        );
    }
}

/// Instructions it takes to build a load and to carry so many rounds of it.
fn instructions(name: &str, rounds: usize) -> u64 {
    callgrind::instructions(None, &["--carry", name, &rounds.to_string()])
}

fn carry(name: &str, rounds: &str) {
    let mut load = Load::all()
        .into_iter()
        .find(|load| load.name == name)
        .expect("a load of that name");
    let mut built: Vec<Round> = (0..ROUNDS).map(|_| load.next()).collect();
    let rounds = rounds.parse().expect("a number of rounds");
    for round in &mut built[..rounds] {
        load.carry(round);
    }
}
