//! Attacks on CoAP that one message gives away, byte for byte, against the shipped baseline: each is
//! stopped, for what the clause says.

use policy::Side;
use testkit::network::{Ends, Gateway};
use weir_inspect::Verdict;
use wire::Direction::{self, ToClient, ToServer};

const BASELINE: &str = include_str!("../../../rules/baseline.toml");
const SERVER: &str = "192.0.2.1:5683";
const GROUP: &str = "224.0.1.187:5683";

/// An attack, its reason and its datagram.
type Row = (&'static str, &'static str, &'static str);

#[rustfmt::skip]
const REQUESTS: &[Row] = &[
    ("unknown version", "coap.malformed.version", "80010001"),
    ("reserved token length", "coap.malformed.token-length", "4f010001414141414141414141414141414141"),
    ("datagram shorter than a header", "coap.malformed.too-short", "400100"),
    ("token cut short", "coap.malformed.token-truncated", "4801000141"),
    ("delta nibble 15", "coap.malformed.option-delta", "40010001f0"),
    ("length nibble 15", "coap.malformed.option-length", "40010001bf"),
    ("extended delta cut short", "coap.malformed.option-header-truncated", "40010001d0"),
    ("extended delta half there", "coap.malformed.option-header-truncated", "40010001e000"),
    ("option number overflow", "coap.malformed.option-number", "40010001e0ffffe0ffff"),
    ("option beyond the datagram", "coap.malformed.option-truncated", "40010001bdff61"),
    ("payload marker without payload", "coap.malformed.payload-marker", "40010001ff"),
    ("empty message with a token", "coap.malformed.empty-message", "4400000141424344"),
    ("empty NON", "coap.malformed.empty-non-confirmable", "50000001"),
    ("code class 1", "coap.malformed.code-class", "40200001"),
    ("code class 6", "coap.malformed.code-class", "40c00001"),
    ("a signal in a datagram", "coap.malformed.code-class", "40e10001"),
    ("request in an ACK", "coap.malformed.ack-request", "60010001"),
    ("RST with a code", "coap.malformed.reset-not-empty", "70450001"),
    ("two hosts", "coap.malformed.option-repeated", "4001000131610162"),
    ("ETag of nine bytes", "coap.malformed.option-value-length", "4001000149313233343536373839"),
    ("Observe of four bytes", "coap.malformed.option-value-length", "400100016400000000"),
    ("dots in a path", "coap.malformed.path-dots", "40010001b22e2e03657463"),
    ("CoAPthon3, CVE-2018-12680", "coap.malformed.code-class",
        "63ff00ff00dd8000fffa62010000004444683d3d3d3d3d3d3d3d3d3d4f6c68"),
    ("CoAPthon, CVE-2018-12679", "coap.malformed.code-class", "64fff5063106fd400606fa29"),
    ("Wakaama, CVE-2019-9004", "coap.malformed.option-truncated", "4402e6e2e2e68167b2726411"),
    ("DTLS on the plaintext port", "coap.malformed.version", "16fefd0000"),
    ("block size 7", "coap.malformed.block-size", "40030001b175d1030fff41414141414141414141"),
    ("block of another size", "coap.malformed.block-payload", "40030001b175d1030aff41414141414141414141"),
    ("Proxy-Uri beside Uri-Path", "coap.malformed.proxy-uri-conflict", "40010001b161da0b636f61703a2f2f682f62"),
    ("hop limit spent", "coap.malformed.hop-limit-zero", "40010001d10300"),
    ("OSCORE with reserved flags", "coap.malformed.oscore-option", "4002000192ff01ff000000000000000000"),
    ("OSCORE without payload", "coap.malformed.oscore-payload", "4002000193090142"),
    ("Echo without value", "coap.malformed.option-value-length", "40010001b178d0e4"),
];

#[rustfmt::skip]
const RESPONSES: &[Row] = &[
    ("unsolicited response", "coap.spoofed.unmatched-response", "524500017a7aff78"),
    ("notification nobody registered for", "coap.spoofed.unmatched-response", "524500097a7a6101ff78"),
    ("2.03 with a payload", "coap.malformed.valid-payload", "604300014161ff78"),
];

#[rustfmt::skip]
const TO_GROUPS: &[Row] = &[
    ("CON to a group", "coap.multicast.confirmable", "40010001bb2e77656c6c2d6b6e6f776e04636f7265"),
    ("observation of a group", "coap.multicast.observe", "50010001605174"),
];

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            let pair = std::str::from_utf8(pair).expect("ASCII");
            u8::from_str_radix(pair, 16).expect("hex")
        })
        .collect()
}

fn assert_stopped(rows: &[Row], server: &str, direction: Direction) {
    let ends = Ends::of("10.20.0.7:40000", server);
    for (name, reason, datagram) in rows {
        let mut gateway = Gateway::of("", BASELINE);
        let frame = ends.datagram(direction, &bytes(datagram));
        let passage = gateway.carry(ends.side_of_sender(direction), &frame);
        assert_eq!(passage.reason(), Some(*reason), "{name}");
        assert_eq!(passage.verdict(), Verdict::Drop, "{name}");
        assert!(
            passage.toward(Side::Outside).is_empty() || direction == ToClient,
            "{name}"
        );
        assert!(!passage.outcome.forward, "{name}");
    }
}

#[test]
fn what_no_client_may_send() {
    assert_stopped(REQUESTS, SERVER, ToServer);
}

#[test]
fn what_no_server_may_send() {
    assert_stopped(RESPONSES, SERVER, ToClient);
}

#[test]
fn what_no_group_may_be_asked() {
    assert_stopped(TO_GROUPS, GROUP, ToServer);
}

/// Proxy-Uri whose host takes more room than there is for Uri-Host (CVE-2025-34468).
#[test]
fn a_proxy_is_not_given_a_host_too_long() {
    let mut datagram = Vec::new();
    let uri = format!("coap://{}/", "A".repeat(300));
    wire::coap::encode::Builder::new(
        &mut datagram,
        wire::coap::Type::Confirmable,
        wire::coap::Code::GET,
        1,
        &[],
    )
    .option(wire::coap::number::PROXY_URI, uri.as_bytes());
    let ends = Ends::of("10.20.0.7:40000", SERVER);
    let mut gateway = Gateway::of("", BASELINE);
    let passage = gateway.carry(Side::Inside, &ends.datagram(ToServer, &datagram));
    passage.assert_dropped("coap.malformed.proxy-uri-host");
}

/// Where a rule has to decide, nothing is stopped unasked, but for tokens longer than most have room for.
#[test]
fn what_is_odd_is_named_and_passes() {
    #[rustfmt::skip]
    let rows: &[(&str, Verdict, &str)] = &[
        ("coap.anomaly.unknown-method", Verdict::Accept, "401f0001"),
        ("coap.anomaly.unknown-critical-option", Verdict::Accept, "40010001d10031"),
        ("coap.anomaly.reserved-option", Verdict::Accept, "40010001000000"),
        ("coap.anomaly.path-empty-segment", Verdict::Accept, "40010001b0"),
        ("coap.anomaly.undefined-payload", Verdict::Accept, "40010001b161ff78"),
        ("coap.anomaly.uri-host", Verdict::Accept, "4001000133612f62"),
        ("coap.anomaly.extended-token", Verdict::Reset, "49010001414141414141414141"),
    ];
    let ends = Ends::of("10.20.0.7:40000", SERVER);
    for (reason, verdict, datagram) in rows {
        let mut gateway = Gateway::of("", BASELINE);
        let passage = gateway.carry(Side::Inside, &ends.datagram(ToServer, &bytes(datagram)));
        assert_eq!(passage.reason(), Some(*reason));
        assert_eq!(passage.verdict(), *verdict, "{reason}");
    }
}
