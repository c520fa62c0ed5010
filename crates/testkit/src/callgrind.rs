//! Instructions as valgrind counts them: figures that a busy machine doesn't change.
//!
//! A benchmark runs itself under valgrind with words that say what to do, and does nothing else then.

use std::process::Command;

/// What the words after `option` are, when this process was started by [`instructions`] to do as they say.
///
/// # Panics
/// When there are fewer.
#[must_use]
pub fn asked<const N: usize>(option: &str) -> Option<[String; N]> {
    let mut arguments = std::env::args().skip_while(|argument| argument != option);
    arguments.next()?;
    Some(std::array::from_fn(|_| {
        arguments.next().expect("all of its words")
    }))
}

/// Whether `cargo test --benches` runs this, which only wants to know that it builds.
#[must_use]
pub fn is_test() -> bool {
    std::env::args().any(|argument| argument == "--test")
}

/// Instructions this program takes for `words`: those in the functions whose names match `within`, or all
/// from its start to its end.
///
/// # Panics
/// Without valgrind, and when the program fails.
#[must_use]
pub fn instructions(within: Option<&str>, words: &[&str]) -> u64 {
    let itself = std::env::current_exe().expect("the benchmark's own file");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    if let Some(functions) = within {
        valgrind.arg(format!("--toggle-collect={functions}"));
    }
    let output = valgrind
        .arg(itself)
        .args(words)
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
