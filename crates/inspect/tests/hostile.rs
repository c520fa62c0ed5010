//! A million frames that mean harm: no panic, and nothing grows past its bound.

use policy::Side;
use testkit::frames;
use testkit::network::{Ends, Random, Stream, policy_of};
use testkit::{coap, mqtt};
use weir_inspect::{Count, Event, Frame, Inspector, Instant, Limits, Port, Seed, Sink};
use wire::Direction::{ToClient, ToServer};
use wire::coap::Code;
use wire::mqtt::Version;
use wire::net::{Packet, TcpFlags, Vlan, edit};

const BASELINE: &str = include_str!("../../../rules/baseline.toml");
const FRAMES: usize = 1_000_000;
/// One frame never makes the inspector send more than this by itself, released segments aside: as many duplicate
/// acknowledgements as it takes to say that something is missing (RFC 5681 §3.2).
const OWN_FRAMES_MAX: usize = 3;

/// Notes how much one frame made the inspector say.
#[derive(Default)]
struct Meter {
    own_frames: usize,
    injected_len_max: usize,
}

impl Sink for Meter {
    fn event(&mut self, event: &Event<'_>) {
        assert!(
            event.reason.is_some() || event.rule.is_some(),
            "an event says why"
        );
    }

    fn inject(&mut self, _: Port, frame: &[u8]) {
        assert!(Packet::decode(frame).is_ok(), "{frame:02x?}");
        self.injected_len_max = self.injected_len_max.max(frame.len());
    }

    fn ban(&mut self, ban: policy::Ban, _: policy::RuleIndex, _: u64) {
        assert!(!ban.source.addr().is_unspecified());
    }

    fn count(&mut self, count: Count) {
        if let Count::Injected(purpose) = count {
            self.own_frames += usize::from(purpose != weir_inspect::Injected::Released);
        }
    }
}

/// Frames of ordinary conversations, as a start.
fn corpus() -> Vec<(Side, Vec<u8>)> {
    let mut corpus = Vec::new();
    for (n, version) in [(1, Version::V31), (2, Version::V311), (3, Version::V5)] {
        for ends in [Ends::v4(n, 1883), Ends::v6(n, 1883), Ends::v4(n, 8883)] {
            let mut stream = Stream::new(ends);
            let mut send = |direction, flags: TcpFlags, payload: &[u8]| {
                let frame = stream.segment(direction, 0, flags, payload);
                let control = [TcpFlags::SYN, TcpFlags::FIN];
                let control = control.iter().filter(|flag| flags.contains(**flag)).count();
                stream.advance(direction, payload.len() + control);
                corpus.push((ends.side_of_sender(direction), frame));
            };
            let (syn, ack, fin) = (TcpFlags::SYN, TcpFlags::ACK, TcpFlags::FIN);
            send(ToServer, syn, &[]);
            send(ToClient, syn | ack, &[]);
            send(ToServer, ack, &[]);
            send(ToServer, ack, &mqtt::connect(version, "device"));
            send(ToClient, ack, &mqtt::connack(version, 0));
            send(ToServer, ack, &mqtt::subscribe(version, 1, &["a/+", "b/#"]));
            send(ToClient, ack, &mqtt::suback(version, 1, &[0, 0]));
            send(ToServer, ack, &mqtt::publish(version, "a/b", &[1; 40]));
            send(
                ToServer,
                ack,
                &mqtt::publish(version, "a/b", &[1; 400])[..100],
            );
            send(ToClient, ack, &mqtt::pingresp());
            send(ToServer, TcpFlags::RST, &[]);
            send(ToServer, ack | fin, &mqtt::disconnect(version));
        }
    }
    let tag = Vlan {
        ethertype: 0x8100,
        control: 0x0064,
    };
    for ends in [Ends::v4(9, 5683), Ends::v6(9, 5683), Ends::v4(9, 5684)] {
        for id in 0..4 {
            let get = ends.datagram(ToServer, &coap::observe(id, b"tk", "a/b/c"));
            let content = coap::response(Code::CONTENT, id, b"tk", &[b'x'; 60]);
            let content = ends.datagram(ToClient, &content);
            corpus.push((Side::Inside, frames::tagged(&get, tag)));
            corpus.push((Side::Inside, get));
            corpus.push((Side::Outside, content));
        }
    }
    let big = coap::request(Code::PUT, 1, b"t", "a", &[0; 64]);
    let big = Ends::v4(9, 5683).datagram(ToServer, &big);
    corpus.extend(frames::fragments(&big, 32).map(|piece| (Side::Inside, piece)));
    corpus
}

/// Changes a frame here and there; half of the time its checksums are made right again.
fn mutate(frame: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(3) {
        let at = random.below(frame.len());
        match random.below(8) {
            0 => frame.truncate(at),
            1 => frame.extend((0..random.below(20)).map(|n| n as u8)),
            2 => frame[at..].reverse(),
            3 if at + 4 <= frame.len() => {
                frame[at..at + 4].copy_from_slice(&(random.number() as u32).to_be_bytes());
            }
            4 => frame[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
            _ => frame[at] ^= 1 << random.below(8),
        }
        if frame.is_empty() {
            frame.push(0);
        }
    }
    if random.below(2) == 0 {
        repair(frame);
    }
}

fn repair(frame: &mut [u8]) {
    let is_v4 = frame.len() >= 34 && frame[12..14] == [8, 0] && frame[14] == 0x45;
    if is_v4 {
        edit::refresh_ip_checksum(frame, 14);
    }
    let layout = Packet::decode(frame)
        .ok()
        .filter(|packet| packet.ports().is_some());
    if let Some(layout) = layout.map(|packet| packet.layout) {
        edit::refresh_checksums(frame, &layout);
    }
}

#[test]
fn a_million_hostile_frames_find_every_bound_kept() {
    let limits = Limits {
        flows: 50,
        half_open: 20,
        held_bytes: 20_000,
        held_bytes_per_flow: 2_000,
        unacked_bytes_per_flow: 4_000,
        partial_bytes: 600,
        endpoints: 30,
        exchanges: 60,
        ..Limits::default()
    };
    let inspector = Inspector::new(limits, policy_of("", BASELINE), Seed::fixed(5));
    let corpus = corpus();
    let mut random = Random::new(7);
    let mut now = Instant::from_secs(1);
    for n in 0..FRAMES {
        let (side, frame) = &corpus[random.below(corpus.len())];
        let mut frame = frame.clone();
        if random.below(4) > 0 {
            mutate(&mut frame, &mut random);
        }
        let mut meter = Meter::default();
        let len = frame.len();
        let mut frame = Frame::whole(&mut frame);
        let outcome = inspector.handle_frame(
            now,
            Port {
                link: 0,
                side: *side,
            },
            &mut frame,
            &mut meter,
        );
        assert!(frame.len() <= len, "a frame only gets shorter");
        assert!(
            meter.own_frames <= OWN_FRAMES_MAX,
            "{} frames for one",
            meter.own_frames
        );
        assert!(outcome.forward || outcome.verdict != weir_inspect::Verdict::Accept);
        now = now + std::time::Duration::from_micros(random.number() % 20_000);
        if n % 64 == 0 {
            inspector.handle_timeout(now, &mut meter);
            let gauges = inspector.gauges();
            assert!(gauges.flows <= 50 && gauges.half_open <= 20, "{gauges:?}");
            assert!(gauges.held_bytes <= 20_000, "{gauges:?}");
            assert!(
                gauges.endpoints <= 30 && gauges.exchanges <= 60,
                "{gauges:?}"
            );
        }
    }
    // A quiet week later nothing is left.
    for hour in 1..=7 * 24 {
        let later = now + std::time::Duration::from_secs(3600 * hour);
        for _ in 0..10 {
            inspector.handle_timeout(later, &mut Meter::default());
        }
    }
    let gauges = inspector.gauges();
    assert_eq!((gauges.flows, gauges.half_open, gauges.sessions), (0, 0, 0));
    assert_eq!((gauges.held_bytes, gauges.held_segments), (0, 0));
}
