//! What happens while no worker takes the frames, or none may be refused.

use std::net::IpAddr;
use std::time::Duration;

use abi::{OnFailure, Outcome, PortConfig, Refusals, ban};
use ipnet::IpNet;
use weir_tests::frame::{ETHERNET_LEN, TCP, UDP, ethernet, fragment_header, tcp, udp};
use weir_tests::xdp::{Action, Rig};

use crate::{A4, FRAGMENT, check, cut, v4, v6, with};

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
        rig.socket(0);
        rig.beat(0, Duration::ZERO);
        assert_eq!(
            rig.run(&frame),
            (Action::Redirect, Outcome::Inspect),
            "alive"
        );
        rig.beat(0, Duration::from_millis(150));
        assert_eq!(rig.run(&frame), (action, stale), "hung");
        rig.beat(0, Duration::from_millis(20));
        assert_eq!(
            rig.run(&frame),
            (Action::Redirect, Outcome::Inspect),
            "alive again"
        );
        rig.no_socket(0);
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
    rig.beat(0, Duration::ZERO);
    assert_eq!(rig.run(&frame).1, Outcome::Inspect);
    std::thread::sleep(Duration::from_millis(130));
    assert_eq!(rig.run(&frame).1, Outcome::OpenStale);
}

#[test]
fn refusals_come_before_the_fallback() {
    let mut rig = Rig::in_service();
    rig.no_socket(0);
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
            "banned: the inspector sees it",
            v4(TCP, &tcp(40000, 1883, b"")),
            Action::Redirect,
            Outcome::WouldBan,
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
    rig.no_socket(0);
    let banned = v4(TCP, &tcp(40000, 1883, b""));
    assert_eq!(rig.run(&banned), (Action::Redirect, Outcome::OpenNoSocket));
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
