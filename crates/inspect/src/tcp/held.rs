//! Segments that came too early, kept until the gap before them is filled (DESIGN section 4.1).

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use wire::net::{TcpFlags, edit};

use super::blocks::Blocks;
use super::clock;
use super::segment::Segment;
use super::seq::Seq;
use crate::{LimitKind, Limits};

/// No IP packet carries more (RFC 791 §3.1, RFC 8200 §3).
const SEGMENT_BYTES_MAX: usize = 65_535;

/// What one direction of a flow holds, in order of sequence number.
#[derive(Debug, Default)]
pub(super) struct Held {
    segments: VecDeque<HeldSegment>,
    bytes: usize,
    /// What its sender may be told of, the latest first.
    pub(super) blocks: Blocks,
    /// For how many of them it hasn't been told yet.
    pub(super) untold: u8,
}

/// A segment with the frame it came in.
#[derive(Debug)]
pub(super) struct HeldSegment {
    pub(super) segment: Segment,
    pub(super) frame: Box<[u8]>,
    /// The frame itself has gone on, past a monitor.
    pub(super) is_gone: bool,
}

impl HeldSegment {
    fn bytes(&self) -> &[u8] {
        &self.frame[self.segment.payload()]
    }

    /// Makes its timestamp no older than what goes on before it, which is `floor`, and returns the newer. What filled
    /// the gap was sent after it, and its receiver would throw it away for its age (RFC 7323 §5.3), as it
    /// wouldn't have done before.
    pub(super) fn freshen(&mut self, floor: Option<u32>) -> Option<u32> {
        let (Some(own), Some(floor)) = (self.segment.timestamp, floor) else {
            return self.segment.timestamp.or(floor);
        };
        if !clock::is_before(own, floor) {
            return Some(own);
        }
        if !self.is_gone {
            edit::set_tcp_timestamp(&mut self.frame, &self.segment.layout, floor);
        }
        Some(floor)
    }

    /// Whether it leaves nothing of `other` to be held.
    fn covers(&self, other: &Segment) -> bool {
        let (ours, theirs) = (self.segment.seq, other.seq);
        let ours_end = ours + self.segment.payload().len();
        let theirs_end = theirs + other.payload().len();
        let adds_fin = other.has(TcpFlags::FIN) && !self.segment.has(TcpFlags::FIN);
        !ours.is_after(theirs) && !ours_end.is_before(theirs_end) && !adds_fin
    }
}

/// What became of a segment that came too early.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Holding {
    /// Its bytes are held now.
    Held,
    /// They were already.
    Known,
    /// It contradicts bytes held already.
    Conflict,
    /// There is no room for it.
    Full(LimitKind),
}

/// How much all flows hold together.
#[derive(Debug, Default)]
pub(crate) struct HeldTotal {
    bytes: AtomicUsize,
    segments: AtomicUsize,
}

impl HeldTotal {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn segments(&self) -> usize {
        self.segments.load(Ordering::Relaxed)
    }

    fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.segments.fetch_add(1, Ordering::Relaxed);
    }

    fn subtract(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.segments.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Holds a copy of `frame`, which `is_gone` if it hasn't to wait for its turn itself.
    pub(super) fn insert(
        &mut self,
        segment: &Segment,
        frame: &[u8],
        is_gone: bool,
        limits: &Limits,
        total: &HeldTotal,
    ) -> Holding {
        let seq = segment.seq;
        let bytes = &frame[segment.payload()];
        let near = || self.near(seq, bytes.len());
        if !near().all(|held| agree(held, seq, bytes)) {
            return Holding::Conflict;
        }
        if near().any(|held| held.covers(segment)) {
            return Holding::Known;
        }
        if let Some(full) = self.room_for(frame.len(), limits, total) {
            return Holding::Full(full);
        }
        total.add(frame.len());
        self.bytes += frame.len();
        let at = self
            .segments
            .partition_point(|held| !held.segment.seq.is_after(seq));
        let segment = HeldSegment {
            segment: *segment,
            frame: frame.into(),
            is_gone,
        };
        self.segments.insert(at, segment);
        Holding::Held
    }

    /// The segments held that may overlap `len` bytes from `seq` on, and perhaps more.
    fn near(&self, seq: Seq, len: usize) -> impl Iterator<Item = &HeldSegment> {
        let segments = &self.segments;
        let reaches = |held: &HeldSegment| (held.segment.seq + SEGMENT_BYTES_MAX).is_after(seq);
        let first = segments.partition_point(|held| !reaches(held));
        let end = segments.partition_point(|held| !held.segment.seq.is_after(seq + len));
        segments.range(first.min(end)..end)
    }

    fn room_for(&self, len: usize, limits: &Limits, total: &HeldTotal) -> Option<LimitKind> {
        if self.bytes + len > limits.held_bytes_per_flow
            || self.segments.len() >= limits.held_segments_per_flow
        {
            return Some(LimitKind::HeldPerFlow);
        }
        (total.bytes() + len > limits.held_bytes).then_some(LimitKind::Held)
    }

    /// The next segment that starts at or before `next`, if any.
    pub(super) fn pop_ready(&mut self, next: Seq, total: &HeldTotal) -> Option<HeldSegment> {
        if self.segments.front()?.segment.seq.is_after(next) {
            return None;
        }
        self.pop_first(total)
    }

    /// The next segment, whatever is missing before it.
    pub(super) fn pop_first(&mut self, total: &HeldTotal) -> Option<HeldSegment> {
        let segment = self.segments.pop_front()?;
        self.bytes -= segment.frame.len();
        total.subtract(segment.frame.len());
        Some(segment)
    }

    /// Lets everything go.
    pub(super) fn clear(&mut self, total: &HeldTotal) {
        for segment in self.segments.drain(..) {
            total.subtract(segment.frame.len());
        }
        self.bytes = 0;
    }
}

/// Whether `held` and a segment of `bytes` from `seq` carry the same where they overlap.
fn agree(held: &HeldSegment, seq: Seq, bytes: &[u8]) -> bool {
    let (ours, theirs) = (held.bytes(), bytes);
    let start = held.segment.seq;
    let ours = &ours[seq.bytes_since(start).min(ours.len())..];
    let theirs = &theirs[start.bytes_since(seq).min(theirs.len())..];
    let common = ours.len().min(theirs.len());
    ours[..common] == theirs[..common]
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    struct Fixture {
        held: Held,
        limits: Limits,
        total: HeldTotal,
    }

    impl Fixture {
        fn new() -> Self {
            Self {
                held: Held::default(),
                limits: Limits::default(),
                total: HeldTotal::default(),
            }
        }

        fn insert(&mut self, seq: u32, bytes: &[u8]) -> Holding {
            let (segment, frame) = fixture::segment(seq, TcpFlags::ACK, bytes);
            self.held
                .insert(&segment, &frame, false, &self.limits, &self.total)
        }

        fn pop(&mut self, next: u32) -> Option<(u32, Vec<u8>)> {
            let segment = self.held.pop_ready(Seq(next), &self.total)?;
            Some((segment.segment.seq.0, segment.bytes().to_vec()))
        }
    }

    #[test]
    fn segments_come_out_in_order_once_the_gap_is_filled() {
        let mut fixture = Fixture::new();
        assert_eq!(fixture.insert(30, b"cc"), Holding::Held);
        assert_eq!(fixture.insert(20, b"bbbbbbbbbb"), Holding::Held);
        assert_eq!(fixture.pop(19), None);
        assert_eq!(fixture.pop(20), Some((20, b"bbbbbbbbbb".to_vec())));
        assert_eq!(fixture.pop(30), Some((30, b"cc".to_vec())));
        assert_eq!((fixture.total.bytes(), fixture.total.segments()), (0, 0));
    }

    #[test]
    fn order_wraps_with_the_sequence_space() {
        let mut fixture = Fixture::new();
        assert_eq!(fixture.insert(2, b"late"), Holding::Held);
        assert_eq!(fixture.insert(u32::MAX, b"abc"), Holding::Held);
        assert_eq!(fixture.pop(u32::MAX), Some((u32::MAX, b"abc".to_vec())));
        assert_eq!(fixture.pop(2), Some((2, b"late".to_vec())));
    }

    #[test]
    fn the_first_bytes_win_over_any_overlap() {
        let mut fixture = Fixture::new();
        assert_eq!(fixture.insert(20, b"0123456789"), Holding::Held);
        for (seq, bytes) in [
            (20, &b"x"[..]),
            (29, b"x"),
            (18, b"abX"),
            (25, b"56X8"),
            (10, &[b'-'; 40]),
        ] {
            assert_eq!(fixture.insert(seq, bytes), Holding::Conflict, "at {seq}");
        }
        assert_eq!(fixture.insert(20, b"0"), Holding::Known);
        for (seq, bytes) in [
            (18, &b"ab01"[..]),
            (28, b"89ab"),
            (30, b"abc"),
            (10, b"--------ab"),
        ] {
            assert_eq!(fixture.insert(seq, bytes), Holding::Held, "at {seq}");
        }
    }

    #[test]
    fn a_long_segment_far_before_is_not_forgotten() {
        let mut fixture = Fixture::new();
        assert_eq!(fixture.insert(10, &[b'a'; 60_000]), Holding::Held);
        for seq in (20_000..60_000).step_by(1000) {
            assert_eq!(fixture.insert(seq, &[b'a'; 500]), Holding::Known);
        }
        assert_eq!(fixture.insert(60_000, b"aaaaaaaaaaa"), Holding::Held);
        assert_eq!(fixture.insert(60_005, b"aaaaaab"), Holding::Held);
        assert_eq!(fixture.insert(60_005, b"aaaaba"), Holding::Conflict);
        assert_eq!(fixture.insert(60_009, b"b"), Holding::Conflict);
        assert_eq!(fixture.total.segments(), 3);
    }

    #[test]
    fn a_duplicate_takes_no_room() {
        let mut fixture = Fixture::new();
        fixture.insert(20, b"0123456789");
        let bytes = fixture.total.bytes();
        assert_eq!(fixture.insert(22, b"2345"), Holding::Known);
        assert_eq!(fixture.total.bytes(), bytes);
    }

    #[test]
    fn every_bound_is_kept() {
        let mut fixture = Fixture::new();
        fixture.limits.held_segments_per_flow = 2;
        fixture.insert(10, b"a");
        fixture.insert(20, b"b");
        assert_eq!(
            fixture.insert(30, b"c"),
            Holding::Full(LimitKind::HeldPerFlow)
        );

        let mut fixture = Fixture::new();
        fixture.limits.held_bytes_per_flow = 60;
        fixture.insert(10, b"aaaaaa");
        assert_eq!(
            fixture.insert(30, b"c"),
            Holding::Full(LimitKind::HeldPerFlow)
        );

        let mut fixture = Fixture::new();
        fixture.limits.held_bytes = 60;
        fixture.insert(10, b"aaaaaa");
        assert_eq!(fixture.insert(30, b"c"), Holding::Full(LimitKind::Held));
        fixture.held.clear(&fixture.total);
        assert_eq!((fixture.total.bytes(), fixture.total.segments()), (0, 0));
        assert_eq!(fixture.insert(30, b"c"), Holding::Held);
    }
}
