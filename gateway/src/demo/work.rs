//! The ordinary work of devices: what has to go on as if nothing stood between.

use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use super::scene::Scene;
use crate::netns::peers::{Mosquitto, coap_client, mosquitto_pub, mosquitto_sub};
use crate::netns::{Error, Family, Host, Process, Result, Topology, address, output};

/// One kind of work.
#[derive(Debug, Clone, Copy)]
pub struct Job {
    /// A few words.
    pub name: &'static str,
    run: fn(&Scene, Family) -> Result<Outcome>,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it did what it should.
    pub works: bool,
    /// What was seen, in a few words.
    pub seen: String,
}

impl Job {
    /// Does the work.
    ///
    /// # Errors
    /// When the environment fails; work that fails is an outcome.
    pub fn run(&self, scene: &Scene, family: Family) -> Result<Outcome> {
        (self.run)(scene, family)
    }
}

/// Those that the demo shows, in its order.
pub const ALL: &[Job] = &[
    Job {
        name: "MQTT publish and subscribe",
        run: publish_and_subscribe,
    },
    Job {
        name: "MQTT over TLS",
        run: over_tls,
    },
    Job {
        name: "CoAP GET and block-wise PUT",
        run: coap_blocks,
    },
    Job {
        name: "CoAP Observe",
        run: coap_observe,
    },
    Job {
        name: "other traffic, TCP",
        run: other_traffic,
    },
];

fn outcome(works: bool, seen: impl Into<String>) -> Outcome {
    Outcome {
        works,
        seen: seen.into(),
    }
}

/// A message at each quality of service, by both common versions of the protocol.
fn publish_and_subscribe(scene: &Scene, family: Family) -> Result<Outcome> {
    let combinations = [("mqttv311", "0"), ("mqttv311", "1"), ("mqttv5", "2")];
    for (version, qos) in combinations {
        let arguments = ["-V", version, "-q", qos, "-p", "1883"];
        if !message_arrives(scene, family, &arguments)? {
            return Ok(outcome(
                false,
                format!("{version} QoS {qos} does not arrive"),
            ));
        }
    }
    Ok(outcome(true, "3.1.1 and 5, QoS 0, 1, 2"))
}

fn over_tls(scene: &Scene, family: Family) -> Result<Outcome> {
    let certificate = scene.broker.certificate().to_string_lossy().into_owned();
    let arguments = ["-p", "8883", "--cafile", &certificate, "-q", "1"];
    Ok(match message_arrives(scene, family, &arguments)? {
        true => outcome(true, "port 8883"),
        false => outcome(false, "no message by TLS"),
    })
}

/// Publishes a retained message and takes it back as a subscriber; both with `arguments`.
fn message_arrives(scene: &Scene, family: Family, arguments: &[&str]) -> Result<bool> {
    // Retained, so that it doesn't matter who comes first; a topic that nobody else uses.
    let topic = format!("plant/{}", arguments.join("-").replace('/', "_"));
    let server = scene.broker.address(family).to_string();
    let both = ["-h", &server, "-t", &topic];
    let devices = scene.host(Host::Devices);
    let mut publisher = mosquitto_pub(devices);
    publisher
        .args(arguments)
        .args(both)
        .args(["-r", "-m", "21.5"]);
    let mut subscriber = mosquitto_sub(devices);
    subscriber
        .args(arguments)
        .args(both)
        .args(["-C", "1", "-W", "3"]);
    Ok(output(&mut publisher)?.status.success() && output(&mut subscriber)?.stdout == "21.5\n")
}

/// Puts a resource of several blocks and gets it back.
fn coap_blocks(scene: &Scene, family: Family) -> Result<Outcome> {
    const LEN: usize = 4096;
    let path = scene.topology.state().dir().join("resource");
    let resource: String = (0..LEN)
        .map(|at| char::from(b'a' + (at % 23) as u8))
        .collect();
    fs::write(&path, &resource).map_err(Error::file(&path))?;
    let uri = format!("coap://{}/firmware", scene.server_uri(family));
    let devices = scene.host(Host::Devices);
    let mut put = coap_client(devices);
    put.args(["-B", "3", "-b", "512", "-m", "put", "-f"])
        .arg(&path)
        .arg(&uri);
    let mut get = coap_client(devices);
    get.args(["-B", "3", "-b", "512", "-m", "get", &uri]);
    output(&mut put)?;
    let got = output(&mut get)?.stdout;
    Ok(match got.trim_end() == resource {
        true => outcome(true, "4 KiB in blocks of 512"),
        false => outcome(false, format!("{} of {LEN} bytes came back", got.len())),
    })
}

/// Watches a clock that says so every second.
fn coap_observe(scene: &Scene, family: Family) -> Result<Outcome> {
    let uri = format!("coap://{}/time", scene.server_uri(family));
    let mut observe = coap_client(scene.host(Host::Devices));
    observe.args(["-B", "3", "-s", "2", "-m", "get", "-w", &uri]);
    let notifications = output(&mut observe)?
        .stdout
        .lines()
        .filter(|line| !line.is_empty())
        .count();
    Ok(outcome(
        notifications >= 2,
        format!("{notifications} notifications in 2 s"),
    ))
}

/// A TCP stream that is no business of the gateway's.
fn other_traffic(scene: &Scene, family: Family) -> Result<Outcome> {
    const FOR: Duration = Duration::from_millis(500);
    let at = SocketAddr::new(address(Host::Servers, 0, family), 7000);
    let failed = || Error::socket(at);
    let listener = scene
        .host(Host::Servers)
        .tcp_listener(at)
        .map_err(failed())?;
    let from = address(Host::Devices, 0, family);
    let Ok(mut sender) = scene.host(Host::Devices).tcp(from, at) else {
        return Ok(outcome(false, "no connection"));
    };
    let (mut receiver, _) = listener.accept().map_err(failed())?;
    let started = Instant::now();
    let received = thread::scope(|scope| {
        let count = scope.spawn(move || {
            let (mut buffer, mut sum) = (vec![0; 1 << 16], 0);
            while let Ok(len @ 1..) = receiver.read(&mut buffer) {
                sum += len;
            }
            sum
        });
        let data = vec![0; 1 << 16];
        while started.elapsed() < FOR && sender.write_all(&data).is_ok() {}
        drop(sender);
        count.join().expect("reading doesn't panic")
    });
    let gbit_per_s = received as f64 * 8.0 / 1e9 / started.elapsed().as_secs_f64();
    Ok(outcome(
        received > 0,
        format!("{gbit_per_s:.1} Gbit/s to port 7000"),
    ))
}

/// A device that reports ten times a second, and a station that listens, until dropped.
#[derive(Debug)]
pub struct Telemetry {
    reporter: Process,
    station: Process,
}

impl Telemetry {
    /// Starts both.
    ///
    /// # Errors
    /// When they don't start, or the station isn't subscribed within some seconds.
    pub fn start(topology: &Topology, broker: &Mosquitto) -> Result<Self> {
        let server = broker.address(Family::V4).to_string();
        let common = ["-h", &server, "-t", "plant/telemetry", "-q", "1", "-d"];
        let state = topology.state();
        let devices = topology.host(Host::Devices);
        let mut subscribe = mosquitto_sub(devices);
        subscribe.args(common).args(["-F", "report %p"]);
        let mut station = Process::start(state, "station", &mut subscribe)?;
        station.ready(Duration::from_secs(5), |process| {
            let subscribed = process.printed()?.contains("Subscribed");
            Ok(subscribed.then_some(()))
        })?;
        let mut publish = mosquitto_pub(devices);
        publish.args(common).args(["-m", "21.5"]);
        publish.args(["--repeat", "1000000", "--repeat-delay", "0.1"]);
        Ok(Self {
            reporter: Process::start(state, "reporter", &mut publish)?,
            station,
        })
    }

    /// Ends the reports; says how many were sent, and how many of them came back out of the broker.
    ///
    /// # Errors
    /// When a log can't be read.
    pub fn finish(self) -> Result<(usize, usize)> {
        let lines = |process: &Process, what: &str| -> Result<usize> {
            Ok(process
                .printed()?
                .lines()
                .filter(|line| line.contains(what))
                .count())
        };
        let sent = lines(&self.reporter, "sending PUBLISH")?;
        // The last one may still be under way.
        let deadline = Instant::now() + Duration::from_secs(1);
        loop {
            let arrived = lines(&self.station, "report 21.5")?.min(sent);
            if arrived == sent || Instant::now() > deadline {
                return Ok((sent, arrived));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}
