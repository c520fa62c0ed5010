//! Broken headers.

use abi::Outcome::*;
use weir_tests::frame::{
    ETHERNET_LEN, IPV4, IPV6, TCP, UDP, VLAN, ethernet, extension, ipv4, tag, tcp, udp,
};
use weir_tests::xdp::{Action, Rig};

use crate::{
    A4, B4, DESTINATION, FRAGMENT, HOP_BY_HOP, check, cut, destination_options, v4, v6, with,
};

#[test]
fn broken_headers_are_refused_where_they_hide_or_belie_a_service() {
    use Action::Drop;
    let service = || v4(TCP, &tcp(40000, 1883, b""));
    let service6 = || v6(UDP, &udp(40000, 5683, b"xyz"));
    let l3 = ETHERNET_LEN;
    let (l4, l4_v6) = (l3 + 20, l3 + 40);
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
            "hop-by-hop options that don't stand first",
            v6(
                DESTINATION,
                &extension(HOP_BY_HOP, &extension(TCP, &tcp(1, 1883, b""))),
            ),
            Drop,
            MalformedIpv6Extension,
        ),
        (
            "nine extension headers",
            destination_options(9),
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
            "UDP length short of the datagram",
            with(service6(), l4_v6 + 4, &[0, 10]),
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
fn only_flags_that_a_tcp_sends_are_taken() {
    const SOUND: [u8; 6] = [0x02, 0x12, 0x10, 0x11, 0x04, 0x14];
    let mut rig = Rig::in_service();
    for flags in 0..=u8::MAX {
        let segment = with(tcp(40000, 1883, b""), 13, &[flags]);
        // PSH, URG, ECE and CWR go with any of them.
        let expected = if SOUND.contains(&(flags & 0x17)) {
            (Action::Redirect, Inspect)
        } else {
            (Action::Drop, MalformedTcp)
        };
        assert_eq!(rig.run(&v4(TCP, &segment)), expected, "flags {flags:#04x}");
    }
}
