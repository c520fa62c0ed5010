//! Packet budgets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use abi::budget::Budget;
use abi::{Outcome, PortConfig, ban};
use weir_tests::frame::{self, TCP, UDP, tcp, udp};
use weir_tests::xdp::{Action, Rig};

const HOUR_NS: u64 = 3_600_000_000_000;
/// Ten frames, and practically no refill while a test lasts.
const BURST: u64 = 10;

fn rig() -> Rig {
    let mut rig = Rig::in_service();
    rig.configure(PortConfig {
        budget: Budget {
            cost_ns: [0, HOUR_NS],
            response_ns: 0,
            burst_ns: BURST * HOUR_NS,
            key: [1, 2],
        },
        ..Rig::config()
    });
    rig
}

fn get(source: impl Into<IpAddr>) -> Vec<u8> {
    frame::from(source.into(), UDP, &udp(40000, 5683, b"\x40\x01\0\x01"))
}

/// How many of 1,000 copies of a frame reach the inspector; the rest has to be over the budget.
fn inspected(rig: &mut Rig, frame: &[u8]) -> u64 {
    let outcomes: Vec<_> = (0..1000).map(|_| rig.run(frame)).collect();
    let inspected = outcomes
        .iter()
        .filter(|o| **o == (Action::Redirect, Outcome::Inspect));
    let over = outcomes
        .iter()
        .filter(|o| **o == (Action::Drop, Outcome::OverBudget));
    let inspected = inspected.count() as u64;
    assert_eq!(inspected + over.count() as u64, 1000);
    inspected
}

const A: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 7);
const B: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 8);

#[test]
fn a_flood_from_one_source_ends_at_its_budget_and_others_go_on() {
    let mut rig = rig();
    assert_eq!(inspected(&mut rig, &get(A)), BURST);
    assert_eq!(inspected(&mut rig, &get(A)), 0);
    assert_eq!(inspected(&mut rig, &get(B)), BURST);
    // TCP has a budget of its own; here it has none.
    let mqtt = frame::from(A.into(), TCP, &tcp(40000, 1883, b""));
    assert_eq!(inspected(&mut rig, &mqtt), 1000);
    // What isn't of a service isn't counted.
    let other = frame::from(A.into(), UDP, &udp(40000, 40001, b""));
    assert_eq!(rig.run(&other), (Action::Redirect, Outcome::Forward));
}

#[test]
fn a_network_of_ipv6_is_one_source() {
    let mut rig = rig();
    let at = |network: u128, host: u128| Ipv6Addr::from(0xfd00_0020 << 96 | network << 64 | host);
    let mut passed = 0;
    for host in 0..1000 {
        passed += u64::from(rig.run(&get(at(1, host))).1 == Outcome::Inspect);
    }
    assert_eq!(passed, BURST);
    assert_eq!(inspected(&mut rig, &get(at(2, 1))), BURST);
}

#[test]
fn a_bucket_names_the_source_it_had_nothing_left_for() {
    let mut rig = rig();
    assert_eq!(rig.run(&get(A)).1, Outcome::Inspect);
    assert!(rig.buckets().iter().all(|[_, source]| *source == 0));
    inspected(&mut rig, &get(A));
    let sources: Vec<u64> = rig.buckets().iter().map(|[_, source]| *source).collect();
    assert_eq!(sources, [0x0a14_0007]);
}

#[test]
fn what_is_never_kept_out_has_no_budget() {
    let mut rig = rig();
    rig.ban("10.20.0.0/16".parse().expect("a network"), ban::FOREVER_NS);
    assert_eq!(rig.run(&get(A)), (Action::Drop, Outcome::Banned));
    for never in ["10.20.0.7/32", "10.20.0.8/31", "fd00:20::/32"] {
        rig.ban(never.parse().expect("a network"), ban::NEVER_NS);
    }
    assert_eq!(inspected(&mut rig, &get(A)), 1000);
    assert_eq!(inspected(&mut rig, &get(B)), 1000);
    let v6: Ipv6Addr = "fd00:20:0:1::1".parse().expect("an address");
    assert_eq!(inspected(&mut rig, &get(v6)), 1000);
    let outside = Ipv4Addr::new(10, 20, 0, 10);
    assert_eq!(rig.run(&get(outside)), (Action::Drop, Outcome::Banned));
}

#[test]
fn a_budget_fills_up_again() {
    let mut rig = Rig::in_service();
    rig.configure(PortConfig {
        budget: Budget {
            cost_ns: [0, 50_000_000],
            response_ns: 0,
            burst_ns: 100_000_000,
            key: [1, 2],
        },
        ..Rig::config()
    });
    inspected(&mut rig, &get(A));
    assert_eq!(rig.run(&get(A)).1, Outcome::OverBudget);
    std::thread::sleep(Duration::from_millis(120));
    assert_eq!(rig.run(&get(A)).1, Outcome::Inspect);
}

/// A rig in which a client may be sent so many responses, and whoever sends them may.
fn rig_for_clients() -> Rig {
    let mut rig = Rig::in_service();
    rig.configure(PortConfig {
        budget: Budget {
            cost_ns: [0, 0],
            response_ns: HOUR_NS,
            burst_ns: BURST * HOUR_NS,
            key: [1, 2],
        },
        ..Rig::config()
    });
    rig
}

/// A datagram of a server to a client.
fn to_client(server: Ipv4Addr, client: Ipv4Addr, port: u16, message: &[u8]) -> Vec<u8> {
    let datagram = udp(port, 40000, message);
    frame::ethernet(frame::IPV4, &frame::ipv4(server, client, UDP, &datagram))
}

const CONTENT: &[u8] = b"\x50\x45\0\x01\xff1";
const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);

/// How many of 1,000 responses of as many servers reach the inspector.
fn responses(rig: &mut Rig, client: Ipv4Addr) -> u64 {
    let mut inspected = 0;
    for number in 0..1000 {
        let server = Ipv4Addr::from(u32::from(A) + number);
        match rig.run(&to_client(server, client, 5683, CONTENT)) {
            (Action::Redirect, Outcome::Inspect) => inspected += 1,
            other => assert_eq!(other, (Action::Drop, Outcome::OverClientBudget)),
        }
    }
    inspected
}

#[test]
fn responses_of_many_servers_to_one_client_end_at_its_budget() {
    let mut rig = rig_for_clients();
    assert_eq!(responses(&mut rig, CLIENT), BURST);
    assert_eq!(responses(&mut rig, B), BURST);
    // Neither requests nor empty messages nor what isn't CoAP are counted.
    for (what, frame) in [
        ("a request", get(A)),
        (
            "an acknowledgement",
            to_client(A, CLIENT, 5683, b"\x60\0\0\x01"),
        ),
        ("DTLS", to_client(A, CLIENT, 5684, CONTENT)),
        (
            "a request from 5683",
            to_client(A, CLIENT, 5683, b"\x40\x01\0\x01"),
        ),
    ] {
        assert_eq!(inspected(&mut rig, &frame), 1000, "{what}");
    }
    assert!(rig.buckets().is_empty(), "budgets of sources are others");
}

#[test]
fn a_client_in_ipv6_is_its_network() {
    let mut rig = rig_for_clients();
    let server = Ipv6Addr::new(0xfd00, 0x30, 0, 0, 0, 0, 0, 9);
    let to = |host: u128| {
        let client = Ipv6Addr::from(0x2001_0db8_0000_0001 << 64 | host);
        let datagram = udp(5683, 40000, CONTENT);
        frame::ethernet(frame::IPV6, &frame::ipv6(server, client, UDP, &datagram))
    };
    let outcomes = (0..1000).map(|host| rig.run(&to(host)).1);
    let inspected = outcomes.filter(|outcome| *outcome == Outcome::Inspect);
    assert_eq!(inspected.count() as u64, BURST);
}

#[test]
fn a_client_that_is_never_kept_out_may_be_sent_anything() {
    let mut rig = rig_for_clients();
    rig.ban("192.0.2.0/24".parse().expect("a network"), ban::FOREVER_NS);
    assert_eq!(responses(&mut rig, CLIENT), BURST, "a ban is on sources");
    rig.ban("192.0.2.7/32".parse().expect("an address"), ban::NEVER_NS);
    assert_eq!(responses(&mut rig, CLIENT), 1000);
    // That a server is exempt says nothing of whom it sends to.
    rig.ban("10.20.0.0/16".parse().expect("a network"), ban::NEVER_NS);
    assert_eq!(responses(&mut rig, B), 1000, "in the same network");
    let outside = Ipv4Addr::new(198, 51, 100, 7);
    assert_eq!(responses(&mut rig, outside), BURST);
}
