//! Tricks below TCP.

use policy::Side;
use testkit::network::{Ends, Gateway, Passage, Random, Stream};
use testkit::{coap, frames, mqtt};
use weir_inspect::Verdict;
use wire::Direction::{ToClient, ToServer};
use wire::mqtt::Version;
use wire::net::{Vlan, edit};

use super::scene::{ACK, SYN};

const BASELINE: &str = include_str!("../../../../rules/baseline.toml");
const ETHERNET: usize = 14;
const V4: usize = ETHERNET + 20;
const V6: usize = ETHERNET + 40;

fn gateway() -> Gateway {
    Gateway::of("", BASELINE)
}

/// A session, and a segment of its that would be denied.
fn session(ends: Ends) -> (Gateway, Stream, Vec<u8>) {
    let mut gateway = gateway();
    let stream = Stream::session(&mut gateway, ends, Version::V311, "device");
    let spoofed = stream.segment(ToServer, 0, ACK, &[mqtt::pingresp(), vec![0; 30]].concat());
    (gateway, stream, spoofed)
}

fn carry(gateway: &mut Gateway, frame: &[u8]) -> Passage {
    let mut monitor = Gateway::of("mode = \"monitor\"", BASELINE);
    let passage = monitor.carry(Side::Inside, frame);
    assert_eq!(passage.toward(Side::Outside), [frame], "{passage:?}");
    gateway.carry(Side::Inside, frame)
}

/// After all of it, the connection is read as before.
fn assert_still_read(gateway: &mut Gateway, stream: &mut Stream) {
    stream.passes(gateway, ToServer, &mqtt::pingreq());
    let passage = stream.data(gateway, ToServer, &mqtt::pingresp());
    assert_eq!(passage.reason(), Some("mqtt.spoofed.server-packet"));
    assert!(!passage.outcome.forward);
}

/// The IPv4 packet with options in its header, in whole words.
fn with_options(frame: &[u8], options: &[u8]) -> Vec<u8> {
    let mut frame = [&frame[..V4], options, &frame[V4..]].concat();
    frame[ETHERNET] += (options.len() / 4) as u8;
    let len = ((frame.len() - ETHERNET) as u16).to_be_bytes();
    frame[ETHERNET + 2..][..2].copy_from_slice(&len);
    edit::refresh_ip_checksum(&mut frame, ETHERNET);
    frame
}

/// The IPv6 packet with extension headers, of which the first has this number.
fn with_extensions(frame: &[u8], first: u8, extensions: &[u8]) -> Vec<u8> {
    let mut frame = [&frame[..V6], extensions, &frame[V6..]].concat();
    let len = ((frame.len() - V6) as u16).to_be_bytes();
    frame[ETHERNET + 4..][..2].copy_from_slice(&len);
    frame[ETHERNET + 6] = first;
    frame
}

const TCP: u8 = 6;
const DESTINATION_OPTIONS: u8 = 60;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;

#[test]
fn ip_01_and_ip_02_fragments_overlapping_tiny_or_whole_go_nowhere() {
    let (mut gateway, mut stream, spoofed) = session(Ends::v4(7, 1883));
    for cut in [8, 16, 24, 40] {
        let [first, last] = frames::fragments(&spoofed, cut);
        for piece in [&last, &first, &last, &first] {
            carry(&mut gateway, piece).assert_dropped("ip.fragment");
        }
    }
    // Teardrop: the second piece begins inside of the first, with other bytes.
    let [first, _] = frames::fragments(&spoofed, 40);
    let [_, mut inside] = frames::fragments(&spoofed, 24);
    *inside.last_mut().expect("bytes") ^= 0xff;
    for piece in [&first, &inside] {
        carry(&mut gateway, piece).assert_dropped("ip.fragment");
    }
    assert_still_read(&mut gateway, &mut stream);
}

#[test]
fn ip_03_fragments_without_end_cost_nothing() {
    let mut gateway = gateway();
    let stream = Stream::new(Ends::v4(7, 1883));
    let mut random = Random::new(3);
    let [mut first, mut last] = frames::fragments(&stream.segment(ToServer, 0, ACK, &[7; 64]), 24);
    for _ in 0..20_000 {
        for piece in [&mut first, &mut last] {
            let id = (random.number() as u16).to_be_bytes();
            piece[ETHERNET + 4..][..2].copy_from_slice(&id);
            edit::refresh_ip_checksum(piece, ETHERNET);
            let passage = gateway.carry(Side::Inside, piece);
            passage.assert_dropped("ip.fragment");
        }
    }
    let gauges = gateway.inspector.gauges();
    let kept = [
        gauges.flows,
        gauges.half_open,
        gauges.held_segments,
        gauges.held_bytes,
    ];
    assert_eq!(kept, [0; 4]);
}

#[test]
fn ip_04_extension_headers_hide_nothing() {
    let (mut gateway, mut stream, spoofed) = session(Ends::v6(7, 1883));
    let chain = |times: usize| {
        let mut chain = [DESTINATION_OPTIONS, 0, 1, 4, 0, 0, 0, 0].repeat(times);
        chain[(times - 1) * 8] = TCP;
        with_extensions(&spoofed, DESTINATION_OPTIONS, &chain)
    };
    carry(&mut gateway, &chain(9)).assert_dropped("ip.malformed.extension-count");
    // A fragment header in a packet that is whole (RFC 6946), and one behind another header.
    let atomic = [TCP, 0, 0, 0, 0, 0, 0, 1];
    let behind = [&[FRAGMENT, 0, 1, 4, 0, 0, 0, 0][..], &atomic].concat();
    for frame in [
        with_extensions(&spoofed, FRAGMENT, &atomic),
        with_extensions(&spoofed, DESTINATION_OPTIONS, &behind),
    ] {
        carry(&mut gateway, &frame).assert_dropped("ip.fragment");
    }
    stream.passes(&mut gateway, ToServer, &mqtt::pingreq());
    let spoofed = stream.segment(ToServer, 0, ACK, &mqtt::pingresp());
    let mut chain = [DESTINATION_OPTIONS, 0, 1, 4, 0, 0, 0, 0].repeat(8);
    chain[7 * 8] = TCP;
    let passage = carry(
        &mut gateway,
        &with_extensions(&spoofed, DESTINATION_OPTIONS, &chain),
    );
    assert_eq!(passage.reason(), Some("mqtt.spoofed.server-packet"));
    assert!(!passage.outcome.forward);
}

#[test]
fn ip_05_fragroute_ip_opt_a_way_chosen_by_the_sender() {
    let (mut gateway, mut stream, spoofed) = session(Ends::v4(7, 1883));
    for kind in [131, 137] {
        let routed = with_options(&spoofed, &[1, kind, 7, 4, 10, 0, 0, 9]);
        carry(&mut gateway, &routed).assert_dropped("ip.malformed.source-route");
    }
    assert_still_read(&mut gateway, &mut stream);

    let (mut gateway, mut stream, spoofed) = session(Ends::v6(7, 1883));
    let header = [&[TCP, 2, 0, 1, 0, 0, 0, 0][..], &[0xfd; 16]].concat();
    carry(&mut gateway, &with_extensions(&spoofed, ROUTING, &header))
        .assert_dropped("ip.malformed.source-route");
    assert_still_read(&mut gateway, &mut stream);
}

#[test]
fn ip_05_other_options_hide_nothing() {
    let (mut gateway, _, spoofed) = session(Ends::v4(7, 1883));
    let passage = carry(&mut gateway, &with_options(&spoofed, &[148, 4, 0, 0]));
    assert_eq!(passage.reason(), Some("mqtt.spoofed.server-packet"));
    assert!(!passage.outcome.forward);
}

#[test]
fn ip_06_lengths_that_differ() {
    let (mut gateway, mut stream, spoofed) = session(Ends::v4(7, 1883));
    let with_len = |len: usize| {
        let mut frame = spoofed.clone();
        frame[ETHERNET + 2..][..2].copy_from_slice(&(len as u16).to_be_bytes());
        edit::refresh_ip_checksum(&mut frame, ETHERNET);
        frame
    };
    let all = spoofed.len() - ETHERNET;
    for (len, reason) in [
        (all + 1, "ip.malformed.truncated"),
        (19, "ip.malformed.total-length"),
        (39, "tcp.malformed.truncated"),
        // The rest is padding then, of which the checksum knows nothing.
        (all - 1, "tcp.malformed.checksum"),
    ] {
        carry(&mut gateway, &with_len(len)).assert_dropped(reason);
    }
    // What stands behind the packet isn't read, as no receiver reads it.
    let ping = stream.segment(ToServer, 0, ACK, &mqtt::pingreq());
    stream.advance(ToServer, 2);
    let padded = [&ping[..], &mqtt::pingresp()].concat();
    assert!(carry(&mut gateway, &padded).outcome.forward);
    assert_still_read(&mut gateway, &mut stream);

    let ends = Ends::v4(7, 5683);
    let mut datagram = ends.datagram(ToServer, &coap::get(1, b"t", "a"));
    datagram[V4 + 5] -= 1;
    carry(&mut gateway, &datagram).assert_dropped("udp.malformed.length");
}

#[test]
fn ip_07_udp_checksums() {
    let get = coap::get(1, b"t", "a");
    for (ends, l4, zero) in [
        (Ends::v4(7, 5683), V4, None),
        (Ends::v6(7, 5683), V6, Some("udp.malformed.checksum")),
    ] {
        let mut gateway = gateway();
        let good = ends.datagram(ToServer, &get);
        let with = |checksum: [u8; 2]| {
            let mut frame = good.clone();
            frame[l4 + 6..l4 + 8].copy_from_slice(&checksum);
            frame
        };
        let wrong = [good[l4 + 6] ^ 0x55, good[l4 + 7]];
        carry(&mut gateway, &with(wrong)).assert_dropped("udp.malformed.checksum");
        let passage = carry(&mut gateway, &with([0, 0]));
        assert_eq!(passage.reason(), zero, "{:?}", passage.outcome);
        assert_eq!(passage.outcome.forward, zero.is_none());
    }
}

#[test]
fn ip_08_sources_that_can_t_be() {
    let mut gateway = gateway();
    for (client, server) in [
        ("127.0.0.1:40000", "192.0.2.1:1883"),
        ("224.0.0.1:40000", "192.0.2.1:1883"),
        ("0.0.0.0:40000", "192.0.2.1:1883"),
        ("255.255.255.255:40000", "192.0.2.1:1883"),
        ("[::1]:40000", "[fd00::1]:1883"),
        ("[ff02::1]:40000", "[fd00::1]:1883"),
    ] {
        let frame = Stream::new(Ends::of(client, server)).segment(ToServer, 0, SYN, &[]);
        carry(&mut gateway, &frame).assert_dropped("ip.martian");
    }
    for end in ["192.0.2.1:1883", "[fd00::1]:1883"] {
        let land = Stream::new(Ends::of(end, end)).segment(ToServer, 0, SYN, &[]);
        carry(&mut gateway, &land).assert_dropped("ip.wrong-side");
    }
    let datagram = Ends::of("127.0.0.1:40000", "192.0.2.1:5683");
    let datagram = datagram.datagram(ToServer, &coap::get(1, b"t", "a"));
    carry(&mut gateway, &datagram).assert_dropped("ip.martian");
    assert_eq!(gateway.inspector.gauges().half_open, 0);
}

#[test]
fn ip_09_one_vlan_tag_hides_nothing_and_a_tunnel_is_nobody_s() {
    let tag = Vlan {
        ethertype: 0x8100,
        control: 0x2064,
    };
    let mut gateway = gateway();
    let mut stream = Stream::new(Ends::v4(7, 1883));
    stream.ends.path.vlan = Some(tag);
    stream.open(&mut gateway);
    let passage = stream.data(&mut gateway, ToServer, &mqtt::pingreq());
    assert_eq!(passage.reason(), Some("mqtt.session.first-not-connect"));

    // A session in one VLAN is none in another, nor outside of all.
    let (mut gateway, _, spoofed) = session(Ends::v4(8, 1883));
    let passage = carry(&mut gateway, &frames::tagged(&spoofed, tag));
    assert_eq!(passage.reason(), Some("tcp.midstream"));
    assert_eq!(gateway.inspector.gauges().half_open, 1);

    // A tag that gives a priority and no VLAN makes no other session of it.
    let priority = Vlan {
        control: 0xa000,
        ..tag
    };
    let (mut gateway, _, spoofed) = session(Ends::v4(9, 1883));
    let passage = carry(&mut gateway, &frames::tagged(&spoofed, priority));
    assert_eq!(passage.reason(), Some("mqtt.spoofed.server-packet"));

    // GRE: what is inside is for whoever unpacks it, and no frame of a service.
    let mut tunnel = [&spoofed[..V4], &[0, 0, 8, 0], &spoofed[ETHERNET..]].concat();
    tunnel[ETHERNET + 9] = 47;
    let len = ((tunnel.len() - ETHERNET) as u16).to_be_bytes();
    tunnel[ETHERNET + 2..][..2].copy_from_slice(&len);
    edit::refresh_ip_checksum(&mut tunnel, ETHERNET);
    assert_eq!(carry(&mut gateway, &tunnel).verdict(), Verdict::Accept);
}

#[test]
fn ip_10_an_icmp_error_ends_nothing() {
    let (mut gateway, mut stream, _) = session(Ends::v4(7, 1883));
    let quoted = stream.segment(ToServer, 0, ACK, &[]);
    for (kind, code) in [(3, 1), (3, 3), (3, 4), (11, 0)] {
        let back = stream.segment(ToClient, 0, ACK, &[]);
        let mut error = [
            &back[..V4],
            &[kind, code, 0, 0, 0, 0, 0, 68],
            &quoted[ETHERNET..],
        ]
        .concat();
        error[ETHERNET + 9] = 1;
        let len = ((error.len() - ETHERNET) as u16).to_be_bytes();
        error[ETHERNET + 2..][..2].copy_from_slice(&len);
        edit::refresh_ip_checksum(&mut error, ETHERNET);
        // Whether it fits its connection is for the stack it is for (RFC 5927 §4.1).
        assert!(gateway.carry(Side::Outside, &error).outcome.forward);
    }
    assert_eq!(gateway.inspector.gauges().sessions, 1);
    assert_still_read(&mut gateway, &mut stream);
}

#[test]
fn ip_11_a_datagram_in_pieces() {
    let mut gateway = gateway();
    let datagram = Ends::v4(7, 5683).datagram(ToServer, &coap::get(1, b"t", &"a".repeat(200)));
    for piece in frames::fragments(&datagram, 64) {
        carry(&mut gateway, &piece).assert_dropped("ip.fragment");
    }
}
