//! `[zones]`: sets of addresses by name.

use ipnet::IpNet;

use crate::address;
use crate::read::Node;
use crate::report::{Report, Span};

/// A zone and where it is named.
pub(crate) struct Zone {
    pub(crate) name: String,
    pub(crate) networks: Vec<IpNet>,
    pub(crate) span: Span,
}

/// `[zones]`, of a configuration or of a pack.
pub(crate) fn zones(report: &mut Report, node: &Node<'_>) -> Vec<Zone> {
    let mut zones = Vec::new();
    let Some(table) = node.table(report, "[zones]") else {
        return zones;
    };
    for (name, node) in table.entries() {
        if !address::is_zone_name(name) {
            report
                .error(
                    node.key_span(),
                    format!("`{}` can't be a zone's name", name.escape_debug()),
                )
                .help("a name begins with a letter and goes on with letters, digits, `-` and `_`");
            continue;
        }
        if address::SIDES.contains(&name) {
            report
                .error(node.key_span(), format!("the zone `{name}` always exists"))
                .help("it holds everything on that side of the link: choose another name");
            continue;
        }
        let entries = node.array(report);
        let networks: Vec<IpNet> = entries
            .iter()
            .filter_map(|entry| {
                let text = entry.string(report)?;
                address::network(report, entry.span(), text)
            })
            .collect();
        if entries.is_empty() {
            report.warning(node.span(), format!("the zone `{name}` holds no address"));
        }
        zones.push(Zone {
            name: name.to_owned(),
            networks,
            span: node.key_span().clone(),
        });
    }
    zones
}
