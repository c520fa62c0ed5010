//! The configuration file: where the gateway stands and which rules it applies.
//!
//! Every key has a default but the ends of a link; an empty file is a configuration that checks
//! and replays, but has nothing to stand between.

mod brokers;
mod exempted;
mod limits;
mod mark;
mod named_file;
mod read;
mod services;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;

pub use brokers::Brokers;
pub use exempted::Exempted;
pub use limits::{Budget, Exception, Limits};
pub use mark::Mark;
pub use named_file::NamedFile;
pub(crate) use read::zones;
pub use services::Services;

use crate::{Action, Diagnostics, SourceText};

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
    /// `[policy] disabled`, `dry_run`: rules of the packs that are left out, or only tried.
    pub exempted: Exempted,
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
    /// The same as cases expect it: all its rules at work and every service there, though the gateway may only
    /// watch.
    #[must_use]
    pub fn for_cases(&self) -> Self {
        Self {
            mode: Mode::Enforce,
            exempted: Exempted::default(),
            services: self.services.clone().complete(),
            ..self.clone()
        }
    }

    /// Whether it leaves all rules of its packs as they are.
    #[must_use]
    pub fn has_all_rules(&self) -> bool {
        self.exempted == Exempted::default()
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
