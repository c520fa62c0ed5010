//! The block list.

use std::net::IpAddr;
use std::time::Duration;

use abi::{Outcome, ban};
use ipnet::IpNet;
use weir_tests::frame::{self, TCP, tcp};
use weir_tests::xdp::{Action, Rig, monotonic_ns};

use crate::{A4, check, v4};

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
        (
            "a prefix in another whose own ban is over",
            "10.22.5.1",
            1883,
            banned,
        ),
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
