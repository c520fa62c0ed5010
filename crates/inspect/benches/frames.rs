//! Frames a second through the whole inspector, under the shipped baseline.
//!
//! `cargo bench -p weir-inspect`. Each round carries frames of one live flow that were built before,
//! so that what is measured is the inspector and not the builder.

use std::hint::black_box;
use std::net::IpAddr;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use policy::{RuleIndex, Side};
use testkit::network::{Ends, Gateway, Stream};
use testkit::{coap, mqtt};
use weir_inspect::{Count, Event, Frame, Inspector, Instant, Port, Sink};
use wire::Direction::{ToClient, ToServer};
use wire::coap::Code;
use wire::mqtt::Version;
use wire::net::TcpFlags;

const BASELINE: &str = include_str!("../../../rules/baseline.toml");
/// Frames of one round.
const ROUND: usize = 64;

/// Takes everything and keeps nothing.
struct Void;

impl Sink for Void {
    fn event(&mut self, _: &Event<'_>) {}
    fn inject(&mut self, _: Port, _: &[u8]) {}
    fn ban(&mut self, _: IpAddr, _: Duration, _: RuleIndex) {}
    fn count(&mut self, _: Count) {}
}

type Round = Vec<(Side, Vec<u8>)>;

fn carry(inspector: &Inspector, now: Instant, round: &mut Round) {
    for (side, frame) in round {
        let port = Port {
            link: 0,
            side: *side,
        };
        let outcome = inspector.handle_frame(now, port, &mut Frame::whole(frame), &mut Void);
        assert!(black_box(outcome).forward);
    }
}

/// Measures rounds of frames that `next` makes up.
fn rounds(
    criterion: &mut Criterion,
    name: &str,
    inspector: &Inspector,
    mut next: impl FnMut() -> Round,
) {
    let mut group = criterion.benchmark_group("frames");
    group.throughput(Throughput::Elements(ROUND as u64));
    let mut now = Instant::from_secs(2);
    group.bench_function(name, |bencher| {
        bencher.iter_batched_ref(
            &mut next,
            |round| {
                now = now + Duration::from_millis(1);
                carry(inspector, now, round);
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn mqtt_frames(criterion: &mut Criterion) {
    let mut gateway = Gateway::of("", BASELINE);
    let ends = Ends::v4(7, 1883);
    let mut stream = Stream::session(&mut gateway, ends, Version::V311, "device");
    let publish = mqtt::publish(Version::V311, "sensors/7/temperature", b"21.5");
    let inspector = &gateway.inspector;
    // All but the last frame carry a message; the last acknowledges them, so that rounds are alike.
    rounds(criterion, "PUBLISH", inspector, || {
        let mut round: Round = Vec::with_capacity(ROUND);
        for _ in 1..ROUND {
            round.push((
                Side::Inside,
                stream.segment(ToServer, 0, TcpFlags::ACK, &publish),
            ));
            stream.advance(ToServer, publish.len());
        }
        round.push((
            Side::Outside,
            stream.segment(ToClient, 0, TcpFlags::ACK, &[]),
        ));
        round
    });
    let ack = stream.segment(ToClient, 0, TcpFlags::ACK, &[]);
    rounds(criterion, "ACK", inspector, || {
        vec![(Side::Outside, ack.clone()); ROUND]
    });
}

fn coap_frames(criterion: &mut Criterion) {
    let gateway = Gateway::of("", BASELINE);
    let ends = Ends::v4(7, 5683);
    let mut id: u16 = 0;
    rounds(criterion, "CoAP GET and 2.05", &gateway.inspector, || {
        let mut round: Round = Vec::with_capacity(ROUND);
        for _ in 0..ROUND / 2 {
            id = id.wrapping_add(1);
            let token = id.to_be_bytes();
            let get = coap::get(id, &token, "sensors/temperature");
            let content = coap::response(Code::CONTENT, id, &token, b"21.5");
            round.push((Side::Inside, ends.datagram(ToServer, &get)));
            round.push((Side::Outside, ends.datagram(ToClient, &content)));
        }
        round
    });
}

criterion_group!(benches, mqtt_frames, coap_frames);
criterion_main!(benches);
