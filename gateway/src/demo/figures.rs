//! Below the table: the metrics endpoint's main figures, and how to look further.

use std::net::IpAddr;

use super::scene::Scene;
use super::table::{Line, Look};
use crate::netns::peers::{Gateway, Metrics, is_installed};
use crate::netns::{Family, Host, INTERFACE};

/// The main figures of a scrape, in lines of at most `width` columns.
pub(super) fn lines(metrics: &Metrics, width: usize) -> Vec<Line> {
    let inspected = metrics.sum("weir_inspection_seconds_count", &[]);
    let mean_us = metrics.sum("weir_inspection_seconds_sum", &[]) / inspected.max(1.0) * 1e6;
    let single = |name: &str| vec![metrics.sum(name, &[]).to_string()];
    let split = |name: &str, label: &str| {
        let parts = metrics.by_label(name, label).into_iter();
        parts
            .filter(|(_, count)| *count > 0.0)
            .map(|(value, count)| format!("{value} {count}"))
            .collect::<Vec<String>>()
    };
    let figures = [
        ("XDP program", split("weir_xdp_frames_total", "outcome")),
        ("inspector", split("weir_frames_total", "verdict")),
        ("messages", split("weir_messages_total", "protocol")),
        ("sessions", single("weir_sessions_opened_total")),
        ("reasons", split("weir_reasons_total", "reason")),
        ("rules", split("weir_rule_matches_total", "rule")),
        ("banned", single("weir_bans")),
        (
            "cost",
            vec![format!("{mean_us:.2} µs a frame in the inspector")],
        ),
    ];
    let title = format!("  FIGURES from {}", Gateway::metrics_url());
    let mut lines = vec![Line::new(Look::Strong, title)];
    for (name, parts) in figures {
        let mut name = name;
        for text in wrap(&parts, width - ENTRY_INDENT) {
            lines.push(entry(name, &text));
            name = "";
        }
    }
    lines
}

/// Joins `parts` to lines of at most `width` columns; none of them is torn apart.
fn wrap(parts: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 3 + part.chars().count() <= width => {
                line.push_str(" · ");
                line.push_str(part);
            }
            _ => lines.push(part.clone()),
        }
    }
    if lines.is_empty() {
        lines.push("none".into());
    }
    lines
}

/// What to type to look around.
pub(super) fn exploring(scene: &Scene, gateway: &Gateway<'_>, attacking: IpAddr) -> Vec<Line> {
    let enter = |namespace: &str| format!("nsenter --net=/run/netns/{namespace}");
    let inside = enter(scene.topology.gateway().name());
    let devices = enter(scene.host(Host::Devices).name());
    let attacker = enter(scene.host(Host::Attacker).name());
    let server = scene.broker.address(Family::V4);
    let rules = Gateway::rules(&scene.topology);
    let entries = [
        (
            "figures",
            format!("{inside} curl -s {}", Gateway::metrics_url()),
        ),
        (
            "events",
            format!("tail -f {}", gateway.events_file().display()),
        ),
        ("frames", format!("{devices} {}", capture())),
        (
            "a device",
            format!("{devices} mosquitto_sub -h {server} -t 'plant/#' -v"),
        ),
        (
            "an attacker",
            format!(
                "{attacker} bash    # from {attacking}: other addresses of his are banned by now"
            ),
        ),
        (
            "rules",
            format!("edit {}: in force within seconds", rules.display()),
        ),
        (
            "control",
            format!(
                "{} ctl --socket {} status",
                own_path(),
                Gateway::socket(&scene.topology).display()
            ),
        ),
        (
            "logs",
            format!("ls {}", scene.topology.state().dir().display()),
        ),
    ];
    let mut lines = vec![
        Line::default(),
        Line::new(
            Look::Strong,
            "  STILL RUNNING; Ctrl-C ends it and removes everything",
        ),
    ];
    lines.extend(entries.map(|(name, text)| entry(name, &text)));
    lines
}

/// What shows frames at a host: the gateway's own ports show none, since XDP takes them before anybody
/// can look.
fn capture() -> String {
    match is_installed("tcpdump") {
        true => format!("tcpdump -ni {INTERFACE}"),
        false => format!("ip -s link show dev {INTERFACE}    # tcpdump isn't installed"),
    }
}

/// Columns before the text of an entry.
const ENTRY_INDENT: usize = 17;

fn entry(name: &str, text: &str) -> Line {
    Line::new(Look::Dim, format!("  {name:<14} ")).then(Look::Plain, text)
}

/// This program as it can be started again.
pub(super) fn own_path() -> String {
    let path = std::env::current_exe();
    path.map_or("weir".to_owned(), |path| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_go_on_in_the_next_line() {
        let parts = ["accept 566", "reset 6", "drop 1"].map(str::to_owned);
        assert_eq!(wrap(&parts, 20), ["accept 566 · reset 6", "drop 1"]);
        assert_eq!(wrap(&parts, 5), parts);
        assert_eq!(wrap(&[], 20), ["none"]);
    }

    #[test]
    fn figures_are_those_of_the_scrape() {
        let metrics = Metrics::parse(
            "weir_frames_total{verdict=\"accept\"} 7\n\
             weir_frames_total{verdict=\"reset\"} 2\n\
             weir_inspection_seconds_sum 0.00003\n\
             weir_inspection_seconds_count 10\n",
        );
        let lines: Vec<String> = lines(&metrics, 80)
            .iter()
            .map(|line| line.render(false))
            .collect();
        assert!(lines.contains(&"  inspector      accept 7 · reset 2".to_owned()));
        assert!(lines.contains(&"  cost           3.00 µs a frame in the inspector".to_owned()));
        assert!(lines.contains(&"  reasons        none".to_owned()));
    }
}
