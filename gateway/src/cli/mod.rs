//! The command line: what was typed, and the exit status it ends with.

mod explain;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use ipnet::IpNet;

use crate::build_info;

/// An inline firewall for MQTT and CoAP.
#[derive(Debug, Parser)]
#[command(name = "weir", version = build_info::LONG_VERSION.as_str(), propagate_version = true)]
#[command(
    after_help = "Exit status: 0 fine, 1 findings (a broken rule, a failed case), 2 could not run."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Command {
    /// Say what a reason code means, on which clause it stands and how to tune it
    Explain {
        /// The code, or a family like `mqtt.spoofed`; all codes are listed without it
        #[arg(value_name = "CODE")]
        code: Option<String>,
    },
}

/// How a command that could run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    /// Nothing to complain about.
    Fine,
    /// It ran, and found something.
    Findings,
}

/// Why a command could not run; its text names the remedy.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(Status::Fine) => ExitCode::SUCCESS,
        Ok(Status::Findings) => ExitCode::from(1),
        // Whoever reads our output has seen enough (`weir explain | head`).
        Err(failure) if is_broken_pipe(&*failure) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("weir: {failure}");
            ExitCode::from(2)
        }
    }
}

fn run(command: Command) -> Result<Status, Failure> {
    match command {
        Command::Explain { code } => explain::run(code.as_deref(), &mut io::stdout().lock()),
    }
}

fn is_broken_pipe(failure: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    failure
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
