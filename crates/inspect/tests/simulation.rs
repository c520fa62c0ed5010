//! A seeded network of devices and a broker with the gateway between them, in which frames are lost,
//! doubled and overtaken on both sides. After every step the books balance; in the end every honest
//! device has said all it had to say, and no denied message has arrived.

use policy::Side;
use testkit::mqtt;
use testkit::network::{Ends, Gateway, Random, Stream, policy_of, tcp_of};
use testkit::reference::{Overlap, Receiver};
use weir_inspect::{Count, Injected, Limits, Verdict};
use wire::Decoded;
use wire::Direction::{ToClient, ToServer};
use wire::mqtt::{ControlPacket, Version};
use wire::net::TcpFlags;
use wire::net::build::TcpSegment;

const PACK: &str = r#"
[[rule]]
id     = "secret"
match  = { packet = "PUBLISH", topic = "secret/#" }
action = "reset"
"#;

const DEVICES: u16 = 12;
const SEEDS: u64 = 60;
/// Frames under way at most, on either side of the gateway.
const IN_FLIGHT: usize = 24;

/// A device with something to say, and the broker's end of its connection.
struct Device {
    stream: Stream,
    bytes: Vec<u8>,
    is_honest: bool,
    /// Bytes the broker has acknowledged, as far as the device has heard.
    acknowledged: usize,
    broker: Receiver,
    was_reset: bool,
}

impl Device {
    fn new(n: u16, random: &mut Random, gateway: &mut Gateway) -> Self {
        let mut stream = Stream::new(Ends::v4(n, 1883));
        stream.open(gateway);
        let connect = mqtt::connect(Version::V311, "d");
        assert!(stream.data(gateway, ToServer, &connect).outcome.forward);
        let connack = mqtt::connack(Version::V311, 0);
        assert!(stream.data(gateway, ToClient, &connack).outcome.forward);
        let is_honest = !n.is_multiple_of(4);
        let mut bytes = Vec::new();
        for at in 0..8 + random.below(8) {
            let is_denied = !is_honest && at == 5;
            let topic = if is_denied { "secret/x" } else { "open/x" };
            let payload = vec![at as u8; random.below(600)];
            bytes.extend(mqtt::publish(Version::V311, topic, &payload));
        }
        let broker = Receiver::new(stream.next(ToServer), Overlap::Last);
        Self {
            stream,
            bytes,
            is_honest,
            acknowledged: 0,
            broker,
            was_reset: false,
        }
    }

    /// A segment from somewhere in the device's window, often the first that wasn't acknowledged.
    fn speak(&self, random: &mut Random) -> Vec<u8> {
        let ahead = if random.once_in(2) {
            0
        } else {
            random.below(1500)
        };
        let from = (self.acknowledged + ahead).min(self.bytes.len());
        let to = (from + 1 + random.below(700)).min(self.bytes.len());
        let piece = &self.bytes[from..to];
        self.stream
            .segment(ToServer, from as i64, TcpFlags::ACK, piece)
    }

    /// What the broker acknowledges.
    fn answer(&self) -> Vec<u8> {
        let segment = TcpSegment {
            seq: self.stream.next(ToClient),
            ack: self.broker.expected(),
            flags: TcpFlags::ACK,
            window: 0xffff,
            ..TcpSegment::default()
        };
        self.stream.raw(ToClient, &segment)
    }

    fn hear(&mut self, frame: &[u8]) {
        let tcp = tcp_of(frame);
        self.was_reset |= tcp.flags.contains(TcpFlags::RST);
        let acked = tcp.ack.wrapping_sub(self.stream.next(ToServer)) as usize;
        if acked <= self.bytes.len() {
            self.acknowledged = self.acknowledged.max(acked);
        }
    }

    fn is_done(&self) -> bool {
        self.acknowledged == self.bytes.len() || (self.was_reset && self.broker.is_reset())
    }
}

/// The gateway's books.
#[derive(Default)]
struct Books {
    frames_in: usize,
    accepted: usize,
    dropped: usize,
    held: usize,
    /// Of those held, the ones that went on.
    released: usize,
}

struct Network {
    gateway: Gateway,
    devices: Vec<Device>,
    random: Random,
    /// Frames on their way to the gateway, or from it, with their device.
    before: Vec<(usize, Side, Vec<u8>)>,
    behind: Vec<(usize, Side, Vec<u8>)>,
    books: Books,
}

impl Network {
    fn new(seed: u64) -> Self {
        let mut gateway = Gateway::with_limits(policy_of("", PACK), limits());
        let mut random = Random::new(seed);
        let devices = (1..=DEVICES)
            .map(|n| Device::new(n, &mut random, &mut gateway))
            .collect();
        gateway.record.counts.clear();
        Self {
            gateway,
            devices,
            random,
            before: Vec::new(),
            behind: Vec::new(),
            books: Books::default(),
        }
    }

    fn step(&mut self) {
        let at = self.random.below(self.devices.len());
        let device = &self.devices[at];
        match self.random.below(4) {
            0 if !device.was_reset && self.before.len() < IN_FLIGHT => {
                let frame = device.speak(&mut self.random);
                self.before.push((at, Side::Inside, frame));
            }
            1 if !device.broker.is_reset() && self.before.len() < IN_FLIGHT => {
                self.before.push((at, Side::Outside, device.answer()));
            }
            2 if self.behind.len() < IN_FLIGHT => self.pass_gateway(),
            _ => self.arrive(),
        }
    }

    /// One of the waiting frames reaches the gateway, if it isn't lost; now and then it is doubled.
    fn pass_gateway(&mut self) {
        let Some((at, side, frame)) = take(&mut self.before, &mut self.random) else {
            return;
        };
        let passage = self.gateway.carry(side, &frame);
        self.books.frames_in += 1;
        match (passage.outcome.forward, passage.outcome.verdict) {
            (true, _) => self.books.accepted += 1,
            (false, Verdict::Hold) => self.books.held += 1,
            (false, _) => self.books.dropped += 1,
        }
        self.behind
            .extend(passage.out.into_iter().map(|out| (at, out.side, out.frame)));
        let released = self
            .gateway
            .record
            .counted(Count::Injected(Injected::Released));
        self.books.released += released;
        self.gateway.record.counts.clear();
        self.gateway.wait(std::time::Duration::from_millis(1));
        self.check();
    }

    fn arrive(&mut self) {
        let Some((at, side, frame)) = take(&mut self.behind, &mut self.random) else {
            return;
        };
        match side {
            Side::Outside => self.devices[at].broker.handle_segment(&tcp_of(&frame)),
            Side::Inside => self.devices[at].hear(&frame),
        }
    }

    fn check(&self) {
        let books = &self.books;
        assert_eq!(books.frames_in, books.accepted + books.dropped + books.held);
        let gauges = self.gateway.inspector.gauges();
        assert!(
            books.released + gauges.held_segments <= books.held,
            "nothing is held out of nowhere"
        );
        let limits = limits();
        assert!(gauges.held_bytes <= limits.held_bytes);
        assert!(gauges.flows <= limits.flows && gauges.half_open <= limits.half_open);
    }

    /// Devices that aren't done, how far they are, and who has heard of a reset.
    fn waiting(&self) -> Vec<(usize, usize, usize, bool, bool)> {
        let devices = self
            .devices
            .iter()
            .enumerate()
            .filter(|(_, device)| !device.is_done());
        let progress = devices.map(|(at, device)| {
            let (said, all) = (device.acknowledged, device.bytes.len());
            (at, said, all, device.was_reset, device.broker.is_reset())
        });
        progress.collect()
    }

    fn run(mut self, seed: u64) {
        let mut steps = 0;
        while !self.devices.iter().all(Device::is_done) {
            self.step();
            steps += 1;
            assert!(
                steps < 400_000,
                "seed {seed}: never through: {:?}",
                self.waiting()
            );
        }
        for device in &self.devices {
            let arrived = topics(device.broker.received());
            assert!(
                arrived.iter().all(|topic| topic == "open/x"),
                "seed {seed}: {arrived:?}"
            );
            if device.is_honest {
                assert_eq!(device.broker.received(), device.bytes, "seed {seed}");
                assert!(!device.was_reset, "seed {seed}");
            } else {
                assert!(device.was_reset, "seed {seed}: the denied device knows");
            }
        }
        assert_eq!(
            self.gateway.inspector.gauges().held_segments,
            0,
            "seed {seed}"
        );
    }
}

fn limits() -> Limits {
    Limits {
        flows: 64,
        half_open: 64,
        held_bytes: 30_000,
        held_bytes_per_flow: 4_000,
        held_segments_per_flow: 8,
        ..Limits::default()
    }
}

/// A frame from among the first few, so that others overtake it; one in ten is lost, one in ten stays
/// to come again.
fn take<T: Clone>(queue: &mut Vec<T>, random: &mut Random) -> Option<T> {
    if queue.is_empty() {
        return None;
    }
    let at = random.below(queue.len().min(6));
    let frame = if random.once_in(10) {
        queue[at].clone()
    } else {
        queue.remove(at)
    };
    (!random.once_in(10)).then_some(frame)
}

/// The topics of whole PUBLISH packets in `bytes`.
fn topics(mut bytes: &[u8]) -> Vec<String> {
    let mut topics = Vec::new();
    while let Ok(Decoded::Complete {
        message: ControlPacket::Publish(publish),
        len,
    }) = ControlPacket::decode(bytes, Version::V311, ToServer)
    {
        topics.push(publish.topic.as_str().to_owned());
        bytes = &bytes[len..];
    }
    topics
}

#[test]
fn a_lossy_network_with_evil_devices_in_it() {
    for seed in 0..SEEDS {
        Network::new(seed).run(seed);
    }
}
