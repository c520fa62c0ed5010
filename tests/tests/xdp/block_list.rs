//! The block list against a reference: whatever prefixes are on it, placed, changed, lifted and over.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use abi::{Outcome, ban};
use ipnet::IpNet;
use weir_tests::frame::{self, TCP, tcp};
use weir_tests::noise::Noise;
use weir_tests::xdp::{Action, Rig, monotonic_ns};

/// Prefixes placed in a round.
const PREFIXES: usize = 400;
const ROUNDS: u64 = 4;

/// What is on the list, and who is kept out by it: the longest prefix that isn't over decides.
#[derive(Default)]
struct Reference(HashMap<IpNet, u64>);

impl Reference {
    fn outcome(&self, source: IpAddr, now_ns: u64) -> (Action, Outcome) {
        let in_force = |expires_ns: u64| expires_ns == ban::NEVER_NS || expires_ns > now_ns;
        let covering = self.0.iter().filter(|(net, _)| net.contains(&source));
        let holding = covering.filter(|(_, expires_ns)| in_force(**expires_ns));
        match holding.max_by_key(|(net, _)| net.prefix_len()) {
            Some((_, &expires_ns)) if expires_ns != ban::NEVER_NS => {
                (Action::Drop, Outcome::Banned)
            }
            _ => (Action::Redirect, Outcome::Inspect),
        }
    }
}

/// Addresses that have their first bits in common, more or less of them, so that prefixes of them nest.
fn address(noise: &mut Noise, is_v4: bool) -> IpAddr {
    let random = u128::from(noise.number()) << 64 | u128::from(noise.number());
    if is_v4 {
        let common = noise.below(33) as u32;
        let open = u32::MAX.checked_shr(common).unwrap_or(0);
        return Ipv4Addr::from(0x0a14_1e28 ^ random as u32 & open).into();
    }
    let common = noise.below(129) as u32;
    let open = u128::MAX.checked_shr(common).unwrap_or(0);
    Ipv6Addr::from(0x2a02_0db8_1234_5678_9abc_def0_0f1e_2d3c ^ random & open).into()
}

fn prefix(noise: &mut Noise, is_v4: bool) -> IpNet {
    let lengths = if is_v4 { 33 } else { 129 };
    let length = noise.below(lengths) as u8;
    let net = IpNet::new(address(noise, is_v4), length).expect("a length that addresses have");
    net.trunc()
}

/// An expiry: mostly to come, some over, some exempt.
fn expiry(noise: &mut Noise) -> u64 {
    match noise.below(6) {
        0 => ban::NEVER_NS,
        1 | 2 => 1,
        3 => ban::FOREVER_NS,
        _ => monotonic_ns() + 3_600_000_000_000,
    }
}

/// Asks about addresses at both ends of every prefix, next to it, and anywhere.
fn agree(rig: &mut Rig, reference: &Reference, noise: &mut Noise, is_v4: bool) -> [usize; 2] {
    let nets: Vec<IpNet> = reference.0.keys().copied().collect();
    let ends = nets.iter().flat_map(|net| [net.network(), net.broadcast()]);
    let mut asked: Vec<IpAddr> = ends.flat_map(|end| [end, next(end)]).collect();
    asked.extend((0..PREFIXES).map(|_| address(noise, is_v4)));
    let mut seen = [0; 2];
    for source in asked {
        let frame = frame::from(source, TCP, &tcp(40000, 1883, b""));
        let expected = reference.outcome(source, monotonic_ns());
        assert_eq!(rig.run(&frame), expected, "{source}");
        seen[usize::from(expected.1 == Outcome::Banned)] += 1;
    }
    seen
}

fn next(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => Ipv4Addr::from(u32::from(address).wrapping_add(1)).into(),
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address).wrapping_add(1)).into(),
    }
}

fn follows_the_reference(is_v4: bool, seed: u64) {
    let (mut rig, mut noise) = (Rig::in_service(), Noise::new(seed));
    let mut reference = Reference::default();
    let mut seen = [0; 2];
    let mut tally = |more: [usize; 2]| {
        seen = [seen[0] + more[0], seen[1] + more[1]];
    };
    for _ in 0..ROUNDS {
        for _ in 0..PREFIXES {
            let (net, expires_ns) = (prefix(&mut noise, is_v4), expiry(&mut noise));
            rig.ban(net, expires_ns);
            reference.0.insert(net, expires_ns);
        }
        tally(agree(&mut rig, &reference, &mut noise, is_v4));
        let leaving: Vec<IpNet> = reference.0.keys().copied().collect();
        for net in leaving.into_iter().filter(|_| noise.below(4) > 0) {
            assert!(rig.lift(net) && !rig.lift(net));
            reference.0.remove(&net);
        }
        tally(agree(&mut rig, &reference, &mut noise, is_v4));
    }
    // Neither is rare, or little was tried.
    let least = seen[0].min(seen[1]);
    assert!(least > (seen[0] + seen[1]) / 10, "{seen:?}");
}

#[test]
fn ipv4_prefixes_of_all_lengths_are_found() {
    for seed in 1..=3 {
        follows_the_reference(true, seed);
    }
}

#[test]
fn ipv6_prefixes_of_all_lengths_are_found() {
    for seed in 4..=6 {
        follows_the_reference(false, seed);
    }
}

#[test]
fn every_length_of_one_address_is_told_from_the_next() {
    for source in ["10.20.30.40", "2a02:db8:1234:5678:9abc:def0:f1e:2d3c"] {
        let source: IpAddr = source.parse().expect("an address");
        let mut rig = Rig::in_service();
        let frame = frame::from(source, TCP, &tcp(40000, 1883, b""));
        let longest = IpNet::from(source).prefix_len();
        let of = |length| IpNet::new(source, length).expect("a length").trunc();
        // All of them at once, the longer exempt from what the shorter say, and the reverse.
        for length in 0..=longest {
            let expires_ns = [ban::FOREVER_NS, ban::NEVER_NS][usize::from(length % 2)];
            rig.ban(of(length), expires_ns);
            let expected = [
                (Action::Drop, Outcome::Banned),
                (Action::Redirect, Outcome::Inspect),
            ][usize::from(length % 2)];
            assert_eq!(rig.run(&frame), expected, "/{length} of {source}");
        }
        // Over, from the longest on: the next shorter one speaks.
        for length in (1..=longest).rev() {
            rig.ban(of(length), 1);
            let is_banned = length % 2 == 1;
            let banned = rig.run(&frame).1 == Outcome::Banned;
            assert_eq!(banned, is_banned, "/{length} of {source} over");
        }
    }
}
