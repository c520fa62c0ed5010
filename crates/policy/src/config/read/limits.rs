//! `[limits]` and `[budget]`.

use std::time::Duration;

use super::{MAX_TIME, choose};
use crate::config::{Budget, Exception, Limits};
use crate::read::Table;
use crate::report::Report;

pub(super) fn limits(report: &mut Report, table: &mut Table<'_>, limits: &mut Limits) {
    const ENTRIES: u64 = 1 << 26;
    const BYTES: u64 = 1 << 40;
    let counts: [(&'static str, u64, u64, &mut usize); 20] = [
        ("flows", 1, ENTRIES, &mut limits.flows),
        ("half_open", 1, ENTRIES, &mut limits.half_open),
        ("held_bytes", 0, BYTES, &mut limits.held_bytes),
        (
            "held_bytes_per_flow",
            0,
            1 << 30,
            &mut limits.held_bytes_per_flow,
        ),
        (
            "held_segments_per_flow",
            0,
            1 << 16,
            &mut limits.held_segments_per_flow,
        ),
        (
            "unacked_bytes_per_flow",
            1 << 12,
            1 << 30,
            &mut limits.unacked_bytes_per_flow,
        ),
        (
            "unacked_common_bytes",
            0,
            1 << 40,
            &mut limits.unacked_common_bytes,
        ),
        ("partial_bytes", 64, 268_435_460, &mut limits.partial_bytes),
        (
            "partial_common_bytes",
            0,
            1 << 40,
            &mut limits.partial_common_bytes,
        ),
        (
            "mqtt_packet_bytes",
            2,
            268_435_460,
            &mut limits.mqtt_packet_bytes,
        ),
        ("in_flight", 1, 65_535, &mut limits.in_flight),
        (
            "subscription_bytes",
            0,
            1 << 20,
            &mut limits.subscription_bytes,
        ),
        (
            "topic_alias_bytes",
            0,
            1 << 30,
            &mut limits.topic_alias_bytes,
        ),
        (
            "topic_alias_common_bytes",
            0,
            1 << 40,
            &mut limits.topic_alias_common_bytes,
        ),
        (
            "coap_message_bytes",
            4,
            65_535,
            &mut limits.coap_message_bytes,
        ),
        (
            "coap_tcp_message_bytes",
            2,
            1 << 32,
            &mut limits.coap_tcp_message_bytes,
        ),
        ("endpoints", 1, ENTRIES, &mut limits.endpoints),
        ("exchanges", 1, ENTRIES, &mut limits.exchanges),
        ("clients", 1, ENTRIES, &mut limits.clients),
        ("meters", 1, ENTRIES, &mut limits.meters),
    ];
    for (key, least, most, value) in counts {
        let node = table.optional(key);
        if let Some(number) = node.and_then(|node| node.integer(report, least..=most)) {
            *value = usize::try_from(number).unwrap_or(usize::MAX);
        }
    }
    let least = Duration::from_millis(1);
    for (key, value) in [
        ("half_open_timeout", &mut limits.half_open_timeout),
        ("idle_timeout", &mut limits.idle_timeout),
        ("linger_timeout", &mut limits.linger_timeout),
        ("midstream_grace", &mut limits.midstream_grace),
        ("tcp_midstream_grace", &mut limits.tcp_midstream_grace),
        ("connect_timeout", &mut limits.connect_timeout),
        ("packet_timeout", &mut limits.packet_timeout),
    ] {
        let node = table.optional(key);
        if let Some(time) = node.and_then(|node| node.duration(report, least..=MAX_TIME)) {
            *value = time;
        }
    }
    let exceptions = [("drop", Exception::Drop), ("bypass", Exception::Bypass)];
    choose(
        report,
        table,
        "exception",
        &exceptions,
        &mut limits.exception,
    );
}

pub(super) fn budget(report: &mut Report, table: &mut Table<'_>, budget: &mut Budget) {
    const RATE_MIN: u64 = 100;
    const RATE_MAX: u64 = 10_000_000;
    for (key, rate) in [
        ("tcp_packets_per_second", &mut budget.tcp_packets_per_second),
        ("udp_packets_per_second", &mut budget.udp_packets_per_second),
        (
            "coap_responses_per_second",
            &mut budget.coap_responses_per_second,
        ),
    ] {
        let Some(node) = table.optional(key) else {
            continue;
        };
        let Some(number) = node.integer(report, 0..=RATE_MAX) else {
            continue;
        };
        if (1..RATE_MIN).contains(&number) {
            report
                .error(
                    node.span(),
                    format!("a budget has at least {RATE_MIN} packets a second"),
                )
                .help("0 stands for no budget");
            continue;
        }
        *rate = number;
    }
    let (least, most) = (Duration::from_millis(100), Duration::from_secs(60));
    let burst = table.optional("burst");
    if let Some(time) = burst.and_then(|node| node.duration(report, least..=most)) {
        budget.burst = time;
    }
}
