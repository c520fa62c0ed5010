//! Fragments.

use abi::{Fragments, Outcome, PortConfig};
use weir_tests::frame::{
    ETHERNET_LEN, IPV4, TCP, UDP, ethernet, extension, fragment_header, ipv4, ipv4_fragment, tcp,
    udp,
};
use weir_tests::xdp::{Action, Rig};

use crate::{A4, B4, DESTINATION, FRAGMENT, ICMP, check, v6, with};

#[test]
fn first_fragments_of_services_are_refused_and_later_ones_are_harmless() {
    use Action::{Drop, Redirect};
    use Outcome::{Forward, ForwardFragment, Fragment, MalformedIpv6Extension};
    let first = |datagram| ethernet(IPV4, &ipv4_fragment(datagram, 0, true));
    let coap = || ipv4(A4, B4, UDP, &udp(40000, 5683, &[0; 24]));
    let cases = [
        ("the first", first(coap()), Drop, Fragment),
        (
            "the first, from the service",
            first(ipv4(B4, A4, UDP, &udp(5683, 40000, &[0; 24]))),
            Drop,
            Fragment,
        ),
        (
            "the first, of TCP",
            first(ipv4(A4, B4, TCP, &tcp(40000, 1883, &[0; 4]))),
            Drop,
            Fragment,
        ),
        (
            "the first, of another port",
            first(ipv4(A4, B4, UDP, &udp(40000, 53, &[0; 24]))),
            Redirect,
            Forward,
        ),
        (
            "the first, without ports",
            first(ipv4(A4, B4, TCP, &[0x9c, 0x40, 0x07])),
            Drop,
            Fragment,
        ),
        (
            "the second",
            ethernet(IPV4, &ipv4_fragment(coap(), 1, true)),
            Redirect,
            ForwardFragment,
        ),
        (
            "the last",
            ethernet(IPV4, &ipv4_fragment(coap(), 0x1fff, false)),
            Redirect,
            ForwardFragment,
        ),
        (
            "of another protocol",
            first(ipv4(A4, B4, ICMP, &[0; 8])),
            Redirect,
            Forward,
        ),
        (
            "a later one of another protocol",
            ethernet(IPV4, &ipv4_fragment(ipv4(A4, B4, ICMP, &[0; 8]), 9, true)),
            Redirect,
            Forward,
        ),
        (
            "don't fragment",
            with(ethernet(IPV4, &coap()), ETHERNET_LEN + 6, &[0x40, 0]),
            Redirect,
            Outcome::Inspect,
        ),
        (
            "the first, IPv6",
            v6(
                FRAGMENT,
                &fragment_header(UDP, 0, true, &udp(40000, 5683, &[0; 24])),
            ),
            Drop,
            Fragment,
        ),
        (
            "the first, IPv6, of another port",
            v6(
                FRAGMENT,
                &fragment_header(UDP, 0, true, &udp(40000, 53, &[0; 24])),
            ),
            Redirect,
            Forward,
        ),
        (
            "a later one, IPv6",
            v6(
                FRAGMENT,
                &fragment_header(UDP, 3, true, &udp(40000, 5683, &[0; 24])),
            ),
            Redirect,
            ForwardFragment,
        ),
        (
            "the last, IPv6, behind options",
            v6(
                DESTINATION,
                &extension(FRAGMENT, &fragment_header(TCP, 3, false, &[0; 8])),
            ),
            Redirect,
            ForwardFragment,
        ),
        (
            "the first, IPv6, without ports",
            v6(FRAGMENT, &fragment_header(UDP, 0, true, &[])),
            Drop,
            Fragment,
        ),
        (
            "the first, IPv6, within its options",
            v6(FRAGMENT, &fragment_header(DESTINATION, 0, true, &[])),
            Drop,
            MalformedIpv6Extension,
        ),
        (
            "a later one of options alone, IPv6",
            v6(FRAGMENT, &fragment_header(DESTINATION, 4, true, &[0; 8])),
            Redirect,
            Forward,
        ),
        (
            "the only one, IPv6",
            v6(
                FRAGMENT,
                &fragment_header(UDP, 0, false, &udp(40000, 5683, &[])),
            ),
            Drop,
            Fragment,
        ),
        (
            "the only one within a first one, IPv6",
            v6(
                FRAGMENT,
                &fragment_header(
                    FRAGMENT,
                    0,
                    true,
                    &fragment_header(UDP, 0, false, &udp(40000, 5683, &[])),
                ),
            ),
            Drop,
            Fragment,
        ),
    ];
    let mut rig = Rig::in_service();
    check(&mut rig, &cases);

    let config = PortConfig {
        fragments: Fragments::Forward,
        stale_after_ns: u64::MAX,
        ..PortConfig::default()
    };
    rig.configure(config);
    let cases = [
        (
            "let through",
            first(coap()),
            Redirect,
            Outcome::OpenFragment,
        ),
        (
            "not without ports",
            first(ipv4(A4, B4, UDP, &[1])),
            Drop,
            Fragment,
        ),
    ];
    check(&mut rig, &cases);
}
