//! Where one direction of an MQTT connection stands between control packets.

use wire::Direction;

use crate::pool::Pool;

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// A new control packet.
    Boundary,
    /// A control packet whose beginning is kept, until that much of it is there.
    Partial { need: usize },
    /// A control packet already judged, of which that much is still to come.
    Body { remaining: usize },
    /// A connection older than the gateway: anything, until a segment reads as control packets.
    Seeking,
    /// Nothing that could be known.
    Lost,
}

/// One direction's place in its stream.
#[derive(Debug)]
pub(super) struct Framer {
    pub(super) reading: Reading,
    /// The beginning of a control packet that spans segments.
    kept: Vec<u8>,
}

impl Framer {
    fn new(reading: Reading) -> Self {
        Self {
            reading,
            kept: Vec::new(),
        }
    }

    /// Keeps more of a packet's beginning. Memory follows the bytes that came, not those announced.
    pub(super) fn keep(&mut self, bytes: &[u8], pool: &Pool) {
        let len = self.kept.len() + bytes.len();
        if self.kept.capacity() < len {
            let mut larger = pool.take(len);
            larger.extend_from_slice(&self.kept);
            pool.give(std::mem::replace(&mut self.kept, larger));
        }
        self.kept.extend_from_slice(bytes);
    }

    /// How many bytes are kept.
    pub(super) fn kept_len(&self) -> usize {
        self.kept.len()
    }

    /// Takes the kept bytes out, to be read.
    pub(super) fn take_kept(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.kept)
    }

    /// Puts back what [`Framer::take_kept`] took, since more of the packet is needed.
    pub(super) fn put_back(&mut self, kept: Vec<u8>) {
        self.kept = kept;
    }
}

/// Both directions of a connection.
#[derive(Debug)]
pub(super) struct Framers([Framer; 2]);

impl Framers {
    pub(super) fn new(reading: Reading) -> Self {
        Self([Framer::new(reading), Framer::new(reading)])
    }

    pub(super) fn at(&self, direction: Direction) -> &Framer {
        &self.0[direction as usize]
    }

    pub(super) fn at_mut(&mut self, direction: Direction) -> &mut Framer {
        &mut self.0[direction as usize]
    }

    /// Whether the control packets of both directions are read.
    pub(super) fn are_read(&self) -> bool {
        self.0
            .iter()
            .all(|framer| !matches!(framer.reading, Reading::Seeking | Reading::Lost))
    }

    /// Looks for the next control packet in each direction that was being read.
    pub(super) fn seek(&mut self, pool: &Pool) {
        self.clear(pool);
        for framer in &mut self.0 {
            if framer.reading != Reading::Lost {
                framer.reading = Reading::Seeking;
            }
        }
    }

    /// Gives up all memory.
    pub(super) fn clear(&mut self, pool: &Pool) {
        for framer in &mut self.0 {
            pool.give(framer.take_kept());
        }
    }
}
