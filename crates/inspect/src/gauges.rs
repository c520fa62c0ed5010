//! How full the inspector is.

/// How full the inspector is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gauges {
    /// TCP flows past their handshake, finished ones that linger included.
    pub flows: usize,
    /// TCP flows whose handshake is under way.
    pub half_open: usize,
    /// MQTT sessions accepted by their server.
    pub sessions: usize,
    /// Bytes of out-of-order segments held.
    pub held_bytes: usize,
    /// Out-of-order segments held.
    pub held_segments: usize,
    /// CoAP endpoints remembered.
    pub endpoints: usize,
    /// CoAP exchanges under way.
    pub exchanges: usize,
    /// CoAP observations whose server notifies.
    pub observations: usize,
    /// MQTT clients remembered: live ones, and those whose sessions outlast their connections.
    pub clients: usize,
    /// Counters kept for rules.
    pub meters: usize,
    /// Totals kept of what clients hold at once, where rules ask.
    pub holdings: usize,
    /// MQTT sessions without a connection whose subscriptions are remembered, where rules ask.
    pub asleep: usize,
    /// Generation of the policy in force; 1 is the first.
    pub generation: u64,
}
