//! The command line: what was typed, and the exit status it ends with.

mod check;
mod ctl;
mod detach;
mod explain;
mod output;
mod replay;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use ipnet::IpNet;

use output::Output;
use policy::unmapped;

use crate::causes::with_causes;
use crate::{build_info, control, demo};

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

/// Where the configuration of a gateway is looked for.
const CONFIGURATION: &str = "/etc/weir/weir.toml";

/// What to do.
#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway
    Run {
        /// The configuration
        #[arg(long, value_name = "FILE", default_value = CONFIGURATION)]
        config: PathBuf,
    },
    /// Check configurations and rule packs, and run the cases inside the packs
    Check {
        /// Configurations or rule packs; a pack that no configuration names is checked by itself
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Print a JSON line for each finding, and one for each file that was checked whole
        #[arg(long)]
        json: bool,
    },
    /// Run a capture through the inspector and print its events, or its verdicts
    Replay(ReplayArguments),
    /// Say what a reason code means, on which clause it stands and how to tune it; or a shipped rule
    Explain {
        /// The code, a family like `mqtt.spoofed`, or a shipped rule; all codes are listed without it
        #[arg(value_name = "CODE")]
        code: Option<String>,
    },
    /// Show the whole gateway on this machine, in network namespaces of its own
    Demo {
        /// Leave everything running at the end, until Ctrl-C
        #[arg(long)]
        keep: bool,
    },
    /// Ask a running gateway: how things stand, who is banned, to read its rules anew
    Ctl(ctl::CtlArguments),
    /// Take the XDP program that a stopped gateway left off its interfaces, with its maps
    Detach {
        /// The configuration the gateway ran with
        #[arg(long, value_name = "FILE", default_value = CONFIGURATION)]
        config: PathBuf,
    },
}

/// What `weir replay` was told.
#[derive(Debug, Args)]
struct ReplayArguments {
    /// The configuration with the rules to apply
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// A pcap or pcapng capture, packed by gzip or not: Ethernet, raw IP or Linux cooked; `-` is what comes in by a pipe
    #[arg(value_name = "CAPTURE")]
    capture: PathBuf,
    /// Print one line per frame with its verdict, instead of the events
    #[arg(long)]
    verdicts: bool,
    /// Print one line per message with its fields, among the events
    #[arg(long, conflicts_with = "verdicts")]
    messages: bool,
    /// Print how many frames met which fate, and by which rules and reasons, instead of the events
    #[arg(long, conflicts_with_all = ["verdicts", "messages"])]
    summary: bool,
    /// Write what would have been forwarded to this file, as pcap
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Addresses of the devices' side; may be repeated. By default whoever opens a flow is inside
    #[arg(long, value_name = "NETWORK", value_parser = network)]
    inside: Vec<IpNet>,
}

/// An address or a network.
fn network(text: &str) -> Result<IpNet, String> {
    let network: IpNet = match text.parse() {
        Ok(network) => network,
        Err(_) => text
            .parse::<std::net::IpAddr>()
            .map_err(|_| "neither an address nor a network".to_owned())?
            .into(),
    };
    match network.trunc() {
        trunc if trunc == network => Ok(unmapped(network)),
        trunc => Err(format!("has bits set beyond its prefix: write {trunc}")),
    }
}

/// How a command that could run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    /// Nothing to complain about.
    Fine,
    /// It ran, and found something.
    Findings,
    /// It ran as far as it could.
    Incomplete,
}

impl Status {
    /// Both together.
    fn and(self, other: Self) -> Self {
        match self {
            Self::Fine => other,
            Self::Findings if other == Self::Fine => self,
            Self::Findings => other,
            Self::Incomplete => self,
        }
    }
}

/// Why a command could not run; its text names the remedy.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("weir: {}", with_causes(&*failure));
            ExitCode::from(2)
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Failure> {
    let mut out = Output::standard();
    let status = match command {
        Command::Run { config } => {
            // Its events may go to standard output.
            drop(out);
            control::run::run(&config)?;
            Status::Fine
        }
        Command::Demo { keep } => {
            drop(out);
            return Ok(demo::run(demo::Options { keep }));
        }
        Command::Check { files, json } => check::run(&files, json, &mut out)?,
        Command::Replay(arguments) => replay::run(&arguments, &mut out)?,
        Command::Explain { code } => explain::run(code.as_deref(), &mut out)?,
        Command::Ctl(arguments) => ctl::run(&arguments, &mut out)?,
        Command::Detach { config } => detach::run(&config, &mut out)?,
    };
    Ok(status.into())
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        match status {
            Status::Fine => Self::SUCCESS,
            Status::Findings => Self::from(1),
            Status::Incomplete => Self::from(2),
        }
    }
}
