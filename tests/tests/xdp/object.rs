//! The compiled object, as it is: no kernel needed.

use aya_obj::{Object, ProgramSection, programs::XdpAttachType};
use gateway::dataplane::xdp::OBJECT;

/// The maps of layout 4: name, kind (`enum bpf_map_type`), sizes of key and value, entries.
///
/// A successor takes over the maps that a daemon has left pinned if the layout has the same number.
/// So whoever changes this table changes `abi::LAYOUT_VERSION` too, and the test below.
const LAYOUT_4: &[(&str, u32, u32, u32, u32)] = &[
    ("BANNED_LENGTHS_V4", 2, 4, 8, 65_536),
    ("BANNED_LENGTHS_V6", 2, 4, 24, 65_536),
    ("BANNED_V4", 1, 8, 8, 1_048_576),
    ("BANNED_V6", 1, 24, 8, 1_048_576),
    ("BUDGETS", 2, 4, 16, 65_536),
    ("CLIENT_BUDGETS", 2, 4, 16, 65_536),
    ("COAP_SERVICES", 2, 4, 16_384, 1),
    ("COUNTERS", 6, 4, 496, 32),
    ("HEARTBEATS", 2, 4, 8, 1024),
    ("PEERS", 14, 4, 8, 32),
    ("PORT_CONFIG", 2, 4, 80, 32),
    ("SAMPLES", 6, 4, 8, 32),
    ("SERVICES", 2, 4, 16_384, 1),
    ("SOCKETS", 17, 4, 4, 2048),
];

/// Names of the outcomes of layout 4, in the order of their counters.
const OUTCOMES_4: &[&str] = &[
    "inspect",
    "would-ban",
    "forward",
    "forward-fragment",
    "open-fragment",
    "open-no-socket",
    "open-stale",
    "closed-no-socket",
    "closed-stale",
    "banned",
    "fragment",
    "malformed-ethernet",
    "vlan-stacked",
    "malformed-ipv4",
    "malformed-ipv6",
    "malformed-ipv6-extension",
    "malformed-tcp",
    "malformed-udp",
    "over-budget",
    "over-client-budget",
    "coap-too-short",
    "coap-version",
    "coap-code-class",
    "coap-reset-not-empty",
    "coap-ack-request",
    "coap-empty-non-confirmable",
    "coap-empty-message",
    "coap-token-length",
    "coap-token-truncated",
    "coap-too-large",
    "no-peer",
];

#[test]
fn the_maps_are_those_of_the_layout_version() {
    assert_eq!(abi::LAYOUT_VERSION, 4);
    let object = Object::parse(OBJECT).expect("an object");
    let mut maps: Vec<_> = object
        .maps
        .iter()
        .filter(|(name, _)| !name.starts_with('.'))
        .map(|(name, map)| {
            (
                name.as_str(),
                map.map_type(),
                map.key_size(),
                map.value_size(),
                map.max_entries(),
            )
        })
        .collect();
    maps.sort_unstable();
    assert_eq!(maps, LAYOUT_4);
    let outcomes: Vec<_> = abi::Outcome::ALL
        .iter()
        .map(|outcome| outcome.name())
        .collect();
    assert_eq!(outcomes, OUTCOMES_4);
}

#[test]
fn the_programs_are_there_under_a_licence_that_the_kernel_takes() {
    let object = Object::parse(OBJECT).expect("an object");
    let mut names: Vec<_> = object.programs.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, [abi::map::EMPTY_PROGRAM, abi::map::PROGRAM]);
    for program in object.programs.values() {
        let section = &program.section;
        let is_xdp = matches!(
            section,
            ProgramSection::Xdp {
                frags: false,
                attach_type: XdpAttachType::Interface
            }
        );
        assert!(is_xdp, "{section:?}");
        assert_eq!(program.license.to_bytes(), b"Dual MIT/GPL");
    }
}
