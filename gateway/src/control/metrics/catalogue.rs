//! Every metric there is. docs/metrics.md has a row for each, and a test compares the two.

use super::family::Spec;

pub(super) const BUILD_INFO: Spec = Spec::gauge(
    "weir_build_info",
    &["version", "commit"],
    "Always 1; the labels say which build runs.",
);
pub(super) const START_TIME: Spec = Spec::gauge(
    "weir_start_time_seconds",
    &[],
    "When the gateway was started, in seconds since the Unix epoch.",
);
pub(super) const MODE: Spec = Spec::gauge(
    "weir_mode",
    &["mode"],
    "1 for the mode in force: enforce, or monitor, in which nothing is stopped.",
);
pub(super) const POLICY_GENERATION: Spec = Spec::gauge(
    "weir_policy_generation",
    &[],
    "Generation of the rules in force; 1 is what the gateway was started with.",
);
pub(super) const RELOADS: Spec = Spec::counter(
    "weir_reloads_total",
    &["result"],
    "Reloads of the rules: ok, or failed, which left the old rules in force.",
);
pub(super) const LAST_RELOAD: Spec = Spec::gauge(
    "weir_last_reload_successful",
    &[],
    "0 when the last reload failed, or block lists could not be read, so that what the files say is not in force.",
);

pub(super) const FRAMES: Spec = Spec::counter(
    "weir_frames_total",
    &["verdict"],
    "Frames the inspector judged, by what became of them.",
);
pub(super) const WOULD_FRAMES: Spec = Spec::counter(
    "weir_would_frames_total",
    &["verdict"],
    "Frames by what would have become of them, had it not been a dry run or monitor mode.",
);
pub(super) const MESSAGES: Spec = Spec::counter(
    "weir_messages_total",
    &["protocol", "type", "direction", "verdict"],
    "Messages the inspector judged; of CoAP, empty ones are pings, acknowledgements and resets. Combinations that never occurred are left out.",
);
pub(super) const REASONS: Spec = Spec::counter(
    "weir_reasons_total",
    &["reason"],
    "Built-in detections raised; `weir explain` says what each means.",
);
pub(super) const RULE_MATCHES: Spec = Spec::counter(
    "weir_rule_matches_total",
    &["rule", "enforced"],
    "Matches of each rule in force; enforced is false in a dry run or in monitor mode.",
);
pub(super) const INSPECTION: Spec = Spec::histogram(
    "weir_inspection_seconds",
    "Time the inspector took for a frame (the mean of its batch).",
);
pub(super) const AMPLIFICATION: Spec = Spec::histogram(
    "weir_amplification_ratio",
    "Bytes towards a CoAP client per byte from it, within the rule's window.",
);
pub(super) const INJECTED: Spec = Spec::counter(
    "weir_injected_frames_total",
    &["purpose"],
    "Frames of the inspector's own: resets, closes, refusals, challenges, portions of responses, duplicate acknowledgements, held segments released.",
);
pub(super) const INJECTIONS_LOST: Spec = Spec::counter(
    "weir_injections_lost_total",
    &[],
    "Frames of the inspector's own that could not be sent.",
);

pub(super) const FLOWS: Spec = Spec::gauge(
    "weir_flows",
    &["state"],
    "TCP flows remembered: established, or half_open.",
);
pub(super) const FLOWS_OPENED: Spec =
    Spec::counter("weir_flows_opened_total", &["service"], "Flows first seen.");
pub(super) const FLOWS_CLOSED: Spec = Spec::counter(
    "weir_flows_closed_total",
    &["service", "end"],
    "Flows that left the table: finished, denied, idle or evicted.",
);
pub(super) const SESSIONS: Spec = Spec::gauge(
    "weir_sessions",
    &[],
    "MQTT sessions accepted by their brokers and not ended.",
);
pub(super) const SESSIONS_OPENED: Spec = Spec::counter(
    "weir_sessions_opened_total",
    &[],
    "MQTT sessions accepted by their brokers.",
);
pub(super) const ENDPOINTS: Spec =
    Spec::gauge("weir_coap_endpoints", &[], "CoAP clients remembered.");
pub(super) const EXCHANGES: Spec =
    Spec::gauge("weir_coap_exchanges", &[], "CoAP exchanges under way.");
pub(super) const OBSERVATIONS: Spec = Spec::gauge(
    "weir_coap_observations",
    &[],
    "CoAP observations whose servers notify.",
);
pub(super) const HELD_BYTES: Spec = Spec::gauge(
    "weir_held_bytes",
    &[],
    "Bytes of TCP segments kept until their turn.",
);
pub(super) const HELD_SEGMENTS: Spec = Spec::gauge(
    "weir_held_segments",
    &[],
    "TCP segments kept until their turn.",
);
pub(super) const CLIENTS: Spec = Spec::gauge(
    "weir_mqtt_clients",
    &[],
    "MQTT clients remembered: live ones, and those whose sessions outlast their connections.",
);
pub(super) const METERS: Spec = Spec::gauge(
    "weir_meters",
    &[],
    "Counters kept on behalf of rules with a limit.",
);
pub(super) const HOLDINGS: Spec = Spec::gauge(
    "weir_holdings",
    &[],
    "Totals kept of what clients hold at once, where rules ask for them.",
);
pub(super) const ASLEEP: Spec = Spec::gauge(
    "weir_sessions_asleep",
    &[],
    "Lasting MQTT sessions without a connection whose subscriptions are remembered, where rules ask for what is held.",
);
pub(super) const LIMIT_HITS: Spec = Spec::counter(
    "weir_limit_hits_total",
    &["limit"],
    "How often a bound of [limits] was hit.",
);

pub(super) const PORT_FRAMES: Spec = Spec::counter(
    "weir_port_frames_total",
    &["interface", "direction"],
    "Frames the workers received from (rx) and sent to (tx) an interface.",
);
pub(super) const PORT_BYTES: Spec = Spec::counter(
    "weir_port_bytes_total",
    &["interface", "direction"],
    "Bytes of those frames.",
);
pub(super) const PORT_LOST: Spec = Spec::counter(
    "weir_port_lost_frames_total",
    &["interface", "cause"],
    "Frames lost without a verdict: full or empty rings, an interface that is down, a stall.",
);
pub(super) const PORT_UP: Spec = Spec::gauge(
    "weir_port_up",
    &["interface"],
    "1 when the interface is there and up.",
);
pub(super) const PORT_ZERO_COPY: Spec = Spec::gauge(
    "weir_port_zero_copy",
    &["interface"],
    "1 when the driver hands frames over without copying.",
);
pub(super) const XDP_ATTACHED: Spec = Spec::gauge(
    "weir_xdp_attached",
    &["interface"],
    "1 when the XDP program is on the interface; 0 when somebody has taken it off or replaced it.",
);
pub(super) const XDP_REATTACHED: Spec = Spec::counter(
    "weir_xdp_reattached_total",
    &["interface"],
    "How often the XDP program was put back on an interface that somebody had taken it off.",
);
pub(super) const XDP_FRAMES: Spec = Spec::counter(
    "weir_xdp_frames_total",
    &["interface", "outcome"],
    "Frames by what the XDP program did with them.",
);
pub(super) const XDP_REASONS: Spec = Spec::counter(
    "weir_xdp_reasons_total",
    &["interface", "reason"],
    "Frames the XDP program refused by itself, by the reason the inspector would have named.",
);
pub(super) const WORKER_EVENTS: Spec = Spec::counter(
    "weir_worker_events_total",
    &["event"],
    "Worker life: sleep (went to sleep), stall (was away too long), open (opened its sockets).",
);
pub(super) const UMEM_FRAMES: Spec = Spec::gauge(
    "weir_umem_frames",
    &["state"],
    "Frame buffers: capacity, free (in the workers' pools), leaked (a bug when not 0).",
);

pub(super) const BANS: Spec = Spec::gauge("weir_bans", &[], "Sources that rules keep out.");
pub(super) const BLOCK_LIST: Spec = Spec::gauge(
    "weir_block_list_networks",
    &[],
    "Addresses and networks that the lists of [block] keep out.",
);
pub(super) const BLOCK_LIST_UNPLACED: Spec = Spec::gauge(
    "weir_block_list_unplaced_networks",
    &[],
    "Addresses and networks on the lists of [block] that nothing keeps out, mostly for want of room.",
);
pub(super) const BANS_TOTAL: Spec = Spec::counter(
    "weir_bans_total",
    &["result"],
    "Bans asked for by rules: placed, failed, exempt (in [block] never), or lost before they got there.",
);
pub(super) const EVENTS: Spec = Spec::counter("weir_events_total", &[], "Events written.");
pub(super) const EVENTS_DROPPED: Spec = Spec::counter(
    "weir_events_dropped_total",
    &["cause"],
    "Events lost: queue (the writer lags), rate (too many a second), write (the file failed).",
);

/// All of them, in the order of docs/metrics.md.
pub const ALL: &[Spec] = &[
    BUILD_INFO,
    START_TIME,
    MODE,
    POLICY_GENERATION,
    RELOADS,
    LAST_RELOAD,
    FRAMES,
    WOULD_FRAMES,
    MESSAGES,
    REASONS,
    RULE_MATCHES,
    INSPECTION,
    AMPLIFICATION,
    INJECTED,
    INJECTIONS_LOST,
    FLOWS,
    FLOWS_OPENED,
    FLOWS_CLOSED,
    SESSIONS,
    SESSIONS_OPENED,
    ENDPOINTS,
    EXCHANGES,
    OBSERVATIONS,
    HELD_BYTES,
    HELD_SEGMENTS,
    CLIENTS,
    METERS,
    HOLDINGS,
    ASLEEP,
    LIMIT_HITS,
    PORT_FRAMES,
    PORT_BYTES,
    PORT_LOST,
    PORT_UP,
    PORT_ZERO_COPY,
    XDP_ATTACHED,
    XDP_REATTACHED,
    XDP_FRAMES,
    XDP_REASONS,
    WORKER_EVENTS,
    UMEM_FRAMES,
    BANS,
    BLOCK_LIST,
    BLOCK_LIST_UNPLACED,
    BANS_TOTAL,
    EVENTS,
    EVENTS_DROPPED,
];
