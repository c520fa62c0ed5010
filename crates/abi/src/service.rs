//! The ports of services as a bitmap: two bits to each port number, one for TCP and one for UDP.
//! 16 KiB, of which a running program touches a few cache lines, answer for both ports of a frame.

/// Transport protocol of a service. The numbers are part of the layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u32)]
pub enum Transport {
    /// TCP.
    Tcp = 0,
    /// UDP.
    Udp = 1,
}

const PORTS_PER_WORD: u32 = 32;

/// The bitmap of all services: the only value of its map, so that one look-up answers for both
/// ports of a frame.
pub type Bitmap = [u64; 65536 / PORTS_PER_WORD as usize];

/// The bitmap without a service.
pub const EMPTY: Bitmap = [0; 65536 / PORTS_PER_WORD as usize];

/// Adds a service.
pub fn insert(bitmap: &mut Bitmap, transport: Transport, port: u16) {
    bitmap[word_index(port)] |= bit(transport, port);
}

/// Whether `port` is a service of `transport`.
#[must_use]
#[inline(always)]
pub const fn contains(bitmap: &Bitmap, transport: Transport, port: u16) -> bool {
    bitmap[word_index(port)] & bit(transport, port) != 0
}

/// Index of the word that holds the bits of `port`.
#[inline(always)]
const fn word_index(port: u16) -> usize {
    port as usize / PORTS_PER_WORD as usize
}

/// The bit of `transport` and `port` in its word.
#[inline(always)]
const fn bit(transport: Transport, port: u16) -> u64 {
    1 << (port as u32 % PORTS_PER_WORD * 2 + transport as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_of_both_transports_has_its_bit() {
        let mut bitmap = EMPTY;
        for port in 0..=u16::MAX {
            for transport in [Transport::Tcp, Transport::Udp] {
                assert!(!contains(&bitmap, transport, port));
                insert(&mut bitmap, transport, port);
                assert!(contains(&bitmap, transport, port));
            }
        }
        assert!(bitmap.iter().all(|&word| word == u64::MAX));
    }
}
