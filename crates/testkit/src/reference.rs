//! Reference models: what a plain TCP stack makes of the frames that reach it.

use std::collections::BTreeMap;

use wire::net::{Tcp, TcpFlags};

/// Which bytes a stack keeps where segments overlap that it hasn't handed on yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// Those that came first, as BSD's.
    First,
    /// Those that came last, as some others'.
    Last,
}

/// The receiving half of a TCP stack, with none of the niceties an inspector could hide behind.
#[derive(Debug, Clone)]
pub struct Receiver {
    overlap: Overlap,
    /// The first sequence number of the stream.
    start: u32,
    /// What the application was given.
    received: Vec<u8>,
    /// Bytes that wait for those before them, by offset in the stream.
    waiting: BTreeMap<usize, u8>,
    /// A RST with exactly the expected number came.
    is_reset: bool,
    /// Where in the stream the first FIN says that it ends.
    end: Option<usize>,
}

impl Receiver {
    /// A stack that expects `start` next.
    #[must_use]
    pub fn new(start: u32, overlap: Overlap) -> Self {
        Self {
            overlap,
            start,
            received: Vec::new(),
            waiting: BTreeMap::new(),
            is_reset: false,
            end: None,
        }
    }

    /// Takes a segment in.
    pub fn handle_segment(&mut self, tcp: &Tcp<'_>) {
        if self.is_reset {
            return;
        }
        if tcp.flags.contains(TcpFlags::RST) {
            self.is_reset = tcp.seq == self.expected();
            return;
        }
        let base = i64::from(tcp.seq.wrapping_sub(self.expected()).cast_signed())
            + self.received.len() as i64;
        if tcp.flags.contains(TcpFlags::FIN) {
            let end = usize::try_from(base + tcp.payload.len() as i64);
            self.end = self.end.or(end.ok());
        }
        for (at, byte) in tcp.payload.iter().enumerate() {
            let Ok(offset) = usize::try_from(base + at as i64) else {
                continue;
            };
            if offset < self.received.len() {
                continue;
            }
            match self.overlap {
                Overlap::First => _ = self.waiting.entry(offset).or_insert(*byte),
                Overlap::Last => _ = self.waiting.insert(offset, *byte),
            }
        }
        while let Some(byte) = self.waiting.remove(&self.received.len()) {
            self.received.push(byte);
        }
    }

    /// The next sequence number it expects, which is what it acknowledges.
    #[must_use]
    pub fn expected(&self) -> u32 {
        self.start.wrapping_add(self.received.len() as u32)
    }

    /// What the application was given.
    #[must_use]
    pub fn received(&self) -> &[u8] {
        &self.received
    }

    /// Whether the connection was reset.
    #[must_use]
    pub fn is_reset(&self) -> bool {
        self.is_reset
    }

    /// Whether nothing more is to come: it was reset, or the stream is here up to its FIN.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_reset || self.end == Some(self.received.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Ends, Stream, tcp_of};
    use wire::Direction;
    use wire::net::build::TcpSegment;

    fn fed(overlap: Overlap, segments: &[(u32, &[u8])]) -> Vec<u8> {
        let stream = Stream::new(Ends::v4(1, 1883));
        let mut receiver = Receiver::new(u32::MAX - 1, overlap);
        for (offset, payload) in segments {
            let seq = (u32::MAX - 1).wrapping_add(*offset);
            let segment = TcpSegment {
                seq,
                flags: TcpFlags::ACK,
                payload,
                ..TcpSegment::default()
            };
            receiver.handle_segment(&tcp_of(&stream.raw(Direction::ToServer, &segment)));
        }
        receiver.received().to_vec()
    }

    #[test]
    fn the_two_stacks_differ_where_segments_overlap() {
        let segments: [(u32, &[u8]); 3] = [(2, b"cc"), (1, b"xyz"), (0, b"a")];
        assert_eq!(fed(Overlap::First, &segments), b"axcc");
        assert_eq!(fed(Overlap::Last, &segments), b"axyz");
    }

    #[test]
    fn what_was_handed_on_stays() {
        let segments: [(u32, &[u8]); 2] = [(0, b"abc"), (0, b"xyzd")];
        for overlap in [Overlap::First, Overlap::Last] {
            assert_eq!(fed(overlap, &segments), b"abcd");
        }
    }
}
