//! The command line: what was typed, and the exit status it ends with.

mod replay;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// An inline firewall for MQTT and CoAP.
#[derive(Debug, Parser)]
#[command(
    name = "weir",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Command {}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    match Arguments::parse().command {
        Some(command) => match command {},
        None => ExitCode::SUCCESS,
    }
}
