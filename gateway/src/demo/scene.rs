//! The stage of an attack or of a day's work: who is there.

use std::time::{Duration, Instant};

use crate::netns::peers::{CoapServer, Mosquitto};
use crate::netns::{Family, Host, Namespace, Process, Result, Topology, address};

/// Where MQTT and CoAP live.
pub mod port {
    /// MQTT.
    pub const MQTT: u16 = 1883;
    /// MQTT over TLS.
    pub const MQTTS: u16 = 8883;
    /// CoAP.
    pub const COAP: u16 = 5683;
}

/// The namespaces and the servers in them. What joins the gateway's ports, a bridge or Weir, is not
/// part of it: the same is tried on the same stage with either.
#[derive(Debug)]
pub struct Scene {
    /// The servers; before the topology, which must go last.
    pub broker: Mosquitto,
    /// The CoAP server.
    pub coap: CoapServer,
    /// The namespaces.
    pub topology: Topology,
}

/// A log is read again after this long.
const LOG_EVERY: Duration = Duration::from_millis(5);

impl Scene {
    /// Starts the servers in a topology.
    ///
    /// # Errors
    /// When one isn't installed or doesn't get ready.
    pub fn start(topology: Topology) -> Result<Self> {
        Ok(Self {
            broker: Mosquitto::start(&topology)?,
            coap: CoapServer::start(&topology)?,
            topology,
        })
    }

    /// The namespace of a host.
    pub fn host(&self, host: Host) -> &Namespace {
        self.topology.host(host)
    }

    /// The broker's and CoAP server's address as text, in brackets where a URI needs them.
    pub fn server_uri(&self, family: Family) -> String {
        match family {
            Family::V4 => address(Host::Servers, 0, family).to_string(),
            Family::V6 => format!("[{}]", address(Host::Servers, 0, family)),
        }
    }
}

/// Waits for a line with `fragment` in what `process` prints after `mark`; gives up after `patience`,
/// or soon after `over` says that nothing more can come.
///
/// # Errors
/// When the log can't be read.
pub fn log_line(
    process: &Process,
    mark: usize,
    fragment: &str,
    patience: Duration,
    mut over: impl FnMut() -> bool,
) -> Result<Option<String>> {
    // A server needs a moment from its socket to its log.
    const AFTERMATH: Duration = Duration::from_millis(150);
    let mut deadline = Instant::now() + patience;
    let mut ended = false;
    loop {
        let printed = process.printed_since(mark)?;
        if let Some(line) = printed.lines().find(|line| line.contains(fragment)) {
            return Ok(Some(line.to_owned()));
        }
        let now = Instant::now();
        if now >= deadline {
            return Ok(None);
        }
        if !ended && over() {
            ended = true;
            deadline = deadline.min(now + AFTERMATH);
        }
        std::thread::sleep(LOG_EVERY);
    }
}
