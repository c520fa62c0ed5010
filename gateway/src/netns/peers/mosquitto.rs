//! Eclipse Mosquitto: the broker with plain and TLS listeners, and its command line clients.

use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::program;
use crate::netns::run::succeed;
use crate::netns::{Error, Family, Host, Namespace, Process, Result, Topology, address};

pub(super) const BROKER: &[&str] = &["mosquitto"];
pub(super) const PUBLISHER: &[&str] = &["mosquitto_pub"];
const SUBSCRIBER: &[&str] = &["mosquitto_sub"];

/// A running broker: plain MQTT on 1883, MQTT over TLS on 8883, everybody welcome.
#[derive(Debug)]
pub struct Mosquitto {
    process: Process,
    certificate: PathBuf,
}

impl Mosquitto {
    /// Starts the broker among the servers, and waits until it listens.
    ///
    /// # Errors
    /// When it isn't installed, or doesn't get ready.
    pub fn start(topology: &Topology) -> Result<Self> {
        let dir = topology.state().dir();
        let certificate = self_signed_certificate(dir)?;
        let config = dir.join("mosquitto.conf");
        fs::write(&config, configuration(dir)).map_err(Error::file(&config))?;
        let mut command = topology.host(Host::Servers).command(&program(BROKER));
        let mut process = Process::start(
            topology.state(),
            "mosquitto",
            command.arg("-c").arg(&config),
        )?;
        process.ready(Duration::from_secs(10), |process| {
            let running = process.printed()?.contains(" running");
            Ok(running.then_some(()))
        })?;
        Ok(Self {
            process,
            certificate,
        })
    }

    /// Its address.
    pub fn address(&self, family: Family) -> IpAddr {
        address(Host::Servers, 0, family)
    }

    /// The certificate that clients of the TLS listener trust.
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// The process, for its log: each connection and each control packet is a line of it.
    pub fn process(&self) -> &Process {
        &self.process
    }
}

fn configuration(dir: &Path) -> String {
    let dir = dir.display();
    let mut text = String::from(
        "# The packaged user couldn't read this run's files, and losing root would undo the order to end\n\
         # with the run.\n\
         user root\n\
         allow_anonymous true\n\
         persistence false\n\
         log_dest stderr\n\
         log_type all\n\
         log_timestamp false\n",
    );
    for family in [Family::V4, Family::V6] {
        let address = address(Host::Servers, 0, family);
        // No formatting error in memory.
        let _ = write!(
            text,
            "listener 1883 {address}\n\
             listener 8883 {address}\n\
             certfile {dir}/certificate.pem\n\
             keyfile {dir}/key.pem\n"
        );
    }
    text
}

/// Makes a certificate for the servers' addresses, valid for the length of a run.
fn self_signed_certificate(dir: &Path) -> Result<PathBuf> {
    let names = [Family::V4, Family::V6]
        .map(|family| format!("IP:{}", address(Host::Servers, 0, family)))
        .join(",");
    let certificate = dir.join("certificate.pem");
    succeed(
        Command::new("openssl")
            .args(["req", "-x509", "-nodes", "-days", "2"])
            .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
            .args(["-subj", "/CN=weir-lab"])
            .args(["-addext", &format!("subjectAltName={names}")])
            .arg("-keyout")
            .arg(dir.join("key.pem"))
            .arg("-out")
            .arg(&certificate),
    )?;
    Ok(certificate)
}

/// `mosquitto_pub` in a namespace, without arguments yet.
pub fn mosquitto_pub(namespace: &Namespace) -> Command {
    client(namespace, PUBLISHER)
}

/// `mosquitto_sub` in a namespace, without arguments yet.
pub fn mosquitto_sub(namespace: &Namespace) -> Command {
    client(namespace, SUBSCRIBER)
}

/// The clients keep what they print in a buffer, unless they are told to print line by line.
fn client(namespace: &Namespace, names: &[&str]) -> Command {
    let mut command = namespace.command("stdbuf");
    command.args(["-oL", &program(names)]);
    command
}
