//! Instructions a CoAP message, beside two well-kept crates: figures that a busy machine doesn't change.
//!
//! `cargo bench -p weir-wire --bench coap_instructions`. Runs itself under valgrind, twice for each
//! decoder and message, and takes the difference, so that only the decoding counts.

use std::process::Command;

mod rivals;

/// Messages decoded in the longer run; the shorter one decodes half of them.
const ROUNDS: usize = 2000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().position(|argument| argument == "--decode") {
        Some(at) => decode(&arguments[at + 1], &arguments[at + 2], &arguments[at + 3]),
        // `cargo test --benches` only wants to know that it builds.
        None if arguments.iter().any(|argument| argument == "--test") => {}
        None => report(),
    }
}

fn report() {
    print!("{:16}", "instructions");
    for (decoder, _) in rivals::DECODERS {
        print!(" {decoder:>14}");
    }
    println!();
    for (message, _) in rivals::MESSAGES {
        print!("{message:16}");
        for (decoder, _) in rivals::DECODERS {
            let spent =
                instructions(decoder, message, ROUNDS) - instructions(decoder, message, ROUNDS / 2);
            print!(" {:>14.0}", spent as f64 / (ROUNDS / 2) as f64);
        }
        println!();
    }
}

/// Instructions it takes to start, and to decode a message so many times.
fn instructions(decoder: &str, message: &str, rounds: usize) -> u64 {
    let itself = std::env::current_exe().expect("the benchmark's own file");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(itself)
        .args(["--decode", decoder, message, &rounds.to_string()])
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

fn decode(decoder: &str, message: &str, rounds: &str) {
    let decoder = find(rivals::DECODERS, decoder);
    let message = find(rivals::MESSAGES, message);
    let rounds: usize = rounds.parse().expect("a number of rounds");
    let decoded = (0..rounds).filter(|_| decoder(message)).count();
    assert_eq!(decoded, rounds);
}

fn find<T: Copy>(named: &[(&'static str, T)], name: &str) -> T {
    let found = named.iter().find(|(known, _)| *known == name);
    found.expect("a known name").1
}
