//! MQTT clients of several makers, as the programs in tests/peers, in the devices' namespace.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use gateway::demo::scene::Scene;
use gateway::netns::{Family, Host, Process};

use crate::lab::must;

/// For one client's whole work; it takes a third of it on two idle cores.
const PATIENCE: Duration = Duration::from_secs(120);

/// One client's work, as a program of its own.
#[derive(Debug)]
pub struct Peer {
    name: String,
    process: Process,
}

impl Peer {
    /// A script of tests/peers in Python.
    ///
    /// # Panics
    /// When it can't be started.
    #[must_use]
    pub fn python(scene: &Scene, script: &str, family: Family, arguments: &[&str]) -> Self {
        Self::start(scene, "python/bin/python3", script, family, arguments)
    }

    /// A script of tests/peers for Node.
    ///
    /// # Panics
    /// When it can't be started.
    #[must_use]
    pub fn node(scene: &Scene, script: &str, family: Family, arguments: &[&str]) -> Self {
        Self::start(scene, "node", script, family, arguments)
    }

    fn start(
        scene: &Scene,
        interpreter: &str,
        script: &str,
        family: Family,
        arguments: &[&str],
    ) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let installed = root.join("../target/peers");
        assert!(
            installed.join("stamp").is_file(),
            "the clients of tests/peers aren't installed: run `scripts/setup test`"
        );
        let interpreter = match interpreter {
            "node" => PathBuf::from("node"),
            installed_one => installed.join(installed_one),
        };
        let name = format!("{script} {}", arguments.join(" "));
        let mut command: Command = scene
            .host(Host::Devices)
            .command(&interpreter.to_string_lossy());
        command
            .env("NODE_PATH", installed.join("node/node_modules"))
            .arg(root.join("peers").join(script))
            .arg(scene.broker.address(family).to_string())
            .args(arguments);
        let log = name.replace(' ', "-");
        let process = must(Process::start(scene.topology.state(), &log, &mut command));
        Self { name, process }
    }

    /// Waits for its end, whatever it is.
    ///
    /// # Panics
    /// When it doesn't end.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = must(self.process.ended()) {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "{} hangs:\n{}",
                self.name,
                self.process.tail()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for its end, and says how many messages arrived.
    ///
    /// # Panics
    /// When it fails, or doesn't end.
    pub fn arrived(&mut self) -> usize {
        let status = self.wait();
        let printed = must(self.process.printed());
        assert!(
            status.success(),
            "{}: {status}\n{}",
            self.name,
            self.process.tail()
        );
        let count = printed
            .lines()
            .last()
            .and_then(|line| line.strip_prefix("arrived: "));
        let count = count.and_then(|count| count.parse().ok());
        count.unwrap_or_else(|| panic!("{}: no count in\n{printed}", self.name))
    }
}
