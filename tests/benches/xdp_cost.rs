//! What the XDP program costs a frame, in the kernel's test run: time over a program that does nothing.
//!
//! The kernel runs a program many times over the same frame, so everything it touches is in the
//! processor's caches: these are lower bounds, and good for comparison. What happens to the frame
//! afterwards (its way to the peer or into a socket) is not in them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use abi::budget::Budget;
use abi::{PortConfig, ban, map};
use ipnet::IpNet;
use weir_tests::frame::{self, TCP, UDP, tcp, udp};
use weir_tests::noise::Noise;
use weir_tests::xdp::Rig;

/// Banned sources beside the one that is asked for.
const BANNED: [u32; 2] = [100_000, 1_000_000];
/// Rounds that every case takes part in, one after the other, so that all see the same weather.
const ROUNDS: usize = 60;
/// Runs of a program in a round.
const RUNS: u32 = 30_000;

const V4: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 20, 0, 7));
const V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0x20, 0, 0, 0, 7));

/// Lengths of what is kept out, in each family: addresses, networks, and all that lists have.
const ADDRESSES: [&[u8]; 2] = [&[32], &[128]];
const NETWORKS: [&[u8]; 2] = [&[24], &[64]];
const LISTS: [&[u8]; 2] = [
    &[12, 14, 16, 18, 20, 21, 22, 23, 24, 32],
    &[29, 32, 36, 40, 44, 48, 56, 64, 128],
];

/// One line of the table.
struct Case {
    what: &'static str,
    program: &'static str,
    frame: Vec<u8>,
    /// The most it may cost over the empty program, in nanoseconds.
    aim_ns: Option<f64>,
    times_ns: Vec<f64>,
}

impl Case {
    fn new(what: &'static str, source: IpAddr, port: u16, aim_ns: Option<f64>) -> Self {
        let frame = match port {
            5683 => frame::from(source, UDP, &udp(40000, port, &coap(1))),
            _ => frame::from(source, TCP, &tcp(40000, port, &[0; 10])),
        };
        Self {
            what,
            program: map::PROGRAM,
            frame,
            aim_ns,
            times_ns: Vec::new(),
        }
    }

    /// CoAP of a version that isn't.
    fn broken(what: &'static str, source: IpAddr) -> Self {
        Self {
            frame: frame::from(source, UDP, &udp(40000, 5683, &coap(0))),
            ..Self::new(what, source, 5683, None)
        }
    }

    /// A response of a CoAP server.
    fn response(what: &'static str, source: IpAddr) -> Self {
        let mut message = coap(1);
        message[1] = 0x45;
        Self {
            frame: frame::from(source, UDP, &udp(5683, 40000, &message)),
            ..Self::new(what, source, 5683, None)
        }
    }

    fn empty() -> Self {
        Self {
            program: map::EMPTY_PROGRAM,
            ..Self::new("empty program", V4, 80, None)
        }
    }

    /// Minimum, median and maximum.
    fn spread(&self) -> [f64; 3] {
        let mut sorted = self.times_ns.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        [
            sorted[0],
            sorted[sorted.len() / 2],
            sorted[sorted.len() - 1],
        ]
    }
}

/// A CoAP message of 22 bytes.
fn coap(version: u8) -> [u8; 22] {
    let mut message = [0x61; 22];
    // A GET with a token of four bytes, a path and a payload.
    message[..10].copy_from_slice(&[version << 6 | 4, 1, 0, 1, 1, 2, 3, 4, 0xb1, 0x61]);
    message[10] = 0xff;
    message
}

/// A rig with budgets: as many frames as there are in the world, or none.
fn with_budgets(is_enough: bool) -> Rig {
    let mut rig = Rig::in_service();
    rig.no_samples();
    rig.configure(PortConfig {
        budget: Budget {
            cost_ns: if is_enough { [1; 2] } else { [2; 2] },
            response_ns: 1,
            burst_ns: if is_enough { 1_000_000_000 } else { 1 },
            key: [1, 2],
        },
        ..Rig::config()
    });
    rig
}

/// Addresses that nobody would guess.
fn strangers(noise: &mut Noise, is_v4: bool) -> IpAddr {
    let (high, low) = (u128::from(noise.number()), u128::from(noise.number()));
    if is_v4 {
        Ipv4Addr::from(high as u32).into()
    } else {
        // Of one provider: they share their first bits, as addresses in use do.
        Ipv6Addr::from(0x2001_0db8 << 96 | (high << 64 | low) >> 32).into()
    }
}

/// A rig with strangers and one more kept out, in both families: prefixes of them of these lengths,
/// and of the one the longest.
fn with_banned(strangers_each: u32, lengths: [&[u8]; 2]) -> Rig {
    let (mut rig, mut noise) = (Rig::in_service(), Noise::new(7));
    let prefix = |address, length| IpNet::new(address, length).expect("a length").trunc();
    let started = Instant::now();
    for (own, lengths) in [V4, V6].into_iter().zip(lengths) {
        for _ in 0..strangers_each {
            let stranger = strangers(&mut noise, own.is_ipv4());
            rig.ban(prefix(stranger, noise.one_of(lengths)), ban::FOREVER_NS);
        }
        let longest = lengths.iter().max().expect("lengths");
        rig.ban(prefix(own, *longest), ban::FOREVER_NS);
    }
    let (seconds, entries) = (started.elapsed().as_secs_f64(), 2 * strangers_each);
    println!("\n{entries} entries placed in {seconds:.1} s");
    rig
}

fn measure(title: &str, mut rig: Rig, mut cases: Vec<Case>) {
    cases.insert(0, Case::empty());
    for _ in 0..ROUNDS {
        for case in &mut cases {
            let time: Duration = rig.time(case.program, &case.frame, RUNS);
            case.times_ns.push(time.as_nanos() as f64);
        }
    }
    let [empty_min, empty_median, _] = cases[0].spread();
    println!("\n{title}");
    println!(
        "{:34}{:>6}{:>8}{:>6}{:>12}{:>8}  aim",
        "ns a frame", "min", "median", "max", "over empty", "(min)"
    );
    for case in &cases {
        let [min, median, max] = case.spread();
        let (over, over_min) = (median - empty_median, min - empty_min);
        let aim = match case.aim_ns {
            None => String::new(),
            Some(aim) if over_min <= aim => format!("{aim:.0}: met"),
            Some(aim) => format!("{aim:.0}: missed"),
        };
        println!(
            "{:34}{min:6.0}{median:8.0}{max:6.0}{over:12.0}{over_min:8.0}  {aim}",
            case.what
        );
    }
}

fn main() {
    println!(
        "The XDP program under BPF_PROG_TEST_RUN, {ROUNDS} rounds of {RUNS} runs; aims are held"
    );
    println!("against the minimum, which the rest of the machine disturbs least.");
    let forward = Some(15.0);
    let banned = Some(80.0);
    measure(
        "nobody banned",
        Rig::in_service(),
        vec![
            Case::new("not ours, IPv4", V4, 80, forward),
            Case::new("not ours, IPv6", V6, 80, forward),
            Case::new("MQTT to a worker, IPv4", V4, 1883, None),
            Case::new("MQTT to a worker, IPv6", V6, 1883, None),
            Case::new("CoAP to a worker, IPv4", V4, 5683, None),
            Case::new("CoAP to a worker, IPv6", V6, 5683, None),
        ],
    );
    measure(
        "broken CoAP, more of it than is sampled",
        with_budgets(true),
        vec![
            Case::broken("dropped, IPv4", V4),
            Case::broken("dropped, IPv6", V6),
        ],
    );
    measure(
        "budgets that are never spent",
        with_budgets(true),
        vec![
            Case::new("MQTT to a worker, IPv4", V4, 1883, None),
            Case::new("CoAP to a worker, IPv4", V4, 5683, None),
            Case::new("CoAP to a worker, IPv6", V6, 5683, None),
            Case::response("CoAP response to a worker, IPv4", V4),
            Case::response("CoAP response to a worker, IPv6", V6),
            Case::new("not ours, IPv4", V4, 80, forward),
        ],
    );
    measure(
        "budgets with nothing in them",
        with_budgets(false),
        vec![
            Case::new("CoAP, dropped, IPv4", V4, 5683, None),
            Case::new("CoAP, dropped, IPv6", V6, 5683, None),
        ],
    );
    let stranger = |v4: &str| v4.parse().expect("an address");
    let common = || {
        vec![
            Case::new(
                "not banned, to a worker, IPv4",
                stranger("192.0.2.1"),
                1883,
                None,
            ),
            Case::new(
                "not banned, to a worker, IPv6",
                stranger("2001:db8:1::1"),
                1883,
                None,
            ),
            Case::new("not ours, IPv4", V4, 80, forward),
        ]
    };
    for strangers in BANNED {
        for (title, lengths) in [
            ("addresses of each family banned", ADDRESSES),
            ("networks of each family banned, /24 and /64", NETWORKS),
            ("prefixes of each family banned, of all lengths", LISTS),
        ] {
            let mut cases = common();
            cases.push(Case::new("banned, IPv4", V4, 1883, banned));
            cases.push(Case::new("banned, IPv6", V6, 1883, banned));
            measure(title, with_banned(strangers, lengths), cases);
        }
    }
}
