//! Who speaks in a case, and to whom.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::address;
use crate::read::Node;
use crate::report::Report;

const MAX_ADDRESSES: usize = 16;

/// The clients' addresses, as `from` gives them.
pub(super) struct Clients {
    addresses: Vec<IpAddr>,
    /// Where those beyond come from, each from an address of its own.
    network: Option<IpNet>,
}

/// What `from` says: an address, or a list of them, of which a network may be the last.
pub(super) fn clients(report: &mut Report, node: &Node<'_>) -> Option<Clients> {
    let mut entries = node.list();
    if !(1..=MAX_ADDRESSES).contains(&entries.len()) {
        let message = format!("clients have 1 to {MAX_ADDRESSES} addresses");
        report.error(node.span(), message);
        return None;
    }
    let last = entries.pop_if(|last| last.as_str().is_some_and(|text| text.contains('/')));
    let network = match last {
        Some(last) => Some(network(report, &last)?),
        None => None,
    };
    let addresses: Vec<_> = entries.iter().map(|entry| host(report, entry)).collect();
    let addresses = addresses.into_iter().collect::<Option<_>>()?;
    Some(Clients { addresses, network })
}

fn network(report: &mut Report, node: &Node<'_>) -> Option<IpNet> {
    let text = node.string(report)?;
    address::network(report, node.span(), text)
}

impl Clients {
    /// As many of them as there are clients; those beyond the last share that.
    pub(super) fn addresses(
        self,
        report: &mut Report,
        node: &Node<'_>,
        clients: u16,
    ) -> Option<Vec<IpAddr>> {
        let mut addresses = self.addresses;
        let Some(network) = self.network else {
            return Some(addresses);
        };
        let beyond = usize::from(clients).saturating_sub(addresses.len()).max(1);
        for n in 1..=beyond {
            let Some(address) = nth(network, n) else {
                let message = format!("`{network}` has no {beyond} addresses for clients");
                report.error(node.span(), message);
                return None;
            };
            addresses.push(address);
        }
        Some(addresses)
    }
}

/// The address with this number in a network.
fn nth(network: IpNet, n: usize) -> Option<IpAddr> {
    let n = u32::try_from(n).ok()?;
    let address = match network {
        IpNet::V4(v4) => Ipv4Addr::from(u32::from(v4.network()).checked_add(n)?).into(),
        IpNet::V6(v6) => Ipv6Addr::from(u128::from(v6.network()).checked_add(n.into())?).into(),
    };
    network.contains(&address).then_some(address)
}

/// One address.
pub(super) fn host(report: &mut Report, node: &Node<'_>) -> Option<IpAddr> {
    let text = node.string(report)?;
    let address = text.parse().ok();
    if address.is_none() {
        let message = format!("`{}` isn't an address", text.escape_debug());
        let finding = report.error(node.span(), message);
        if text.parse::<IpNet>().is_ok() {
            finding.help(
                "a network is the last in `from`: it has an address for each client from there on",
            );
        }
    }
    address
}

/// What is given, if it could be read, and where it stands.
pub(super) type Given<'a, T> = Option<(Option<T>, Node<'a>)>;

/// Both ends: documentation addresses (RFC 5737, RFC 3849) where none is given.
pub(super) fn endpoints(
    report: &mut Report,
    from: Given<'_, Vec<IpAddr>>,
    to: Given<'_, IpAddr>,
) -> Option<(Vec<IpAddr>, IpAddr)> {
    let from_addresses = match &from {
        Some((addresses, _)) => Some(addresses.clone()?),
        None => None,
    };
    let to_address = match &to {
        Some((address, _)) => Some((*address)?),
        None => None,
    };
    let is_ipv6 = to_address
        .or(from_addresses.as_ref().and_then(|all| all.first().copied()))
        .is_some_and(|address| address.is_ipv6());
    let from_addresses = from_addresses.unwrap_or_else(|| vec![documentation(is_ipv6, false)]);
    let to_address = to_address.unwrap_or_else(|| documentation(is_ipv6, true));
    if from_addresses.iter().all(|from| from.is_ipv6() == is_ipv6) {
        return Some((from_addresses, to_address));
    }
    match (from, to) {
        (Some((_, from)), Some((_, to))) => {
            report
                .error(to.span(), "both ends have to be of one address family")
                .related(from.span(), "the other end");
        }
        (Some((_, from)), None) => {
            report.error(from.span(), "all clients have to be of one address family");
        }
        (None, _) => {}
    }
    None
}

fn documentation(v6: bool, server: bool) -> IpAddr {
    let last = if server { 200 } else { 7 };
    match v6 {
        true => IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]),
        false => IpAddr::from([192, 0, 2, last as u8]),
    }
}
