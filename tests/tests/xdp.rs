//! The XDP program in the kernel, frame by frame: what it does with each and what it counts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use abi::{Fragments, OnFailure, Outcome, PortConfig, Refusals, ban};
use ipnet::IpNet;
use weir_tests::frame::{
    self, ETHERNET_LEN, IPV4, IPV6, SERVICE_VLAN, TCP, UDP, VLAN, ethernet, extension,
    fragment_header, ipv4, ipv4_fragment, ipv4_with_options, ipv6, tag, tcp, udp,
};
use weir_tests::xdp::{Action, Rig, monotonic_ns};

const A4: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 7);
const B4: Ipv4Addr = Ipv4Addr::new(10, 30, 0, 9);
const A6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x20, 0, 0, 0, 0, 0, 7);
const B6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x30, 0, 0, 0, 0, 0, 9);

const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;
const FRAGMENT: u8 = 44;
const HOP_BY_HOP: u8 = 0;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
const ROUTING: u8 = 43;

/// Runs each frame and collects all disagreements before it fails.
fn check(rig: &mut Rig, cases: &[(&str, Vec<u8>, Action, Outcome)]) {
    let mut wrong = Vec::new();
    for (what, frame, action, outcome) in cases {
        let got = rig.run(frame);
        if got != (*action, *outcome) {
            wrong.push(format!(
                "{what}: expected {:?}, got {got:?}",
                (action, outcome)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn v4(protocol: u8, transport: &[u8]) -> Vec<u8> {
    ethernet(IPV4, &ipv4(A4, B4, protocol, transport))
}

fn v6(next_header: u8, payload: &[u8]) -> Vec<u8> {
    ethernet(IPV6, &ipv6(A6, B6, next_header, payload))
}

/// Overwrites bytes of a frame.
fn with(mut frame: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
    frame[at..at + bytes.len()].copy_from_slice(bytes);
    frame
}

/// The frame's first `len` bytes.
fn cut(mut frame: Vec<u8>, len: usize) -> Vec<u8> {
    frame.truncate(len);
    frame
}

/// A TCP segment with as many bytes of options as the data offset announces.
fn tcp_with_options(words: u8) -> Vec<u8> {
    let segment = tcp(40000, 1883, &vec![1; usize::from(words) * 4]);
    with(segment, 12, &[(5 + words) << 4])
}

#[test]
fn frames_of_services_go_to_the_worker() {
    use Action::Redirect;
    use Outcome::Inspect;
    let tcp_options = tcp_with_options(3);
    let eight = (0..8).fold((TCP, tcp(40000, 1883, b"")), |(next, payload), _| {
        (DESTINATION, extension(next, &payload))
    });
    let cases = [
        (
            "TCP to a service",
            v4(TCP, &tcp(40000, 1883, b"")),
            Redirect,
            Inspect,
        ),
        (
            "TCP from a service",
            v4(TCP, &tcp(1883, 40000, b"x")),
            Redirect,
            Inspect,
        ),
        ("TCP with options", v4(TCP, &tcp_options), Redirect, Inspect),
        (
            "UDP to a service",
            v4(UDP, &udp(40000, 5683, b"")),
            Redirect,
            Inspect,
        ),
        (
            "UDP from a service",
            v4(UDP, &udp(5684, 40000, b"x")),
            Redirect,
            Inspect,
        ),
        (
            "TCP over IPv6",
            v6(TCP, &tcp(40000, 8883, b"x")),
            Redirect,
            Inspect,
        ),
        (
            "UDP over IPv6",
            v6(UDP, &udp(40000, 5683, b"x")),
            Redirect,
            Inspect,
        ),
        (
            "Ethernet padding after the datagram",
            [v4(UDP, &udp(1, 5683, b"")), vec![0; 18]].concat(),
            Redirect,
            Inspect,
        ),
        (
            "IPv4 options",
            ethernet(
                IPV4,
                &ipv4_with_options(A4, B4, &[[1; 4]; 10], TCP, &tcp(40000, 1883, b"")),
            ),
            Redirect,
            Inspect,
        ),
        (
            "one VLAN tag",
            ethernet(
                VLAN,
                &tag(42, IPV4, &ipv4(A4, B4, TCP, &tcp(40000, 1883, b""))),
            ),
            Redirect,
            Inspect,
        ),
        (
            "one service VLAN tag, IPv6",
            ethernet(
                SERVICE_VLAN,
                &tag(42, IPV6, &ipv6(A6, B6, UDP, &udp(40000, 5683, b""))),
            ),
            Redirect,
            Inspect,
        ),
        (
            "hop-by-hop, routing and destination options",
            v6(
                HOP_BY_HOP,
                &extension(
                    ROUTING,
                    &extension(DESTINATION, &extension(TCP, &tcp(40000, 1883, b""))),
                ),
            ),
            Redirect,
            Inspect,
        ),
        (
            "eight extension headers",
            v6(eight.0, &eight.1),
            Redirect,
            Inspect,
        ),
        (
            "a fragment header on a whole datagram",
            v6(
                FRAGMENT,
                &fragment_header(UDP, 0, false, &udp(40000, 5683, b"")),
            ),
            Redirect,
            Inspect,
        ),
        (
            "an authentication header, in words of four bytes",
            v6(
                AUTHENTICATION,
                &[
                    &[TCP, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
                    &tcp(40000, 1883, b""),
                ]
                .concat(),
            ),
            Redirect,
            Inspect,
        ),
        (
            "an authentication header before IPv4's TCP is another protocol",
            v4(
                AUTHENTICATION,
                &[
                    &[TCP, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
                    &tcp(40000, 1883, b""),
                ]
                .concat(),
            ),
            Redirect,
            Outcome::Forward,
        ),
    ];
    check(&mut Rig::in_service(), &cases);
}

#[test]
fn everything_else_goes_to_the_peer() {
    use Action::Redirect;
    use Outcome::Forward;
    let arp = [0, 1, 8, 0, 6, 4, 0, 1];
    let stp = [0x42, 0x42, 0x03, 0, 0, 0, 0, 0];
    let cases = [
        ("ARP", ethernet(0x0806, &arp), Redirect, Forward),
        ("LLDP", ethernet(0x88cc, &[2, 7]), Redirect, Forward),
        ("EAPOL", ethernet(0x888e, &[1, 1, 0, 0]), Redirect, Forward),
        (
            "STP, a length in the Ethertype's place",
            ethernet(0x0026, &stp),
            Redirect,
            Forward,
        ),
        ("PPPoE", ethernet(0x8864, &[0x11, 0]), Redirect, Forward),
        ("MPLS", ethernet(0x8847, &[0; 4]), Redirect, Forward),
        (
            "an Ethernet header alone",
            ethernet(0x1234, &[]),
            Redirect,
            Forward,
        ),
        (
            "ARP in a VLAN",
            ethernet(VLAN, &tag(1, 0x0806, &arp)),
            Redirect,
            Forward,
        ),
        ("ICMP", v4(ICMP, &[8, 0, 0, 0]), Redirect, Forward),
        ("ICMPv6", v6(ICMPV6, &[135, 0, 0, 0]), Redirect, Forward),
        ("ESP over IPv6", v6(50, &[0; 8]), Redirect, Forward),
        ("no next header", v6(59, &[]), Redirect, Forward),
        (
            "TCP to another port",
            v4(TCP, &tcp(40000, 22, b"")),
            Redirect,
            Forward,
        ),
        (
            "UDP to another port",
            v6(UDP, &udp(40000, 53, b"")),
            Redirect,
            Forward,
        ),
        (
            "UDP to a TCP service's port",
            v4(UDP, &udp(40000, 1883, b"")),
            Redirect,
            Forward,
        ),
        (
            "TCP to a UDP service's port",
            v6(TCP, &tcp(40000, 5683, b"")),
            Redirect,
            Forward,
        ),
        (
            "a port whose bytes are a service's, swapped",
            v4(TCP, &tcp(40000, 1883_u16.swap_bytes(), b"")),
            Redirect,
            Forward,
        ),
        (
            "two VLAN tags, another port",
            ethernet(
                SERVICE_VLAN,
                &tag(1, VLAN, &tag(2, IPV4, &ipv4(A4, B4, TCP, &tcp(1, 22, b"")))),
            ),
            Redirect,
            Forward,
        ),
        (
            "two VLAN tags, ARP",
            ethernet(VLAN, &tag(1, VLAN, &tag(2, 0x0806, &arp))),
            Redirect,
            Forward,
        ),
        (
            "a broken TCP header to another port",
            v4(TCP, &with(tcp(40000, 22, b""), 12, &[0])),
            Redirect,
            Forward,
        ),
        (
            "IPv4 cut short behind the ports of another port",
            cut(v4(TCP, &tcp(40000, 22, b"")), ETHERNET_LEN + 24),
            Redirect,
            Forward,
        ),
    ];
    check(&mut Rig::in_service(), &cases);
}

#[test]
fn broken_headers_are_refused_where_they_hide_or_belie_a_service() {
    use Action::Drop;
    use Outcome::*;
    let service = || v4(TCP, &tcp(40000, 1883, b""));
    let service6 = || v6(UDP, &udp(40000, 5683, b"xyz"));
    let l3 = ETHERNET_LEN;
    let (l4, l4_v6) = (l3 + 20, l3 + 40);
    let nine = (0..9).fold((TCP, tcp(40000, 1883, b"")), |(next, payload), _| {
        (DESTINATION, extension(next, &payload))
    });
    let cases = [
        (
            "a VLAN tag cut short",
            ethernet(VLAN, &[0, 1, 8]),
            Drop,
            MalformedEthernet,
        ),
        (
            "a VLAN tag of nothing",
            ethernet(VLAN, &[]),
            Drop,
            MalformedEthernet,
        ),
        (
            "a second VLAN tag cut short",
            ethernet(VLAN, &tag(1, VLAN, &[0])),
            Drop,
            MalformedEthernet,
        ),
        ("IPv4 of nothing", ethernet(IPV4, &[]), Drop, MalformedIpv4),
        (
            "IPv4 one byte short",
            cut(service(), l3 + 19),
            Drop,
            MalformedIpv4,
        ),
        (
            "version 5 in IPv4",
            with(service(), l3, &[0x55]),
            Drop,
            MalformedIpv4,
        ),
        (
            "version 6 in IPv4",
            with(service(), l3, &[0x65]),
            Drop,
            MalformedIpv4,
        ),
        (
            "IPv4 header of 16 bytes",
            with(service(), l3, &[0x44]),
            Drop,
            MalformedIpv4,
        ),
        (
            "IPv4 header of 0 bytes",
            with(service(), l3, &[0x40]),
            Drop,
            MalformedIpv4,
        ),
        (
            "total length beyond the frame",
            with(service(), l3 + 2, &[0, 41]),
            Drop,
            MalformedIpv4,
        ),
        (
            "total length within the header",
            with(service(), l3 + 2, &[0, 19]),
            Drop,
            MalformedIpv4,
        ),
        (
            "total length of 0",
            with(service(), l3 + 2, &[0, 0]),
            Drop,
            MalformedIpv4,
        ),
        ("IPv6 of nothing", ethernet(IPV6, &[]), Drop, MalformedIpv6),
        (
            "IPv6 one byte short",
            cut(service6(), l3 + 39),
            Drop,
            MalformedIpv6,
        ),
        (
            "version 4 in IPv6",
            with(service6(), l3, &[0x40]),
            Drop,
            MalformedIpv6,
        ),
        (
            "payload length beyond the frame",
            with(service6(), l3 + 4, &[0, 12]),
            Drop,
            MalformedIpv6,
        ),
        (
            "an extension header beyond the payload length",
            with(
                v6(HOP_BY_HOP, &extension(UDP, &udp(1, 5683, b""))),
                l3 + 4,
                &[0, 0],
            ),
            Drop,
            MalformedIpv6,
        ),
        (
            "an extension header cut short",
            v6(HOP_BY_HOP, &[TCP]),
            Drop,
            MalformedIpv6Extension,
        ),
        (
            "a fragment header cut short",
            v6(FRAGMENT, &[TCP, 0, 0, 0, 0, 0, 0]),
            Drop,
            MalformedIpv6Extension,
        ),
        (
            "nine extension headers",
            v6(nine.0, &nine.1),
            Drop,
            MalformedIpv6Extension,
        ),
        (
            "an extension header longer than the frame",
            v6(
                DESTINATION,
                &with(extension(TCP, &tcp(1, 1883, b"")), 1, &[200]),
            ),
            Drop,
            MalformedTcp,
        ),
        (
            "TCP without ports",
            cut(service(), l4 + 3),
            Drop,
            MalformedTcp,
        ),
        (
            "TCP one byte short",
            with(cut(service(), l4 + 19), l3 + 2, &[0, 39]),
            Drop,
            MalformedTcp,
        ),
        (
            "TCP cut by the total length",
            with(service(), l3 + 2, &[0, 39]),
            Drop,
            MalformedTcp,
        ),
        (
            "TCP header of 16 bytes",
            with(service(), l4 + 12, &[0x40]),
            Drop,
            MalformedTcp,
        ),
        (
            "TCP options beyond the datagram",
            with(service(), l4 + 12, &[0x60]),
            Drop,
            MalformedTcp,
        ),
        (
            "UDP without ports",
            cut(service6(), l4_v6 + 3),
            Drop,
            MalformedUdp,
        ),
        (
            "UDP one byte short",
            with(cut(service6(), l4_v6 + 7), l3 + 4, &[0, 7]),
            Drop,
            MalformedUdp,
        ),
        (
            "UDP length of 7",
            with(service6(), l4_v6 + 4, &[0, 7]),
            Drop,
            MalformedUdp,
        ),
        (
            "UDP length of 0",
            with(service6(), l4_v6 + 4, &[0, 0]),
            Drop,
            MalformedUdp,
        ),
        (
            "UDP length beyond the datagram",
            with(service6(), l4_v6 + 4, &[0, 12]),
            Drop,
            MalformedUdp,
        ),
        (
            "a service behind two priority tags",
            ethernet(
                VLAN,
                &tag(
                    0,
                    VLAN,
                    &tag(0, IPV4, &ipv4(A4, B4, TCP, &tcp(1, 1883, b""))),
                ),
            ),
            Drop,
            VlanStacked,
        ),
        (
            "anything behind three tags",
            ethernet(VLAN, &tag(0, VLAN, &tag(0, VLAN, &tag(0, 0x0806, &[])))),
            Drop,
            VlanStacked,
        ),
    ];
    check(&mut Rig::in_service(), &cases);
}

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
            "a whole one within a first one, IPv6",
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

#[test]
fn banned_sources_are_refused_at_services_and_nowhere_else() {
    let later = monotonic_ns() + 3_600_000_000_000;
    let net = |text: &str| text.parse::<IpNet>().expect("a prefix");
    let at = |source: &str, port| {
        let source: IpAddr = source.parse().expect("an address");
        frame::from(source, TCP, &tcp(40000, port, b""))
    };
    let mut rig = Rig::in_service();
    for (source, expires_ns) in [
        ("10.20.0.7/32", later),
        ("10.20.0.8/32", 1),
        ("10.21.0.0/16", later),
        ("10.22.0.0/16", ban::FOREVER_NS),
        ("10.22.5.0/24", 1),
        ("10.23.0.0/17", 1),
        ("fd00:20::7/128", later),
        ("fd00:20::8/128", 1),
        ("fd00:21::/32", later),
        ("fd00:22::/33", 1),
    ] {
        rig.ban(net(source), expires_ns);
    }
    // A ban on an address that a prefix holds in any case.
    rig.ban(net("10.21.0.9/32"), 1);

    let (banned, inspected, forwarded) = (
        (Action::Drop, Outcome::Banned),
        (Action::Redirect, Outcome::Inspect),
        (Action::Redirect, Outcome::Forward),
    );
    let cases = [
        ("an address", "10.20.0.7", 1883, banned),
        ("an address, elsewhere", "10.20.0.7", 22, forwarded),
        ("an address whose ban is over", "10.20.0.8", 1883, inspected),
        ("the address next to it", "10.20.0.6", 1883, inspected),
        ("an address in a prefix", "10.21.255.255", 1883, banned),
        ("an address outside of it", "10.24.0.0", 1883, inspected),
        (
            "an address in a prefix whose own ban is over",
            "10.21.0.9",
            1883,
            banned,
        ),
        ("for good", "10.22.0.1", 1883, banned),
        ("the longest prefix counts", "10.22.5.1", 1883, inspected),
        ("a prefix whose ban is over", "10.23.0.1", 1883, inspected),
        ("an IPv6 address", "fd00:20::7", 1883, banned),
        ("an IPv6 address, elsewhere", "fd00:20::7", 443, forwarded),
        (
            "an IPv6 address whose ban is over",
            "fd00:20::8",
            1883,
            inspected,
        ),
        (
            "an IPv6 address in a prefix",
            "fd00:21:ffff::1",
            8883,
            banned,
        ),
        (
            "an IPv6 prefix whose ban is over",
            "fd00:22::1",
            8883,
            inspected,
        ),
        (
            "an IPv6 address outside of all",
            "fd00:23::1",
            8883,
            inspected,
        ),
    ];
    let cases = cases
        .map(|(what, source, port, (action, outcome))| (what, at(source, port), action, outcome));
    check(&mut rig, &cases);
}

#[test]
fn a_ban_ends_by_itself() {
    let mut rig = Rig::in_service();
    let frame = v4(TCP, &tcp(40000, 1883, b""));
    rig.ban(IpNet::from(IpAddr::V4(A4)), monotonic_ns() + 200_000_000);
    assert_eq!(rig.run(&frame), (Action::Drop, Outcome::Banned));
    std::thread::sleep(Duration::from_millis(250));
    assert_eq!(rig.run(&frame), (Action::Redirect, Outcome::Inspect));
}

#[test]
fn without_a_live_worker_the_fallback_decides() {
    let frame = v4(TCP, &tcp(40000, 1883, b""));
    let other = v4(TCP, &tcp(40000, 22, b""));
    let config = |on_failure| PortConfig {
        on_failure,
        stale_after_ns: 100_000_000,
        ..PortConfig::default()
    };
    let mut rig = Rig::in_service();
    for (on_failure, action, no_socket, stale) in [
        (
            OnFailure::Open,
            Action::Redirect,
            Outcome::OpenNoSocket,
            Outcome::OpenStale,
        ),
        (
            OnFailure::Closed,
            Action::Drop,
            Outcome::ClosedNoSocket,
            Outcome::ClosedStale,
        ),
    ] {
        rig.configure(config(on_failure));
        rig.socket();
        rig.beat(Duration::ZERO);
        assert_eq!(
            rig.run(&frame),
            (Action::Redirect, Outcome::Inspect),
            "alive"
        );
        rig.beat(Duration::from_millis(150));
        assert_eq!(rig.run(&frame), (action, stale), "hung");
        rig.beat(Duration::from_millis(20));
        assert_eq!(
            rig.run(&frame),
            (Action::Redirect, Outcome::Inspect),
            "alive again"
        );
        rig.no_socket();
        assert_eq!(rig.run(&frame), (action, no_socket), "gone");
        assert_eq!(
            rig.run(&other),
            (Action::Redirect, Outcome::Forward),
            "never touches the rest"
        );
    }
}

#[test]
fn a_heartbeat_goes_stale_by_itself() {
    let frame = v4(TCP, &tcp(40000, 1883, b""));
    let mut rig = Rig::in_service();
    rig.configure(PortConfig {
        stale_after_ns: 100_000_000,
        ..PortConfig::default()
    });
    rig.beat(Duration::ZERO);
    assert_eq!(rig.run(&frame).1, Outcome::Inspect);
    std::thread::sleep(Duration::from_millis(130));
    assert_eq!(rig.run(&frame).1, Outcome::OpenStale);
}

#[test]
fn refusals_come_before_the_fallback() {
    let mut rig = Rig::in_service();
    rig.no_socket();
    rig.ban(IpNet::from(IpAddr::V4(A4)), ban::FOREVER_NS);
    let broken = with(v6(UDP, &udp(40000, 5683, b"")), ETHERNET_LEN + 44, &[0, 0]);
    let cases = [
        (
            "banned",
            v4(TCP, &tcp(40000, 1883, b"")),
            Action::Drop,
            Outcome::Banned,
        ),
        ("broken", broken, Action::Drop, Outcome::MalformedUdp),
    ];
    check(&mut rig, &cases);
}

#[test]
fn in_monitor_mode_refused_frames_are_counted_and_forwarded() {
    let mut rig = Rig::in_service();
    rig.configure(PortConfig {
        refusals: Refusals::Monitored,
        stale_after_ns: u64::MAX,
        ..PortConfig::default()
    });
    rig.ban(IpNet::from(IpAddr::V4(A4)), ban::FOREVER_NS);
    let coap = |payload: &[u8]| v6(UDP, &udp(40000, 5683, payload));
    let cases = [
        (
            "banned",
            v4(TCP, &tcp(40000, 1883, b"")),
            Action::Redirect,
            Outcome::Banned,
        ),
        (
            "broken",
            with(coap(b""), ETHERNET_LEN + 44, &[0, 0]),
            Action::Redirect,
            Outcome::MalformedUdp,
        ),
        (
            "hidden",
            cut(coap(b""), ETHERNET_LEN + 12),
            Action::Redirect,
            Outcome::MalformedIpv6,
        ),
        (
            "fragment",
            v6(FRAGMENT, &fragment_header(UDP, 0, true, &udp(1, 5683, b""))),
            Action::Redirect,
            Outcome::Fragment,
        ),
        ("sound", coap(b""), Action::Redirect, Outcome::Inspect),
    ];
    check(&mut rig, &cases);
}

#[test]
fn without_a_peer_nothing_is_lost_silently() {
    let mut rig = Rig::new();
    let cases = [
        (
            "to be forwarded",
            ethernet(0x0806, &[0; 28]),
            Action::Drop,
            Outcome::NoPeer,
        ),
        (
            "no service yet",
            v4(TCP, &tcp(40000, 1883, b"")),
            Action::Drop,
            Outcome::NoPeer,
        ),
    ];
    check(&mut rig, &cases);
    rig.services(&[(abi::service::Transport::Tcp, 1883)]);
    let cases = [(
        "open fallback",
        v4(TCP, &tcp(40000, 1883, b"")),
        Action::Drop,
        Outcome::NoPeer,
    )];
    check(&mut rig, &cases);
    rig.configure(PortConfig {
        on_failure: OnFailure::Closed,
        ..PortConfig::default()
    });
    let cases = [(
        "closed fallback",
        v4(TCP, &tcp(40000, 1883, b"")),
        Action::Drop,
        Outcome::ClosedNoSocket,
    )];
    check(&mut rig, &cases);
}

#[test]
fn every_outcome_is_reached_by_some_frame_above() {
    // Each name stands in this file, so each has a case that expects it.
    let source = include_str!("xdp.rs");
    for outcome in Outcome::ALL {
        assert!(
            source.contains(&format!("{outcome:?}")),
            "no case expects {outcome:?}"
        );
    }
}
