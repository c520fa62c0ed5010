//! Below the table: the metrics endpoint's main figures, and how to look further.

use super::scene::Scene;
use super::table::{Line, Look};
use crate::netns::peers::{Gateway, Metrics};
use crate::netns::{Family, Host};

/// The main figures of a scrape.
pub(super) fn lines(metrics: &Metrics) -> Vec<Line> {
    let split = |name: &str, label: &str| {
        let parts: Vec<String> = metrics
            .by_label(name, label)
            .into_iter()
            .filter(|(_, count)| *count > 0.0)
            .map(|(value, count)| format!("{value} {count}"))
            .collect();
        parts.join(" · ")
    };
    let inspected = metrics.sum("weir_inspection_seconds_count", &[]);
    let mean_us = metrics.sum("weir_inspection_seconds_sum", &[]) / inspected.max(1.0) * 1e6;
    let figures = [
        ("in the kernel", split("weir_xdp_frames_total", "outcome")),
        ("inspected", split("weir_frames_total", "verdict")),
        ("messages", split("weir_messages_total", "protocol")),
        ("reasons", split("weir_reasons_total", "reason")),
        ("rules", split("weir_rule_matches_total", "rule")),
        ("bans", metrics.sum("weir_bans", &[]).to_string()),
        (
            "sessions",
            metrics.sum("weir_sessions_opened_total", &[]).to_string(),
        ),
        (
            "time",
            format!("{mean_us:.2} µs a frame in the inspector, on average"),
        ),
    ];
    let title = format!("  FIGURES from {}", Gateway::metrics_url());
    let mut lines = vec![Line::new(Look::Strong, title)];
    lines.extend(figures.map(|(name, text)| entry(name, &text)));
    lines
}

/// What to type to look around.
pub(super) fn exploring(scene: &Scene, gateway: &Gateway<'_>) -> Vec<Line> {
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
        ("frames", format!("{inside} tcpdump -ni inside")),
        (
            "a device",
            format!("{devices} mosquitto_sub -h {server} -t 'plant/#' -v"),
        ),
        ("an attacker", format!("{attacker} bash")),
        (
            "rules",
            format!(
                "edit {}, then kill -HUP {}",
                rules.display(),
                gateway.process().id()
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

fn entry(name: &str, text: &str) -> Line {
    Line::new(Look::Dim, format!("  {name:<14} ")).then(Look::Plain, text)
}
