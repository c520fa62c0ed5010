//! Where sound frames go.

use std::time::Duration;

use abi::{Outcome, Side};
use gateway::dataplane::netlink::Interface;
use gateway::netns::Namespace;
use weir_tests::frame::{
    ETHERNET_LEN, IPV4, IPV6, SERVICE_VLAN, TCP, UDP, VLAN, ethernet, extension, ipv4,
    ipv4_with_options, ipv6, tag, tcp, udp,
};
use weir_tests::lab::must;
use weir_tests::xdp::{Action, Rig};

use crate::{
    A4, A6, B4, B6, DESTINATION, HOP_BY_HOP, ICMP, ICMPV6, ROUTING, check, cut,
    destination_options, v4, v6, with,
};

#[test]
fn frames_of_services_go_to_the_worker() {
    use Action::Redirect;
    use Outcome::Inspect;
    let options = with(tcp(40000, 1883, &[1; 12]), 12, &[0x80]);
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
        ("TCP with options", v4(TCP, &options), Redirect, Inspect),
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
            destination_options(8),
            Redirect,
            Inspect,
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
        (
            "an authentication header, before a service's TCP",
            v6(
                51,
                &[&[TCP, 1], &[0; 10][..], &tcp(40000, 1883, b"")].concat(),
            ),
            Redirect,
            Forward,
        ),
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
fn every_port_has_its_own_socket_peer_and_counters() {
    let mut rig = Rig::of_port(abi::port_index(1, Side::Outside));
    let (service, other) = (
        v4(TCP, &tcp(40000, 1883, b"")),
        v4(TCP, &tcp(40000, 22, b"")),
    );
    assert_eq!(rig.run(&other), (Action::Drop, Outcome::NoPeer));
    rig.put_in_service();
    assert_eq!(rig.run(&service), (Action::Redirect, Outcome::Inspect));
    assert_eq!(rig.run(&other), (Action::Redirect, Outcome::Forward));
}

#[test]
fn queues_beyond_the_map_take_the_fallback_and_no_other_ports_socket() {
    const QUEUES: u32 = abi::QUEUES + 1;
    let namespace = must(Namespace::create(&format!(
        "weir-queues-{}",
        std::process::id()
    )));
    let queues = format!("numrxqueues {QUEUES} numtxqueues {QUEUES}");
    must(namespace.ip(&format!(
        "link add many {queues} type veth peer name far {queues}"
    )));
    must(namespace.ip("link set many up"));
    let work = || {
        let found = Interface::by_name("many").expect("an answer");
        let interface = found.expect("just made").index;
        let mut rig = Rig::in_service();
        rig.attach(interface);
        for queue in [abi::QUEUES - 1, abi::QUEUES] {
            rig.socket(queue);
            rig.beat(queue, Duration::ZERO);
        }
        let frame = v4(TCP, &tcp(40000, 1883, b""));
        [abi::QUEUES - 1, abi::QUEUES].map(|queue| rig.run_from(interface, queue, &frame).1)
    };
    let outcomes = must(namespace.enter(work));
    assert_eq!(outcomes, [Outcome::Inspect, Outcome::OpenNoSocket]);
}
