//! The notes themselves.

use super::Tune::{Except, Stop, Turn};
use super::{NO_PEER, Note, note};

const LIMIT: &str = "[limits]: give it more room if memory allows, and look for who takes it up";

/// By what a code begins with; the longest beginning is the one that counts.
pub(super) const NOTES: &[(&str, Note)] = &[
    (
        "ethernet.stacked-tags",
        note(
            "a port that stands between provider bridges",
            Turn("take the outer tag off ahead of the gateway"),
        ),
    ),
    (
        "ethernet.",
        note("a driver or a switch that damages frames", Except),
    ),
    (
        "ip.malformed.",
        note(
            "a driver that leaves checksums to hardware the capture didn't pass",
            Except,
        ),
    ),
    (
        "ip.fragment",
        note(
            "large datagrams over a tunnel, or a path with a small MTU",
            Turn("[ip] fragments = \"forward\", or smaller datagrams"),
        ),
    ),
    (
        "ip.wrong-side",
        note(
            "an address that moved to the other side, until its flows are forgotten",
            Except,
        ),
    ),
    (
        "ip.martian",
        note("nobody: such a source can't be answered", Except),
    ),
    (
        "tcp.",
        note(
            "a peer that was away for long, or a path that reorders much; it repeats what was dropped",
            Except,
        ),
    ),
    (
        "tcp.malformed.",
        note("a driver that leaves checksums to hardware", Except),
    ),
    (
        "tcp.overlap-conflict",
        note(
            "a middlebox that rewrites a stream, or an end that lost its buffer",
            Except,
        ),
    ),
    (
        "tcp.data-on-syn",
        note(
            "a client with TCP Fast Open; it connects without, too",
            Except,
        ),
    ),
    (
        "tcp.multipath",
        note(
            "a client with Multipath TCP: its option is taken out, and it goes on with plain TCP",
            Turn("a rule that accepts it is silent, one that drops it refuses such clients"),
        ),
    ),
    (
        "tcp.midstream",
        note(
            "every connection older than the gateway",
            Turn("[tcp] midstream"),
        ),
    ),
    (
        "tcp.no-connection",
        note(
            "a connection that said nothing for longer than it is remembered; its ends connect again",
            Turn("[limits] tcp_midstream_grace, idle_timeout"),
        ),
    ),
    (
        "tcp.hold-limit",
        note(
            "a fast sender on a path that loses much",
            Turn("[limits] held_bytes_per_flow"),
        ),
    ),
    (
        "udp.",
        note("a driver that leaves checksums to hardware", Except),
    ),
    (
        "tls.required",
        note(
            "devices that can't speak TLS",
            Turn("[tls] required_from, by side or zone"),
        ),
    ),
    (
        "tls.plaintext.",
        note(
            "devices that can't speak TLS",
            Turn("[services]: is the port one of TLS?"),
        ),
    ),
    (
        "tls.malformed.",
        note(
            "another protocol on the port",
            Turn("[services]: is the port one of TLS?"),
        ),
    ),
    (
        "dtls.malformed.",
        note(
            "another protocol on the port",
            Turn("[services]: is the port one of DTLS?"),
        ),
    ),
    (
        "mqtt.malformed.",
        note(
            "devices older than the clause; see rules/legacy-devices.toml",
            Except,
        ),
    ),
    (
        "mqtt.malformed.packet-id-zero",
        note(
            "devices that never number their packets",
            Turn("rules/legacy-devices.toml has the rule"),
        ),
    ),
    (
        "mqtt.malformed.dup-qos0",
        note(
            "devices that mark every repetition",
            Turn("rules/legacy-devices.toml has the rule"),
        ),
    ),
    (
        "mqtt.malformed.length-not-minimal",
        note(
            "devices with a fixed number of length bytes",
            Turn("rules/legacy-devices.toml has the rule"),
        ),
    ),
    (
        "mqtt.anomaly.",
        note(
            "legal, or known of devices that can't be changed",
            Stop("a rule with this reason, where it is to be stopped"),
        ),
    ),
    ("mqtt.spoofed.", note(NO_PEER, Except)),
    (
        "mqtt.session.",
        note(
            "a peer that breaks the order of packets, until it is mended",
            Except,
        ),
    ),
    (
        "mqtt.session.still-shared",
        note(
            "a client that changes from a subscription of its own to a group's: the standard allows it",
            Except,
        ),
    ),
    (
        "mqtt.session.pingresp-unexpected",
        note(
            "a server or proxy that shows by itself that it lives; its clients don't mind",
            Stop(
                "a rule with this reason and action = \"reset\", where your server is known not to",
            ),
        ),
    ),
    (
        "mqtt.session.keep-alive",
        note(
            "a client that sleeps longer than it said; its server would end it, too",
            Turn("a longer keep alive, or a rule for the client"),
        ),
    ),
    (
        "mqtt.session.packet-stalled",
        note(
            "an upload over a line that is down for minutes",
            Turn("[limits] packet_timeout, or a rule for the client before mqtt-dos.toml"),
        ),
    ),
    (
        "mqtt.session.connect-timeout",
        note(
            "health checks that open a connection and say nothing",
            Turn("[limits] connect_timeout, or a rule for the checker"),
        ),
    ),
    (
        "mqtt.ack.",
        note("a peer that forgot its books across a restart", Except),
    ),
    (
        "mqtt.packet-id.",
        note("clients that reuse identifiers too early", Except),
    ),
    (
        "mqtt.flow-control.",
        note("peers that don't count what is in flight", Except),
    ),
    (
        "mqtt.negotiated.",
        note(
            "a peer that doesn't read what the other end asked for",
            Except,
        ),
    ),
    (
        "mqtt.alias.",
        note("a peer that kept its aliases across connections", Except),
    ),
    (
        "mqtt.auth.",
        note(
            "a peer that mixes up the steps of an authentication",
            Except,
        ),
    ),
    (
        "mqtt.auth.failed",
        note(
            "a wrong or forgotten password",
            Turn("the counts in rules/mqtt-dos.toml"),
        ),
    ),
    (
        "mqtt.takeover.",
        note(
            "a device that roams, or got another address",
            Stop(
                "a rule that stops it, where addresses are fixed; rules/README.md, Names and addresses",
            ),
        ),
    ),
    (
        "mqtt.too-large",
        note(
            "large payloads, as firmware",
            Turn(
                "[limits] mqtt_packet_bytes, partial_common_bytes; what a rule accepts of it passes unread by all others",
            ),
        ),
    ),
    (
        "mqtt.wrong-protocol.",
        note(
            "a scanner, or a service on the wrong port",
            Turn("[services]"),
        ),
    ),
    (
        "coap.wrong-protocol.",
        note(
            "a scanner, or a service on the wrong port",
            Turn("[services]"),
        ),
    ),
    (
        "coap.malformed.",
        note("devices whose stack is older than the clause", Except),
    ),
    (
        "coap.malformed.option-value-length",
        note(
            "a sender that breaks the clause; receivers ignore an elective option (of an even number) then, and answer",
            Except,
        ),
    ),
    (
        "coap.malformed.oscore-option",
        note(
            "devices that speak Group OSCORE, to which a bit reserved before belongs",
            Turn("rules/legacy-devices.toml has the rule"),
        ),
    ),
    (
        "coap.anomaly.",
        note(
            "legal, or known of devices",
            Stop("a rule with this reason, where it is to be stopped"),
        ),
    ),
    (
        "coap.anomaly.path-empty-segment",
        note(
            "paths that end in a slash, as aiocoap's resource directory has them",
            Except,
        ),
    ),
    (
        "coap.spoofed.",
        note(
            "an answer that came after the exchange was given up; its client would drop it, too",
            Except,
        ),
    ),
    (
        "coap.exchange.",
        note(
            "a device that restarted, or a path that repeats and delays",
            Stop("a rule with this reason, for what moves something"),
        ),
    ),
    (
        "coap.spoofed.second-response",
        note(
            "a request that was repeated where the gateway doesn't see it; its client has an answer",
            Except,
        ),
    ),
    (
        "coap.exchange.forgotten",
        note(
            "a busy network, or somebody who floods it",
            Turn("[limits] exchanges"),
        ),
    ),
    (
        "coap.exchange.non-acknowledged",
        note(
            "small servers, which acknowledge whatever they are asked",
            Stop("a rule with this reason, where no such server is"),
        ),
    ),
    (
        "coap.block.continue",
        note("a server that takes any PUT for a block", Except),
    ),
    (
        "coap.observe.",
        note(
            "notifications that overtook each other",
            Stop("a rule with this reason, for what moves something"),
        ),
    ),
    (
        "coap.block.",
        note(
            "an upload whose first blocks took another way, or were lost before the gateway started",
            Except,
        ),
    ),
    ("coap.multicast.", note("old discovery tools", Except)),
    (
        "coap.amplification.ratio",
        note(
            "clients that ask little and get much; a challenge lets them prove their address, and go on",
            Turn("the rule's limit; of one that challenges, proof = \"any\""),
        ),
    ),
    (
        "coap.midstream",
        note(
            "every exchange older than the gateway, for a short time",
            Turn("nothing: it ends by itself"),
        ),
    ),
    (
        "coap.too-large",
        note("bodies that should come in blocks", Turn("[limits]")),
    ),
    (
        "coap.tcp.request-after-release",
        note(
            "a client that asks on until it is hung up on, which no clause forbids",
            Stop("a rule with this reason"),
        ),
    ),
    (
        "coap.tcp.pong-",
        note(
            "libcoap 4.3, whose Pong has no token whatever the Ping had",
            Stop("a rule with this reason, where no such server is"),
        ),
    ),
    (
        "coap.tcp.critical-option",
        note(
            "ends that both know an option newer than this gateway",
            Except,
        ),
    ),
    (
        "coap.tcp.",
        note("a peer that skips the first step of RFC 8323", Except),
    ),
    (
        "rule.limit.",
        note(
            "whoever does much; the rule says what is too much",
            Turn("the rule's limit"),
        ),
    ),
    (
        "rule.limit.distinct",
        note(
            "a gateway or a NAT with many devices behind one address, a test rig under names made up anew",
            Turn(
                "the rule's `distinct`, or a rule without the limit before it that accepts those addresses",
            ),
        ),
    ),
    (
        "rule.limit.max",
        note(
            "a device that vanished without a word and comes back under another name: what it held counts \
             until its keep alive has passed",
            Turn("the rule's `max`, with room for those that come back"),
        ),
    ),
    ("limits.", note("a busy network", Turn(LIMIT))),
];
