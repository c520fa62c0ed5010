//! An MQTT connection as load: a handshake, CONNECT and CONNACK, then PUBLISH segments one after the
//! other, every second one acknowledged.
//!
//! A lost segment would change what the inspector has to do, so there are never more under way than
//! the rings hold. Both ends are sockets of AF_XDP, fed by one thread.

use std::thread;
use std::time::{Duration, Instant};

use gateway::netns::{Host, Namespace, Topology};
use testkit::frames::{self, Path};
use testkit::mqtt;
use weir_tests::lab::must;
use wire::mqtt::Version;
use wire::net::build::TcpSegment;
use wire::net::{TcpFlags, edit};
use xsk::{ChunkSize, Copying, PacketIo, Queue, Socket, Umem};

use super::counter::Counter;
use super::{NOBODY, interface};

/// Segments that are sent at once.
const BATCH: u32 = 32;
/// Segments and acknowledgements that are under way when another batch goes out: with it they are less
/// than the 256 that wait at an end of a veth pair.
const UNDER_WAY: u32 = 128;
/// Frames of a sender's memory.
const CHUNKS: u32 = 1024;
/// How long nothing may arrive.
const PATIENCE: Duration = Duration::from_secs(5);
/// Where the IP header stands in an untagged frame.
const L3: usize = 14;
/// Where a segment's numbers and checksum stand behind Ethernet and a plain IPv4 header.
const SEQ: usize = L3 + 20 + 4;
const ACK: usize = L3 + 20 + 8;
const CHECKSUM: usize = L3 + 20 + 16;
/// Window scaling by 14: the window is never what limits the load.
const SYN_OPTIONS: [u8; 4] = [3, 3, 14, 0];

/// One connection from the devices to a port of the servers.
pub(crate) struct Flow {
    path: Path,
    publish: Vec<u8>,
    client_seq: u32,
    server_seq: u32,
    client: Sender,
    server: Sender,
    at_devices: Counter,
    at_servers: Counter,
}

/// The end that speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Client,
    Server,
}

impl Flow {
    /// Opens a connection from `port`, whose segments will make up frames of `bytes` bytes.
    pub(crate) fn open(topology: &Topology, port: u16, bytes: usize) -> Self {
        let mut path = frames::path(&format!("10.77.0.10:{port}"), "10.77.0.2:1883");
        // Two addresses, or a bridge would take both ends for one.
        path.source_mac[4..].copy_from_slice(&NOBODY[..2]);
        path.destination_mac = NOBODY;
        let (devices, servers) = (topology.host(Host::Devices), topology.host(Host::Servers));
        let mut flow = Self {
            path,
            publish: publish_of(bytes - 14 - 20 - 20),
            client_seq: 1000,
            server_seq: 2000,
            client: Sender::of(devices),
            server: Sender::of(servers),
            at_devices: Counter::of(devices),
            at_servers: Counter::of(servers),
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

    /// Sends so many segments, an even number, and waits until all of it has arrived. Returns how
    /// many frames that were, acknowledgements included.
    pub(crate) fn send(&mut self, segments: u32) -> u64 {
        let step = self.publish.len() as u32;
        let mut segment = self.segment(End::Client, TcpFlags::ACK, &self.publish, self.client_seq);
        let first_ack = self.client_seq.wrapping_add(2 * step);
        let mut ack = self.segment(End::Server, TcpFlags::ACK, &[], first_ack);
        let before = [self.at_servers.frames(), self.at_devices.frames()];
        let (mut sent, mut acknowledged) = (0u32, 0u32);
        let mut progress = (Instant::now(), 0);
        loop {
            let arrived = (self.at_servers.frames() - before[0]) as u32;
            let returned = (self.at_devices.frames() - before[1]) as u32;
            if arrived >= segments && returned >= segments / 2 {
                break;
            }
            let under_way = (sent + acknowledged).saturating_sub(arrived + returned);
            if under_way < UNDER_WAY {
                let batch = BATCH.min(segments - sent);
                self.client.send(&mut segment, SEQ, step, batch);
                sent += batch;
            }
            let due = (arrived.min(segments) / 2).saturating_sub(acknowledged);
            if due >= BATCH / 2 || sent == segments {
                self.server.send(&mut ack, ACK, 2 * step, due);
                acknowledged += due;
            }
            if arrived + returned > progress.1 {
                progress = (Instant::now(), arrived + returned);
            }
            assert!(progress.0.elapsed() < PATIENCE, "frames were lost");
        }
        self.client_seq = self.client_seq.wrapping_add(segments * step);
        u64::from(segments) + u64::from(segments / 2)
    }

    /// Sends one segment, and waits until it has arrived.
    fn say(&mut self, end: End, flags: TcpFlags, payload: &[u8]) {
        let mut frame = self.segment(end, flags, payload, self.client_seq);
        let (sender, arrivals) = match end {
            End::Client => (&mut self.client, &self.at_servers),
            End::Server => (&mut self.server, &self.at_devices),
        };
        let before = arrivals.frames();
        sender.send(&mut frame, SEQ, 0, 1);
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

/// Sends out of a host's interface.
struct Sender {
    umem: Umem,
    socket: Socket,
}

impl Sender {
    fn of(host: &Namespace) -> Self {
        must(host.enter(Self::open)).expect("a socket")
    }

    /// On the interface of the namespace that the calling thread is in.
    fn open() -> Result<Self, xsk::Error> {
        let umem = Umem::new(ChunkSize::for_mtu(1500)?, CHUNKS)?;
        let config = xsk::Config {
            copying: Copying::Always,
            ..xsk::Config::default()
        };
        let queue = Queue {
            interface: interface(),
            queue: 0,
        };
        let mut sockets = xsk::open(&umem, &[queue], config)?;
        let socket = sockets.pop().expect("of the one queue");
        Ok(Self { umem, socket })
    }

    /// Sends `frame` so many times; the number at `at` in it grows by `step` each time.
    fn send(&mut self, frame: &mut [u8], at: usize, step: u32, times: u32) {
        for _ in 0..times {
            self.socket.complete(&self.umem);
            let free = self.umem.take().expect("less is under way than there is");
            let written = self.umem.write(free, frame).expect("it fits");
            assert!(self.socket.submit(&self.umem, written).is_ok(), "it fits");
            grow(frame, at, step);
        }
        while self.socket.unsent() > 0 {
            self.socket.kick();
            self.socket.complete(&self.umem);
            thread::yield_now();
        }
    }
}

/// Adds `step` to the number of four bytes at `at`, and has the checksum say so (RFC 1624 §3).
fn grow(frame: &mut [u8], at: usize, step: u32) {
    let word = |frame: &[u8], at: usize| u32::from(u16::from_be_bytes([frame[at], frame[at + 1]]));
    let mut sum = !word(frame, CHECKSUM) & 0xffff;
    sum += (!word(frame, at) & 0xffff) + (!word(frame, at + 2) & 0xffff);
    let number = (word(frame, at) << 16 | word(frame, at + 2)).wrapping_add(step);
    frame[at..at + 4].copy_from_slice(&number.to_be_bytes());
    sum += word(frame, at) + word(frame, at + 2);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let checksum = !(sum as u16);
    frame[CHECKSUM..CHECKSUM + 2].copy_from_slice(&checksum.to_be_bytes());
}

/// A PUBLISH of so many bytes.
fn publish_of(bytes: usize) -> Vec<u8> {
    let of = |payload| mqtt::publish(Version::V311, "n", &vec![b'1'; payload]);
    let mut sizes = (0..bytes).map(of);
    let fitting = sizes.find(|publish| publish.len() == bytes);
    fitting.expect("a payload that makes up that many bytes")
}
