//! Loses segments of TCP with new data, one in so many; never what is sent again, so that one loss is
//! repaired by one retransmission.

use std::collections::HashMap;
use std::net::SocketAddr;

use wire::net::{Packet, Transport};

use super::{Fate, Fates};

/// Which segments of one direction are lost.
#[derive(Debug)]
pub struct Segments {
    /// Of so many segments with new data, the last is lost; none, if that is 0.
    one_in: u64,
    /// Where the data ends that each sender has sent.
    ends: HashMap<SocketAddr, u32>,
    fresh: u64,
    lost: u64,
}

impl Segments {
    /// Loses one in `one_in`, or none, if that is 0.
    #[must_use]
    pub fn lose_one_in(one_in: u64) -> Self {
        Self {
            one_in,
            ends: HashMap::new(),
            fresh: 0,
            lost: 0,
        }
    }

    /// How many were lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Whether it has data that was never sent before.
    fn is_fresh(&mut self, frame: &[u8]) -> bool {
        let packet = Packet::decode(frame).expect("made by a kernel");
        let (Transport::Tcp(tcp), Some((source, _))) = (packet.transport, packet.endpoints())
        else {
            return false;
        };
        if tcp.payload.is_empty() {
            return false;
        }
        let end = tcp.seq.wrapping_add(tcp.payload.len() as u32);
        let known = self.ends.entry(source).or_insert(tcp.seq);
        // Ahead by less than half the circle (RFC 9293 §3.4).
        let is_fresh = end.wrapping_sub(*known).cast_signed() > 0;
        if is_fresh {
            *known = end;
        }
        is_fresh
    }
}

impl Fates for Segments {
    fn of(&mut self, frame: &[u8]) -> Fate {
        if !self.is_fresh(frame) {
            return Fate::Arrives;
        }
        self.fresh += 1;
        // Of 0, none but 0 is a multiple.
        if !self.fresh.is_multiple_of(self.one_in) {
            return Fate::Arrives;
        }
        self.lost += 1;
        Fate::IsLost
    }
}
