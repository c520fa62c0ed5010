//! Addresses, networks and the names of zones.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::report::{Report, Span};

/// The zones that always exist: the sides of the link.
pub(crate) const SIDES: [&str; 2] = ["inside", "outside"];

/// Whether `name` may name a zone: not an address, and nothing with a meaning of its own.
pub(crate) fn is_zone_name(name: &str) -> bool {
    let rest = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic()) && name.bytes().all(rest)
}

/// The network or address `text` stands for.
pub(crate) fn network(report: &mut Report, span: &Span, text: &str) -> Option<IpNet> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.into());
    }
    let Ok(network) = text.parse::<IpNet>() else {
        report
            .error(
                span,
                format!(
                    "`{}` is neither an address nor a network",
                    text.escape_debug()
                ),
            )
            .help("write \"10.20.0.7\", \"10.20.0.0/16\" or \"fd00:20::/48\"");
        return None;
    };
    if network.trunc() != network {
        report
            .error(span, format!("`{network}` has bits set beyond its prefix"))
            .help(format!("write `{}` for the network", network.trunc()))
            .help(format!("write `{}` for the one address", network.addr()));
        return None;
    }
    Some(network)
}
