//! An MQTT connection as load: a handshake, CONNECT and CONNACK, then PUBLISH segments one after the
//! other, every second one acknowledged.
//!
//! A lost segment would change what the inspector has to do, so there are never more under way than
//! the rings hold: a burst goes out when the acknowledgements of the one before the last are back.

use std::sync::mpsc;
use std::thread;

use gateway::netns::{Host, Topology};
use testkit::frames::{self, Path};
use testkit::mqtt;
use weir_tests::lab::must;
use wire::mqtt::Version;
use wire::net::build::TcpSegment;
use wire::net::{TcpFlags, edit};
use xsk::live::{Field, Generator};

use super::counter::Counter;
use super::{NOBODY, interface, pin};

/// Segments of a burst.
const BURST: u32 = 256;
/// Where the IP header stands in an untagged frame.
const L3: usize = 14;
/// Where a segment's numbers and checksum stand behind Ethernet and a plain IPv4 header.
const SEQ: Field = Field {
    at: 14 + 20 + 4,
    checksum_at: 14 + 20 + 16,
};
const ACK: Field = Field {
    at: 14 + 20 + 8,
    ..SEQ
};
/// Window scaling by 14: the window is never what limits the load.
const SYN_OPTIONS: [u8; 4] = [3, 3, 14, 0];

/// One connection from the devices to a port of the servers.
pub(crate) struct Flow<'t> {
    topology: &'t Topology,
    path: Path,
    publish: Vec<u8>,
    client_seq: u32,
    server_seq: u32,
    at_devices: Counter,
    at_servers: Counter,
}

/// The end that speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Client,
    Server,
}

impl<'t> Flow<'t> {
    /// Opens a connection from `port`, whose segments will make up frames of `bytes` bytes.
    pub(crate) fn open(topology: &'t Topology, port: u16, bytes: usize) -> Self {
        let mut path = frames::path(&format!("10.77.0.10:{port}"), "10.77.0.2:1883");
        // Two addresses, or a bridge would take both ends for one.
        path.source_mac[4..].copy_from_slice(&NOBODY[..2]);
        path.destination_mac = NOBODY;
        let mut flow = Self {
            topology,
            path,
            publish: publish_of(bytes - 14 - 20 - 20),
            client_seq: 1000,
            server_seq: 2000,
            at_devices: Counter::of(topology.host(Host::Devices)),
            at_servers: Counter::of(topology.host(Host::Servers)),
        };
        flow.say(End::Client, TcpFlags::SYN, &[]);
        flow.say(End::Server, TcpFlags::SYN | TcpFlags::ACK, &[]);
        flow.say(End::Client, TcpFlags::ACK, &[]);
        let connect = mqtt::connect(Version::V311, "bench");
        flow.say(End::Client, TcpFlags::ACK, &connect);
        flow.say(End::Server, TcpFlags::ACK, &mqtt::connack(Version::V311, 0));
        flow.say(End::Client, TcpFlags::ACK, &[]);
        flow
    }

    /// Sends so many bursts, and waits until all of it has arrived. Returns how many frames that
    /// were, acknowledgements included.
    pub(crate) fn send(&mut self, bursts: u32) -> u64 {
        let (devices, servers) = (Host::Devices, Host::Servers);
        let (to_servers, to_devices) = (self.at_servers.frames(), self.at_devices.frames());
        let of_bursts = |bursts: u32, frames: u32| u64::from(bursts) * u64::from(frames);
        let (flow, step) = (&*self, self.publish.len() as u32);
        let (sent, to_acknowledge) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                must(flow.topology.host(servers).enter(|| {
                    pin();
                    let generator = Generator::counting(ACK).expect("the right to load programs");
                    let interface = interface();
                    for burst in to_acknowledge {
                        flow.at_servers
                            .wait_for(to_servers + of_bursts(burst + 1, BURST));
                        let first = flow.client_seq.wrapping_add(burst * BURST * step);
                        let ack = flow.segment(End::Server, TcpFlags::ACK, &[], first + 2 * step);
                        generator
                            .send_counting(interface, &ack, BURST / 2, 2 * step)
                            .expect("live frames");
                    }
                }));
            });
            let sent = sent;
            must(flow.topology.host(devices).enter(|| {
                pin();
                let generator = Generator::counting(SEQ).expect("the right to load programs");
                let interface = interface();
                for burst in 0..bursts {
                    let seq = flow.client_seq.wrapping_add(burst * BURST * step);
                    let segment = flow.segment(End::Client, TcpFlags::ACK, &flow.publish, seq);
                    generator
                        .send_counting(interface, &segment, BURST, step)
                        .expect("live frames");
                    sent.send(burst).expect("somebody acknowledges");
                    flow.at_devices
                        .wait_for(to_devices + of_bursts(burst.saturating_sub(1), BURST / 2));
                }
                flow.at_devices
                    .wait_for(to_devices + of_bursts(bursts, BURST / 2));
            }));
        });
        self.client_seq = self.client_seq.wrapping_add(bursts * BURST * step);
        of_bursts(bursts, BURST + BURST / 2)
    }

    /// Sends one segment, and waits until it has arrived.
    fn say(&mut self, end: End, flags: TcpFlags, payload: &[u8]) {
        let (from, arrivals) = match end {
            End::Client => (Host::Devices, &self.at_servers),
            End::Server => (Host::Servers, &self.at_devices),
        };
        let frame = self.segment(end, flags, payload, self.client_seq);
        let before = arrivals.frames();
        must(self.topology.host(from).enter(|| {
            let generator = Generator::new().expect("the right to load programs");
            generator.send(interface(), &frame, 1).expect("live frames");
        }));
        arrivals.wait_for(before + 1);
        let len = payload.len() as u32 + u32::from(flags.contains(TcpFlags::SYN));
        match end {
            End::Client => self.client_seq = self.client_seq.wrapping_add(len),
            End::Server => self.server_seq = self.server_seq.wrapping_add(len),
        }
    }

    /// A segment of either end; `client_seq` is the client's number, or what its server acknowledges.
    fn segment(&self, end: End, flags: TcpFlags, payload: &[u8], client_seq: u32) -> Vec<u8> {
        let (path, seq, ack) = match end {
            End::Client => (self.path, client_seq, self.server_seq),
            End::Server => (self.path.reversed(), self.server_seq, client_seq),
        };
        let is_syn = flags.contains(TcpFlags::SYN);
        let segment = TcpSegment {
            seq,
            ack: if flags.contains(TcpFlags::ACK) {
                ack
            } else {
                0
            },
            flags,
            window: u16::MAX,
            options: if is_syn { &SYN_OPTIONS } else { &[] },
            payload,
        };
        let mut frame = frames::padded(frames::tcp(&path, &segment));
        // Without "don't fragment" and with one identification, no receive offload of the bridge's
        // ports merges segments (RFC 6864 §4.1): every path carries the same frames.
        frame[L3 + 6] &= !0x40;
        edit::refresh_ip_checksum(&mut frame, L3);
        frame
    }
}

/// A PUBLISH of so many bytes.
fn publish_of(bytes: usize) -> Vec<u8> {
    let of = |payload| mqtt::publish(Version::V311, "n", &vec![b'1'; payload]);
    let mut sizes = (0..bytes).map(of);
    let fitting = sizes.find(|publish| publish.len() == bytes);
    fitting.expect("a payload that makes up that many bytes")
}
