//! What the data plane is told, and why it may refuse to start.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use policy::{Config, XdpMode};
use xsk::Copying;

use super::LinkNames;
use super::checks::Finding;
use super::link::LinkError;
use super::xdp;

/// What the data plane needs of the configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The links, in the order of their indices.
    pub links: Vec<LinkNames>,
    /// How the XDP program is to be attached.
    pub mode: XdpMode,
    /// What it works by.
    pub program: xdp::Settings,
    /// Where links and maps are pinned.
    pub pin_dir: PathBuf,
    /// Entries of each AF_XDP ring.
    pub ring_size: u32,
    /// Whether a driver may work without copying.
    pub copying: Copying,
    /// How long a worker looks for frames before it sleeps.
    pub busy_poll: Duration,
    /// How often it says that it lives.
    pub heartbeat: Duration,
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Self {
        let names = |link: &policy::Link| LinkNames {
            inside: link.inside.clone(),
            outside: link.outside.clone(),
        };
        Self {
            links: config.links.iter().map(names).collect(),
            mode: config.dataplane.mode,
            program: xdp::Settings::from(config),
            pin_dir: PathBuf::from(&config.dataplane.pin_dir),
            ring_size: config.dataplane.ring_size,
            copying: Copying::Auto,
            busy_poll: config.dataplane.busy_poll,
            heartbeat: config.dataplane.heartbeat,
        }
    }
}

/// Why the data plane can't start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// There is nothing to stand between.
    #[error("no link is configured: name its two interfaces in [[link]]")]
    NoLink,
    /// Interfaces aren't fit; the findings say which and why, all at once.
    #[error("{}", list(.0))]
    Interfaces(Vec<Finding>),
    /// The XDP program can't be attached.
    #[error(transparent)]
    Xdp(#[from] xdp::Error),
    /// A link can't be put to work.
    #[error("link {link}")]
    Link {
        /// The ends of the link.
        link: LinkNames,
        /// Why not.
        source: Box<LinkError>,
    },
    /// The system refused something else.
    #[error("{what}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl StartError {
    pub(super) fn system<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::System {
            what,
            source: source.into(),
        }
    }
}

fn list(findings: &[Finding]) -> String {
    let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
