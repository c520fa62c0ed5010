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
    COAP_MULTICAST_CONFIRMABLE = "coap.multicast.confirmable", "RFC 7252 §8.1",
        "A message to a group that each of its members would have to acknowledge";
    COAP_MULTICAST_OBSERVE = "coap.multicast.observe",
        "RFC 7641 §3.1, draft-irtf-t2trg-amplification-attacks §2.3",
        "A request to a group for notifications: one datagram draws any number from each of its members";
    COAP_MIDSTREAM = "coap.midstream", "RFC 7641 §4.5",
        "Shortly after the start, a response to a request that may be older than the gateway";
    COAP_TOO_LARGE = "coap.too-large", "[limits] coap_message_bytes, coap_tcp_message_bytes",
        "A CoAP message larger than the gateway lets through";

    COAP_TCP_FIRST_NOT_CSM = "coap.tcp.first-not-csm", "RFC 8323 §5.3",
        "An end of a CoAP connection doesn't begin with its capabilities";
    COAP_TCP_MESSAGE_SIZE = "coap.tcp.message-size", "RFC 8323 §5.3.1",
        "A message larger than the other end of its connection takes";

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
