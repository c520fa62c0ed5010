//! MQTT and CoAP peers of several makers: the programs in tests/peers.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

use gateway::demo::scene::Scene;
use gateway::netns::{Family, Host, Process, address};

use crate::lab::must;

/// For one client's whole work; it takes a third of it on two idle cores.
const PATIENCE: Duration = Duration::from_secs(120);

/// One peer, as a program of its own.
#[derive(Debug)]
pub struct Peer {
    name: String,
    process: Process,
}

impl Peer {
    /// A client of the broker.
    ///
    /// # Panics
    /// When it can't be started.
    #[must_use]
    pub fn mqtt(scene: &Scene, script: &str, family: Family, arguments: &[&str]) -> Self {
        let broker = scene.broker.address(family).to_string();
        let arguments = [&[&*broker], arguments].concat();
        Self::start(scene, Host::Devices, script, &arguments)
    }

    /// A server at `port` of the servers, once it serves.
    ///
    /// # Panics
    /// When it doesn't.
    #[must_use]
    pub fn server(scene: &Scene, script: &str, port: u16) -> Self {
        let arguments = ["serve", &port.to_string()];
        let mut server = Self::start(scene, Host::Servers, script, &arguments);
        must(server.process.ready(PATIENCE, |process| {
            Ok(process.printed()?.contains("serving").then_some(()))
        }));
        server
    }

    /// A CoAP client, at the devices' address number `index`, of a server at `port`.
    ///
    /// # Panics
    /// When it can't be started.
    #[must_use]
    pub fn coap_client(
        scene: &Scene,
        script: &str,
        (family, index): (Family, u8),
        port: u16,
        arguments: &[&str],
    ) -> Self {
        let [server, source] = [(Host::Servers, 0), (Host::Devices, index)]
            .map(|(host, index)| address(host, index, family).to_string());
        let port = port.to_string();
        let arguments = [&[&*server, &port, &source], arguments].concat();
        Self::start(scene, Host::Devices, script, &arguments)
    }

    fn start(scene: &Scene, host: Host, script: &str, arguments: &[&str]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let installed = root.join("../target/peers");
        assert!(
            installed.join("stamp").is_file(),
            "the peers of tests/peers aren't installed: run `scripts/setup test`"
        );
        let interpreter = if script.ends_with(".py") {
            installed.join("python/bin/python3")
        } else {
            PathBuf::from("node")
        };
        let name = format!("{script} {}", arguments.join(" "));
        let mut command = scene.host(host).command(&interpreter.to_string_lossy());
        command
            .env("NODE_PATH", installed.join("node/node_modules"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            // What it leaves behind goes with the scene.
            .env("TMPDIR", scene.topology.state().dir())
            .arg(root.join("peers").join(script))
            .args(arguments);
        // A path may be among the arguments.
        let log = name.replace([' ', '/'], "-");
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
        assert!(
            status.success(),
            "{}: {status}\n{}",
            self.name,
            self.process.tail()
        );
        self.figure("arrived: ", "")
    }

    /// What it has printed until now.
    ///
    /// # Panics
    /// When its log can't be read.
    #[must_use]
    pub fn printed(&self) -> String {
        must(self.process.printed())
    }

    /// The number between `before` and `after` on the last line that has one.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn figure(&self, before: &str, after: &str) -> usize {
        let printed = self.printed();
        let figure = |line: &str| {
            let figure = line.strip_prefix(before)?.strip_suffix(after)?;
            figure.parse().ok()
        };
        let found = printed.lines().rev().find_map(figure);
        found.unwrap_or_else(|| panic!("{}: no {before:?} in\n{printed}", self.name))
    }
}
