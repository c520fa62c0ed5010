//! A flood of requests under forged addresses: how many frames a second end before the inspector, and what
//! its worker does meanwhile. And what libcoap's server is made to send to a victim, by as many requests
//! as it can answer; beside a Linux bridge, which lets the server see to it.

#[path = "../tests/flood/load.rs"]
mod load;

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use gateway::netns::peers::{Gateway, Setup, coap_server};
use gateway::netns::{Family, Host, INTERFACE, Process, Spec, Topology, address};
use weir_tests::lab::{BASELINE, must};

use load::{Load, not_taken, worker_time};

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");
/// GET /.well-known/core, as a NON and as a CON.
const NON: &[u8] = b"\x50\x01\x00\x01\xbb.well-known\x04core";
const CON: &[u8] = b"\x40\x01\x00\x01\xbb.well-known\x04core";
/// A budget as devices on a radio have it; the worker sleeps when there is nothing to do.
const MORE: &str = "busy_poll_us = 0\n\n\
                    [budget]\nudp_packets_per_second = 100\nburst = \"100ms\"\n";
const WHILE: Duration = Duration::from_secs(3);
const SETTLE: Duration = Duration::from_millis(300);
/// Requests at a time, and how often, that the server can answer: 5000 a second.
const REQUESTS: u32 = 50;
const EVERY: Duration = Duration::from_millis(10);

/// What is sent, and under which addresses.
const FLOODS: [(&str, &[u8], Names); 4] = [
    ("NON, one victim", NON, Names::Victim),
    ("NON, a /64 of victims", NON, Names::Network),
    ("CON, one victim", CON, Names::Victim),
    ("CON, a /64 of victims", CON, Names::Network),
];

#[derive(Debug, Clone, Copy)]
enum Names {
    /// A device's, which says nothing.
    Victim,
    /// Every address of an IPv6 network.
    Network,
}

/// Frames and bytes at an interface.
#[derive(Debug, Clone, Copy)]
struct Figures {
    frames: u64,
    bytes: u64,
}

fn main() {
    // `cargo test --benches` only wants to know that it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let topology = must(Topology::build(&Spec {
        label: "coap-flood",
        field: false,
        ..Spec::default()
    }));
    let _server = server(&topology);
    let receiver = ethernet_address(&topology);
    println!(
        "{:22} {:8} {:>10} {:>12} {:>10} {:>11} {:>10}",
        "a flood of", "through", "frames/s", "inspected/s", "worker, %", "answers/s", "kB/s"
    );
    for (name, message, names) in FLOODS {
        let (first, step) = match names {
            Names::Victim => (address(Host::Devices, 1, Family::V4), 0),
            Names::Network => (IpAddr::from([0xfd88, 0, 0, 0, 0, 0, 0, 0]), 1),
        };
        let load = Load {
            message,
            receiver,
            first,
            step,
        };
        {
            let _bridge = must(topology.bridge());
            sleep(SETTLE);
            flood(&topology, name, &load, None);
        }
        let mut setup = Setup::new(Path::new(PROGRAM), BASELINE);
        setup.more = MORE;
        let gateway = must(Gateway::start(&topology, &setup));
        sleep(SETTLE);
        flood(&topology, name, &load, Some(&gateway));
        drop(gateway);
        // The kernel takes a program off some time after its last pin is gone.
        sleep(SETTLE);
    }
}

/// Floods the server, and says what came of it.
fn flood(topology: &Topology, name: &str, load: &Load<'_>, gateway: Option<&Gateway<'_>>) {
    let spent = || gateway.map_or(Duration::ZERO, worker_time);
    let inspected = || {
        gateway.map_or(0.0, |weir| {
            must(weir.metrics()).sum("weir_frames_total", &[])
        })
    };
    let before = (spent(), inspected(), not_taken(topology));
    let started = Instant::now();
    let frames = load.send(topology, WHILE);
    let seconds = started.elapsed().as_secs_f64();
    let busy = (spent() - before.0).as_secs_f64();
    sleep(SETTLE);
    let arrived = frames - (not_taken(topology) - before.2);
    print!(
        "{name:22} {:8} {:10.0} {:12.0} {:10.1}",
        if gateway.is_some() { "Weir" } else { "bridge" },
        arrived as f64 / seconds,
        (inspected() - before.1) / seconds,
        100.0 * busy / seconds,
    );
    if load.first.is_ipv4() {
        let drawn = ask(topology, load);
        let seconds = WHILE.as_secs_f64();
        let rates = [drawn.frames as f64, drawn.bytes as f64 / 1000.0].map(|sum| sum / seconds);
        print!(" {:11.0} {:10.1}", rates[0], rates[1]);
    }
    println!();
}

/// Asks in the victim's name, slowly. Returns what the server has sent.
fn ask(topology: &Topology, load: &Load<'_>) -> Figures {
    let [victim, server] = [
        (load.first, 40_000),
        (address(Host::Servers, 0, Family::V4), 5683),
    ]
    .map(|(address, port)| SocketAddr::new(address, port));
    let socket = topology.host(Host::Devices).udp(victim).expect("a socket");
    let before = sent(topology);
    let (mut request, mut id) = (load.message.to_vec(), 0u16);
    let started = Instant::now();
    while started.elapsed() < WHILE {
        for _ in 0..REQUESTS {
            id = id.wrapping_add(1);
            request[2..4].copy_from_slice(&id.to_be_bytes());
            socket
                .send_to(&request, server)
                .expect("a way to the server");
        }
        sleep(EVERY);
    }
    sleep(SETTLE);
    let after = sent(topology);
    Figures {
        frames: after.frames - before.frames,
        bytes: after.bytes - before.bytes,
    }
}

/// libcoap's server, which writes nothing about each message, and so doesn't tell that it is there.
fn server(topology: &Topology) -> Process {
    let mut command = coap_server(topology.host(Host::Servers));
    let process = must(Process::start(topology.state(), "server", &mut command));
    let _bridge = must(topology.bridge());
    let [own, server] = [(Host::Devices, 0), (Host::Servers, 5683)]
        .map(|(host, port)| SocketAddr::new(address(host, 0, Family::V4), port));
    let socket = topology.host(Host::Devices).udp(own).expect("a socket");
    socket.set_read_timeout(Some(SETTLE)).expect("a socket");
    let is_there = (0..30).any(|_| {
        socket.send_to(NON, server).expect("a way to the server");
        socket.recv(&mut [0; 2048]).is_ok()
    });
    assert!(is_there, "no server");
    process
}

/// What the server's host has sent.
fn sent(topology: &Topology) -> Figures {
    let shown = link(topology);
    let sent = &shown["stats64"]["tx"];
    let figure = |name: &str| sent[name].as_u64().expect("a count");
    Figures {
        frames: figure("packets"),
        bytes: figure("bytes"),
    }
}

fn ethernet_address(topology: &Topology) -> [u8; 6] {
    let shown = link(topology);
    let text = shown["address"].as_str().expect("an address");
    let bytes: Vec<_> = text
        .split(':')
        .map(|byte| u8::from_str_radix(byte, 16).expect("a byte"))
        .collect();
    bytes.try_into().expect("six bytes")
}

fn link(topology: &Topology) -> serde_json::Value {
    let servers = topology.host(Host::Servers);
    let shown = must(servers.ip(&format!("-j -s link show dev {INTERFACE}")));
    let mut shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    shown[0].take()
}
