//! Who lives in the namespaces: real servers and clients from the distribution's packages, and the
//! gateway itself as the program an operator runs.

mod gateway;
mod http;
mod libcoap;
mod metrics;
mod mosquitto;

use std::env;
use std::path::{Path, PathBuf};

pub use gateway::{Gateway, Setup};
pub use libcoap::{CoapServer, coap_client, coap_server};
pub use metrics::Metrics;
pub use mosquitto::{Mosquitto, mosquitto_pub, mosquitto_sub};

/// A program of one of these names is needed, and the package that has it on Debian.
#[derive(Debug, Clone, Copy)]
struct Tool {
    programs: &'static [&'static str],
    package: &'static str,
}

const TOOLS: &[Tool] = &[
    Tool {
        programs: &["ip"],
        package: "iproute2",
    },
    Tool {
        programs: &["ethtool"],
        package: "ethtool",
    },
    Tool {
        programs: &["nsenter"],
        package: "util-linux",
    },
    Tool {
        programs: &["openssl"],
        package: "openssl",
    },
    Tool {
        programs: mosquitto::BROKER,
        package: "mosquitto",
    },
    Tool {
        programs: mosquitto::PUBLISHER,
        package: "mosquitto-clients",
    },
    Tool {
        programs: libcoap::SERVERS,
        package: "libcoap3-bin",
    },
    Tool {
        programs: libcoap::CLIENTS,
        package: "libcoap3-bin",
    },
];

/// The Debian packages that would bring what this machine lacks; empty when all is there.
pub fn missing_packages() -> Vec<&'static str> {
    let mut packages: Vec<&str> = TOOLS
        .iter()
        .filter(|tool| find(tool.programs).is_none())
        .map(|tool| tool.package)
        .collect();
    packages.dedup();
    packages
}

/// Whether a program is installed.
pub fn is_installed(program: &str) -> bool {
    find(&[program]).is_some()
}

/// The first of these programs that is installed. Looks where administrators' programs are, too,
/// wherever PATH points.
fn find(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let everywhere: Vec<PathBuf> = env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/bin"].map(PathBuf::from))
        .collect();
    names
        .iter()
        .flat_map(|name| everywhere.iter().map(move |dir| dir.join(name)))
        .find(|program| program.is_file())
}

/// The first of these programs as a command line's word; the bare name if it isn't installed, so that
/// the error names it.
fn program(names: &[&str]) -> String {
    match find(names) {
        Some(path) => shown(&path),
        None => names[0].to_owned(),
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
