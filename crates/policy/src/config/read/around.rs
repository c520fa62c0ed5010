//! Sections about what surrounds the rules: the data plane, and what the gateway tells and is asked.

use std::time::Duration;

use super::super::{Control, Dataplane, Events, Log, LogFormat, Metrics, XdpMode};
use super::{choose, integer};
use crate::read::Table;
use crate::report::Report;

/// The kernel's `sun_path` without the closing zero.
const SOCKET_PATH_MAX: usize = 107;

pub(super) fn dataplane(report: &mut Report, table: &mut Table<'_>, dataplane: &mut Dataplane) {
    let modes = [
        ("auto", XdpMode::Auto),
        ("native", XdpMode::Native),
        ("generic", XdpMode::Generic),
    ];
    choose(report, table, "mode", &modes, &mut dataplane.mode);
    if let Some(us) = integer(report, table, "busy_poll_us", 0, 1_000_000) {
        dataplane.busy_poll = Duration::from_micros(us);
    }
    if let Some(ms) = integer(report, table, "heartbeat_ms", 1, 1_000) {
        dataplane.heartbeat = Duration::from_millis(ms);
    }
    if let Some(node) = table.optional("ring_size")
        && let Some(size) = node.integer(report, 64..=32_768)
    {
        if size.is_power_of_two() {
            dataplane.ring_size = u32::try_from(size).expect("checked to be small");
        } else {
            let near = size.next_power_of_two();
            report
                .error(node.span(), "a ring's size has to be a power of two")
                .help(format!("write {} or {near}", near / 2));
        }
    }
    if let Some(node) = table.optional("pin_dir")
        && let Some(dir) = node.string(report)
    {
        if dir.starts_with('/') {
            dataplane.pin_dir = dir.to_owned();
        } else {
            report
                .error(node.span(), "the directory has to be an absolute path")
                .help("it has to lie on a BPF file system, as /sys/fs/bpf/weir does");
        }
    }
}

pub(super) fn metrics(report: &mut Report, table: &mut Table<'_>, metrics: &mut Metrics) {
    let Some(node) = table.optional("listen") else {
        return;
    };
    let Some(text) = node.string(report) else {
        return;
    };
    match text.parse() {
        Ok(address) => metrics.listen = Some(address),
        Err(_) => {
            report
                .error(
                    node.span(),
                    format!("`{}` isn't an address with a port", text.escape_debug()),
                )
                .help("write \"127.0.0.1:9683\" or \"[::1]:9683\"");
        }
    }
}

pub(super) fn events(report: &mut Report, table: &mut Table<'_>, events: &mut Events) {
    if let Some(node) = table.optional("file")
        && let Some(file) = node.string(report)
    {
        if file.is_empty() {
            report.error(node.span(), "the file's name is empty");
        } else {
            events.file = Some(file.to_owned());
        }
    }
}

pub(super) fn control(report: &mut Report, table: &mut Table<'_>, control: &mut Control) {
    if let Some(node) = table.optional("socket")
        && let Some(path) = node.string(report)
    {
        if path.starts_with('/') && path.len() <= SOCKET_PATH_MAX {
            control.socket = Some(path.to_owned());
        } else {
            report
                .error(
                    node.span(),
                    format!(
                        "the socket has to be an absolute path of at most {SOCKET_PATH_MAX} bytes"
                    ),
                )
                .help("write \"/run/weir/control.sock\"");
        }
    }
    if let Some(follow) = table
        .optional("follow_files")
        .and_then(|node| node.boolean(report))
    {
        control.follow_files = follow;
    }
}

pub(super) fn log(report: &mut Report, table: &mut Table<'_>, log: &mut Log) {
    let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
    choose(report, table, "format", &formats, &mut log.format);
    if let Some(level) = table.optional("level").and_then(|node| node.string(report)) {
        log.level = level.to_owned();
    }
}
