//! The gateway's command line, as a program that cargo builds for these tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    gateway::cli::main()
}
