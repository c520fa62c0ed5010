//! The gateway as an operator runs it: `weir run` with a configuration file.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::http::{self, Response};
use super::metrics::Metrics;
use crate::netns::{Error, Ports, Process, Result, Topology, wait_until};

/// Where the gateway's endpoints listen, in its own namespace.
const METRICS: &str = "127.0.0.1:9683";
const READY_WITHIN: Duration = Duration::from_secs(15);
/// For an answer of its endpoints.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// How to run the gateway.
#[derive(Debug, Clone)]
pub struct Setup<'a> {
    /// The program `weir`.
    pub program: &'a Path,
    /// "enforce" or "monitor".
    pub mode: &'a str,
    /// `on_failure`: "open" or "closed".
    pub on_failure: &'a str,
    /// How XDP attaches: "auto", "native" or "generic".
    pub xdp: &'a str,
    /// Which port is the inside; swapped, the clients stand inside and the servers outside.
    pub swapped: bool,
    /// Rule packs beside the configuration, as TOML text.
    pub rules: &'a str,
    /// More configuration: more of `[dataplane]`, and tables that the generated part doesn't have.
    pub more: &'a str,
}

impl<'a> Setup<'a> {
    /// Enforcing, open on failure, native or generic as the kernel has it, and `rules`.
    pub fn new(program: &'a Path, rules: &'a str) -> Self {
        Self {
            program,
            mode: "enforce",
            on_failure: "open",
            xdp: "auto",
            swapped: false,
            rules,
            more: "",
        }
    }

    fn configuration(&self, dir: &Path, pins: &Path) -> String {
        let Ports { inside, outside } = Topology::PORTS;
        let (inside, outside) = if self.swapped {
            (outside, inside)
        } else {
            (inside, outside)
        };
        let mut text = String::new();
        // No formatting error in memory.
        let _ = write!(
            text,
            "mode = \"{mode}\"\n\
             on_failure = \"{on_failure}\"\n\n\
             [[link]]\ninside = \"{inside}\"\noutside = \"{outside}\"\n\n\
             [policy]\ndefault = \"accept\"\npacks = [\"rules.toml\"]\n\n\
             [metrics]\nlisten = \"{METRICS}\"\n\n\
             [events]\nfile = \"{events}\"\n\n\
             [control]\nsocket = \"{socket}\"\n\n\
             [dataplane]\nmode = \"{xdp}\"\npin_dir = \"{pins}\"\n\
             {more}",
            mode = self.mode,
            on_failure = self.on_failure,
            events = dir.join(EVENTS).display(),
            socket = dir.join(SOCKET).display(),
            xdp = self.xdp,
            pins = pins.display(),
            more = self.more,
        );
        text
    }
}

const CONFIG: &str = "weir.toml";
const RULES: &str = "rules.toml";
const EVENTS: &str = "events.json";
const SOCKET: &str = "control.sock";

/// A running gateway.
#[derive(Debug)]
pub struct Gateway<'t> {
    topology: &'t Topology,
    process: Process,
    events: PathBuf,
}

impl<'t> Gateway<'t> {
    /// Writes the configuration, starts the gateway between its two ports, and waits until it says
    /// that it is ready.
    ///
    /// # Errors
    /// When it doesn't start or doesn't get ready; with the end of its log.
    pub fn start(topology: &'t Topology, setup: &Setup<'_>) -> Result<Self> {
        let dir = topology.state().dir();
        let pins = topology.state().mount_bpf()?;
        write(&dir.join(RULES), setup.rules)?;
        write(&dir.join(CONFIG), &setup.configuration(dir, &pins))?;
        Self::run(topology, setup.program)
    }

    /// Starts a gateway with the configuration that an earlier one left, as after a crash.
    ///
    /// # Errors
    /// As [`Gateway::start`].
    pub fn restart(topology: &'t Topology, program: &Path) -> Result<Self> {
        Self::run(topology, program)
    }

    fn run(topology: &'t Topology, program: &Path) -> Result<Self> {
        let dir = topology.state().dir();
        let mut command = topology.gateway().command(&super::shown(program));
        command.args(["run", "--config"]).arg(dir.join(CONFIG));
        let process = Process::start(topology.state(), "weir", &mut command)?;
        let mut gateway = Self {
            topology,
            process,
            events: dir.join(EVENTS),
        };
        gateway.process.ready(READY_WITHIN, |_| {
            let answer = get(topology, "/readyz")?;
            Ok(answer
                .is_some_and(|response| response.status == 200)
                .then_some(()))
        })?;
        Ok(gateway)
    }

    /// The process, for signals and its log.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// The process, to end it.
    pub fn into_process(self) -> Process {
        self.process
    }

    /// The configuration file.
    pub fn config(topology: &Topology) -> PathBuf {
        topology.state().dir().join(CONFIG)
    }

    /// The rule pack beside it.
    pub fn rules(topology: &Topology) -> PathBuf {
        topology.state().dir().join(RULES)
    }

    /// The socket that `weir ctl` asks on.
    pub fn socket(topology: &Topology) -> PathBuf {
        topology.state().dir().join(SOCKET)
    }

    /// The file of events.
    pub fn events_file(&self) -> &Path {
        &self.events
    }

    /// The events written until now. A last line that is still being written is left out.
    ///
    /// # Errors
    /// When the file can't be read, or a whole line of it isn't JSON.
    pub fn events(&self) -> Result<Vec<Value>> {
        let text = match fs::read_to_string(&self.events) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(Error::file(&self.events)(source)),
        };
        let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
        whole
            .lines()
            .map(|line| {
                serde_json::from_str(line).map_err(|error| Error::file(&self.events)(error.into()))
            })
            .collect()
    }

    /// Waits for an event that `wanted` likes among those after the first `before`; None if there is
    /// none within `patience`.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn event_after(
        &self,
        before: usize,
        patience: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Option<Value>> {
        let deadline = Instant::now() + patience;
        loop {
            let found = self.events()?.into_iter().skip(before).find(&wanted);
            if found.is_some() || Instant::now() > deadline {
                return Ok(found);
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Scrapes the metrics.
    ///
    /// # Errors
    /// When the endpoint doesn't answer.
    pub fn metrics(&self) -> Result<Metrics> {
        wait_until("an answer from the metrics endpoint", ANSWER_WITHIN, || {
            let answer = get(self.topology, "/metrics")?;
            Ok(answer
                .filter(|response| response.status == 200)
                .map(|response| Metrics::parse(&response.body)))
        })
    }

    /// Where the metrics are, seen from the gateway's namespace.
    pub fn metrics_url() -> String {
        format!("http://{METRICS}/metrics")
    }

    /// Has it read its rules again (SIGHUP).
    ///
    /// # Errors
    /// When it has ended.
    pub fn reload(&self) -> Result<()> {
        self.process.signal(Signal::HUP)
    }
}

/// The endpoint's answer, or None while nobody listens.
fn get(topology: &Topology, path: &str) -> Result<Option<Response>> {
    let server: SocketAddr = METRICS.parse().expect("an address");
    topology.gateway().enter(|| http::get(server, path).ok())
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(Error::file(path))
}
