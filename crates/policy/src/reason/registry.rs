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
    ETHERNET_STACKED_TAGS = "ethernet.stacked-tags", "IEEE 802.1Q §9",
        "A frame of a service behind two VLAN tags, or anything behind more: one tag is what is inspected";

    IP_FRAGMENT = "ip.fragment", "RFC 791 §3.2, RFC 8200 §4.5, RFC 8900",
        "An IP fragment to or from a service: it hides its ports and what it carries";
    IP_WRONG_SIDE = "ip.wrong-side", "RFC 2827",
        "A frame of a known flow that came in at the end where its receiver stands: its source is forged";
    IP_MARTIAN = "ip.martian", "RFC 1122 §3.2.1.3, RFC 4291 §2.5, §2.7",
        "A source address that no frame on a link can have: loopback, multicast, broadcast, unspecified";

    TCP_OUT_OF_WINDOW = "tcp.out-of-window", "RFC 9293 §3.10.7.4, RFC 5961 §5",
        "A segment outside of what its receiver can take or its peer can have acknowledged";
    TCP_OLD_TIMESTAMP = "tcp.old-timestamp", "RFC 7323 §5.3",
        "New bytes under a timestamp older than the last: their receiver throws them away";
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
    TCP_MULTIPATH = "tcp.multipath", "RFC 8684 §3.1, §3.7",
        "Multipath TCP: bytes would come in another order, or another way, than they are read here";
    TCP_MIDSTREAM = "tcp.midstream", "[tcp] midstream",
        "A TCP flow older than the gateway";
    TCP_NO_CONNECTION = "tcp.no-connection", "RFC 9293 §3.10.7.1",
        "Data of a TCP connection that the gateway should know, had it ever begun";
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
    MQTT_SESSION_CONNACK_UNEXPECTED = "mqtt.session.connack-unexpected", "[MQTT-3.2.0-2], MQTT 3.1.1 §3.2",
        "A CONNACK that no CONNECT awaits, or a second one";
    MQTT_SESSION_SERVER_FIRST = "mqtt.session.server-first", "[MQTT-3.2.0-1], [MQTT-3.14.0-1]",
        "A server sent something else before its CONNACK";
    MQTT_SESSION_AFTER_REFUSAL = "mqtt.session.after-refusal", "[MQTT-3.2.2-7], MQTT 3.1.1 [MQTT-3.2.2-5]",
        "A server that refused the connection went on speaking";
    MQTT_SESSION_AFTER_DISCONNECT = "mqtt.session.after-disconnect", "[MQTT-3.14.4-1], MQTT 3.1.1 [MQTT-3.14.4-2]",
        "A control packet after the sender's own DISCONNECT";
    MQTT_SESSION_PRESENT = "mqtt.session.present", "[MQTT-3.2.2-2], MQTT 3.1.1 [MQTT-3.2.2-1]",
        "A server reports a present session to a client that asked for a clean one";
    MQTT_SESSION_CLIENT_ID_ASSIGNED = "mqtt.session.client-id-assigned", "MQTT 5.0 §3.2.2.3.7",
        "A server assigned a client identifier to a client that has one";
    MQTT_SESSION_CLIENT_ID_MISSING = "mqtt.session.client-id-missing", "[MQTT-3.2.2-16]",
        "A server assigned no client identifier, or an empty one, to a client that has none";
    MQTT_SESSION_NOT_SUBSCRIBED = "mqtt.session.not-subscribed", "[MQTT-3.3.2-3]",
        "A server sent a message to a client that never asked for its topic";
    MQTT_SESSION_QOS_NOT_ASKED = "mqtt.session.qos-not-asked", "[MQTT-3.8.4-8], MQTT 3.1.1 [MQTT-3.8.4-6]",
        "A server sent a message with a larger QoS than any filter of its client was asked for with, or granted";
    MQTT_SESSION_RETAIN_NOT_ASKED = "mqtt.session.retain-not-asked", "[MQTT-3.3.1-11], [MQTT-3.3.1-12]",
        "A server sent a message with RETAIN to a client none of whose filters is asked for so that it may come with it";
    MQTT_SESSION_GRANTED_ABOVE_ASKED = "mqtt.session.granted-above-asked", "MQTT 5.0 §3.8.4, §3.9.3, MQTT 3.1.1 §3.8.4",
        "A SUBACK grants a filter a larger QoS than its SUBSCRIBE asked for";
    MQTT_SESSION_SUBSCRIPTION_ID_NOT_GIVEN = "mqtt.session.subscription-id-not-given", "[MQTT-3.3.4-3], MQTT 5.0 §3.3.2.3.8",
        "A server sent a message with a subscription identifier that its client never gave";
    MQTT_SESSION_STILL_SHARED = "mqtt.session.still-shared", "MQTT 5.0 §3.10.4, §4.8.2, CVE-2024-8376",
        "A client unsubscribed from a filter that it goes on with in a shared subscription; told where a rule names it";
    MQTT_SESSION_WILL_NOT_TAKEN = "mqtt.session.will-not-taken", "[MQTT-3.2.2-12], [MQTT-3.2.2-13]",
        "A server let in a client whose will has a QoS, or is retained, as it says that it takes none";
    MQTT_SESSION_PINGRESP_UNEXPECTED = "mqtt.session.pingresp-unexpected", "[MQTT-3.12.4-1], MQTT 5.0 §3.13",
        "A server answered a PINGREQ that its client never sent, or answered one twice";
    MQTT_SESSION_KEEP_ALIVE = "mqtt.session.keep-alive", "[MQTT-3.1.2-22], MQTT 3.1.1 [MQTT-3.1.2-24]",
        "A client was silent for longer than one and a half times its keep alive";
    MQTT_SESSION_PACKET_STALLED = "mqtt.session.packet-stalled", "[limits] packet_timeout; MQTT 5.0 §5.4.2, CVE-2020-13849",
        "A client stopped in the middle of a control packet, or sends it in drops";
    MQTT_SESSION_CONNECT_TIMEOUT = "mqtt.session.connect-timeout", "[limits] connect_timeout; MQTT 5.0 §3.1.4",
        "A connection on which no CONNECT came in time";

    MQTT_ACK_UNKNOWN_PACKET_ID = "mqtt.ack.unknown-packet-id", "[MQTT-2.2.1-5], [MQTT-3.8.4-2], MQTT 3.1.1 [MQTT-2.3.1-6]",
        "An acknowledgement of nothing that is in flight";
    MQTT_ACK_UNKNOWN_RELEASE = "mqtt.ack.unknown-release", "MQTT 5.0 §4.3.3, §4.4",
        "A PUBREL of 5.0 for no message in flight";
    MQTT_ACK_WRONG_STEP = "mqtt.ack.wrong-step", "[MQTT-4.3.2-3], [MQTT-4.3.3-4], [MQTT-4.3.3-7]",
        "An acknowledgement that isn't the next step of the exchange with that packet identifier";
    MQTT_ACK_CODE_COUNT = "mqtt.ack.code-count", "[MQTT-3.8.4-6], [MQTT-3.11.3-1], MQTT 3.1.1 [MQTT-3.8.4-5]",
        "A SUBACK or UNSUBACK with more or fewer codes than there were filters";
    MQTT_PACKET_ID_IN_USE = "mqtt.packet-id.in-use", "[MQTT-2.2.1-3], [MQTT-2.2.1-4], MQTT 3.1.1 [MQTT-2.3.1-2]",
        "A packet identifier was used anew while it was in flight";
    MQTT_PACKET_ID_RESENT = "mqtt.packet-id.resent", "[MQTT-4.4.0-1], [MQTT-4.3.2-2], [MQTT-4.3.3-2]",
        "A PUBLISH was sent again within one connection, which 5.0 leaves to reconnections, or says so at its first time";
    MQTT_FLOW_CONTROL_RECEIVE_MAXIMUM = "mqtt.flow-control.receive-maximum", "[MQTT-3.3.4-7], [MQTT-3.3.4-9]",
        "More messages in flight than their receiver takes at once";

    MQTT_NEGOTIATED_PACKET_SIZE = "mqtt.negotiated.packet-size", "[MQTT-3.1.2-24], [MQTT-3.2.2-15]",
        "A control packet larger than its receiver takes";
    MQTT_NEGOTIATED_QOS = "mqtt.negotiated.qos", "[MQTT-3.2.2-11]",
        "A PUBLISH with a larger QoS than the server takes";
    MQTT_NEGOTIATED_RETAIN = "mqtt.negotiated.retain", "[MQTT-3.2.2-14]",
        "A retained PUBLISH to a server that takes none";
    MQTT_NEGOTIATED_WILDCARD = "mqtt.negotiated.wildcard", "MQTT 5.0 §3.2.2.3.11",
        "A wildcard in a subscription to a server that takes none";
    MQTT_NEGOTIATED_SHARED = "mqtt.negotiated.shared", "MQTT 5.0 §3.2.2.3.13",
        "A shared subscription to a server that takes none";
    MQTT_NEGOTIATED_SUBSCRIPTION_ID = "mqtt.negotiated.subscription-id", "MQTT 5.0 §3.2.2.3.12",
        "A subscription identifier to a server that takes none";
    MQTT_NEGOTIATED_TOPIC_ALIAS = "mqtt.negotiated.topic-alias", "[MQTT-3.1.2-26], [MQTT-3.1.2-27], [MQTT-3.2.2-17], [MQTT-3.2.2-18]",
        "A topic alias larger than its receiver takes";
    MQTT_NEGOTIATED_SESSION_EXPIRY = "mqtt.negotiated.session-expiry", "MQTT 5.0 §3.14.2.2.2",
        "A DISCONNECT prolongs a session that was to end with its connection";
    MQTT_NEGOTIATED_RESPONSE_INFORMATION = "mqtt.negotiated.response-information", "[MQTT-3.1.2-28]",
        "Response information for a client that didn't ask for it";
    MQTT_NEGOTIATED_PROBLEM_INFORMATION = "mqtt.negotiated.problem-information", "[MQTT-3.1.2-29]",
        "A reason string or user property for a client that wants none in such a packet";
    MQTT_ALIAS_UNKNOWN = "mqtt.alias.unknown", "MQTT 5.0 §3.3.2.3.4",
        "A topic alias that was never given a topic";

    MQTT_AUTH_METHOD = "mqtt.auth.method", "[MQTT-4.12.0-5], [MQTT-4.12.0-6]",
        "Another authentication method than that of the CONNECT";
    MQTT_AUTH_METHOD_MISSING = "mqtt.auth.method-missing", "[MQTT-4.12.0-5]",
        "A CONNACK that accepts an enhanced authentication without naming its method";
    MQTT_AUTH_UNEXPECTED = "mqtt.auth.unexpected", "[MQTT-4.12.0-7], [MQTT-4.12.0-2], [MQTT-4.12.0-3], [MQTT-4.12.1-1]",
        "An AUTH that is no step of an authentication under way";
    MQTT_AUTH_UNFINISHED = "mqtt.auth.unfinished", "[MQTT-3.1.2-30]",
        "A client sent more than AUTH or DISCONNECT before its authentication was through";
    MQTT_TAKEOVER_CLIENT_ID = "mqtt.takeover.client-id", "[MQTT-3.1.4-2], 5.0 [MQTT-3.1.4-3], §5.4.2",
        "A CONNECT with the client identifier of a live session, from another address";
    MQTT_TAKEOVER_SESSION = "mqtt.takeover.session", "MQTT 3.1.1 §3.1.2.4, 5.0 §4.1, §5.4.2",
        "A CONNECT that takes up or wipes a lasting session, from another address than its last";
    MQTT_AUTH_FAILED = "mqtt.auth.failed", "MQTT 3.1.1 §3.2.2.3, 5.0 §3.2.2.2",
        "A server refused a client's credentials";
    MQTT_TOO_LARGE = "mqtt.too-large", "[limits] mqtt_packet_bytes, partial_bytes, partial_common_bytes",
        "A control packet larger than the gateway lets through";
    MQTT_WRONG_PROTOCOL_TLS = "mqtt.wrong-protocol.tls", "RFC 8446 §5.1",
        "TLS where plaintext MQTT is expected";
    MQTT_WRONG_PROTOCOL_HTTP = "mqtt.wrong-protocol.http", "RFC 9112 §3",
        "HTTP on an MQTT port";
    MQTT_WRONG_PROTOCOL_WEBSOCKET = "mqtt.wrong-protocol.websocket", "RFC 6455 §4.1, [MQTT-6.0.0-1]",
        "A WebSocket upgrade on an MQTT port; one that comes in pieces is named HTTP";
    MQTT_WRONG_PROTOCOL_SSH = "mqtt.wrong-protocol.ssh", "RFC 4253 §4.2",
        "SSH on an MQTT port";
    MQTT_WRONG_PROTOCOL_SMTP = "mqtt.wrong-protocol.smtp", "RFC 5321 §4.1.1.1",
        "SMTP on an MQTT port";
    MQTT_WRONG_PROTOCOL_RTSP = "mqtt.wrong-protocol.rtsp", "RFC 7826 §2",
        "RTSP on an MQTT port";
    MQTT_WRONG_PROTOCOL_SIP = "mqtt.wrong-protocol.sip", "RFC 3261 §7.1",
        "SIP on an MQTT port";
    MQTT_WRONG_PROTOCOL_AMQP = "mqtt.wrong-protocol.amqp", "AMQP 1.0 §2.2",
        "AMQP on an MQTT port";
    MQTT_WRONG_PROTOCOL_STOMP = "mqtt.wrong-protocol.stomp", "STOMP 1.2",
        "STOMP on an MQTT port";
    MQTT_WRONG_PROTOCOL_REDIS = "mqtt.wrong-protocol.redis", "RESP",
        "Redis on an MQTT port";
    MQTT_WRONG_PROTOCOL_PROXY = "mqtt.wrong-protocol.proxy", "PROXY protocol 2.3 §2",
        "A load balancer's PROXY header on an MQTT port";
    MQTT_WRONG_PROTOCOL_TELNET = "mqtt.wrong-protocol.telnet", "RFC 854",
        "Telnet on an MQTT port";
    MQTT_WRONG_PROTOCOL_TPKT = "mqtt.wrong-protocol.tpkt", "RFC 1006 §6",
        "TPKT (remote desktop, S7) on an MQTT port";
    MQTT_WRONG_PROTOCOL_SOCKS = "mqtt.wrong-protocol.socks", "RFC 1928 §3",
        "SOCKS on an MQTT port";
    MQTT_WRONG_PROTOCOL_TEXT = "mqtt.wrong-protocol.text", "MQTT 3.1.1 §4.2",
        "Text on an MQTT port, of no protocol that is told apart";

    COAP_AMPLIFICATION_RATIO = "coap.amplification.ratio", "RFC 9175 §2.4, RFC 7252 §11.3",
        "More bytes towards a client, those yet to come included, than a rule allows for what came from it";
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
    COAP_SPOOFED_OTHER_ENDPOINT = "coap.spoofed.other-endpoint", "RFC 7252 §5.3.2",
        "A response from an endpoint that the client didn't ask";
    COAP_SPOOFED_UNREGISTERED_NOTIFICATION = "coap.spoofed.unregistered-notification", "RFC 7641 §3.2, §4.2",
        "A notification for which the client hasn't registered";
    COAP_SPOOFED_SECOND_RESPONSE = "coap.spoofed.second-response", "RFC 7252 §5.2, §4.5",
        "One more response to a request that has been answered, and no repetition";
    COAP_SPOOFED_OWN_ADDRESS = "coap.spoofed.own-address", "RFC 7252 §11.4",
        "A message from the address that it goes to";
    COAP_OBSERVE_UNASKED = "coap.observe.unasked", "RFC 7641 §4.1",
        "The response to a request without Observe carries that option";
    COAP_OBSERVE_STALE = "coap.observe.stale", "RFC 7641 §3.4",
        "A notification older than one before it: overtaken on the way, or kept back";
    COAP_BLOCK_GAP = "coap.block.gap", "RFC 7959 §2.5, CVE-2024-46304",
        "A block of an upload whose beginning, or the blocks before it, never came";
    COAP_BLOCK_CONTINUE = "coap.block.continue", "RFC 7959 §2.9.1",
        "A response that asks for the next block of an upload, to a request that uploads nothing";
    COAP_BLOCK_UNASKED = "coap.block.unasked", "RFC 7959 §2.4",
        "A block further on in the body than the client asked for";
    COAP_BLOCK_MIXED_BODIES = "coap.block.mixed-bodies", "RFC 7959 §2.4, draft-ietf-core-attacks-on-coap",
        "A block with another ETag than the first one of its body";
    COAP_EXCHANGE_MESSAGE_ID_REUSED = "coap.exchange.message-id-reused", "RFC 7252 §4.4",
        "A message ID stands for something else than before, within its lifetime";
    COAP_EXCHANGE_LATE_DUPLICATE = "coap.exchange.late-duplicate", "RFC 7252 §4.8.2",
        "A message repeated 145 s after it was first sent: no sender tries for so long, and no network takes so long";
    COAP_EXCHANGE_FORGOTTEN = "coap.exchange.forgotten", "[limits] exchanges",
        "A response to a request that was forgotten for others: more are under way than there is room for";
    COAP_EXCHANGE_NON_ACKNOWLEDGED = "coap.exchange.non-acknowledged", "RFC 7252 §4.3",
        "An acknowledgement, with a response or without, of what wasn't to be acknowledged";
    COAP_MIDSTREAM = "coap.midstream", "RFC 7641 §4.5",
        "Shortly after the start, a response to a request that may be older than the gateway";
    COAP_TOO_LARGE = "coap.too-large", "[limits] coap_message_bytes, coap_tcp_message_bytes",
        "A CoAP message larger than the gateway lets through";

    COAP_TCP_FIRST_NOT_CSM = "coap.tcp.first-not-csm", "RFC 8323 §5.3",
        "An end of a CoAP connection doesn't begin with its capabilities";
    COAP_WRONG_PROTOCOL_MQTT = "coap.wrong-protocol.mqtt", "MQTT 3.1.1 §3.1.2.1",
        "MQTT on a port of CoAP over TCP";
    COAP_WRONG_PROTOCOL_TLS = "coap.wrong-protocol.tls", "RFC 8446 §5.1, RFC 8323 §8.2",
        "TLS on a port of CoAP over TCP in plaintext";
    COAP_WRONG_PROTOCOL_HTTP = "coap.wrong-protocol.http", "RFC 9112 §3",
        "HTTP on a port of CoAP over TCP";
    COAP_WRONG_PROTOCOL_WEBSOCKET = "coap.wrong-protocol.websocket", "RFC 6455 §4.1, RFC 8323 §8.3",
        "A WebSocket upgrade on a port of CoAP over TCP; one that comes in pieces is named HTTP";
    COAP_WRONG_PROTOCOL_SSH = "coap.wrong-protocol.ssh", "RFC 4253 §4.2",
        "SSH on a port of CoAP over TCP";
    COAP_TCP_MESSAGE_SIZE = "coap.tcp.message-size", "RFC 8323 §5.3.1",
        "A message larger than the other end of its connection takes";
    COAP_TCP_AFTER_ABORT = "coap.tcp.after-abort", "RFC 8323 §5.6",
        "A message of an end that has said that the connection is over";
    COAP_TCP_REQUEST_AFTER_RELEASE = "coap.tcp.request-after-release", "RFC 8323 §5.5",
        "A request of an end that has said that it lets the connection go";
    COAP_TCP_PONG_UNASKED = "coap.tcp.pong-unasked", "RFC 8323 §5.4",
        "A Pong, and no Ping is open";
    COAP_TCP_PONG_TOKEN = "coap.tcp.pong-token", "RFC 8323 §5.4",
        "A Pong with another token than any open Ping has";
    COAP_TCP_CRITICAL_OPTION = "coap.tcp.critical-option", "RFC 8323 §5.2",
        "A signal with a critical option that isn't registered: whoever doesn't know it has to abort";

    TLS_REQUIRED = "tls.required", "[tls] required_from; MQTT 5.0 §5.4.1, RFC 7252 §9",
        "Plaintext where TLS or DTLS has to be";
    TLS_PLAINTEXT_MQTT = "tls.plaintext.mqtt", "MQTT 3.1.1 §3.1, [services] mqtts",
        "MQTT in plaintext on a port of MQTT over TLS; always beside tls.required";

    RULE_LIMIT_COUNT = "rule.limit.count", "rules/README.md, Limits",
        "More messages within a window than a rule's limit allows";
    RULE_LIMIT_RATE = "rule.limit.rate", "rules/README.md, Limits",
        "Messages in faster succession than a rule's limit allows";
    RULE_LIMIT_DISTINCT = "rule.limit.distinct", "rules/README.md, Limits",
        "More different values within a window than a rule's limit allows: client identifiers of one address, say";
    RULE_LIMIT_MAX = "rule.limit.max", "rules/README.md, Limits",
        "One more at once than a rule's limit allows: sessions, subscriptions, messages in flight, observers, exchanges";

    LIMITS_FLOW_TABLE = "limits.flow-table", "[limits] flows, half_open",
        "The flow table is full of flows that must not be evicted";
    LIMITS_HELD_BYTES = "limits.held-bytes", "[limits] held_bytes",
        "The store of out-of-order segments is full";
    LIMITS_UNACKED_BYTES = "limits.unacked-bytes", "[limits] unacked_bytes_per_flow, unacked_common_bytes",
        "More data in flight than is remembered; its sender will repeat it";
    LIMITS_ENDPOINTS = "limits.endpoints", "[limits] endpoints",
        "The table of CoAP endpoints is full";
    LIMITS_EXCHANGES = "limits.exchanges", "[limits] exchanges",
        "The table of CoAP exchanges is full";
    LIMITS_TOPIC_ALIASES = "limits.topic-aliases", "[limits] topic_alias_bytes",
        "A topic alias whose topic there was no room to remember";
    LIMITS_IN_FLIGHT = "limits.in-flight", "[limits] in_flight",
        "More in flight in a direction of an MQTT session than is remembered: some of it may be acknowledged unchecked";
    LIMITS_CLIENTS = "limits.clients", "[limits] clients",
        "The registry of MQTT clients is full";
    LIMITS_METERS = "limits.meters", "[limits] meters",
        "The table of rules' counters is full";
}
