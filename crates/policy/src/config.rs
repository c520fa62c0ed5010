//! The configuration file: where the gateway stands and which rules it applies.
//!
//! Every key has a default but the ends of a link; an empty file is a configuration that checks
//! and replays, but has nothing to stand between.

mod brokers;
mod mark;
mod named_file;
mod read;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;

pub use brokers::Brokers;
pub use mark::Mark;
pub use named_file::NamedFile;
pub(crate) use read::zones;

use crate::{Action, Diagnostics, Service, SourceText};

/// A whole configuration file, every value checked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Config {
    /// `mode = "enforce"`.
    pub mode: Mode,
    /// `on_failure = "open"`.
    pub on_failure: OnFailure,
    /// `[[link]]`, in file order; empty in a file made only for `check` and `replay`.
    pub links: Vec<Link>,
    /// `[zones]`: sets of addresses by name, beside "inside" and "outside" which always exist.
    pub zones: BTreeMap<String, Vec<IpNet>>,
    /// Where each of them stands.
    pub zone_marks: BTreeMap<String, Mark>,
    /// `[services]`.
    pub services: Services,
    /// `[policy] default = "accept"`: the fate of a message no rule decides.
    pub default: DefaultAction,
    /// `[policy] packs`, relative to the configuration file, in order of evaluation.
    pub packs: Vec<NamedFile>,
    /// `[tls] required_from`: names of zones from which plaintext raises `tls.required`.
    pub tls_required_from: Vec<String>,
    /// `[mqtt] brokers`.
    pub brokers: Brokers,
    /// `[tcp] midstream = "accept"`.
    pub midstream: Midstream,
    /// `[ip] fragments = "drop"`.
    pub fragments: Fragments,
    /// `[limits]`.
    pub limits: Limits,
    /// `[budget]`.
    pub budget: Budget,
    /// `[block]`.
    pub block: Block,
    /// `[dataplane]`.
    pub dataplane: Dataplane,
    /// `[metrics]`.
    pub metrics: Metrics,
    /// `[events]`.
    pub events: Events,
    /// `[control]`.
    pub control: Control,
    /// `[log]`.
    pub log: Log,
}

impl Config {
    /// The same as cases expect it: its rules at work and every service there, though the gateway may only
    /// watch.
    #[must_use]
    pub fn for_cases(&self) -> Self {
        Self {
            mode: Mode::Enforce,
            services: self.services.clone().complete(),
            ..self.clone()
        }
    }

    /// The same for cases that are about their own pack alone: what its rules don't speak of is let through.
    #[must_use]
    pub fn for_cases_alone(&self) -> Self {
        Self {
            default: DefaultAction::Accept,
            ..self.for_cases()
        }
    }

    /// Reads a configuration.
    ///
    /// # Errors
    /// Every problem of the file, when at least one of them is an error.
    pub fn parse(source: &SourceText) -> Result<Self, Diagnostics> {
        let (config, diagnostics) = Self::check(source);
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        Ok(config)
    }
}

/// `mode`: whether rulings are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Rulings are carried out.
    #[default]
    Enforce,
    /// Rulings are recorded and everything is forwarded.
    Monitor,
}

impl Mode {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Enforce, Self::Monitor];

    /// As the configuration spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Monitor => "monitor",
        }
    }
}

/// `on_failure`: what the kernel does with the services' frames while no inspector is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// Forward them.
    #[default]
    Open,
    /// Drop them.
    Closed,
}

/// `[policy] default`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DefaultAction {
    /// Forward what no rule decides.
    #[default]
    Accept,
    /// Drop it.
    Drop,
    /// Drop it and reset its flow.
    Reset,
}

impl DefaultAction {
    /// The action of a ruling.
    #[must_use]
    pub const fn action(self) -> Action {
        match self {
            Self::Accept => Action::Accept,
            Self::Drop => Action::Drop,
            Self::Reset => Action::Reset,
        }
    }
}

/// `[[link]]`: the two ends the gateway stands between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The interface on the devices' side.
    pub inside: String,
    /// The interface at the other end.
    pub outside: String,
}

/// `[services]`: the server ports of each service; no port stands in two of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Services {
    /// Plaintext MQTT (TCP), default 1883.
    pub mqtt: Vec<u16>,
    /// MQTT over TLS (TCP), default 8883.
    pub mqtts: Vec<u16>,
    /// Plaintext CoAP (UDP), default 5683.
    pub coap: Vec<u16>,
    /// CoAP over DTLS (UDP), default 5684.
    pub coaps: Vec<u16>,
    /// Plaintext CoAP over TCP, by default none.
    pub coap_tcp: Vec<u16>,
}

impl Services {
    /// The services over TCP, with their ports.
    #[must_use]
    pub fn over_tcp(&self) -> [(&[u16], Service); 3] {
        [
            (&self.mqtt, Service::Mqtt),
            (&self.mqtts, Service::Mqtts),
            (&self.coap_tcp, Service::CoapTcp),
        ]
    }

    /// The same, but that every service has a port: its usual one, or the next that is free.
    #[must_use]
    pub fn complete(mut self) -> Self {
        let usual = Self {
            coap_tcp: vec![5683],
            ..Self::default()
        };
        fill([
            (&mut self.mqtt, usual.mqtt),
            (&mut self.mqtts, usual.mqtts),
            (&mut self.coap_tcp, usual.coap_tcp),
        ]);
        fill([(&mut self.coap, usual.coap), (&mut self.coaps, usual.coaps)]);
        self
    }

    /// The services over UDP, with their ports.
    #[must_use]
    pub fn over_udp(&self) -> [(&[u16], Service); 2] {
        [(&self.coap, Service::Coap), (&self.coaps, Service::Coaps)]
    }
}

/// Gives a port of its own to each service of one transport that has none.
fn fill<const N: usize>(services: [(&mut Vec<u16>, Vec<u16>); N]) {
    for at in 0..N {
        if !services[at].0.is_empty() {
            continue;
        }
        let is_free = |port: &u16| !services.iter().any(|(ports, _)| ports.contains(port));
        let usual = services[at].1.iter().copied();
        let port = usual.chain(1..=u16::MAX).find(is_free);
        services[at].0.extend(port);
    }
}

impl Default for Services {
    fn default() -> Self {
        Self {
            mqtt: vec![1883],
            mqtts: vec![8883],
            coap: vec![5683],
            coaps: vec![5684],
            coap_tcp: Vec::new(),
        }
    }
}

/// `[tcp] midstream`: TCP flows older than the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Midstream {
    /// Resynchronise on a control packet and inspect from there on.
    #[default]
    Accept,
    /// Reset both ends.
    Reset,
    /// Forward the flow uninspected.
    Bypass,
}

/// `[ip] fragments`: IP fragments to or from a service (they hide their ports).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fragments {
    /// Drop and count them.
    #[default]
    Drop,
    /// Forward them uninspected.
    Forward,
}

/// `[limits]`: the bounds of everything that grows with traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// TCP flows past their handshake, default 262,144.
    pub flows: usize,
    /// TCP flows whose handshake is under way, default 32,768.
    pub half_open: usize,
    /// A handshake that is silent for longer is forgotten, default 65 s: no longer than a server repeats its SYN+ACK.
    pub half_open_timeout: Duration,
    /// An established flow that is silent for longer is forgotten, default 5 d.
    pub idle_timeout: Duration,
    /// How long a finished or denied flow is remembered, default 30 s.
    pub linger_timeout: Duration,
    /// How long after the start a CoAP response, or a TCP flow in a flood of handshakes, may be older than
    /// the gateway, default 60 s.
    pub midstream_grace: Duration,
    /// How long after the start a TCP flow may be older than the gateway, default 2 h: as long as most ends
    /// say nothing at most.
    pub tcp_midstream_grace: Duration,
    /// Out-of-order bytes held over all flows, default 64 MiB.
    pub held_bytes: usize,
    /// Out-of-order bytes held per direction of a flow, default 256 KiB.
    pub held_bytes_per_flow: usize,
    /// Out-of-order segments held per direction of a flow, default 128.
    pub held_segments_per_flow: usize,
    /// Bytes in flight remembered per direction of a flow, default 512 KiB.
    pub unacked_bytes_per_flow: usize,
    /// Bytes in flight remembered beyond the first 8 KiB of each direction, over all flows, default 256 MiB.
    pub unacked_common_bytes: usize,
    /// What is kept of a control packet that spans segments, default 64 KiB.
    pub partial_bytes: usize,
    /// What is kept beyond that, over all flows, default 256 MiB; one direction gets a part of it.
    pub partial_common_bytes: usize,
    /// The largest MQTT control packet, header included, default 268,435,460 (all MQTT has).
    pub mqtt_packet_bytes: usize,
    /// Packet identifiers in flight remembered per direction of a session, default 1,024.
    pub in_flight: usize,
    /// Topic filters a client asked for, in bytes per session, default 512.
    pub subscription_bytes: usize,
    /// Topics remembered for topic aliases, in bytes per direction of a session, default 16 KiB.
    pub topic_alias_bytes: usize,
    /// Topics remembered for topic aliases beyond those, in bytes over all sessions, of which one direction
    /// gets a sixteenth, default 64 MiB.
    pub topic_alias_common_bytes: usize,
    /// How long a connection may stay without a CONNECT, default 60 s.
    pub connect_timeout: Duration,
    /// How long a control packet of a client's may take, beyond what its bytes are worth at ten a second, default 5 min.
    pub packet_timeout: Duration,
    /// The largest CoAP message, default 65,507 (all that UDP over IPv4 has).
    pub coap_message_bytes: usize,
    /// The largest CoAP message over TCP, default 16 MiB.
    pub coap_tcp_message_bytes: usize,
    /// CoAP endpoints remembered for budgets and address validation, default 65,536.
    pub endpoints: usize,
    /// CoAP exchanges remembered, default 262,144.
    pub exchanges: usize,
    /// MQTT clients remembered: live ones, and the last address of lasting sessions, default 262,144.
    pub clients: usize,
    /// Counters kept on behalf of rules with a limit, default 65,536.
    pub meters: usize,
    /// `exception = "drop"`: the fate of traffic a full table has no room for.
    pub exception: Exception,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            flows: 262_144,
            half_open: 32_768,
            half_open_timeout: Duration::from_secs(65),
            idle_timeout: Duration::from_secs(5 * 24 * 3600),
            linger_timeout: Duration::from_secs(30),
            midstream_grace: Duration::from_secs(60),
            tcp_midstream_grace: Duration::from_secs(2 * 3600),
            held_bytes: 64 << 20,
            held_bytes_per_flow: 655_360,
            held_segments_per_flow: 1024,
            unacked_bytes_per_flow: 512 << 10,
            unacked_common_bytes: 256 << 20,
            partial_bytes: 64 << 10,
            partial_common_bytes: 256 << 20,
            mqtt_packet_bytes: 268_435_460,
            in_flight: 1024,
            subscription_bytes: 512,
            topic_alias_bytes: 16 << 10,
            topic_alias_common_bytes: 64 << 20,
            connect_timeout: Duration::from_secs(60),
            packet_timeout: Duration::from_secs(300),
            coap_message_bytes: 65_507,
            coap_tcp_message_bytes: 16 << 20,
            endpoints: 65_536,
            exchanges: 262_144,
            clients: 262_144,
            meters: 65_536,
            exception: Exception::Drop,
        }
    }
}

/// `[limits] exception`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Exception {
    /// Drop it: nothing passes uninspected.
    #[default]
    Drop,
    /// Forward it uninspected.
    Bypass,
}

/// `[budget]`: the frames of services that one source may send, and the CoAP responses that one client
/// may be sent, before the kernel drops the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Over TCP, default 200,000; 0 for no budget.
    pub tcp_packets_per_second: u64,
    /// Over UDP, default 20,000; 0 for no budget.
    pub udp_packets_per_second: u64,
    /// To one client, whoever sends them, default 50,000; 0 for no budget.
    pub coap_responses_per_second: u64,
    /// How long a source that was silent may send without regard to the rate, in time at that rate,
    /// default 1 s.
    pub burst: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            tcp_packets_per_second: 200_000,
            udp_packets_per_second: 20_000,
            coap_responses_per_second: 50_000,
            burst: Duration::from_secs(1),
        }
    }
}

/// `[block]`: sources kept out beside those that rules ban.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Block {
    /// Lists of addresses and networks, relative to the configuration file.
    pub files: Vec<NamedFile>,
    /// Addresses and networks that nothing keeps out, and that have no budget.
    pub never: Vec<IpNet>,
}

/// `[dataplane] mode`: how the XDP program is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum XdpMode {
    /// Native where the driver has it, else generic.
    #[default]
    Auto,
    /// Native, or fail.
    Native,
    /// Generic.
    Generic,
}

/// `[dataplane]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataplane {
    /// How the XDP program is attached.
    pub mode: XdpMode,
    /// How long a worker looks for frames without sleeping after the last one, default 50 µs.
    pub busy_poll: Duration,
    /// Descriptors of each ring, a power of two, default 2048.
    pub ring_size: u32,
    /// How often a worker vouches for itself, default 20 ms.
    pub heartbeat: Duration,
    /// Where link and maps are pinned, default `/sys/fs/bpf/weir`.
    pub pin_dir: String,
}

impl Default for Dataplane {
    fn default() -> Self {
        Self {
            mode: XdpMode::Auto,
            busy_poll: Duration::from_micros(50),
            ring_size: 2048,
            heartbeat: Duration::from_millis(20),
            pin_dir: "/sys/fs/bpf/weir".to_owned(),
        }
    }
}

/// `[metrics]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Metrics {
    /// Where `/metrics`, `/healthz` and `/readyz` are served; nowhere by default.
    pub listen: Option<SocketAddr>,
}

/// `[events]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Events {
    /// The file JSON lines are appended to; none by default.
    pub file: Option<String>,
}

/// `[control]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// The Unix socket on which `weir ctl` is answered; none by default.
    pub socket: Option<String>,
    /// Whether changed files are read again by themselves.
    pub follow_files: bool,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            socket: None,
            follow_files: true,
        }
    }
}

/// `[log]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// A level (error, warn, info, debug, trace) or tracing directives, default "info".
    pub level: String,
    /// Text or JSON lines.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: "info".to_owned(),
            format: LogFormat::Text,
        }
    }
}

/// `[log] format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}
