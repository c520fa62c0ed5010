//! The detections that are not a parser's: code, summary and source of each.

use super::Reason;
use super::table::Entry;

/// Numbers the detections in order of mention and names each as a constant of [`Reason`].
macro_rules! detections {
    ($($name:ident = $code:literal, $source:literal, $summary:literal;)*) => {
        #[allow(non_camel_case_types, reason = "the variants only number the constants")]
        #[repr(u16)]
        enum Number { $($name,)* }

        impl Reason {
            $(
                #[doc = concat!("`", $code, "`: ", $summary, " (", $source, ").")]
                pub const $name: Self = Self(Number::$name as u16);
            )*
        }

        /// All of them, by index.
        pub(super) const DETECTIONS: &[Entry] = &[
            $(Entry { code: $code, summary: $summary, source: $source },)*
        ];
    };
}

detections! {
    IP_FRAGMENT = "ip.fragment", "RFC 791 §3.2, RFC 8200 §4.5, RFC 8900",
        "An IP fragment to or from a service: it hides its ports and what it carries";
    IP_WRONG_SIDE = "ip.wrong-side", "RFC 2827",
        "A frame of a known flow that came in at the end where its receiver stands: its source is forged";

    TCP_OUT_OF_WINDOW = "tcp.out-of-window", "RFC 9293 §3.10.7.4, RFC 5961 §5",
        "A segment outside of what its receiver can take or its peer can have acknowledged";
    TCP_OVERLAP_CONFLICT = "tcp.overlap-conflict", "Ptacek and Newsham 1998 §5.4",
        "A retransmission that carries other bytes than the first time";
    TCP_BLIND_RESET = "tcp.blind-reset", "RFC 5961 §3",
        "A RST whose sequence number isn't exactly the next one: guessed by somebody off the path";
    TCP_BLIND_SYN = "tcp.blind-syn", "RFC 5961 §4",
        "A SYN in a live flow";
    TCP_URGENT = "tcp.urgent", "RFC 9293 §3.8.5, RFC 6093",
        "Urgent data: receivers disagree on which bytes belong to the stream";
    TCP_DATA_ON_SYN = "tcp.data-on-syn", "RFC 7413, RFC 9293 §3.4",
        "Data on a SYN (TCP Fast Open): it would arrive before the handshake proves its sender";
    TCP_MIDSTREAM = "tcp.midstream", "[tcp] midstream",
        "A TCP flow older than the gateway";
    TCP_HOLD_LIMIT = "tcp.hold-limit", "[limits] held_bytes_per_flow",
        "More out-of-order data than is held for a flow; its sender will repeat it";

    MQTT_SPOOFED_SERVER_PACKET = "mqtt.spoofed.server-packet", "MQTT 3.1.1 §2.2.1, MQTT 5.0 §2.1.2",
        "A client sent a control packet that only servers send";
    MQTT_SPOOFED_CLIENT_PACKET = "mqtt.spoofed.client-packet", "MQTT 3.1.1 §2.2.1, MQTT 5.0 §2.1.2",
        "A server sent a control packet that only clients send";
    MQTT_SESSION_FIRST_NOT_CONNECT = "mqtt.session.first-not-connect", "[MQTT-3.1.0-1]",
        "The first packet of a connection isn't a CONNECT";
    MQTT_SESSION_SECOND_CONNECT = "mqtt.session.second-connect", "[MQTT-3.1.0-2]",
        "A second CONNECT on one connection";
    MQTT_TOO_LARGE = "mqtt.too-large", "[limits] mqtt_packet_bytes, partial_bytes",
        "A control packet larger than the gateway lets through";
    MQTT_WRONG_PROTOCOL = "mqtt.wrong-protocol", "MQTT 3.1.1 §4.2",
        "The first bytes on an MQTT port are another protocol's";

    COAP_AMPLIFICATION_RATIO = "coap.amplification.ratio", "RFC 9175 §2.4, RFC 7252 §11.3",
        "More bytes towards a client than a rule allows for the bytes that came from it";
    COAP_SPOOFED_UNMATCHED_RESPONSE = "coap.spoofed.unmatched-response", "RFC 7252 §5.3.2",
        "A response to nothing the client asked that server";
    COAP_SPOOFED_UNMATCHED_ACK = "coap.spoofed.unmatched-ack", "RFC 7252 §4.2, §11.4",
        "An acknowledgement of nothing its receiver sent to that endpoint";
    COAP_SPOOFED_UNMATCHED_RESET = "coap.spoofed.unmatched-reset", "RFC 7252 §4.2, RFC 7641 §3.6",
        "A reset of nothing its receiver sent to that endpoint";
    COAP_SPOOFED_OTHER_ENDPOINT = "coap.spoofed.other-endpoint", "RFC 7252 §5.3.2",
        "A response from an endpoint that the client didn't ask";
    COAP_SPOOFED_UNREGISTERED_NOTIFICATION = "coap.spoofed.unregistered-notification", "RFC 7641 §3.2, §4.2",
        "A notification for which the client hasn't registered";
    COAP_OBSERVE_UNASKED = "coap.observe.unasked", "RFC 7641 §4.1",
        "The response to a request without Observe carries that option";
    COAP_OBSERVE_STALE = "coap.observe.stale", "RFC 7641 §3.4",
        "A notification older than one before it: overtaken on the way, or kept back";
    COAP_BLOCK_GAP = "coap.block.gap", "RFC 7959 §2.5, CVE-2024-46304",
        "A block of an upload whose beginning, or the blocks before it, never came";
    COAP_BLOCK_UNASKED = "coap.block.unasked", "RFC 7959 §2.4",
        "A block further on in the body than the client asked for";
    COAP_BLOCK_MIXED_BODIES = "coap.block.mixed-bodies", "RFC 7959 §2.4, draft-ietf-core-attacks-on-coap",
        "A block with another ETag than the first one of its body";
    COAP_EXCHANGE_MESSAGE_ID_REUSED = "coap.exchange.message-id-reused", "RFC 7252 §4.4",
        "A message ID stands for something else than before, within its lifetime";
    COAP_EXCHANGE_LATE_DUPLICATE = "coap.exchange.late-duplicate", "RFC 7252 §4.8.2",
        "A message repeated longer after it was first sent than its sender goes on trying";
    COAP_GROUP_CONFIRMABLE = "coap.group.confirmable", "RFC 7252 §8.1",
        "A confirmable request to a group: every member would acknowledge it";
    COAP_GROUP_OBSERVE = "coap.group.observe", "draft-irtf-t2trg-amplification-attacks §2.3",
        "A registration with a whole group: every member would go on notifying";
    COAP_MIDSTREAM = "coap.midstream", "RFC 7641 §4.5",
        "Shortly after the start, a response to a request that may be older than the gateway";
    COAP_TOO_LARGE = "coap.too-large", "[limits] coap_message_bytes",
        "A CoAP message larger than the gateway lets through";

    TLS_REQUIRED = "tls.required", "[tls] required_from; MQTT 5.0 §5.4.1, RFC 7252 §9",
        "Plaintext where TLS or DTLS has to be";

    LIMITS_FLOW_TABLE = "limits.flow-table", "[limits] flows, half_open",
        "The flow table is full of flows that must not be evicted";
    LIMITS_HELD_BYTES = "limits.held-bytes", "[limits] held_bytes",
        "The store of out-of-order segments is full";
    LIMITS_UNACKED_BYTES = "limits.unacked-bytes", "[limits] unacked_bytes_per_flow",
        "More data in flight than is remembered for a flow; its sender will repeat it";
    LIMITS_ENDPOINTS = "limits.endpoints", "[limits] endpoints",
        "The table of CoAP endpoints is full";
    LIMITS_EXCHANGES = "limits.exchanges", "[limits] exchanges",
        "The table of CoAP exchanges is full";
    LIMITS_METERS = "limits.meters", "[limits] meters",
        "The table of rules' counters is full";
}
