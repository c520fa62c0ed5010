//! What the gateway adds to a GET: the time from a request to its response, through a Linux bridge and
//! through Weir with the shipped rules, in turns, so that both see the same weather.

use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use gateway::netns::{Family, Host, Spec, Topology, address};
use testkit::coap;
use weir_tests::lab::{baseline, must};
use wire::coap::{Code, Message};

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir-under-test");
const PORT: u16 = 5683;
/// Rounds of each path, and requests of a round.
const ROUNDS: usize = 5;
const REQUESTS: u16 = 4000;
const PATIENCE: Duration = Duration::from_secs(2);

fn main() {
    // `cargo test --benches` only wants to know that it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let topology = must(Topology::build(&Spec {
        label: "latency",
        field: false,
        ..Spec::default()
    }));
    let (mut bridged, mut guarded) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        {
            let _bridge = must(topology.bridge());
            bridged.extend(round(&topology));
        }
        let gateway = baseline(&topology, PROGRAM, "native", "");
        guarded.extend(round(&topology));
        drop(gateway);
        // The kernel takes a program off some time after its last pin is gone.
        thread::sleep(Duration::from_millis(300));
    }
    println!("{:24} {:>8} {:>8}", "a GET, in microseconds", "p50", "p99");
    let [of_bridge, of_weir] =
        [("Linux bridge", bridged), ("Weir", guarded)].map(|(name, times)| {
            let percentiles = percentiles(times);
            println!("{name:24} {:8.1} {:8.1}", percentiles[0], percentiles[1]);
            percentiles
        });
    let [p50, p99] = [0, 1].map(|at| of_weir[at] - of_bridge[at]);
    println!("{:24} {p50:8.1} {p99:8.1}", "what Weir adds");
}

/// Asks and is answered, over and over. Returns how long each took.
fn round(topology: &Topology) -> Vec<Duration> {
    let at = |host| SocketAddr::new(address(host, 0, Family::V4), PORT);
    let [server, client] = [Host::Servers, Host::Devices]
        .map(|host| topology.host(host).udp(at(host)).expect("a socket"));
    for socket in [&server, &client] {
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
    }
    thread::scope(|scope| {
        scope.spawn(|| answer(&server));
        (0..REQUESTS)
            .map(|id| ask(&client, at(Host::Servers), id))
            .collect()
    })
}

fn ask(client: &UdpSocket, server: SocketAddr, id: u16) -> Duration {
    let request = coap::get(id, &id.to_be_bytes(), "sensors/temperature");
    let started = Instant::now();
    client
        .send_to(&request, server)
        .expect("a way to the server");
    client.recv(&mut [0; 64]).expect("an answer");
    started.elapsed()
}

fn answer(server: &UdpSocket) {
    let mut buffer = [0; 256];
    for _ in 0..REQUESTS {
        let (len, client) = server.recv_from(&mut buffer).expect("a request");
        let request = Message::decode(&buffer[..len]).expect("a message");
        let response = coap::response(
            Code::CONTENT,
            request.message_id(),
            request.token(),
            b"21.5",
        );
        server.send_to(&response, client).expect("a way back");
    }
}

/// The 50th and the 99th, in microseconds.
fn percentiles(mut times: Vec<Duration>) -> [f64; 2] {
    times.sort_unstable();
    [50, 99].map(|percent| times[times.len() * percent / 100].as_nanos() as f64 / 1000.0)
}
