//! libcoap's example server and client.

use std::net::IpAddr;
use std::process::Command;
use std::time::Duration;

use super::program;
use crate::netns::{Family, Host, Namespace, Process, Result, Topology, address};

// Debian installs one program per TLS library; for plain CoAP they are equal.
pub(super) const SERVERS: &[&str] = &[
    "coap-server-openssl",
    "coap-server-notls",
    "coap-server-gnutls",
    "coap-server",
];
pub(super) const CLIENTS: &[&str] = &[
    "coap-client-openssl",
    "coap-client-notls",
    "coap-client-gnutls",
    "coap-client",
];

/// How many resources clients may make by PUT.
const DYNAMIC_RESOURCES: &str = "20";

/// A running CoAP server on 5683 (and, where its build has DTLS, on 5684).
#[derive(Debug)]
pub struct CoapServer {
    process: Process,
}

impl CoapServer {
    /// Starts the server among the servers, and waits until it listens.
    ///
    /// # Errors
    /// When it isn't installed, or doesn't get ready.
    pub fn start(topology: &Topology) -> Result<Self> {
        let mut command = coap_server(topology.host(Host::Servers));
        // Level 7 writes each message it receives and sends. `-k` is the key of its DTLS port.
        command.args(["-v", "7", "-d", DYNAMIC_RESOURCES, "-k", "weir-lab"]);
        let mut process = Process::start(topology.state(), "coap-server", &mut command)?;
        process.ready(Duration::from_secs(10), |process| {
            let listens = process.printed()?.contains("created UDP");
            Ok(listens.then_some(()))
        })?;
        Ok(Self { process })
    }

    /// Its address.
    pub fn address(&self, family: Family) -> IpAddr {
        address(Host::Servers, 0, family)
    }

    /// The process, for its log: each message is a line of it.
    pub fn process(&self) -> &Process {
        &self.process
    }
}

/// `coap-server` in a namespace, without arguments yet.
pub fn coap_server(namespace: &Namespace) -> Command {
    namespace.command(&program(SERVERS))
}

/// `coap-client` in a namespace, without arguments yet.
pub fn coap_client(namespace: &Namespace) -> Command {
    namespace.command(&program(CLIENTS))
}
