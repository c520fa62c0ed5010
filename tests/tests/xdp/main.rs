//! The XDP program in the kernel: what it does with each frame and what it counts, whether it agrees
//! with the inspector's view of frames, and how it comes onto interfaces and off them.

mod agreement;
mod bans;
mod block_list;
mod broken;
mod budgets;
mod coap;
mod fallback;
mod fragments;
mod loader;
mod object;
mod stage;
mod steering;

use std::net::{Ipv4Addr, Ipv6Addr};

use abi::Outcome;
use weir_tests::frame::{IPV4, IPV6, TCP, ethernet, extension, ipv4, ipv6, tcp};
use weir_tests::xdp::{Action, Rig};

pub(crate) const A4: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 7);
pub(crate) const B4: Ipv4Addr = Ipv4Addr::new(10, 30, 0, 9);
pub(crate) const A6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x20, 0, 0, 0, 0, 0, 7);
pub(crate) const B6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x30, 0, 0, 0, 0, 0, 9);

pub(crate) const DESTINATION: u8 = 60;
pub(crate) const FRAGMENT: u8 = 44;
pub(crate) const HOP_BY_HOP: u8 = 0;
pub(crate) const ICMP: u8 = 1;
pub(crate) const ICMPV6: u8 = 58;
pub(crate) const ROUTING: u8 = 43;

/// Runs each frame and collects all disagreements before it fails.
pub(crate) fn check(rig: &mut Rig, cases: &[(&str, Vec<u8>, Action, Outcome)]) {
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

pub(crate) fn v4(protocol: u8, transport: &[u8]) -> Vec<u8> {
    ethernet(IPV4, &ipv4(A4, B4, protocol, transport))
}

pub(crate) fn v6(next_header: u8, payload: &[u8]) -> Vec<u8> {
    ethernet(IPV6, &ipv6(A6, B6, next_header, payload))
}

/// Overwrites bytes of a frame.
pub(crate) fn with(mut frame: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
    frame[at..at + bytes.len()].copy_from_slice(bytes);
    frame
}

/// The frame's first `len` bytes.
pub(crate) fn cut(mut frame: Vec<u8>, len: usize) -> Vec<u8> {
    frame.truncate(len);
    frame
}

/// Eight bytes of destination options, so many times, before a TCP segment to a service.
pub(crate) fn destination_options(times: usize) -> Vec<u8> {
    let segment = (TCP, tcp(40000, 1883, b""));
    let (next, payload) = (0..times).fold(segment, |(next, payload), _| {
        (DESTINATION, extension(next, &payload))
    });
    v6(next, &payload)
}
