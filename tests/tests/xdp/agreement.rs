//! The XDP program and the inspector see the same frames alike.
//!
//! The program reads just enough of a frame to steer it, the inspector ([`wire::net`]) all of it, and
//! what they make of it has to fit:
//!
//! | to the inspector | to the program |
//! |---|---|
//! | TCP or UDP, a port is a service's | `inspect` |
//! | TCP or UDP, other ports | `forward` |
//! | first fragment of TCP or UDP, ports in the frame | `fragment`, or `forward`, by the ports |
//! | first fragment without ports | `fragment` |
//! | first fragment, more IPv6 extensions in it | anything that doesn't reach a worker |
//! | later fragment of TCP or UDP | `forward-fragment` |
//! | other protocols, other fragments | `forward` |
//! | a second VLAN tag | what is behind it, but `vlan-stacked` for `inspect` and for a third tag |
//! | not IP | `forward` |
//! | malformed in its structure | anything that doesn't reach a worker |
//! | malformed otherwise (checksums, TCP options) | as if sound: the program leaves those to the inspector |
//! | CoAP that can't be parsed, by its header | the outcome with the inspector's reason ([`wire::coap`]) |
//! | CoAP that can't be parsed beyond its header | `inspect` |

use abi::{Disposition, Outcome};
use weir_tests::frame::{ETHERNET_LEN, TCP, UDP, udp};
use weir_tests::noise::Noise;
use weir_tests::xdp::{Action, Rig};
use wire::coap;
use wire::net::{Layout, Malformed, Packet, Transport, edit};

const SERVICES: [u16; 4] = [1883, 8883, 5683, 5684];
const COAP: u16 = 5683;
const FRAMES: usize = 500_000;
const SEEDS: [u64; 2] = [0x5eed_0001, 0x5eed_0002];

/// What the program may make of a frame.
#[derive(Debug, PartialEq)]
enum Expected {
    Exactly(Outcome),
    /// Whatever a sound datagram may get.
    AsIfSound,
    /// Whatever keeps it from a worker.
    NotInspected,
}

impl Expected {
    fn allows(&self, outcome: Outcome) -> bool {
        match self {
            Self::Exactly(expected) => outcome == *expected,
            Self::AsIfSound => {
                matches!(outcome, Outcome::Inspect | Outcome::Forward) || outcome.reason().is_some()
            }
            Self::NotInspected => outcome.disposition() != Disposition::Inspect,
        }
    }
}

fn expected(frame: &[u8]) -> Expected {
    match Packet::decode(frame) {
        Ok(packet) => of_packet(&packet, frame),
        Err(Malformed::IpChecksum) => expected(&with_ip_checksum(frame)),
        Err(malformed) if !malformed.is_structural() => Expected::AsIfSound,
        Err(_) => Expected::NotInspected,
    }
}

fn of_packet(packet: &Packet<'_>, frame: &[u8]) -> Expected {
    let layout = &packet.layout;
    Expected::Exactly(match packet.transport {
        Transport::Tcp(_) => by_ports(frame, TCP, layout.l4),
        Transport::Udp(_) => match by_ports(frame, UDP, layout.l4) {
            Outcome::Inspect => of_udp_payload(frame, layout),
            outcome => outcome,
        },
        Transport::Fragment(fragment) => match (fragment.protocol, fragment.offset) {
            (TCP | UDP, 0) => first_fragment(frame, fragment.protocol, layout.l4),
            (TCP | UDP, _) => Outcome::ForwardFragment,
            _ if !layout.is_v4 && fragment.offset == 0 => return Expected::NotInspected,
            _ => Outcome::Forward,
        },
        Transport::NotIp if is_vlan(packet.ethernet().ethertype) => return behind_a_tag(frame),
        Transport::NotIp | Transport::Other(_) => Outcome::Forward,
    })
}

/// What the inspector says against a datagram of a service, if its header is what is wrong.
fn of_udp_payload(frame: &[u8], layout: &Layout) -> Outcome {
    let port = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    let [source, destination] = [port(layout.l4), port(layout.l4 + 2)];
    let service = if SERVICES[2..].contains(&destination) {
        destination
    } else {
        source
    };
    if service != COAP {
        return Outcome::Inspect;
    }
    coap_outcome(&frame[layout.payload..layout.end])
}

/// The outcome with the inspector's reason; `inspect` where the program has none.
fn coap_outcome(payload: &[u8]) -> Outcome {
    let Err(malformed) = coap::Message::decode(payload) else {
        return Outcome::Inspect;
    };
    let same = |outcome: &&Outcome| outcome.reason() == Some(malformed.code());
    let found = Outcome::ALL.iter().copied().find(|outcome| same(&outcome));
    match found {
        // The program knows nothing of longer tokens (RFC 8974).
        Some(Outcome::CoapTokenTruncated) if payload[0] & 0x0f > 12 => Outcome::Inspect,
        Some(outcome) => outcome,
        None => Outcome::Inspect,
    }
}

fn is_vlan(ethertype: u16) -> bool {
    matches!(ethertype, 0x8100 | 0x88a8)
}

/// What stands behind two tags or more is steered as if it stood behind one less, but not inspected.
fn behind_a_tag(frame: &[u8]) -> Expected {
    let untagged = [&frame[..ETHERNET_LEN - 2], &frame[ETHERNET_LEN + 2..]].concat();
    let is_tagged = |packet: &Packet<'_>| is_vlan(packet.ethernet().ethertype);
    if Packet::decode(&untagged).is_ok_and(|packet| is_tagged(&packet)) {
        return Expected::Exactly(Outcome::VlanStacked);
    }
    match expected(&untagged) {
        Expected::Exactly(outcome) if outcome == Outcome::Inspect || outcome.reason().is_some() => {
            Expected::Exactly(Outcome::VlanStacked)
        }
        Expected::AsIfSound => Expected::NotInspected,
        other => other,
    }
}

fn first_fragment(frame: &[u8], protocol: u8, l4: usize) -> Outcome {
    if frame.len() < l4 + 4 {
        return Outcome::Fragment;
    }
    match by_ports(frame, protocol, l4) {
        Outcome::Inspect => Outcome::Fragment,
        outcome => outcome,
    }
}

fn by_ports(frame: &[u8], protocol: u8, l4: usize) -> Outcome {
    let services = if protocol == TCP {
        &SERVICES[..2]
    } else {
        &SERVICES[2..]
    };
    let port = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    if services.contains(&port(l4)) || services.contains(&port(l4 + 2)) {
        Outcome::Inspect
    } else {
        Outcome::Forward
    }
}

fn with_ip_checksum(frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    let l3 = l3(&frame);
    edit::refresh_ip_checksum(&mut frame, l3);
    frame
}

fn l3(frame: &[u8]) -> usize {
    let ethertype = u16::from_be_bytes([frame[ETHERNET_LEN - 2], frame[ETHERNET_LEN - 1]]);
    if is_vlan(ethertype) {
        ETHERNET_LEN + 4
    } else {
        ETHERNET_LEN
    }
}

#[test]
fn program_and_inspector_agree_on_noise() {
    std::thread::scope(|scope| {
        for seed in SEEDS {
            scope.spawn(move || agree(seed));
        }
    });
}

fn agree(seed: u64) {
    let (mut rig, mut noise) = (Rig::in_service(), Noise::new(seed));
    rig.no_samples();
    let mut seen = [0_u64; Outcome::ALL.len()];
    for number in 0..FRAMES {
        let frame = noise.frame(&SERVICES);
        let (_, outcome) = rig.run(&frame);
        let expected = expected(&frame);
        assert!(
            expected.allows(outcome),
            "seed {seed:#x}, frame {number}: {outcome:?} instead of {expected:?}, to the inspector {:?}: {frame:02x?}",
            Packet::decode(&frame)
        );
        seen[outcome.index()] += 1;
    }
    // The books balance, and the noise has reached what noise can reach.
    let counts = rig.counts();
    for outcome in Outcome::ALL {
        assert_eq!(
            counts[2 * outcome.index()],
            seen[outcome.index()],
            "{outcome:?}"
        );
    }
    assert_eq!(seen.iter().sum::<u64>(), FRAMES as u64);
    for outcome in [
        Outcome::Inspect,
        Outcome::Forward,
        Outcome::ForwardFragment,
        Outcome::Fragment,
        Outcome::MalformedEthernet,
        Outcome::VlanStacked,
        Outcome::MalformedIpv4,
        Outcome::MalformedIpv6,
        Outcome::MalformedIpv6Extension,
        Outcome::MalformedTcp,
        Outcome::MalformedUdp,
    ] {
        let times = seen[outcome.index()];
        assert!(
            times > FRAMES as u64 / 2000,
            "{outcome:?} came {times} times"
        );
    }
}

#[test]
fn program_and_parser_agree_on_every_coap_header() {
    let mut rig = Rig::in_service();
    rig.no_samples();
    // Every first byte, code and length up to a full token, with nothing else that could be wrong.
    for first in 0..=u8::MAX {
        for code in 0..=u8::MAX {
            let len = usize::from(code ^ first) % 14;
            let mut payload = vec![first, code, 0x12, 0x34];
            payload.resize(len.max(3), 0);
            payload.truncate(len);
            agree_on(&mut rig, &payload);
        }
    }
    let mut noise = Noise::new(0x5eed_0003);
    for _ in 0..100_000 {
        let mut payload = noise.bytes(40);
        if let Some(first) = payload.first_mut() {
            // Mostly of the version, and with a token that may fit.
            *first = *first & 0x37 | 0x40;
        }
        agree_on(&mut rig, &payload);
    }
}

fn agree_on(rig: &mut Rig, payload: &[u8]) {
    let expected = coap_outcome(payload);
    let action = match expected {
        Outcome::Inspect => Action::Redirect,
        _ => Action::Drop,
    };
    for frame in [
        crate::v4(UDP, &udp(40000, COAP, payload)),
        crate::v6(UDP, &udp(COAP, 40000, payload)),
    ] {
        assert_eq!(rig.run(&frame), (action, expected), "{payload:02x?}");
    }
}
