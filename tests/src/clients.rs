//! Real clients at work, from the devices' namespace.

use std::process::Command;
use std::time::Duration;

use gateway::demo::scene::Scene;
use gateway::netns::peers::{coap_client, mosquitto_pub, mosquitto_sub};
use gateway::netns::{self, Family, Host, Output, Process, address};

use crate::lab::must;

const PATIENCE: Duration = Duration::from_secs(8);
/// Begins each line of a subscriber's log that is a message.
const MESSAGE: &str = "message: ";

/// A running `mosquitto_sub`.
#[derive(Debug)]
pub struct Subscriber {
    process: Process,
}

impl Subscriber {
    /// Subscribes with `arguments`, and waits until the broker has confirmed it. `name` is the log's.
    ///
    /// # Panics
    /// When it is not confirmed.
    pub fn start(scene: &Scene, name: &str, arguments: &[&str]) -> Self {
        let mut command = mosquitto_sub(scene.host(Host::Devices));
        command
            .args(["-d", "-F", &format!("{MESSAGE}%p")])
            .args(arguments);
        let mut process = must(Process::start(scene.topology.state(), name, &mut command));
        must(process.ready(PATIENCE, |process| {
            let confirmed = process.printed()?.contains("Subscribed");
            Ok(confirmed.then_some(()))
        }));
        Self { process }
    }

    /// The payloads of the first `count` messages, in order; fewer if they don't come in time.
    pub fn messages(&self, count: usize) -> Vec<String> {
        let read = || -> netns::Result<Vec<String>> {
            let printed = self.process.printed()?;
            let payloads = printed
                .lines()
                .filter_map(|line| line.strip_prefix(MESSAGE));
            Ok(payloads.map(str::to_owned).collect())
        };
        let all = netns::wait_until("messages", PATIENCE, || {
            Ok(Some(read()?).filter(|messages| messages.len() >= count))
        });
        all.unwrap_or_else(|_| must(read()))
    }

    /// The process.
    pub fn into_process(self) -> Process {
        self.process
    }
}

/// Publishes with `arguments`, to the end.
///
/// # Panics
/// When `mosquitto_pub` fails.
pub fn publish(scene: &Scene, arguments: &[&str]) {
    let mut command = mosquitto_pub(scene.host(Host::Devices));
    let done = must(netns::output(command.args(arguments)));
    assert!(
        done.status.success(),
        "mosquitto_pub {arguments:?}: {done:?}"
    );
}

/// `coap-client` at one of the devices' addresses, and the server it works with.
#[derive(Debug, Clone, Copy)]
pub struct CoapClient<'s> {
    /// Where both are.
    pub scene: &'s Scene,
    /// The version of IP.
    pub family: Family,
    /// The number of the client's address.
    pub index: u8,
    /// The server's port.
    pub port: u16,
}

impl CoapClient<'_> {
    /// The URI of a resource.
    #[must_use]
    pub fn uri(&self, path: &str) -> String {
        let server = self.scene.server_uri(self.family);
        format!("coap://{server}:{}{path}", self.port)
    }

    /// Asks for `path` with more `arguments`, to the end.
    #[must_use]
    pub fn ask(&self, path: &str, arguments: &[&str]) -> Output {
        self.run(&self.uri(path), arguments)
    }

    /// Asks for `uri` with more `arguments`, to the end.
    #[must_use]
    pub fn run(&self, uri: &str, arguments: &[&str]) -> Output {
        // Without -B it would wait a minute and a half for an answer that doesn't come.
        must(netns::output(
            self.command(uri).args(["-B", "8"]).args(arguments),
        ))
    }

    /// Begins to observe `path` for so many seconds.
    #[must_use]
    pub fn observe(&self, path: &str, seconds: u32) -> Process {
        let mut command = self.command(&self.uri(path));
        command.args(["-w", "-s", &seconds.to_string()]);
        let name = format!("observe-{:?}-{}", self.family, self.port);
        must(Process::start(
            self.scene.topology.state(),
            &name,
            &mut command,
        ))
    }

    fn command(&self, uri: &str) -> Command {
        let mut command = coap_client(self.scene.host(Host::Devices));
        let source = address(Host::Devices, self.index, self.family);
        command.args(["-a", &source.to_string(), uri]);
        command
    }
}
