//! Real clients at work, from the devices' namespace.

use std::time::Duration;

use gateway::demo::scene::Scene;
use gateway::netns::peers::{coap_client, mosquitto_pub, mosquitto_sub};
use gateway::netns::{self, Host, Output, Process};

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

/// Runs `coap-client` with `arguments`, to the end.
pub fn coap(scene: &Scene, arguments: &[&str]) -> Output {
    let mut command = coap_client(scene.host(Host::Devices));
    // Without -B it would wait a minute and a half for an answer that doesn't come.
    must(netns::output(command.args(["-B", "5"]).args(arguments)))
}
