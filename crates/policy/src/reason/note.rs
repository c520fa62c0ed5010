//! What people ask about a detection: could it be harmless, and how is it tuned?

use super::Reason;

/// The answers, for a reason or a family of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Note {
    /// Who may raise it without meaning harm.
    pub harmless: &'static str,
    /// What to turn, beside a rule that makes an exception.
    pub tune: &'static str,
}

const fn note(harmless: &'static str, tune: &'static str) -> Note {
    Note { harmless, tune }
}

const OWN_RULE: &str = "a rule before the one that acts on it, for the devices it is about";
const NO_PEER: &str = "no known client or server: somebody's bytes are broken or forged";
const LIMIT: &str = "[limits]: give it more room if memory allows, and look for who takes it up";

/// By what a code begins with; the longest beginning is the one that counts.
const NOTES: &[(&str, Note)] = &[
    (
        "ethernet.stacked-tags",
        note(
            "a port that stands between provider bridges",
            "take the outer tag off ahead of the gateway",
        ),
    ),
    (
        "ethernet.",
        note("a driver or a switch that damages frames", OWN_RULE),
    ),
    (
        "ip.malformed.",
        note(
            "a driver that leaves checksums to hardware the capture didn't pass",
            OWN_RULE,
        ),
    ),
    (
        "ip.fragment",
        note(
            "large datagrams over a tunnel, or a path with a small MTU",
            "[ip] fragments = \"forward\", or smaller datagrams",
        ),
    ),
    (
        "ip.wrong-side",
        note(
            "an address that moved to the other side, until its flows are forgotten",
            OWN_RULE,
        ),
    ),
    (
        "ip.martian",
        note("nobody: such a source can't be answered", OWN_RULE),
    ),
    (
        "tcp.",
        note(
            "a peer that was away for long, or a path that reorders much; it repeats what was dropped",
            OWN_RULE,
        ),
    ),
    (
        "tcp.malformed.",
        note("a driver that leaves checksums to hardware", OWN_RULE),
    ),
    (
        "tcp.overlap-conflict",
        note(
            "a middlebox that rewrites a stream, or an end that lost its buffer",
            OWN_RULE,
        ),
    ),
    (
        "tcp.data-on-syn",
        note(
            "a client with TCP Fast Open; it connects without, too",
            OWN_RULE,
        ),
    ),
    (
        "tcp.multipath",
        note(
            "a client with Multipath TCP: its option is taken out, and it goes on with plain TCP",
            "a rule that accepts it is silent, one that drops it refuses such clients",
        ),
    ),
    (
        "tcp.midstream",
        note("every connection older than the gateway", "[tcp] midstream"),
    ),
    (
        "tcp.no-connection",
        note(
            "a connection that said nothing for longer than it is remembered; its ends connect again",
            "[limits] tcp_midstream_grace, idle_timeout",
        ),
    ),
    (
        "tcp.hold-limit",
        note(
            "a fast sender on a path that loses much",
            "[limits] held_bytes_per_flow",
        ),
    ),
    (
        "udp.",
        note("a driver that leaves checksums to hardware", OWN_RULE),
    ),
    (
        "tls.required",
        note(
            "devices that can't speak TLS",
            "[tls] required_from, by side or zone",
        ),
    ),
    (
        "tls.plaintext.",
        note(
            "devices that can't speak TLS",
            "[services]: is the port one of TLS?",
        ),
    ),
    (
        "tls.malformed.",
        note(
            "another protocol on the port",
            "[services]: is the port one of TLS?",
        ),
    ),
    (
        "dtls.malformed.",
        note(
            "another protocol on the port",
            "[services]: is the port one of DTLS?",
        ),
    ),
    (
        "mqtt.malformed.",
        note(
            "devices older than the clause; see rules/legacy-devices.toml",
            OWN_RULE,
        ),
    ),
    (
        "mqtt.malformed.packet-id-zero",
        note(
            "devices that never number their packets",
            "rules/legacy-devices.toml has the rule",
        ),
    ),
    (
        "mqtt.malformed.dup-qos0",
        note(
            "devices that mark every repetition",
            "rules/legacy-devices.toml has the rule",
        ),
    ),
    (
        "mqtt.malformed.length-not-minimal",
        note(
            "devices with a fixed number of length bytes",
            "rules/legacy-devices.toml has the rule",
        ),
    ),
    (
        "mqtt.anomaly.",
        note(
            "legal, or known of devices that can't be changed: it passes",
            "a rule with this reason, where it is to be stopped",
        ),
    ),
    ("mqtt.spoofed.", note(NO_PEER, OWN_RULE)),
    (
        "mqtt.session.",
        note(
            "a peer that breaks the order of packets, until it is mended",
            OWN_RULE,
        ),
    ),
    (
        "mqtt.session.still-shared",
        note(
            "a client that changes from a subscription of its own to a group's: the standard allows it",
            OWN_RULE,
        ),
    ),
    (
        "mqtt.session.pingresp-unexpected",
        note(
            "a server or proxy that shows by itself that it lives; its clients don't mind",
            "a rule with this reason and action = \"reset\", where your server is known not to",
        ),
    ),
    (
        "mqtt.session.keep-alive",
        note(
            "a client that sleeps longer than it said; its server would end it, too",
            "a longer keep alive, or a rule for the client",
        ),
    ),
    (
        "mqtt.session.packet-stalled",
        note(
            "an upload over a line that is down for minutes",
            "[limits] packet_timeout, or a rule for the client before mqtt-dos.toml",
        ),
    ),
    (
        "mqtt.session.connect-timeout",
        note(
            "health checks that open a connection and say nothing",
            "[limits] connect_timeout, or a rule for the checker",
        ),
    ),
    (
        "mqtt.ack.",
        note("a peer that forgot its books across a restart", OWN_RULE),
    ),
    (
        "mqtt.packet-id.",
        note(
            "clients that reuse identifiers too early; their messages arrive all the same",
            OWN_RULE,
        ),
    ),
    (
        "mqtt.flow-control.",
        note("peers that don't count what is in flight", OWN_RULE),
    ),
    (
        "mqtt.negotiated.",
        note(
            "a peer that doesn't read what the other end asked for",
            OWN_RULE,
        ),
    ),
    (
        "mqtt.alias.",
        note("a peer that kept its aliases across connections", OWN_RULE),
    ),
    (
        "mqtt.auth.",
        note(
            "a peer that mixes up the steps of an authentication",
            OWN_RULE,
        ),
    ),
    (
        "mqtt.auth.failed",
        note(
            "a wrong or forgotten password",
            "the counts in rules/mqtt-dos.toml",
        ),
    ),
    (
        "mqtt.takeover.",
        note(
            "a device that roams, or got another address",
            "a rule that stops it, where addresses are fixed; rules/README.md, Names and addresses",
        ),
    ),
    (
        "mqtt.too-large",
        note(
            "large payloads, as firmware",
            "[limits] mqtt_packet_bytes, partial_common_bytes; what a rule accepts of it passes unread by all others",
        ),
    ),
    (
        "mqtt.wrong-protocol.",
        note("a scanner, or a service on the wrong port", "[services]"),
    ),
    (
        "coap.wrong-protocol.",
        note("a scanner, or a service on the wrong port", "[services]"),
    ),
    (
        "coap.malformed.",
        note("devices whose stack is older than the clause", OWN_RULE),
    ),
    (
        "coap.malformed.option-value-length",
        note(
            "a sender that breaks the clause; receivers ignore an elective option (of an even number) then, and answer",
            OWN_RULE,
        ),
    ),
    (
        "coap.malformed.oscore-option",
        note(
            "devices that speak Group OSCORE, to which a bit reserved before belongs",
            "rules/legacy-devices.toml has the rule",
        ),
    ),
    (
        "coap.anomaly.",
        note(
            "legal, or known of devices: it passes",
            "a rule with this reason, where it is to be stopped",
        ),
    ),
    (
        "coap.spoofed.",
        note(
            "an answer that came after the exchange was given up; its client would drop it, too",
            OWN_RULE,
        ),
    ),
    (
        "coap.exchange.",
        note(
            "a device that restarted, or a path that repeats and delays",
            "a rule with this reason, for what moves something",
        ),
    ),
    (
        "coap.spoofed.second-response",
        note(
            "a request that was repeated where the gateway doesn't see it; its client has an answer",
            OWN_RULE,
        ),
    ),
    (
        "coap.exchange.forgotten",
        note(
            "a busy network, or somebody who floods it",
            "[limits] exchanges",
        ),
    ),
    (
        "coap.exchange.non-acknowledged",
        note(
            "small servers, which acknowledge whatever they are asked",
            "a rule with this reason, where no such server is",
        ),
    ),
    (
        "coap.block.continue",
        note("a server that takes any PUT for a block", OWN_RULE),
    ),
    (
        "coap.observe.",
        note(
            "notifications that overtook each other",
            "a rule with this reason, for what moves something",
        ),
    ),
    (
        "coap.block.",
        note(
            "an upload whose first blocks took another way, or were lost before the gateway started",
            OWN_RULE,
        ),
    ),
    ("coap.multicast.", note("old discovery tools", OWN_RULE)),
    (
        "coap.amplification.ratio",
        note(
            "clients that ask little and get much; they are asked to prove their address, and go on",
            "the rule's limit, or proof = \"any\"",
        ),
    ),
    (
        "coap.midstream",
        note(
            "every exchange older than the gateway, for a short time",
            "nothing: it ends by itself",
        ),
    ),
    (
        "coap.too-large",
        note("bodies that should come in blocks", "[limits]"),
    ),
    (
        "coap.tcp.request-after-release",
        note(
            "a client that asks on until it is hung up on, which no clause forbids",
            "a rule with this reason",
        ),
    ),
    (
        "coap.tcp.pong-",
        note(
            "libcoap 4.3, whose Pong has no token whatever the Ping had",
            "a rule with this reason, where no such server is",
        ),
    ),
    (
        "coap.tcp.critical-option",
        note(
            "ends that both know an option newer than this gateway",
            OWN_RULE,
        ),
    ),
    (
        "coap.tcp.",
        note("a peer that skips the first step of RFC 8323", OWN_RULE),
    ),
    (
        "rule.limit.",
        note(
            "whoever does much; the rule says what is too much",
            "the rule's limit",
        ),
    ),
    (
        "rule.limit.distinct",
        note(
            "a gateway or a NAT with many devices behind one address, a test rig under names made up anew",
            "the rule's `distinct`, or a rule without the limit before it that accepts those addresses",
        ),
    ),
    (
        "rule.limit.max",
        note(
            "a device that vanished without a word and comes back under another name: what it held counts \
             until its keep alive has passed",
            "the rule's `max`, with room for those that come back",
        ),
    ),
    ("limits.", note("a busy network", LIMIT)),
];

impl Reason {
    /// Who may raise it harmlessly, and how to tune it.
    #[must_use]
    pub fn note(self) -> Note {
        let mut fitting: Vec<_> = NOTES
            .iter()
            .filter(|(beginning, _)| self.code().starts_with(beginning))
            .collect();
        fitting.sort_by_key(|(beginning, _)| beginning.len());
        let longest = fitting.last().map(|(_, note)| *note);
        longest.unwrap_or(note(NO_PEER, OWN_RULE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_note_and_every_note_a_reason() {
        for reason in Reason::ALL {
            let mut notes = NOTES.iter();
            assert!(
                notes.any(|(beginning, _)| reason.code().starts_with(beginning)),
                "{reason}"
            );
        }
        for (beginning, note) in NOTES {
            let mut reasons = Reason::ALL.iter();
            assert!(reasons.any(|reason| reason.note() == *note), "{beginning}");
        }
    }
}
