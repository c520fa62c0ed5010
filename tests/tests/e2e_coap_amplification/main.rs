//! A CoAP server against a third party (RFC 7252 §11.3): whatever an attacker sends under a victim's
//! address, three bytes arrive at the victim for each that he spends, at most; and thirty where nothing
//! stands in between. Bytes of UDP payload, as seen at the victim's interface, Weir's own messages
//! included. The victim is a host with nothing to say, or a CoAP endpoint that rejects what it gets, at the port of a
//! service or, as a client has it, at another.

mod attacks;
mod careless;
mod reflected;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use attacks::{ALL, Attack, LEFT, Target};
use careless::{Careless, send_to_groups};
use gateway::demo::scene::{Scene, port};
use gateway::netns::peers::coap_server;
use gateway::netns::{Family, Host, INTERFACE, Process, Tap, address};
use testkit::coap::request;
use weir_tests::lab::{FAMILIES, baseline, must, scene, uninterrupted};
use wire::coap::Code;
use wire::net::{Packet, Transport};

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");
const GROUP_PORTS: [u16; 2] = [5685, 5687];
const SERVICES: &str = "[services]\ncoap = [5683, 5685, 5687, 5689]\n";
/// The most a victim may get for each byte the attacker spends, and what it gets unprotected, from the
/// worst of these attacks.
const PROTECTED: f64 = 3.0;
const UNPROTECTED: f64 = 30.0;
/// From the first datagram on: long enough for notifications, for the leisure of a group's members
/// (RFC 7252 §8.2) and for the first retransmissions.
const WATCHED: Duration = Duration::from_secs(16);
const INTERVAL: Duration = Duration::from_millis(2);
/// What the attacker leaves at the server.
const LEFT_LEN: usize = 1024;

/// What the victim is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Victim {
    /// Something that takes what comes to its port and says nothing.
    Silent,
    /// A CoAP endpoint where services are.
    Coap,
    /// One where clients are, which resets what it never asked for.
    Client,
}

impl Victim {
    fn port(self) -> u16 {
        match self {
            Self::Silent => 40_000,
            Self::Coap => port::COAP,
            Self::Client => 40_002,
        }
    }
}

/// An attack on one of the victim's addresses.
struct Assault<'a> {
    attack: &'a Attack,
    family: Family,
    victim: Victim,
    at: SocketAddr,
    spent: usize,
}

impl Assault<'_> {
    fn ratio(&self, arrived: usize) -> f64 {
        arrived as f64 / self.spent as f64
    }
}

#[test]
fn no_victim_gets_more_than_three_times_what_the_attacker_sent() {
    let worst = {
        let scene = scene("e2e-amp-bridge");
        let _bridge = must(scene.topology.bridge());
        let outcomes = assail(&scene);
        let worst = worst_of("bridge", &outcomes);
        for (assault, arrived) in &outcomes {
            let (attack, ratio) = (assault.attack, assault.ratio(*arrived));
            assert!(ratio >= attack.floor, "{}: {ratio:.2}", attack.id);
        }
        worst
    };
    assert!(worst >= UNPROTECTED, "{worst:.1} without the gateway");
    let scene = scene("e2e-amp-weir");
    let _gateway = baseline(&scene.topology, PROGRAM, "auto", SERVICES);
    let worst = worst_of("weir", &assail(&scene));
    assert!(worst <= PROTECTED, "{worst:.2} with the gateway");
}

/// Prints what came of each attack, and returns the worst ratio.
fn worst_of(by: &str, outcomes: &[(Assault<'_>, usize)]) -> f64 {
    let mut worst: f64 = 0.0;
    for (assault, arrived) in outcomes {
        let Assault {
            attack,
            family,
            victim,
            spent,
            ..
        } = assault;
        let ratio = assault.ratio(*arrived);
        println!(
            "{by:6} {} {:38} {family:?} {victim:7?} {spent:5} B sent, {arrived:6} B arrived, {ratio:6.2}",
            attack.id, attack.what
        );
        worst = worst.max(ratio);
    }
    worst
}

/// Carries out every attack, each against an address of its own, and weighs what arrives there.
fn assail(scene: &Scene) -> Vec<(Assault<'_>, usize)> {
    let _members = FAMILIES.map(|family| [1, 2].map(|number| member(scene, family, number)));
    let _endpoints = [Victim::Coap, Victim::Client].map(|victim| victim_endpoint(scene, victim));
    let tap = scene.host(Host::Victim).tap().expect("a tap");
    let _silent = silent_socket(scene);
    for family in FAMILIES {
        leave_something(scene, family);
    }
    let careless = Careless::start(scene, &FAMILIES.map(|family| group(family).ip()));
    let (assaults, arrived) = thread::scope(|scope| {
        scope.spawn(|| careless.serve(Instant::now() + WATCHED));
        let arrived = scope.spawn(|| weigh(&tap, Instant::now() + WATCHED));
        (assaults(scene), arrived.join().expect("it doesn't panic"))
    });
    let with_weight = |assault: Assault<'static>| {
        let bytes = arrived.get(&assault.at.ip()).copied().unwrap_or(0);
        (assault, bytes)
    };
    assaults.into_iter().map(with_weight).collect()
}

/// Every attack against every kind of victim.
fn assaults(scene: &Scene) -> Vec<Assault<'static>> {
    let mut assaults = Vec::new();
    for family in FAMILIES {
        let kinds = [Victim::Silent, Victim::Coap, Victim::Client];
        let ways = kinds
            .iter()
            .flat_map(|victim| ALL.iter().map(move |attack| (victim, attack)));
        for ((victim, attack), index) in ways.zip(0..) {
            let at = SocketAddr::new(address(Host::Victim, index, family), victim.port());
            let spent = spoof(scene, attack, family, at);
            assaults.push(Assault {
                attack,
                family,
                victim: *victim,
                at,
                spent,
            });
        }
    }
    assaults
}

/// Sends the attack's datagrams under the victim's address. Returns their bytes.
fn spoof(scene: &Scene, attack: &Attack, family: Family, at: SocketAddr) -> usize {
    let attacker = scene
        .host(Host::Attacker)
        .udp(at)
        .expect("the victim's address");
    send_to_groups(&attacker, Host::Attacker);
    let to = match attack.target {
        Target::Careless => SocketAddr::new(scene.coap.address(family), careless::PORT),
        Target::CarelessGroup => SocketAddr::new(group(family).ip(), careless::PORT),
        Target::Server => SocketAddr::new(scene.coap.address(family), port::COAP),
        Target::Group => group(family),
    };
    let mut spent = 0;
    for number in 0..attack.datagrams {
        spent += send(&attacker, &(attack.datagram)(number + 1), to);
        thread::sleep(INTERVAL);
    }
    spent
}

fn send(socket: &UdpSocket, datagram: &[u8], to: SocketAddr) -> usize {
    socket.send_to(datagram, to).expect("a way to the server")
}

/// From his own address, the attacker makes a resource that is as large as can be.
fn leave_something(scene: &Scene, family: Family) {
    let own = SocketAddr::new(address(Host::Attacker, 0, family), 0);
    let attacker = scene.host(Host::Attacker).udp(own).expect("a socket");
    let put = request(Code::PUT, 1, &[], LEFT, &[b'x'; LEFT_LEN]);
    let server = SocketAddr::new(scene.coap.address(family), port::COAP);
    send(&attacker, &put, server);
    let patience = Some(Duration::from_secs(2));
    attacker.set_read_timeout(patience).expect("a socket");
    uninterrupted(|| attacker.recv(&mut [0; 64])).expect("an answer");
}

/// Bytes of UDP payload by the address they arrive at, until `end`.
fn weigh(tap: &Tap, end: Instant) -> BTreeMap<IpAddr, usize> {
    let (mut arrived, mut buffer) = (BTreeMap::new(), [0; 2048]);
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        let Some(frame) = tap.frame(&mut buffer, left).expect("a frame") else {
            continue;
        };
        if let Ok(packet) = Packet::decode(frame)
            && matches!(packet.transport, Transport::Udp(_))
        {
            *arrived.entry(packet.destination()).or_default() += packet.layout.payload_len();
        }
    }
    arrived
}

/// All CoAP nodes of the link (RFC 7252 §12.8), as the server at a port of its own knows them.
fn group(family: Family) -> SocketAddr {
    match family {
        Family::V4 => SocketAddr::from(([224, 0, 1, 187], GROUP_PORTS[0])),
        Family::V6 => SocketAddr::from(([0xff02, 0, 0, 0, 0, 0, 0, 0xfd], GROUP_PORTS[1])),
    }
}

/// One of several at one address: each of them gets what goes to the group.
fn member(scene: &Scene, family: Family, number: usize) -> Process {
    let group = group(family);
    let mut command = coap_server(scene.host(Host::Servers));
    command.args(["-v", "7", "-p", &group.port().to_string()]);
    command.args(["-g", &group.ip().to_string(), "-G", INTERFACE]);
    started(scene, &format!("group-{family:?}-{number}"), &mut command)
}

fn victim_endpoint(scene: &Scene, victim: Victim) -> Process {
    let mut command = coap_server(scene.host(Host::Victim));
    let port = victim.port().to_string();
    let name = format!("victim-{port}");
    started(scene, &name, command.args(["-v", "7", "-p", &port]))
}

/// Takes what comes to each of the victim's addresses of either family; its host's stack won't say that
/// nobody is there.
fn silent_socket(scene: &Scene) -> UdpSocket {
    let at = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), Victim::Silent.port());
    scene.host(Host::Victim).udp(at).expect("a socket")
}

fn started(scene: &Scene, name: &str, command: &mut std::process::Command) -> Process {
    let mut process = must(Process::start(scene.topology.state(), name, command));
    must(process.ready(Duration::from_secs(10), |process| {
        Ok(process.printed()?.contains("created UDP").then_some(()))
    }));
    process
}
