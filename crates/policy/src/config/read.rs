//! Reading the configuration file, key by key.

mod around;
mod brokers;
mod limits;
mod zones;

use std::collections::BTreeMap;
use std::time::Duration;

use ipnet::IpNet;

use limits::{budget, limits};
pub(crate) use zones::zones;

use super::{
    Block, Config, DefaultAction, Exempted, Fragments, Link, Mark, Midstream, Mode, NamedFile,
    OnFailure, Services,
};
use crate::address;
use crate::read::{Document, Node, Table};
use crate::report::{Report, Span};
use crate::suggest::one_of;
use crate::{Diagnostics, SourceText};

/// The kernel's IFNAMSIZ without the closing zero.
const MAX_INTERFACE_BYTES: usize = 15;
const MAX_TIME: Duration = Duration::from_secs(30 * 86_400);

impl Config {
    /// Reads a configuration as far as it can be understood, and says everything about it.
    #[must_use]
    pub fn check(source: &SourceText) -> (Self, Diagnostics) {
        let mut report = Report::default();
        let document = Document::parse(&mut report, source);
        let config = config(&mut report, document.table());
        (config, report.finish())
    }
}

fn config(report: &mut Report, mut file: Table<'_>) -> Config {
    let mut config = Config::default();
    let modes = [("enforce", Mode::Enforce), ("monitor", Mode::Monitor)];
    let fallbacks = [("open", OnFailure::Open), ("closed", OnFailure::Closed)];
    choose(report, &mut file, "mode", &modes, &mut config.mode);
    choose(
        report,
        &mut file,
        "on_failure",
        &fallbacks,
        &mut config.on_failure,
    );
    if let Some(node) = file.optional("link") {
        config.links = links(report, &node);
    }
    if let Some(node) = file.optional("zones") {
        for zone in zones(report, &node) {
            let mark = Mark::new(report, &zone.span);
            config.zone_marks.insert(zone.name.clone(), mark);
            config.zones.insert(zone.name, zone.networks);
        }
    }
    section(
        report,
        &mut file,
        "services",
        "[services]",
        |report, table| {
            services(report, table, &mut config.services);
        },
    );
    section(report, &mut file, "policy", "[policy]", |report, table| {
        policy(report, table, &mut config);
    });
    section(report, &mut file, "tls", "[tls]", |report, table| {
        config.tls_required_from = required_from(report, table, &config.zones);
    });
    section(report, &mut file, "mqtt", "[mqtt]", |report, table| {
        brokers::mqtt(report, table, &config.services, &mut config.brokers);
    });
    section(report, &mut file, "tcp", "[tcp]", |report, table| {
        let choices = [
            ("accept", Midstream::Accept),
            ("reset", Midstream::Reset),
            ("bypass", Midstream::Bypass),
        ];
        choose(report, table, "midstream", &choices, &mut config.midstream);
    });
    section(report, &mut file, "ip", "[ip]", |report, table| {
        let choices = [("drop", Fragments::Drop), ("forward", Fragments::Forward)];
        choose(report, table, "fragments", &choices, &mut config.fragments);
    });
    section(report, &mut file, "limits", "[limits]", |report, table| {
        limits(report, table, &mut config.limits);
    });
    section(report, &mut file, "budget", "[budget]", |report, table| {
        budget(report, table, &mut config.budget);
    });
    section(report, &mut file, "block", "[block]", |report, table| {
        block(report, table, &mut config.block);
    });
    section(
        report,
        &mut file,
        "dataplane",
        "[dataplane]",
        |report, table| {
            around::dataplane(report, table, &mut config.dataplane);
        },
    );
    section(
        report,
        &mut file,
        "metrics",
        "[metrics]",
        |report, table| {
            around::metrics(report, table, &mut config.metrics);
        },
    );
    section(report, &mut file, "events", "[events]", |report, table| {
        around::events(report, table, &mut config.events);
    });
    section(
        report,
        &mut file,
        "control",
        "[control]",
        |report, table| {
            around::control(report, table, &mut config.control);
        },
    );
    section(report, &mut file, "log", "[log]", |report, table| {
        around::log(report, table, &mut config.log);
    });
    refuse_rules(report, &mut file);
    file.finish(report);
    config
}

/// Rules in the configuration itself are a mistake that deserves better than "no such key".
fn refuse_rules(report: &mut Report, file: &mut Table<'_>) {
    for key in ["rule", "case"] {
        if let Some(node) = file.hidden(key) {
            report
                .error(
                    node.key_span(),
                    format!("[[{key}]] doesn't stand in the configuration"),
                )
                .help("write it in a file of its own and name that in `packs` of [policy]: a table such as that makes this file a configuration");
        }
    }
}

fn links(report: &mut Report, node: &Node<'_>) -> Vec<Link> {
    let mut used: Vec<(String, Span)> = Vec::new();
    let mut links = Vec::new();
    for mut table in node.tables(report, "[[link]]") {
        let inside = table.required(report, "inside");
        let outside = table.required(report, "outside");
        let inside = inside.and_then(|node| interface(report, &node, &mut used));
        let outside = outside.and_then(|node| interface(report, &node, &mut used));
        table.finish(report);
        if let (Some(inside), Some(outside)) = (inside, outside) {
            links.push(Link { inside, outside });
        }
    }
    links
}

/// The name of an interface that no other end of a link uses.
fn interface(
    report: &mut Report,
    node: &Node<'_>,
    used: &mut Vec<(String, Span)>,
) -> Option<String> {
    let name = node.string(report)?;
    let fits = (1..=MAX_INTERFACE_BYTES).contains(&name.len());
    let plain = name.bytes().all(|b| b.is_ascii_graphic() && b != b'/');
    if !fits || !plain || name == "." || name == ".." {
        report
            .error(
                node.span(),
                format!("`{}` can't be an interface's name", name.escape_debug()),
            )
            .help("a name has 1 to 15 characters, without spaces and slashes");
        return None;
    }
    if name == "host" {
        report
            .error(node.span(), "each end of a link has to be an interface")
            .help("this router's own stack can't be an end: name the interface that leads there");
        return None;
    }
    if name == "lo" {
        report
            .error(
                node.span(),
                "nothing but this machine's own traffic is on `lo`",
            )
            .help("name the interface that a cable, a bridge or a veth is behind");
        return None;
    }
    if let Some((_, first)) = used.iter().find(|(n, _)| n == name) {
        report
            .error(
                node.span(),
                format!("the interface `{name}` is already an end of a link"),
            )
            .related(first, "first used here");
        return None;
    }
    used.push((name.to_owned(), node.span().clone()));
    Some(name.to_owned())
}

fn services(report: &mut Report, table: &mut Table<'_>, services: &mut Services) {
    // The port, its service and its place; TCP and UDP ports don't collide.
    let mut used: [Vec<(u16, &str, Span)>; 2] = [Vec::new(), Vec::new()];
    let entries: [(&'static str, usize, &mut Vec<u16>); 5] = [
        ("mqtt", 0, &mut services.mqtt),
        ("mqtts", 0, &mut services.mqtts),
        ("coap", 1, &mut services.coap),
        ("coaps", 1, &mut services.coaps),
        ("coap-tcp", 0, &mut services.coap_tcp),
    ];
    let given: Vec<_> = entries
        .into_iter()
        .map(|(name, transport, ports)| (name, transport, table.optional(name), ports))
        .collect();
    for (name, transport, node, ports) in given {
        let Some(node) = node else {
            // A default is taken back where another service was given its port.
            let taken = |port: &u16| used[transport].iter().any(|(p, ..)| p == port);
            ports.retain(|port| !taken(port));
            continue;
        };
        ports.clear();
        for entry in node.array(report) {
            let Some(port) = entry.integer(report, 1..=65_535) else {
                continue;
            };
            let port = u16::try_from(port).expect("checked to be a port");
            let used = &mut used[transport];
            if let Some((_, other, first)) = used.iter().find(|(p, ..)| *p == port) {
                report
                    .error(
                        entry.span(),
                        format!("port {port} already belongs to `{other}`"),
                    )
                    .related(first, "first used here");
                continue;
            }
            used.push((port, name, entry.span().clone()));
            ports.push(port);
        }
    }
}

fn policy(report: &mut Report, table: &mut Table<'_>, config: &mut Config) {
    let defaults = [
        ("accept", DefaultAction::Accept),
        ("drop", DefaultAction::Drop),
        ("reset", DefaultAction::Reset),
    ];
    choose(report, table, "default", &defaults, &mut config.default);
    config.exempted = Exempted::read(report, table);
    let Some(node) = table.optional("packs") else {
        return;
    };
    for entry in node.array(report) {
        let Some(pack) = entry.string(report) else {
            continue;
        };
        if pack.is_empty() {
            report.error(entry.span(), "a pack is named by its file");
        } else if config.packs.iter().any(|p| p.name == pack) {
            report.error(entry.span(), format!("the pack `{pack}` is named twice"));
        } else {
            config
                .packs
                .push(NamedFile::new(report, entry.span(), pack));
        }
    }
}

fn required_from(
    report: &mut Report,
    table: &mut Table<'_>,
    zones: &BTreeMap<String, Vec<IpNet>>,
) -> Vec<String> {
    let mut names = Vec::new();
    let Some(node) = table.optional("required_from") else {
        return names;
    };
    for entry in node.array(report) {
        let Some(name) = entry.string(report) else {
            continue;
        };
        if zones.contains_key(name) || address::SIDES.contains(&name) {
            names.push(name.to_owned());
            continue;
        }
        let known: Vec<&str> = address::SIDES
            .into_iter()
            .chain(zones.keys().map(String::as_str))
            .collect();
        report
            .error(
                entry.span(),
                format!("there is no zone `{}`", name.escape_debug()),
            )
            .did_you_mean(name, known.iter().copied(), || {
                Some(format!("the zones are {}", one_of(&known)))
            });
    }
    names
}

fn block(report: &mut Report, table: &mut Table<'_>, block: &mut Block) {
    if let Some(node) = table.optional("files") {
        for entry in node.array(report) {
            let Some(file) = entry.string(report) else {
                continue;
            };
            if file.is_empty() {
                report.error(entry.span(), "the file's name is empty");
            } else if block.files.iter().any(|named| named.name == file) {
                report.error(entry.span(), format!("the list `{file}` is named twice"));
            } else {
                block.files.push(NamedFile::new(report, entry.span(), file));
            }
        }
    }
    if let Some(node) = table.optional("never") {
        for entry in node.array(report) {
            let text = entry.string(report);
            let network = text.and_then(|text| address::network(report, entry.span(), text));
            block.never.extend(network);
        }
    }
}

/// Reads `[key]` and reports what it has too much.
fn section(
    report: &mut Report,
    file: &mut Table<'_>,
    key: &'static str,
    header: &'static str,
    read: impl FnOnce(&mut Report, &mut Table<'_>),
) {
    if let Some(mut table) = file
        .optional(key)
        .and_then(|node| node.table(report, header))
    {
        read(report, &mut table);
        table.finish(report);
    }
}

fn choose<T: Copy>(
    report: &mut Report,
    table: &mut Table<'_>,
    key: &'static str,
    choices: &[(&str, T)],
    value: &mut T,
) {
    if let Some(chosen) = table
        .optional(key)
        .and_then(|node| node.choice(report, choices))
    {
        *value = chosen;
    }
}

fn integer(
    report: &mut Report,
    table: &mut Table<'_>,
    key: &'static str,
    least: u64,
    most: u64,
) -> Option<u64> {
    let node = table.optional(key)?;
    node.integer(report, least..=most)
}
