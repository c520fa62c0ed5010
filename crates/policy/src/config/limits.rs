//! How much is held, and how much let through, at most.

use std::time::Duration;

/// `[limits]`: the bounds of everything that grows with traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// TCP flows past their handshake, default 262,144.
    pub flows: usize,
    /// TCP flows whose handshake is under way, default 32,768.
    pub half_open: usize,
    /// A handshake that is silent for longer is forgotten, default 65 s: no longer than a server repeats its SYN+ACK.
    pub half_open_timeout: Duration,
    /// An established flow that is silent for longer is forgotten, default 5 d.
    pub idle_timeout: Duration,
    /// How long a finished or denied flow is remembered, default 30 s.
    pub linger_timeout: Duration,
    /// How long after the start a CoAP response, or a TCP flow in a flood of handshakes, may be older than
    /// the gateway, default 60 s.
    pub midstream_grace: Duration,
    /// How long after the start a TCP flow may be older than the gateway, default 2 h: as long as most ends
    /// say nothing at most.
    pub tcp_midstream_grace: Duration,
    /// Out-of-order bytes held over all flows, default 64 MiB.
    pub held_bytes: usize,
    /// Out-of-order bytes held per direction of a flow, default 256 KiB.
    pub held_bytes_per_flow: usize,
    /// Out-of-order segments held per direction of a flow, default 128.
    pub held_segments_per_flow: usize,
    /// Bytes in flight remembered per direction of a flow, default 512 KiB.
    pub unacked_bytes_per_flow: usize,
    /// Bytes in flight remembered beyond the first 8 KiB of each direction, over all flows, default 256 MiB.
    pub unacked_common_bytes: usize,
    /// What is kept of a control packet that spans segments, default 64 KiB.
    pub partial_bytes: usize,
    /// What is kept beyond that, over all flows, default 256 MiB; one direction gets a part of it.
    pub partial_common_bytes: usize,
    /// The largest MQTT control packet, header included, default 268,435,460 (all MQTT has).
    pub mqtt_packet_bytes: usize,
    /// Packet identifiers in flight remembered per direction of a session, default 1,024.
    pub in_flight: usize,
    /// Topic filters a client asked for, in bytes per session, default 512.
    pub subscription_bytes: usize,
    /// Topics remembered for topic aliases, in bytes per direction of a session, default 16 KiB.
    pub topic_alias_bytes: usize,
    /// Topics remembered for topic aliases beyond those, in bytes over all sessions, of which one direction
    /// gets a sixteenth, default 64 MiB.
    pub topic_alias_common_bytes: usize,
    /// How long a connection may stay without a CONNECT, default 60 s.
    pub connect_timeout: Duration,
    /// How long a control packet of a client's may take, beyond what its bytes are worth at ten a second, default 5 min.
    pub packet_timeout: Duration,
    /// The largest CoAP message, default 65,507 (all that UDP over IPv4 has).
    pub coap_message_bytes: usize,
    /// The largest CoAP message over TCP, default 16 MiB.
    pub coap_tcp_message_bytes: usize,
    /// CoAP endpoints remembered for budgets and address validation, default 65,536.
    pub endpoints: usize,
    /// CoAP exchanges remembered, default 262,144.
    pub exchanges: usize,
    /// MQTT clients remembered: live ones, and the last address of lasting sessions, default 262,144.
    pub clients: usize,
    /// Counters kept on behalf of rules with a limit, default 65,536.
    pub meters: usize,
    /// `exception = "drop"`: the fate of traffic a full table has no room for.
    pub exception: Exception,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            flows: 262_144,
            half_open: 32_768,
            half_open_timeout: Duration::from_secs(65),
            idle_timeout: Duration::from_secs(5 * 24 * 3600),
            linger_timeout: Duration::from_secs(30),
            midstream_grace: Duration::from_secs(60),
            tcp_midstream_grace: Duration::from_secs(2 * 3600),
            held_bytes: 64 << 20,
            held_bytes_per_flow: 655_360,
            held_segments_per_flow: 1024,
            unacked_bytes_per_flow: 512 << 10,
            unacked_common_bytes: 256 << 20,
            partial_bytes: 64 << 10,
            partial_common_bytes: 256 << 20,
            mqtt_packet_bytes: 268_435_460,
            in_flight: 1024,
            subscription_bytes: 512,
            topic_alias_bytes: 16 << 10,
            topic_alias_common_bytes: 64 << 20,
            connect_timeout: Duration::from_secs(60),
            packet_timeout: Duration::from_secs(300),
            coap_message_bytes: 65_507,
            coap_tcp_message_bytes: 16 << 20,
            endpoints: 65_536,
            exchanges: 262_144,
            clients: 262_144,
            meters: 65_536,
            exception: Exception::Drop,
        }
    }
}

/// `[limits] exception`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Exception {
    /// Drop it: nothing passes uninspected.
    #[default]
    Drop,
    /// Forward it uninspected.
    Bypass,
}

/// `[budget]`: the frames of services that one source may send, and the CoAP responses that one client
/// may be sent, before the kernel drops the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Over TCP, default 200,000; 0 for no budget.
    pub tcp_packets_per_second: u64,
    /// Over UDP, default 20,000; 0 for no budget.
    pub udp_packets_per_second: u64,
    /// To one client, whoever sends them, default 50,000; 0 for no budget.
    pub coap_responses_per_second: u64,
    /// How long a source that was silent may send without regard to the rate, in time at that rate,
    /// default 1 s.
    pub burst: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            tcp_packets_per_second: 200_000,
            udp_packets_per_second: 20_000,
            coap_responses_per_second: 50_000,
            burst: Duration::from_secs(1),
        }
    }
}
