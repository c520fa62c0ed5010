//! Instructions a CoAP message, beside two well-kept crates: figures that a busy machine doesn't change.
//!
//! `cargo bench -p weir-wire --bench coap_instructions`. Runs itself under valgrind, twice for each
//! decoder and message, and takes the difference, so that only the decoding counts.

use testkit::callgrind;

mod rivals;

/// Messages decoded in the longer run; the shorter one decodes half of them.
const ROUNDS: usize = 2000;

fn main() {
    match callgrind::asked("--decode") {
        Some([decoder, message, rounds]) => decode(&decoder, &message, &rounds),
        None if callgrind::is_test() => {}
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
    callgrind::instructions(None, &["--decode", decoder, message, &rounds.to_string()])
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
