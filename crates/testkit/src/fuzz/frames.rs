//! Arbitrary frames at an inspector with small tables.

use std::time::Duration;

use inspect::{Count, Event, Frame, Injected, Inspector, Instant, Port, Seed, Sink, Verdict};
use policy::{Ban, RuleIndex, Side};
use wire::net::{Packet, edit};

use super::script::Script;
use super::{baseline, small_limits};

/// One frame never makes the inspector send more than this of its own; released segments aside.
const OWN_FRAMES_MAX: usize = 3;
/// Bytes of a frame at most.
const FRAME_BYTES: usize = 2048;
/// Frames of one input at most.
const FRAMES: usize = 200;

/// Notes how much one frame made the inspector say.
#[derive(Default)]
struct Meter {
    own_frames: usize,
}

impl Sink for Meter {
    fn event(&mut self, event: &Event<'_>) {
        assert!(event.reason.is_some() || event.rule.is_some());
    }

    fn inject(&mut self, _: Port, frame: &[u8]) {
        assert!(Packet::decode(frame).is_ok(), "{frame:02x?}");
    }

    fn ban(&mut self, ban: Ban, _: RuleIndex, _: u64) {
        assert!(!ban.source.addr().is_unspecified());
    }

    fn count(&mut self, count: Count) {
        if let Count::Injected(purpose) = count {
            self.own_frames += usize::from(purpose != Injected::Released);
        }
    }
}

/// Lets an inspector judge frames: each with a byte that says where it comes in, how long after the last
/// one and whether its checksums are made right, and with its length before it.
///
/// # Panics
/// When a bound is passed, a frame grows, or something is left over in the end.
pub fn fuzz_frames(data: &[u8]) {
    let limits = small_limits();
    let inspector = Inspector::new(limits, baseline(), Seed::fixed(5));
    let mut now = Instant::from_secs(1);
    let mut script = Script::new(data);
    for _ in 0..FRAMES {
        if script.is_over() {
            break;
        }
        let choice = script.byte();
        let mut bytes = script.bytes(FRAME_BYTES).to_vec();
        if choice & 0b10 != 0 {
            repair(&mut bytes);
        }
        let side = Side::ALL[usize::from(choice & 1)];
        judge(&inspector, now, Port { link: 0, side }, &mut bytes);
        now = now + Duration::from_millis(1 << (choice >> 2 & 0xf));
        inspector.handle_timeout(now, &mut Meter::default());
        let gauges = inspector.gauges();
        assert!(gauges.flows <= limits.flows && gauges.half_open <= limits.half_open);
        assert!(gauges.held_bytes <= limits.held_bytes);
        assert!(gauges.endpoints <= limits.endpoints && gauges.exchanges <= limits.exchanges);
    }
    expect_empty_in_the_end(&inspector, now);
}

fn judge(inspector: &Inspector, now: Instant, port: Port, bytes: &mut [u8]) {
    let len = bytes.len();
    let mut meter = Meter::default();
    let mut frame = Frame::whole(bytes);
    let outcome = inspector.handle_frame(now, port, &mut frame, &mut meter);
    assert!(frame.len() <= len, "a frame only gets shorter");
    assert!(meter.own_frames <= OWN_FRAMES_MAX, "{}", meter.own_frames);
    assert!(outcome.forward || outcome.verdict != Verdict::Accept);
}

/// A quiet week later nothing is left.
fn expect_empty_in_the_end(inspector: &Inspector, now: Instant) {
    for hour in 1..=7 * 24 {
        inspector.handle_timeout(
            now + Duration::from_secs(3600 * hour),
            &mut Meter::default(),
        );
    }
    let gauges = inspector.gauges();
    assert_eq!((gauges.flows, gauges.half_open, gauges.sessions), (0, 0, 0));
    assert_eq!((gauges.held_bytes, gauges.held_segments), (0, 0));
}

/// Checksums hardly ever come right by chance.
fn repair(frame: &mut [u8]) {
    let is_v4 = frame.len() >= 34 && frame[12..14] == [8, 0] && frame[14] == 0x45;
    if is_v4 {
        edit::refresh_ip_checksum(frame, 14);
    }
    let layout = Packet::decode(frame)
        .ok()
        .filter(|packet| packet.ports().is_some())
        .map(|packet| packet.layout);
    if let Some(layout) = layout {
        edit::refresh_checksums(frame, &layout);
    }
}
