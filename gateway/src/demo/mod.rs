//! `weir demo`: the whole gateway on one machine, in network namespaces of its own.
//!
//! Real servers, devices at work, and attacks on them; first with nothing but a bridge between the
//! gateway's ports, then with Weir. A table shows what reached its target either way: [`attacks`] and
//! [`work`] are the acts, which the end-to-end tests play too, [`scene`] is the stage, [`play`] the
//! order of events.

pub mod attacks;
mod board;
mod figures;
mod interrupt;
mod play;
pub mod scene;
mod screen;
mod table;
pub mod work;

use std::io::{self, Write};
use std::process::ExitCode;

use rustix::process::geteuid;

use crate::netns::peers::missing_packages;
use interrupt::Interrupt;
use play::{Ended, Play};

/// How to show it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Leave everything running at the end, until Ctrl-C.
    pub keep: bool,
}

/// All went as it should.
const FINE: u8 = 0;
/// An attack got through, or work didn't.
const FINDINGS: u8 = 1;
/// The demo can't run here.
const CANNOT_RUN: u8 = 2;
/// As a shell reports what Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// Runs the demo and tells on standard output how it goes.
pub fn run(options: Options) -> ExitCode {
    if let Err(problem) = can_run() {
        return end(CANNOT_RUN, &problem);
    }
    let interrupt = match Interrupt::watch() {
        Ok(interrupt) => interrupt,
        Err(error) => return end(CANNOT_RUN, &format!("cannot watch for signals: {error}")),
    };
    match Play::new(options, interrupt).perform() {
        Ok(true) => ExitCode::from(FINE),
        Ok(false) => ExitCode::from(FINDINGS),
        Err(Ended::Interrupted) => end(INTERRUPTED, "interrupted; everything is removed"),
        Err(Ended::Environment(error)) => end(CANNOT_RUN, &error.to_string()),
        Err(Ended::Output(error)) => end(CANNOT_RUN, &format!("cannot write: {error}")),
    }
}

fn can_run() -> Result<(), String> {
    if !geteuid().is_root() {
        return Err(format!(
            "needs root, to make network namespaces and to load the XDP program: sudo {} demo",
            figures::own_path()
        ));
    }
    let missing = missing_packages();
    if !missing.is_empty() {
        let packages = missing.join(" ");
        return Err(format!(
            "needs programs that aren't installed. On Debian: apt-get install {packages}"
        ));
    }
    Ok(())
}

fn end(status: u8, message: &str) -> ExitCode {
    // With standard error closed there is nobody to tell.
    let _ = writeln!(io::stderr(), "weir demo: {message}");
    ExitCode::from(status)
}
