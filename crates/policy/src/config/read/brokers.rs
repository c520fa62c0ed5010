//! `[mqtt] brokers`: which addresses are one broker.

use std::net::{IpAddr, SocketAddr};

use super::super::Services;
use super::super::brokers::{Brokers, Door};
use crate::address;
use crate::read::{Node, Table};
use crate::report::{Report, Span};

pub(super) fn mqtt(
    report: &mut Report,
    table: &mut Table<'_>,
    services: &Services,
    brokers: &mut Brokers,
) {
    let Some(node) = table.optional("brokers") else {
        return;
    };
    let mut used: Vec<(Door, Span)> = Vec::new();
    for broker in node.array(report) {
        let doors = doors(report, &broker, services, &mut used);
        brokers.add(&doors);
    }
}

/// The doors of one broker that no other has.
fn doors(
    report: &mut Report,
    broker: &Node<'_>,
    services: &Services,
    used: &mut Vec<(Door, Span)>,
) -> Vec<Door> {
    let mut doors = Vec::new();
    if !broker.is_array() {
        report
            .error(broker.span(), "a broker is a list of its addresses")
            .help("write [[\"10.77.0.2\", \"fd77::2\"]] for one broker of two addresses");
        return doors;
    }
    let entries = broker.list();
    for entry in &entries {
        let text = entry.string(report);
        let Some(door) = text.and_then(|text| door(report, entry.span(), text, services)) else {
            continue;
        };
        if let Some((_, first)) = used.iter().find(|(named, _)| *named == door) {
            report
                .error(entry.span(), format!("`{}` is named twice", shown(door)))
                .related(first, "first named here");
            continue;
        }
        used.push((door, entry.span().clone()));
        doors.push(door);
    }
    match doors[..] {
        [] if entries.is_empty() => {
            report.warning(broker.span(), "this broker has no address");
        }
        [(address, 0)] if entries.len() == 1 => {
            report
                .warning(
                    broker.span(),
                    format!("`{address}` is one broker in any case"),
                )
                .help("name its other addresses beside it, or leave it out");
        }
        _ => {}
    }
    doors
}

/// An address, or one of its ports.
fn door(report: &mut Report, span: &Span, text: &str, services: &Services) -> Option<Door> {
    let door = match (text.parse::<IpAddr>(), text.parse::<SocketAddr>()) {
        (Ok(address), _) => (address, 0),
        (_, Ok(socket)) if socket.port() != 0 => (socket.ip(), socket.port()),
        _ => {
            report
                .error(
                    span,
                    format!("`{}` isn't a broker's address", text.escape_debug()),
                )
                .help(
                    "write \"10.77.0.2\" or \"fd77::2\"; \"10.77.0.2:1884\" is one port of it only",
                );
            return None;
        }
    };
    let (address, port) = (address::host(report, span, door.0), door.1);
    let is_mqtt = services.mqtt.contains(&port) || services.mqtts.contains(&port);
    if port != 0 && !is_mqtt {
        report.warning(span, format!("port {port} belongs to no service of MQTT"));
    }
    Some((address, port))
}

fn shown((address, port): Door) -> String {
    match port {
        0 => address.to_string(),
        _ => SocketAddr::new(address, port).to_string(),
    }
}
