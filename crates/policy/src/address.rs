//! Addresses, networks and the names of zones.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use crate::report::{Report, Span};

/// The zones that always exist: the sides of the link.
pub(crate) const SIDES: [&str; 2] = ["inside", "outside"];

/// Whether `name` may name a zone: not an address, and nothing with a meaning of its own.
pub(crate) fn is_zone_name(name: &str) -> bool {
    let rest = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic()) && name.bytes().all(rest)
}

/// The IPv4 network that an IPv4-mapped one stands for (RFC 4291 §2.5.5.2), or else the network as it is:
/// programs that listen for both families write addresses so, and no frame bears one.
#[must_use]
pub fn unmapped(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else {
        return network;
    };
    let (address, len) = (v6.addr().to_ipv4_mapped(), v6.prefix_len().checked_sub(96));
    let v4 = address
        .zip(len)
        .map(|(address, len)| Ipv4Net::new(address, len));
    v4.and_then(Result::ok).map_or(network, IpNet::V4)
}

/// The network or address `text` stands for.
pub(crate) fn network(report: &mut Report, span: &Span, text: &str) -> Option<IpNet> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(borne(report, span, address.into()));
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
    Some(borne(report, span, network))
}

/// The address that frames can be from.
pub(crate) fn host(report: &mut Report, span: &Span, address: IpAddr) -> IpAddr {
    borne(report, span, address.into()).addr()
}

/// The network that frames can be from.
fn borne(report: &mut Report, span: &Span, network: IpNet) -> IpNet {
    let plain = unmapped(network);
    if plain != network {
        let shown = match plain.prefix_len() == plain.max_prefix_len() {
            true => plain.addr().to_string(),
            false => plain.to_string(),
        };
        let message = format!("no frame bears an IPv4-mapped address: it is taken for {shown}");
        report.warning(span, message);
    }
    plain
}
