//! A laboratory per test: the demo's stage, under a label of its own.

use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gateway::demo::attacks::{self, TLS_ZONE};
use gateway::demo::scene::Scene;
use gateway::netns::peers::{Gateway, Setup};
use gateway::netns::{self, Family, Spec, Topology};

/// The shipped rules.
pub const BASELINE: &str = include_str!("../../rules/baseline.toml");

/// Both versions of the Internet Protocol.
pub const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

/// Unwraps, and shows the error as a person would want to read it.
pub fn must<T>(outcome: netns::Result<T>) -> T {
    outcome.unwrap_or_else(|error| panic!("{error}"))
}

/// Receives once more if a signal, or a machine that was halted, came between (EINTR: a socket with a timeout isn't
/// asked again by itself, signal(7)).
///
/// # Errors
/// Those of `receive`, but that.
pub fn uninterrupted<T>(mut receive: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match receive() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// A rule that the baseline hasn't.
pub const NO_VALVES: &str = r#"
[[rule]]
id          = "no-valves"
description = "Nobody opens valves"
match       = { packet = "PUBLISH", topic = "plant/valve/#" }
action      = "drop"
"#;

/// `ctl` of `program` with the gateway's configuration: its status, and what it said on both outputs.
pub fn ctl(topology: &Topology, program: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let done = Command::new(program)
        .args(["ctl", "--config"])
        .arg(Gateway::config(topology))
        .args(arguments)
        .output()
        .expect("the program runs");
    let said = [done.stdout, done.stderr].concat();
    (done.status.code(), String::from_utf8(said).expect("UTF-8"))
}

/// Namespaces under `label`, with broker and CoAP server.
pub fn scene(label: &str) -> Scene {
    let spec = Spec {
        label,
        ..Spec::default()
    };
    must(Scene::start(must(Topology::build(&spec))))
}

/// The gateway `program` with the demo's rules and the contractors' zone, attached as `xdp` says.
pub fn weir<'t>(topology: &'t Topology, program: &str, xdp: &str) -> Gateway<'t> {
    let rules = attacks::rules();
    let mut setup = Setup::new(Path::new(program), &rules);
    setup.xdp = xdp;
    setup.more = TLS_ZONE;
    must(Gateway::start(topology, &setup))
}

/// The gateway `program` with the shipped rules and no others enforced, attached as `xdp` says, and with
/// `more` configuration.
pub fn baseline<'t>(topology: &'t Topology, program: &str, xdp: &str, more: &str) -> Gateway<'t> {
    let mut setup = Setup::new(Path::new(program), BASELINE);
    setup.xdp = xdp;
    setup.more = more;
    must(Gateway::start(topology, &setup))
}

/// For tests that measure time, and would disturb each other.
pub fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    // What another test left behind when it failed is not in here.
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}
